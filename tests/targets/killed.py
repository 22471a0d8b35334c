"""Kill a target in the middle of a sync, again and again, and see that going on from its last state loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from tests.targets.checks import Check
from tests.targets.copies import Copy
from tests.targets.jira import COLUMNS, UPDATED, Jira
from tests.targets.pipeline import Pipeline

KILLS = 3
_PLACE = COLUMNS.index(UPDATED)
_SECONDS_BETWEEN_LOOKS = 0.1


def kill_and_go_on(pipeline: Pipeline, copy: Copy, jira: Jira) -> Iterator[Check]:
    """When the table holds a quarter of the issues, a half, three quarters, the target gets SIGKILL; each next run goes
    on from the last state that was printed."""
    expected = {id_: row[_PLACE] for id_, row in jira.rows().items()}
    for number in range(1, KILLS + 1):
        sync = pipeline.sync(stop=partial(_holds, copy, number * len(expected) // (KILLS + 1)))
        held = _held(copy)
        killed = sync.codes[1] == -9 and len(held) < len(expected)
        yield Check(f"kill {number}: killed half-way", killed, f"{len(held)} of {len(expected)} issues in the table")
        reached = _bookmark(pipeline.state)
        promised = [id_ for id_, updated in expected.items() if updated < reached]
        there = sum(held.get(id_) == expected[id_] for id_ in promised)
        claim = f"kill {number}: what lies before the state is there"
        yield Check(claim, there == len(promised), f"{there} of {len(promised)}{'' if reached else ', no state yet'}")
    last, held = pipeline.sync(), _held(copy)
    same = sum(held.get(id_) == updated for id_, updated in expected.items())
    yield Check("after the kills: every issue as Jira has it", held == expected, f"{same} of {len(expected)}")
    yield Check("after the kills: the last run is whole", last.codes == (0, 0), f"exit codes {last.codes}")


def _holds(copy: Copy, rows: int) -> bool:
    time.sleep(_SECONDS_BETWEEN_LOOKS)
    try:
        return copy.count("jira_issues", "id")[0] >= rows
    except RuntimeError:  # there is no table yet
        return False


def _held(copy: Copy) -> dict[str, int]:
    return {id_: row[_PLACE] for id_, row in copy.issues()}


def _bookmark(state: dict[str, Any]) -> int:
    """Where the issues of a state begin, in epoch milliseconds; 0 if nowhere."""
    text = state.get("bookmarks", {}).get("jira_issues", {}).get("updated_at")
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000) if text else 0
