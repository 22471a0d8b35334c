"""Complete what an issue carries only in part: its comments, its worklogs, its changelog."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tap_jira.client import Client
from tap_jira.errors import AuthError, TapError
from tap_jira.heads import is_cut

LOGGER = logging.getLogger(__name__)

PAGE = 1000
MOST_PAGES = 200
FRUITLESS = 3

Ask = Callable[[int], tuple[list[Any], int | None]]
"""From a position to the children from there on and how many there are in all, if the answer tells."""


@dataclass(frozen=True)
class Child:
    """A list inside an issue: where it lies, what its items are called, and where the rest of it is to be had."""

    place: tuple[str, ...]
    items: str
    path: str
    whole_issue: bool = False
    """The rest comes with the issue itself: Data Center has no address for a changelog of its own."""


CHILDREN = (
    Child(("fields", "comment"), "comments", "issue/{id}/comment"),
    Child(("fields", "worklog"), "worklogs", "issue/{id}/worklog"),
    Child(("changelog",), "histories", "issue/{id}", whole_issue=True),
)


def complete(client: Client, issue: dict[str, Any]) -> None:
    """Fill up the child lists of ``issue`` that are shorter than they say; one that cannot be stays, with a warning."""
    for child in CHILDREN:
        part = _at(issue, child.place)
        listed = part.get(child.items) if part else None
        if part and isinstance(listed, list) and is_cut(len(listed), part.get("total"), part.get("maxResults")):
            try:
                found, total = _all(_asker(client, str(issue.get("id")), child))
            except AuthError:
                raise
            except TapError as error:
                LOGGER.warning("issue %s: %s stays cut: %s", issue.get("key"), child.items, error)
                continue
            if len(found) < total:
                LOGGER.warning(
                    "issue %s: only %d of %d %s can be had", issue.get("key"), len(found), total, child.items
                )
            if len(found) >= len(listed):
                part.update({child.items: found, "startAt": 0, "maxResults": len(found), "total": total})


def _at(issue: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any] | None:
    part: Any = issue
    for name in place:
        part = part.get(name) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


def _asker(client: Client, issue_id: str, child: Child) -> Ask:
    path = child.path.format(id=issue_id)

    def ask(start: int) -> tuple[list[Any], int | None]:
        if child.whole_issue:
            issue = client.get(
                path, {"fields": "created", "expand": child.place[0]}, lambda answer: _has(answer, child)
            )
            answer = issue[child.place[0]]
        else:
            params = {"startAt": start, "maxResults": PAGE, "orderBy": "created"}
            answer = client.get(path, params, lambda answer: _lists(answer, child))
        listed = answer[child.items]
        total = answer.get("total")
        return listed, total if isinstance(total, int) else None

    return ask


def _has(answer: Any, child: Child) -> bool:
    return isinstance(answer, dict) and _lists(answer.get(child.place[0]), child)


def _lists(answer: Any, child: Child) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get(child.items), list)


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
        at_end = fruitless > 0 if total is None else start + len(items) >= total
        if (joined and at_end) or fruitless >= FRUITLESS:
            break
        start = start + max(1, len(items) - 1) if joined else max(0, start - PAGE)
    return list(found.values()), len(found) if total is None else total


def _name(item: Any) -> str:
    """What an item is recognised by; one without an id by all it holds."""
    return str(item.get("id") or item) if isinstance(item, dict) else str(item)
