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

Jira Cloud has no positions but page tokens, which continue where their page ended: ``tokens`` says what 2. and 3. are
there. Everything else holds for both.

Many issues in one second: a second that holds more than can be reached by startAt is cut by ``created`` (E); one that
overflows even then is read from both ends; after that the walk fails, naming the second.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tap_jira.errors import ReadError

DEEPEST = 9_000
"""startAt is kept below this: newer Data Center refuses startAt + maxResults over 10,000."""
PAGES_PER_WINDOW = 16
MOST_PIECES = 16
FRUITLESS = 3
"""So many pages in a row without anything new, and the window is cut smaller."""
PAGE_BYTES = 2_200_000
LARGEST_PAGE = 1_000
MOST_IDLE = 1_000
"""Pages in a row without a row of their window, though each promises more."""
MOST_ROWS = 2_000_000
"""Rows of one window, all of which are remembered, after which its list is taken to have no end."""
SMALL = 25
"""Jira Cloud cuts no page shorter than this while there is more, so that a quiet run costs a single search."""


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

    def holds(self, row: Row) -> bool:
        """Whether the row prints times that lie inside."""
        if not within(row.updated, self.low, self.high):
            return False
        return self.created is None or within(row.created, *self.created)

    def __str__(self) -> str:
        part = f", created in {self.created}" if self.created else ""
        return f"updated in [{self.low}, {'…' if self.high is None else self.high}){part} (epoch seconds)"


@dataclass(frozen=True, eq=False)
class Ask:
    """A page to be fetched: ``size`` rows from position ``start`` of a window, in order or from its end.

    Two that look the same are two all the same: what the first brings may be wanted no more. On Jira Cloud, which has
    no positions, ``token`` names the page, None for the first; ``counts``: whether the length is wanted as well.
    """

    window: Window
    start: int
    size: int
    backwards: bool = False
    token: str | None = None
    counts: bool = False


@dataclass(frozen=True)
class Page:
    """An answer to an ``Ask``: rows, the length of the whole list, how many Jira would send at most, its bytes.

    ``held``: the bytes that it takes while it waits, where they are fewer. On Jira Cloud ``total`` is a hint, and 0
    where it was not asked for; ``token`` names the next page. ``is_lost``: the token that was asked with is not good
    any more.
    """

    rows: list[Row]
    total: int
    size: int
    bytes: int
    token: str | None = None
    is_lost: bool = False
    held: int = 0

    @property
    def weight(self) -> int:
        """Bytes that it takes while it waits."""
        return self.held or self.bytes


@dataclass
class Chunk:
    """Rows to be written next, and the bookmark (epoch seconds) that is safe once they are."""

    rows: list[Row]
    bookmark: int


