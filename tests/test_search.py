"""The issue reader, against a list that the test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from tap_jira import search
from tap_jira.errors import ReadError
from tap_jira.offsets import OffsetWalk
from tap_jira.search import Ask, Chunk, Page, PageSize, Plan, Row, Span, Window

NOW = 1_700_000_000
DAY = 86_400


@dataclass
class Index:
    """Issues by id: (updated, created) in seconds; answers an Ask as Jira's search does."""

    issues: dict[int, tuple[int, int]]
    cap: int = 1000
    bytes_each: int = 20_000
    asked: list[Ask] = field(default_factory=list)
    before_answer: Callable[[Ask], None] = field(default=lambda asked: None)

    def answer(self, asked: Ask) -> Page:
        self.before_answer(asked)
        self.asked.append(asked)
        found = sorted((updated, key) for key, (updated, _) in self.issues.items() if self._matches(asked.window, key))
        if asked.backwards:
            found.reverse()
        size = min(asked.size, self.cap)
        rows = [self._row(key) for _, key in found[asked.start : asked.start + size]]
        return Page(rows, len(found), size, len(rows) * self.bytes_each)

    def _row(self, key: int) -> Row:
        updated, created = self.issues[key]
        return Row(str(key), updated * 1000 + 500, created * 1000 + 250, {"id": str(key)})

    def _matches(self, window: Window, key: int) -> bool:
        updated, created = self.issues[key]
        low, high = window.created or (0, None)
        by_updated = window.low <= updated and (window.high is None or updated < window.high)
        return by_updated and low <= created and (high is None or created < high)


def spread(count: int, days: int = 300, seed: int = 1) -> dict[int, tuple[int, int]]:
    """Issues updated at random in the last days."""
    draw = Random(seed).randrange
    return {n: (NOW - 3 * DAY - draw(days * DAY), NOW - 400 * DAY) for n in range(count)}


def read(index: Index, low: int = NOW - 365 * DAY, page_size: int = 100, lookback: int = 1200) -> list[Chunk]:
    """Everything from ``low`` on, asked for one page after another."""
    plan = Plan(OffsetWalk, Span(low=low, now=NOW, settled=max(low, NOW - lookback)), PageSize(page_size))
    chunks: list[Chunk] = []
    while not plan.done:
        walk, asked = next(plan.wanting(10**9))
        plan.feed(walk, asked, index.answer(asked))
        chunks.extend(plan.ready())
    return chunks


def ids(chunks: list[Chunk]) -> list[int]:
    return sorted(int(row.id or 0) for chunk in chunks for row in chunk.rows)


def test_what_fits_a_page_costs_one_request() -> None:
    """A range with no more issues than fit one page is read by a single request, and the bookmark is S."""
    index = Index(spread(100))

    chunks = read(index)

    assert (len(index.asked), chunks[-1].bookmark, len(chunks[-1].rows)) == (1, NOW, 100)


def test_nothing_costs_one_request() -> None:
    """An empty range is known to be empty after one request."""
    index = Index({})

    chunks = read(index)

    assert [(chunk.rows, chunk.bookmark) for chunk in chunks] == [([], NOW)]
    assert len(index.asked) == 1


def test_large_range_is_read_once_and_in_order() -> None:
    """Ten thousand issues come out once each, and no bookmark stands before an earlier one."""
    index = Index(spread(10_000))

    chunks = read(index)

    bookmarks = [chunk.bookmark for chunk in chunks]
    assert ids(chunks) == list(range(10_000))
    assert bookmarks == sorted(bookmarks)


def test_requests_stay_near_the_pages_there_are() -> None:
    """Windows, overlaps and cuts cost less than 40 % more requests than pages alone would."""
    index = Index(spread(20_000))

    read(index)

    assert len(index.asked) < 1.4 * 20_000 / 100


