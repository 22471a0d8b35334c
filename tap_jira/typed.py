"""Make records straight from JSON text: msgspec checks the types and drops what is not wanted while it parses.

The columns of a stream become one msgspec type. What fits it, nearly all, never becomes a dictionary; what does not is
shaped by ``records``, which knows what to do with odd values. So are the first records, which show what is odd here: a
column that surprised is left to ``records`` by the type that is made next, so that a field that is odd in each issue
costs little more than others.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from tap_jira.dates import to_utc
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

_FIELDS = "fields"
"""Where an issue has its fields, whose columns may have other names than their ids."""
PATIENCE = 32
"""To make types takes as long as to shape so many issues the careful way: small runs do without them."""
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

    ``fill`` names columns that Jira does not give, or not always, and where their value is found; ``names`` has what
    the columns of fields are called, by their ids, where that is something else. After ``patience`` records that were
    shaped the careful way types are made, of all that is known by then.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        full: dict[str, Any],
        keys: list[str],
        oddities: Oddities,
        fill: Mapping[str, tuple[str, ...]],
        names: Mapping[str, str] | None = None,
        patience: int = PATIENCE,
    ) -> None:
        # Where a column is filled from is known, though it may be no column itself.
        known = {"properties": {**{path[0]: {} for path in fill.values()}, **full.get("properties", {})}}
        self._columns = compile_record(schema, known, oddities)
        self._keys, self._oddities = keys, oddities
        self._fill = [(name, path) for name, path in fill.items() if name in self._columns.columns]
        oddities.keeps = MISFITS in self._columns.columns
        self._names = names or {}
        self._patience, self._careful = patience, 0
        self._types: _Types | None = None

    def of_text(self, raw: Text) -> bytes | None:
        """The record of an object in JSON; None if it lacks its key, or is no JSON."""
        if self._types is None and self._careful >= self._patience:
            self._types, self._careful = _Types(self._columns, self._fill, self._names), 0
        if self._types is None:
            return self._carefully(raw)
        types = self._types
        try:
            value = types.decode(raw)
        except (ValueError, RecursionError):
            return self._carefully(raw)
        self._oddities.key = _label(types.top(value, "key"), types.top(value, "id"))
        types.finish(value)
        if self._oddities.keeps:
            types.put(value, MISFITS, self._oddities.misfits())
        for key in self._keys:
            if types.top(value, key) is None:
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
        if self._names and _FIELDS in record:
            record[_FIELDS] = _renamed(record[_FIELDS], self._names)
        if self._oddities.keeps:
            record[MISFITS] = self._oddities.misfits()
        return dump(record) if all(record.get(key) is not None for key in self._keys) else None

    def _carefully(self, raw: Text) -> bytes | None:
        self._careful += 1
        if self._careful >= self._patience:
            self._types = None
        try:
            return self.of_value(load_anyhow(bytes(raw)))
        except ValueError:
            return None


class _Types:
    """The columns as msgspec types, as far as is known of them."""

    def __init__(self, columns: Object, fill: list[tuple[str, tuple[str, ...]]], called: Mapping[str, str]) -> None:
        self._fill, self._called = fill, called
        self._names: dict[type, dict[str, str]] = {}
        self._sources = {path for _, path in fill}
        kind, self._after = self._struct(columns, ())
        self._tops = self._names[kind]
        self.decode = msgspec.json.Decoder(kind).decode
        self.encode = msgspec.json.Encoder().encode

    def top(self, value: Any, name: str) -> Any:
        """What a decoded record holds under a name; None if nothing."""
        part = getattr(value, self._tops.get(name, ""), None)
        return None if part is UNSET else part

    def put(self, value: Any, name: str, part: Any) -> None:
        """Let a decoded record hold this under a name that is a column of it."""
        setattr(value, self._tops[name], part)

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
            if self.top(value, name) is None:
                self.put(value, name, self.get(value, path))
        if self._after is not None:
            self._after(value)

    def _native(self, column: Column, path: tuple[str, ...]) -> tuple[Any, Convert | None]:
        """The type of a column's values, and what is to be done to those that are not null."""
        native, change = self._by_id(column, path)
        if path != (_FIELDS,) or not self._called:
            return native, change
        assert isinstance(column, Object)
        rename = self._renaming(native, column)
        return native, rename if change is None else lambda value: rename(change(value))

    def _by_id(self, column: Column, path: tuple[str, ...]) -> tuple[Any, Convert | None]:
        if column.surprised:
            return Any, column.convert
        if isinstance(column, Object):
            return self._struct(column, path)
        if isinstance(column, Array):
            item, change = self._native(column.item, (*path, ""))
            return list[item], change and _each(change)  # type: ignore[valid-type]
        assert isinstance(column, Scalar)
        native = _NATIVE.get((column.kind, column.format)) or _NATIVE[column.kind, ""]
        return native, _instant(column) if column.format == "date-time" else None

    def _renaming(self, native: Any, fields: Object) -> Convert:
        """What gives the columns of an issue's fields, decoded by their ids, the names under which they leave."""
        if native is Any:
            return lambda value: _renamed(value, self._called)
        members = {
            member: self._called.get(name, name) if name in fields.columns else f".{member}"  # a name of no column
            for name, member in self._names[native].items()
        }
        leaving = msgspec.defstruct("Object", [(member, Any, UNSET) for member in members], rename=members, gc=False)
        # Faster than to give the value another __class__, for which Python compares the members of both.
        return lambda value: leaving(*astuple(value))

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


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    return {names.get(name, name): part for name, part in value.items()} if isinstance(value, dict) else value


def _label(*names: Any) -> str:
    """What a warning calls a record: the first of its names that is one."""
    for name in names:
        if name and isinstance(name, (str, int)):
            return str(name)[:80]
    return "?"


def _instant(column: Column) -> Convert:
    """The conversion of what is meant to be an instant, the shortest way for nearly all, which are texts."""
    convert = column.convert
    return lambda value: (type(value) is str and to_utc(value)) or convert(value)


def _each(change: Convert) -> Convert:
    def change_items(values: list[Any]) -> list[Any]:
        changed = [change(value) for value in values if value is not None]
        return [value for value in changed if value is not None] if None in changed else changed

    return change_items


def _found(raw: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
