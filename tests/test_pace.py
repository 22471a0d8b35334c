"""The gate that all requests pass: held by one, held for all. Time is virtual."""

from __future__ import annotations

import threading

import pytest

from tap_jira.pace import STEADY, Gate
from tap_jira.wire import Headers, Response
from tap_jira.workers import Stopped
from tests.fakes import Inline, Time

PLAIN = Response(200, Headers(), b"{}")
NEAR = Response(200, Headers({"X-RateLimit-NearLimit": "true", "X-RateLimit-Remaining": "3"}), b"{}")


@pytest.fixture
def clock(time: Time) -> Inline:
    return Inline(time)


def bucket(remaining: object, fill: object = 5, interval: object = 1) -> Response:
    """A good answer with Data Center's headers."""
    fields = {"Limit": 70, "Remaining": remaining, "FillRate": fill, "Interval-Seconds": interval}
    return Response(200, Headers({f"X-RateLimit-{name}": str(value) for name, value in fields.items()}), b"{}")


def waited(gate: Gate, clock: Inline) -> float:
    """How long the next request waits at the gate."""
    before = sum(clock.waits)
    gate.enter()
    return sum(clock.waits) - before


def test_an_open_gate_holds_nobody(clock: Inline) -> None:
    """Without a word from Jira requests pass at once."""
    assert waited(Gate(clock, 4), clock) == 0.0


def test_a_hold_is_for_everybody(clock: Inline) -> None:
    """Whoever comes while the gate is held waits for what is left of it, and the next one not at all."""
    gate = Gate(clock, 4)
    gate.hold(10)
    clock.wait(4)

    assert waited(gate, clock) == 6.0
    assert waited(gate, clock) == 0.0


def test_a_shorter_hold_does_not_open_the_gate(clock: Inline) -> None:
    """The longest of several holds counts."""
    gate = Gate(clock, 4)
    gate.hold(10)
    gate.hold(2)

    assert waited(gate, clock) == 10.0


def test_concurrency_halves_once_for_all_that_were_caught(clock: Inline) -> None:
    """Four requests that are throttled together halve the concurrency once."""
    gate = Gate(clock, 8)
    for _ in range(4):
        gate.throttled(5)

    assert gate.allowed == 4


def test_concurrency_halves_again_after_the_hold(clock: Inline) -> None:
    """If it was still too fast after the hold, concurrency gives way further, down to one."""
    gate = Gate(clock, 8)
    allowed = []
    for _ in range(5):
        gate.throttled(5)
        gate.enter()
        allowed.append(gate.allowed)

    assert allowed == [4, 2, 1, 1, 1]


def test_concurrency_recovers_slowly(clock: Inline) -> None:
    """Twenty good answers in a row allow one request more, until all are allowed again."""
    gate = Gate(clock, 4)
    gate.throttled(1)
    allowed = []
    for _ in range(3 * STEADY):
        gate.saw(PLAIN)
        allowed.append(gate.allowed)

    assert [allowed[n * STEADY - 1] for n in (1, 2, 3)] == [3, 4, 4]
    assert allowed[STEADY - 2] == 2


@pytest.mark.parametrize(("most", "expected"), [(8, 4), (5, 2), (1, 1)])
def test_near_a_limit_half_are_under_way(clock: Inline, most: int, expected: int) -> None:
    """While Cloud says that a limit is near, half of the requests are under way; after that they recover slowly."""
    gate = Gate(clock, most)
    allowed = []
    for response in [*[NEAR] * 3 * STEADY, *[PLAIN] * STEADY]:
        gate.saw(response)
        allowed.append(gate.allowed)

    assert set(allowed[: 4 * STEADY - 1]) == {expected}
    assert gate.allowed == min(most, expected + 1)


def test_near_a_limit_nobody_gets_faster(clock: Inline) -> None:
    """Who was throttled below the half stays there while the limit is near."""
    gate = Gate(clock, 8)
    for _ in range(2):
        gate.throttled(1)
        gate.enter()
    for _ in range(2 * STEADY):
        gate.saw(NEAR)

    assert gate.allowed == 2