def test_every_chunk_lies_before_its_bookmark() -> None:
    """When a chunk has been handed out, every issue updated before its bookmark has been."""
    index = Index(spread(3_000))

    out: set[int] = set()
    for chunk in read(index):
        out.update(ids([chunk]))
        assert {key for key, (updated, _) in index.issues.items() if updated < chunk.bookmark} <= out


def test_offsets_stay_clear_of_the_result_window() -> None:
    """No request reaches past 10,000 rows, which newer Data Center refuses."""
    index = Index({n: (NOW - DAY, NOW - 400 * DAY + n) for n in range(30_000)})

    read(index)

    assert max(asked.start + asked.size for asked in index.asked) <= 10_000


def test_bulk_edit_larger_than_a_page() -> None:
    """Issues that share one second and fill many pages all come out."""
    index = Index({**spread(300), **dict.fromkeys(range(1000, 4000), (NOW - DAY, NOW - 100 * DAY))})

    chunks = read(index)

    assert ids(chunks) == sorted(index.issues)


def test_second_beyond_the_result_window_is_cut_by_created() -> None:
    """A second that holds more than startAt can reach is read in parts by ``created``, each issue once."""
    index = Index({n: (NOW - DAY, NOW - 90 * DAY + 17 * n) for n in range(25_000)})

    chunks = read(index)

    assert ids(chunks) == sorted(index.issues)
    assert any(asked.window.created for asked in index.asked)


def test_second_of_both_times_is_read_from_both_ends() -> None:
    """Issues that share updated and created to the second are read forwards and backwards until the ends meet."""
    index = Index(dict.fromkeys(range(14000), (NOW - DAY, NOW - 90 * DAY)))

    chunks = read(index)

    assert ids(chunks) == sorted(index.issues)
    assert any(asked.backwards for asked in index.asked)


def test_second_that_overflows_both_ends_fails_by_name() -> None:
    """A second that not even both ends reach ends the reading with an error that names it."""
    index = Index(dict.fromkeys(range(21000), (NOW - DAY, NOW - 90 * DAY)))

    with pytest.raises(ReadError, match=str(NOW - DAY)):
        read(index)


def test_rows_that_leave_do_not_hide_others() -> None:
    """However many rows of a window are edited between two pages, those that stay are all read."""
    index = Index(spread(400, days=2))
    still = set(range(0, 400, 3))

    def edit_some(asked: Ask) -> None:
        moved = [key for key in index.issues if key not in still and index.issues[key][0] < NOW][:40]
        index.issues.update({key: (NOW + 5, index.issues[key][1]) for key in moved})

    index.before_answer = edit_some
    out = ids(read(index, page_size=20))

    assert still <= set(out)


def test_page_that_does_not_join_steps_back() -> None:
    """When more rows left than pages overlap, the reader goes back instead of going on behind a gap."""
    index = Index(spread(60, days=1), cap=20)
    order = sorted(index.issues, key=lambda key: index.issues[key])

    def edit_the_first_page(asked: Ask) -> None:
        if len(index.asked) == 1:
            index.issues.update(dict.fromkeys(order[:20], (NOW + 5, 0)))

    index.before_answer = edit_the_first_page
    out = ids(read(index, page_size=20))

    assert set(order[20:]) <= set(out)


def test_row_unchanged_is_not_sent_twice() -> None:
    """An issue that one window showed by a stale entry is not sent again where it belongs, unless it changed."""
    index = Index(spread(500))
    chunks = read(index)

    assert len(ids(chunks)) == len(set(ids(chunks)))


def test_endless_list_ends_with_an_error() -> None:
    """A server that never shows what it counts makes the reading fail, saying which window."""

    class Broken(Index):
        def answer(self, asked: Ask) -> Page:
            self.asked.append(asked)
            return Page([], 50_000, asked.size, 10)

    with pytest.raises(ReadError, match="each promising more, hold none of the issues asked for"):
        read(Broken({}))


