"""Read a Singer catalog and answer what of it was selected: which streams, and of each which columns."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from singer import metadata

from tap_jira import jsontext
from tap_jira import schema as schemas
from tap_jira.errors import ConfigError
from tap_jira.streams import STREAMS, Stream

Breadcrumb = tuple[str, ...]
Metadata = Mapping[Breadcrumb, Mapping[str, Any]]

KINDS = {"null", "string", "integer", "number", "boolean", "object", "array"}
"""The types that JSON Schema has."""
MOST_NAMES = 10
"""Names of fields that a warning tells."""
_FIELDS = ("properties", "fields", "properties")


@dataclass(frozen=True)
class Selection:
    """A stream to be synced: its selected schema, the whole one, and whether somebody chose it."""

    stream: Stream
    schema: dict[str, Any]
    full: dict[str, Any]
    keys: list[str]
    chosen: bool


def parse(text: str, name: str) -> dict[str, Any]:
    """The catalog in a file's text; ConfigError if it is none."""
    try:
        catalog = jsontext.parse(text)
    except ValueError as error:
        raise ConfigError(f"catalog file {name} is not JSON ({error}); write it anew with --discover") from None
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list) or not all(isinstance(entry, dict) for entry in streams):
        raise ConfigError(f"catalog file {name} has no list of streams; write it anew with --discover")
    return {"streams": streams}


def select(catalog: Mapping[str, Any], warn: Callable[[str], None]) -> list[Selection]:
    """What is selected, in the order in which this tap syncs; ConfigError if the catalog is not ours.

    ``warn`` hears of streams that are not ours, and of fields that had to change for a table to hold them.
    """
    entries = {_id(entry): entry for entry in catalog["streams"]}
    known = {stream.name for stream in STREAMS}
    if entries and not known & entries.keys():
        raise ConfigError(
            f"the catalog is another tap's: it has none of {', '.join(sorted(known))}; write it anew with --discover"
        )
    for name in entries.keys() - known:
        about, said = _read(entries[name])
        if said or (said is None and about.get((), {}).get("selected-by-default")):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "remove it, or discover again"
            raise ConfigError(f"the catalog selects {name!r}, which this tap does not have; {hint}")
        warn(f"catalog: {name!r} is not a stream of this tap and is ignored")
    chosen = (_select_stream(stream, entries[stream.name], warn) for stream in STREAMS if stream.name in entries)
    return [selection for selection in chosen if selection is not None]


def _id(entry: Mapping[str, Any]) -> str:
    return str(entry.get("tap_stream_id") or entry.get("stream"))


def _select_stream(stream: Stream, entry: Mapping[str, Any], warn: Callable[[str], None]) -> Selection | None:
    about, chosen = _read(entry)
    if not (about.get((), {}).get("selected-by-default", False) if chosen is None else chosen):
        return None
    full = entry.get("schema")
    if not isinstance(full, dict) or not isinstance(full.get("properties"), dict):
        raise ConfigError(f"the catalog has no schema for {stream.name}; write it anew with --discover")
    _check_schema(full, stream.name)
    keys = about.get((), {}).get("table-key-properties") or entry.get("key_properties") or [stream.key]
    if not _is_names(keys):
        raise ConfigError(f"the catalog's key of {stream.name} is broken; write it anew with --discover")
    forced = {*keys, *([stream.replication_key] if stream.replication_key else [])}
    schema = _prune(full, (), about, forced, inherited=None)
    missing = forced - schema["properties"].keys()
    if missing:
        raise ConfigError(
            f"the catalog's schema of {stream.name} lacks {', '.join(sorted(missing))}; write it anew with --discover"
        )
    return Selection(stream, _fit(stream, schema, full, about, warn), full, keys, chosen=bool(chosen))


def _fit(
    stream: Stream, schema: dict[str, Any], full: dict[str, Any], about: Metadata, warn: Callable[[str], None]
) -> dict[str, Any]:
    """The schema with no more columns than a table can have, and a word of what was changed for that."""
    fitted = schemas.fit(schema, full, _wanted(schema, about))
    if fitted.folded or fitted.left_out:
        changes = [(fitted.folded, "sent as JSON text"), (fitted.left_out, "left out")]
        told = " and ".join(_named(names, what) for names, what in changes if names)
        warn(
            f"{stream.name}: {schemas.leaf_count(schema)} columns are selected, and not every table can have more than "
            f"{schemas.MOST_LEAVES}; of the site's fields {told}; unselect in the catalog what you do not need"
        )
    return fitted.schema


