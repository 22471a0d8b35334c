"""The script for cron keeps the state, whatever ends whenever."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TAP = [sys.executable, "-m", "tap_jira"]
SCRIPT = EXAMPLES / "cron" / "sync.sh"
KILLS = 10
"""In each of three tests."""
ISSUES = 300

pytestmark = pytest.mark.skipif(not shutil.which("flock"), reason="sync.sh needs flock")

STATE = '{"bookmarks": {"jira_issues": {"updated_at": "2024-01-01T00:00:00.000000Z"}}}'

OPTIONS: dict[str, Any] = {"text": True, "capture_output": True, "timeout": 60}

Cron = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cron(tmp_path: Path) -> Cron:
    """Run sync.sh in a folder of its own, with shell commands in the place of the tap and of the target."""

    def run(tap: str = "true", target: str = "cat >/dev/null") -> subprocess.CompletedProcess[str]:
        return subprocess.run(sync(tmp_path, tap, target), **OPTIONS, env=environment(tmp_path))

    return run


def sync(folder: Path, tap: str, target: str) -> list[str]:
    """The command that runs sync.sh in ``folder``, after the tap and the target are written there."""
    for name, script in (("tap", tap), ("target", target)):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return ["bash", str(SCRIPT)]


def environment(folder: Path) -> dict[str, str]:
    """Hardly more than cron gives."""
    return {"PATH": "/usr/bin:/bin", "SYNC_FOLDER": str(folder), "TAP": "./tap", "TARGET": "./target"}


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
    ("tap", "target", "code"),
    [
        ("exit 4", "cat >/dev/null", 4),
        ("true", "exit 9", 9),
        ("exit 3", "exit 9", 3),
        ("exit 141", "exit 9", 9),
        ("exit 141", "true", 141),
    ],
)
def test_cron_tells_who_failed(cron: Cron, tmp_path: Path, tap: str, target: str, code: int) -> None:
    """The exit code is that of the side that failed first; both are in the log, nothing is printed."""
    outcome = cron(tap, target)

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (code, "", "")
    assert "the tap ended with" in (tmp_path / "sync.log").read_text()


def test_cron_keeps_what_was_stored_before_a_failure(cron: Cron, tmp_path: Path) -> None:
    """A state that the target printed is kept, though both sides fail later."""
    outcome = cron("exit 4", f"cat >/dev/null; echo '{STATE}'; exit 1")

    assert outcome.returncode == 4
    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(STATE)


def test_cron_keeps_the_states_of_a_script_that_was_killed(cron: Cron, tmp_path: Path) -> None:
    """States that lie there from a run whose script was killed are kept before the next one begins, and only once."""
    (tmp_path / "states.new").write_text(f"{STATE}\n{{")

    cron("echo $@ >first")
    (tmp_path / "state.json").unlink()
    cron("echo $@ >second")

    assert "--state state.json" in (tmp_path / "first").read_text()
    assert "--state" not in (tmp_path / "second").read_text()


def test_cron_puts_a_long_log_aside(cron: Cron, tmp_path: Path) -> None:
    """A log of more than 10 MB becomes sync.log.1, and a new one begins."""
    (tmp_path / "sync.log").write_bytes(bytes(10_000_001))

    cron()

    assert (tmp_path / "sync.log.1").stat().st_size >= 10_000_001
    assert "end: the tap ended with 0" in (tmp_path / "sync.log").read_text()


def test_cron_never_runs_twice_at_a_time(cron: Cron, tmp_path: Path) -> None:
    """While a run is at work another one leaves at once, says so, and ends with 0."""
    for name in ("started", "gate"):
        os.mkfifo(tmp_path / name)
    command = sync(tmp_path, "echo >started; read line <gate", "cat >/dev/null")
    with subprocess.Popen(command, env=environment(tmp_path)) as first:
        (tmp_path / "started").read_text()
        second = cron("touch ran")
        (tmp_path / "gate").write_text("on\n")

    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")
    assert not (tmp_path / "ran").exists()
    assert "skipped" in (tmp_path / "sync.log").read_text()


def test_cron_on_a_disk_without_room_for_the_state(cron: Cron, tmp_path: Path) -> None:
    """If the new state cannot be written the old one stays and the code tells; it is kept when there is room."""
    (tmp_path / "state.json").write_text('{"bookmarks": {}}')
    (tmp_path / "state.json.part").symlink_to("/dev/full")

    full = cron(target=f"cat >/dev/null; echo '{STATE}'")

    assert full.returncode == 1
    assert (tmp_path / "state.json").read_text() == '{"bookmarks": {}}'
    (tmp_path / "state.json.part").unlink()
    cron("exit 4")
    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(STATE)


def test_cron_on_a_disk_without_room_for_the_log(cron: Cron, tmp_path: Path) -> None:
    """A log that cannot be written does not keep the run from its end."""
    (tmp_path / "sync.log").symlink_to("/dev/full")

    outcome = cron(target=f"cat >/dev/null; echo '{STATE}'")

    assert outcome.returncode == 0
    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(STATE)


def test_cron_on_a_full_disk(tmp_path: Path) -> None:
    """On a disk that fills up while the target prints states, the state stays whole and the code is not 0."""
    alone = ["unshare", "--map-root-user", "--mount"]
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k none {disk}"
    if not shutil.which("unshare") or subprocess.run([*alone, "sh", "-c", mount], **OPTIONS).returncode:
        pytest.skip("no disk of one's own can be mounted here")
    states = f"i=0; while [ $i -lt 2000 ]; do echo '{STATE}' || exit 7; i=$((i + 1)); done"
    command = sync(tmp_path, "true", f"cat >/dev/null; {states}")
    inside = (
        f"{mount}; cp tap target {disk}; echo '{STATE}' >{disk}/state.json; "
        f"bash {command[1]}; code=$?; cat {disk}/state.json; exit $code"
    )
    outcome = subprocess.run([*alone, "sh", "-c", inside], **OPTIONS, cwd=tmp_path, env=environment(disk))

    assert outcome.returncode == 7
    assert json.loads(outcome.stdout) == json.loads(STATE)


TARGET = """
import json, os, sqlite3, sys

