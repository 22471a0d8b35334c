"""Read a window by position (startAt), as Server and Data Center cut their lists, and join the pages."""

from __future__ import annotations

from dataclasses import replace

from tap_jira.errors import ReadError
from tap_jira.search import (
    FRUITLESS,
    MOST_PIECES,
    PAGES_PER_WINDOW,
    Ask,
    Page,
    PageSize,
    Span,
    Walk,
    Window,
    edges,
    within,
)


class OffsetWalk(Walk):
    """Joins the pages of one window, of which several may be under way."""

    def __init__(self, window: Window, span: Span, size: PageSize, length: int = 0) -> None:
        super().__init__(window, span, size, length)
        self._came: dict[Ask, Page] = {}  # pages that came before one that stands before them
        self._seen = False  # whether ``length`` is known from a page of this window
        self._start = 0
        self._forward: set[str] | None = None  # once turned round: what was read from the front
        self._rereads = 0
        self._known_at_reread = -1
        self._first_total: int | None = None

    @property
    def bytes(self) -> int:
        """Pages that came are counted as what they weigh."""
        came = sum(page.weight - ask.size * self._size.row_weight for ask, page in self._came.items())
        return super().bytes + came

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
        self._count_request(end, self._step(self._size.rows))
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

    def _go_on(self, rows: int, end: int, *, joined: bool) -> None:
        if joined:
            self._start += self._step(rows)
        else:
            self._start = max(0, self._start - self._size.rows * self._fruitless)
        if self._start >= self._span.deepest:
            self._turn_round(end)

    def _end(self, page: Page) -> int:
        """Where the list ends: as this answer counts, but no later than where an open list ended when it began."""
        if self._first_total is None:
            self._first_total = page.total
        return page.total if self.window.high is not None else min(page.total, self._first_total)

    def _joins(self, page: Page) -> bool:
        """Whether everything before this page was read: it begins the list, or contains a row read before."""
        return self._start == 0 or any(row.id in self.rows for row in page.rows)

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

    def _created_parts(self, pieces: int) -> list[Window]:
        """The parts of one overfull second, by ``created``; none if that is down to a second as well."""
        low, high = self.window.created or (0, None)
        top = high if high is not None else (self.window.high or self._span.now) + 1
        made = [row.created // 1000 for row in self.rows.values() if row.created and within(row.created, low, top)]
        begin = min(made, default=low)
        cuts = {self._span.aligned(begin + (top - begin) * n // pieces) for n in range(pieces)}
        return [replace(self.window, created=part) for part in edges(low, cuts, high, top)]

    def _narrow(self, parts: list[Window], end: int) -> list[Window]:
        """The head of the first part's list is known already."""
        rest = super()._narrow(parts, end)
        if parts:
            inside = sum(1 for row in self.rows.values() if self.lies_inside(row))
            self._start = max(0, inside - self._overlap(max(2, self._size.rows)))
            self._seen = False
        return rest

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
