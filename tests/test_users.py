"""Users, who come in lists that cannot be trusted: what a version hides is found another way, or the table fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tap_jira import users
from tap_jira.errors import ForbiddenError, ReadError, RefusedError
from tap_jira.pagination import Lists
from tap_jira.simulator import Account, Accounts, Site, UserLimits, World
from tap_jira.users import accounts, user_list, user_search
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Inline, Outcome, Scripted, Time, client_of


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def listed(pager: Any, jira: Any, clock: Inline, version: tuple[int, ...] = ()) -> list[Any]:
    """Everything that a pager brings, in order."""
    pages = pager(Lists(client_of(jira, clock), lambda task: task(), version), "users", [])
    return [item for page in pages for item in page]


def asked(jira: Any) -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(request.url).query)) for request in jira.asked]


def cursor_page(values: list[Any], cursor: str | None = None, **more: Any) -> Response:
    return Response.of_json({"values": values, **({"nextCursor": cursor} if cursor else {}), **more})


def people(numbers: range) -> Response:
    return Response.of_json([{"key": f"u{n}", "name": f"n{n}"} for n in numbers])


def test_users_by_cursor(clock: Inline) -> None:
    """Cursors are followed until Jira says that a page is the last."""
    gone = {"key": "u3", "active": False}
    jira = Scripted(cursor_page([1, 2], "c1"), cursor_page([], "c2"), cursor_page([gone], "c3", isLast=True))

    assert listed(user_list, jira, clock) == [1, 2, gone]
    assert [query.get("cursor") for query in asked(jira)] == [None, "c1", "c2"]


def test_a_cursor_that_is_missing_ends_the_list(clock: Inline) -> None:
    """Without a cursor for the next page there is no next page."""
    jira = Scripted(cursor_page([1], "c1"), cursor_page([2]), Response.of_json([]))

    assert listed(user_list, jira, clock) == [1, 2]


def test_inactive_users_that_the_list_leaves_out(clock: Inline) -> None:
    """If the list shows nobody inactive they are searched for, and who comes twice is sent once."""
    first = cursor_page([{"key": "u1", "active": True}, {"key": "u2", "active": True}], isLast=True)
    jira = Scripted(first, people(range(2, 4)), people(range(0)))

    assert [user["key"] for user in listed(user_list, jira, clock)] == ["u1", "u2", "u3"]
    assert [query["includeActive"] for query in asked(jira)[1:]] == ["false", "false"]


def test_a_list_by_cursor_where_there_is_no_search(clock: Inline) -> None:
    """That a site has no search of users does not make its list incomplete."""
    jira = Scripted(cursor_page([{"key": "u1", "active": True}], isLast=True), Response.of_json({}, 404))

    assert [user["key"] for user in listed(user_list, jira, clock)] == ["u1"]


def test_a_cursor_that_comes_twice_is_an_error(clock: Inline) -> None:
    """A list that goes round in a circle is never taken for a whole one."""
    jira = Scripted(cursor_page([1], "c1"), cursor_page([2], "c2"), cursor_page([1], "c1"))
    with pytest.raises(ReadError, match="the same cursor twice"):
        listed(user_list, jira, clock)


def test_users_by_search(clock: Inline) -> None:
    """Users are searched for, until a page brings nobody new."""
    jira = Scripted(people(range(3)), people(range(3, 5)), people(range(0)))

    assert [user["key"] for user in listed(user_search, jira, clock)] == ["u0", "u1", "u2", "u3", "u4"]
    assert [query.get("startAt") for query in asked(jira)] == ["0", "3", "5"]


def test_users_that_come_twice_are_sent_once(clock: Inline) -> None:
    """Pages that overlap, or that repeat themselves for ever, bring each user once and an end."""
    jira = Scripted(people(range(3)), people(range(2, 4)), people(range(4)))

    assert [user["key"] for user in listed(user_search, jira, clock)] == ["u0", "u1", "u2", "u3"]


def test_users_known_by_name_only(clock: Inline) -> None:
    """Old versions print no key; two names are two users."""
    jira = Scripted(Response.of_json([{"name": "a"}, {"name": "b"}, "odd"]), Response.of_json([]))

    assert len(listed(user_search, jira, clock)) == 3


@pytest.mark.parametrize("pager", [user_search, accounts])
def test_nobody_is_not_everybody(clock: Inline, pager: Any) -> None:
    """A list of users in which not even the account itself is means that it may not see them."""
    with pytest.raises(ForbiddenError, match="not even this account: it lacks the global permission Browse"):
        listed(pager, Scripted(Response.of_json([])), clock)


@pytest.mark.parametrize(
    ("version", "count"), [((), 99), ((), 101), ((9, 12), 100), ((9, 12), 1000), ((8, 5), 100), ((10, 0), 1000)]
)
def test_a_count_that_is_no_limit_is_the_end(clock: Inline, version: tuple[int, ...], count: int) -> None:
    """A number of users that this version does not stop at is all there are."""
    jira = Scripted(people(range(count)), people(range(0)))

    assert len(listed(user_search, jira, clock, version)) == count
    assert len(jira.asked) == 2


@pytest.mark.parametrize(("version", "count"), [((), 100), ((), 1000), ((8, 5), 1000), ((10, 0), 100)])
def test_a_limit_of_the_version_is_not_the_end(clock: Inline, version: tuple[int, ...], count: int) -> None:
    """Exactly as many users as this version of Jira ever shows are not believed to be all: names are tried."""
    nobody, no_groups = people(range(0)), Response.of_json({"total": 0, "groups": []})
    jira = Scripted(people(range(count)), *[nobody] * 37, no_groups)

    assert len(listed(user_search, jira, clock, version)) == count
    assert [query.get("username") for query in asked(jira)[2:5]] == ["0", "1", "2"]


@pytest.fixture
def many(tap: Tap, time: Time) -> Any:
    """Runs the tap for the users of a site of ``count`` people whose search shows 100."""

    def run(count: int, *, admin: bool = False, groups: int = 20, per_page: int = 1000, limit: int = 100) -> Outcome:
        who = Accounts((Account("tap-reader", admin=admin, tokens={TOKEN: None}),))
        limits = UserLimits(in_all=limit, groups=groups, per_page=per_page)
        version = (10, 0, 1) if limit == 100 else (8, 5, 4)
        world = World(issues=1, users=count, now=time)
        site = Site(world, accounts=who, base_url=BASE, version=version, user_limits=limits)
        return tap(to=site)

    return run


def keys(outcome: Outcome) -> list[str]:
    return [record["key"] for record in outcome.records("jira_users")]


@pytest.mark.parametrize("per_page", [1000, 30])
def test_all_users_where_the_search_shows_a_hundred(many: Any, per_page: int) -> None:
    """On Jira 10 the beginnings of names bring everybody, each once, and a warning says what cannot be known."""
    outcome = many(350, per_page=per_page)

    assert (outcome.code, len(keys(outcome)), len(set(keys(outcome)))) == (0, 350, 350)
    assert [line for line in outcome.logged("WARNING") if "350 were found" in line and "cannot be known" in line]


def test_all_users_where_the_search_shows_a_thousand(many: Any) -> None:
    """Before 8.6 the same is done when a thousand came."""
    assert len(set(keys(many(1100, limit=1000)))) == 1100


class Directory:
    """A search that shows the first 100 of those whose name begins as asked, and no groups."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        query = dict(parse_qsl(urlsplit(request.url).query))
        if "username" not in query:
            return Response.of_json({"total": 0, "groups": []})
        wanted, start = query["username"], int(query["startAt"])
        found = [name for name in self.names if wanted == "." or name.lower().startswith(wanted)]
        return Response.of_json([{"key": name, "displayName": name} for name in found[:100][start:]])


