"""The schemas of the tables, and the columns that a site's own fields add to the issues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib import resources
from typing import Any, NamedTuple

Node = dict[str, Any]

DEFAULT_LEAVES = 900
"""Leaf columns of the issues that are selected when nobody chose: PostgreSQL stops at 1,600."""

MOST_LEAVES = 1000
"""Leaf columns of the issues that are sent, whatever was chosen: SQL Server stops at 1,024, and targets add some."""

LONGEST_NAME = 63
"""Bytes of a flattened column name that every target can hold."""

_LONGEST_TITLE = 200
_LONGEST_NOTE = 300
_CUSTOM = re.compile(r"customfield_(\d+)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NEVER_A_FIELD = "issuekey"  # Jira lists it, but an issue has its key at the top


class _Kind(NamedTuple):
    """What a type that Jira declares becomes, and how it is worded, alone and in a list."""

    node: Node
    one: str
    many: str


def _scalar(kind: str, **more: str) -> Node:
    return {"type": ["null", kind], **more}


def _shared(name: str) -> Node:
    return {"$ref": f"shared/{name}.json"}


class Fitted(NamedTuple):
    """A schema that a table can hold, and the ids of the fields that were changed for it, the most wanted first."""

    schema: Node
    folded: list[str]
    left_out: list[str]


_TEXT = _Kind(_scalar("string"), "as JSON text unless it is a plain string", "each as JSON text unless a plain string")

_KINDS: Mapping[str, _Kind] = {
    "string": _Kind(_scalar("string"), "a text", "a list of texts"),
    "number": _Kind(_scalar("number"), "a number", "a list of numbers"),
    "date": _Kind(_scalar("string", format="date"), "a day", "a list of days"),
    "datetime": _Kind(_scalar("string", format="date-time"), "an instant", "a list of instants"),
    "option": _Kind(_shared("option"), "one choice", "a list of choices"),
    "option-with-child": _Kind(_shared("cascading_option"), "a choice in two levels", "a list of such choices"),
    "user": _Kind(_shared("user"), "a user", "a list of users"),
    "group": _Kind(_shared("group"), "a group", "a list of groups"),
    "component": _Kind(_shared("component"), "a component", "a list of components"),
    "version": _Kind(_shared("version"), "a version", "a list of versions"),
    "project": _Kind(_shared("project"), "a project", "a list of projects"),
    "priority": _Kind(_shared("priority"), "a priority", "a list of priorities"),
    "issuetype": _Kind(_shared("issue_type"), "an issue type", "a list of issue types"),
    "status": _Kind(_shared("status"), "a status", "a list of statuses"),
    "resolution": _Kind(_shared("resolution"), "a resolution", "a list of resolutions"),
    "securitylevel": _Kind(_shared("security_level"), "a security level", "a list of security levels"),
    "sprint": _Kind(_shared("sprint"), "a sprint", "a list of sprints"),
    "team": _Kind(_shared("team"), "a team", "a list of teams"),
    "parent-link": _Kind(_shared("parent_link"), "a parent issue", "a list of parent issues"),
}
"""What Jira declares in a field's ``schema.type`` and ``schema.items``, or should; all else is ``_TEXT``."""

_DECLARED_BETTER: Mapping[str, Mapping[str, str]] = {
    # Declared as a list of texts on Data Center, of json on Cloud.
    "com.pyxis.greenhopper.jira:gh-sprint": {"type": "array", "items": "sprint"},
    # The key of the epic, and places in a list: declared as any.
    "com.pyxis.greenhopper.jira:gh-epic-link": {"type": "string"},
    "com.pyxis.greenhopper.jira:gh-lexo-rank": {"type": "string"},
    "com.pyxis.greenhopper.jira:gh-global-rank": {"type": "string"},
    # The key of an issue on Data Center, an object on Cloud.
    "com.atlassian.jpo:jpo-custom-field-parent": {"type": "parent-link"},
    # Texts of a form of their own: declared as any.
    "com.atlassian.jira.ext.charting:timeinstatus": {"type": "string"},
    "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummary": {"type": "string"},
    "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf": {"type": "string"},
    "com.atlassian.jira.plugins.jira-development-integration-plugin:vulnerabilitycf": {"type": "string"},
}
"""What fields of some origins hold, by ``schema.custom``, where Jira declares less than that."""


