"""Let requests through at the pace Jira allows: one gate for all threads, told the time and how to wait."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from tap_jira.limits import is_near
from tap_jira.wire import Response

STEADY = 20
"""After so many good answers in a row one more request at a time is tried."""


class Clock(Protocol):
    """The time and the waiting, given from outside so that tests need neither."""

    def now(self) -> float:
        """Seconds since 1970 by this machine's clock."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def wait(self, seconds: float) -> None:
        """Come back after ``seconds``, or raise if the run is to stop."""


class Counts(NamedTuple):
    """What was asked of Jira so far, and what it took."""

    requests: int
    """Sent, repeats included."""
    retries: int
    """Those that repeat one which failed or was throttled."""
    held_seconds: float
    """How long some thread was held back by Jira's limits."""
    took_seconds: Mapping[int | None, float]
    """Of all requests together, by the status of the answer; None where there was none."""
    seconds: float
    """Since the run began."""

    def since(self, before: Counts) -> Counts:
        """What has come since ``before``; only the statuses that came."""
        took = {
            status: seconds - before.took_seconds.get(status, 0.0)
            for status, seconds in self.took_seconds.items()
            if seconds != before.took_seconds.get(status)
        }
        return Counts(
            self.requests - before.requests,
            self.retries - before.retries,
            self.held_seconds - before.held_seconds,
            took,
            self.seconds - before.seconds,
        )


class Gate:
    """Holds every thread back while Jira asks for it, and says how many requests may be under way."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock, self._most = clock, most
        self._lock = threading.Lock()
        self._began = self._open_at = clock.monotonic()
        self._good = 0
        self.allowed = most
        self.passed = 0
        self._repeats = 0
        self._waiting = 0  # threads that are held back
        self._waiting_since = self._open_at
        self._held_seconds = 0.0
        self._took: dict[int | None, float] = {}
        self.met = False
        """Whether any answer has come at all, a refusal too: the address is right."""

    @property
    def counts(self) -> Counts:
        """What went through until now."""
        with self._lock:
            self._count_held()
            seconds = self._clock.monotonic() - self._began
            return Counts(self.passed, self._repeats, self._held_seconds, dict(self._took), seconds)

    def enter(self, *, is_repeat: bool = False) -> None:
        """Return when a request may be sent."""
        if self.held_for() > 0:
            self._count_waiting(1)
            try:
                while (seconds := self.held_for()) > 0:
                    self._clock.wait(seconds)
            finally:
                self._count_waiting(-1)
        with self._lock:
            self.passed += 1
            self._repeats += is_repeat

    def took(self, status: int | None, seconds: float) -> None:
        """Count an answer, or with None that there was none, after so many seconds."""
        with self._lock:
            self._took[status] = self._took.get(status, 0.0) + seconds

    def hold(self, seconds: float) -> None:
        """Send nothing for ``seconds``, whichever thread it is."""
        with self._lock:
            self._open_at = max(self._open_at, self._clock.monotonic() + seconds)

    def throttled(self, seconds: float) -> None:
        """Jira said that we are too fast: hold, and halve what may be under way, once for all that were caught."""
        with self._lock:
            if self._clock.monotonic() >= self._open_at:
                self.allowed = max(1, self.allowed // 2)
            self._good = 0
        self.hold(seconds)

    def saw(self, response: Response) -> None:
        """Learn from a good answer: recover slowly, and never take the last tokens out of Data Center's bucket.

        While Cloud says that little of a limit is left, at most half of all requests are under way.
        """
        with self._lock:
            self._good += 1
            if is_near(response.headers):
                self.allowed, self._good = min(self.allowed, max(1, self._most // 2)), 0
            elif self._good >= STEADY and self.allowed < self._most:
                self.allowed, self._good = self.allowed + 1, 0
        shortfall = _seconds_to_refill(response, self.allowed)
        if shortfall > 0:
            self.hold(shortfall)

    def held_for(self) -> float:
        """Seconds until requests may be sent again; 0 or less if they may."""
        with self._lock:
            return self._open_at - self._clock.monotonic()

    def _count_waiting(self, change: int) -> None:
        with self._lock:
            self._count_held()
            self._waiting += change

    def _count_held(self) -> None:
        """Time in which several threads wait counts once."""
        now = self._clock.monotonic()
        if self._waiting:
            self._held_seconds += now - self._waiting_since
        self._waiting_since = now


def _seconds_to_refill(response: Response, wanted: int) -> float:
    """Seconds until Data Center's token bucket holds ``wanted`` requests; 0 if it does, or if there is none.

    X-RateLimit-Remaining, -FillRate and -Interval-Seconds come on every answer once an administrator has turned rate
    limiting on ("Adjusting your code for rate limiting", Atlassian's administration guide for 8.6 and later).
    """
    try:
        remaining, rate, interval = (
            float(response.headers[f"X-RateLimit-{name}"]) for name in ("Remaining", "FillRate", "Interval-Seconds")
        )
    except (KeyError, ValueError):
        return 0.0
    if remaining >= wanted or rate <= 0:
        return 0.0
    return min((wanted - remaining) / rate * interval, 60.0)
