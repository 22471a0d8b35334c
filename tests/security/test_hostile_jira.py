"""Whole runs against a Jira that means harm: each ends in good order, and costs no row that can be had."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tap_jira import issues, pagination, search
from tap_jira.simulator import Account, Accounts, CloudSite, Site, World, cloud_credentials
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Outcome, Time
from tests.security.hostile import Hostile, Narrow, Spoiled

ONE = "10020"
CODES = {0, 1, 2, 3, 4}


def site_of(kind: str, time: Time, size: int = 60) -> tuple[Site | CloudSite, dict[str, Any]]:
    """A site of this kind, and a configuration that lets the tap in."""
    world = World(seed=1, issues=size, now=time)
    if kind == "cloud":
        credentials = cloud_credentials()
        return CloudSite(world, accounts=credentials.accounts, base_url=BASE), {"base_url": BASE, **credentials.basic}
    account = Account("tap-reader", tokens={TOKEN: None})
    site = Site(world, accounts=Accounts((account,)), base_url=BASE)
    return site, {"base_url": BASE, "personal_access_token": TOKEN}


def ids(outcome: Outcome) -> list[str]:
    return sorted(record["id"] for record in outcome.records("jira_issues"))


def real(site: Site | CloudSite) -> list[str]:
    return sorted(str(issue.id) for issue in site.world.issues())


def in_good_order(outcome: Outcome) -> None:
    """A code that is explained, no traceback, and whole messages alone."""
    assert outcome.code in CODES, outcome.log
    assert "Traceback" not in outcome.log
    assert outcome.output.endswith(b"\n") or not outcome.output
    for line in outcome.output.split(b"\n")[:-1]:
        assert isinstance(json.loads(line), dict)


BOMBS = {
    "nested a million times": b"[" * 1_000_000 + b"]" * 1_000_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested and not a number": b"[NaN," * 700 + b"0" + b"]" * 700,
}
ODDITIES = {
    "nested 400 times": b"[" * 400 + b"]" * 400,
    "an integer of 5,000 digits": b"1" * 5000,
    "a number of 400 digits": b"1" + b"0" * 400,
    "not a number": b"NaN",
    "infinity": b"-Infinity",
    "ten million letters": b'"' + b"x" * 10_000_000 + b'"',
    "100,000 names": json.dumps(dict.fromkeys(map(str, range(100_000)), 1)).encode(),
    "names with NUL": b'{"\\u0000": 1, "a\\u0000b": [1]}',
    "the same name twice": b'{"a": 1, "a": {"a": 2, "a": 3}}',
    "bytes that are no UTF-8": b'"\xff\xc0\xaf"',
    "half a pair": b'"\\ud800"',
}


def run_with(tap: Tap, time: Time, kind: str, text: bytes) -> tuple[Outcome, list[str]]:
    """A whole run in which this text is the value of a field of one issue, and the ids that there are."""
    site, config = site_of(kind, time)
    outcome = tap(config=config, to=Spoiled(site, ONE, text))
    in_good_order(outcome)
    return outcome, real(site)


@pytest.mark.parametrize("kind", ["server", "cloud"])
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_an_issue_that_cannot_be_parsed(tap: Tap, time: Time, kind: str, text: bytes) -> None:
    """An issue that would break the parser is found, and written without its fields; all others come whole."""
    outcome, wanted = run_with(tap, time, kind, text)

    assert (outcome.code, ids(outcome)) == (0, wanted)
    assert any("plain fields alone" in line for line in outcome.logged("WARNING"))


@pytest.mark.parametrize("kind", ["server", "cloud"])
@pytest.mark.parametrize("text", ODDITIES.values(), ids=ODDITIES)
def test_an_issue_with_an_odd_value(tap: Tap, time: Time, kind: str, text: bytes) -> None:
    """An odd value costs itself at most: the run is good, and no issue is missing."""
    outcome, wanted = run_with(tap, time, kind, text)

    assert (outcome.code, ids(outcome)) == (0, wanted)


@pytest.mark.parametrize("kind", ["server", "cloud"])
def test_an_issue_that_is_too_large(tap: Tap, time: Time, kind: str) -> None:
    """One issue above the limit of an answer is written with its plain fields, and those beside it come whole."""
    site, config = site_of(kind, time)
    outcome = tap(config=config, to=Narrow(Spoiled(site, ONE, b'"' + b"x" * 5_000_000 + b'"'), 4_000_000))

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert [line for line in outcome.logged("WARNING") if "is written with its plain fields alone" in line]


@pytest.mark.parametrize("kind", ["server", "cloud"])
def test_pages_that_are_too_large(tap: Tap, time: Time, kind: str) -> None:
    """Where a page of the usual size is above the limit, it is put together from smaller ones, and nothing is lost."""
    site, config = site_of(kind, time, 300)
    largest = Narrow(site, 10**9)
    tap(config=config, to=largest)
    way = Narrow(site, max(largest.sizes) // 8)
    only_issues = json.loads(tap("--discover", config=config, to=site).output)
    only_issues["streams"] = only_issues["streams"][:1]
    outcome = tap(config=config, catalog=only_issues, to=way)

    assert way.refused > 0
    assert (outcome.code, ids(outcome)) == (0, real(site))


@pytest.mark.parametrize(("most", "path"), [(150_000, ""), (20_000, "/2/search")], ids=["in groups", "one by one"])
@pytest.mark.parametrize("kind", ["server", "cloud"])
def test_more_than_fits_into_memory(
    tap: Tap, time: Time, kind: str, most: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is put together stops at a limit of its own, and the rest is read as a further page."""
    monkeypatch.setattr(issues, "MOST_BYTES", 300_000)
    site, config = site_of(kind, time, 60)
    way = Narrow(site, most, path)
    outcome = tap(config=config, to=way)

    assert any("a shorter page is made of them" in line for line in outcome.logged("WARNING"))
    assert (outcome.code, ids(outcome)) == (0, real(site))


