"""The issues of the simulated site: a database that is always true, and one or more indexes that lag behind it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from random import Random

from tap_jira.simulator import index as lucene
from tap_jira.simulator.facts import BLOCK, FIRST_ID, Issue, mix
from tap_jira.simulator.tables import project_keys

_DAY = 86_400_000


class World:
    """Issues, the changes made to them, and what each node's index knows of it; the same seed makes the same world."""

    def __init__(
        self,
        *,
        seed: int = 1,
        issues: int = 500,
        projects: int = 8,
        users: int = 40,
        days: float = 300,
        bulk_share: float = 0.1,
        odd: bool = False,
        now: Callable[[], float] = time.time,
        lag: Callable[[Random], float] | None = None,
        nodes: int = 1,
    ) -> None:
        self.seed, self.users, self.now, self.lag, self.odd = seed, users, now, lag, odd
        self.project_keys = project_keys(projects)
        by_key = sorted(range(projects), key=self.project_keys.__getitem__)
        self.ranks = [by_key.index(n) for n in range(projects)]
        self.born = int(now() * 1000)
        self._random = Random(seed)
        self._created, self._updated = array("q"), array("q")
        self._project, self._number = array("H"), array("l")
        self._last_number = [0] * projects
        self._edits: dict[int, tuple[int, ...]] = {}
        self._moved: dict[int, tuple[int, int]] = {}
        self._aliases: dict[tuple[int, int], int] = {}
        self._deleted: set[int] = set()
        self._stamps: dict[int, int] = {}
        self._keys: dict[tuple[int, int], int] | None = None
        self._sequence = 0
        self._base = issues
        self._populate(issues, days, bulk_share)
        entries = sorted(map(self._base_entry, range(issues)))
        self.nodes = [lucene.Index(list(entries) if n else entries, self._base_entry) for n in range(nodes)]

    def _populate(self, issues: int, days: float, bulk_share: float) -> None:
        draw, span = self._random.random, int(days * _DAY)
        seconds = [(self.born - int(draw() * span)) // 1000 - 1 for _ in range(max(1, min(6, issues // 40)))]
        times = []
        for _ in range(issues):
            if draw() < bulk_share:
                updated = seconds[int(draw() * len(seconds))] * 1000 + int(draw() * 1000)
            else:
                updated = self.born - int(draw() * span)
            age = draw()
            times.append((updated - int(age * age * 400 * _DAY)) << 64 | updated)
        times.sort()
        for row, both in enumerate(times):
            # A block shares a project, as a task and its sub-tasks do.
            self._append(mix(self.seed, row // BLOCK) % len(self.project_keys), both >> 64, both & (1 << 64) - 1)

    def _append(self, project: int, created: int, updated: int) -> int:
        self._last_number[project] += 1
        self._created.append(created)
        self._updated.append(updated)
        self._project.append(project)
        self._number.append(self._last_number[project])
        return len(self._created) - 1

    def _base_entry(self, row: int) -> int:
        if row >= self._base:
            return -1
        rank = self.ranks[self._project[row]]
        return lucene.entry_of(self._updated[row] // 1000, rank, self._number[row], row)

    # What the database says.

    def __len__(self) -> int:
        return len(self._created) - len(self._deleted)

    def issue(self, issue_id: int) -> Issue | None:
        """The issue as it is now, or None if there is none with this id."""
        row = issue_id - FIRST_ID
        if not 0 <= row < len(self._created) or row in self._deleted:
            return None
        edits = self._edits.get(row, ())
        project, number = self._moved.get(row) or (self._project[row], self._number[row])
        return Issue(issue_id, project, number, self._created[row], edits[-1] if edits else self._updated[row], edits)

    def issues(self) -> Iterator[Issue]:
        """Every issue there is, in the order of the ids."""
        for row in range(len(self._created)):
            issue = self.issue(FIRST_ID + row)
            if issue is not None:
                yield issue

    def key(self, issue: Issue) -> str:
        """The issue's key, such as ``WEB-17``."""
        return f"{self.project_keys[issue.project]}-{issue.number}"

    def find(self, id_or_key: str) -> Issue | None:
        """The issue with this id or key; a key from before a move still leads to it."""
        if id_or_key.isdigit() and id_or_key.isascii():
            return self.issue(int(id_or_key))
        project, _, number = id_or_key.upper().rpartition("-")
        if project not in self.project_keys or not (number.isdigit() and number.isascii()):
            return None
        row = self._rows_by_key().get((self.project_keys.index(project), int(number)))
        return None if row is None else self.issue(FIRST_ID + row)

    def _rows_by_key(self) -> dict[tuple[int, int], int]:
        if self._keys is None:
            self._keys = {(self._project[row], self._number[row]): row for row in range(len(self._created))}
            self._keys.update(self._aliases)
        return self._keys

    def freshness(self, issue_id: int) -> int:
        """A number that moves whenever this issue or one that it may print a part of has changed."""
        return self._stamps.get((issue_id - FIRST_ID) // BLOCK, 0)

    def created_second(self, row: int) -> int:
        """The second an issue was created in, deleted or not: what the index keeps of it."""
        return self._created[row] // 1000

    def some_ids(self, count: int, random: Random) -> list[int]:
        """Up to ``count`` ids of issues that exist, drawn at random."""
        chosen: set[int] = set()
        for _ in range(20 * count if self._created else 0):
            row = random.randrange(len(self._created))
            if row not in self._deleted:
                chosen.add(FIRST_ID + row)
            if len(chosen) >= count:
                break
        return sorted(chosen)

    # Changes: the database at once, the indexes after their lag.

    def edit(self, issue_id: int) -> None:
        """Change some of the issue's values now."""
        self._touch(self._existing(issue_id), int(self.now() * 1000))

    def bulk_edit(self, issue_ids: Iterable[int]) -> None:
        """Change all of them within one second."""
        second, millis = divmod(int(self.now() * 1000), 1000)
        for issue_id in issue_ids:
            self._touch(self._existing(issue_id), second * 1000 + self._random.randint(0, millis))

    def create(self) -> int:
        """Make a new issue now and return its id."""
        now = int(self.now() * 1000)
        row = self._append(self._random.randrange(len(self.project_keys)), now, now)
        if self._keys is not None:
            self._keys[self._project[row], self._number[row]] = row
        self._index(row, 0, self._entry(row))
        return FIRST_ID + row

    def delete(self, issue_id: int) -> None:
        """Remove the issue without a trace."""
        row = self._existing(issue_id).row
        self._deleted.add(row)
        self._index(row, 0, None)

    def move(self, issue_id: int) -> None:
        """Give the issue a new project and so a new key; the id stays and ``updated`` moves."""
        issue = self._existing(issue_id)
        project = (issue.project + 1) % len(self.project_keys)
        self._last_number[project] += 1
        self._moved[issue.row] = place = (project, self._last_number[project])
        self._aliases[place] = issue.row
        if self._keys is not None:
            self._keys[place] = issue.row
        self._touch(issue, int(self.now() * 1000))

    def _existing(self, issue_id: int) -> Issue:
        issue = self.issue(issue_id)
        if issue is None:
            raise LookupError(f"there is no issue {issue_id}")
        return issue

    def _touch(self, issue: Issue, millis: int) -> None:
        edits = self._edits[issue.row] = (*issue.edits, max(millis, issue.updated))
        self._index(issue.row, len(edits), self._entry(issue.row))

    def _entry(self, row: int) -> int:
        issue = self._existing(FIRST_ID + row)
        return lucene.entry_of(issue.updated // 1000, self.ranks[issue.project], issue.number, row)

    def _index(self, row: int, version: int, entry: int | None) -> None:
        self._sequence += 1
        self._stamps[row // BLOCK] = self._sequence
        now = self.now()
        for node in self.nodes:
            due = now + (self.lag(self._random) if self.lag else 0.0)
            node.schedule(due, self._sequence, row, version, entry)
