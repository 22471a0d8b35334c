"""Start the simulated Jira as a process, and ask it from outside."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import environment


class Jira:
    """The simulated site, asked from outside; ``config`` is what a tap needs to log in, ``pid`` the process."""

    def __init__(self, config: dict[str, Any], pid: int) -> None:
        self.config, self.pid = config, pid
        self.certificate = Path(config["ca_bundle"]).read_text()

    def post(self, path: str) -> None:
        """Use one of its handles, such as ``quiet``."""
        self._ask("POST", path)

    def missing(self, seen: dict[str, int]) -> int:
        """How many issues were not seen as they are now."""
        return sum(seen.get(str(issue)) != updated for issue, updated in self._ask("GET", "issues"))

    def traffic(self) -> tuple[int, int]:
        """How many requests it has had so far, and how many bytes its answers had, as they travelled."""
        stats = self._ask("GET", "stats")
        return sum(stats["requests"].values()), stats["bytes"]

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(f"{self.config['base_url']}/simulate/{path}", method=method)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cadata=self.certificate)) as answer:
            return json.load(answer)


@contextlib.contextmanager
def simulated_jira(command: Path, folder: Path, issues: int, *more: str) -> Iterator[Jira]:
    """A site of so many issues over TLS, served by ``command`` until the block ends; RuntimeError if it cannot."""
    file = folder / "config.json"
    file.unlink(missing_ok=True)
    # All clients ask for other fields or expansions; what one has had printed must not push out another's.
    options = [
        "--cache",
        "6000",
        "--port",
        "0",
        "--issues",
        str(issues),
        "--tls",
        "--auth",
        "basic",
        "--write-config",
        str(file),
    ]
    with (folder / "jira.log").open("wb") as log:
        process = subprocess.Popen([command, "simulate", *options, *more], stderr=log, env=environment())
    try:
        while not file.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the simulated Jira did not start: {(folder / 'jira.log').read_text().strip()}")
            time.sleep(0.05)
        yield Jira(json.loads(file.read_text()), process.pid)
    finally:
        process.terminate()
        process.wait(timeout=10)


def has_cloud(command: Path) -> bool:
    """Whether this simulator can be a Jira Cloud."""
    told = subprocess.run(
        [command, "simulate", "--help"], capture_output=True, text=True, check=True, env=environment()
    )
    return "--cloud" in told.stdout