def _named(names: list[str], what: str) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)} are {what} ({', '.join(names[:MOST_NAMES])}{more})"


def _wanted(schema: Mapping[str, Any], about: Metadata) -> list[str]:
    """The selected fields of an issue: those that somebody chose, those selected by default, each in their order."""
    chosen = {
        crumb[3] for crumb, said in about.items() if crumb[:3] == _FIELDS and crumb[3:] and _first(said.get("selected"))
    }

    def place(name: str) -> tuple[bool, bool]:
        return (name not in chosen, not about.get((*_FIELDS, name), {}).get("selected-by-default", True))

    return sorted(schema["properties"].get("fields", {}).get("properties", {}), key=place)


def _read(entry: Mapping[str, Any]) -> tuple[Metadata, bool | None]:
    """The metadata of an entry, and what it says of the stream: selected, not selected, or nothing.

    Before there was metadata, ``selected`` stood in the schema or beside it; some tools still write it there.
    """
    entries = entry.get("metadata") or []
    if not isinstance(entries, list) or not all(map(_is_metadata, entries)):
        raise ConfigError(f"the catalog's metadata of {_id(entry)} is broken; write it anew with --discover")
    about: Metadata = metadata.to_map(entries)
    schema = entry.get("schema")
    legacy = schema.get("selected") if isinstance(schema, dict) else None
    return about, _first(about.get((), {}).get("selected"), entry.get("selected"), legacy)


def _is_metadata(value: Any) -> bool:
    return isinstance(value, dict) and _is_names(value.get("breadcrumb")) and isinstance(value.get("metadata"), dict)


def _is_column(node: Mapping[str, Any]) -> bool:
    kinds = node.get("type", "string")
    known = kinds in KINDS if isinstance(kinds, str) else _is_names(kinds) and KINDS.issuperset(kinds)
    return known and isinstance(node.get("properties", {}), dict) and isinstance(node.get("format", ""), str)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _check_schema(node: Any, place: str) -> None:
    """ConfigError if a column, here or further inside, is not described in words that this tap knows."""
    if not isinstance(node, dict) or not _is_column(node):
        raise ConfigError(f"the catalog's schema is broken at {place!r}; write it anew with --discover")
    for name, part in node.get("properties", {}).items():
        _check_schema(part, f"{place}.{name}")
    if "items" in node:
        _check_schema(node["items"], f"{place}[]")


def _prune(
    node: dict[str, Any], path: Breadcrumb, about: Metadata, forced: set[str], inherited: bool | None
) -> dict[str, Any]:
    """``node`` with the selected columns alone.

    What was said of the column itself counts, then whether what it lies in is left out, then its default. So a column
    chosen inside an object that was not is there: Meltano marks all as unselected, then the chosen alone.
    """
    columns: dict[str, Any] = {}
    for name, part in node.get("properties", {}).items():
        here = (*path, "properties", name)
        own = about.get(here, {})
        said = _first(own.get("selected"), part.get("selected"))
        is_forced = (not path and name in forced) or own.get("inclusion") == "automatic"
        if own.get("inclusion") == "unsupported":
            continue
        is_in = _decide(said, inherited, own.get("selected-by-default", True))
        if part.get("properties"):
            inner = _prune(part, here, about, set(), None if is_in else False)
            if inner["properties"] or is_forced:
                columns[name] = inner
        elif is_forced or is_in:
            columns[name] = part
    return {**node, "properties": columns}


def _decide(said: bool | None, inherited: bool | None, default: bool) -> bool:
    if said is not None:
        return said
    return default and inherited is not False


def _first(*values: Any) -> bool | None:
    """The first that says something, in any of the ways in which JSON tools write a truth."""
    for value in values:
        if value is not None:
            if str(value).lower() not in ("true", "false"):
                raise ConfigError("the catalog has a selected that is neither true nor false; correct it")
            return str(value).lower() == "true"
    return None
