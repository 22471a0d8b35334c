"""Reading by page tokens, against a list that the test holds in its hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from tap_jira.errors import ReadError
from tap_jira.search import Ask, Chunk, Page, PageSize, Plan, Row, Span, Window
from tap_jira.tokens import MOST_EMPTY, TokenWalk

NOW = 1_700_000_000
DAY = 86_400
LOW, SETTLED = NOW - 365 * DAY, NOW - 600
SPAN = Span(low=LOW, now=NOW, settled=SETTLED)
CLOSED = Window(NOW - 10 * DAY, NOW - DAY)
CAP = 30
ENDLESS = 2_000


@pytest.fixture(autouse=True)
def windows_of_four_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of several pages are not cut, so that what follows from page to page is to be seen."""
    monkeypatch.setattr("tap_jira.tokens.PAGES_PER_WINDOW", 4)


@dataclass
class Index:
    """Issues by id, with ``updated`` in seconds; answers an Ask as Cloud's search does."""

    issues: dict[int, int]
    count: Callable[[int], int] = field(default=lambda real: real)
    before_answer: Callable[[Ask], None] = field(default=lambda asked: None)
    change: Callable[[Ask, Page], Page] = field(default=lambda asked, page: page)
    asked: list[Ask] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def answer(self, asked: Ask) -> Page:
        assert len(self.asked) < ENDLESS
        self.before_answer(asked)
        self.asked.append(asked)
        found = sorted((updated, key) for key, updated in self.issues.items() if lies_in(asked.window, updated))
        place = self.places[asked.token] if asked.token else (0, 0)
        behind = [entry for entry in found if entry > place]
        shown = behind[: min(asked.size, CAP)]
        token = self.token(shown[-1]) if len(behind) > len(shown) else None
        rows = [Row(str(key), updated * 1000 + 500, None, {"id": str(key)}) for updated, key in shown]
        total = self.count(len(found)) if token and asked.counts else 0
        self.pages.append(self.change(asked, Page(rows, total, asked.size, len(rows) * 20_000, token)))
        return self.pages[-1]

    def token(self, place: tuple[int, int]) -> str:
        """A new token that continues behind this place."""
        name = f"token {len(self.places)}"
        self.places[name] = place
        return name

    def emptied(self, asked: Ask, page: Page) -> Page:
        """The page without its rows, and a token that leads to them."""
        place = self.places[asked.token] if asked.token else (0, 0)
        return replace(page, rows=[], bytes=0, token=self.token(place))


def lies_in(window: Window, updated: int) -> bool:
    return window.low <= updated and (window.high is None or updated < window.high)


def minutes(count: int) -> dict[int, int]:
    """Issues of the closed window, a minute apart."""
    return {n: CLOSED.low + 60 * n for n in range(1, count + 1)}


def spread(count: int, days: int = 300) -> dict[int, int]:
    """Issues updated at random in the last days."""
    draw = Random(1).randrange
    return {n: NOW - DAY - draw(days * DAY) for n in range(1, count + 1)}


def walk(index: Index) -> list[int]:
    """The ids of one window, which is read by itself."""
    reading = TokenWalk(CLOSED, SPAN, PageSize(CAP))
    while not reading.done:
        asked = reading.ask()
        assert asked is not None
        assert reading.take(asked, index.answer(asked)) == []
    return [int(row.id or 0) for row in reading.pending]


def chunks(index: Index, low: int = LOW, settled: int = SETTLED, grain: int = 1) -> Iterator[Chunk]:
    """Everything from ``low`` on, asked for one page after another, with bounds that are multiples of ``grain``."""
    aligned = lambda seconds: seconds // grain * grain  # noqa: E731
    plan = Plan(TokenWalk, Span(low=low, now=NOW, settled=settled, aligned=aligned), PageSize(CAP))
    while not plan.done:
        reading, asked = next(plan.wanting(10**9))
        plan.feed(reading, asked, index.answer(asked))
        yield from plan.ready()


def ids(read: list[Chunk]) -> list[int]:
    return sorted(int(row.id or 0) for chunk in read for row in chunk.rows)


