"""Cloud's search: JQL that is bounded, pages by token, and an approximate count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tap_jira.simulator import index as lucene
from tap_jira.simulator.answers import refusal
from tap_jira.simulator.cloud_asks import CloudAsk
from tap_jira.simulator.cursors import Cursors
from tap_jira.simulator.facts import FIRST_ID
from tap_jira.simulator.jql import JqlError
from tap_jira.simulator.plan import EpochNumbers, Reader
from tap_jira.simulator.printed import Piece
from tap_jira.simulator.render import BARE, Renderer
from tap_jira.simulator.search import page_of, parsed
from tap_jira.simulator.tables import Tables
from tap_jira.simulator.world import World
from tap_jira.wire import Response

_UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
_DAY = 86_400
HONEST_PAGES = 20
"""So many follow a page that has lost its token: whoever asks again gets an answer."""
Place = Any


@dataclass(frozen=True)
class CloudLimits:
    """The site's search settings; the shares are of the pages, from 0 to 1, and settled by the world's seed."""

    page_cap: int = 100
    bare_page_cap: int = 5000
    """Most issues of a page that asks for ``id`` and ``key`` alone."""
    token_seconds: float = 7 * _DAY
    short_share: float = 0.0
    """Pages that hold fewer issues than there are, or none, and a token."""
    repeat_token_share: float = 0.0
    """Pages whose token is the one they were asked with (JRACLOUD-95477)."""
    drop_token_share: float = 0.0
    """Pages that say they are the last although there are more; after one of them the next pages are honest."""
    count_error: float = 0.0
    """How far the approximate count may be off, such as 0.3."""
    epoch_numbers: EpochNumbers = "ok"


class CloudSearch:
    """Answers searches from the index, printing from the database."""

    def __init__(self, world: World, limits: CloudLimits) -> None:
        self._world, self._limits = world, limits
        self._cursors = Cursors(world.seed, limits.token_seconds)
        self._random = Random(world.seed)
        self._honest = 0

    def page(self, ask: CloudAsk, tables: Tables, renderer: Renderer, *, zone: str, visible: bool) -> Response:
        """The page that is asked for; an account that sees nothing gets an empty one."""
        place: Place = {"after": None}
        if ask.token is not None:
            place = self._cursors.read(ask.token, ask.jql, self._world.now())
            if place is None:
                return refusal(400, "The provided nextPageToken is invalid or has expired.")
        try:
            matches, order = self._find(ask.jql, tables, zone, ask.reconcile)
        except JqlError as error:
            return refusal(400, str(error))
        if not visible:
            return page_of({"isLast": True}, ())
        count = self._count(ask)
        found = _after(matches, order, place["after"], count + 1, self._created)
        if len(found) <= count or self._drops():
            return page_of({"isLast": True}, self._printed(found[:count], ask, renderer))
        if self._happens(self._limits.short_share):
            count = self._random.choice((0, count // 2))
        token = self._token(ask, _rank(found[count - 1], order, self._created) if count else place["after"])
        return page_of({"nextPageToken": token, "isLast": False}, self._printed(found[:count], ask, renderer))

    def count(self, jql: str, tables: Tables, *, zone: str, visible: bool) -> Response:
        """About how many issues the query finds."""
        try:
            matches, _ = self._find(jql, tables, zone)
        except JqlError as error:
            return refusal(400, str(error))
        off = self._random.uniform(1 - self._limits.count_error, 1 + self._limits.count_error)
        return Response.of_json({"count": round(len(matches) * off) if visible else 0})

    def _find(
        self, jql: str, tables: Tables, zone: str, reconcile: Iterable[int] = ()
    ) -> tuple[lucene.Matches, lucene.Order]:
        index = self._world.nodes[0]
        index.catch_up(self._world.now())
        index.hasten({issue_id - FIRST_ID for issue_id in reconcile})
        query = parsed(jql)
        if query.where is None:
            raise JqlError(_UNBOUNDED)
        plan = Reader(self._world, tables, ZoneInfo(zone), self._limits.epoch_numbers).plan(query, index)
        matches = index.between(plan.low, plan.high)
        return (matches if plan.test is None else matches.that(plan.test)), _settled(plan.order)

    def _count(self, ask: CloudAsk) -> int:
        bare = BARE.issuperset(ask.fields.split(",")) and not ask.expand
        return min(ask.count, self._limits.bare_page_cap if bare else self._limits.page_cap)

    def _token(self, ask: CloudAsk, after: Sequence[int] | None) -> str:
        if ask.token is not None and self._happens(self._limits.repeat_token_share):
            return ask.token
        return self._cursors.make(ask.jql, {"after": after}, self._world.now())

    def _printed(self, entries: Iterable[int], ask: CloudAsk, renderer: Renderer) -> Iterator[Piece]:
        for entry in entries:
            issue = self._world.issue(FIRST_ID + lucene.row_of(entry))
            # An issue deleted after it was indexed cannot be printed.
            if issue is not None:
                yield renderer.issue(issue, ask.fields, ask.expand)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _drops(self) -> bool:
        self._honest -= 1
        if self._honest < 0 and self._happens(self._limits.drop_token_share):
            self._honest = HONEST_PAGES
            return True
        return False

    def _created(self, entry: int) -> int:
        return self._world.created_second(lucene.row_of(entry))


def _settled(order: lucene.Order) -> lucene.Order:
    """The order with the key as the last word, so that each issue has one place."""
    names = [name for name, _ in order]
    if "key" in names:
        return order[: names.index("key") + 1]
    return (*order, ("key", order[0][1])) if order else (("created", False), ("key", False))


def _rank(entry: int, order: lucene.Order, created: Callable[[int], int]) -> list[int]:
    keys = {"updated": lucene.second_of, "key": lucene.key_of, "created": created}
    return [keys[name](entry) * (1 if ascending else -1) for name, ascending in order]


def _after(
    matches: lucene.Matches,
    order: lucene.Order,
    after: Sequence[int] | None,
    count: int,
    created: Callable[[int], int],
) -> list[int]:
    """The first entries that come behind the place in this order, wherever they stood when the last page was read."""
    if order == (("updated", True), ("key", True)):
        # As the index is sorted: a million entries are not ranked for each page.
        return matches.behind(None if after is None else (after[0], after[1]), count)
    ranked = sorted((_rank(entry, order, created), entry) for entry in matches.entries[matches.start : matches.end])
    first = 0 if after is None else bisect_right(ranked, list(after), key=lambda pair: pair[0])
    return [entry for _, entry in ranked[first : first + count]]
