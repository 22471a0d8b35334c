"""The taps that are compared, each in an environment of its own under .bench."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BENCH = PROJECT / ".bench"


@dataclass(frozen=True)
class Tap:
    """A tap: where it is installed, what pip is told, its command, what it calls the issues and their ``updated``."""

    name: str
    environment: Path
    requirement: str
    script: str
    stream: str
    updated: tuple[str, ...]

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def command(self) -> Path:
        return self.environment / "bin" / self.script

    def install(self) -> None:
        """Install it with the running Python; CalledProcessError, with what pip said, if that fails."""
        if not self.python.exists():
            venv.create(self.environment, with_pip=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", self.requirement]
        subprocess.run(pip, check=True, capture_output=True, text=True)

    def trust(self, certificate: str) -> None:
        """Add the site's certificate to those of the environment, for a tap that cannot be told of one."""
        for bundle in self.environment.glob("lib/python*/site-packages/certifi/cacert.pem"):
            original = bundle.with_suffix(".original")
            if not original.exists():
                original.write_bytes(bundle.read_bytes())
            bundle.write_text(original.read_text() + "\n" + certificate)


OURS = Tap("this-tap", BENCH / "this-tap", str(PROJECT), "tap-jira", "jira_issues", ("updated_at",))
SINGER_IO = Tap("singer-io", BENCH / "singer-io", "tap-jira==2.6.0", "tap-jira", "issues", ("fields", "updated"))
AIRBYTE = Tap("airbyte", BENCH / "airbyte", "airbyte-source-jira==4.0.0", "source-jira", "issues", ("updated",))
