"""Walk the selected streams in order, page through each, and write SCHEMA, RECORD and STATE messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from singer import metrics

from tap_jira import issues, jql, workers
from tap_jira.catalog import Selection
from tap_jira.client import Client
from tap_jira.config import Config
from tap_jira.dates import format_millis, to_millis
from tap_jira.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    InterruptedByError,
    ReadError,
    TapError,
    TargetGoneError,
)
from tap_jira.messages import Writer, record_line
from tap_jira.pace import Clock
from tap_jira.pagination import PAGERS, Lists
from tap_jira.records import Oddities, compile_record
from tap_jira.search import Ask, Chunk, PageSize, Plan, Span, Walk
from tap_jira.site import Site
from tap_jira.state import State
from tap_jira.workers import Workers

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

STATE_SECONDS = 30
"""A target may commit at least so often: the state is repeated if it cannot move."""
MOST_OWED = 1000
HISTORY_SECONDS = 365 * 24 * 3600
"""How far back the first sync goes without a start_date: one year, which is promised to users."""
AHEAD_BYTES = 8_000_000
"""Bytes of answers that may wait for their turn to be written."""


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

    @property
    def clock(self) -> Clock:
        """The run's time."""
        return self.client.retry.clock


def sync(run: Run, selections: list[Selection]) -> int:
    """Write the selected streams and return the exit code; what is written when an exception leaves is safe to keep."""
    _check_keys(selections, run.site)
    for selection in selections:
        if selection.stream.replication_key:
            run.state.seconds(
                selection.stream.name, selection.stream.replication_key
            )  # refused before anything is sent
    for selection in selections:
        stream = selection.stream
        bookmarks = [stream.replication_key] if stream.replication_key else []
        run.writer.schema(stream.name, selection.schema, selection.keys, bookmarks)
    # pipelinewise-target-postgres takes the first STATE it sees as flushed already: it must be the one read in.
    run.send_state()
    try:
        for selection in selections:
            _sync_stream(run, selection)
    finally:
        run.state.syncing(None)
        _write_last_state(run)
    return run.exit_code


def _check_keys(selections: list[Selection], site: Site) -> None:
    for selection in selections:
        stream = selection.stream
        key = stream.key_at(site.kind)
        if selection.keys != [key]:
            raise ConfigError(
                f"the catalog's key of {stream.name} does not fit this Jira, where it is {key}; discover again"
            )


def _write_last_state(run: Run) -> None:
    try:
        run.writer.state(run.state.value)
    except TargetGoneError as error:
        if not run.exit_code:
            LOGGER.error("%s", error)
        _fail(run, error.exit_code)


def _sync_stream(run: Run, selection: Selection) -> None:
    stream = selection.stream
    run.state.syncing(stream.name)
    table = _Table(run, selection)
    try:
        if stream.replication_key:
            _sync_issues(run, table)
        else:
            _sync_whole(run, table)
    except ForbiddenError as error:
        LOGGER.warning("%s is skipped: %s", stream.name, error)
        if selection.chosen:
            _fail(run, error.exit_code)
    except (AuthError, ConfigError, TargetGoneError, InterruptedByError):
        raise
    except TapError as error:
        # The other streams may be fine, and what this one has written is safe.
        LOGGER.error("%s is not complete: %s", stream.name, error)
        _fail(run, error.exit_code)
    finally:
        run.workers.forget()
        table.close()


def _fail(run: Run, exit_code: int) -> None:
    run.exit_code = run.exit_code or exit_code


class _Table:
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
            _fail(self._run, 1)
        metrics.log(LOGGER, metrics.Point("counter", "record_count", self.written, {"endpoint": self.stream.name}))


