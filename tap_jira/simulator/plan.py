"""Give a parsed query its meaning on one site and for one account: a range of seconds and a test of what lies in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tap_jira.simulator import index as lucene
from tap_jira.simulator.facts import Choices, choices
from tap_jira.simulator.jql import Both, Clause, Either, JqlError, Node, Not, Query, Value
from tap_jira.simulator.tables import Tables
from tap_jira.simulator.world import World

EpochNumbers = Literal["ok", "refused", "misread"]
Test = Callable[[int], bool]

_LITERALS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_RELATIVE = re.compile(r"([+-]?)((?:\d+[wdhm]\s*)+)", re.ASCII)
_UNIT_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60}
_NEGATIVE = {"!=": "=", "not in": "in", "is not": "is"}


@dataclass(frozen=True)
class Plan:
    """Entries with low <= second < high (None: no bound) that pass the test (None: all do), in this order."""

    low: int | None
    high: int | None
    test: Test | None
    order: lucene.Order


@dataclass(frozen=True)
class Reader:
    """Reads queries as one site does for one account, whose zone the date literals are in."""

    world: World
    tables: Tables
    zone: ZoneInfo
    epoch_numbers: EpochNumbers = "ok"

    def plan(self, query: Query, node: lucene.Index) -> Plan:
        """How to answer the query from this node's index; JqlError if it names what does not exist."""
        parts = query.where.parts if isinstance(query.where, Both) else (query.where,) if query.where else ()
        low: int | None = None
        high: int | None = None
        tests: list[Test] = []
        for part in parts:
            span = self._span(part) if isinstance(part, Clause) and part.field == "updated" else None
            if span is None:
                tests.append(self._test(part, node))
                continue
            low = span[0] if low is None or (span[0] is not None and span[0] > low) else low
            high = span[1] if high is None or (span[1] is not None and span[1] < high) else high
        return Plan(low, high, _all(tests) if tests else None, query.order)

    def _span(self, clause: Clause) -> tuple[int | None, int | None] | None:
        if clause.operator not in ("=", "<", "<=", ">", ">=") or clause.values[0].kind == "empty":
            return None
        return _seconds(clause.operator, self._millis(clause, clause.values[0]))

    def _test(self, node: Node, index: lucene.Index) -> Test:
        if isinstance(node, Both):
            return _all([self._test(part, index) for part in node.parts])
        if isinstance(node, Either):
            tests = [self._test(part, index) for part in node.parts]
            return lambda entry: any(test(entry) for test in tests)
        if isinstance(node, Not):
            inner = self._test(node.part, index)
            return lambda entry: not inner(entry)
        return self._clause(node, index)

    def _clause(self, clause: Clause, index: lucene.Index) -> Test:
        if clause.field in ("updated", "created"):
            return self._date_test(clause)
        if clause.operator in ("<", "<=", ">", ">="):
            return self._comparison(clause)
        positive = _NEGATIVE.get(clause.operator, clause.operator)
        if positive == "is" and clause.values[0].kind != "empty":
            raise JqlError(f"The operator '{clause.operator}' only supports EMPTY, for the field '{clause.field}' too.")
        wanted = frozenset(self._resolve(clause.field, value) for value in clause.values)
        read = self._getter(clause.field, index)
        if clause.operator in _NEGATIVE:
            # As in Jira, an issue that has nothing there is not found by != and NOT IN.
            return lambda entry: (held := read(entry)).isdisjoint(wanted) and held != {None}
        return lambda entry: not wanted.isdisjoint(read(entry))

    def _date_test(self, clause: Clause) -> Test:
        read = lucene.second_of if clause.field == "updated" else self._created
        positive = _NEGATIVE.get(clause.operator, clause.operator)
        if positive == "is":
            return lambda entry: clause.operator == "is not"
        operator = "=" if positive == "in" else positive
        spans = [_seconds(operator, self._millis(clause, value)) for value in clause.values]
        wanted = clause.operator == positive
        return lambda entry: any(_within(read(entry), span) for span in spans) is wanted

    def _created(self, entry: int) -> int:
        return self.world.created_second(lucene.row_of(entry))

    def _comparison(self, clause: Clause) -> Test:
        if clause.field != "key":
            raise JqlError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
        issue = self.world.find(clause.values[0].text)
        if issue is None:
            raise self._missing("key", clause.values[0])
        # Only within the project of the named issue: what it means across projects is not documented.
        rank, number = self.world.ranks[issue.project], issue.number
        low = number + (clause.operator == ">") if clause.operator[0] == ">" else 0
        high = number + (clause.operator == "<=") if clause.operator[0] == "<" else 1 << 40
        return lambda entry: lucene.rank_of(entry) == rank and low <= lucene.number_of(entry) < high

    def _getter(self, field: str, index: lucene.Index) -> Callable[[int], set[object]]:
        if field == "project":
            return lambda entry: {lucene.rank_of(entry)}
        if field == "key":
            return lambda entry: {lucene.row_of(entry)}

        def chosen(entry: int) -> Choices:
            row = lucene.row_of(entry)
            return choices(self.world.seed, 10000 + row, index.version_of(row), self.world.users)

        if field == "labels":
            return lambda entry: set(chosen(entry).labels) or {None}
        return lambda entry: {None if (held := getattr(chosen(entry), field)) == -1 else held}

    def _resolve(self, field: str, value: Value) -> object:
        if value.kind == "empty":
            return None
        found = self._lookup(field, value.text)
        if found is None:
            raise self._missing(field, value)
        return found

    def _lookup(self, field: str, text: str) -> object:
        if field == "labels":
            return text
        if field == "key":
            issue = self.world.find(text)
            return issue.row if issue else None
        if field == "project":
            places = [n for n, p in enumerate(self.tables.projects) if text.lower() in _names(p)]
            return self.world.ranks[places[0]] if places else None
        if field in ("assignee", "reporter"):
            users = range(self.tables.users)
            return next((n for n in users if text.lower() in self.tables.names_of(n)), None)
        listed = {"status": "statuses", "issuetype": "issue_types", "priority": "priorities"}[field]
        return next((n for n, it in enumerate(getattr(self.tables, listed)) if text.lower() in _names(it)), None)

    @staticmethod
    def _missing(field: str, value: Value) -> JqlError:
        if field == "key":
            return JqlError(f"An issue with key '{value.text}' does not exist for field 'key'.")
        return JqlError(f"The value '{value.text}' does not exist for the field '{field}'.")

    def _millis(self, clause: Clause, value: Value) -> int:
        """Epoch milliseconds of a date operand."""
        if value.kind == "number" and self.epoch_numbers != "refused":
            return int(value.text) * (1000 if self.epoch_numbers == "misread" else 1)
        relative = _RELATIVE.fullmatch(value.text.strip()) if value.kind in ("word", "string") else None
        if relative:
            parts = re.findall(r"(\d+)([wdhm])", relative[2])
            shift = sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts)
            # To the minute, like every literal.
            return int(self.world.now() + (-shift if relative[1] == "-" else shift)) // 60 * 60_000
        # A date with a blank in it needs quotes; we want them round every date.
        local = _local(value.text) if value.kind == "string" else None
        if local is None:
            raise _bad_date(clause.field, value.text)
        return (local.replace(tzinfo=self.zone) - _EPOCH) // timedelta(milliseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))


def _local(text: str) -> datetime | None:
    for literal in _LITERALS:
        try:
            return datetime.strptime(text.strip(), literal)
        except ValueError:
            continue
    return None


def _bad_date(field: str, text: str) -> JqlError:
    return JqlError(
        f"Date value '{text}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )


def _names(thing: dict[str, object]) -> set[str]:
    return {str(thing[name]).lower() for name in ("id", "key", "name") if name in thing}


def _seconds(operator: str, millis: int) -> tuple[int | None, int | None]:
    """The range of whole seconds s for which ``s * 1000 operator millis`` holds."""
    # The index knows seconds only (LuceneUtils.dateToString, Jira 7.5 API), so 10.7 s is 10 s to it.
    up, down = -(-millis // 1000), millis // 1000
    if operator == "=":
        return (down, down + 1) if up == down else (0, 0)
    return {">=": (up, None), ">": (down + 1, None), "<": (None, up), "<=": (None, down + 1)}[operator]


def _within(second: int, span: tuple[int | None, int | None]) -> bool:
    return (span[0] is None or span[0] <= second) and (span[1] is None or second < span[1])


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda entry: all(test(entry) for test in tests)
