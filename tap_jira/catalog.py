"""Read a Singer catalog and answer what of it was selected: which streams, and of each which columns."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_jira import jsontext
from tap_jira import schema as schemas
from tap_jira.errors import ConfigError
from tap_jira.jsontext import is_nameable
from tap_jira.streams import ISSUES, STREAMS, Stream
from tap_jira.words import counted, listed

Breadcrumb = tuple[str, ...]
Metadata = Mapping[Breadcrumb, Mapping[str, Any]]

KINDS = {"null", "string", "integer", "number", "boolean", "object", "array"}
"""The types that JSON Schema has."""
MOST_MISSPELT = 10
"""Names for which a warning looks for those that may be meant."""
FIELD_ID = "field-id"
"""In the metadata of a column whose name is not the id of its field: that id."""
_FIELDS = ("properties", "fields", "properties")


@dataclass(frozen=True)
class Selection:
    """A stream to be synced: its selected schema, the whole one, and whether somebody chose it.

    In both schemas a field of the issues goes by its id, as it does in Jira.
    """

    stream: Stream
    schema: dict[str, Any]
    full: dict[str, Any]
    keys: list[str]
    chosen: bool
    names: Mapping[str, str] = field(default_factory=dict)
    """What the column of a field is called that does not go by its id, by that id."""

    @property
    def sent(self) -> dict[str, Any]:
        """The selected schema as targets get it: with the names of columns."""
        return schemas.rename_fields(self.schema, self.names)

    @property
    def field_columns(self) -> dict[str, str]:
        """What the column of each selected field is called, by the field's id."""
        fields = self.schema["properties"].get("fields", {}).get("properties", {})
        return {field_id: self.names.get(field_id, field_id) for field_id in fields}


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

    ``warn`` hears of streams that are not ours, of what a selection can hardly mean, and of fields that had to change
    for a table to hold them.
    """
    entries = {_id(entry): entry for entry in catalog["streams"]}
    known = {stream.name for stream in STREAMS}
    if entries and not known & entries.keys():
        raise ConfigError(
            f"the catalog is another tap's: it has none of {', '.join(sorted(known))}; write it anew with --discover"
        )
    for name in entries.keys() - known:
        about, said, _ = _read(entries[name])
        if said or (said is None and about.get((), {}).get("selected-by-default")):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "remove it, or discover again"
            raise ConfigError(f"the catalog selects {name!r}, which this tap does not have; {hint}")
        warn(f"catalog: {name!r} is not a stream of this tap and is ignored")
    chosen = (_select_stream(stream, entries[stream.name], warn) for stream in STREAMS if stream.name in entries)
    return [selection for selection in chosen if selection is not None]


def names(catalog: Mapping[str, Any]) -> dict[str, str]:
    """What the columns of fields are called in a catalog, by the field's id, where their names are no ids."""
    ids = (_field_ids(_read(entry)[0]) for entry in catalog["streams"] if _id(entry) == ISSUES)
    return {field_id: name for named in ids for name, field_id in named.items()}


def _field_ids(about: Metadata) -> dict[str, str]:
    fields = ((crumb, own) for crumb, own in about.items() if crumb[:-1] == _FIELDS)
    return {crumb[-1]: own[FIELD_ID] for crumb, own in fields if FIELD_ID in own}


def _id(entry: Mapping[str, Any]) -> str:
    return str(entry.get("tap_stream_id") or entry.get("stream"))


def _select_stream(stream: Stream, entry: Mapping[str, Any], warn: Callable[[str], None]) -> Selection | None:
    about, chosen, torn = _read(entry)
    if not (_truth(about.get((), {}), "selected-by-default", stream.name) if chosen is None else chosen):
        return None
    about = {crumb: _with_truths(own, _dotted((stream.name, *crumb))) for crumb, own in about.items()}
    full = entry.get("schema")
    if not isinstance(full, dict) or not isinstance(full.get("properties"), dict):
        raise ConfigError(f"the catalog has no schema for {stream.name}; write it anew with --discover")
    _check_schema(full, stream.name)
    keys = about.get((), {}).get("table-key-properties") or entry.get("key_properties") or [stream.key]
    if not _is_names(keys):
        raise ConfigError(f"the catalog's key of {stream.name} is broken; write it anew with --discover")
    forced = {*keys, *([stream.replication_key] if stream.replication_key else [])}
    schema = _prune(full, (), about, forced)
    missing = forced - schema["properties"].keys()
    if missing:
        raise ConfigError(
            f"the catalog's schema of {stream.name} lacks {', '.join(sorted(missing))}; write it anew with --discover"
        )
    for doubt in (*_contradictions(torn), *_doubts(full, schema, about, forced)):
        warn(f"catalog: {stream.name}: {doubt}")
    ids = _checked_ids(stream, full, _field_ids(about))
    schema, full = (schemas.rename_fields(node, ids) for node in (_fit(stream, schema, full, about, warn), full))
    named = {field_id: name for name, field_id in ids.items()}
    return Selection(stream, schema, full, keys, chosen=bool(chosen), names=named)