@pytest.mark.parametrize("seed", range(24))
def test_odd_values_anywhere(tap: Tap, time: Time, seed: int) -> None:
    """Whatever stands in an answer in whatever place, no run ends in a traceback, and each ends."""
    random = Random(seed)
    site, config = site_of(random.choice(["server", "cloud"]), time, 20)
    path = random.choice(["", "/search", "/issue/", "/field", "user", "project", "serverInfo", "myself"])
    jira = Hostile(site, random, share=random.choice([0.0, 0.5, 0.9]), path=path)
    outcome = tap(*(["--discover"] if seed % 6 == 0 else []), config={**config, "page_size": 5}, to=jira)

    assert jira.asked < 2000
    assert outcome.code in CODES, outcome.log
    assert "Traceback" not in outcome.log


Change = Callable[[str, dict[str, Any]], Any]


class Endless:
    """Answers one resource for ever: what it says is changed, and ``number`` counts its answers."""

    def __init__(self, inner: Site | CloudSite, path: str, change: Callable[[Any, int], Any]) -> None:
        self._inner, self._path, self._change = inner, path, change
        self.asked: list[Request] = []
        self.number = 0
        self._last: Any = None

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        response = self._inner.send(request)
        if not re.search(rf"/rest/api/2/{self._path}(\?|$)", request.url):
            return response
        self.number += 1
        answer = json.loads(response.body)
        # A token that the simulated site has not given is refused there.
        is_good = response.status == 200 and not (isinstance(answer, dict) and answer.get("issues") == [])
        self._last = answer if is_good or self._last is None else self._last
        return Response.of_json(self._change(self._last, self.number))


def empty_with_tokens(answer: Any, number: int) -> Any:
    return {"issues": [], "nextPageToken": f"token-{number}", "isLast": False}


def same_with_tokens(answer: Any, number: int) -> Any:
    return {**answer, "nextPageToken": f"token-{number}", "isLast": False}


def never_last(answer: Any, number: int) -> Any:
    return {"issues": answer["issues"], "isLast": False}


