"""Decide whether a table that is sent whole is due, and under which version its rows go out."""

from __future__ import annotations

import hashlib
import json
import logging

from tap_jira.catalog import Selection
from tap_jira.dates import format_millis, to_millis
from tap_jira.run import Run, Table
from tap_jira.streams import FIELDS

LOGGER = logging.getLogger(__name__)

READ_AT, COLUMNS, VERSION = "read_at", "columns", "version"
"""What the state keeps of such a table."""
LARGEST_VERSION = 2**53
"""Beyond it some JSON parsers round, and no clock shows such milliseconds."""


def is_due(run: Run, selection: Selection) -> bool:
    """Whether a stream is to be read in this run: unless it was read whole, with the same columns, a short time ago."""
    stream, hours = selection.stream, run.config.full_table_hours
    kept = run.state.bookmark(stream.name)
    millis = to_millis(kept.get(READ_AT))
    if stream.replication_key or millis is None or kept.get(COLUMNS) != _columns(run, selection):
        return True
    # Both are Jira's time, so that neither the machine nor a clock that was set back makes a table old or young.
    age = run.site.now - millis // 1000
    if not 0 <= age < hours * 3600:
        return True
    reason = f"read whole {age / 3600:.1f} h ago, and full_table_hours is {hours:g}"
    LOGGER.info("%s is not read in this run: %s", stream.name, reason)
    run.progress.tally(stream.name).end("not due", reason)
    return False


def begin(run: Run, table: Table) -> None:
    """Until the table is whole the state does not say that it was, and its rows carry a version that never was."""
    stream = table.stream.name
    kept = run.state.bookmark(stream)
    if READ_AT in kept:
        run.state.keep(stream, **{READ_AT: None, COLUMNS: None})
    if run.config.activate_version:
        table.version = max(int(run.clock.now() * 1000), _version(kept.get(VERSION)) + 1)
        run.state.keep(stream, **{VERSION: table.version})


def finish(run: Run, table: Table, doubts: list[str]) -> None:
    """The table was read to its end: remember when, and let the target drop what was not in it.

    Only here is a version activated, and not before the rows as some taps do for a new table: targets delete the rows
    of other versions at once (target_postgres/sinks.py by MeltanoLabs, "activate_version"), and whether a table is new
    cannot be told from a state that is empty. ``doubts``: why something may be missing though nothing has failed.
    """
    stream = table.stream.name
    if table.keyless:
        return
    if run.config.full_table_hours:
        now = format_millis(run.site.now * 1000)
        run.state.keep(stream, **{READ_AT: now, COLUMNS: _columns(run, table.selection)})
    if table.version is None:
        return
    if not table.tally.rows:
        doubts = ["Jira shows no row at all, as it also does to an account that has lost a permission"]
    if doubts:
        LOGGER.info("%s: rows that are gone from Jira stay in the target: %s", stream, "; ".join(doubts))
    else:
        run.writer.activate_version(stream, table.version)


def _columns(run: Run, selection: Selection) -> str:
    """A word that changes with the selected columns and their types, and where rows name columns of the issues, too."""
    named = [run.issues.field_columns] if run.issues and selection.stream.name == FIELDS else []
    text = json.dumps([selection.schema, *named], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _version(kept: object) -> int:
    return kept if type(kept) is int and 0 <= kept < LARGEST_VERSION else 0
