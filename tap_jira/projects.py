"""Lists that each project has for itself, such as its versions: those of all projects, several read at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from tap_jira.errors import FailedAnswerError, ForbiddenError, NothingFoundError, ReadError, TapError
from tap_jira.pagination import Lists, Pages, identity
from tap_jira.words import listed

LOGGER = logging.getLogger(__name__)

AT_ONCE = 100
"""Projects whose lists are in memory together: several for each thread, so that few wait for the last of them."""
MOST_FAILED = 3
"""Projects over which Jira fails before it is taken to fail over all."""
JIRAS_OWN = ("project", "projectId")
"""What some versions and sites say of the project and others do not, and as a number."""

Read = Callable[[Lists, str], Pages]
"""Gives the list of the project of this id."""


def of_each(lists: Lists, projects: Pages, read: Read) -> Pages:
    """The lists of all ``projects``, one after the other; each row with ``project_id`` and ``project_key``.

    A project that is gone, or that this account may not read, is passed over with a warning, unless they all are. One
    that Jira fails over does not keep the others from coming; its error is raised behind them.
    """
    # Read to the end first: the longer a list takes, the more of it moves.
    known = [(identity(row), row.get("key") if isinstance(row, dict) else None) for page in projects for row in page]
    here = replace(lists, run=lambda task: task())
    refused: dict[str, TapError] = {}
    failed: list[TapError] = []
    for start in range(0, len(known), AT_ONCE):
        some = known[start : start + AT_ONCE]
        calls = [partial(_rows, here, read, project, failed) for project, _ in some]
        for (project, key), (rows, refusal) in zip(some, lists.run(partial(lists.together, calls)), strict=True):
            yield [_of_project(row, project, key) for row in rows]
            if refusal:
                refused[str(key or project)] = refusal
    if refused:
        _tell(lists, refused, len(known))
    if failed:
        raise failed[0]


def _rows(lists: Lists, read: Read, project: str, failed: list[TapError]) -> tuple[list[Any], TapError | None]:
    """What there is of the list of one project, and with which words Jira refused the rest."""
    rows: list[Any] = []
    try:
        for page in read(lists, project):
            rows += page
    except (ForbiddenError, NothingFoundError) as error:
        return rows, error
    except (FailedAnswerError, ReadError) as error:
        # Each costs all the tries that a request has.
        failed.append(error)
        if len(failed) > MOST_FAILED:
            raise
    return rows, None


def _of_project(row: Any, project: str, key: Any) -> Any:
    if not isinstance(row, dict):
        return row
    its = {name: part for name, part in row.items() if name not in JIRAS_OWN}
    return {**its, "project_id": project, "project_key": key}


def _tell(lists: Lists, refused: dict[str, TapError], count: int) -> None:
    """Warn of what is passed over; raise if that is everything."""
    first = next(iter(refused.values()))
    if len(refused) == count:
        raise first
    said = f"{len(refused)} of {count} projects are passed over ({listed([*refused])})"
    LOGGER.warning("%s: %s", said, first)
    lists.doubts.append(said)
