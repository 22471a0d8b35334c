"""The real command, killed with no chance to say anything, loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tap_jira.search import PAGES_PER_WINDOW
from tap_jira.simulator import Credentials, Site, World, serve

KILLS = 8
ISSUES = 600
PAGE = 20
WINDOW = 2 * PAGES_PER_WINDOW * 170
"""Rows of the largest window: pages grow to 2 MB, about 170 of these issues."""
LOG = "kill.log"


def lines_of(output: bytes) -> list[dict[str, Any]]:
    """The whole lines."""
    return [json.loads(line) for line in output.split(b"\n")[:-1]]


def run(argv: list[str], folder: Path, most_bytes: int | None) -> bytes:
    """What the tap writes until it ends, or until it is killed after so many bytes were read of it."""
    with (
        (folder / LOG).open("ab") as log,
        subprocess.Popen([sys.executable, "-m", "tap_jira", *argv], stdout=subprocess.PIPE, stderr=log) as tap,
    ):
        assert tap.stdout is not None
        output = tap.stdout.read(-1 if most_bytes is None else most_bytes)
        if most_bytes is not None:
            tap.kill()
    return output


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again(tmp_path: Path, credentials: Credentials, seed: int) -> None:
    """Killed at random bytes and resumed from the last whole STATE, the tap sends every issue, few of them twice."""
    random = Random(seed)
    world = World(seed=seed, issues=ISSUES)
    kept: dict[str, str] = {}
    sent = most_open = 0
    with serve(Site(world, accounts=credentials.accounts)) as server:
        config = {**credentials.personal_access_token, "base_url": server.url, "page_size": PAGE, "concurrency": 3}
        (tmp_path / "config.json").write_text(json.dumps({**config, "start_date": "2000-01-01"}))
        (tmp_path / "catalog.json").write_bytes(run(["-c", str(tmp_path / "config.json"), "-d"], tmp_path, None))
        argv = ["-c", str(tmp_path / "config.json"), "--catalog", str(tmp_path / "catalog.json")]
        for n in range(KILLS + 1):
            state = ["-s", str(tmp_path / "state.json")] if (tmp_path / "state.json").exists() else []
            messages = lines_of(run(argv + state, tmp_path, random.randrange(3_000_000) if n < KILLS else None))
            states = [place for place, message in enumerate(messages) if message["type"] == "STATE"]
            records = [
                (place, message["record"])
                for place, message in enumerate(messages)
                if message["type"] == "RECORD" and message["stream"] == "jira_issues"
            ]
            sent += len(records)
            most_open = max(most_open, sum(place > max(states, default=0) for place, _ in records))
            if states:
                (tmp_path / "state.json").write_text(json.dumps(messages[states[-1]]["value"]))
                kept.update({record["id"]: record["updated_at"] for place, record in records if place < states[-1]})

    assert sorted(kept) == sorted(str(issue.id) for issue in world.issues())
    assert "CRITICAL" not in (tmp_path / LOG).read_text()
    # A kill costs the rows since the last STATE: a window's at most.
    assert most_open <= WINDOW
    assert sent <= ISSUES + KILLS * WINDOW
