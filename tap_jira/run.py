"""What one sync works with, and the records of a stream on their way out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from singer import metrics

from tap_jira import workers
from tap_jira.catalog import Selection
from tap_jira.client import Client
from tap_jira.config import Config
from tap_jira.dates import format_millis
from tap_jira.messages import Writer, record_line
from tap_jira.pace import Clock
from tap_jira.records import Oddities, compile_record
from tap_jira.site import Site
from tap_jira.state import State
from tap_jira.workers import Workers

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

STATE_SECONDS = 30
"""A target may commit at least so often: the state is repeated if it cannot move."""


@dataclass
class Run:
    """What one sync works with."""

    client: Client
    site: Site
    config: Config
    state: State
    writer: Writer
    workers: Workers
    exit_code: int = 0
    state_at: float = 0.0

    def send_state(self) -> None:
        """Write the state, and with it everything before it."""
        self.writer.state(self.state.value)
        self.state_at = self.clock.monotonic()

    def tick(self) -> None:
        """Between pages: let what is written go out, and repeat the state now and then, so that a target may commit."""
        self.writer.flush()
        if self.clock.monotonic() - self.state_at >= STATE_SECONDS:
            self.send_state()

    def call(self, task: Callable[[], T]) -> T:
        """The result of ``task``, run where a signal need not wait for it."""
        return workers.call(self.workers, task, self.tick)

    def fail(self, exit_code: int) -> None:
        """The run goes on, and will not end with 0; the first failure settles the code."""
        self.exit_code = self.exit_code or exit_code

    @property
    def clock(self) -> Clock:
        """The run's time."""
        return self.client.retry.clock


class Table:
    """Records of one stream on their way out."""

    def __init__(self, run: Run, selection: Selection) -> None:
        self._run, self.selection, self.stream = run, selection, selection.stream
        self._oddities = Oddities(selection.stream.name, LOGGER.warning, LOGGER.info)
        self._shape = compile_record(selection.schema, selection.full, self._oddities)
        self._fill = [(name, path) for name, path in self.stream.fill.items() if name in selection.schema["properties"]]
        self.written = self.keyless = 0

    def line(self, raw: Any) -> bytes | None:
        """The RECORD of what Jira gave; None for an object without its key, which is counted and left out."""
        record = self._record(raw)
        if record is None:
            self.keyless += 1
            LOGGER.error(
                "%s: a record without its key (%s) is left out", self.stream.name, ", ".join(self.selection.keys)
            )
            return None
        extracted = format_millis(int(self._run.clock.now() * 1000)) or ""
        return record_line(self.stream.name, record, extracted)

    def send(self, lines: Iterable[bytes | None]) -> None:
        """Write the records that are there."""
        for line in lines:
            if line is not None:
                self._run.writer.record(line)
                self.written += 1

    def _record(self, raw: Any) -> dict[str, Any] | None:
        if not isinstance(raw, dict):
            return None
        self._oddities.key = str(raw.get("key") or raw.get("id") or raw.get("name") or "?")[:80]
        for name, path in self._fill:
            if raw.get(name) is None:
                raw[name] = _found(raw, path)
        record: dict[str, Any] = self._shape(raw)
        return record if all(record.get(key) is not None for key in self.selection.keys) else None

    def close(self) -> None:
        """Tell how many records went out and what did not fit."""
        self._oddities.tell()
        if self.keyless:
            LOGGER.error("%s: %d records without their key were left out", self.stream.name, self.keyless)
            self._run.fail(1)
        metrics.log(LOGGER, metrics.Point("counter", "record_count", self.written, {"endpoint": self.stream.name}))


def _found(raw: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
