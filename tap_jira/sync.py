"""Walk the selected streams in order, page through each, and write SCHEMA, RECORD and STATE messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from tap_jira import dictionary, full_table
from tap_jira.catalog import Selection
from tap_jira.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    InterruptedByError,
    NotFoundError,
    OutputError,
    TapError,
)
from tap_jira.incremental import sync_issues
from tap_jira.pagination import Lists, Pages, Pairs, components, projects, values, whole
from tap_jira.progress import Tally
from tap_jira.projects import of_each
from tap_jira.run import Run, Table
from tap_jira.site import Site
from tap_jira.streams import FIELDS, ISSUES, Place
from tap_jira.users import accounts, user_list, user_search

LOGGER = logging.getLogger(__name__)

PAGERS: Mapping[str, Callable[[Lists, str, Pairs], Pages]] = {
    "whole": whole,
    "values": values,
    "projects": projects,
    "components": components,
    "user_list": user_list,
    "user_search": user_search,
    "accounts": accounts,
}
"""The ways in which Jira cuts a list into pages."""


def sync(run: Run, selections: list[Selection]) -> int:
    """Write the selected streams and return the exit code; what is written when an exception leaves is safe to keep."""
    vet(run, selections)
    run.issues = next((selection for selection in selections if selection.stream.name == ISSUES), None)
    for selection in selections:
        stream = selection.stream
        bookmarks = [stream.replication_key] if stream.replication_key else []
        run.writer.schema(stream.name, selection.sent, selection.keys, bookmarks)
    # pipelinewise-target-postgres takes the first STATE it sees as flushed already: it must be the one read in.
    run.send_state()
    with run.progress.run((selection.stream.name for selection in selections), lambda: run.exit_code):
        try:
            for scan in scans(selections):
                if full_table.is_due(run, scan[0]):
                    _sync_scan(run, scan)
        finally:
            dictionary.tell_new_fields(run)
            run.state.syncing(None)
            run.writer.state(run.state.value)
    return run.exit_code


def vet(run: Run, selections: list[Selection]) -> None:
    """Refuse a catalog that does not fit the site and a bookmark that is no time, before anything is sent."""
    _check_keys(selections, run.site)
    _check_bookmarks(run, selections)


def scans(selections: Sequence[Selection]) -> list[list[Selection]]:
    """The selected streams, those together that are read together: children with their parent."""
    groups = groupby(selections, key=lambda selection: selection.stream.parent or selection.stream.name)
    return [list(group) for _, group in groups]


def must_be_readable(selection: Selection) -> bool:
    """Whether a stream that the account may not read is a failure; another one is skipped with a warning.

    Without its issues a copy of Jira is none, whether somebody chose them or not.
    """
    return selection.chosen or selection.stream.name == ISSUES


def _check_keys(selections: list[Selection], site: Site) -> None:
    for selection in selections:
        stream = selection.stream
        key = stream.key_at(site.kind)
        if selection.keys != [key]:
            raise ConfigError(
                f"the catalog's key of {stream.name} does not fit this Jira, where it is {key}; discover again"
            )


def _check_bookmarks(run: Run, selections: list[Selection]) -> None:
    for stream in (selection.stream for selection in selections):
        if stream.replication_key:
            run.state.seconds(stream.name, stream.replication_key)


def _sync_scan(run: Run, scan: Sequence[Selection]) -> None:
    names = [selection.stream.name for selection in scan]
    run.state.syncing(names[0])
    with run.progress.scan(names) as tallies:
        tables = [Table(run, selection) for selection in scan]
        try:
            if scan[0].stream.replication_key:
                sync_issues(run, tables)
            else:
                _sync_whole(run, tables[0])
            _end(tallies, "complete")
        except ForbiddenError as error:
            _end(tallies, "skipped", error)
            said = f"{_are(names)} skipped: {error}"
            if any(map(must_be_readable, scan)):
                run.fail(error.exit_code, said)
            else:
                LOGGER.warning("%s", said)
        except (AuthError, ConfigError, OutputError, InterruptedByError):
            raise
        except TapError as error:
            # The other streams may be fine, and what this one has written is safe.
            _end(tallies, "failed", error)
            run.fail(error.exit_code, f"{_are(names)} not complete: {error}")
        finally:
            run.workers.forget()
            for table in tables:
                stream = table.stream
                table.tally.until = str(run.state.bookmark(stream.name).get(str(stream.replication_key), ""))
                table.close()


def _end(tallies: Sequence[Tally], outcome: str, reason: object = "") -> None:
    for tally in tallies:
        tally.end(outcome, reason)


def _are(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _sync_whole(run: Run, table: Table) -> None:
    """Send a whole table."""
    stream = table.stream
    lists = Lists(run.client, run.call, run.site.version, run.together)
    columns = table.selection.schema["properties"]
    full_table.begin(run, table)
    pages: Iterable[Iterable[Any]] = _pages(lists, stream.place(run.site.kind), stream.expand, columns)
    if stream.name == FIELDS:
        found = pages if run.fields is None else [run.fields]
        pages = (dictionary.rows(run, page) for page in found)
    for page in pages:
        table.send_values(page)
    full_table.finish(run, table, lists.doubts)


def _pages(lists: Lists, place: Place, expand: Mapping[str, str], columns: Container[str]) -> Iterator[list[Any]]:
    """The pages of a list at ``place`` or, if the site does not have that path, where it is otherwise.

    Where each project has a list of its own, those of all.
    """
    if place.projects:
        all_projects = _pages(lists, place.projects, {}, ())
        yield from of_each(lists, all_projects, lambda here, id_: _pages(here, place.of_project(id_), expand, columns))
        return
    if place.otherwise and lists.version and lists.version < place.since:
        place = place.otherwise
    words = [word for column, word in {**expand, **place.expand}.items() if column in columns]
    params = [*place.params, *([("expand", ",".join(words))] if words else [])]
    started = False
    try:
        for page in PAGERS[place.pager](lists, place.path, params):
            started = True
            yield page
    except NotFoundError:
        if started or place.otherwise is None:
            raise
        yield from _pages(lists, place.otherwise, expand, columns)
