"""Read and write JSON whatever is in it: what the fast parser refuses is read slowly, what targets refuse is mended."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import orjson

# Neither can be stored by PostgreSQL, and JSON Schema has no word against them.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def load(text: bytes) -> Any:
    """The value of a JSON text; ValueError if it is none.

    msgspec, which keeps the digits of large integers, refuses lone surrogates, deep nesting and NaN, all of which
    somebody has sent.
    """
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def load_anyhow(text: bytes) -> Any:
    """The same for a text that came whole, so that bytes that are no UTF-8 are not the mark of a broken line."""
    try:
        return load(text)
    except UnicodeDecodeError:
        return load(text.decode(errors="replace").encode())


def dump(value: Any) -> bytes:
    """JSON of ``value`` without NUL characters, lone surrogates, or integers that orjson refuses."""
    try:
        line = orjson.dumps(value)
    except TypeError:
        return _dump_slowly(value)
    return _dump_slowly(value) if is_unstorable(line) else line


def is_unstorable(line: bytes) -> bool:
    """Whether a line of JSON may hold a NUL character (a backslash before a ``u0000`` looks the same)."""
    return b"\\u0000" in line


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