def test_issues_without_updated_or_id_pass_through() -> None:
    """Rows that lack an id or an ``updated`` are handed on, not dropped."""

    class Odd(Index):
        def answer(self, asked: Ask) -> Page:
            return Page([Row(None, None, None, "odd"), Row("7", None, None, {})], 2, asked.size, 10)

    rows = [row for chunk in read(Odd({})) for row in chunk.rows]

    assert [row.id for row in rows] == [None, "7"]


def test_page_size_follows_the_weight() -> None:
    """Pages grow while they are light, shrink when heavy, and keep to what Jira is willing to send."""
    size = PageSize(100)
    light = Page([Row(str(n), None, None, None) for n in range(100)], 100, 100, 100 * 1_000)
    for _ in range(20):
        size.learn(100, light)
    grown = size.rows
    size.learn(grown, Page(light.rows, 100, 50, 100 * 1_000))
    capped = size.rows
    for _ in range(20):
        size.learn(50, Page(light.rows, 100, 50, 100 * 200_000))

    assert (grown, capped, size.rows) == (1000, 50, 11)


def first_page_read(count: int) -> tuple[Index, Plan]:
    """A plan of several windows, cut by its first page."""
    index = Index(spread(count))
    plan = Plan(OffsetWalk, Span(low=NOW - 365 * DAY, now=NOW, settled=NOW - 1200), PageSize(100))
    walk, asked = next(plan.wanting(10**9))
    plan.feed(walk, asked, index.answer(asked))
    list(plan.ready())
    return index, plan


def test_windows_wait_when_too_much_lies_ahead() -> None:
    """Only the first window is asked for while later ones hold more bytes than allowed."""
    index, plan = first_page_read(5_000)
    (first, first_asked), *later = list(plan.wanting(10**9))
    for walk, asked in later:
        plan.feed(walk, asked, index.answer(asked))
    waiting = list(plan.wanting(ahead_bytes=1))
    plan.feed(first, first_asked, index.answer(first_asked))

    assert len(later) > 2
    assert waiting == []
    assert {walk for walk, _ in plan.wanting(ahead_bytes=1)} == {first}


def test_the_pages_of_a_window_are_under_way_together() -> None:
    """Once it is known how long a window's list is, all of its pages are asked for, and may come in any order."""
    index, plan = first_page_read(700)
    chunks: list[Chunk] = []
    most = 0
    while not plan.done:
        wanted = list(plan.wanting(10**9))
        most = max(most, *(sum(walk is other for other, _ in wanted) for walk, _ in wanted))
        for walk, asked in reversed(wanted):
            plan.feed(walk, asked, index.answer(asked))
        chunks.extend(plan.ready())

    assert most > 2
    assert len(ids(chunks)) == len(set(ids(chunks)))


def test_a_window_is_handed_out_page_by_page() -> None:
    """Of a window that is whole the pages come one by one, and the bookmark moves with the last of them."""
    index, plan = first_page_read(700)
    while len(wanted := list(plan.wanting(10**9))) > 0:
        for walk, asked in wanted:
            plan.feed(walk, asked, index.answer(asked))
    chunks = list(plan.ready())

    assert max(len(chunk.rows) for chunk in chunks) < 120
    assert [chunk.bookmark for chunk in chunks] == [NOW - 365 * DAY] * (len(chunks) - 2) + [NOW - 1200, NOW]
    assert len(chunks) > 5


def test_pages_that_lead_nowhere_are_forgotten() -> None:
    """When a page brings less than was asked for, those asked for behind it are asked for again from where it ended."""
    index = Index(spread(700))
    plan = Plan(OffsetWalk, Span(low=NOW - 365 * DAY, now=NOW, settled=NOW - 1200), PageSize(100))
    chunks: list[Chunk] = []
    while not plan.done:
        for walk, asked in list(plan.wanting(10**9)):
            plan.feed(walk, asked, index.answer(asked))
            index.cap = 30
        chunks.extend(plan.ready())

    assert ids(chunks) == sorted(index.issues)


def test_constants_leave_room() -> None:
    """The deepest offset and the largest page together stay within Jira's result window."""
    assert search.DEEPEST + search.LARGEST_PAGE <= 10_000
