"""Cloud's lists of what is not an issue: projects, users, fields and resolutions, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.cloud_tables import CloudTables, account_id
from tap_jira.simulator.custom import declarations
from tap_jira.simulator.site import number_of
from tap_jira.wire import Response

Asked = dict[str, str]
_MOST_PROJECTS, _MOST_FIELDS, _MOST_USERS = 100, 50, 1000
_SHY = 17


def page_of_values(found: Sequence[Any], asked: Asked, where: str, *, usual: int = 50, most: int) -> Response:
    """A page as most of Cloud's lists have it; a larger ask is lowered without a word."""
    start, count = number_of(asked, "startAt", 0), min(number_of(asked, "maxResults", usual), most)
    last = start + count >= len(found)
    page: dict[str, object] = {"self": f"{where}?{urlencode({'startAt': start, 'maxResults': count})}"}
    if not last:
        page["nextPage"] = f"{where}?{urlencode({'startAt': start + count, 'maxResults': count})}"
    page |= {"maxResults": count, "startAt": start, "total": len(found), "isLast": last}
    return Response.of_json({**page, "values": found[start : start + count]})


def search_projects(tables: CloudTables, asked: Asked, *, visible: bool) -> Response:
    """The projects of the statuses asked for, live ones if none is."""
    statuses = frozenset(asked.get("status", "live").split(","))
    if not statuses <= {"live", "archived", "deleted"}:
        return refusal(400, f"Unknown project status: {asked['status']}")
    expand = frozenset(asked.get("expand", "").split(","))
    found = tables.found_projects(statuses, expand) if visible else []
    return page_of_values(found, asked, tables.api + "/project/search", most=_MOST_PROJECTS)


def list_projects(tables: CloudTables, asked: Asked, *, visible: bool) -> Response:
    """The live projects in one array: deprecated and at work."""
    expand = frozenset(asked.get("expand", "").split(","))
    return Response.of_json(tables.found_projects(frozenset({"live"}), expand) if visible else [])


def search_fields(tables: CloudTables, asked: Asked) -> Response:
    """The fields without the flags of ``/field``."""
    flags = ("custom", "orderable", "navigable", "searchable", "clauseNames")
    fields = [{k: v for k, v in field.items() if k not in flags} for field in declarations(cloud=True)]
    return page_of_values(fields, asked, tables.api + "/field/search", most=_MOST_FIELDS)


def search_resolutions(tables: CloudTables, asked: Asked) -> Response:
    """The resolutions without their addresses; one is the default."""
    found = [
        {"id": it["id"], "name": it["name"], "description": it["description"], "isDefault": n == 0}
        for n, it in enumerate(tables.resolutions)
    ]
    return page_of_values(found, asked, tables.api + "/resolution/search", most=50)


def list_users(tables: CloudTables, asked: Asked, *, visible: bool) -> Response:
    """The users from ``startAt`` on, apps, customers and inactive ones too; those who hide make the array shorter."""
    start, count = number_of(asked, "startAt", 0), min(number_of(asked, "maxResults", 50), _MOST_USERS)
    numbers = range(start, min(start + count, tables.users)) if visible else ()
    return Response.of_json([tables.full_user(n) for n in numbers if n % _SHY != _SHY - 1])


def search_users(tables: CloudTables, asked: Asked, *, visible: bool) -> Response:
    """The active users whose name or address begins a word with ``query``, or the one with this ``accountId``."""
    if not asked.get("query") and not asked.get("accountId"):
        return refusal(400, "The query parameter was not provided")
    wanted = asked.get("query", "").lower()
    found = [
        tables.full_user(n)
        for n in (range(tables.users) if visible else ())
        if tables.user(n)["active"] and (_named(tables, n, wanted) if wanted else account_id(n) == asked["accountId"])
    ]
    start, count = number_of(asked, "startAt", 0), min(number_of(asked, "maxResults", 50), _MOST_USERS)
    return Response.of_json(found[start : start + count])


def _named(tables: CloudTables, number: int, wanted: str) -> bool:
    user = tables.user(number)
    words = [*user["displayName"].lower().split(), user.get("emailAddress", "").lower()]
    return any(word.startswith(wanted) for word in words)
