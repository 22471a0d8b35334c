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
    ahead: Callable[[], tuple[int, float]] | None = None
    """About how many rows are still to come, 0 if unknown, and what share of the time span was read."""
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
        self._current: Tally | None = None
        self._samples: deque[tuple[float, int]] = deque()  # when there were how many rows, oldest first
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
    def stream(self, stream: str) -> Iterator[Tally]:
        """While inside, ``stream`` is synced; tells Singer's metrics of it at the end."""
        tally = self._current = self.tally(stream)
        before = self._gate.counts
        self._counted_at = self._clock.monotonic()
        self._samples.clear()
        self._sample(self._counted_at)
        try:
            yield tally
        except BaseException as error:
            tally.end("aborted", error)
            raise
        finally:
            tally.asked = self._gate.counts.since(before)
            tally.ahead = self._current = None
            self._hide()
            self._log_metrics(tally)

    def _hide(self) -> None:
        """Take the live line away: what it said is over."""
        if self._show:
            self._show("")

    def tick(self) -> None:
        """Look at the clock, and tell what it is time to tell."""
        now, tally = self._clock.monotonic(), self._current
        if tally is None:
            return
        self._sample(now)
        if now - self._counted_at >= LOG_SECONDS:
            self._counted_at = now
            _log_count(tally)
        if self._show:
            if now - self._shown_at >= LIVE_SECONDS:
                self._shown_at = now
                self._show(self._line(tally))
        elif now - self._told_at >= LOG_SECONDS:
            self._told_at = now
            LOGGER.info("%s", self._line(tally))

    def _sample(self, now: float) -> None:
        if self._current and (not self._samples or now - self._samples[-1][0] >= 1):
            self._samples.append((now, self._current.rows))
        while len(self._samples) > 1 and now - self._samples[1][0] >= RATE_SECONDS:
            self._samples.popleft()

    def _line(self, tally: Tally) -> str:
        """How far a stream has come."""
        began, rows_then = self._samples[0]
        watched = self._clock.monotonic() - began
        rate = (tally.rows - rows_then) / watched if watched else 0.0
        pace = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        parts = [f"{tally.rows:,} rows", f"{pace} rows/s", *_ahead(tally, rate if watched >= SURE_SECONDS else 0)]
        held = self._gate.held_for()
        if held > 0:
            parts.append(f"held back by Jira for {_duration(held)}")
        return f"{tally.stream}: {', '.join(parts)}"

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


def _ahead(tally: Tally, rate: float) -> Iterator[str]:
    rows, share = tally.ahead() if tally.ahead else (0, 0.0)
    if rows:
        whole = tally.rows + rows
        yield f"{100 * tally.rows // whole} % of about {whole:,}"
        if rate:
            yield f"{_duration(rows / rate)} left"
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
