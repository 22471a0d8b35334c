"""Read and write JSON whatever is in it: what the fast parser refuses is read slowly, what targets refuse is mended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

# Neither can be stored by PostgreSQL, and JSON Schema has no word against them.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"

DEEPEST = 300
"""Levels of nesting that an answer may have: what mends it takes two calls a level, of 1,000 that Python allows."""
DEEPEST_FILE = 100
"""Levels that a configuration, a catalog or a state may have, which go out again inside of messages."""
MOST_PARTS = 10_000_000
"""Values that one text may have. A list of empty objects takes 24 times as much memory as its text, so a limit on bytes
alone would be none. A page of 3 MB has some 100,000."""


def load(text: bytes | bytearray) -> Any:
    """The value of a JSON text; ValueError if it is none, or more than can be taken in.

    msgspec, which keeps the digits of large integers, refuses lone surrogates and NaN, both of which somebody has sent.
    """
    value = _load(text)
    if text.count(b"[") + text.count(b"{") > DEEPEST:
        _check_depth(value, DEEPEST)
    return value


def load_anyhow(text: bytes) -> Any:
    """The same for a text that came whole: bytes that are no UTF-8, and nesting that cannot be written, are no harm."""
    try:
        return _load(text)
    except UnicodeDecodeError:
        return _load(text.decode(errors="replace").encode())


def parse(text: str) -> Any:
    """The value of the JSON text of a file; ValueError, which says where the fault is, if it is none."""
    value = _read(text)
    _check_depth(value, DEEPEST_FILE)
    return value


def check_parts(text: bytes | bytearray) -> None:
    """ValueError if a text has more values than may be taken in."""
    if len(text) > MOST_PARTS and sum(map(text.count, (b",", b"[", b"{"))) > MOST_PARTS:
        raise ValueError("too many values")


def _load(text: bytes | bytearray) -> Any:
    check_parts(text)
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return _read(text)


def _read(text: str | bytes | bytearray) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _integer(digits: str) -> int | float:
    # Python refuses to read more digits than these; a number beyond all measure, as 1e400 is.
    return int(digits) if len(digits) <= 4000 else float(digits)


def _check_depth(value: Any, most: int) -> None:
    """ValueError if it is nested too deep; not found out by recursion, which such a value would break."""
    level = [value]
    for _ in range(most):
        level = [part for whole in level for part in _containers(whole)]
        if not level:
            return
    raise ValueError("nested too deep")


def _containers(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (part for part in parts if isinstance(part, (dict, list)))


def dump(value: Any) -> bytes:
    """JSON of ``value`` without NUL characters, lone surrogates, or integers that orjson refuses.

    ValueError if it is nested deeper than ``DEEPEST``.
    """
    try:
        line = orjson.dumps(value)
    except TypeError:
        _check_depth(value, DEEPEST)
        return _dump_slowly(value)
    return _dump_slowly(value) if is_unstorable(line) else line


def is_nameable(name: str) -> bool:
    """Whether msgspec can make a type with a member of this name."""
    return name.isprintable() and not {'"', "\\"} & set(name)


def is_unstorable(line: bytes) -> bool:
    """Whether a line of JSON may hold a NUL character (a backslash before a ``u0000`` looks the same)."""
    # From behind, where Python looks for the backslash first: that is rarer than a zero.
    return line.rfind(b"\\u0000") >= 0


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
