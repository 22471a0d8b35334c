"""Tell how a run goes on, in a live line or a line a minute, and at its end what was done, with Singer's metrics."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from singer import metrics

from tap_jira.pace import Clock, Counts, Gate

LOGGER = logging.getLogger(__name__)

LIVE_SECONDS = 0.5
LOG_SECONDS = 60.0
"""How often a log is told how far the run has come, and how often singer-python's counters report."""
RATE_SECONDS = 60.0
"""The rate is that of the last minute, so that it tells when a run begins to stall."""
SURE_SECONDS = 10.0
"""No time left is told from a rate that was watched for less."""
COLUMNS = ("table", "rows", "requests", "retries", "waited s", "left out", "nulled", "seconds")
NOTHING = Counts(0, 0, 0.0, {}, 0.0)


@dataclass
class Tally:
    """What a run did for one stream."""

    stream: str
    rows: int = 0
    left_out: int = 0
    """Rows that Jira has and that could not be sent."""
    nulled: int = 0
    """Values that did not fit their column."""
    outcome: str = "not reached"
    reason: str = ""
    until: str = ""
    """Up to when everything was sent, where the stream has a bookmark."""
    asked: Counts = NOTHING
    ahead: Callable[[], tuple[int, int, float]] | None = None
    """How many issues were read, about how many are still to come, 0 if unknown, and what share of the time span was.
    """
    counted: int = 0
    """Rows that a metric has told."""

    @property
    def is_complete(self) -> bool:
        """Whether everything was sent that there was to send."""
        return self.outcome == "complete" and not self.left_out

    def end(self, outcome: str, reason: object = "") -> None:
        """Say in a word how it ended, and why."""
        self.outcome, self.reason = outcome, " ".join(str(reason).split())


class Progress:
    """Watches the streams of one run; time comes from its clock, and whoever works says when to look."""

    def __init__(self, clock: Clock, gate: Gate, show: Callable[[str], None] | None = None) -> None:
        """``show`` puts a text into the live line of a terminal; without it the log is told instead."""
        self._clock, self._gate, self._show = clock, gate, show
        self._tallies: dict[str, Tally] = {}
        self._current: list[Tally] = []  # of the scan under way
        self._samples: deque[tuple[float, int, int]] = deque()  # when there were how many rows and issues, oldest first
        self._shown_at = self._told_at = self._counted_at = clock.monotonic()

    def tally(self, stream: str) -> Tally:
        """The tally of a stream, a new one at first."""
        return self._tallies.setdefault(stream, Tally(stream))

    @contextmanager
    def run(self, streams: Iterable[str], exit_code: Callable[[], int]) -> Iterator[None]:
        """While inside, these streams are synced; tells at the end what was done, however that comes."""
        for stream in streams:
            self.tally(stream)
        succeeded = False
        try:
            yield
            succeeded = exit_code() == 0
        finally:
            self._hide()
            self._log_duration("sync", self._gate.counts.seconds, succeeded=succeeded)
            for line in _aligned([COLUMNS, *map(_row, self._tallies.values()), self._total()]):
                LOGGER.info("%s", line)

    @contextmanager
    def scan(self, streams: Iterable[str]) -> Iterator[list[Tally]]:
        """While inside, these streams are synced together; tells Singer's metrics of them at the end.

        What was asked of Jira counts for the first.
        """
        tallies = self._current = [self.tally(stream) for stream in streams]
        before = self._gate.counts
        self._counted_at = self._clock.monotonic()
        self._samples.clear()
        self._sample(self._counted_at)
        try:
            yield tallies
        except BaseException as error:
            for tally in tallies:
                tally.end("aborted", error)
            raise
        finally:
            asked = self._gate.counts.since(before)
            self._current = []
            self._hide()
            for tally in tallies:
                tally.asked = asked if tally is tallies[0] else NOTHING._replace(seconds=asked.seconds)
                tally.ahead = None
                self._log_metrics(tally)

    def _hide(self) -> None:
        """Take the live line away: what it said is over."""
        if self._show:
            self._show("")

    def tick(self) -> None:
        """Look at the clock, and tell what it is time to tell."""
        now = self._clock.monotonic()
        if not self._current:
            return
        self._sample(now)
        if now - self._counted_at >= LOG_SECONDS:
            self._counted_at = now
            for tally in self._current:
                _log_count(tally)
        if self._show:
            if now - self._shown_at >= LIVE_SECONDS:
                self._shown_at = now
                self._show(self._line())
        elif now - self._told_at >= LOG_SECONDS:
            self._told_at = now
            LOGGER.info("%s", self._line())

    def _sample(self, now: float) -> None:
        if not self._samples or now - self._samples[-1][0] >= 1:
            self._samples.append((now, self._rows, _ahead(self._current[0])[0]))
        while len(self._samples) > 1 and now - self._samples[1][0] >= RATE_SECONDS:
            self._samples.popleft()

    @property
    def _rows(self) -> int:
        return sum(tally.rows for tally in self._current)

    def _line(self) -> str:
        """How far the streams of a scan have come."""
        began, rows_then, read_then = self._samples[0]
        read = _ahead(self._current[0])[0]
        watched = self._clock.monotonic() - began
        rate, pace = (
            (now - then) / watched if watched else 0.0 for now, then in ((self._rows, rows_then), (read, read_then))
        )
        parts = [f"{tally.stream}: {tally.rows:,} rows" for tally in self._current]
        parts.append(f"{rate:,.0f} rows/s" if rate >= 10 else f"{rate:.1f} rows/s")
        parts += _still(self._current[0], pace if watched >= SURE_SECONDS else 0)
        held = self._gate.held_for()
        if held > 0:
            parts.append(f"held back by Jira for {_duration(held)}")
        return ", ".join(parts)

    def _log_metrics(self, tally: Tally) -> None:
        """The points that singer-python's counters and timers would write.

        Its timer writes one for each request; here one tells the time of all requests with the same answer, so that
        sums stay right and the log short.
        """
        _log_count(tally)
        for status, seconds in sorted(tally.asked.took_seconds.items(), key=lambda item: item[0] or 0):
            tags: dict[str, str | int] = {"endpoint": tally.stream}
            if status is not None:
                tags["http_status_code"] = status
            _log_timer("http_request_duration", seconds, tags, succeeded=status is not None and status < 400)
        self._log_duration(tally.stream, tally.asked.seconds, succeeded=tally.is_complete)

    def _log_duration(self, job: str, seconds: float, *, succeeded: bool) -> None:
        _log_timer("job_duration", seconds, {"job_type": job}, succeeded=succeeded)

    def _total(self) -> tuple[str, ...]:
        """What all streams together are, and what was asked before the first of them."""
        whole = Tally("total", asked=self._gate.counts)
        for tally in self._tallies.values():
            whole.rows += tally.rows
            whole.left_out += tally.left_out
            whole.nulled += tally.nulled
        return _numbers(whole)


