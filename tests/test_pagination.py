"""Lists in one answer or in pages, which may change while they are read, and which each row leaves once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_jira.errors import NotFoundError, ReadError, UnavailableError
from tap_jira.pagination import PAGE, WALKS, Lists, projects, values, whole
from tap_jira.wire import Request, Response
from tests.fakes import Inline, Scripted, Time, client_of, in_turn


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def listed(pager: Any, jira: Any, clock: Inline, *params: tuple[str, str]) -> list[Any]:
    """Everything that a pager brings, in order."""
    pages = pager(Lists(client_of(jira, clock), lambda task: task()), "list", params)
    return [item for page in pages for item in page]


def asked(jira: Any) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.url).query) for request in jira.asked]


class Listing:
    """A list of ids that is given in pages of at most ``cap`` and told what happens to it after each request."""

    def __init__(self, ids: list[int], cap: int, *, ends: bool = True, total: int | None = None) -> None:
        self.ids, self.cap, self.ends, self.total = ids, cap, ends, total
        self.asked: list[Request] = []
        self.then: list[Callable[[], object]] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        query = parse_qs(urlsplit(request.url).query)
        start, size = int(query["startAt"][0]), min(int(query["maxResults"][0]), self.cap)
        rows = self.ids[start : start + size]
        page: dict[str, Any] = {"startAt": start, "maxResults": size, "values": [{"id": str(n)} for n in rows]}
        if self.ends:
            total = len(self.ids) if self.total is None else self.total
            page.update(total=total, isLast=start + len(rows) >= len(self.ids))
        if self.then:
            self.then.pop(0)()
        return Response.of_json(page)


def numbers(rows: list[Any]) -> list[int]:
    return [int(row["id"]) for row in rows]


def test_a_list_in_one_answer(clock: Inline) -> None:
    """A list without pages is asked for once, with its parameters, one of them several times."""
    jira = Scripted(Response.of_json([1, 2]))

    assert listed(whole, jira, clock, ("status", "live"), ("status", "archived"), ("expand", "lead")) == [1, 2]
    assert asked(jira) == [{"status": ["live", "archived"], "expand": ["lead"]}]


@pytest.mark.parametrize("pager", [whole, values])
@pytest.mark.parametrize("answer", [{}, {"values": None}, None, "x"])
def test_what_is_no_list_is_no_empty_list(clock: Inline, pager: Any, answer: Any) -> None:
    """An answer of another shape is asked for again and fails in the end."""
    with pytest.raises(UnavailableError, match="without what was asked for"):
        listed(pager, Scripted(Response.of_json(answer)), clock)


@pytest.mark.parametrize("cap", [PAGE, 7, 2])
@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 250])
def test_every_row_of_pages_of_any_size(clock: Inline, cap: int, ends: bool, count: int) -> None:
    """However small the pages are made, and whether or not Jira says which is the last, each row comes once."""
    assert numbers(listed(values, Listing(list(range(count)), cap, ends=ends), clock)) == list(range(count))


def test_what_fits_one_page_costs_one_request(clock: Inline) -> None:
    """Where Jira says that the first page is the last nothing more is asked."""
    jira = Listing([1, 2, 3], PAGE)
    listed(values, jira, clock, ("orderBy", "key"))

    assert asked(jira) == [{"orderBy": ["key"], "startAt": ["0"], "maxResults": [str(PAGE)]}]


@pytest.mark.parametrize("gone", [[0], [1, 2], [3], [9], [0, 1, 2, 3, 4]])
def test_rows_that_leave_hide_no_other(clock: Inline, gone: list[int]) -> None:
    """Rows that are deleted between two pages move others to where was read already: they come all the same."""
    jira = Listing(list(range(10)), 4)
    jira.then = [partial(in_turn, [partial(jira.ids.remove, n) for n in gone])]

    found = numbers(listed(values, jira, clock))
    assert set(found) >= set(range(10)) - set(gone)
    assert len(found) == len(set(found))


def test_rows_that_come_do_not_repeat_others(clock: Inline) -> None:
    """Rows that are put before those read move others back, which are not sent again."""
    jira = Listing(list(range(10)), 4)
    jira.then = [lambda: jira.ids.insert(0, 99)]

    assert sorted(numbers(listed(values, jira, clock)))[:10] == list(range(10))


def test_a_list_that_never_holds_is_an_error(clock: Inline) -> None:
    """A list from which rows leave each time it is read is never taken for a whole one."""
    jira = Listing(list(range(100)), 4)
    jira.then = [lambda: jira.ids.pop(0)] * 100
    with pytest.raises(ReadError, match=f"read {WALKS} times"):
        listed(values, jira, clock)


def test_an_end_that_does_not_agree_with_the_total(clock: Inline) -> None:
    """A page that calls itself the last, while more were counted than came, is not believed."""
    with pytest.raises(ReadError, match="agrees with its total"):
        listed(values, Listing([1, 2], PAGE, total=3), clock)


def test_a_list_that_does_not_turn_its_pages(clock: Inline) -> None:
    """A list that gives its first page whatever is asked for, and calls it not the last, is an error."""
    jira = Scripted(Response.of_json({"values": [{"id": "1"}, {"id": "2"}], "isLast": False}))
    with pytest.raises(ReadError):
        listed(values, jira, clock)


def test_numbers_of_pages_given_as_text(clock: Inline) -> None:
    """A total that is a text is a number all the same."""
    first = Response.of_json({"values": [{"id": "1"}, {"id": "2"}], "total": "3"})
    jira = Scripted(first, Response.of_json({"values": [{"id": "2"}, {"id": "3"}], "total": "3"}))

    assert numbers(listed(values, jira, clock)) == [1, 2, 3]
    assert len(jira.asked) == 2


NO_PROJECT = Response.of_json({"errorMessages": ["No projects found."], "errors": {}}, 404)


def test_no_project_to_be_seen(clock: Inline, caplog: pytest.LogCaptureFixture) -> None:
    """Where no project matches, Jira answers 404 in its own words: an empty list, and a warning that repeats them."""
    assert listed(projects, Scripted(NO_PROJECT), clock) == []
    assert "shows this account no project: GET /rest/api/2/list was answered 404: No projects found." in caplog.text


@pytest.mark.parametrize(
    "answer",
    [Response.of_json({"message": "null for uri", "status-code": 404}, 404), Response.of_json({}, 404)],
)
def test_another_404_is_not_an_empty_list(clock: Inline, answer: Response) -> None:
    """A 404 that is not Jira's own word on its projects is an error."""
    with pytest.raises(NotFoundError):
        listed(projects, Scripted(answer), clock)


def test_projects_that_end_in_a_404(clock: Inline) -> None:
    """A 404 after a page of projects is no end of the list."""
    page = Response.of_json({"values": [{"id": "1"}], "isLast": False, "total": 2})
    with pytest.raises(NotFoundError):
        listed(projects, Scripted(page, NO_PROJECT), clock)
