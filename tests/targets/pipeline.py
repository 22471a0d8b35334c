"""Install a target, and run the tap into it as cron would: two processes and a pipe, the last state kept."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAP = Path(sys.executable).parent / "tap-jira"
Environ = dict[str, str]


class NotRunError(Exception):
    """A target cannot be installed or does not start here."""


@dataclass(frozen=True)
class Sync:
    """One sync: seconds on the clock, issues that the tap sent, exit codes of tap and target."""

    seconds: float
    sent: int
    codes: tuple[int, int]


def install(environments: Path, pins: tuple[str, ...], newest_python: tuple[int, int] | None) -> Path:
    """The environment in which these are installed; NotRunError, with the reason, if that cannot be."""
    environment = environments / re.sub(r"\W+", "-", pins[0])
    done = environment / "installed"
    if done.exists() and done.read_text() == repr(pins):
        return environment
    python = _python(newest_python)
    shutil.rmtree(environment, ignore_errors=True)
    # pip is the one of the environment, with whatever settings the machine gives it.
    steps: list[list[str | Path]] = [
        [python, "-m", "venv", environment],
        [environment / "bin" / "pip", "install", "--quiet", *pins],
    ]
    for argv in steps:
        told = subprocess.run(argv, capture_output=True, text=True, check=False, env=_clean())
        if told.returncode:
            last = [line for line in told.stderr.splitlines() if line.strip()] or ["no reason given"]
            raise NotRunError(f"{argv[1]} failed: {last[-1]}")
    done.write_text(repr(pins))
    return environment


def _python(newest: tuple[int, int] | None) -> str:
    """A Python that is not too new: the one that runs this, or the newest there is of the older ones."""
    if newest is None or sys.version_info[:2] <= newest:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(newest[1], 6, -1):
        found: list[str | Path | None] = [shutil.which(f"python3.{minor}"), *pyenv.glob(f"3.{minor}.*/bin/python")]
        for python in found:
            if (
                python
                and subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0
            ):
                return str(python)
    raise NotRunError(f"it needs Python {newest[0]}.{newest[1]} or older, and there is none here")


def discover(config: Path, catalog: Path) -> None:
    """tap-jira --config config.json --discover > catalog.json"""
    with catalog.open("wb") as out, catalog.with_suffix(".log").open("wb") as log:
        subprocess.run([TAP, "--config", config, "--discover"], stdout=out, stderr=log, check=True)


class Pipeline:
    """A tap and a target, with a folder for the state and the logs."""

    def __init__(self, config: Path, catalog: Path, target: Path, settings: dict[str, Any], folder: Path) -> None:
        self._folder, self._state = folder, folder / "state.json"
        self._tap: list[str | Path] = [TAP, "--config", config, "--catalog", catalog]
        self._settings = folder / "target.json"
        self._settings.touch(0o600)
        self._settings.write_text(json.dumps(settings, indent=2))
        self._target: list[str | Path] = [target, "--config", self._settings]

    def sync(self, stop: Callable[[], bool] | None = None) -> Sync:
        """Run both to their end; the target is killed as soon as ``stop`` says so."""
        begun = time.monotonic()
        state: list[str | Path] = ["--state", self._state] if self._state.exists() else []
        printed = self._folder / "states"
        with (
            printed.open("wb") as out,
            self._log("tap").open("wb") as tap_log,
            self._log("target").open("wb") as target_log,
        ):
            tap = subprocess.Popen([*self._tap, *state], stdout=subprocess.PIPE, stderr=tap_log)
            target = subprocess.Popen(self._target, stdin=tap.stdout, stdout=out, stderr=target_log, env=_clean())
            assert tap.stdout is not None
            tap.stdout.close()  # only the target reads it: should that end early, the tap notices
            while stop is not None and target.poll() is None:
                if stop():
                    target.kill()
            codes = tap.wait(timeout=300), target.wait(timeout=300)
        # A line that the kill cut off is none.
        states = [json.loads(line) for line in printed.read_bytes().split(b"\n")[:-1]]
        if states:
            self._keep(states[-1])
        return Sync(time.monotonic() - begun, self._sent(), codes)

    @property
    def state(self) -> dict[str, Any]:
        """The last state that was printed by a target of any run, from which the next one goes on."""
        return dict(json.loads(self._state.read_text())) if self._state.exists() else {}

    def fault(self) -> str:
        """The last line of the target's log, or of the tap's where that has none."""
        for name in ("target", "tap"):
            lines = [line for line in self._log(name).read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return f"{self._log(name)}: {lines[-1][:300]}"
        return "no log"

    def _keep(self, state: dict[str, Any]) -> None:
        aside = self._state.with_suffix(".part")
        aside.write_text(json.dumps(state))
        aside.replace(self._state)

    def _sent(self) -> int:
        lines = self._log("tap").read_text(errors="replace").splitlines()
        metrics = [json.loads(line.split("METRIC: ", 1)[1]) for line in lines if "METRIC: " in line]
        counts = (it for it in metrics if it["metric"] == "record_count")
        return sum(it["value"] for it in counts if it["tags"].get("endpoint") == "jira_issues")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _clean() -> Environ:
    """Ours without PYTHONPATH: what is installed for the tap is not for the target."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