def _ahead(tally: Tally) -> tuple[int, int, float]:
    return tally.ahead() if tally.ahead else (tally.rows, 0, 0.0)


def _still(tally: Tally, pace: float) -> Iterator[str]:
    """What is still to come, at so many issues a second."""
    read, left, share = _ahead(tally)
    if left:
        yield f"{100 * read // (read + left)} % of about {read + left:,}"
        if pace:
            yield f"{_duration(left / pace)} left"
    elif tally.ahead:
        yield f"{100 * share:.0f} % of the time span"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _numbers(tally: Tally) -> tuple[str, ...]:
    asked = tally.asked
    counts = (tally.rows, asked.requests, asked.retries)
    seconds = (f"{asked.held_seconds:,.1f}", f"{tally.left_out:,}", f"{tally.nulled:,}", f"{asked.seconds:,.1f}")
    return (tally.stream, *(f"{count:,}" for count in counts), *seconds)


def _row(tally: Tally) -> tuple[str, ...]:
    until = f", sent up to {tally.until}" if tally.until else ""
    return (*_numbers(tally), f"{tally.outcome}{until}" + (f": {tally.reason}" if tally.reason else ""))


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """The rows as lines: the first column to the left, numbers to the right, and what comes after them as it is."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]
    for name, *rest in rows:
        numbers = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=False)]
        yield "  ".join([name.ljust(widths[0]), *numbers, *rest[len(numbers) :]])


def _log_count(tally: Tally) -> None:
    """As singer-python's counter does: what came since it last told."""
    value, tally.counted = tally.rows - tally.counted, tally.rows
    metrics.log(LOGGER, metrics.Point("counter", "record_count", value, {"endpoint": tally.stream}))


def _log_timer(metric: str, seconds: float, tags: dict[str, str | int] | dict[str, str], *, succeeded: bool) -> None:
    status = metrics.Status.succeeded if succeeded else metrics.Status.failed
    metrics.log(LOGGER, metrics.Point("timer", metric, round(seconds, 6), {**tags, "status": status}))
