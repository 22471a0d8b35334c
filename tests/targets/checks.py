"""Compare what a target holds with what Jira answers: one line a claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.targets.copies import Copy, Files
from tests.targets.jira import ASSIGNEE, COLUMNS, GO_LIVE, POINTS, SPRINT, SUMMARY, UPDATED, Column, Jira
from tests.targets.pipeline import Sync
from tests.targets.table import Target

Rows = dict[str, list[Any]]
ODD = "👩\u200d👩\u200d👧🏽 Zoe\u0301 a\u0323\u0308 שלום \u200f\u0645\u0631\u062d\u0628\u0627\u200e 𠮷\ufffd|"
"""What the simulated Jira writes into some summaries, once NUL and half of a surrogate pair are replaced."""


class Check(NamedTuple):
    """A claim, whether it holds, and the figures."""

    claim: str
    holds: bool
    figures: str


def judge(copy: Copy, jira: Jira, target: Target) -> Iterator[Check]:
    """Everything that must hold after a sync."""
    expected = {id_: _as_stored(row, target) for id_, row in jira.rows().items()}
    found = copy.issues()
    rows = dict(found)
    yield Check("issues: one row each", len(found) == len(rows) == len(expected), f"{len(found)} rows, {len(expected)}")
    for table, size in jira.sizes().items():
        counted = copy.count(table, jira.keys[table])
        yield Check(f"{table}: one row each", counted == (size, size), f"{counted[0]} rows, {size}")
    for place, column in enumerate(COLUMNS):
        yield _compare(column, place, expected, rows)
    yield from _texts(expected, rows)
    yield from _nulls(expected, rows)
    yield from _times(copy, expected)
    yield from _numbers_and_days(copy, expected)
    found_sprints = copy.groups(SPRINT, "name")
    if found_sprints is not None:
        sprints = jira.sprints()
        figures = f"{len(found_sprints)} sprints, {len(sprints)}"
        yield Check("sprints: GROUP BY their names", found_sprints == sprints != {}, figures)


def first_sync(copy: Copy, sync: Sync, issues: int) -> Iterator[Check]:
    """What a first sync has sent."""
    yield Check("first sync: every issue is sent once", sync.sent == issues, f"{sync.sent} sent, {issues}")
    yield from _kept(copy, sync.sent)


def second_sync(copy: Copy, before: Rows, edited: list[str], sync: Sync, already: int) -> Iterator[Check]:
    """What a sync from the kept state has sent and changed; ``already`` issues were sent before."""
    few = sync.sent < len(before)
    yield Check("second sync: only a part is sent", few and sync.sent >= len(edited), f"{sync.sent} of {len(before)}")
    place = COLUMNS.index(UPDATED)
    after = dict(copy.issues())
    moved = {id_ for id_, row in after.items() if row[place] != before[id_][place]}
    yield Check("second sync: rows changed in place", moved == set(edited), f"{len(moved)} of {len(edited)} edited")
    yield from _kept(copy, already + sync.sent)


def _kept(copy: Copy, sent: int) -> Iterator[Check]:
    """Of a target that appends: that it has a line for each issue sent."""
    if isinstance(copy, Files):
        lines = copy.appended("jira_issues")
        yield Check("a line for each issue sent", lines == sent, f"{lines} lines, {sent}")


def _as_stored(row: list[Any], target: Target) -> list[Any]:
    return [
        target.stores(value) if isinstance(value, str) and column.kind == "text" else value
        for value, column in zip(row, COLUMNS, strict=True)
    ]


def _compare(column: Column, place: int, expected: Rows, rows: Rows) -> Check:
    wrong = [id_ for id_, row in expected.items() if id_ not in rows or rows[id_][place] != row[place]]
    figures = f"{len(expected) - len(wrong)} of {len(expected)}"
    if wrong and wrong[0] in rows:
        figures += f"; {wrong[0]} has {rows[wrong[0]][place]!a} and not {expected[wrong[0]][place]!a}"
    return Check(f"{column.name} as Jira has it", not wrong, figures)


def _texts(expected: Rows, rows: Rows) -> Iterator[Check]:
    place = COLUMNS.index(SUMMARY)
    odd = [id_ for id_, row in expected.items() if row[place] and ODD in row[place]]
    whole = sum(ODD in str(rows.get(id_, [None] * len(COLUMNS))[place]) for id_ in odd)
    claim = "emoji, combining and right-to-left characters whole, NUL and half pairs replaced"
    yield Check(claim, whole == len(odd) > 0, f"{whole} of {len(odd)}")


def _nulls(expected: Rows, rows: Rows) -> Iterator[Check]:
    for column in (ASSIGNEE, POINTS, GO_LIVE):
        place = COLUMNS.index(column)
        wanted, got = (sum(row[place] is None for row in them.values()) for them in (expected, rows))
        yield Check(f"{column.name}: null where Jira has none", got == wanted > 0, f"{got}, {wanted}")


def _times(copy: Copy, expected: Rows) -> Iterator[Check]:
    kind = copy.type_of(UPDATED.path)
    yield Check("updated_at: type", kind.startswith(copy.time_type), kind)
    place = COLUMNS.index(UPDATED)
    times = sorted(row[place] for row in expected.values())
    first, last = times[len(times) // 4], times[3 * len(times) // 4]
    wanted, got = sum(first <= time <= last for time in times), copy.between(first, last)
    yield Check("updated_at: BETWEEN two times", got == wanted, f"{got}, {wanted}")
    order = sorted(expected, key=lambda id_: (expected[id_][place], id_))
    yield Check("updated_at: ORDER BY", copy.ids_by(UPDATED) == order, f"{len(order)} in order")


def _numbers_and_days(copy: Copy, expected: Rows) -> Iterator[Check]:
    place = COLUMNS.index(POINTS)
    wanted = sum(row[place] for row in expected.values() if row[place] is not None)
    got = copy.sum(POINTS)
    yield Check(f"{POINTS.name}: sum()", got == wanted, f"{got}, {wanted}")
    place = COLUMNS.index(GO_LIVE)
    present = [id_ for id_, row in expected.items() if row[place] is not None]
    order = sorted(present, key=lambda id_: (expected[id_][place], id_))
    yield Check(f"{GO_LIVE.name}: ORDER BY", copy.ids_by(GO_LIVE) == order and order != [], f"{len(order)} in order")
