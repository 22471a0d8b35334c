"""Complete what issues carry only in part: their comments, their worklogs, their changelogs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from tap_jira.client import Client
from tap_jira.dates import number_to_utc, to_millis
from tap_jira.errors import AuthError, FailedAnswerError, NotFoundError, RefusedError, TapError
from tap_jira.heads import is_cut
from tap_jira.jsontext import dump

LOGGER = logging.getLogger(__name__)

PAGE = 1000
MOST_PAGES = 200
FRUITLESS = 3

MOST_IN_BULK = 1000
"""Issues whose changes Cloud gives together."""
CHANGES = 10_000
"""Changes that Cloud gives in one answer at most."""

Issue = dict[str, Any]
Together = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""The results of several calls, made side by side where that can be."""
Left = list[tuple[Issue, tuple[str, ...]]]
"""Lists that stay cut, each by its issue and where it lies there."""
Ask = Callable[[int], tuple[list[Any], int | None]]
"""From a position to the children from there on and how many there are in all, if the answer tells."""


@dataclass(frozen=True)
class Child:
    """A list inside an issue: where it lies, what its items are called, and where the rest of it is to be had."""

    place: tuple[str, ...]
    items: str
    path: str
    asks: Mapping[str, Any]
    listed: tuple[str, ...]
    """Where the list lies in what ``path`` answers."""
    paged: bool = True
    newest_first: bool = False
    """The issue carries the newest, newest first, while ``path`` gives the oldest first."""
    in_bulk: bool = False
    """The rest can be had for many issues at once."""


COMMENT, WORKLOG, CHANGELOG = ("fields", "comment"), ("fields", "worklog"), ("changelog",)

CHILDREN = {
    "server": (
        Child(COMMENT, "comments", "issue/{id}/comment", {"maxResults": PAGE, "orderBy": "created"}, ("comments",)),
        Child(WORKLOG, "worklogs", "issue/{id}/worklog", {"maxResults": PAGE, "orderBy": "created"}, ("worklogs",)),
        # Data Center has no address for a changelog of its own: the rest comes with the issue itself.
        Child(
            CHANGELOG,
            "histories",
            "issue/{id}",
            {"fields": "created", "expand": "changelog"},
            (*CHANGELOG, "histories"),
            paged=False,
        ),
    ),
    # The most that Cloud gives in a page: https://developer.atlassian.com/cloud/jira/platform/rest/v2/.
    "cloud": (
        Child(COMMENT, "comments", "issue/{id}/comment", {"maxResults": 100, "orderBy": "created"}, ("comments",)),
        Child(WORKLOG, "worklogs", "issue/{id}/worklog", {"maxResults": 5000}, ("worklogs",)),
        Child(
            CHANGELOG,
            "histories",
            "issue/{id}/changelog",
            {"maxResults": 100},
            ("values",),
            newest_first=True,
            in_bulk=True,
        ),
    ),
}
"""What an issue may carry only in part, by the kind of site."""


def complete(client: Client, issues: Sequence[Issue], kind: str, together: Together) -> Left:
    """Fill up the child lists of a page's issues that are shorter than they say, as a site of this ``kind`` has them.

    A list that cannot be filled up stays, with a warning; those of which Jira failed to give the rest are returned.
    AuthError if Jira does not know us any more.
    """
    calls: list[Callable[[], None]] = []
    left: Left = []
    for child in CHILDREN[kind]:
        cut = [issue for issue in issues if _is_cut(issue, child)]
        if child.in_bulk:
            calls += [
                partial(_complete_in_bulk, client, cut[n : n + MOST_IN_BULK], child, left)
                for n in range(0, len(cut), MOST_IN_BULK)
            ]
        else:
            calls += [partial(_complete_alone, client, issue, child, left) for issue in cut]
    together(calls)
    return left


def _complete_alone(client: Client, issue: Issue, child: Child, left: Left) -> None:
    try:
        found, total = _all(_asker(client, str(issue.get("id")), child))
    except AuthError:
        raise
    except TapError as error:
        _leave(issue, child, error, left)
        return
    came, total = _fill(issue, child, found, total)
    if came < total:
        LOGGER.warning("issue %s: only %d of %d %s can be had", issue.get("key"), came, total, child.items)


def _complete_in_bulk(client: Client, issues: Sequence[Issue], child: Child, left: Left) -> None:
    """Fill up the lists of many issues with one question, and alone those that are still cut."""
    found: dict[str, list[Any]] = {}
    try:
        found = _changes(client, [str(issue.get("id")) for issue in issues])
    except (RefusedError, FailedAnswerError) as error:
        LOGGER.warning("%s of %d issues are asked for one by one: %s", child.items, len(issues), error)
    except AuthError:
        raise
    except TapError as error:
        # Jira cannot be reached: to find that out again for each issue would take very long.
        for issue in issues:
            _leave(issue, child, error, left)
        return
    for issue in issues:
        if changes := found.get(str(issue.get("id"))):
            _fill(issue, child, changes, 0)
        if _is_cut(issue, child):
            _complete_alone(client, issue, child, left)


