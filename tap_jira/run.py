"""What one sync works with, and the records of a stream on their way out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tap_jira import workers
from tap_jira.catalog import Selection
from tap_jira.client import Client
from tap_jira.config import Config
from tap_jira.dates import format_millis
from tap_jira.heads import Text
from tap_jira.messages import Writer
from tap_jira.pace import Clock
from tap_jira.progress import Progress
from tap_jira.records import Oddities
from tap_jira.site import Site
from tap_jira.state import State
from tap_jira.typed import Shaper
from tap_jira.workers import Workers

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

STATE_SECONDS = 30
"""A target may commit at least so often: the state is repeated if it cannot move."""

LOOKBACK_SECONDS: Mapping[str, int] = {"server": 1200, "cloud": 600}
"""How far a run reaches back if nobody said, by kind of site: search indexes of Data Center's nodes lag more."""


@dataclass
class Run:
    """What one sync works with."""

    client: Client
    site: Site
    config: Config
    state: State
    writer: Writer
    workers: Workers
    show: Callable[[str], None] | None = None
    """Shows a live line, if there is a terminal for it."""
    fields: list[Any] | None = None
    """The site's fields, where this run has discovered them."""
    exit_code: int = 0
    failures: list[str] = field(default_factory=list)
    """What went wrong so far, each as a sentence with its cause."""
    issues: Selection | None = None
    """The issues as they are selected, if they are."""
    new_fields: dict[str, str] = field(default_factory=dict)
    """Ids of the site's fields that the catalog does not have, and what people call them, as far as that is known."""
    state_at: float = 0.0
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = Progress(self.clock, self.client.retry.gate, self.show)

    def send_state(self) -> None:
        """Write the state, and with it everything before it."""
        self.writer.state(self.state.value)
        self.state_at = self.clock.monotonic()

    def tick(self) -> None:
        """Between pages: let what is written go out, and repeat the state now and then, so that a target may commit.

        Whoever watches is told how far the run has come.
        """
        self.writer.flush()
        if self.clock.monotonic() - self.state_at >= STATE_SECONDS:
            self.send_state()
        self.progress.tick()

    def call(self, task: Callable[[], T]) -> T:
        """The result of ``task``, run where a signal need not wait for it."""
        result = workers.call(self.workers, task, self.tick)
        self.tick()
        return result

    def together(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of ``calls`` that a page needs, at Jira's pace; for use inside a call."""
        return self.workers.together(calls, self.client.retry.gate.allowed)

    def fail(self, exit_code: int, reason: str) -> None:
        """The run goes on, and will not end with 0; the first failure settles the code and the last line."""
        LOGGER.error("%s", reason)
        self.exit_code = self.exit_code or exit_code
        self.failures.append(reason)

    @property
    def lookback_seconds(self) -> int:
        """How far this run reaches back before the bookmark."""
        said = self.config.lookback_seconds
        return LOOKBACK_SECONDS[self.site.kind] if said is None else said

    @property
    def clock(self) -> Clock:
        """The run's time."""
        return self.client.retry.clock


class Table:
    """Records of one stream on their way out."""

    def __init__(self, run: Run, selection: Selection) -> None:
        self._run, self.selection, self.stream = run, selection, selection.stream
        self._oddities = Oddities(selection.stream.name, LOGGER.warning, LOGGER.info, names=selection.names)
        self._shaper = Shaper(
            selection.schema, selection.full, selection.keys, self._oddities, self.stream.fill, selection.names
        )
        self.tally = run.progress.tally(self.stream.name)
        self.keyless = 0
        self.version: int | None = None
        """What the records carry, if versions were asked for."""

    def send_values(self, values: Iterable[Any]) -> None:
        """Write the records of objects that Jira gave; one without its key is counted and left out."""
        self._send(map(self._shaper.of_value, values))

    def send_texts(self, texts: Iterable[Text]) -> None:
        """The same for objects in JSON."""
        self._send(map(self._shaper.of_text, texts))

    def _send(self, records: Iterable[bytes | None]) -> None:
        extracted = format_millis(int(self._run.clock.now() * 1000)) or ""
        for record in records:
            if record is None:
                self.keyless += 1
                keys = ", ".join(self.selection.keys)
                LOGGER.error("%s: a record without its key (%s) is left out", self.stream.name, keys)
            else:
                self._run.writer.record(self.stream.name, record, extracted, self.version)
                self.tally.rows += 1

    def close(self) -> None:
        """Tell what did not fit; new fields of the site are left to the run, which may learn their names."""
        if self.selection is self._run.issues:
            for field_id in self._oddities.take_unknown("fields."):
                self._run.new_fields.setdefault(field_id, "")
        self._oddities.tell()
        self.tally.nulled = sum(self._oddities.nulled.values())
        self.tally.left_out += self.keyless
        if self.keyless:
            self._run.fail(1, f"{self.stream.name}: {self.keyless} records without their key were left out")
