"""The users of a site, who come in lists that cannot be trusted: by cursor, by search and its limits, by account."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import suppress
from itertools import pairwise
from typing import Any

from tap_jira.errors import ForbiddenError, NotFoundError, NothingFoundError, ReadError, RefusedError
from tap_jira.pagination import Lists, Pages, Pairs, is_list, unseen, values

LOGGER = logging.getLogger(__name__)

PAGE = 1000
"""Users asked for at once; more is the most that any Jira gives."""
SMALLEST_PAGE = 50
MOST_STALE_PAGES = 20
"""Pages in a row that bring nobody new, after which a list is taken to go in a circle."""

INACTIVE = (("includeActive", "false"), ("includeInactive", "true"))
EVERYBODY = "."
"""What is in each e-mail address, and so finds everybody."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MOST_SEARCHES = 5000
"""Beginnings of names that are searched for at most: about a quarter of an hour."""
LONGEST_EXCLUSION = 4000
"""Characters of names of groups that fit into an address: Tomcat takes 8 KB for it and all headers."""

Found = Generator[list[Any], None, bool]


def user_list(lists: Lists, path: str, params: Pairs) -> Pages:
    """The list by cursor of Data Center 11 and late 10.3; where it shows nobody inactive, they are searched for."""
    seen: set[str] = set()
    inactive = False
    stale = 0
    for page in _by_cursor(lists, path, params):
        inactive = inactive or any(isinstance(user, dict) and user.get("active") is False for user in page)
        fresh = unseen(page, seen)
        yield fresh
        stale = 0 if fresh else stale + 1
        if stale > MOST_STALE_PAGES:
            raise ReadError(f"GET /rest/api/2/{path} brought nobody new in {stale} pages in a row; it has no end")
    if not inactive:
        with suppress(ForbiddenError, NotFoundError):
            for page in user_search(lists, "user/search", INACTIVE):
                yield unseen(page, seen)


def _by_cursor(lists: Lists, path: str, params: Pairs) -> Pages:
    cursor: str | None = None
    cursors: set[str | None] = set()
    while cursor not in cursors:
        cursors.add(cursor)
        place = [("cursor", cursor)] if cursor else []
        answer = lists.get(path, [*params, ("maxResults", str(PAGE)), *place], _is_cursor_page)
        yield answer["values"]
        cursor = answer.get("nextCursor")
        if answer.get("isLast") or not cursor:
            return
    raise ReadError(f"GET /rest/api/2/{path} gave the same cursor twice; the list of users is not complete")