def _leave(issue: Issue, child: Child, error: TapError, left: Left) -> None:
    # An issue that was deleted a moment ago has no more children.
    if not isinstance(error, NotFoundError):
        left.append((issue, child.place))
    LOGGER.warning("issue %s: %s stays cut: %s", issue.get("key"), child.items, error)


def _is_cut(issue: Issue, child: Child) -> bool:
    part = _at(issue, child.place)
    listed = _at(part, (child.items,))
    return isinstance(listed, list) and is_cut(len(listed), part.get("total"), part.get("maxResults"))


def _at(value: Any, place: tuple[str, ...]) -> Any:
    """What lies at a place in a JSON value; None if there is no such place."""
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _fill(issue: Issue, child: Child, found: list[Any], total: int) -> tuple[int, int]:
    """Put what was found into an issue, unless that has more; how many were found, and how many there should be."""
    part = _at(issue, child.place)
    listed, told = part[child.items], part.get("total")
    if child.newest_first:
        found = _newest_first(listed, found)
        total = max(total, len(found), told if isinstance(told, int) else 0)
    if len(found) >= len(listed):
        part.update({child.items: found, "startAt": 0, "maxResults": len(found), "total": total})
    return len(found), total


def _newest_first(listed: list[Any], found: list[Any]) -> list[Any]:
    """Each change once, as it came with the issue if it did; those of one instant in the order they came in."""
    changes: dict[str, Any] = {}
    for change in (*listed, *reversed(found)):
        changes.setdefault(_name(change), change)
    return sorted(changes.values(), key=lambda change: to_millis(_at(change, ("created",))) or 0, reverse=True)


def _changes(client: Client, ids: list[str]) -> dict[str, list[Any]]:
    """The changes of many issues of a Cloud site, oldest first, by the issue's id; of those without any there is none.

    They are sorted by date, whatever the issue, so an issue's may be spread over several pages.
    """
    path, seen, found = "changelog/bulkfetch", set[str](), dict[str, list[Any]]()
    body: dict[str, Any] = {"issueIdsOrKeys": ids, "maxResults": CHANGES}
    for _ in range(MOST_PAGES):
        answer = client.post(path, body, lambda answer: isinstance(_at(answer, ("issueChangeLogs",)), list))
        for log in answer["issueChangeLogs"]:
            changes = _at(log, ("changeHistories",))
            if isinstance(changes, list):
                found.setdefault(str(log.get("issueId")), []).extend(map(_dated, changes))
        token = answer.get("nextPageToken")
        if not isinstance(token, str) or not token:
            return found
        if token in seen:
            raise RefusedError(f"POST /rest/api/2/{path} gave the same nextPageToken twice")
        seen.add(token)
        body = {**body, "nextPageToken": token}
    raise RefusedError(f"POST /rest/api/2/{path} gave {MOST_PAGES} pages and no end")


def _dated(change: Any) -> Any:
    """A change with its instant as text, as it comes with an issue.

    In bulk it is a number: of milliseconds where Cloud was seen, of seconds in the example of its specification.
    """
    created = _at(change, ("created",))
    utc = number_to_utc(created) if isinstance(created, int) and not isinstance(created, bool) else None
    return {**change, "created": f"{utc[:23]}+0000"} if utc else change


def _asker(client: Client, issue_id: str, child: Child) -> Ask:
    path = child.path.format(id=quote(issue_id, safe=""))

    def ask(start: int) -> tuple[list[Any], int | None]:
        params = {"startAt": start, **child.asks} if child.paged else child.asks
        answer = client.get(path, params, lambda answer: isinstance(_at(answer, child.listed), list))
        listed, around = _at(answer, child.listed), _at(answer, child.listed[:-1])
        total = around.get("total")
        if isinstance(total, int):
            return listed, total
        return listed, start + len(listed) if around.get("isLast") is True else None

    return ask


def _all(ask: Ask) -> tuple[list[Any], int]:
    """The whole list, in pages that overlap by an item, so that one deleted meanwhile does not hide another."""
    found: dict[str, Any] = {}
    start = fruitless = 0
    total: int | None = None
    for _ in range(MOST_PAGES):
        items, total = ask(start)
        names = [_name(item) for item in items]
        joined = start == 0 or any(name in found for name in names)
        known = len(found)
        if joined:
            found.update(zip(names, items, strict=True))
        fruitless = 0 if len(found) > known else fruitless + 1
        # A total counts what was deleted or is hidden, too: behind an item that comes alone there is nothing.
        at_end = len(items) < 2 or (fruitless > 0 if total is None else start + len(items) >= total)
        if (joined and at_end) or fruitless >= FRUITLESS:
            break
        start = start + max(1, len(items) - 1) if joined else max(0, start - PAGE)
    return list(found.values()), len(found) if total is None else total


def _name(item: Any) -> str:
    """What an item is recognised by; one without an id by all it holds."""
    name = (item.get("id") or item) if isinstance(item, dict) else item
    return name if isinstance(name, str) else dump(name).decode()
