"""Who answers, who we are there, and what time it is."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from tap_jira.errors import AuthError, RefusedError
from tap_jira.simulator import Site as SimulatedSite
from tap_jira.site import Site, meet
from tap_jira.wire import Headers, Request, Response
from tests.fakes import START, Inline, Scripted, Time, client_of

ME = {"name": "tap-reader", "key": "JIRAUSER1", "timeZone": "Europe/Berlin"}
INFO = {"baseUrl": "https://jira.example.com", "versionNumbers": [9, 12, 5], "deploymentType": "Server"}


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def met(clock: Inline, me: Any = ME, info: Any = INFO, date: float | None = START) -> Site:
    """What we find out from these two answers."""
    headers = {} if date is None else {"Date": formatdate(date, usegmt=True)}
    answers = [Response.of_json(me)] + [
        Response.of_json(it, 200, headers) for it in (info if isinstance(info, list) else [info])
    ]
    return meet(client_of(Scripted(*answers), clock))


def test_a_data_center(clock: Inline) -> None:
    """Kind, version, account, zone and time are found in two answers."""
    assert met(clock) == Site(
        "server", (9, 12, 5), "tap-reader", "Europe/Berlin", int(START), 0.0, edition="Server or Data Center"
    )


@pytest.mark.parametrize(
    ("kind", "expected"), [("Cloud", "cloud"), ("Server", "server"), ("DataCenter", "server"), (None, "server")]
)
def test_the_kind(clock: Inline, kind: str | None, expected: str) -> None:
    """Server, Data Center and a site that does not say are read alike; Cloud is told apart."""
    assert met(clock, info={**INFO, "deploymentType": kind}).kind == expected


@pytest.mark.parametrize(
    ("me", "expected"),
    [({"name": "a", "key": "b"}, "a"), ({"key": "b"}, "b"), ({"accountId": "5b10"}, "5b10"), ({"name": ""}, None)],
)
def test_the_account(clock: Inline, me: dict[str, str], expected: str | None) -> None:
    """We are known by name, key or account id, and without any of them we do not go on."""
    if expected:
        assert met(clock, me=me).account == expected
    else:
        with pytest.raises(AuthError, match="does not say who we are"):
            met(clock, me=me)


@pytest.mark.parametrize("me", [[], None, "x", {}])
def test_nobody(clock: Inline, me: Any) -> None:
    """An answer that is no account is an error of log-in."""
    with pytest.raises(AuthError):
        met(clock, me=me)


@pytest.mark.parametrize(
    ("printed", "date", "expected"),
    [
        ("2023-11-14T22:13:20.999+0000", START + 10, START),
        ("2023-11-14T23:13:30.000+0100", START, START),
        ("2023-11-14T22:13:20.999+0000", None, START),
        (None, START, START),
        ("nonsense", START, START),
    ],
)
def test_the_time_is_the_earlier_one(clock: Inline, printed: str | None, date: float | None, expected: float) -> None:
    """Of the time in the answer and the one in its header the earlier counts, down to the second."""
    assert met(clock, info={**INFO, "serverTime": printed}, date=date).now == int(expected)


def test_no_time_no_run(clock: Inline) -> None:
    """Without the server's time no row is safe, and our own clock is never used for it."""
    with pytest.raises(RefusedError, match="tells no time"):
        met(clock, date=None)


def test_how_far_jiras_clock_is_ahead(clock: Inline) -> None:
    """The difference of the clocks is known."""
    assert met(clock, date=START + 90).ahead == 90.0
    assert met(clock, info={**INFO, "serverTime": "2023-11-14T22:13:20.000+0000"}, date=None).ahead is None


def test_an_empty_first_answer_is_asked_again(clock: Inline) -> None:
    """The first answer of /serverInfo after a start may be empty."""
    assert met(clock, info=[{}, INFO]).version == (9, 12, 5)


@pytest.mark.parametrize("zone", [None, 5, "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", ["UTC"]])
def test_a_zone_that_does_not_exist(clock: Inline, zone: Any) -> None:
    """A zone that we do not know is none, and no error."""
    assert met(clock, me={**ME, "timeZone": zone}).zone is None


@pytest.mark.parametrize(("numbers", "expected"), [([10, "x", 3], (10, 3)), ("10.3", ()), (None, ())])
def test_an_odd_version(clock: Inline, numbers: Any, expected: tuple[int, ...]) -> None:
    """A version in another form is not known, and no error."""
    assert met(clock, info={**INFO, "versionNumbers": numbers}).version == expected


def test_at_the_simulated_site(clock: Inline, site: SimulatedSite) -> None:
    """A whole site answers the two questions in the same way."""

    class WithToken:
        def send(self, request: Request) -> Response:
            return site.send(Request("GET", request.url, Headers({"Authorization": "Bearer a-personal-access-token"})))

    found = meet(client_of(WithToken(), clock))
    assert (found.kind, found.account, found.zone, found.now) == ("server", "tap-reader", "Europe/Berlin", int(START))
