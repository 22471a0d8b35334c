"""Read every issue that changed in a span of time, from a list that changes while it is read.

This module knows how Jira's search behaves and nothing of HTTP, threads, clocks or Singer: it says what to ask next and
is given the pages, in whatever order they arrive. Its promises (no lost row, a bookmark that is safe, few repeats) rest
on the argument below.

Words. S is the server's time before the first search. An issue has a print (what the database says, shown in the
answer) and an index entry (what search finds it by); i(x) is the entry's ``updated`` in whole seconds, u(x) the printed
one. The lookback is L, and everything before ``settled`` = S - L is called settled.

Premises about Jira
  A  An edit at time t sets ``updated`` to t, and its index entry follows by t + L at the latest: L covers index lag,
     the spread of the nodes' clocks, and the time a transaction takes.
  B  ``updated`` never goes back. Deleted and hidden issues leave the list.
  C  ``ORDER BY updated ASC, key ASC`` is one order: two entries that do not change keep their sequence between two
     requests. (Without ``key`` the sequence within a second may differ each time.)
  D  One answer is a true cut from the list as it is at that moment: positions startAt onwards, in order, perhaps fewer
     than asked for, perhaps without those that were deleted a moment ago.
  E  ``created`` never changes.

Why a window is read whole. Take a closed window [a, b) with b <= settled.
  1. No entry moves inside it or into it. An edit before ``settled`` was indexed before S (A), so before any search; an
     edit later than that moves the entry to ``settled`` or beyond, out of the window. Entries can only leave.
  2. Pages join. Take an entry y that stays in the window, and suppose that every such entry up to some place in the
     order was read, and that another page contains an entry x read before. x and y do not move (1). If y stands before
     x, it was read; if it stands between x and the end of the page, it is in the page (D). So everything up to the
     page's end is read, however far rows that left have shifted the rest, and whichever page was asked for first: the
     pages of a window may be under way together. A page with nothing read before means that too much has left: step
     back; startAt 0 always joins.
  3. The walk ends when a joined page reaches the end of the list as that same answer counts it.
  Two nodes of a cluster may disagree about an entry younger than ``settled``, never about an older one; and at the
  end of a walk of several pages the issues seen are counted against the answer's ``total``, and read again if too few.

What lies after ``settled`` may be moving while we read, and a page may join at an entry that jumped ahead over others.
Those others lie in [settled, S), and the next run begins at S - L = ``settled``: it reads them again. That is why
windows are cut at ``settled``, so that no window holds both kinds.

The last window has no upper bound. Without that, an issue edited more often than we look would never be read: at each
run it would lie after S. Entries are added at its end for ever, so it ends where the list ended when it began. Unless
it is large it begins at ``settled``, where an entry that is on its way after many edits cannot have slipped past it.

The bookmark is the lower bound of the first window not yet handed out whole, at most S. It is never taken from a row:
a row found in [a, b) may print a later ``updated``, and rows between may not have been read.

Bounded repeats. Within a window a row is known by its id. A row that prints an ``updated`` outside its window is
remembered with it, and left out if it turns up again unchanged.

Many issues in one second: a second that holds more than can be reached by startAt is cut by ``created`` (E); one that
overflows even then is read from both ends; after that the walk fails, naming the second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tap_jira.errors import ReadError

DEEPEST = 9_000
"""startAt is kept below this: newer Data Center refuses startAt + maxResults over 10,000."""
PAGES_PER_WINDOW = 16
MOST_PIECES = 16
FRUITLESS = 3
"""So many pages in a row without anything new, and the window is cut smaller."""
PAGE_BYTES = 2_000_000
LARGEST_PAGE = 1_000


class Row(NamedTuple):
    """One issue of a page: id, ``updated`` and ``created`` as printed (epoch milliseconds), and the issue itself."""

    id: str | None
    updated: int | None
    created: int | None
    issue: Any


@dataclass(frozen=True)
class Window:
    """Issues with ``updated`` in [low, high) by the index, in epoch seconds; ``created`` may narrow them further."""

    low: int
    high: int | None
    created: tuple[int, int | None] | None = None

    def __str__(self) -> str:
        part = f", created in {self.created}" if self.created else ""
        return f"updated in [{self.low}, {'…' if self.high is None else self.high}){part} (epoch seconds)"


@dataclass(frozen=True, eq=False)
class Ask:
    """A page to be fetched: ``size`` rows from position ``start`` of a window, in order or from its end.

    Two that look the same are two all the same: what the first brings may be wanted no more.
    """

    window: Window
    start: int
    size: int
    backwards: bool = False


@dataclass(frozen=True)
class Page:
    """An answer to an ``Ask``: rows, the length of the whole list, how many Jira would send at most, bytes received."""

    rows: list[Row]
    total: int
    size: int
    bytes: int


@dataclass
class Chunk:
    """Rows to be written next, and the bookmark (epoch seconds) that is safe once they are."""

    rows: list[Row]
    bookmark: int


@dataclass
class PageSize:
    """How many rows to ask for so that a page weighs about 2 MB; learns from each page, starts careful."""

    rows: int
    limit: int = LARGEST_PAGE
    row_bytes: int = 0
    """What a row of the last page weighed."""

    def learn(self, asked: int, page: Page) -> None:
        """Move half of the way towards the size that this page suggests, within what Jira is willing to send."""
        if 0 < page.size < asked:
            self.limit = min(self.limit, page.size)
        if page.rows:
            self.row_bytes = max(1, page.bytes // len(page.rows))
            fitting = PAGE_BYTES // self.row_bytes
            # Never one alone: pages join by a row that both have.
            self.rows = max(2, min(self.limit, (self.rows + fitting) // 2))


@dataclass(frozen=True)
class Span:
    """What a run reads: issues updated from ``low`` on, at server time ``now`` (S), with ``settled`` = S - lookback.

    ``aligned`` moves a bound (epoch seconds) back to one that the query language can express. startAt is kept
    below ``deepest``.
    """

    low: int
    now: int
    settled: int
    aligned: Callable[[int], int] = field(default=lambda seconds: seconds)
    deepest: int = DEEPEST


class Walk:
    """Joins the pages of one window: says what to ask next, and is given each page."""

    def __init__(self, window: Window, span: Span, size: PageSize, length: int = 0) -> None:
        """``length``: as long as the list is supposed to be, before a page of it was seen."""
        self.window, self.length, self._span, self._size = window, length, span, size
        self.rows: dict[str, Row] = {}  # what was read, without the issues themselves
        self.pending: list[Row] = []  # what was read and not yet handed out
        self.done = False
        self._weight = 0  # bytes of what is pending
        self._asked: deque[Ask] = deque()  # pages under way, in order
        self._came: dict[Ask, Page] = {}  # those that came before one that stands before them
        self._seen = False  # whether ``length`` is known from a page of this window
        self._start = 0
        self._nameless = 0
        self._forward: set[str] | None = None  # once turned round: what was read from the front
        self._pages = 0
        self._fruitless = 0  # pages in a row that brought nothing new
        self._rereads = 0
        self._known_at_reread = -1
        self._first_total: int | None = None
        self._request_limit = 0.0

    @property
    def bytes(self) -> int:
        """What the pages weigh whose rows wait to be handed out, and those under way will weigh, as far as known."""
        coming = sum(ask.size for ask in self._asked if ask not in self._came) * self._size.row_bytes
        return self._weight + sum(page.bytes for page in self._came.values()) + coming

    def ask(self) -> Ask | None:
        """The page that is wanted next; None while that depends on pages that are under way."""
        start = self._start
        if self._asked:
            last = self._asked[-1]
            start = last.start + self._step(last.size)
            if not self._foresees(start):
                return None
        ask = Ask(self.window, start, self._size.rows, self._forward is not None)
        self._asked.append(ask)
        return ask

    def take(self, asked: Ask, page: Page) -> list[Window]:
        """Take the page that was asked for, and join those whose turn it is.

        The windows that this one has been cut into beyond what it keeps for itself, mostly none.
        """
        if asked not in self._asked:
            return []
        self._came[asked] = page
        pieces: list[Window] = []
        while self._asked and self._asked[0] in self._came and not pieces:
            first = self._asked.popleft()
            window, self._start = self.window, first.start
            pieces = self._join(self._came.pop(first))
            if self.done or self.window is not window or not self._leads_on():
                self._asked.clear()
                self._came.clear()
        return pieces

    def _join(self, page: Page) -> list[Window]:
        end = self.length = self._end(page)
        self._seen = True
        self._count_request(end)
        joined = self._joins(page)
        met = self._forward is not None and any(row.id in self._forward for row in page.rows)
        fresh = self._absorb(page) if joined else 0
        self._fruitless = 0 if fresh else self._fruitless + 1
        # Rows deleted a moment ago are counted but not sent: then the end is where Jira looked, if nothing new came.
        at_end = self._start + len(page.rows) >= end or (not fresh and self._start + page.size >= end)
        if joined and (at_end or met):
            self._finish(end)
            return []
        pieces = self._cut(end)
        if not pieces:
            self._go_on(len(page.rows), end, joined=joined)
        return pieces

    def _foresees(self, start: int) -> bool:
        """Whether a page from there on is wanted in any case. What is added to an open window would come between."""
        closed, forward = self.window.high is not None, self._forward is None
        # A supposed length may be far off, as bulk changes make a few windows full and leave others empty.
        length = self.length if self._seen else self.length // 2
        return closed and forward and start < min(length, self._span.deepest)

    def _leads_on(self) -> bool:
        """Whether the pages under way continue what was read."""
        return not self._asked or (self._asked[0].start <= self._start and self._forward is None)

    def hand_out(self) -> list[Row]:
        """The pending rows, which are not pending any more."""
        rows, self.pending, self._weight = self.pending, [], 0
        return rows

    def lies_inside(self, row: Row) -> bool:
        """Whether the row, by what it prints, belongs to this window and to no other."""
        low, high, created = self.window.low, self.window.high, self.window.created
        if not _within(row.updated, low, high):
            return False
        return created is None or _within(row.created, *created)

    def _go_on(self, rows: int, end: int, *, joined: bool) -> None:
        if joined:
            self._start += self._step(rows)
        else:
            self._start = max(0, self._start - self._size.rows * self._fruitless)
        if self._start >= self._span.deepest:
            self._turn_round(end)

    def _count_request(self, end: int) -> None:
        self._pages += 1
        plan = end / self._step(self._size.rows)
        self._request_limit = max(self._request_limit, 20 + 4 * plan)
        if self._pages > self._request_limit:
            raise ReadError(
                f"issues with {self.window} could not be read to their end in {self._pages} requests; what was read "
                "before them is kept, the next run goes on from there"
            )

    def _end(self, page: Page) -> int:
        """Where the list ends: as this answer counts, but no later than where an open list ended when it began."""
        if self._first_total is None:
            self._first_total = page.total
        return page.total if self.window.high is not None else min(page.total, self._first_total)

    def _joins(self, page: Page) -> bool:
        """Whether everything before this page was read: it begins the list, or contains a row read before."""
        return self._start == 0 or any(row.id in self.rows for row in page.rows)

    def _absorb(self, page: Page) -> int:
        """Take over the rows that are new or have changed; how many were new."""
        fresh = changed = 0
        for row in page.rows:
            known = None if row.id is None else self.rows.get(row.id)
            if known is not None and (row.updated or 0) <= (known.updated or 0):
                continue
            fresh, changed = fresh + (row.id is not None and known is None), changed + 1
            self.pending.append(row)
            if row.id is None:
                self._nameless += 1
            else:
                self.rows[row.id] = row._replace(issue=None)
        self._weight += page.bytes * changed // max(1, len(page.rows))
        return fresh

    @classmethod
    def _step(cls, rows: int) -> int:
        """How far behind a page of so many rows the next one begins."""
        return max(1, rows - cls._overlap(rows))

    @staticmethod
    def _overlap(rows: int) -> int:
        """How many rows of a page the next one repeats, so that it joins though some of them left."""
        return min(rows // 2, 1 + rows // 20)

    def _finish(self, end: int) -> None:
        seen = len(self.rows) + self._nameless
        # Two nodes may have disagreed; one that still counts rows it cannot send stops this by bringing nothing new.
        if self._pages > 1 and seen < end and seen > self._known_at_reread and self._rereads < 3:
            self._known_at_reread, self._rereads = seen, self._rereads + 1
            self._start, self._forward = 0, None
            return
        self.done = True

    def _cut(self, end: int) -> list[Window]:
        """Cut this window where it holds more than a few pages, or where reading it leads nowhere."""
        capacity = min(self._size.rows * PAGES_PER_WINDOW, self._span.deepest // 2)
        stuck = self._fruitless >= FRUITLESS
        straddles = self.window.high is None and self.window.low < self._span.settled
        large = end > 2 * capacity
        if not (stuck or straddles or large):
            return []
        pieces = 2 if stuck else min(MOST_PIECES, -(-end // capacity)) if large else 0
        bounds = self._bounds(pieces)
        if bounds:
            return self._narrow([replace(self.window, low=a, high=b) for a, b in bounds], end)
        if end > self._span.deepest:
            return self._narrow(self._created_parts(pieces), end)
        return []

    def _bounds(self, pieces: int) -> list[tuple[int, int | None]]:
        """Where to cut in time: evenly over what is not read yet, and at ``settled``."""
        low, high, span = self.window.low, self.window.high, self._span
        if self.window.created:
            return []
        top = span.now if high is None else high
        read = [row.updated // 1000 for row in self.rows.values() if row.updated and _within(row.updated, low, top)]
        begin = max(read, default=low) if self._fruitless < FRUITLESS else low
        cuts = {begin + (top - begin) * n // pieces for n in range(1, pieces + (high is None and pieces > 0))}
        cuts.add(span.settled)
        return _edges(low, {span.aligned(cut) for cut in cuts}, high, top + (high is None))

    def _created_parts(self, pieces: int) -> list[Window]:
        """The parts of one overfull second, by ``created``; none if that is down to a second as well."""
        low, high = self.window.created or (0, None)
        top = high if high is not None else (self.window.high or self._span.now) + 1
        made = [row.created // 1000 for row in self.rows.values() if row.created and _within(row.created, low, top)]
        begin = min(made, default=low)
        cuts = {self._span.aligned(begin + (top - begin) * n // pieces) for n in range(pieces)}
        return [replace(self.window, created=part) for part in _edges(low, cuts, high, top)]

    def _narrow(self, parts: list[Window], end: int) -> list[Window]:
        """Keep the first part for this walk, the head of whose list is known already; return the others."""
        if not parts:
            return []
        self.window, self.length, self._seen = parts[0], end // len(parts), False
        inside = sum(1 for row in self.rows.values() if self.lies_inside(row))
        self._start = max(0, inside - self._overlap(max(2, self._size.rows)))
        self._fruitless = 0
        return parts[1:]

    def _turn_round(self, end: int) -> None:
        """Go on from the other end of a list that is too deep for startAt."""
        if self.window.low >= self._span.now:
            # The last window, all of it after S: the next run begins there.
            self.done = True
        elif self._forward is None and end < 2 * self._span.deepest:
            self._forward, self._start = set(self.rows), 0
        else:
            raise ReadError(
                f"more issues ({end}) than Jira's search can show share one second of updated and of created: "
                f"{self.window}; what was read before them is kept; to leave them out, set projects or jql"
            )


class Plan:
    """The windows of one run in their order: which pages are wanted, and which rows can be written."""

    def __init__(self, span: Span, size: PageSize, sent: Mapping[str, int | None] | None = None) -> None:
        """``sent``: ids that went out already in this run, with the ``updated`` that they printed."""
        self._span, self._size = span, size
        self._walks = deque([Walk(Window(span.aligned(span.low), None), span, size)])
        self._outside: dict[str, int | None] = dict(sent or {})

    @property
    def done(self) -> bool:
        """Whether everything was handed out."""
        return not self._walks

    def wanting(self, ahead_bytes: int) -> Iterator[tuple[Walk, Ask]]:
        """Pages to ask for, in order: those of the first window always, others while memory lasts."""
        for n, walk in enumerate(list(self._walks)):
            while not walk.done and (n == 0 or self._ahead < ahead_bytes):
                ask = walk.ask()
                if ask is None:
                    break
                yield walk, ask

    def feed(self, walk: Walk, asked: Ask, page: Page) -> None:
        """Give a walk the page it asked for."""
        self._size.learn(asked.size, page)
        cut = walk.take(asked, page)
        if not cut:
            return
        place = self._walks.index(walk) + 1
        for window in reversed(cut):
            self._walks.insert(place, Walk(window, self._span, self._size, walk.length))
        # Rows that were handed out already and now belong to a later window.
        pending = {row.id for row in walk.pending}
        handed_out = (row for row in walk.rows.values() if row.id not in pending)
        self._outside.update({str(row.id): row.updated for row in handed_out if not walk.lies_inside(row)})

    @property
    def _ahead(self) -> int:
        return sum(walk.bytes for walk in self._walks) - self._walks[0].bytes

    def ready(self) -> Iterator[Chunk]:
        """What can be written now, in order: rows of the first window as they come, of others when it is their turn."""
        while self._walks:
            walk = self._walks[0]
            if walk.done:
                self._walks.popleft()
            elif not walk.pending:
                return
            following = self._walks[0].window.low if self._walks else self._span.now
            yield Chunk(self._unsent(walk), min(following, self._span.now))

    def _unsent(self, walk: Walk) -> list[Row]:
        """The pending rows but for those that were sent, printing the same, when they lay outside a window."""
        pending = walk.hand_out()
        rows = []
        for row in pending:
            if row.id is not None:
                if row.id in self._outside and self._outside[row.id] == row.updated:
                    continue
                if not walk.lies_inside(row):
                    self._outside[row.id] = row.updated
            rows.append(row)
        return rows


def _within(millis: int | None, low: int, high: int | None) -> bool:
    """Whether an instant in milliseconds lies in [low, high), in seconds."""
    return millis is not None and low <= millis // 1000 and (high is None or millis // 1000 < high)


def _edges(low: int, cuts: set[int], high: int | None, top: int) -> list[tuple[int, int | None]]:
    """[low, high) cut at those of ``cuts`` that lie inside; empty if none does."""
    inside = sorted(cut for cut in cuts if low < cut < top)
    edges: list[int | None] = [*inside, high]
    return list(zip([low, *inside], edges, strict=True)) if inside else []