def new_with_tokens(answer: Any, number: int) -> Any:
    new = [{**issue, "id": str(10**6 + 100 * number + n)} for n, issue in enumerate(answer["issues"])]
    return {"issues": new, "nextPageToken": f"token-{number}", "isLast": False}


def growing(answer: Any, number: int) -> Any:
    return {**answer, "total": 1000 * number}


def growing_and_new(answer: Any, number: int) -> Any:
    new = [{**issue, "id": str(10**6 + 100 * number + n)} for n, issue in enumerate(answer["issues"])]
    return {**answer, "issues": new, "total": 1000 * number}


def endless_values(answer: Any, number: int) -> Any:
    rows = [{"id": str(100 * number + n)} for n in range(-1, 100)]
    return {**answer, "values": rows, "isLast": False, "total": 10**9}


def endless_list(answer: Any, number: int) -> Any:
    return [{"accountId": f"a{1000 * number + n}", "key": f"k{1000 * number + n}"} for n in range(1000)]


@pytest.mark.parametrize(
    ("kind", "path", "change", "words"),
    [
        ("cloud", "search/jql", empty_with_tokens, "empty pages in a row"),
        ("cloud", "search/jql", same_with_tokens, "could not be read to their end"),
        ("cloud", "search/jql", never_last, "page tokens lead nowhere"),
        ("cloud", "search/jql", new_with_tokens, "could not be read to their end"),
        ("server", "search", growing, ""),
        ("server", "search", growing_and_new, ""),
        ("cloud", "project/search", endless_values, "a list has no end"),
        ("cloud", "users/search", endless_list, "a list has no end"),
        ("server", "user/search", endless_list, "a list has no end"),
    ],
)
def test_a_list_without_end(
    tap: Tap, time: Time, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, change: Any, words: str
) -> None:
    """A list that never ends is given up after so many requests or rows, and the other tables come."""
    monkeypatch.setattr(pagination, "MOST_ROWS", 20_000)
    monkeypatch.setattr(search, "MOST_ROWS", 2_000)
    site, config = site_of(kind, time)
    jira = Endless(site, path, change)
    outcome = tap(config=config, to=jira)

    assert outcome.code == 4
    assert words in "".join(outcome.logged("ERROR"))
    assert len(jira.asked) < 5_000
    assert outcome.records("jira_resolutions")


def test_users_by_cursor_without_end(tap: Tap, time: Time) -> None:
    """Cursors that are ever new and lead to nobody new are not followed for ever."""
    account = Account("tap-reader", tokens={TOKEN: None})
    site = Site(World(issues=1, now=time), accounts=Accounts((account,)), base_url=BASE, version=(10, 3, 24))
    jira = Endless(site, "user/list", lambda answer, number: {"values": [], "nextCursor": f"c{number}"})
    outcome = tap(config={"base_url": BASE, "personal_access_token": TOKEN}, to=jira)

    assert outcome.code == 4
    assert "brought nobody new" in "".join(outcome.logged("ERROR"))
    assert jira.number < 50


@pytest.mark.parametrize("issue_id", ["../../../secure/x?y=#", "1) OR id in (2", 'a"b', "x" * 100, "\u0661", -5, [1]])
def test_an_id_that_is_none(tap: Tap, time: Time, issue_id: Any) -> None:
    """What cannot be an id becomes a part neither of an address nor of a query."""

    def change(answer: Any, number: int) -> Any:
        first = answer["issues"][0] if answer["issues"] else {}
        if "fields" in first:
            comment = {"comments": [{"id": "1"}], "total": 5, "maxResults": 1}
            first |= {"id": issue_id, "fields": {**first["fields"], "comment": comment}}
        return answer

    site, config = site_of("server", time, 5)
    jira = Endless(site, "search", change)
    outcome = tap(config=config, to=jira)

    in_good_order(outcome)
    paths = {request.url.removeprefix(f"{BASE}/rest/api/2/").partition("?")[0] for request in jira.asked}
    assert not any(name in ("..", "") for path in paths for name in path.split("/"))
    assert not any("OR+id" in request.url.partition("jql=")[2].partition("&")[0] for request in jira.asked)
