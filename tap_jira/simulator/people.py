"""The two ways of listing users, with the limits that Jira put on them over the years."""

from __future__ import annotations

from dataclasses import dataclass

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.tables import Tables
from tap_jira.wire import Response


@dataclass(frozen=True)
class UserLimits:
    """How far ``/user/search`` reaches: 1000 users in all before the fix of JRASERVER-65089, 100 from Jira 10 on
    (JRASERVER-78660), else everybody by pages of up to 1000."""

    in_all: int | None = None
    per_page: int = 1000


def search_users(tables: Tables, asked: dict[str, str], limits: UserLimits) -> Response:
    """A bare array of the users whose name, e-mail or display name holds ``username``."""
    wanted = asked.get("username", "").lower()
    if not wanted:
        return refusal(400, "The username query parameter was not provided")
    inactive, active = asked.get("includeInactive") == "true", asked.get("includeActive") != "false"
    start, count = (_number(asked.get(name), default) for name, default in (("startAt", 0), ("maxResults", 50)))
    numbers = (n for n in range(tables.users) if _matches(tables, n, wanted))
    found = [n for n in numbers if (active if tables.user(n)["active"] else inactive)]
    end = min(start + min(count, limits.per_page), limits.in_all or len(found))
    return Response.of_json([tables.full_user(n) for n in found[start:end]])


def _matches(tables: Tables, number: int, wanted: str) -> bool:
    # A dot is in every e-mail address and in every name made here, which is why taps ask for one.
    user = tables.user(number)
    texts = (user["name"], user["displayName"], user.get("emailAddress", "."))
    return any(wanted in text.lower() for text in texts)


def list_users(tables: Tables, asked: dict[str, str]) -> Response:
    """One page of ``/user/list``: a cursor, no total, in no useful order; an unknown cursor starts again."""
    start = _number(asked.get("cursor"), 0)
    count = min(_number(asked.get("maxResults"), 2000), 2000)
    last = start + count >= tables.users
    page: dict[str, object] = {"self": f"{tables.api}/user/list?cursor={start}", "maxResults": count, "isLast": last}
    if not last:
        page["nextCursor"] = str(start + count)
        page["nextPage"] = f"{tables.api}/user/list?cursor={start + count}&maxResults={count}"
    page["values"] = [tables.full_user(n) for n in range(start, min(start + count, tables.users))]
    return Response.of_json(page)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and text.isascii() else default
