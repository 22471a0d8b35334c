"""Walk the selected streams in order, page through each, and write SCHEMA, RECORD and STATE messages."""

from __future__ import annotations

import logging

from tap_jira.catalog import Selection
from tap_jira.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    InterruptedByError,
    OutputError,
    TapError,
)
from tap_jira.incremental import sync_issues
from tap_jira.pagination import PAGERS, Lists
from tap_jira.run import Run, Table
from tap_jira.site import Site

LOGGER = logging.getLogger(__name__)


def sync(run: Run, selections: list[Selection]) -> int:
    """Write the selected streams and return the exit code; what is written when an exception leaves is safe to keep."""
    _check_keys(selections, run.site)
    _check_bookmarks(run, selections)
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
        run.writer.state(run.state.value)
    return run.exit_code


def _check_keys(selections: list[Selection], site: Site) -> None:
    for selection in selections:
        stream = selection.stream
        key = stream.key_at(site.kind)
        if selection.keys != [key]:
            raise ConfigError(
                f"the catalog's key of {stream.name} does not fit this Jira, where it is {key}; discover again"
            )


def _check_bookmarks(run: Run, selections: list[Selection]) -> None:
    """Refuse a bookmark that is no time before anything is sent."""
    for stream in (selection.stream for selection in selections):
        if stream.replication_key:
            run.state.seconds(stream.name, stream.replication_key)


def _sync_stream(run: Run, selection: Selection) -> None:
    stream = selection.stream
    run.state.syncing(stream.name)
    table = Table(run, selection)
    try:
        if stream.replication_key:
            sync_issues(run, table)
        else:
            _sync_whole(run, table)
    except ForbiddenError as error:
        LOGGER.warning("%s is skipped: %s", stream.name, error)
        if selection.chosen:
            run.fail(error.exit_code)
    except (AuthError, ConfigError, OutputError, InterruptedByError):
        raise
    except TapError as error:
        # The other streams may be fine, and what this one has written is safe.
        LOGGER.error("%s is not complete: %s", stream.name, error)
        run.fail(error.exit_code)
    finally:
        run.workers.forget()
        table.close()


def _sync_whole(run: Run, table: Table) -> None:
    """Send a whole table."""
    stream = table.stream
    columns = table.selection.schema["properties"]
    expand = [word for column, word in stream.expand.items() if column in columns]
    params = {**stream.params, **({"expand": ",".join(expand)} if expand else {})}
    lists = Lists(run.client, run.call, run.site.version)
    pages = PAGERS[stream.pager](lists, stream.path, params)
    for page in pages:
        table.send_values(page)
