"""Repeat a call while its failure may pass, waiting as Jira asks or ever longer, and give up in words."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

import backoff

from tap_jira.errors import TapError, UnavailableError
from tap_jira.pace import Clock, Gate

T = TypeVar("T")

FIRST_CONTACT_TRIES = 3
"""Tries while nobody at all was reached in this run: the address may be wrong, and waiting would not mend that."""
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60
PATIENCE_SECONDS = 3900
"""What one request may cost in waiting that Jira asked for: an hour, in which its quotas refill, and a little more."""


class Again(Exception):
    """This attempt failed in a way that may pass."""

    def __init__(
        self,
        reason: str,
        *,
        throttled: bool = False,
        wait_seconds: float | None = None,
        error: type[TapError] = UnavailableError,
        remedy: str = "try again later",
        is_unreached: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.throttled, self.wait_seconds, self.error = reason, throttled, wait_seconds, error
        self.remedy, self.is_unreached = remedy, is_unreached


@dataclass
class Retry:
    """The policy: ``tries`` attempts at what is broken, any number while patience lasts at what is only throttled."""

    clock: Clock
    gate: Gate
    tries: int = 8
    jitter: Callable[[float], float] = backoff.full_jitter
    on_wait: Callable[[str, float], None] = field(default=lambda reason, seconds: None)

    def call(self, attempt: Callable[[], T]) -> T:
        """What ``attempt`` returns; after the last try, the error that the failure names, with how hard we tried."""
        waits = self._waits()
        failures, waited = 0, 0.0
        is_repeat = False
        while True:
            self.gate.enter(is_repeat=is_repeat)
            is_repeat = True
            try:
                return attempt()
            except Again as again:
                failures += not again.throttled
                seconds = self._seconds(again, waits)
                if failures >= self._most_tries(again) or waited + seconds > PATIENCE_SECONDS:
                    effort = _effort(failures, waited, again)
                    raise again.error(f"{again.reason} ({effort}); {again.remedy}") from again
                self.on_wait(again.reason, seconds)
                if again.throttled:
                    self.gate.throttled(seconds)
                else:
                    self.clock.wait(seconds)
                waited += seconds

    def _most_tries(self, again: Again) -> int:
        is_first_contact = again.is_unreached and not self.gate.met
        return min(self.tries, FIRST_CONTACT_TRIES) if is_first_contact else self.tries

    def _seconds(self, again: Again, waits: Generator[float, None, None]) -> float:
        ours = FIRST_WAIT_SECONDS / 2 + self.jitter(next(waits))
        # 0 comes on healthy answers too, so it says nothing; anything else is a minimum.
        return again.wait_seconds + self.jitter(1.0) if again.wait_seconds else ours

    def _waits(self) -> Generator[float, None, None]:
        waits: Generator[float, None, None] = backoff.expo(
            base=2, factor=FIRST_WAIT_SECONDS, max_value=LONGEST_WAIT_SECONDS
        )
        next(waits)  # the library's generators begin with an empty value
        return waits


def _effort(failures: int, waited: float, last: Again) -> str:
    tries = f"{failures} tries" if failures else "throttled all the time"
    asked = f", and Jira asks for {last.wait_seconds:.0f} s more" if last.throttled and last.wait_seconds else ""
    return f"{tries} over {waited:.0f} s{asked}"