def accounts(lists: Lists, path: str, params: Pairs) -> Pages:
    """Cloud's list of all accounts, which says neither how many there are nor which page is the last.

    A page may lack whom privacy hides, so a short one is not the end, nor is an empty one unless the next is empty too.
    """
    seen: set[str] = set()
    start = empty = stale = 0
    size, longest = PAGE, 1
    while empty < 2:
        try:
            page = lists.get(path, [*params, ("startAt", str(start)), ("maxResults", str(size))], is_list)
        except RefusedError as error:
            # 409: the answer would have taken Jira more than ten seconds.
            if error.status != 409 or size <= SMALLEST_PAGE:
                raise
            size = max(size // 2, SMALLEST_PAGE)
            longest = min(longest, size)
            continue
        fresh = unseen(page, seen)
        yield fresh
        longest = max(longest, len(page))
        empty = 0 if page else empty + 1
        stale = stale + 1 if page and not fresh else 0
        if stale > MOST_STALE_PAGES:
            raise ReadError(f"GET /rest/api/2/{path} shows the same {len(seen)} users again and again; it has no end")
        # What was received may be spread over more places than it has rows, but never over fewer.
        start += len(page) if fresh else longest
    _check_somebody(seen, path, "Browse users and groups")


def user_search(lists: Lists, path: str, params: Pairs) -> Pages:
    """Everybody by search; where a version shows only so many in all, by the beginnings of their names and by group."""
    search = _Search(lists, path, params)
    yield from search.find(EVERYBODY)
    _check_somebody(search.seen, path, "Browse Users")
    limit = len(search.seen)
    if limit not in _hard_limits(lists.version):
        return
    search.limit = limit
    said = (
        f"GET /rest/api/2/{path} shows at most {limit} users of a search on this version of Jira (JRASERVER-65089 "
        "before 8.6, JRASERVER-78660 from 10 on)"
    )
    LOGGER.info("%s; looking for the others by the beginnings of names, and by group", said)
    by_names = yield from _by_beginnings(search)
    by_groups = yield from _by_groups(lists, search)
    lists.doubts.append(said)
    if by_names:
        LOGGER.warning(
            "%s: %d were found by the beginnings of their log-in names, names and e-mail addresses%s; whether somebody "
            "is missing cannot be known",
            said,
            len(search.seen),
            " and by group" if by_groups else "",
        )
    elif by_groups:
        LOGGER.warning("%s: %d were found; who is in no group may be missing", said, len(search.seen))
    else:
        raise ReadError(
            f"{said}: there are too many to find all by the beginnings of their names, and the groups are for "
            f"administrators only; {len(search.seen)} users were sent and others were not read. Jira 10.3.20 and later "
            "list all users, and so do groups for an administrator"
        )


class _Search:
    """Users by what they are called, each once."""

    def __init__(self, lists: Lists, path: str, params: Pairs) -> None:
        self._lists, self._path, self._params = lists, path, params
        self.seen: set[str] = set()
        self._after: dict[str, set[str]] = {"": set(LETTERS)}
        self.limit: int | None = None

    def find(self, text: str) -> Found:
        """Who has a name that begins with ``text``, and in the end whether there are more than Jira shows."""
        found: set[str] = set()
        start = 0
        while True:
            place = [("username", text), ("startAt", str(start)), ("maxResults", str(PAGE))]
            page = self._lists.get(self._path, [*self._params, *place], is_list)
            if not unseen(page, found):
                return self.limit is not None and len(found) >= self.limit
            yield self.add(page)
            start += len(page)

    def add(self, page: list[Any]) -> list[Any]:
        """Those of a page that are new."""
        fresh = unseen(page, self.seen)
        for name in (name for user in fresh for name in _names(user)):
            self._after[""].update(filter(str.isalnum, name))
            for letter, following in pairwise(name):
                if not following.isspace():
                    self._after.setdefault(letter, set()).add(following)
        return fresh

    @property
    def letters(self) -> set[str]:
        """All letters seen here, and those that are always tried."""
        return set[str]().union(*self._after.values())

    def after(self, text: str) -> set[str]:
        """The letters that may follow the last one of ``text``, as far as the names found so far tell."""
        return self._after.get(text[-1:], set())


def _by_beginnings(search: _Search) -> Found:
    """Who is found by the beginnings of names; False if there would be too many to try.

    A beginning that more people have than Jira shows is made longer: first by each letter that follows its last one in
    any name found so far, then, as long as that does not take too many searches, by every other letter seen here. A
    person is missed all of whose names begin with letters that occur in no other name.
    """
    cut, tried = [""], set[str]()
    while True:
        likely = {text + letter for text in cut for letter in search.after(text)} - tried
        others = {text + letter for text in cut if text for letter in search.letters} - tried
        if not likely and not others:
            return True
        for text in sorted(likely or others):
            if len(tried) >= MOST_SEARCHES:
                return not likely
            tried.add(text)
            if (yield from search.find(text)):
                cut.append(text)


def _by_groups(lists: Lists, search: _Search) -> Found:
    """The members of all groups; False if this account may not see them, or not all groups."""
    try:
        names, is_all = _group_names(lists)
        for name in names:
            try:
                for page in values(lists, "group/member", [("groupname", name), ("includeInactiveUsers", "true")]):
                    yield search.add(page)
            except NothingFoundError:
                LOGGER.info("the group %s is gone", name)
    except (ForbiddenError, NotFoundError):
        return False
    return is_all and bool(names)


def _group_names(lists: Lists) -> tuple[list[str], bool]:
    """The names of the groups, and whether these are all: the picker shows 20 unless set otherwise, sorted by name."""
    names: list[str] = []
    total = None
    while True:
        but = [("exclude", name) for name in names]
        answer = lists.get("groups/picker", [("query", ""), ("maxResults", str(PAGE)), *but], _is_picker)
        total = answer["total"] if total is None else total
        fresh = [group["name"] for group in answer["groups"] if group["name"] not in names]
        names += fresh
        if len(names) >= total or not fresh or sum(map(len, names)) > LONGEST_EXCLUSION:
            return names, len(names) >= total


def _check_somebody(seen: set[str], path: str, permission: str) -> None:
    if not seen:
        raise ForbiddenError(
            f"GET /rest/api/2/{path} shows nobody, not even this account: it lacks the global permission {permission}"
        )


def _hard_limits(version: tuple[int, ...]) -> set[int]:
    """How many users ``user/search`` shows at most, in all pages together."""
    if not version:
        return {100, 1000}
    return {100} if version >= (10,) else {1000} if version < (8, 6) else set()


def _names(user: Any) -> list[str]:
    """What a user is searched by."""
    names = ("name", "displayName", "emailAddress") if isinstance(user, dict) else ()
    return [str(user.get(name) or "").lower() for name in names]


def _is_cursor_page(answer: Any) -> bool:
    return (
        isinstance(answer, dict)
        and isinstance(answer.get("values"), list)
        and isinstance(answer.get("nextCursor"), (str, int, type(None)))
    )


def _is_picker(answer: Any) -> bool:
    return (
        isinstance(answer, dict)
        and isinstance(answer.get("total"), int)
        and isinstance(answer.get("groups"), list)
        and all(isinstance(group, dict) and isinstance(group.get("name"), str) for group in answer["groups"])
    )