@pytest.mark.parametrize(
    "names",
    [
        ["Ёлка", *[f"n{n}" for n in range(100)], "ёж Щука", "щегол"],
        [f"ann{n}" for n in range(250)],
        [*[f"ann{n}" for n in range(120)], *[f"ana.{n}" for n in range(120)]],
    ],
)
def test_beginnings_grow_and_learn_letters(clock: Inline, names: list[str]) -> None:
    """A beginning of too many is made longer; letters of the names found are tried too, also those of later ones."""
    found = [user["key"] for user in listed(user_search, Directory(names), clock, (10, 0))]

    assert sorted(found) == sorted(names)


def test_likely_beginnings_come_first(clock: Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the likely letters were tried, those that are left end the search without making it fail."""
    monkeypatch.setattr(users, "MOST_SEARCHES", 100)
    directory = Directory([f"ann{n}" for n in range(250)])

    assert len(listed(user_search, directory, clock, (10, 0))) == 250
    assert len({query.get("username") for query in asked(directory)}) == 102


IN_NO_GROUP = len([n for n in range(100, 500) if n % 11 == 10])
"""People of 500 who are in no group and not among the first 100."""


def test_groups_where_there_are_too_many_names(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If names would take too long, an administrator gets the members of all groups, and a warning of the others."""
    monkeypatch.setattr(users, "MOST_SEARCHES", 0)
    outcome = many(500, admin=True)

    assert (outcome.code, len(keys(outcome)), len(set(keys(outcome)))) == (0, 500 - IN_NO_GROUP, 500 - IN_NO_GROUP)
    assert [line for line in outcome.logged("WARNING") if "who is in no group may be missing" in line]


@pytest.mark.parametrize("groups", [1, 3, 20])
def test_more_groups_than_the_picker_shows(many: Any, monkeypatch: pytest.MonkeyPatch, groups: int) -> None:
    """Groups that the picker does not show at first are asked for without those known."""
    monkeypatch.setattr(users, "MOST_SEARCHES", 0)

    assert len(keys(many(500, admin=True, groups=groups))) == 500 - IN_NO_GROUP


@pytest.mark.parametrize(("admin", "most"), [(False, users.LONGEST_EXCLUSION), (True, 5)])
def test_what_cannot_be_shown_fails(many: Any, monkeypatch: pytest.MonkeyPatch, admin: bool, most: int) -> None:
    """If neither names nor groups can bring all, the table fails, says why, and ends no other."""
    monkeypatch.setattr(users, "MOST_SEARCHES", 0)
    monkeypatch.setattr(users, "LONGEST_EXCLUSION", most)
    outcome = many(500, admin=admin)

    assert outcome.code == 4
    assert [
        line for line in outcome.logged("ERROR") if "jira_users is not complete" in line and "JRASERVER-78660" in line
    ]
    assert len(outcome.records("jira_resolutions")) == 6


@pytest.mark.parametrize(
    ("version", "limits"), [((9, 12, 5), None), ((10, 3, 24), None), ((9, 12, 5), UserLimits(per_page=7))]
)
def test_every_user_of_a_site(tap: Tap, time: Time, version: tuple[int, int, int], limits: UserLimits | None) -> None:
    """Whichever list a version of Jira has and however small its pages, every user comes once."""
    who = Accounts((Account("tap-reader", tokens={TOKEN: None}),))
    world = World(issues=3, users=25, now=time)
    limited = Site(world, accounts=who, base_url=BASE, version=version, user_limits=limits)
    outcome = tap(to=limited)

    assert outcome.code == 0
    assert (len(keys(outcome)), len(set(keys(outcome)))) == (25, 25)
    assert "beginnings of names" not in outcome.log


class Cloud:
    """Cloud's list of accounts: of each page those are left out whom privacy hides; slow beyond a size."""

    def __init__(self, count: int, *, cap: int = 1000, hidden: range = range(0), slow: int = 10_000) -> None:
        self.count, self.cap, self.hidden, self.slow = count, cap, hidden, slow
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        query = dict(parse_qsl(urlsplit(request.url).query))
        start, size = int(query["startAt"]), int(query["maxResults"])
        if size > self.slow:
            return Response.of_json({"errorMessages": ["It took too long."]}, 409)
        end = min(start + min(size, self.cap), self.count)
        return Response.of_json([{"accountId": f"a{n}"} for n in range(start, end) if n not in self.hidden])


@pytest.mark.parametrize(
    ("cap", "hidden"),
    [
        (1000, range(0)),
        (100, range(0)),
        (1, range(0)),
        (1000, range(50, 300)),
        (100, range(50, 150)),
        (100, range(0, 350, 2)),
        (7, range(0, 350, 2)),
        (1, range(9, 10)),
    ],
)
def test_every_account_of_a_cloud_site(clock: Inline, cap: int, hidden: range) -> None:
    """Short pages, and pages that lack the hidden, are never taken for the end."""
    found = listed(accounts, Cloud(400, cap=cap, hidden=hidden), clock)

    assert [user["accountId"] for user in found] == [f"a{n}" for n in range(400) if n not in hidden]


def test_accounts_that_take_too_long(clock: Inline) -> None:
    """A page that takes Jira more than ten seconds is asked for in smaller pieces."""
    jira = Cloud(300, slow=130)

    assert len(listed(accounts, jira, clock)) == 300
    assert [query["maxResults"] for query in asked(jira)[:4]] == ["1000", "500", "250", "125"]


def test_accounts_that_always_take_too_long(clock: Inline) -> None:
    """If even a small page takes too long, that is an error."""
    jira = Cloud(300, slow=10)
    with pytest.raises(RefusedError, match="409"):
        listed(accounts, jira, clock)
    assert asked(jira)[-1]["maxResults"] == "50"


def test_accounts_in_a_circle(clock: Inline) -> None:
    """A list that shows the same people whatever page is asked for is an error, not the end."""
    with pytest.raises(ReadError, match="the same 2 users again and again"):
        listed(accounts, Scripted(Response.of_json([{"accountId": "a"}, {"accountId": "b"}])), clock)