def _found(raw: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _sync_whole(run: Run, table: _Table) -> None:
    """Send a whole table."""
    stream = table.stream
    columns = table.selection.schema["properties"]
    expand = [word for column, word in stream.expand.items() if column in columns]
    params = {**stream.params, **({"expand": ",".join(expand)} if expand else {})}
    lists = Lists(run.client, run.call, run.site.version)
    pages = PAGERS[stream.pager](lists, stream.path, params)
    for page in pages:
        table.send(map(table.line, page))


def _sync_issues(run: Run, table: _Table) -> None:
    """Send the issues that changed since the bookmark, window by window, and move the bookmark after each."""
    stream, key = table.stream, str(table.stream.replication_key)
    condition = jql.condition(run.config.projects, run.config.jql)
    low = _lower_bound(run, stream.name, key, condition)
    dialect = _dialect(run, stream.name)
    run.state.keep(stream.name, filter=condition or None)
    source = issues.Issues(run.client, dialect, condition, **_wanted(table.selection))
    settled = max(low, run.site.now - run.config.lookback_seconds)
    span = Span(low=low, now=run.site.now, settled=settled, aligned=dialect.aligned, keep=partial(_kept, table))
    plan = Plan(span, PageSize(run.config.page_size), _settle_debts(run, table, source))
    # Dates to the minute find a little more than was asked for. Rows before a bookmark's lookback are no harm, and a
    # page that did not join may need them; rows before start_date were not wanted.
    first_millis = min(low, _history(run)) * 1000
    for chunk in _chunks(plan, source, run):
        rows = [row for row in chunk.rows if row.updated is None or row.updated >= first_millis]
        table.send(row.issue for row in rows if not isinstance(row.issue, issues.Owed))
        _owe(run, stream.name, [str(row.id) for row in rows if isinstance(row.issue, issues.Owed)])
        if chunk.bookmark > low and run.state.advance(stream.name, key, chunk.bookmark):
            run.send_state()
    _report_debts(run, stream.name)


def _kept(table: _Table, issue: Any) -> Any:
    """What waits to be written: the line, which is far smaller than the issue it was made from."""
    return issue if isinstance(issue, issues.Owed) else table.line(issue)


def _settle_debts(run: Run, table: _Table, source: issues.Issues) -> dict[str, int | None]:
    """Try the issues that Jira could not print in earlier runs; the ids of those sent, with their ``updated``."""
    sent: dict[str, int | None] = {}
    owed = _owed(run, table.stream.name)
    for issue_id in list(owed):
        row = run.call(partial(source.one, issue_id))
        if row is not None and isinstance(row.issue, issues.Owed):
            continue
        if row is not None:
            table.send([table.line(row.issue)])
            sent[issue_id] = row.updated
        owed.remove(issue_id)
        run.state.keep(table.stream.name, owed=owed or None)
    return sent


def _owe(run: Run, stream: str, ids: list[str]) -> None:
    """Remember issues that could not be printed, so that the bookmark may pass them."""
    if not ids:
        return
    owed = sorted({*_owed(run, stream), *ids})
    if len(owed) > MOST_OWED:
        raise ReadError(f"Jira cannot print {len(owed)} issues, {', '.join(owed[:5])} among them; look at its log")
    run.state.keep(stream, owed=owed)


def _report_debts(run: Run, stream: str) -> None:
    owed = _owed(run, stream)
    if owed:
        LOGGER.error(
            "%s: Jira cannot print %d issues (ids %s); they are tried again at each run; look for them in Jira's log",
            stream,
            len(owed),
            ", ".join(owed[:20]),
        )
        _fail(run, ReadError.exit_code)


def _owed(run: Run, stream: str) -> list[str]:
    kept = run.state.bookmark(stream).get("owed")
    return [str(issue_id) for issue_id in kept] if isinstance(kept, list) else []


def _chunks(plan: Plan, source: issues.Issues, run: Run) -> Iterator[Chunk]:
    """Drive a plan: as many pages under way as the pace allows, chunks as they become whole."""
    busy: dict[Walk, Ask] = {}
    while not plan.done:
        for walk in plan.wanting(busy.keys(), AHEAD_BYTES):
            if len(busy) >= run.client.retry.gate.allowed:
                break
            busy[walk] = walk.ask()
            run.workers.submit(walk, partial(source.page, busy[walk]))
        walk, page = run.workers.next(run.tick)
        plan.feed(walk, busy.pop(walk), page)
        yield from plan.ready()
        run.tick()


def _lower_bound(run: Run, stream: str, key: str, condition: str) -> int:
    """From when on issues are read, in epoch seconds."""
    history = _history(run)
    bookmark = run.state.seconds(stream, key)
    if bookmark is None:
        return history
    if (run.state.bookmark(stream).get("filter") or "") != condition:
        LOGGER.warning("%s: projects or jql have changed since the last run; everything is read again", stream)
        run.state.keep(stream, **{key: None})
        return history
    reach = run.config.lookback_seconds
    if bookmark > run.site.now:
        ahead = bookmark - run.site.now
        LOGGER.warning(
            "%s: the bookmark is %d s later than Jira's clock; a clock was set back or the state was edited: "
            "reading from %d s before the present instead",
            stream,
            ahead,
            reach + ahead,
        )
        bookmark, reach = run.site.now, reach + ahead
        run.state.keep(stream, **{key: None})
        run.state.advance(stream, key, bookmark - ahead)
    return max(bookmark - reach, history) if run.config.start_date else bookmark - reach


def _history(run: Run) -> int:
    """Where the first sync begins, in epoch seconds."""
    start = to_millis(run.config.start_date)
    return run.site.now - HISTORY_SECONDS if start is None else start // 1000


def _dialect(run: Run, stream: str) -> jql.Dialect:
    """How the site takes bounds of time: as it was found once, or found now and kept in the state."""
    kept = run.state.bookmark(stream).get("dates")
    if kept == "number":
        return jql.Numbers()
    if kept == "literal":
        return jql.Literals(run.site.zone or "UTC")
    dialect, sure = run.call(partial(issues.find_dialect, run.client, run.site.zone))
    if sure:
        run.state.keep(stream, dates=dialect.name)
    return dialect


def _wanted(selection: Selection) -> dict[str, list[str]]:
    """What is asked of Jira for the selected columns: the fields, by name or by exception, and the expansions."""
    columns = selection.schema["properties"]
    chosen = columns.get("fields", {}).get("properties", {})
    every = selection.full["properties"].get("fields", {}).get("properties", {})
    left_out = [name for name in every if name not in chosen and name not in ("updated", "created")]
    named = sorted({*chosen, "updated", "created"})
    by_exception = ["*all", *(f"-{name}" for name in left_out)]
    return {
        "fields": by_exception if len(by_exception) < len(named) else named,
        "expand": [word for column, word in selection.stream.expand.items() if column in columns],
    }
