"""What callers of Cloud ask: parameters of a query and members of a body, checked as Cloud checks them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.render import EXPANSIONS
from tap_jira.wire import Response

PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_MOST_RECONCILED, _MOST_PROPERTIES = 50, 5
# The members of SearchAndReconcileRequestBean; the specification allows no others.
_SEARCH = {
    "jql": str, "nextPageToken": str, "maxResults": int, "fields": list, "expand": str, "properties": list,
    "fieldsByKeys": bool, "failFast": bool, "reconcileIssues": list,
}  # fmt: skip


@dataclass(frozen=True)
class CloudAsk:
    """What a search asks for."""

    jql: str = ""
    token: str | None = None
    count: int = 50
    fields: str = "id"
    expand: frozenset[str] = frozenset()
    reconcile: tuple[int, ...] = ()


def body_of(body: bytes, members: dict[str, type]) -> dict[str, Any] | Response:
    """The body's members by name, those that are null left out; a 400 if one is unknown or of another type."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return refusal(400, PAYLOAD)
    if not isinstance(asked, dict):
        return refusal(400, PAYLOAD)
    asked = {name: value for name, value in asked.items() if value is not None}
    if not all(name in members and _is(value, members[name]) for name, value in asked.items()):
        return refusal(400, PAYLOAD)
    return asked


def _is(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str | int) for item in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def ask_of_query(query: dict[str, str]) -> CloudAsk | Response:
    """What a GET's parameters ask; any that this resource does not know, such as ``startAt``, are ignored."""
    if not _NUMBER.fullmatch(query.get("maxResults", "50")):
        return refusal(400, "The value of maxResults is not a number.")
    lists: dict[str, Any] = {
        name: query[name].split(",") for name in ("fields", "properties", "reconcileIssues") if name in query
    }
    return _ask({**query, **lists, "maxResults": int(query.get("maxResults", "50"))})


def ask_of_body(body: bytes) -> CloudAsk | Response:
    """What a POST's body asks: ``expand`` is one text with commas in it here too."""
    asked = body_of(body, _SEARCH)
    return asked if isinstance(asked, Response) else _ask(asked)


def _ask(asked: dict[str, Any]) -> CloudAsk | Response:
    reconcile = [str(item) for item in asked.get("reconcileIssues", ())]
    if len(reconcile) > _MOST_RECONCILED or not all(item.isdigit() for item in reconcile):
        return refusal(400, f"reconcileIssues takes up to {_MOST_RECONCILED} ids of issues.")
    if len(asked.get("properties", ())) > _MOST_PROPERTIES:
        return refusal(400, f"properties takes up to {_MOST_PROPERTIES} keys.")
    count = asked.get("maxResults", 50)
    if count < 1:
        return refusal(400, "maxResults must be greater than 0.")
    return CloudAsk(
        jql=asked.get("jql", ""),
        token=asked.get("nextPageToken"),
        count=count,
        fields=",".join(str(name).strip() for name in asked.get("fields", ())) or "id",
        expand=EXPANSIONS.intersection(asked.get("expand", "").split(",")),
        reconcile=tuple(int(item) for item in reconcile),
    )
