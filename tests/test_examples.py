"""The examples do what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
STATE = '{"bookmarks": {"jira_issues": {"updated_at": "2024-01-01T00:00:00.000000Z"}}}'

Cron = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cron(tmp_path: Path) -> Cron:
    """Run sync.sh in a folder of its own, with shell commands in the place of the tap and of the target."""
    if not shutil.which("flock"):
        pytest.skip("sync.sh needs flock")

    def run(tap: str = "true", target: str = "cat >/dev/null") -> subprocess.CompletedProcess[str]:
        for name, script in (("tap", tap), ("target", target)):
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        names = {"SYNC_FOLDER": str(tmp_path), "TAP": "./tap", "TARGET": "./target"}
        command = ["bash", str(EXAMPLES / "cron" / "sync.sh")]
        return subprocess.run(command, env={**os.environ, **names}, text=True, capture_output=True, timeout=60)

    return run


def test_cron_keeps_the_last_state(cron: Cron, tmp_path: Path) -> None:
    """After a good run the state is the last that the target printed, and the tap's arguments lead to it next time."""
    first = cron("echo $@ >first", f"echo '{{\"bookmarks\": {{}}}}'; echo '{STATE}'")
    second = cron("echo $@ >second")

    assert (first.returncode, second.returncode) == (0, 0)
    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(STATE)
    assert (tmp_path / "first").read_text() == "--config config.json --catalog catalog.json\n"
    assert (tmp_path / "second").read_text() == "--config config.json --catalog catalog.json --state state.json\n"


@pytest.mark.parametrize(
    "printed", ["true", "echo", "echo oops", 'printf \'{"bookmarks": {"jira_\'', "echo 3", "echo {}"]
)
def test_cron_leaves_a_good_state_alone(cron: Cron, tmp_path: Path, printed: str) -> None:
    """A target that prints no whole state leaves the old one in its place."""
    (tmp_path / "state.json").write_text(STATE)

    cron(target=f"cat >/dev/null; {printed}; exit 1")

    assert (tmp_path / "state.json").read_text() == STATE


def test_cron_keeps_what_a_cut_run_has_stored(cron: Cron, tmp_path: Path) -> None:
    """Of a target that was killed while it printed, the last whole state is kept."""
    cron(target=f"echo '{STATE}'; printf '{{\"bookmarks\": {{\"jira_'; kill -9 $$")

    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(STATE)


@pytest.mark.parametrize(
    ("tap", "target", "code"), [("exit 4", "cat >/dev/null", 4), ("true", "exit 9", 9), ("exit 3", "exit 9", 3)]
)
def test_cron_tells_who_failed(cron: Cron, tmp_path: Path, tap: str, target: str, code: int) -> None:
    """The exit code is the tap's, or the target's if the tap was fine; both are in the log, nothing is printed."""
    outcome = cron(tap, target)

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (code, "", "")
    assert "the tap ended with" in (tmp_path / "sync.log").read_text()


def test_cron_never_runs_twice_at_a_time(cron: Cron, tmp_path: Path) -> None:
    """While a run is at work another one leaves at once and says so."""
    lock = (tmp_path / "sync.lock").open("w")
    holder = subprocess.Popen(
        ["flock", str(tmp_path / "sync.lock"), "sh", "-c", "echo locked; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with lock, holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        outcome = cron("touch ran")
        holder.communicate(b"\n")

    assert outcome.returncode == 0
    assert not (tmp_path / "ran").exists()
    assert "skipped" in (tmp_path / "sync.log").read_text()