beat = int(os.environ.get("BEAT", 0)) or os.open(os.devnull, os.O_WRONLY)
database = sqlite3.connect("issues.db")
database.execute("create table if not exists issues (id text primary key, updated_at text)")
rows, state = [], None

def store():
    database.executemany("insert or replace into issues values (?, ?)", rows)
    database.commit()
    rows.clear()
    for part in (state[:20], state[20:], "\\n"):
        print(part, end="", flush=True)
        os.write(beat, b".")

for line in sys.stdin:
    os.write(beat, b".")
    message = json.loads(line)
    if message["type"] == "RECORD":
        rows.append((message["record"]["id"], message["record"]["updated_at"]))
    elif message["type"] == "STATE":
        state = json.dumps(message["value"])
        if len(rows) >= 60:
            store()
store()
os.write(beat, b"!")
"""
"""A target that stores rows by key, many at a time, then prints the state, in parts, and tells how far it is."""


class Jira:
    """A simulated Jira in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "config.json"
        command = [*TAP, "simulate", "--port", "0", "--auth", "token", "--page-cap", "2"]
        command += ["--issues", str(ISSUES), "--write-config", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        self._process.stderr.readline()  # it is ready

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=60)

    def ask(self, method: str, handle: str) -> Any:
        """The answer of a handle of the simulation."""
        base_url = json.loads(self._config.read_text())["base_url"]
        with urllib.request.urlopen(urllib.request.Request(f"{base_url}/simulate/{handle}", method=method)) as answer:
            return json.load(answer)

    def issues(self) -> dict[str, int]:
        """``updated`` of each issue in epoch milliseconds, by id."""
        return {str(issue_id): updated for issue_id, updated in self.ask("GET", "issues")}


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[Jira]:
    served = Jira(tmp_path)
    yield served
    served.stop()


def copied(folder: Path) -> dict[str, int]:
    """The same as the target has stored it."""
    with sqlite3.connect(folder / "issues.db") as database:
        rows = database.execute("select id, updated_at from issues").fetchall()
    database.close()
    return {row[0]: round(datetime.fromisoformat(row[1].replace("Z", "+00:00")).timestamp() * 1000) for row in rows}


def wait_for(beats: int, count: int) -> None:
    """Wait until the target has sent so many beats, or its last one."""
    while count > 0 and (got := os.read(beats, count)) and not got.endswith(b"!"):
        count -= len(got)


def kill(folder: Path, script: subprocess.Popen[bytes], victim: str) -> None:
    """Kill -9 the script, the tap, the target, or all of them; who has ended already is let be."""
    pid = script.pid if victim in ("all", "script") else int((folder / f"{victim}.pid").read_text() or script.pid)
    with contextlib.suppress(ProcessLookupError):
        if os.getsid(pid) == script.pid:
            (os.killpg if victim == "all" else os.kill)(pid, signal.SIGKILL)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cron_killed_again_and_again(tmp_path: Path, jira: Jira, seed: int) -> None:
    """Killed at any moment, one of it or all, while issues change, it loses none, and the state is always whole."""
    random = Random(seed)
    catalog = json.loads(subprocess.check_output([*TAP, "-c", str(tmp_path / "config.json"), "-d"]))
    streams = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "jira_issues"]
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": streams}))
    (tmp_path / "target.py").write_text(TARGET)
    tap, target = shlex.join(TAP), shlex.join([sys.executable, "target.py"])
    command = sync(tmp_path, f'echo $$ >tap.pid; exec {tap} "$@"', f"echo $$ >target.pid; exec {target}")
    # Without lookback, so that it does not make good for a state that is ahead of what is stored.
    names = {**environment(tmp_path), "TAP_JIRA_LOOKBACK_SECONDS": "0"}
    state = tmp_path / "state.json"
    for _ in range(KILLS):
        for name in ("tap", "target"):
            (tmp_path / f"{name}.pid").write_text("")
        beats, beat = os.pipe()
        told = {**names, "BEAT": str(beat)}
        with subprocess.Popen(command, env=told, start_new_session=True, pass_fds=[beat]) as script:
            os.close(beat)
            # At the start, while rows are stored and states printed, or when only the state is left to be kept.
            wait_for(beats, random.choice([0, random.randrange(40), random.randrange(ISSUES)]))
            kill(tmp_path, script, random.choice(["all", "all", "script", "tap", "target"]))
        # Whom the killed script left behind goes on for a while.
        subprocess.run(["flock", "sync.lock", "true"], cwd=tmp_path, check=True, timeout=60)
        os.close(beats)
        assert not state.exists() or "bookmarks" in json.loads(state.read_text())
        jira.ask("POST", f"edit?count={random.randrange(40)}")
        jira.ask("POST", f"create?count={random.randrange(2)}")

    last = subprocess.run(command, env=names, timeout=60)

    assert last.returncode == 0, (tmp_path / "sync.log").read_text()[-2000:]
    assert copied(tmp_path) == jira.issues()