def for_answers(numbers: set[int], change: Callable[[Ask, Page], Page]) -> Callable[[Ask, Page], Page]:
    """Changes these answers, counted from 1, and no others."""
    left = iter(range(1, ENDLESS))
    return lambda asked, page: change(asked, page) if next(left) in numbers else page


def dropped(asked: Ask, page: Page) -> Page:
    return replace(page, token=None)


def repeated(asked: Ask, page: Page) -> Page:
    return replace(page, token=asked.token) if asked.token else page


def lost(asked: Ask, page: Page) -> Page:
    return Page([], 0, asked.size, 0, is_lost=True) if asked.token else page


# A list that is well.


@pytest.mark.parametrize("count", [0, 1, 24])
def test_what_fits_one_small_page_costs_one_request(count: int) -> None:
    """Fewer issues than any page is cut to are read by a single request, and the bookmark is S."""
    index = Index(spread(count))

    read = list(chunks(index))

    assert (ids(read), read[-1].bookmark, len(index.asked)) == (sorted(index.issues), NOW, 1)


def test_page_that_may_have_been_cut_is_asked_about() -> None:
    """A single page as long as one that Cloud may cut short costs a closing question."""
    index = Index(minutes(25))

    assert (walk(index), len(index.asked)) == (sorted(index.issues), 2)


def test_tokens_are_followed() -> None:
    """Each page but the first is asked for with the token of the one before, and each issue comes once."""
    index = Index(minutes(4 * CAP))

    assert walk(index) == sorted(index.issues)
    assert [asked.token for asked in index.asked[:4]] == [None, *(page.token for page in index.pages[:3])]


def test_several_pages_end_with_a_closing_question() -> None:
    """After the last page it is asked once more, from the last row's second on, and that brings nothing new."""
    index = Index(minutes(100))
    walk(index)

    *_, closing = index.asked
    assert (closing.token, closing.window) == (None, replace(CLOSED, low=index.issues[100]))
    assert [row.id for row in index.pages[-1].rows] == ["100"]
    assert len(index.asked) == 5


def test_rows_that_leave_hide_no_others() -> None:
    """However many rows of a window are edited between two pages, those that stay are all read."""
    index = Index(minutes(400), count=lambda real: 0)
    still = set(range(1, 401, 3))

    def edit_some(asked: Ask) -> None:
        moved = [key for key, updated in index.issues.items() if key not in still and updated < NOW][:40]
        index.issues.update(dict.fromkeys(moved, NOW + 5))

    index.before_answer = edit_some

    assert still <= set(walk(index))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("pages", [20, 40, 200])
def test_second_that_fills_many_pages(pages: int, share: float) -> None:
    """Issues that share one second come once each, whatever the count, and no page is asked for many times."""
    index = Index(dict.fromkeys(range(1, pages * CAP), NOW - DAY), count=lambda real: int(real * share))

    assert ids(list(chunks(index))) == sorted(index.issues)
    assert len(index.asked) < 3.2 * pages


def test_row_without_an_id_is_handed_on() -> None:
    """A row that has neither id nor ``updated`` comes out like the others."""
    index = Index({}, change=lambda asked, page: replace(page, rows=[Row(None, None, None, "odd")]))

    assert [row.issue for chunk in chunks(index) for row in chunk.rows] == ["odd"]


# Windows.


def test_large_range_is_read_once_and_in_order() -> None:
    """Three thousand issues come out once each; when a chunk is out, so is all that lies before its bookmark."""
    index = Index(spread(3_000))

    out: list[int] = []
    for chunk in chunks(index):
        out.extend(ids([chunk]))
        assert {key for key, updated in index.issues.items() if updated < chunk.bookmark} <= set(out)
    assert sorted(out) == sorted(index.issues)


def test_windows_and_questions_cost_few_requests() -> None:
    """Cuts and closing questions cost no more than 60 % on top of the pages that there are."""
    index = Index(spread(6_000))
    list(chunks(index))

    assert len(index.asked) < 1.6 * 6_000 / CAP


@pytest.mark.parametrize("share", [0.0, 0.01, 0.7, 1.3, 50.0])
def test_wrong_count_costs_no_row(share: float) -> None:
    """Where the count is far off, or 0, every issue comes once all the same."""
    index = Index(spread(1_500), count=lambda real: int(real * share))

    assert ids(list(chunks(index))) == sorted(index.issues)


