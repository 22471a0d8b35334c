"""Asking again: how often, after which waits, and with which words in the end. Time is virtual."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from tap_jira.errors import ReadError, TapError, UnavailableError
from tap_jira.pace import Gate
from tap_jira.retry import PATIENCE_SECONDS, Again, Retry
from tap_jira.wire import NetworkError, Response
from tests.fakes import START, Inline, Scripted, Time, client_of

GOOD = Response.of_json({"fine": True})


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def bad(status: int, retry_after: str | None = None) -> Response:
    return Response.of_json({}, status, {} if retry_after is None else {"Retry-After": retry_after})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_until_it_is_good(clock: Inline, status: int) -> None:
    """After three failures the fourth answer is the one that counts."""
    jira = Scripted(bad(status), bad(status), bad(status), GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}
    assert len(jira.asked) == 4


@pytest.mark.parametrize("kind", ["connect", "timeout", "reset", "truncated"])
def test_a_missing_answer_is_asked_for_again(clock: Inline, kind: str) -> None:
    """A connection that fails in whatever way is tried again."""
    jira = Scripted(NetworkError(kind), GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}


@pytest.mark.parametrize(
    "body",
    [b"", b'{"fine": tr', b"not JSON", b'{"a": "\xff"}', b"[" * 200_000],
    ids=["empty", "cut", "text", "bytes", "deep"],
)
def test_a_broken_body_is_asked_for_again(clock: Inline, body: bytes) -> None:
    """A 200 whose body is no whole JSON is never an answer."""
    jira = Scripted(Response(200, GOOD.headers, body), GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}


def test_an_answer_of_the_wrong_shape_is_asked_for_again(clock: Inline) -> None:
    """JSON that is not what was asked for is not taken for an empty list."""
    jira = Scripted(Response.of_json({}), Response.of_json([1]))

    assert client_of(jira, clock).get("role", is_whole=lambda answer: isinstance(answer, list)) == [1]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
def test_a_refusal_is_asked_once(clock: Inline, status: int) -> None:
    """What Jira refuses is not asked a second time; with wrong credentials that would lock the account."""
    jira = Scripted(bad(status, "1"))
    with pytest.raises(TapError):
        client_of(jira, clock).get("myself")

    assert len(jira.asked) == 1
    assert clock.waits == []


@pytest.mark.parametrize("kind", ["tls", "redirect", "too_large"])
def test_a_lasting_fault_of_the_connection_is_tried_once(clock: Inline, kind: str) -> None:
    """A certificate that is not trusted will not be trusted a second later."""
    jira = Scripted(NetworkError(kind))
    with pytest.raises(TapError):
        client_of(jira, clock).get("myself")

    assert len(jira.asked) == 1


def test_waits_grow_up_to_a_limit(clock: Inline) -> None:
    """Each wait is twice the last, and none is longer than a minute."""
    with pytest.raises(UnavailableError, match=r"answered 500 \(8 tries over 65 s\); try again later"):
        client_of(Scripted(bad(500)), clock).get("myself")

    assert clock.waits == [0.75, 1.25, 2.25, 4.25, 8.25, 16.25, 32.25]


def test_the_longest_wait(clock: Inline) -> None:
    """However often it fails, a wait stays within a minute and the quarter second before it."""
    retry = Retry(clock, Gate(clock, 1), tries=12, jitter=lambda seconds: seconds)
    with pytest.raises(UnavailableError):
        retry.call(lambda: fail(Again("no")))

    assert max(clock.waits) == 60.25


def fail(error: Exception) -> Any:
    raise error


def test_chance_comes_from_outside(clock: Inline) -> None:
    """How a wait varies by chance can be set; the quarter second always remains."""
    retry = Retry(clock, Gate(clock, 1), tries=3, jitter=lambda seconds: 0.0)
    with pytest.raises(UnavailableError):
        retry.call(lambda: fail(Again("no")))

    assert clock.waits == [0.25, 0.25]


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [("30", 31.0), (formatdate(START + 45, usegmt=True), 46.0), ("0", 0.75), (None, 0.75), ("soon", 0.75)],
)
def test_retry_after_is_a_minimum(clock: Inline, retry_after: str | None, expected: float) -> None:
    """Jira's wish is kept with something added; zero, nothing and nonsense mean our own wait."""
    client_of(Scripted(bad(429, retry_after), GOOD), clock).get("myself")

    assert sum(clock.waits) == pytest.approx(expected)


