"""The ways of listing users, by search, by cursor and by group, with the limits they got over the years."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.tables import Tables
from tap_jira.wire import Request, Response

MEMBERS_A_PAGE = 50
SEPARATORS = " @.-\"',()"
_TO_SPACES = str.maketrans(dict.fromkeys(SEPARATORS, " "))


@dataclass(frozen=True)
class UserLimits:
    """How far ``/user/search`` reaches: 1000 users in all before the fix of JRASERVER-65089, 100 from Jira 10 on
    (JRASERVER-78660), else everybody by pages of up to 1000."""

    in_all: int | None = None
    per_page: int = 1000
    groups: int = 20
    """How many groups the picker shows (jira.ajax.autocomplete.limit)."""


def search_users(tables: Tables, asked: dict[str, str], limits: UserLimits) -> Response:
    """A bare array of the users who have a name, an e-mail address or a word of them that begins with ``username``."""
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
    # A dot finds everybody, which is why taps ask for one.
    if wanted == ".":
        return True
    user = tables.user(number)
    texts = [str(user.get(name, "")).lower() for name in ("name", "displayName", "emailAddress")]
    spaced = " ".join(texts).translate(_TO_SPACES)
    return f" {wanted}" in f" {spaced}" or any(text.startswith(wanted) for text in texts)


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


def pick_groups(tables: Tables, request: Request, limits: UserLimits) -> Response:
    """The first groups by name that hold ``query`` and are not named by ``exclude``, with the number of all of them."""
    asked = parse_qs(urlsplit(request.url).query)
    query, but = asked.get("query", [""])[0].lower(), asked.get("exclude", [])
    found = [name for name in group_names(tables) if query in name.lower() and name not in but]
    shown = found[: min(_number(asked.get("maxResults", [""])[0], limits.groups), limits.groups)]
    return Response.of_json(
        {
            "header": f"Showing {len(shown)} of {len(found)} matching groups",
            "total": len(found),
            "groups": [{"name": name, "html": f"<b></b>{name}", "labels": []} for name in shown],
        }
    )


def list_members(tables: Tables, asked: dict[str, str]) -> Response:
    """One page of the members of a group."""
    name = asked.get("groupname", "")
    if not name:
        return refusal(400, "The group name is empty.")
    if name not in group_names(tables):
        return refusal(404, f"The group named '{name}' does not exist.")
    inactive = asked.get("includeInactiveUsers") == "true"
    numbers = (n for n in range(tables.users) if name in groups_of(n))
    found = [n for n in numbers if inactive or tables.user(n)["active"]]
    start, count = _number(asked.get("startAt"), 0), _number(asked.get("maxResults"), MEMBERS_A_PAGE)
    page = found[start : start + min(count, MEMBERS_A_PAGE)]
    return Response.of_json(
        {
            "self": f"{tables.api}/group/member?groupname={name}&startAt={start}",
            "maxResults": min(count, MEMBERS_A_PAGE),
            "startAt": start,
            "total": len(found),
            "isLast": start + len(page) >= len(found),
            "values": [tables.full_user(n) for n in page],
        }
    )


def group_names(tables: Tables) -> list[str]:
    """The groups of the site by name, more of them the more users there are."""
    return sorted({name for n in range(tables.users) for name in groups_of(n)})


def groups_of(number: int) -> list[str]:
    """The groups a user is in: everybody's and a team's, and for each eleventh user none."""
    return [] if number % 11 == 10 else ["jira-users", f"team {number // 12} & friends"]


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and text.isascii() else default
