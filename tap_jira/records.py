"""Turn one Jira object into one record: the selected columns, each of its declared type, times in UTC.

A column's conversion is compiled once from its schema. A value of another type is converted where nothing is lost by it
(a number to its text, an object to its JSON, a name to an object with that name); otherwise it becomes null, and
``Oddities`` keeps count, and the value itself where the table has a column for what did not fit.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_jira import sprints
from tap_jira.dates import number_to_utc, to_day, to_utc
from tap_jira.jsontext import dump
from tap_jira.words import listed

_FIELD = re.compile(r"(?<=^fields\.)\w+")
Convert = Callable[[Any], Any]
Log = Callable[[str], None]

LARGEST_INTEGER = 2**63 - 1
MOST_NAMES = 50
MOST_UNKNOWN = 10_000
"""Names that are remembered as not in the catalog, of one stream."""
MOST_LEFT_OUT = 200
"""Names of one object that are watched for; one with more has names like ids, and nobody wants to hear of each."""
MISFITS = "misfits"
"""The column for the values of a record that fit no column of theirs; tables without it do not keep them."""
MOST_MISFITS = 1_000_000
"""Characters of JSON that the values in ``misfits`` of one record may have together."""
NAMING = ("value", "name", "key")
"""Where an object carries what people call it: its first column of these takes a plain text or number."""


class Unfit(Exception):
    """A value that cannot become what its column holds without losing something."""


@dataclass
class Oddities:
    """What did not fit: told once a place when it first occurs, and counted for the end."""

    stream: str
    warn: Log
    inform: Log
    key: str = "?"
    names: Mapping[str, str] = field(default_factory=dict)
    """What the columns of fields are called, by the ids that stand in paths."""
    keeps: bool = False
    """Whether values that do not fit are kept, for ``misfits`` to tell them."""
    nulled: Counter[str] = field(default_factory=Counter)
    unkept: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, list[str]] = field(default_factory=dict)
    _room: int = MOST_MISFITS

    def null(self, path: str, value: Any, kind: str, *, may_keep: bool = True) -> None:
        """``value`` was no ``kind`` and became null; it is kept unless it ``may`` not be, or there is no room."""
        self.nulled[path] += 1
        is_kept = self.keeps and may_keep and self._keep(path, value)
        if not is_kept:
            self.unkept[path] += 1
        if self.nulled[path] == 1:
            self.warn(
                f"{self.stream} {self.key}: {self._called(path)} holds {_describe(value)} where {kind} is expected; "
                f"it becomes null, here and in further records{f'; {MISFITS} keeps it' if is_kept else ''}"
            )

    def misfits(self) -> str | None:
        """The values kept since this was last asked, as a JSON text of lists by path; None if there are none."""
        if not self._kept:
            return None
        kept = ((_FIELD.sub(lambda it: self.names.get(it[0], it[0]), path), them) for path, them in self._kept.items())
        lists = (f"{dump(path).decode()}:[{','.join(values)}]" for path, values in sorted(kept))
        text = f"{{{','.join(lists)}}}"
        self._kept, self._room = {}, MOST_MISFITS
        return text

    def _keep(self, path: str, value: Any) -> bool:
        text = _json(value)
        if text is None or len(text) > self._room:
            return False
        self._room -= len(text)
        self._kept.setdefault(path, []).append(text)
        return True

    def leave_out(self, path: str) -> None:
        """The catalog does not have ``path``: made after discovery, mostly."""
        if path in self.unknown or len(self.unknown) < MOST_UNKNOWN:
            self.unknown[path] += 1

    def take_unknown(self, prefix: str) -> list[str]:
        """The names right below ``prefix`` that the catalog does not have; the caller tells them."""
        paths = [path for path in self.unknown if path.startswith(prefix) and "." not in path[len(prefix) :]]
        for path in paths:
            del self.unknown[path]
        return [path[len(prefix) :] for path in paths]

    def tell(self) -> None:
        """Say at the end what became null how often, and what the catalog does not have."""
        for path, count in sorted(self.nulled.items()):
            lost = self.unkept[path] if self.keeps else 0
            kept = f"; {MISFITS} does not have {lost} of these values" if lost else ""
            often = "once" if count == 1 else f"{count} times"
            self.warn(f"{self.stream}: {self._called(path)} became null {often}{kept}")
        if self.unknown:
            named = listed(sorted(self.unknown), MOST_NAMES)
            self.inform(f"{self.stream}: not in the catalog and left out, discover again to get them: {named}")

    def _called(self, path: str) -> str:
        """A path as the table has it, where that differs with the id of the field."""
        return _FIELD.sub(lambda id_: _with_id(self.names.get(id_[0], ""), id_[0]), path)


def _with_id(name: str, field_id: str) -> str:
    return f"{name} ({field_id})" if name not in ("", field_id) else field_id


class Column(ABC):
    """A column of any type: where it lies, and what its values become.

    ``surprised`` is set once a value came that was not of the column's own type. ``is_whole`` if no part of it was left
    unselected, which nothing may show then.
    """

    def __init__(self, path: str, oddities: Oddities) -> None:
        self.path, self.oddities = path, oddities
        self.surprised = False
        self.is_whole = True

    @abstractmethod
    def convert(self, value: Any) -> Any:
        """What is written for ``value``, which is not null."""

    def _null(self, value: Any, kind: str) -> None:
        self.surprised = True
        self.oddities.null(self.path, value, kind, may_keep=self.is_whole)


class Object(Column):
    """A column, or a whole record, that holds further columns."""

    def __init__(self, schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> None:
        """What only ``full`` has is left out without a word."""
        super().__init__(path, oddities)
        everything = full.get("properties", {})
        self._prefix = f"{path}." if path else ""
        self.columns = {
            name: compile_column(part, everything.get(name, part), self._prefix + name, oddities)
            for name, part in schema.get("properties", {}).items()
        }
        self._unselected = everything.keys() - self.columns.keys()
        self.is_whole = not self._unselected and all(column.is_whole for column in self.columns.values())
        self._naming = next((name for name in NAMING if name in everything), None)
        self.left_out: set[str] = set()
        """Names that came and are not written: not selected, or not in the catalog."""

    def convert(self, value: Any) -> Any:
        members = value if type(value) is dict else self._members_of(value)
        if members is None:
            return self._null(value, "an object")
        record = {}
        columns = self.columns
        for name, part in members.items():
            column = columns.get(name)
            if column is not None:
                record[name] = None if part is None else column.convert(part)
            else:
                self._leave_out(name)
        return record

    def _members_of(self, value: Any) -> Mapping[str, Any] | None:
        """What is no object by itself as one; None if it can be none."""
        self.surprised = True
        # Not by recursion, which lists inside each other would break.
        while type(value) is list and len(value) == 1:
            value = value[0]
        if type(value) is dict:
            return value
        if type(value) is str and (sprint := sprints.parse(value)):
            return sprint
        return {self._naming: value} if self._naming and type(value) in (str, int, float) else None

    def _leave_out(self, name: str) -> None:
        if len(self.left_out) <= MOST_LEFT_OUT:
            self.left_out.add(name)
        if name not in self._unselected:
            self.oddities.leave_out(self._prefix + name)


class Array(Column):
    """A column that holds a list; what is null in it, or does not fit, is left out. What is no list is one of one."""

    def __init__(self, schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> None:
        super().__init__(path, oddities)
        items = schema.get("items", {})
        self.item = compile_column(items, full.get("items", items), f"{path}[]", oddities)
        self.is_whole = self.item.is_whole

    def convert(self, value: Any) -> Any:
        if type(value) is not list:
            self.surprised, value = True, [value]
        if None in value:
            self.item.surprised = True
        parts = (self.item.convert(part) for part in value if part is not None)
        return [part for part in parts if part is not None]


class Scalar(Column):
    """A column that holds one value."""

    def __init__(self, schema: dict[str, Any], kind: str, path: str, oddities: Oddities) -> None:
        super().__init__(path, oddities)
        self.kind, self.format = kind, schema.get("format", "")
        read = _SCALARS.get((kind, self.format))
        self.read, self._types = read or _SCALARS[kind, ""]
        self._words = "an integer" if kind == "integer" else f"a {self.format or kind}"

    def convert(self, value: Any) -> Any:
        if type(value) not in self._types:
            self.surprised = True
        try:
            return self.read(value)
        except (Unfit, ValueError, OverflowError, RecursionError, TypeError):
            return self._null(value, self._words)


def compile_record(schema: dict[str, Any], full: dict[str, Any], oddities: Oddities) -> Object:
    """What turns an object into a record of ``schema``; what only ``full`` has is left out without a word."""
    return Object(schema, full, "", oddities)


def compile_column(schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> Column:
    """The column that ``schema`` describes."""
    types = schema.get("type", "string")
    kind = types if isinstance(types, str) else next((name for name in types if name != "null"), "string")
    if kind == "object":
        return Object(schema, full, path, oddities)
    if kind == "array":
        return Array(schema, full, path, oddities)
    column = Scalar(schema, kind, path, oddities)
    # A column may have been folded to JSON text since the catalog was made; Jira gives the object all the same.
    column.surprised = kind == "string" and "properties" in full
    return column


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, float) and not abs(value) <= LARGEST_INTEGER:
        raise Unfit  # the parser has rounded it already, or it is no number
    return dump(value).decode()


def _integer(value: Any) -> int:
    number = value if type(value) is int else _exactly_whole(value)
    if abs(number) > LARGEST_INTEGER:
        raise Unfit
    return number


def _exactly_whole(value: Any) -> int:
    if isinstance(value, bool):
        raise Unfit
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*[+-]?\d{1,19}\s*", value, re.ASCII) else _exactly_whole(_float(value))
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    raise Unfit


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Unfit
    number = _float(value) if isinstance(value, str) else value if abs(value) <= LARGEST_INTEGER else float(value)
    if not math.isfinite(number):
        raise Unfit
    return number


def _float(text: str) -> float:
    # Stricter than Python, which reads "1_000" and the digits of every script.
    if not re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", text, re.ASCII):
        raise Unfit
    return float(text)


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise Unfit


def _instant(value: Any) -> str:
    utc = to_utc(value) if isinstance(value, str) else None if isinstance(value, bool) else number_to_utc(value)
    if utc is None:
        raise Unfit
    return utc


def _day(value: Any) -> str:
    day = to_day(value) if isinstance(value, str) else None
    if day is None:
        raise Unfit
    return day


_SCALARS: dict[tuple[str, str], tuple[Convert, set[type]]] = {
    ("string", ""): (_string, {str}),
    ("string", "date-time"): (_instant, {str}),
    ("string", "date"): (_day, {str}),
    ("integer", ""): (_integer, {int}),
    ("number", ""): (_number, {int, float}),
    ("boolean", ""): (_boolean, {bool}),
}
"""How a value of a type and format is read, and of which types it is by itself."""


def _json(value: Any) -> str | None:
    """The JSON of a value; None if it has none: nested beyond reason, or a number that the parser could not hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        return dump(value).decode()
    except (ValueError, RecursionError):
        return None


def _describe(value: Any) -> str:
    """The type and, where it is short, the look of a value; text is not shown, it may be anybody's."""
    names = {str: "text", bool: "a boolean", dict: "an object", list: "a list"}
    return names.get(type(value)) or f"the number {value!r}"[:60]
