"""The ways Jira cuts a list into pages: each a generator from a way to ask to the pages of one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tap_jira.client import Client
from tap_jira.errors import NotFoundError, ReadError

Ask = Callable[[Callable[[], Any]], Any]
"""Runs a request where the caller wants it to run, and returns its answer."""
Pages = Iterator[list[Any]]

USERS_A_PAGE = 1000
LIMITS = {
    100: "Jira 10 and later never show more than 100 (JRASERVER-78660)",
    1000: "Jira before 8.6 never shows more than 1,000 (JRASERVER-65089)",
}


def whole(client: Client, ask: Ask, path: str, params: Mapping[str, str]) -> Pages:
    """The list that comes in one answer."""
    yield ask(partial(client.get, path, params, _is_list))


def users(client: Client, ask: Ask, path: str, params: Mapping[str, str]) -> Pages:
    """All users: by cursor where the site has that list, otherwise by searching for what every user has."""
    try:
        yield from _by_cursor(client, ask, path)
    except NotFoundError:
        yield from _by_search(client, ask)


def _by_cursor(client: Client, ask: Ask, path: str) -> Pages:
    """``user/list`` of Data Center 11 and late 10.3; asked to include who is inactive, which it may not understand."""
    cursor: str | None = None
    seen: set[str | None] = set()
    while cursor not in seen:
        seen.add(cursor)
        params = {"maxResults": str(USERS_A_PAGE), "includeInactive": "true", **({"cursor": cursor} if cursor else {})}
        answer = ask(partial(client.get, path, params, _is_cursor_page))
        yield answer["values"]
        cursor = answer.get("nextCursor")
        if answer.get("isLast") or not cursor:
            return
    raise ReadError(f"GET /rest/api/2/{path} gave the same cursor twice; the list of users is not complete")


def _by_search(client: Client, ask: Ask) -> Pages:
    """``user/search``, to the first page that brings nobody new; a version's hard limit is not taken for the end."""
    seen: set[str] = set()
    start = 0
    while True:
        params = {"username": ".", "includeInactive": "true", "startAt": str(start), "maxResults": str(USERS_A_PAGE)}
        page = ask(partial(client.get, "user/search", params, _is_list))
        fresh = [user for user in page if _identity(user) not in seen]
        seen.update(map(_identity, fresh))
        if not fresh:
            break
        yield fresh
        start += len(page)
    if len(seen) in LIMITS:
        raise ReadError(
            f"GET /rest/api/2/user/search showed exactly {len(seen)} users, and {LIMITS[len(seen)]}: there may be "
            "more, which were not read"
        )


def _identity(user: Any) -> str:
    return (
        str(next((user[name] for name in ("key", "name", "self") if user.get(name)), user))
        if isinstance(user, dict)
        else str(user)
    )


def _is_list(answer: Any) -> bool:
    return isinstance(answer, list)


def _is_cursor_page(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("values"), list)


PAGERS: Mapping[str, Callable[[Client, Ask, str, Mapping[str, str]], Pages]] = {"whole": whole, "users": users}
