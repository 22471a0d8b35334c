"""Cloud's lists of what is not an issue: projects, users, fields and resolutions, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.cloud_tables import CloudTables, account_id
from tap_jira.simulator.custom import declarations, note_of
from tap_jira.simulator.site import number_of
from tap_jira.wire import Response

Asked = dict[str, str]
_MOST_PROJECTS, _MOST_FIELDS, _MOST_USERS = 100, 50, 1000
_SHY = 17
_FIELD_ORDERS = ("contextsCount", "lastUsed", "name", "screensCount", "projectsCount")
_NEVER_TRACKED = {"type": "NOT_TRACKED"}


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
    """The fields that are asked for, without the flags of ``/field`` and with what the site says of them."""
    kinds, ids = (frozenset(filter(None, asked.get(name, "").split(","))) for name in ("type", "id"))
    if not kinds <= {"custom", "system"}:
        return refusal(400, f"Invalid field type: {asked['type']}")
    order = asked.get("orderBy", "name")
    if order.lstrip("+-") not in _FIELD_ORDERS:
        return refusal(400, f"Invalid orderBy: {order}")
    wanted, expand = asked.get("query", "").lower(), asked.get("expand", "").split(",")
    found = [
        _found_field(field, expand)
        for field in declarations(cloud=True)
        if (not kinds or ("custom" if field["custom"] else "system") in kinds) and (not ids or field["id"] in ids)
    ]
    found = [field for field in found if wanted in f"{field['name']}\n{field.get('description', '')}".lower()]
    found.sort(key=lambda field: str(field["name"]).lower(), reverse=order.startswith("-"))
    return page_of_values(found, asked, tables.api + "/field/search", most=_MOST_FIELDS)


def _found_field(field: dict[str, Any], expand: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: field[name] for name in ("id", "name", "schema") if name in field}
    if field["custom"]:
        found["description"] = note_of(field["name"])
    more = {"key": field["key"], "isLocked": False, "screensCount": 1, "contextsCount": 1, "lastUsed": _NEVER_TRACKED}
    return found | {name: value for name, value in more.items() if name in expand}


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
