"""Lists that come in one answer, and users, which come in pages that cannot be trusted."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tap_jira.errors import ReadError, UnavailableError
from tap_jira.pagination import Lists, users, whole
from tap_jira.simulator import Account, Accounts, Site, UserLimits, World
from tap_jira.wire import Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Inline, Scripted, Time, client_of


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


MISSING = Response.of_json({"message": "null for uri"}, 404)


def listed(pager: Any, jira: Scripted, clock: Inline, version: tuple[int, ...] = (), **params: str) -> list[Any]:
    """Everything that a pager brings, in order."""
    pages = pager(Lists(client_of(jira, clock), lambda task: task(), version), "user/list", params)
    return [item for page in pages for item in page]


def asked(jira: Scripted) -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(request.url).query)) for request in jira.asked]


def cursor_page(values: list[Any], cursor: str | None = None, **more: Any) -> Response:
    return Response.of_json({"values": values, **({"nextCursor": cursor} if cursor else {}), **more})


def test_a_list_in_one_answer(clock: Inline) -> None:
    """A list without pages is asked for once, with its parameters."""
    jira = Scripted(Response.of_json([1, 2]))

    assert listed(whole, jira, clock, expand="lead") == [1, 2]
    assert asked(jira) == [{"expand": "lead"}]


@pytest.mark.parametrize("answer", [{}, {"values": []}, None, "x"])
def test_what_is_no_list_is_no_empty_list(clock: Inline, answer: Any) -> None:
    """An answer of another shape is asked for again and fails in the end."""
    with pytest.raises(UnavailableError, match="without what was asked for"):
        listed(whole, Scripted(Response.of_json(answer)), clock)


def test_users_by_cursor(clock: Inline) -> None:
    """Cursors are followed until Jira says that a page is the last."""
    jira = Scripted(cursor_page([1, 2], "c1"), cursor_page([], "c2"), cursor_page([3], "c3", isLast=True))

    assert listed(users, jira, clock) == [1, 2, 3]
    assert [query.get("cursor") for query in asked(jira)] == [None, "c1", "c2"]


def test_a_cursor_that_is_missing_ends_the_list(clock: Inline) -> None:
    """Without a cursor for the next page there is no next page."""
    assert listed(users, Scripted(cursor_page([1], "c1"), cursor_page([2])), clock) == [1, 2]


def test_a_cursor_that_comes_twice_is_an_error(clock: Inline) -> None:
    """A list that goes round in a circle is never taken for a whole one."""
    jira = Scripted(cursor_page([1], "c1"), cursor_page([2], "c2"), cursor_page([1], "c1"))
    with pytest.raises(ReadError, match="the same cursor twice"):
        listed(users, jira, clock)


def people(numbers: range) -> Response:
    return Response.of_json([{"key": f"u{n}", "name": f"n{n}"} for n in numbers])


def test_users_by_search(clock: Inline) -> None:
    """Where there is no such list users are searched for, until a page brings nobody new."""
    jira = Scripted(MISSING, people(range(3)), people(range(3, 5)), people(range(0)))

    assert [user["key"] for user in listed(users, jira, clock)] == ["u0", "u1", "u2", "u3", "u4"]
    assert [query.get("startAt") for query in asked(jira)] == [None, "0", "3", "5"]


def test_users_that_come_twice_are_sent_once(clock: Inline) -> None:
    """Pages that overlap, or that repeat themselves for ever, bring each user once and an end."""
    jira = Scripted(MISSING, people(range(3)), people(range(2, 4)), people(range(4)))

    assert [user["key"] for user in listed(users, jira, clock)] == ["u0", "u1", "u2", "u3"]


def test_users_known_by_name_only(clock: Inline) -> None:
    """Old versions print no key; two names are two users."""
    jira = Scripted(MISSING, Response.of_json([{"name": "a"}, {"name": "b"}, "odd"]), Response.of_json([]))

    assert len(listed(users, jira, clock)) == 3


@pytest.mark.parametrize(
    ("version", "count"), [((), 99), ((), 101), ((9, 12), 100), ((9, 12), 1000), ((8, 5), 100), ((10, 0), 1000)]
)
def test_a_count_that_is_no_limit_is_the_end(clock: Inline, version: tuple[int, ...], count: int) -> None:
    """A number of users that this version does not stop at is all there are."""
    first = [] if version else [MISSING]
    jira = Scripted(*first, people(range(count)), people(range(0)))

    assert len(listed(users, jira, clock, version)) == count


@pytest.mark.parametrize(("version", "count"), [((), 100), ((), 1000), ((8, 5), 1000), ((10, 0), 100)])
def test_a_limit_of_the_version_is_not_the_end(clock: Inline, version: tuple[int, ...], count: int) -> None:
    """Exactly as many users as this version of Jira ever shows are not believed to be all."""
    first = [] if version else [MISSING]
    jira = Scripted(*first, people(range(count)), people(range(0)))
    with pytest.raises(ReadError, match=f"exactly {count} users"):
        listed(users, jira, clock, version)


@pytest.mark.parametrize(
    ("version", "limits"), [((9, 12, 5), None), ((10, 3, 24), None), ((9, 12, 5), UserLimits(per_page=7))]
)
def test_every_user_of_a_site(tap: Tap, time: Time, version: tuple[int, int, int], limits: UserLimits | None) -> None:
    """Whichever list a version of Jira has and however small its pages, every user comes once."""
    accounts = Accounts((Account("tap-reader", tokens={TOKEN: None}),))
    world = World(issues=3, users=25, now=time)
    limited = Site(world, accounts=accounts, base_url=BASE, version=version, user_limits=limits)
    outcome = tap(to=limited)

    keys = [record["key"] for record in outcome.records("jira_users")]
    assert outcome.code == 0
    assert (len(keys), len(set(keys))) == (25, 25)
