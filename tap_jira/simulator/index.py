"""A node's search index: what each issue was when it was last indexed, sorted by second and key.

An entry is one integer, (second of ``updated``, rank of the project key, number, row) from the highest bits to the
lowest, so that a million of them sort, bisect and slice as fast as Python can.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_ROW, _NUMBER, _RANK = 28, 26, 14
_KEY = _NUMBER + _RANK
_SECOND = _ROW + _KEY

Order = tuple[tuple[str, bool], ...]
"""Pairs of field name and whether it ascends."""


def entry_of(second: int, rank: int, number: int, row: int) -> int:
    """The integer that stands for one indexed issue."""
    return (((second << _RANK | rank) << _NUMBER | number) << _ROW) | row


def second_of(entry: int) -> int:
    """The second of ``updated`` as indexed."""
    return entry >> _SECOND


def key_of(entry: int) -> int:
    """A number that orders as the issue key does: project key, then number."""
    return entry >> _ROW & (1 << _KEY) - 1


def rank_of(entry: int) -> int:
    """The rank of the project key as indexed."""
    return entry >> (_ROW + _NUMBER) & (1 << _RANK) - 1


def number_of(entry: int) -> int:
    """The number in the key as indexed."""
    return entry >> _ROW & (1 << _NUMBER) - 1


def row_of(entry: int) -> int:
    """The row that the entry points at."""
    return entry & (1 << _ROW) - 1


class Index:
    """The index of one node."""

    def __init__(self, entries: list[int], base_entry: Callable[[int], int]) -> None:
        self.entries = entries
        self._base_entry = base_entry
        self._current: dict[int, tuple[int, int | None, int]] = {}
        self._pending: list[tuple[float, int, int, int, int]] = []

    def schedule(self, due: float, sequence: int, row: int, version: int, entry: int | None) -> None:
        """Let the change be seen from the moment ``due`` on; no entry means that the issue is gone."""
        heapq.heappush(self._pending, (due, sequence, row, version, -1 if entry is None else entry))

    def catch_up(self, now: float) -> None:
        """Index everything that is due."""
        while self._pending and self._pending[0][0] <= now:
            _, sequence, row, version, entry = heapq.heappop(self._pending)
            self._put(sequence, row, version, None if entry < 0 else entry)

    def hasten(self, rows: set[int]) -> None:
        """Index what is known of these rows, due or not."""
        early = sorted(item for item in self._pending if item[2] in rows)
        self._pending = [item for item in self._pending if item[2] not in rows]
        heapq.heapify(self._pending)
        for _, sequence, row, version, entry in early:
            self._put(sequence, row, version, None if entry < 0 else entry)

    def _put(self, sequence: int, row: int, version: int, entry: int | None) -> None:
        known = self._current.get(row)
        if known is None:
            # A new issue has no base entry to remove; it is the first version of a row beyond the base.
            before = self._base_entry(row)
            known = (0, before if before >= 0 else None, 0)
        # Two changes of one issue may come due in the other order: the newer one stays.
        if sequence < known[0]:
            return
        if known[1] is not None:
            del self.entries[bisect_left(self.entries, known[1])]
        if entry is not None:
            insort(self.entries, entry)
        self._current[row] = (sequence, entry, version)

    def version_of(self, row: int) -> int:
        """How often the issue had been edited when it was indexed."""
        known = self._current.get(row)
        return known[2] if known else 0

    def between(self, low: int | None, high: int | None) -> Matches:
        """The entries with low <= second < high."""
        start = 0 if low is None else bisect_left(self.entries, max(low, 0) << _SECOND)
        end = len(self.entries) if high is None else bisect_left(self.entries, max(high, 0) << _SECOND)
        return Matches(self.entries, start, max(start, end))


@dataclass(frozen=True)
class Matches:
    """The part of a sorted list of entries from ``start`` up to ``end``: a million are not copied for each page."""

    entries: list[int]
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def that(self, test: Callable[[int], bool]) -> Matches:
        """Those that pass the test."""
        passed = [entry for entry in self.entries[self.start : self.end] if test(entry)]
        return Matches(passed, 0, len(passed))

    def behind(self, place: tuple[int, int] | None, count: int) -> list[int]:
        """The first ``count`` entries behind this second and key, in the order of the index."""
        start = self.start
        if place is not None:
            start = bisect_left(self.entries, (place[0] << _KEY | place[1]) + 1 << _ROW, self.start, self.end)
        return self.entries[start : min(start + count, self.end)]

    def page(
        self, order: Order, *, start: int, count: int, created: Callable[[int], int], shuffle: Random
    ) -> list[int]:
        """``count`` entries from ``start`` on; whatever the order does not settle comes in an order of the moment.

        Lucene breaks ties by document number, which merging segments and several nodes change between two requests.
        """
        count = max(0, min(count, len(self) - start))
        if count == 0:
            return []
        if not order or order[0][0] != "updated":
            found = _sorted(self.entries[self.start : self.end], order, created, shuffle)
            return found[start : start + count]
        # Sorted by second already: what follows in the order only turns the groups of one second that the page touches.
        ascending = order[0][1]
        low = self.start + start if ascending else self.end - start - count
        first = bisect_left(self.entries, second_of(self.entries[low]) << _SECOND, self.start, low)
        end_second = second_of(self.entries[low + count - 1]) + 1
        last = bisect_left(self.entries, end_second << _SECOND, low + count, self.end)
        found = _sorted(self.entries[first:last], order, created, shuffle)
        skipped = low - first if ascending else last - (low + count)
        return found[skipped : skipped + count]


def _sorted(found: list[int], order: Order, created: Callable[[int], int], shuffle: Random) -> list[int]:
    # Jira sorts by the first of several sort fields that differs; a key differs always.
    names = [name for name, _ in order]
    if "key" in names:
        order = order[: names.index("key") + 1]
    else:
        shuffle.shuffle(found)
    keys: dict[str, Callable[[int], int]] = {"updated": second_of, "key": key_of, "created": created}
    for name, ascending in reversed(order):
        found.sort(key=keys[name], reverse=not ascending)
    return found