def load(stream: str) -> Node:
    """The stream's schema with the shared parts in place, the caller's own to change."""
    schema: Node = _resolve(_read(f"{stream}.json"))
    return schema


def add_custom_fields(schema: Node, fields: Iterable[Mapping[str, Any]]) -> Node:
    """A new schema of the issues with a column for each of the site's fields that has none yet.

    ``fields`` is Jira's answer of ``/rest/api/2/field``, with a ``description`` where the site has one; entries without
    a usable id are passed over, and of entries with the same id the first one counts. The columns come in the order in
    which most will want them: fields of Jira and its apps, custom fields of the whole site, then those of a single
    project; each from the oldest on, so that a new field takes no other's place. Of 4,142 fields of a real Cloud site
    3,884 belong to a single project.
    """
    widened = deepcopy(schema)
    columns = _fields_of(widened)
    kinds = {name: kind._replace(node=_resolve(kind.node)) for name, kind in _KINDS.items()}
    taken = {name.lower() for name in columns}
    added: Node = {}
    places: dict[str, tuple[bool, int, str]] = {}
    for field in fields:
        field_id = field.get("id") if isinstance(field, Mapping) else None
        if isinstance(field_id, str) and _is_usable(field_id) and field_id.lower() not in taken:
            taken.add(field_id.lower())
            added[field_id] = _column(field_id, field, kinds)
            places[field_id] = _place(field_id, field.get("scope"))
    columns.update((field_id, added[field_id]) for field_id in sorted(added, key=places.__getitem__))
    return widened


def object_kinds() -> list[str]:
    """The types that Jira declares and that become objects."""
    ours = {name for better in _DECLARED_BETTER.values() for name in better.values()}
    return [name for name, kind in _KINDS.items() if "$ref" in kind.node and name not in ours]


def leaf_count(node: Mapping[str, Any]) -> int:
    """The number of columns ``node`` becomes in a table when objects are flattened: an array is one column."""
    properties = node.get("properties")
    return sum(map(leaf_count, properties.values())) if isinstance(properties, dict) else 1


def beyond_budget(schema: Node, budget: int = DEFAULT_LEAVES) -> frozenset[str]:
    """Ids of the site's own fields to leave unselected, so that the rest of the table has at most ``budget`` leaves.

    Fields are taken in the order of ``schema`` until the first that does not fit. The tap's own columns always count
    and are never named.
    """
    columns = _fields_of(schema)
    added = _added(columns)
    room = budget - leaf_count(schema) + sum(leaf_count(columns[field_id]) for field_id in added)
    for position, field_id in enumerate(added):
        room -= leaf_count(columns[field_id])
        if room < 0:
            return frozenset(added[position:])
    return frozenset()


def fit(schema: Node, full: Node, wanted: Iterable[str], most: int = MOST_LEAVES) -> Fitted:
    """``schema``, what was selected of ``full``, with at most ``most`` leaves as far as the site's own fields allow.

    ``wanted`` names fields of the issues, the most wanted first. From its end on, objects become one column of JSON
    text, unless a part of them was not selected; if that does not suffice, fields are left out.
    """
    room = most - leaf_count(schema)
    if room >= 0 or "fields" not in schema["properties"]:
        return Fitted(schema, [], [])
    columns = dict(_fields_of(schema))
    added = set(_added(columns))
    least_first = [field_id for field_id in wanted if field_id in added][::-1]
    folded: list[str] = []
    left_out: list[str] = []
    for field_id in least_first:
        leaves = leaf_count(columns[field_id])
        if room < 0 and 1 < leaves == leaf_count(_fields_of(full)[field_id]):
            columns[field_id] = _folded(columns[field_id])
            folded.insert(0, field_id)
            room += leaves - 1
    for field_id in least_first:
        if room < 0:
            room += leaf_count(columns.pop(field_id))
            left_out.insert(0, field_id)
    return Fitted(_with_fields(schema, columns), [field_id for field_id in folded if field_id in columns], left_out)


def rename_fields(schema: Node, names: Mapping[str, str]) -> Node:
    """``schema`` with the columns of an issue's fields under other names, by the names that they have in it."""
    if not names or "fields" not in schema["properties"]:
        return schema
    return _with_fields(schema, {names.get(name, name): node for name, node in _fields_of(schema).items()})


