"""The ways Jira cuts a list into pages: each a generator from a way to ask to the pages of one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tap_jira.client import Client
from tap_jira.errors import NotFoundError, ReadError

Pages = Iterator[list[Any]]

USERS_A_PAGE = 1000
FIRST_WITH_USER_LIST = (10, 3)


@dataclass(frozen=True)
class Lists:
    """What a pager works with: whom it asks, where the requests are run, and which version it meets."""

    client: Client
    run: Callable[[Callable[[], Any]], Any]
    version: tuple[int, ...] = ()

    def get(self, path: str, params: Mapping[str, str], is_whole: Callable[[Any], bool]) -> Any:
        """The answer to one request."""
        return self.run(partial(self.client.get, path, params, is_whole))


def whole(lists: Lists, path: str, params: Mapping[str, str]) -> Pages:
    """The list that comes in one answer."""
    yield lists.get(path, params, _is_list)


def users(lists: Lists, path: str, params: Mapping[str, str]) -> Pages:
    """All users: by cursor where the site has that list, otherwise by searching for what every user has."""
    if not lists.version or lists.version >= FIRST_WITH_USER_LIST:
        try:
            yield from _by_cursor(lists, path)
            return
        except NotFoundError:
            pass
    yield from _by_search(lists)


def _by_cursor(lists: Lists, path: str) -> Pages:
    """``user/list`` of Data Center 11 and late 10.3; asked to include who is inactive, which it may not understand."""
    cursor: str | None = None
    seen: set[str | None] = set()
    while cursor not in seen:
        seen.add(cursor)
        params = {"maxResults": str(USERS_A_PAGE), "includeInactive": "true", **({"cursor": cursor} if cursor else {})}
        answer = lists.get(path, params, _is_cursor_page)
        yield answer["values"]
        cursor = answer.get("nextCursor")
        if answer.get("isLast") or not cursor:
            return
    raise ReadError(f"GET /rest/api/2/{path} gave the same cursor twice; the list of users is not complete")


def _by_search(lists: Lists) -> Pages:
    """``user/search``, to the first page that brings nobody new; a version's hard limit is not taken for the end."""
    seen: set[str] = set()
    start = 0
    while True:
        params = {"username": ".", "includeInactive": "true", "startAt": str(start), "maxResults": str(USERS_A_PAGE)}
        page = lists.get("user/search", params, _is_list)
        fresh = [user for user in page if _identity(user) not in seen]
        seen.update(map(_identity, fresh))
        if not fresh:
            break
        yield fresh
        start += len(page)
    if len(seen) in _hard_limits(lists.version):
        raise ReadError(
            f"GET /rest/api/2/user/search showed exactly {len(seen)} users, the most that this version of Jira ever "
            "shows (JRASERVER-65089 before 8.6, JRASERVER-78660 from 10 on): there may be more, which were not read"
        )


def _hard_limits(version: tuple[int, ...]) -> set[int]:
    """How many users ``user/search`` shows at most, in all pages together."""
    if not version:
        return {100, 1000}
    return {100} if version >= (10,) else {1000} if version < (8, 6) else set()


def _identity(user: Any) -> str:
    names = ("key", "name", "self") if isinstance(user, dict) else ()
    return str(next((user[name] for name in names if user.get(name)), user))


def _is_list(answer: Any) -> bool:
    return isinstance(answer, list)


def _is_cursor_page(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("values"), list)


PAGERS: Mapping[str, Callable[[Lists, str, Mapping[str, str]], Pages]] = {"whole": whole, "users": users}