def test_throttling_is_no_failure(clock: Inline) -> None:
    """A site that throttles twenty times in a row is waited for, and then answers."""
    jira = Scripted(*[bad(429, "10")] * 20, GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}
    assert sum(clock.waits) == pytest.approx(20 * 11.0)


def test_throttling_slows_everybody_down(clock: Inline) -> None:
    """One throttled request halves the concurrency of all; one that failed otherwise does not."""
    client = client_of(Scripted(bad(500), bad(429, "10"), GOOD), clock, most=4)
    allowed = []
    client.retry.on_wait = lambda reason, seconds: allowed.append(client.retry.gate.allowed)
    client.get("myself")

    assert [*allowed, client.retry.gate.allowed] == [4, 4, 2]


def test_failures_count_apart_from_throttling(clock: Inline) -> None:
    """Six failures among throttled answers are still one less than too many."""
    jira = Scripted(*[bad(429, "1"), bad(500)] * 6, GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}


@pytest.mark.parametrize("retry_after", ["60", "3599", "9999999"])
def test_patience_ends(clock: Inline, retry_after: str) -> None:
    """Somebody who is throttled for an hour is told so, and never waits longer than that."""
    with pytest.raises(UnavailableError, match="throttled all the time"):
        client_of(Scripted(bad(429, retry_after)), clock).get("myself")

    assert sum(clock.waits) <= PATIENCE_SECONDS


def test_an_hour_is_waited_for(clock: Inline) -> None:
    """A quota that was used up in the first second of its hour is waited for, also after a shorter wait."""
    jira = Scripted(bad(429, "60"), bad(429, "3600"), GOOD)

    assert client_of(jira, clock).get("myself") == {"fine": True}


def test_what_jira_asks_for_is_told(clock: Inline) -> None:
    """A wait that is longer than patience is not begun, and the error says how long it would have been."""
    with pytest.raises(UnavailableError, match="throttled all the time over 0 s, and Jira asks for 7200 s more"):
        client_of(Scripted(bad(429, "7200")), clock).get("myself")

    assert clock.waits == []


def test_zero_waits_end_as_well(clock: Inline) -> None:
    """A site that always answers 429 with Retry-After 0 is not asked in a hot loop."""
    jira = Scripted(bad(429, "0"))
    with pytest.raises(UnavailableError):
        client_of(jira, clock).get("myself")

    assert 50 < len(jira.asked) < 100


def test_every_wait_is_told(clock: Inline) -> None:
    """Why and how long it waits can be logged."""
    told: list[tuple[str, float]] = []
    retry = Retry(
        clock, Gate(clock, 1), tries=2, jitter=lambda seconds: seconds, on_wait=lambda *wait: told.append(wait)
    )
    with pytest.raises(UnavailableError):
        retry.call(lambda: fail(Again("busy")))

    assert told == [("busy", 0.75)]


def test_the_error_is_the_one_that_the_failure_names(clock: Inline) -> None:
    """A failure may say which error it becomes when patience ends."""
    retry = Retry(clock, Gate(clock, 1), tries=1)
    with pytest.raises(ReadError, match=r"cut \(1 tries over 0 s\)"):
        retry.call(lambda: fail(Again("cut", error=ReadError)))


def test_other_exceptions_pass(clock: Inline) -> None:
    """A fault in our own code is not repeated."""
    with pytest.raises(ZeroDivisionError):
        Retry(clock, Gate(clock, 1)).call(lambda: 1 // 0)

    assert clock.waits == []