def _checked_ids(stream: Stream, full: dict[str, Any], ids: dict[str, str]) -> dict[str, str]:
    """The ids of the fields whose columns have other names; ConfigError if two columns are of the same field."""
    columns = full["properties"].get("fields", {}).get("properties", {})
    fields = Counter(ids.get(name, name) for name in columns)
    twice = [field_id for field_id, count in fields.items() if count > 1]
    if twice:
        raise ConfigError(
            f"the catalog's metadata of {stream.name}, in which several columns have the {FIELD_ID} {twice[0]}, is "
            "broken; write it anew with --discover"
        )
    return {name: field_id for name, field_id in ids.items() if name in columns}


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
    return f"{len(names)} are {what} ({listed(names)})"


def _wanted(schema: Mapping[str, Any], about: Metadata) -> list[str]:
    """The selected fields of an issue: those that somebody chose, those selected by default, each in their order."""
    chosen = {crumb[3] for crumb, said in about.items() if crumb[:3] == _FIELDS and crumb[3:] and said["selected"]}

    def place(name: str) -> tuple[bool, bool]:
        return (name not in chosen, about.get((*_FIELDS, name), {}).get("selected-by-default") is False)

    return sorted(schema["properties"].get("fields", {}).get("properties", {}), key=place)


def _read(entry: Mapping[str, Any]) -> tuple[Metadata, bool | None, list[str]]:
    """The metadata of an entry, what it says of the stream (selected, not selected, or nothing), and where it is torn.

    Before there was metadata, ``selected`` stood in the schema or beside it; some tools still write it there.
    """
    entries = entry.get("metadata") or []
    if not isinstance(entries, list) or not all(map(_is_metadata, entries)):
        raise ConfigError(f"the catalog's metadata of {_id(entry)} is broken; write it anew with --discover")
    about, torn = _merged(entries)
    schema = entry.get("schema")
    places = (about.get((), {}), entry, schema if isinstance(schema, dict) else {})
    return about, _first(*(_truth(place, "selected", _id(entry)) for place in places)), torn


def _merged(entries: list[dict[str, Any]]) -> tuple[dict[Breadcrumb, dict[str, Any]], list[str]]:
    """The metadata by breadcrumb, and where several entries are for one and say different things: the last counts."""
    about: dict[Breadcrumb, dict[str, Any]] = {}
    torn: list[str] = []
    for each in entries:
        earlier = about.setdefault(tuple(each["breadcrumb"]), {})
        differing = [name for name, value in each["metadata"].items() if earlier.get(name, value) != value]
        torn += [f"{_dotted(each['breadcrumb']) or 'the stream itself'} ({name})" for name in differing]
        earlier.update(each["metadata"])
    return about, torn


def _contradictions(torn: list[str]) -> Iterator[str]:
    if torn:
        yield (
            f"several entries of the metadata are for one breadcrumb and differ: {listed(torn)}; the last one counts, "
            "remove the others"
        )


def _is_metadata(value: Any) -> bool:
    about = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(about, dict) and _is_names(value.get("breadcrumb")) and isinstance(about.get(FIELD_ID, ""), str)


def _is_column(node: Mapping[str, Any]) -> bool:
    kinds = node.get("type", "string")
    known = kinds in KINDS if isinstance(kinds, str) else _is_names(kinds) and KINDS.issuperset(kinds)
    inner = node.get("properties", {})
    named = isinstance(inner, dict) and all(map(is_nameable, inner))
    return known and named and isinstance(node.get("format", ""), str)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _check_schema(node: Any, place: str) -> None:
    """ConfigError if a column, here or further inside, is not described in words that this tap knows."""
    if not isinstance(node, dict) or not _is_column(node):
        raise ConfigError(f"the catalog's schema is broken at {place!r}; write it anew with --discover")
    _truth(node, "selected", place)
    for name, part in node.get("properties", {}).items():
        _check_schema(part, f"{place}.{name}")
    if "items" in node:
        _check_schema(node["items"], f"{place}[]")


def _prune(
    node: dict[str, Any], path: Breadcrumb, about: Metadata, forced: set[str], by_default: bool = True
) -> dict[str, Any]:
    """``node`` with the selected columns alone.

    What was said of a column counts, else its default. Nothing is left of an object that somebody unselected, whatever
    was said of its parts: so it is in singer-python and in Meltano's SDK, and a rule of Meltano against an object
    leaves the parts marked as an earlier ``*.*`` has marked them.
    """
    columns: dict[str, Any] = {}
    for name, part in node.get("properties", {}).items():
        here = (*path, "properties", name)
        own = about.get(here, {})
        said = _said(own, part)
        is_forced = (not path and name in forced) or own.get("inclusion") == "automatic"
        if own.get("inclusion") == "unsupported" or (said is False and not is_forced):
            continue
        is_in = (by_default and own.get("selected-by-default") is not False) if said is None else said
        if part.get("properties"):
            inner = _prune(part, here, about, set(), is_in)
            if inner["properties"] or is_forced:
                columns[name] = inner
        elif is_forced or is_in:
            columns[name] = part
    return {**node, "properties": columns}


