"""What the client asks for, and what it makes of the bytes that come back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tap_jira.client import LONGEST_QUERY
from tap_jira.errors import UnavailableError
from tap_jira.wire import Headers, Response
from tests.fakes import BASE, Inline, Scripted, Time, client_of


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def asked(jira: Scripted) -> dict[str, list[str]]:
    return parse_qs(urlsplit(jira.asked[-1].url).query)


def test_the_address(clock: Inline) -> None:
    """Paths lie below version 2 of the REST API, whatever the site."""
    jira = Scripted(Response.of_json([]))
    client_of(jira, clock).get("project/type")

    assert (jira.asked[0].method, jira.asked[0].url) == ("GET", f"{BASE}/rest/api/2/project/type")


def test_parameters_are_encoded(clock: Inline) -> None:
    """Lists are joined by commas, and everything arrives as it was meant."""
    jira = Scripted(Response.of_json([]))
    client_of(jira, clock).get("search", {"jql": 'a = "ü & b+c"', "fields": ["x", "y"], "startAt": 0})

    assert asked(jira) == {"jql": ['a = "ü & b+c"'], "fields": ["x,y"], "startAt": ["0"]}


def test_a_short_search_is_a_get(clock: Inline) -> None:
    """A search that fits into an address is asked with GET."""
    jira = Scripted(Response.of_json({"issues": []}))
    client_of(jira, clock).search("search", {"jql": "a = 1", "fields": ["x"], "startAt": 5})

    assert (jira.asked[0].method, jira.asked[0].body) == ("GET", b"")
    assert asked(jira) == {"jql": ["a = 1"], "fields": ["x"], "startAt": ["5"]}


def test_a_long_search_is_a_post(clock: Inline) -> None:
    """A search too long for an address goes as JSON, with the header without which some sites refuse it."""
    jira = Scripted(Response.of_json({"issues": []}))
    params = {"jql": "ü" * LONGEST_QUERY, "fields": ["x", "y"], "startAt": 5}
    client_of(jira, clock).search("search", params)

    request = jira.asked[0]
    assert (request.method, request.url) == ("POST", f"{BASE}/rest/api/2/search")
    assert orjson.loads(request.body) == params
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Atlassian-Token"] == "no-check"


def test_each_attempt_is_counted(clock: Inline) -> None:
    """The count of requests includes those that were repeated."""
    client = client_of(Scripted(Response.of_json({}, 500), Response.of_json([])), clock)
    client.get("role")

    assert client.requests == 2


def test_a_hasty_client_gives_up_early(clock: Inline) -> None:
    """For a request that may well fail two tries are enough; the client it was made from stays patient."""
    jira = Scripted(Response.of_json({}, 500))
    client = client_of(jira, clock)
    with pytest.raises(UnavailableError, match="2 tries"):
        client.hasty().get("issue/1")

    assert (len(jira.asked), client.requests, client.retry.tries) == (2, 2, 8)


def test_the_answer_as_it_came(clock: Inline) -> None:
    """Headers and size of an answer can be had together with its value."""
    value, response = client_of(Scripted(Response.of_json([1], 200, {"Date": "x"})), clock).answer("role")

    assert (value, response.headers["date"], response.body) == ([1], "x", b"[1]")


def test_the_bucket_is_seen(clock: Inline) -> None:
    """What Data Center says of its bucket holds the next request back."""
    low = {"X-RateLimit-Remaining": "0", "X-RateLimit-FillRate": "1", "X-RateLimit-Interval-Seconds": "1"}
    client = client_of(Scripted(Response.of_json([], 200, low), Response.of_json([])), clock, most=4)
    client.get("role")
    assert clock.waits == []
    client.get("role")

    assert clock.waits == [4.0]


def test_a_body_that_is_no_json_is_told_by_its_size(clock: Inline) -> None:
    """What is no JSON says how much of it there was, and nothing of what it was."""
    jira = Scripted(*[Response(200, Headers(), b'{"secret"')] * 8)
    with pytest.raises(UnavailableError, match="GET /rest/api/2/role was answered with 9 bytes that are no whole JSON"):
        client_of(jira, clock).get("role")


def test_a_post_that_reads(clock: Inline) -> None:
    """A POST goes as JSON with the header without which some sites refuse it, and is sent again like a GET."""
    jira = Scripted(Response.of_json({}, 503), Response.of_json({"found": 1}))
    client = client_of(jira, clock)

    assert client.post("a/bulkfetch", {"ids": ["1"]}) == {"found": 1}
    assert client.requests == 2
    request = jira.asked[1]
    assert (request.method, request.url) == ("POST", f"{BASE}/rest/api/2/a/bulkfetch")
    assert orjson.loads(request.body) == {"ids": ["1"]}
    assert request.headers["X-Atlassian-Token"] == "no-check"