@dataclass
class PageSize:
    """How many rows to ask for so that a page weighs about 2.2 MB; learns from each page, starts careful."""

    rows: int
    limit: int = LARGEST_PAGE
    row_weight: int = 0
    """What a row of the last page takes while it waits, in bytes."""

    def learn(self, asked: int, page: Page) -> None:
        """Move half of the way towards the size that this page suggests, within what Jira is willing to send."""
        if 0 < page.size < asked:
            self.limit = min(self.limit, page.size)
        if page.rows:
            self.row_weight = page.weight // len(page.rows)
            fitting = PAGE_BYTES * len(page.rows) // max(1, page.bytes)
            # Never one alone: pages join by a row that both have.
            self.rows = max(2, min(self.limit, (self.rows + fitting) // 2))


@dataclass(frozen=True)
class Span:
    """What a run reads: issues updated from ``low`` on, at server time ``now`` (S), with ``settled`` = S - lookback.

    ``aligned`` moves a bound (epoch seconds) back to one that the query language can express. startAt is kept
    below ``deepest``. A single page of fewer than ``small`` rows and without a token is the whole list.
    """

    low: int
    now: int
    settled: int
    aligned: Callable[[int], int] = field(default=lambda seconds: seconds)
    deepest: int = DEEPEST
    small: int = SMALL


class Walk(ABC):
    """Reads one window: says what to ask next, and is given each page. How pages are cut is for subclasses to know."""

    def __init__(self, window: Window, span: Span, size: PageSize, length: int = 0) -> None:
        """``length``: as long as the list is supposed to be, before a page of it was seen."""
        self.window, self.length, self._span, self._size = window, length, span, size
        self.rows: dict[str, Row] = {}  # what was read, without the issues themselves
        self._pending: deque[tuple[list[Row], int]] = deque()  # what was not yet handed out, by pages, and its bytes
        self.done = False
        self._asked: deque[Ask] = deque()  # pages under way, in order
        self._pages = 0
        self._nameless = 0
        self._fruitless = 0  # pages in a row that brought nothing new
        self._request_limit = 0.0

    @property
    def bytes(self) -> int:
        """What the pages weigh whose rows wait to be handed out, and those under way will weigh, as far as known."""
        pending = sum(weight for _, weight in self._pending)
        return pending + sum(ask.size for ask in self._asked) * self._size.row_weight

    @abstractmethod
    def ask(self) -> Ask | None:
        """The page that is wanted next; None while that depends on pages that are under way."""

    @abstractmethod
    def take(self, asked: Ask, page: Page) -> list[Window]:
        """Take the page that was asked for.

        The windows that this one has been cut into beyond what it keeps for itself, mostly none.
        """

    @property
    def pending(self) -> list[Row]:
        """What was read and not yet handed out."""
        return [row for rows, _ in self._pending for row in rows]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pending."""
        return not self._pending

    def hand_out(self) -> list[Row]:
        """The pending rows of one page, which are not pending any more."""
        return self._pending.popleft()[0] if self._pending else []

    def lies_inside(self, row: Row) -> bool:
        """Whether the row, by what it prints, belongs to this window and to no other."""
        return self.window.holds(row)

    def _count_request(self, end: int, step: int) -> None:
        """Count a page of a list that ends there; each is supposed to lead on by ``step`` rows."""
        self._pages += 1
        self._request_limit = max(self._request_limit, 20 + 4 * end / step)
        if self._pages > self._request_limit or len(self.rows) > MOST_ROWS:
            raise ReadError(
                f"issues with {self.window} could not be read to their end in {self._pages} requests; what was read "
                "before them is kept, the next run goes on from there"
            )

    def _absorb(self, page: Page) -> list[Row]:
        """Take over the rows that are new or have changed; those that are new and have an id."""
        fresh, changed = [], []
        for row in page.rows:
            known = None if row.id is None else self.rows.get(row.id)
            if known is not None and (row.updated or 0) <= (known.updated or 0):
                continue
            changed.append(row)
            if row.id is not None and known is None:
                fresh.append(row)
            if row.id is None:
                self._nameless += 1
            else:
                self.rows[row.id] = row._replace(issue=None)
        if changed:
            self._pending.append((changed, page.weight * len(changed) // len(page.rows)))
        return fresh

    def _bounds(self, pieces: int) -> list[tuple[int, int | None]]:
        """Where to cut in time: evenly over what is not read yet, and at ``settled``."""
        low, high, span = self.window.low, self.window.high, self._span
        if self.window.created:
            return []
        top = span.now if high is None else high
        read = [row.updated // 1000 for row in self.rows.values() if row.updated and within(row.updated, low, top)]
        begin = max(read, default=low) if self._fruitless < FRUITLESS else low
        cuts = {begin + (top - begin) * n // pieces for n in range(1, pieces + (high is None and pieces > 0))}
        cuts.add(span.settled)
        return edges(low, {span.aligned(cut) for cut in cuts}, high, top + (high is None))

    def _narrow(self, parts: list[Window], end: int) -> list[Window]:
        """Keep the first part for this walk, return the others."""
        if not parts:
            return []
        self.window, self.length = parts[0], end // len(parts)
        self._fruitless = 0
        return parts[1:]


class Plan:
    """The windows of one run in their order: which pages are wanted, and which rows can be written."""

    def __init__(
        self, walk: Callable[..., Walk], span: Span, size: PageSize, sent: Mapping[str, int | None] | None = None
    ) -> None:
        """``walk``: how pages are cut. ``sent``: ids that went out already in this run, with their ``updated``."""
        self._walk, self._span, self._size = walk, span, size
        self._walks = deque([walk(Window(span.aligned(span.low), None), span, size)])
        self._outside: dict[str, int | None] = dict(sent or {})
        self._total: int | None = None  # of the whole span, as the first page tells
        self._handed_out = 0
        self._idle = 0

    @property
    def done(self) -> bool:
        """Whether everything was handed out."""
        return not self._walks

    def wanting(self, ahead_bytes: int) -> Iterator[tuple[Walk, Ask]]:
        """Pages to ask for, in order: those of the first window always, others while memory lasts."""
        for n, walk in enumerate(list(self._walks)):
            while not walk.done:
                if n > 0 and self._ahead >= ahead_bytes:
                    return
                ask = walk.ask()
                if ask is None:
                    break
                yield walk, ask

    def feed(self, walk: Walk, asked: Ask, page: Page) -> None:
        """Give a walk the page it asked for."""
        self._size.learn(asked.size, page)
        if self._total is None:
            self._total = page.total
        cut = walk.take(asked, page)
        self._idle = 0 if walk.done or any(map(asked.window.holds, page.rows)) else self._idle + 1
        if self._idle > MOST_IDLE:
            raise ReadError(
                f"{self._idle} pages in a row, each promising more, hold none of the issues asked for; the last ones "
                f"{walk.window}"
            )
        if not cut:
            return
        place = self._walks.index(walk) + 1
        for window in reversed(cut):
            self._walks.insert(place, self._walk(window, self._span, self._size, walk.length))
        # Rows that were handed out already and now belong to a later window.
        pending = {row.id for row in walk.pending}
        handed_out = (row for row in walk.rows.values() if row.id not in pending)
        self._outside.update({str(row.id): row.updated for row in handed_out if not walk.lies_inside(row)})

    @property
    def handed_out(self) -> int:
        """How many rows were handed out."""
        return self._handed_out

    @property
    def rows_left(self) -> int:
        """About how many rows are still to be handed out; 0 if Jira has not told how many there were at first."""
        return max(0, (self._total or 0) - self._handed_out)

    @property
    def share(self) -> float:
        """What share of the time span was handed out whole, between 0 and 1."""
        span = self._span
        reached = self._walks[0].window.low if self._walks else span.now
        return min(1.0, max(0.0, (reached - span.low) / max(1, span.now - span.low)))

    @property
    def _ahead(self) -> int:
        return sum(walk.bytes for walk in self._walks) - self._walks[0].bytes

    def ready(self) -> Iterator[Chunk]:
        """What can be written now, page by page: of the first window as they come, of others when it is their turn.

        The plan may be fed between two of them.
        """
        while self._walks and (self._walks[0].done or not self._walks[0].is_empty):
            walk = self._walks[0]
            rows = self._unsent(walk)
            if walk.done and walk.is_empty:
                self._walks.popleft()
            following = self._walks[0].window.low if self._walks else walk.window.high or self._span.now
            yield Chunk(rows, min(following, self._span.now))

    def _unsent(self, walk: Walk) -> list[Row]:
        """The rows of a page but for those that were sent, printing the same, when they lay outside a window."""
        rows = []
        for row in walk.hand_out():
            if row.id is not None:
                if row.id in self._outside and self._outside[row.id] == row.updated:
                    continue
                if not walk.lies_inside(row):
                    self._outside[row.id] = row.updated
            rows.append(row)
        self._handed_out += len(rows)
        return rows


def within(millis: int | None, low: int, high: int | None) -> bool:
    """Whether an instant in milliseconds lies in [low, high), in seconds."""
    return millis is not None and low <= millis // 1000 and (high is None or millis // 1000 < high)


def edges(low: int, cuts: set[int], high: int | None, top: int) -> list[tuple[int, int | None]]:
    """[low, high) cut at those of ``cuts`` that lie inside; empty if none does."""
    inside = sorted(cut for cut in cuts if low < cut < top)
    edges: list[int | None] = [*inside, high]
    return list(zip([low, *inside], edges, strict=True)) if inside else []
