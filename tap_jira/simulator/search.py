"""The search resource: JQL in, a page of printed issues out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from tap_jira.simulator import index as lucene
from tap_jira.simulator.answers import beyond_window, refusal
from tap_jira.simulator.facts import FIRST_ID, Issue, mix
from tap_jira.simulator.jql import JqlError, parse
from tap_jira.simulator.plan import EpochNumbers, Reader
from tap_jira.simulator.printed import Piece, Printed
from tap_jira.simulator.render import EXPANSIONS, Renderer
from tap_jira.simulator.tables import Tables
from tap_jira.simulator.world import World
from tap_jira.wire import Headers, Response

JSON_TYPE = {"Content-Type": "application/json;charset=UTF-8"}

_MEMBERS = frozenset({"jql", "startAt", "maxResults", "validateQuery", "fields", "expand"})
_INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
parsed = lru_cache(maxsize=512)(parse)


@dataclass(frozen=True)
class Ask:
    """What a search asks for."""

    jql: str = ""
    start: int = 0
    count: int = 50
    fields: str = ""
    expand: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Limits:
    """The site's search settings."""

    page_cap: int = 1000
    result_window: int | None = None
    epoch_numbers: EpochNumbers = "ok"


def ask_of_query(query: dict[str, str]) -> Ask | Response:
    """What a GET's parameters ask; the answer that refuses them if a number is none."""
    start, count = query.get("startAt", "0"), query.get("maxResults", "50")
    if not _INTEGER.fullmatch(start) or not _INTEGER.fullmatch(count):
        # JAX-RS answers 404 when a path or query parameter does not convert.
        return refusal(404, "null for uri: a number was expected")
    expand = EXPANSIONS.intersection(query.get("expand", "").split(","))
    return _checked(Ask(query.get("jql", ""), int(start), int(count), query.get("fields", ""), expand))


def ask_of_body(body: bytes) -> Ask | Response:
    """What a POST's body asks; the answer that refuses it if it is not understood."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return refusal(400, f"Unexpected character: {error}")
    if not isinstance(asked, dict):
        return refusal(400, "Can not deserialize instance of SearchRequestBean")
    unknown = sorted(asked.keys() - _MEMBERS)
    if unknown:
        # Data Center's POST knows no ``properties`` member (pycontribs/jira).
        return refusal(400, f'Unrecognized field "{unknown[0]}" (Class SearchRequestBean), not marked as ignorable')
    start, count, fields, expand = (asked.get(name) for name in ("startAt", "maxResults", "fields", "expand"))
    if not all(isinstance(n, int | None) for n in (start, count)) or not all(_is_texts(t) for t in (fields, expand)):
        return refusal(400, "Can not deserialize instance of SearchRequestBean")
    wants = EXPANSIONS.intersection(expand or [])
    count = 50 if count is None else count
    return _checked(Ask(str(asked.get("jql") or ""), start or 0, count, ",".join(fields or []), wants))


def _is_texts(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(text, str) for text in value))


def _checked(ask: Ask) -> Ask | Response:
    return refusal(400, "The value for 'startAt' must not be negative.") if ask.start < 0 else ask


class Search:
    """Answers searches from a node's index, printing from the database."""

    def __init__(self, world: World, tables: Tables, renderer: Renderer, limits: Limits) -> None:
        self._world, self._tables, self._renderer, self._limits = world, tables, renderer, limits
        self._requests = 0

    def answer(self, ask: Ask, *, zone: str, node: int, visible: bool) -> Response:
        """The page that is asked for; an account that sees nothing gets an empty one."""
        # A larger ask is lowered without a word and echoed (jira.search.views.default.max); a negative one means all.
        cap = self._limits.page_cap
        count = cap if ask.count < 0 else min(ask.count, cap)
        window = self._limits.result_window
        if window is not None and ask.start + count > window:
            return beyond_window(window)
        try:
            total, shown = self._find(ask, count, zone, node) if visible else (0, [])
        except JqlError as error:
            return refusal(400, str(error))
        issues = (self._renderer.issue(issue, ask.fields, ask.expand) for issue in shown)
        head = {"expand": "schema,names", "startAt": ask.start, "maxResults": count, "total": total}
        return page_of(head, issues)

    def _find(self, ask: Ask, count: int, zone: str, node: int) -> tuple[int, list[Issue]]:
        index = self._world.nodes[node]
        index.catch_up(self._world.now())
        reader = Reader(self._world, self._tables, ZoneInfo(zone), self._limits.epoch_numbers)
        plan = reader.plan(parsed(ask.jql), index)
        matches = index.between(plan.low, plan.high)
        if plan.test is not None:
            matches = matches.that(plan.test)
        self._requests += 1
        entries = matches.page(
            plan.order,
            start=ask.start,
            count=count,
            created=lambda entry: self._world.created_second(lucene.row_of(entry)),
            shuffle=Random(mix(self._world.seed, self._requests)),
        )
        found = (self._world.issue(FIRST_ID + lucene.row_of(entry)) for entry in entries)
        # An issue deleted after it was indexed is still counted, and cannot be printed.
        return len(matches), [issue for issue in found if issue is not None]


def page_of(head: dict[str, Any], issues: Iterable[Piece]) -> Printed:
    """A page of JSON: the members of ``head``, then the list of issues."""
    pieces = [Piece(orjson.dumps(head)[:-1] + b',"issues":[')]
    for issue in issues:
        pieces += (issue, _COMMA)
    if len(pieces) > 1:
        pieces.pop()
    return Printed.of([*pieces, _END], Headers(JSON_TYPE))


_COMMA, _END = Piece(b","), Piece(b"]}")