def _said(own: Mapping[str, Any], part: Mapping[str, Any]) -> bool | None:
    return _first(own.get("selected"), _truth(part, "selected", "a column"))


def _doubts(full: dict[str, Any], selected: dict[str, Any], about: Metadata, forced: set[str]) -> Iterator[str]:
    """What in a selection its author can hardly have meant."""
    columns = dict(_columns(full))
    said = {crumb: _said(about.get(crumb, {}), part) for crumb, part in columns.items()}
    objects = [crumb for crumb, part in columns.items() if part.get("properties") and not _is_shut(crumb, said)]
    kept = {crumb for crumb, _ in _columns(selected)}
    unknown = [
        crumb
        for crumb, own in about.items()
        if crumb and crumb not in columns and _first(own.get("selected")) is not None
    ]
    if unknown:
        known = {_dotted(crumb): crumb for crumb in columns}
        misspelt = "; ".join(_misspelt(crumb, known) for crumb in unknown[:MOST_MISSPELT])
        yield (
            f"{counted(len(unknown), 'column')} selected or unselected, but not in the schema: {misspelt}; correct the "
            "breadcrumb"
        )
    empty = [crumb for crumb in objects if said[crumb] and crumb not in kept]
    hollow = [crumb for crumb in empty if not any(inner[: len(crumb)] == crumb != inner for inner in empty)]
    if hollow:
        yield (
            f"{counted(len(hollow), 'column')} selected, but left out, because nothing inside is selected: "
            f"{_listed(hollow)}; select that too (such as {_dotted(hollow[0])}.*), or unselect the whole"
        )
    shut = [crumb for crumb in objects if said[crumb] is False]
    inside = {crumb: [inner for inner, _ in _columns(columns[crumb], crumb)] for crumb in shut}
    # Where all parts are selected, a rule for all came before the one against the object.
    torn = [crumb for crumb in shut if {True} < {said[inner] for inner in inside[crumb]}]
    if torn:
        chosen = [inner for crumb in torn for inner in inside[crumb] if said[inner]]
        yield (
            f"{counted(len(chosen), 'column')} selected, but left out, because {_listed(torn)} is not selected; select "
            f"that too, or nothing inside: {_listed(chosen)}"
        )
    if selected["properties"].keys() <= forced < full["properties"].keys() and not any(
        said["properties", name] for name in forced
    ):
        yield f"nothing is selected but {', '.join(sorted(forced))}; select the columns that you need"


def _columns(node: Mapping[str, Any], path: Breadcrumb = ()) -> Iterator[tuple[Breadcrumb, dict[str, Any]]]:
    """Every column and object of a schema with its breadcrumb; not what lies in lists."""
    for name, part in node.get("properties", {}).items():
        if isinstance(part, dict):
            here = (*path, "properties", name)
            yield here, part
            yield from _columns(part, here)


def _is_shut(crumb: Breadcrumb, said: Mapping[Breadcrumb, bool | None]) -> bool:
    """Whether a column lies in an object that somebody unselected."""
    return any(said[crumb[:length]] is False for length in range(2, len(crumb), 2))


def _dotted(crumb: Iterable[str]) -> str:
    return ".".join(part for part in crumb if part != "properties")


def _misspelt(crumb: Breadcrumb, known: Mapping[str, Breadcrumb]) -> str:
    near = difflib.get_close_matches(_dotted(crumb), known, 1)
    return json.dumps(crumb) + (f" (did you mean {json.dumps(known[near[0]])}?)" if near else "")


def _listed(crumbs: list[Breadcrumb]) -> str:
    return listed(list(map(_dotted, crumbs)))


def _first(*values: bool | None) -> bool | None:
    """The first that says something."""
    return next((value for value in values if value is not None), None)


def _with_truths(own: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {**own, **{name: _truth(own, name, place) for name in ("selected", "selected-by-default")}}


def _truth(own: Mapping[str, Any], name: str, place: str) -> bool | None:
    """A truth in any of the ways in which JSON tools write one; None if there is none; ConfigError naming ``place``."""
    value = own.get(name)
    if value is not None and str(value).lower() not in ("true", "false"):
        raise ConfigError(f"the catalog's {name} of {place} is neither true nor false; correct it")
    return None if value is None else str(value).lower() == "true"