def room(node: Node) -> int:
    """How many bytes the name of a field's column may have, so that every target can hold the names of its parts."""
    return LONGEST_NAME - len("fields__") - _tail(node)


def custom_number(name: str) -> str:
    """The number in the id of a custom field; '' if it is no such id."""
    custom = _CUSTOM.fullmatch(name)
    return custom[1] if custom else ""


def is_plain(name: str) -> bool:
    """Whether every target can have a column of this name, and tell where the names of its parts begin."""
    # Two underscores would read as the joint of a flattened name.
    return _NAME.fullmatch(name) is not None and "__" not in name


def _folded(node: Node) -> Node:
    words = str(node.get("description", ""))
    texts = {"description": f"{words} As JSON text."} if words else {}
    return {**_TEXT.node, **({"title": node["title"]} if "title" in node else {}), **texts}


def _added(columns: Node) -> list[str]:
    """The names of the columns that a site's own fields have added, in their order."""
    own = _fields_of(load("jira_issues"))
    return [name for name in columns if name not in own]


def _read(path: str) -> Node:
    text = (resources.files("tap_jira") / "schemas" / path).read_text(encoding="utf-8")
    node: Node = json.loads(text)
    return node


def _resolve(node: Any) -> Any:
    """A copy of ``node`` with each ``$ref`` (a path under ``schemas``) replaced; what stands beside a $ref wins."""
    if isinstance(node, list):
        return [_resolve(item) for item in node]
    if not isinstance(node, dict):
        return node
    beside = {name: _resolve(value) for name, value in node.items() if name != "$ref"}
    return {**_resolve(_read(node["$ref"])), **beside} if "$ref" in node else beside


def _fields_of(schema: Node) -> Node:
    fields: Node = schema["properties"]["fields"]["properties"]
    return fields


def _with_fields(schema: Node, columns: Node) -> Node:
    fields = {**schema["properties"]["fields"], "properties": columns}
    return {**schema, "properties": {**schema["properties"], "fields": fields}}


def _place(field_id: str, scope: object) -> tuple[bool, int, str]:
    """Where a field stands: fields of Jira and its apps by name, then the custom fields by number.

    ``scope`` is what Jira says of a field that only a team-managed project has
    (https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-fields/#api-rest-api-2-field-get).
    """
    return (bool(scope), int(custom_number(field_id) or -1), field_id)


def _is_usable(field_id: str) -> bool:
    return is_plain(field_id) and field_id != _NEVER_A_FIELD and _fits(field_id, {})


def _fits(field_id: str, node: Node) -> bool:
    return len(field_id) <= room(node)


def _tail(node: Node) -> int:
    """The most bytes that flattening adds behind the name of ``node``."""
    properties: Node = node.get("properties", {})
    return max((2 + len(name) + _tail(child) for name, child in properties.items()), default=0)


def _column(field_id: str, field: Mapping[str, Any], kinds: Mapping[str, _Kind]) -> Node:
    declared = field.get("schema")
    if not isinstance(declared, Mapping):
        declared = {}
    declared = _DECLARED_BETTER.get(str(declared.get("custom")), declared)
    if declared.get("type") == "array":
        kind = kinds.get(str(declared.get("items")), _TEXT)
        node, words = {"type": ["null", "array"], "items": kind.node}, kind.many
    else:
        kind = kinds.get(str(declared.get("type")), _TEXT)
        node, words = kind.node, kind.one
    if not _fits(field_id, node):
        node, words = _TEXT.node, _TEXT.one
    title = _title(field.get("name")) or field_id
    about = " ".join(filter(None, (f'The site\'s field "{title}", {words}.', _note(field.get("description")))))
    return {**deepcopy(node), "title": title, "description": about}


def _title(name: object) -> str:
    return _UNPRINTABLE.sub(" ", name).strip()[:_LONGEST_TITLE].rstrip() if isinstance(name, str) else ""


def _note(said: object) -> str:
    """What the site itself says of a field, in one line and not too long."""
    words = " ".join(_UNPRINTABLE.sub(" ", said).split()) if isinstance(said, str) else ""
    return words if len(words) <= _LONGEST_NOTE else words[: _LONGEST_NOTE - 1].rstrip() + "…"
