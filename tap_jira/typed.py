"""Make records straight from JSON text: msgspec checks the types and drops what is not wanted while it parses.

The columns of a stream become one msgspec type. What fits it, nearly all, never becomes a dictionary; what does not is
shaped by ``records``, which knows what to do with odd values. A column that surprised it is left to it from then on,
so that a field that is odd in each issue costs little more than others.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tap_jira.heads import Text
from tap_jira.jsontext import dump, is_nameable, is_unstorable, load_anyhow
from tap_jira.records import (
    LARGEST_INTEGER,
    MISFITS,
    MOST_LEFT_OUT,
    Array,
    Column,
    Convert,
    Object,
    Oddities,
    Scalar,
    compile_record,
)

_Integer = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
_NATIVE: Mapping[tuple[str, str], Any] = {
    ("string", ""): str,
    ("string", "date-time"): str,
    ("string", "date"): datetime.date,
    ("integer", ""): _Integer,
    ("number", ""): _Integer | float,
    ("boolean", ""): bool,
}


class Shaper:
    """Makes the JSON of a stream's records out of what Jira gave.

    ``fill`` names columns that Jira does not give, or not always, and where their value is found.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        full: dict[str, Any],
        keys: list[str],
        oddities: Oddities,
        fill: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._columns = compile_record(schema, full, oddities)
        self._keys, self._oddities = keys, oddities
        self._fill = [(name, path) for name, path in fill.items() if name in self._columns.columns]
        oddities.keeps = MISFITS in self._columns.columns
        self._surprises = 0
        self._types: _Types | None = None

    def of_text(self, raw: Text) -> bytes | None:
        """The record of an object in JSON; None if it lacks its key, or is no JSON."""
        types = self._types
        if types is None:
            types = self._types = _Types(self._columns, self._fill)
        try:
            value = types.decode(raw)
        except (ValueError, RecursionError):
            return self._surprising(raw)
        self._oddities.key = _label(types.get(value, ("key",)), types.get(value, ("id",)))
        types.finish(value)
        if self._oddities.keeps:
            types.put(value, MISFITS, self._oddities.misfits())
        if any(types.get(value, (key,)) is None for key in self._keys):
            return None
        line = types.encode(value)
        return dump(msgspec.to_builtins(value)) if is_unstorable(line) else line

    def of_value(self, raw: Any) -> bytes | None:
        """The record of an object that was parsed already; None if it is none, or lacks its key."""
        if not isinstance(raw, dict):
            return None
        self._oddities.key = _label(raw.get("key"), raw.get("id"), raw.get("name"))
        for name, path in self._fill:
            if raw.get(name) is None:
                raw[name] = _found(raw, path)
        record = self._columns.convert(raw)
        if self._oddities.keeps:
            record[MISFITS] = self._oddities.misfits()
        return dump(record) if all(record.get(key) is not None for key in self._keys) else None

    def _surprising(self, raw: Text) -> bytes | None:
        try:
            line = self.of_value(load_anyhow(bytes(raw)))
        except ValueError:
            return None
        # New types cost as much as some hundred issues, so they are made ever more rarely.
        self._surprises += 1
        if self._surprises & (self._surprises - 1) == 0:
            self._types = None
        return line


class _Types:
    """The columns as msgspec types, as far as is known of them."""

    def __init__(self, columns: Object, fill: list[tuple[str, tuple[str, ...]]]) -> None:
        self._fill = fill
        self._names: dict[type, dict[str, str]] = {}
        self._sources = {path for _, path in fill}
        kind, self._after = self._struct(columns, ())
        self.decode = msgspec.json.Decoder(kind).decode
        self.encode = msgspec.json.Encoder().encode

    def put(self, value: Any, name: str, part: Any) -> None:
        """Let a decoded record hold this under a name that is a column of it."""
        setattr(value, self._names[type(value)][name], part)

    def get(self, value: Any, path: tuple[str, ...]) -> Any:
        """What lies there in a decoded value; None if nothing does."""
        for name in path:
            if isinstance(value, dict):
                value = value.get(name)
            else:
                value = getattr(value, self._names.get(type(value), {}).get(name, ""), None)
        return None if value is UNSET else value

    def finish(self, value: Any) -> None:
        """Fill what Jira does not give, and change what cannot stay as it came."""
        for name, path in self._fill:
            if self.get(value, (name,)) is None:
                self.put(value, name, self.get(value, path))
        if self._after is not None:
            self._after(value)

    def _native(self, column: Column, path: tuple[str, ...]) -> tuple[Any, Convert | None]:
        """The type of a column's values, and what is to be done to those that are not null."""
        if column.surprised:
            return Any, column.convert
        if isinstance(column, Object):
            return self._struct(column, path)
        if isinstance(column, Array):
            item, change = self._native(column.item, (*path, ""))
            return list[item], change and _each(change)  # type: ignore[valid-type]
        assert isinstance(column, Scalar)
        native = _NATIVE.get((column.kind, column.format)) or _NATIVE[column.kind, ""]
        return native, column.convert if column.format == "date-time" else None

    def _struct(self, column: Object, path: tuple[str, ...]) -> tuple[Any, Convert | None]:
        natives = {name: self._native(part, (*path, name)) for name, part in column.columns.items()}
        # Objects with a name that no type can have are shaped the careful way each time.
        watched = filter(is_nameable, column.left_out) if len(column.left_out) <= MOST_LEFT_OUT else ()
        hidden = {*watched, *(source[-1] for source in self._sources if source[:-1] == path)} - natives.keys()
        natives.update((name, (Any, None)) for name in hidden)
        names = {name: f"m{n}" for n, name in enumerate(natives)}
        kind = msgspec.defstruct(
            "Object",
            [(names[name], native | None | UnsetType, UNSET) for name, (native, _) in natives.items()],
            rename={member: name for name, member in names.items()},
            forbid_unknown_fields=len(column.left_out) <= MOST_LEFT_OUT,
            gc=False,
        )
        self._names[kind] = names
        changes = [(names[name], change) for name, (_, change) in natives.items() if change is not None]
        return kind, _members([names[name] for name in sorted(hidden)], changes)


def _members(hidden: list[str], changes: list[tuple[str, Convert]]) -> Callable[[Any], Any] | None:
    if not hidden and not changes:
        return None

    def change_members(value: Any) -> Any:
        for member in hidden:
            setattr(value, member, UNSET)
        for member, change in changes:
            part = getattr(value, member)
            if part is not None and part is not UNSET:
                setattr(value, member, change(part))
        return value

    return change_members


def _label(*names: Any) -> str:
    """What a warning calls a record: the first of its names that is one."""
    return next((str(name)[:80] for name in names if name and isinstance(name, (str, int))), "?")


def _each(change: Convert) -> Convert:
    def change_items(values: list[Any]) -> list[Any]:
        changed = (change(value) for value in values if value is not None)
        return [value for value in changed if value is not None]

    return change_items


def _found(raw: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