def test_count_shapes_the_windows() -> None:
    """What is said to be long is read in more windows than what is said to be short."""
    short, long = Index(spread(1_500), count=lambda real: 0), Index(spread(1_500))
    for index in (short, long):
        list(chunks(index))

    windows = [{asked.window.high for asked in index.asked} for index in (short, long)]
    assert len(windows[0]) < 4 < len(windows[1])


def test_window_that_was_cut_and_is_still_long_is_cut_again() -> None:
    """Most issues lie in one of the pieces: its pages are spread over windows too, and none is a chain of a hundred."""
    crowd = {n: NOW - 290 * DAY + 60 * n for n in range(1, 3_001)}
    rest = {key + 3_000: updated for key, updated in spread(1_000).items()}
    index = Index(crowd | rest, change=lambda asked, page: replace(page, size=CAP))
    assert ids(list(chunks(index))) == sorted(index.issues)

    longest = max(Counter(asked.window.high for asked in index.asked).values())
    assert longest < 30


@pytest.mark.parametrize("total", [0, 40 * CAP])
def test_count_is_asked_for_seldom(total: int) -> None:
    """The count is not wanted with each page, least of all where it tells nothing."""
    index = Index(dict.fromkeys(range(1, 40 * CAP), NOW - DAY), count=lambda real: total)
    list(chunks(index))

    assert sum(asked.counts for asked in index.asked) < 12 < 40 < len(index.asked)


def test_windows_are_cut_at_what_is_settled() -> None:
    """After the first page no window holds both what may still be moving and what is not."""
    index = Index({**spread(200), **{1000 + n: SETTLED - 50 + n for n in range(100)}})

    assert ids(list(chunks(index))) == sorted(index.issues)
    assert not any(
        asked.window.low < SETTLED and (asked.window.high is None or asked.window.high > SETTLED)
        for asked in index.asked[1:]
    )


def test_open_window_ends_though_rows_are_added_for_ever() -> None:
    """The last window ends where the list ended when it began, though each request finds another page full of rows."""
    index = Index(spread(100))

    def add(asked: Ask) -> None:
        assert len(index.asked) < 30
        first = 10_000 + len(index.issues)
        index.issues.update({first + n: NOW + len(index.asked) for n in range(2 * CAP)})

    index.before_answer = add
    read = list(chunks(index))

    assert set(range(1, 101)) <= set(ids(read))
    assert read[-1].bookmark == NOW


@pytest.mark.parametrize("grain", [1, 60])
def test_page_of_rows_edited_since_is_not_the_end(grain: int) -> None:
    """Rows that print a time after S may stand in the list by an older one; what is behind them is read or still owed.

    So it is where bounds are seconds, and where they are minutes.
    """
    index = Index(dict.fromkeys(range(1, 4 * CAP), NOW - 5), count=lambda real: 1)

    def edited(asked: Ask, page: Page) -> Page:
        later = {str(key) for key in range(CAP + 1, 2 * CAP + 1)}
        rows = [row._replace(updated=(NOW + 5) * 1000) if row.id in later else row for row in page.rows]
        return replace(page, rows=rows)

    index.change = edited
    read = list(chunks(index, low=SETTLED, grain=grain))

    assert {key for key, updated in index.issues.items() if updated < read[-1].bookmark} <= set(ids(read))


def test_unsettled_rows_behind_an_edited_one_are_read() -> None:
    """In the open window a row's printed time may be ahead of its entry: a new search begins at the window's low."""
    recent = {n: SETTLED + n for n in range(1, 91)}

    def stale(asked: Ask, page: Page) -> Page:
        rows = [row._replace(updated=(NOW - 1) * 1000) if row.id == str(CAP) else row for row in page.rows]
        return replace(page, rows=rows)

    drop = for_answers({1}, dropped)
    index = Index(recent, change=lambda asked, page: drop(asked, stale(asked, page)))

    assert ids(list(chunks(index, low=SETTLED))) == sorted(recent)


# Tokens that are not well.


