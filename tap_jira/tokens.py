"""Read a window by page tokens, as Jira Cloud cuts its lists; see ``search`` for what must be shown of it.

A token continues where its page ended, so pages need not be joined. What can go wrong is the token: it may be missing
though there is more, come twice, or not be taken any more. In each case a new search begins at the last row that was
read, and only a search from there that brings nothing new shows that the list is at its end.
"""

from __future__ import annotations

from dataclasses import replace

from tap_jira.errors import ReadError
from tap_jira.search import FRUITLESS, MOST_PIECES, Ask, Page, PageSize, Row, Span, Walk, Window

PAGES_PER_WINDOW = 3
"""Fewer than by position, as the pages of a window cannot be under way together."""
MOST_EMPTY = 20
MOST_CLOSINGS = 6
"""So often nothing new, and a list is taken to be at its end though the answers leave a doubt."""


class TokenWalk(Walk):
    """Follows the tokens through one window, and asks a closing question where the list took several pages."""

    def __init__(self, window: Window, span: Span, size: PageSize, length: int = 0) -> None:
        super().__init__(window, span, size, length)
        self._from = window.low  # where the search begins whose tokens are followed
        self._token: str | None = None
        self._followed: set[str] = set()
        self._met: set[str | None] = set()  # what this search has shown
        self._fresh = 0  # how much of it was new
        self._empty = 0
        self._most = 0  # rows of the largest page
        self._closing = False
        self._agreed = 0  # closing searches that came past the last row
        self._last: str | None = None  # the last row that was new
        self._count_at = self._pages_to_count(length)

    @property
    def _capacity(self) -> int:
        """Rows that one window should hold."""
        return self._size.rows * PAGES_PER_WINDOW

    def ask(self) -> Ask | None:
        """One page at a time: the next one's token is in its answer."""
        if self._asked:
            return None
        window, counts = replace(self.window, low=self._from), self._pages >= self._count_at
        ask = Ask(window, 0, self._size.rows, token=self._token, counts=counts)
        self._asked.append(ask)
        return ask

    def take(self, asked: Ask, page: Page) -> list[Window]:
        """Take a page, and see where its token leads."""
        self._asked.clear()
        self.length = page.total or self.length
        self._most = max(self._most, len(page.rows))
        self._count_request(max(self.length, len(self.rows)), max(1, self._most))
        fresh = self._absorb(page)
        if asked.counts and page.token:
            # A site that does not count is not asked at each page.
            self._count_at = self._pages + self._pages_for(page.total or len(self.rows))
        self._fresh += sum(map(self._counts, fresh))
        self._met.update(row.id for row in page.rows)
        if fresh:
            self._last = page.rows[-1].id
        if page.is_lost or page.token in self._followed:
            self._begin_again()
        elif page.token is None and self._pages == 1 and len(page.rows) < self._span.small:
            self.done = True
        elif self._is_past_the_end(page):
            self._close()
        elif page.token is None:
            self._end(page)
        elif asked.counts and self._leads_on(asked) and (pieces := self._cut(page.total)):
            return pieces
        else:
            self._follow(page.token, page)
        return []

    def _pages_to_count(self, length: int) -> int:
        """After how many pages to ask how long the list is: at once where it is supposed to need cutting."""
        return 0 if length > 2 * self._capacity else self._pages_for(length)

    def _pages_for(self, length: int) -> int:
        """More pages than a list that is about so long should take; the length is a hint."""
        return 2 * -(-length // self._size.rows) + 2 if length else 0

    def _follow(self, token: str, page: Page) -> None:
        self._empty = 0 if page.rows else self._empty + 1
        if self._empty > MOST_EMPTY:
            raise ReadError(f"{self._empty} empty pages in a row, each promising more, for issues with {self.window}")
        self._token = token
        self._followed.add(token)

    def _begin_again(self) -> None:
        """A token led nowhere: search anew from the last row."""
        self._fruitless = 0 if self._fresh else self._fruitless + 1
        if self._fruitless >= FRUITLESS:
            raise ReadError(
                f"Jira's page tokens lead nowhere (the same one twice, or one that it does not take back) for issues "
                f"with {self.window}; what was read before them is kept, the next run goes on from there"
            )
        self._search_from_last_row()

    def _end(self, page: Page) -> None:
        """Jira says that this is the end: true where a closing question has brought nothing."""
        if self._closing and not self._fresh:
            self._fruitless += 1
            self.done = self._is_sure(page)
        else:
            self._fruitless = self._agreed = 0
        if not self.done:
            self._closing = True
            self._search_from_last_row()

    def _is_sure(self, page: Page) -> bool:
        """Whether a closing search that brought nothing new has shown the end, and not lost a token itself.

        A full page without a token may have lost it. The last row that was new may have left the window meanwhile, or
        lie far behind where the open window ends.
        """
        has_met = self._last is None or self._last in self._met
        is_full = bool(page.rows) and len(page.rows) >= self._most
        self._agreed += has_met
        if (has_met and not is_full) or self._agreed >= FRUITLESS:
            return True
        if self._fruitless >= MOST_CLOSINGS and is_full:
            raise ReadError(f"Jira's page tokens get lost: the end of issues with {self.window} is never shown")
        return self._fruitless >= MOST_CLOSINGS

    def _search_from_last_row(self) -> None:
        self._from, self._token = self._last_second(), None
        self._followed, self._met, self._fresh, self._empty = set(), set(), 0, 0

    def _last_second(self) -> int:
        """From where on nothing is known yet.

        A row that prints a time inside a settled window is indexed by that time. In any other the index may still show
        an older one, and rows behind that would be passed over.
        """
        low, high = self.window.low, self.window.high
        if high is None or high > self._span.settled:
            return low
        inside = (row.updated // 1000 for row in self.rows.values() if row.updated and self.lies_inside(row))
        return max(low, self._span.aligned(max(inside, default=low)))

    def _counts(self, row: Row) -> bool:
        """Whether a new row shows that the list had not ended; to the open window rows are added for ever."""
        return self.window.high is not None or (row.updated or 0) < self._span.now * 1000

    def _is_past_the_end(self, page: Page) -> bool:
        """Whether the open window seems to be read as far as it went when it began."""
        is_open = self.window.high is None and len(self.rows) >= self.length
        return is_open and bool(page.rows) and not any(map(self._counts, page.rows))

    def _close(self) -> None:
        """Go no further than S, by what the search goes by, and show the end of that: rows are added to it no more.

        The open window goes on for ever, and what its rows print shows no end: one that was edited a moment ago still
        stands where it stood, with others behind it that nobody has touched.
        """
        low, high = self.window.low, self._span.aligned(self._span.now)
        self.window = replace(self.window, high=max(low, high))
        self.done = high <= low
        self._last = None
        self._search_from_last_row()

    def _leads_on(self, asked: Ask) -> bool:
        """Whether a search that begins at the last row repeats less than this one; in a full second it would not."""
        return asked.token is None or self._last_second() > self._from

    def _cut(self, hint: int) -> list[Window]:
        """Cut this window at what is settled, and where it is supposed to hold more than a few pages."""
        straddles = self.window.high is None and self.window.low < self._span.settled
        pieces = min(MOST_PIECES, -(-hint // self._capacity)) if hint > 2 * self._capacity else 0
        bounds = self._bounds(pieces) if pieces or straddles else []
        if not bounds:
            return []
        rest = self._narrow([replace(self.window, low=a, high=b) for a, b in bounds], hint)
        self._search_from_last_row()
        self._count_at = self._pages + self._pages_to_count(self.length)
        return rest