def test_a_throttled_answer_begins_the_count_anew(clock: Inline) -> None:
    """Nineteen good answers and a throttled one do not add up with one more."""
    gate = Gate(clock, 4)
    gate.throttled(1)
    for _ in range(STEADY - 1):
        gate.saw(PLAIN)
    gate.throttled(1)
    gate.saw(PLAIN)

    assert gate.allowed == 2


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (PLAIN, 0.0),
        (bucket(70), 0.0),
        (bucket(4), 0.0),
        (bucket(3), 0.2),
        (bucket(0), 0.8),
        (bucket(0, fill=1, interval=60), 60.0),
        (bucket(0, fill=2, interval=10), 20.0),
        (bucket(0, fill=0), 0.0),
        (bucket("many"), 0.0),
        (bucket("nan"), 0.0),
        (bucket(0, fill="inf"), 0.0),
    ],
)
def test_the_bucket_is_not_emptied(clock: Inline, response: Response, expected: float) -> None:
    """When Data Center's bucket holds fewer tokens than requests may be under way, the gate waits for its refill."""
    gate = Gate(clock, 4)
    gate.saw(response)

    assert waited(gate, clock) == pytest.approx(expected)


def test_retry_after_on_a_good_answer_means_nothing(clock: Inline) -> None:
    """Data Center sends Retry-After with healthy answers too."""
    gate = Gate(clock, 4)
    gate.saw(Response(200, Headers({"Retry-After": "30"}), b"{}"))

    assert waited(gate, clock) == 0.0


def test_the_gate_stands_many_threads(clock: Inline) -> None:
    """Answers that arrive on many threads at once are all counted."""
    gate = Gate(clock, 9)
    for _ in range(3):
        gate.throttled(1)
        gate.enter()

    def see() -> None:
        for _ in range(STEADY):
            gate.saw(PLAIN)

    threads = [threading.Thread(target=see) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert gate.allowed == 9


def test_what_went_through_is_counted(clock: Inline) -> None:
    """Requests, those that are repeats, and the time of those with the same answer add up from one look to the next."""
    gate = Gate(clock, 4)
    gate.enter()
    gate.took(200, 0.5)
    before = gate.counts
    gate.enter()
    gate.took(500, 2.0)
    gate.enter(is_repeat=True)
    gate.took(None, 1.0)

    since = gate.counts.since(before)
    assert (since.requests, since.retries, since.took_seconds) == (2, 1, {500: 2.0, None: 1.0})
    assert gate.counts.took_seconds == {200: 0.5, 500: 2.0, None: 1.0}


class Several:
    """A clock by which a thread that waits lets others come to the gate meanwhile."""

    def __init__(self, others: int) -> None:
        self.seconds, self.others = 0.0, others
        self.gate: Gate | None = None

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += 1.0
        if self.others and self.gate:
            self.others -= 1
            self.gate.enter()


def test_time_that_several_wait_counts_once() -> None:
    """Four requests held back for the same ten seconds make ten seconds of waiting, not forty."""
    clock = Several(others=3)
    gate = clock.gate = Gate(clock, 4)
    gate.hold(10)
    gate.enter()

    assert gate.counts[:3] == (4, 0, 10.0)


def test_a_wait_that_is_broken_off_counts() -> None:
    """A run that is stopped while it waits has waited until then, and nobody waits any more."""
    gate = Gate(Stopping(), 4)
    gate.hold(100)
    with pytest.raises(Stopped):
        gate.enter()

    assert gate.counts[:3] == (0, 0, 30.0)


class Stopping(Several):
    """A clock by which every wait is broken off after half a minute."""

    def __init__(self) -> None:
        super().__init__(0)

    def wait(self, seconds: float) -> None:
        self.seconds += 30.0
        raise Stopped
