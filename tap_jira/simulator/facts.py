"""The few numbers that an issue is made from, and everything that follows from them without being stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

FIRST_ID = 10000
BLOCK = 8
"""Issues refer (parent, subtasks, links) only to others of their own block of ids, so a change touches few."""

_WORD = (1 << 64) - 1
_START = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Issue:
    """One issue as the database has it: positions of its project and number, times in epoch milliseconds."""

    id: int
    project: int
    number: int
    created: int
    updated: int
    edits: tuple[int, ...] = ()

    @property
    def row(self) -> int:
        """Where the issue stands among all that were ever created."""
        return self.id - FIRST_ID

    @property
    def version(self) -> int:
        """How often it was edited: with the id and the seed this settles every value it has."""
        return len(self.edits)


@dataclass(frozen=True)
class Choices:
    """What JQL may ask about an issue at one version; positions in the tables, -1 for none."""

    issuetype: int
    status: int
    priority: int
    assignee: int
    reporter: int
    labels: tuple[str, ...]


LABELS = ("backend", "Übersetzung", "regression", "kunde-wichtig", "パフォーマンス", "ux", "security", "tech-debt")
SUBTASK = 6
"""Position of the issue type Sub-task."""


def mix(*parts: int) -> int:
    """64 well mixed bits that depend on every part, the same on every Python (splitmix64)."""
    bits = 0x9E3779B97F4A7C15
    for part in parts:
        bits = ((bits ^ part) * 0xBF58476D1CE4E5B9) & _WORD
        bits ^= bits >> 29
        bits = (bits * 0x94D049BB133111EB) & _WORD
        bits ^= bits >> 32
    return bits


@lru_cache(maxsize=4096)
def choices(seed: int, issue_id: int, version: int, users: int) -> Choices:
    """The type, status, people and labels that follow from the seed, the id and the number of edits."""
    fixed, current = mix(seed, issue_id), mix(seed, issue_id, version)
    place = (issue_id - FIRST_ID) % BLOCK
    subtask = place in (5, 6) and fixed >> 60 & 1
    return Choices(
        issuetype=SUBTASK if subtask else fixed % 6,
        status=(current >> 4) % 6,
        priority=(current >> 12) % 5,
        assignee=-1 if current >> 20 & 3 == 0 else (current >> 24) % users,
        reporter=(fixed >> 24) % users,
        labels=tuple(label for bit, label in enumerate(LABELS) if fixed >> (40 + 2 * bit) & 3 == 0),
    )


def stamp(millis: int, offset_minutes: int = 0) -> str:
    """A time as Jira prints it: milliseconds always, an offset without a colon (not always +0000)."""
    local = _START + timedelta(milliseconds=millis, minutes=offset_minutes)
    sign, (hours, minutes) = "-" if offset_minutes < 0 else "+", divmod(abs(offset_minutes), 60)
    return f"{local.isoformat(timespec='milliseconds')}{sign}{hours:02d}{minutes:02d}"


def day(millis: int) -> str:
    """The UTC day, as Jira prints due dates and release dates."""
    return (_START + timedelta(milliseconds=millis)).date().isoformat()
