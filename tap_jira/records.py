"""Turn one Jira object into one record: the selected columns, each of its declared type, times in UTC.

A column's conversion is compiled once from its schema. A value of another type is converted where nothing is lost by it
(a number to its text, an object to its JSON); otherwise it becomes null, and ``Oddities`` keeps count.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from tap_jira.dates import number_to_utc, to_day, to_utc

Convert = Callable[[Any], Any]
Log = Callable[[str], None]

LARGEST_INTEGER = 2**63 - 1
# Neither can be stored by PostgreSQL, and JSON Schema has no word against them.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
MOST_NAMES = 50


class Unfit(Exception):
    """A value that cannot become what its column holds without losing something."""


@dataclass
class Oddities:
    """What did not fit: told once a place when it first occurs, and counted for the end."""

    stream: str
    warn: Log
    inform: Log
    key: str = "?"
    nulled: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def null(self, path: str, value: Any, kind: str) -> None:
        """``value`` was no ``kind`` and became null."""
        self.nulled[path] += 1
        if self.nulled[path] == 1:
            self.warn(
                f"{self.stream} {self.key}: {path} holds {_describe(value)} where {kind} is expected; "
                "it becomes null, here and in further records"
            )

    def leave_out(self, path: str) -> None:
        """The catalog does not have ``path``: made after discovery, mostly."""
        self.unknown[path] += 1

    def tell(self) -> None:
        """Say at the end what became null how often, and what the catalog does not have."""
        for path, count in sorted(self.nulled.items()):
            self.warn(f"{self.stream}: {path} became null {'once' if count == 1 else f'{count} times'}")
        if self.unknown:
            named = ", ".join(sorted(self.unknown)[:MOST_NAMES])
            more = f" and {len(self.unknown) - MOST_NAMES} more" if len(self.unknown) > MOST_NAMES else ""
            self.inform(f"{self.stream}: not in the catalog and left out, discover again to get them: {named}{more}")


def compile_record(schema: dict[str, Any], full: dict[str, Any], oddities: Oddities) -> Callable[[dict[str, Any]], Any]:
    """What turns an object into a record of ``schema``; what only ``full`` has is left out without a word."""
    return _object(schema, full, "", oddities)


def dump(value: Any) -> bytes:
    """JSON of ``value`` without NUL characters, lone surrogates, or integers that orjson refuses."""
    try:
        line = orjson.dumps(value)
    except TypeError:
        return _dump_slowly(value)
    return _dump_slowly(value) if b"\\u0000" in line else line


def _dump_slowly(value: Any) -> bytes:
    return json.dumps(_storable(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _compile(schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> Convert:
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, full, path, oddities)
    if kind == "array":
        return _array(schema, full, path, oddities)
    read = _SCALARS.get((kind, schema.get("format", "")), _SCALARS[kind, ""])
    return _scalar(read, schema.get("format", kind), path, oddities)


def _kind(schema: dict[str, Any]) -> str:
    types = schema.get("type", "string")
    return types if isinstance(types, str) else next((name for name in types if name != "null"), "string")


def _object(schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> Convert:
    everything = full.get("properties", {})
    prefix = f"{path}." if path else ""
    columns = {
        name: _compile(part, everything.get(name, part), prefix + name, oddities)
        for name, part in schema.get("properties", {}).items()
    }
    unselected = everything.keys() - columns.keys()

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            return oddities.null(path, value, "an object")
        record = {}
        for name, part in value.items():
            column = columns.get(name)
            if column is not None:
                record[name] = None if part is None else column(part)
            elif name not in unselected:
                oddities.leave_out(prefix + name)
        return record

    return convert


def _array(schema: dict[str, Any], full: dict[str, Any], path: str, oddities: Oddities) -> Convert:
    items = schema.get("items", {})
    item = _compile(items, full.get("items", items), f"{path}[]", oddities)

    def convert(value: Any) -> Any:
        if type(value) is not list:
            return oddities.null(path, value, "a list")
        parts = (None if part is None else item(part) for part in value)
        return [part for part in parts if part is not None]

    return convert


def _scalar(read: Convert, kind: str, path: str, oddities: Oddities) -> Convert:
    words = "an integer" if kind == "integer" else f"a {kind}"

    def convert(value: Any) -> Any:
        try:
            return read(value)
        except (Unfit, ValueError, OverflowError, RecursionError, TypeError):
            return oddities.null(path, value, words)

    return convert


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
    if number != number or number in (float("inf"), float("-inf")):
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


_SCALARS: dict[tuple[str, str], Convert] = {
    ("string", ""): _string,
    ("string", "date-time"): _instant,
    ("string", "date"): _day,
    ("integer", ""): _integer,
    ("number", ""): _number,
    ("boolean", ""): _boolean,
}


def _describe(value: Any) -> str:
    """The type and, where it is short, the look of a value; text is not shown, it may be anybody's."""
    names = {str: "text", bool: "a boolean", dict: "an object", list: "a list"}
    return names.get(type(value)) or f"the number {value!r}"[:60]
