"""Issues as Jira prints them: from an issue's few facts and the asked fields to bytes of JSON."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import orjson

from tap_jira.simulator.children import Children, change_total
from tap_jira.simulator.facts import Issue
from tap_jira.simulator.fields import Caps, Press
from tap_jira.simulator.printed import Piece
from tap_jira.simulator.tables import Tables
from tap_jira.simulator.world import World

Json = dict[str, Any]

EXPANSIONS = frozenset({"changelog", "transitions"})
BARE = frozenset({"id", "key"})
"""What Cloud does not need to look into an issue for."""
TRANSITIONS = ({"id": "11", "name": "Start"}, {"id": "21", "name": "Close"})


class Renderer:
    """Prints issues, and remembers what it printed up to so many bytes of JSON."""

    def __init__(
        self, world: World, tables: Tables, *, caps: Caps, offset_minutes: int = 0, cache_bytes: int = 400_000_000
    ) -> None:
        self.world, self.tables, self.caps = world, tables, caps
        self.children = Children(world.seed, tables, offset_minutes)
        self._press = Press(world, tables, self.children, caps, offset_minutes)
        self._room, self._cache = cache_bytes, OrderedDict[tuple[object, ...], Piece]()

    def issue(self, issue: Issue, fields: str, expand: frozenset[str] = frozenset()) -> Piece:
        """The issue's JSON with the fields that the ``fields`` parameter names, and the expansions we know."""
        key = (issue.id, self.world.freshness(issue.id), fields, expand)
        printed = self._cache.get(key)
        if printed is not None:
            self._cache.move_to_end(key)
            return printed
        printed = Piece(_json(self._print(issue, fields, expand)))
        self._cache[key] = printed
        self._room -= len(printed.plain)
        while self._room < 0:
            self._room += len(self._cache.popitem(last=False)[1].plain)
        return printed

    def _print(self, issue: Issue, fields: str, expand: frozenset[str]) -> Json:
        if self.tables.cloud and fields == "id" and not expand:
            return {"id": str(issue.id)}
        printed: Json = {
            "expand": "operations,versionedRepresentations,editmeta,changelog,renderedFields",
            "id": str(issue.id),
            "self": f"{self.tables.api}/issue/{issue.id}",
            "key": self.world.key(issue),
        }
        if "changelog" in expand:
            printed["changelog"] = self._changelog(issue)
        if "transitions" in expand:
            printed["transitions"] = TRANSITIONS
        if not (self.tables.cloud and BARE.issuperset(fields.split(","))):
            printed["fields"] = self._press.fields(issue, fields)
        return printed

    def _changelog(self, issue: Issue) -> Json:
        total = change_total(self.world.seed, issue)
        dropped = 0 if self.caps.changes is None else max(0, total - self.caps.changes)
        histories = self.children.histories(issue, dropped)
        return {
            "startAt": 0,
            "maxResults": total - dropped,
            "total": total,
            "histories": histories[::-1] if self.tables.cloud else histories,
        }


def _json(printed: Json) -> bytes:
    try:
        return orjson.dumps(printed)
    except TypeError:
        # Half of a surrogate pair, which only an escape can carry.
        return json.dumps(printed).encode()