@pytest.mark.parametrize("number", [1, 2, 3])
def test_token_that_is_dropped_is_noticed(number: int) -> None:
    """If a page says too early that it is the last, the closing question brings the rest."""
    index = Index(minutes(150), change=for_answers({number}, dropped))

    assert walk(index) == sorted(index.issues)


def test_closing_question_that_loses_its_token_is_asked_again() -> None:
    """A full page that brings nothing new may have lost its token as well, and does not show the end."""
    index = Index(dict.fromkeys(range(1, 3 * CAP), CLOSED.low), change=for_answers({1, 2}, dropped))

    assert walk(index) == sorted(index.issues)


@pytest.mark.parametrize("change", [repeated, lost])
def test_search_begins_anew_where_a_token_fails(change: Callable[[Ask, Page], Page]) -> None:
    """A token that comes twice, or is not taken, ends a search; the next begins at the last row, and all are read."""
    index = Index(minutes(150), change=change)

    assert walk(index) == sorted(index.issues)
    begun = [asked.window.low for asked in index.asked if asked.token is None]
    assert begun == sorted(begun)
    assert set(begun[1:]) <= set(index.issues.values())


@pytest.mark.parametrize("change", [repeated, lost])
def test_one_failing_token_costs_no_row(change: Callable[[Ask, Page], Page]) -> None:
    """A token that fails once is no harm."""
    index = Index(minutes(150), change=for_answers({3}, change))

    assert walk(index) == sorted(index.issues)


@pytest.mark.parametrize("change", [repeated, lost])
def test_tokens_that_lead_nowhere_fail_by_name(change: Callable[[Ask, Page], Page]) -> None:
    """If three searches end at a failing token with nothing new, the reading fails and names the window."""
    index = Index(dict.fromkeys(range(1, 5 * CAP), CLOSED.low + 7), change=change)

    with pytest.raises(ReadError, match=rf"lead nowhere .*{CLOSED.low}, {CLOSED.high}"):
        walk(index)
    # The first search brought something.
    assert sum(asked.token is None for asked in index.asked) == 4


@pytest.mark.parametrize("first", [1, 2])
def test_empty_pages_are_followed(first: int) -> None:
    """Twenty pages without a row, each with a token, are followed to those that have some."""
    index = Index(minutes(90))
    index.change = for_answers(set(range(first, first + MOST_EMPTY)), index.emptied)

    assert walk(index) == sorted(index.issues)


def test_too_many_empty_pages_fail_by_name() -> None:
    """A list that promises more for ever and shows nothing ends with an error that names the window."""
    index = Index(minutes(90))
    index.change = for_answers(set(range(2, ENDLESS)), index.emptied)

    with pytest.raises(ReadError, match=rf"21 empty pages in a row.*{CLOSED.low}"):
        walk(index)


# A last row that goes.


def closing(index: Index) -> Callable[[Ask], bool]:
    """Whether an ask begins a search that is not the first."""
    return lambda asked: asked.token is None and bool(index.asked)


def test_last_row_that_leaves_does_not_keep_the_reading_from_its_end() -> None:
    """If the last row is edited before the closing question, that never shows it, and the reading ends soon."""
    index = Index(minutes(100))
    is_closing = closing(index)
    index.before_answer = lambda asked: index.issues.update({100: NOW}) if is_closing(asked) else None

    assert walk(index) == list(range(1, 101))
    assert len(index.asked) < 15


def test_last_row_that_leaves_hides_no_dropped_token() -> None:
    """If the page before lost its token as well, the rows behind the one that left are read all the same."""
    index = Index(minutes(100), change=for_answers({2}, dropped))
    is_closing = closing(index)
    index.before_answer = lambda asked: index.issues.update({2 * CAP: NOW}) if is_closing(asked) else None

    assert sorted(walk(index)) == list(range(1, 101))


def test_closing_question_without_the_last_row_is_asked_again() -> None:
    """An answer that shows nothing, not even the last row that was read, does not show the end."""
    drop = for_answers({2}, dropped)
    hide = for_answers({3}, lambda asked, page: replace(page, rows=[], token=None))
    index = Index(minutes(100), change=lambda asked, page: hide(asked, drop(asked, page)))

    assert walk(index) == sorted(index.issues)
