"""Lists as Jira gives them, in one answer or cut into pages: generators from a way to ask to pages of new rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tap_jira.client import Client
from tap_jira.errors import NothingFoundError, ReadError
from tap_jira.jsontext import dump

LOGGER = logging.getLogger(__name__)

Pages = Iterator[list[Any]]
Pairs = Sequence[tuple[str, str]]

PAGE = 100
"""Rows asked for at once; more is the most that Cloud gives of projects."""
MOST_ROWS = 2_000_000
"""Rows of one list after which it is taken to have no end: Cloud allows 150,000 users, and nothing else comes near."""
WALKS = 5
"""How often a list that changes while it is read is begun anew."""


@dataclass(frozen=True)
class Lists:
    """What a pager works with: whom it asks, where the requests are run, and which version it meets.

    A pager that cannot know whether it has found everything says so in ``doubts``.
    """

    client: Client
    run: Callable[[Callable[[], Any]], Any]
    version: tuple[int, ...] = ()
    together: Callable[[Sequence[Callable[[], Any]]], list[Any]] = lambda calls: [call() for call in calls]
    """Runs calls side by side, at Jira's pace; for use inside what is run."""
    doubts: list[str] = field(default_factory=list)

    def get(self, path: str, params: Pairs, is_whole: Callable[[Any], bool]) -> Any:
        """The answer to one request."""
        return self.run(partial(self.client.get, path, params, is_whole))


def whole(lists: Lists, path: str, params: Pairs) -> Pages:
    """The list that comes in one answer."""
    yield lists.get(path, params, is_list)


def values(lists: Lists, path: str, params: Pairs) -> Pages:
    """A list in pages of ``values``, each row once; ReadError if rows leave it each time it is read.

    A page that Jira made shorter than asked is not the end, and what it says of the end must agree with its ``total``.
    """
    seen: set[str] = set()
    for _ in range(WALKS):
        if (yield from _walk(lists, path, params, seen)):
            return
    raise ReadError(
        f"GET /rest/api/2/{path} was read {WALKS} times and never without a gap to an end that agrees with its total: "
        f"{len(seen)} rows were sent, there may be more"
    )


def _walk(lists: Lists, path: str, params: Pairs, seen: set[str]) -> Generator[list[Any], None, bool]:
    """One way through the list: the rows that are not yet ``seen``, and in the end whether no row can be missing.

    Each page begins with the last row of the page before. One that has no row of those before shows that rows were
    taken out meanwhile, and others moved to where they had been read already.
    """
    read: set[str] = set()
    start = 0
    while True:
        asked = [*params, ("startAt", str(start)), ("maxResults", str(PAGE))]
        answer = lists.get(path, asked, is_page)
        rows = answer["values"]
        yield unseen(rows, seen)
        here = set(map(identity, rows))
        if read and not read & here:
            return False
        nothing_new = here <= read
        read |= here
        start += max(len(rows) - 1, 0)
        last, total = answer.get("isLast"), count(answer.get("total"))
        if last is True or nothing_new or (last is None and total is not None and start + 1 >= total):
            return last is not False and (total is None or len(read) >= total)


def projects(lists: Lists, path: str, params: Pairs) -> Pages:
    """Cloud's projects; where there is none to be seen, it answers 404 and says so itself."""
    started = False
    try:
        for page in values(lists, path, params):
            started = True
            yield page
    except NothingFoundError as error:
        if started:
            raise
        LOGGER.warning("Jira shows this account no project: %s", error)


def components(lists: Lists, path: str, params: Pairs) -> Pages:
    """Cloud's components, of which a page has each twice: a count of issues, and in it the component as others have it.

    What Compass knows of it is in the inner one alone.
    """
    for page in values(lists, path, params):
        yield [_unwrapped(row) for row in page]


def _unwrapped(row: Any) -> Any:
    if not isinstance(row, dict) or not isinstance(row.get("componentBean"), dict):
        return row
    return {**row["componentBean"], **{name: part for name, part in row.items() if name != "componentBean"}}


def unseen(rows: list[Any], seen: set[str]) -> list[Any]:
    """The rows that are not among those ``seen``, each once; they are among them afterwards.

    ReadError if those are more than any list has.
    """
    fresh = {identity(row): row for row in reversed(rows)}
    found = [row for name, row in reversed(fresh.items()) if name not in seen]
    seen.update(fresh)
    if len(seen) > MOST_ROWS:
        raise ReadError(
            f"a list has no end: it has brought {len(seen)} different rows, the last one {identity(rows[-1])[:80]!r}"
        )
    return found


def identity(row: Any) -> str:
    """What tells one row of a list from the others."""
    names = ("id", "accountId", "key", "name", "self") if isinstance(row, dict) else ()
    found = next((row[name] for name in names if row.get(name)), row)
    return found if isinstance(found, str) else dump(found).decode()


def is_list(answer: Any) -> bool:
    """Whether an answer is a list without pages."""
    return isinstance(answer, list)


def is_page(answer: Any) -> bool:
    """Whether an answer is a page of ``values``."""
    return isinstance(answer, dict) and isinstance(answer.get("values"), list)


def count(value: Any) -> int | None:
    """A number of rows as pages tell it; None if it is none."""
    # Cloud declares the numbers of some pages as text.
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    return int(text) if len(text) < 20 and text.isdecimal() and text.isascii() else None
