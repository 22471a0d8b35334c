"""The schemas hold what every target needs of them, those with a site's own fields too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tap_jira.schema import add_custom_fields, leaf_count, load

KEYS = {
    "jira_issues": {"id": "string"},
    "jira_issue_comments": {"id": "string"},
    "jira_issue_changelogs": {"id": "string"},
    "jira_worklogs": {"id": "string"},
    "jira_projects": {"id": "string"},
    "jira_project_categories": {"id": "string"},
    "jira_project_roles": {"id": "integer"},
    "jira_project_types": {"key": "string"},
    "jira_resolutions": {"id": "string"},
    "jira_users": {},
    "jira_fields": {"id": "string"},
    "jira_versions": {"id": "string"},
    "jira_components": {"id": "string"},
}
TYPES = {"string", "integer", "number", "boolean", "object", "array"}
ALLOWED = {"type", "format", "properties", "items", "title", "description"}
OBJECTS = ["option", "option-with-child", "user", "group", "project", "priority", "component", "version"]
OBJECTS += ["issuetype", "status", "resolution", "securitylevel", "team", "sprint", "parent-link"]
OTHERS = ["any", "json", "sd-servicelevelagreement", "option2", ""]
SCALARS = ["string", "number", "date", "datetime"]
DECLARED = [*SCALARS, *OBJECTS, *OTHERS]


def field(number: int, kind: str, items: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of Jira's list of fields."""
    declared = {"type": kind, "custom": "some.app:kind", "customId": number} | ({"items": items} if items else {})
    return {"id": f"customfield_{number}", "name": f"Field {number}", "custom": True, "schema": declared} | more


def every_type() -> list[dict[str, Any]]:
    """One custom field of each type that Jira declares, and one list of each."""
    alone = [field(10000 + n, kind) for n, kind in enumerate(DECLARED)]
    return alone + [field(20000 + n, "array", kind) for n, kind in enumerate(DECLARED)]


def mixed(count: int) -> list[dict[str, Any]]:
    """Many custom fields, of the usual types in turn."""
    usual = [*SCALARS, "option", "user", "any"]
    return [field(10000 + n, usual[n % len(usual)]) for n in range(count)]


def issues_with(*fields: Any) -> dict[str, Any]:
    return add_custom_fields(load("jira_issues"), fields)


def columns(schema: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = schema["properties"]["fields"]["properties"]
    return fields


def column(kind: str, items: str | None = None, **more: Any) -> dict[str, Any]:
    """The column that one custom field of this type becomes, without its texts."""
    made = columns(issues_with(field(10001, kind, items, **more)))["customfield_10001"]
    return {name: value for name, value in made.items() if name not in ("title", "description")}


SCHEMAS = {stream: load(stream) for stream in KEYS} | {
    "issues with every type": add_custom_fields(load("jira_issues"), every_type()),
    "issues with 4,000 fields": add_custom_fields(load("jira_issues"), mixed(4000)),
}
everywhere = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
on_each_stream = pytest.mark.parametrize("stream", KEYS)


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema node below ``node``, with its path; what an array holds ends in []."""
    for name, child in node.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield f"{path}[]", node["items"]
        yield from nodes(node["items"], f"{path}[]")


def leaves(node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of the columns after flattening."""
    for name, child in node["properties"].items():
        if "properties" in child:
            yield from leaves(child, f"{prefix}{name}__")
        else:
            yield prefix + name


def breaking(schema: dict[str, Any], good: Any) -> list[str]:
    return [path for path, node in nodes(schema) if not good(path, node)]


# The files


def test_one_file_per_stream() -> None:
    """The tables have one file each, and there is no other."""
    files = {path.name for path in (resources.files("tap_jira") / "schemas").iterdir() if path.name.endswith(".json")}
    assert files == {f"{stream}.json" for stream in KEYS}


def test_no_shared_part_is_left_over() -> None:
    """Each shared part is used by a file or by a type that Jira declares."""
    root = resources.files("tap_jira") / "schemas"
    texts = [path.read_text() for path in [*root.iterdir(), *(root / "shared").iterdir()] if path.is_file()]
    texts.append((resources.files("tap_jira") / "schema.py").read_text())
    unused = [
        path.name
        for path in (root / "shared").iterdir()
        if not any(f"shared/{path.name}" in text or f'_shared("{path.name[:-5]}")' in text for text in texts)
    ]
    assert unused == []


@on_each_stream
def test_load_gives_independent_copies(stream: str) -> None:
    """What a caller does to a schema does not reach the next caller, nor another part of the same schema."""
    first = load(stream)
    for _, node in list(nodes(first)):
        node["description"] = "spoilt"
    assert all(node.get("description") != "spoilt" for _, node in nodes(load(stream)))
    assert len({id(node) for _, node in nodes(first)}) == len(list(nodes(first)))


def test_description_beside_a_reference_wins() -> None:
    """A column made of a shared part is described by the words of its own place."""
    fields = columns(load("jira_issues"))
    assert fields["assignee"]["description"] != fields["reporter"]["description"]


def test_unknown_stream_is_refused() -> None:
    """A stream without a file is an error, not an empty schema."""
    with pytest.raises(FileNotFoundError):
        load("jira_nonsense")


# Rules for every target


@everywhere
def test_valid_json_schema(schema: dict[str, Any]) -> None:
    """Each schema is valid as JSON Schema, with the validator that singer-python brings."""
    Draft4Validator.check_schema(schema)


@everywhere
def test_only_plain_keywords(schema: dict[str, Any]) -> None:
    """No $ref, anyOf, additionalProperties or any other keyword that a target may stumble over."""
    assert breaking(schema, lambda _, node: set(node) <= ALLOWED) == []
    assert set(schema) == {"type", "properties"}
    assert schema["type"] == "object"


@everywhere
def test_one_type_and_null(schema: dict[str, Any]) -> None:
    """Every property but the keys is null or exactly one known type."""
    keys = {f".{name}" for name, kind in [*KEYS["jira_issues"].items(), ("key", "string")]}
    odd = breaking(schema, lambda _, node: node["type"] in [["null", kind] for kind in TYPES])
    assert set(odd) <= keys


@on_each_stream
def test_keys_are_never_null(stream: str) -> None:
    """Exactly the key of a table is not nullable; for users discovery chooses between two."""
    properties = load(stream)["properties"]
    assert {name: node["type"] for name, node in properties.items() if isinstance(node["type"], str)} == KEYS[stream]


def test_both_keys_of_users_are_nullable() -> None:
    """A user has a key on Data Center and an accountId on Cloud, so the file demands neither."""
    properties = load("jira_users")["properties"]
    assert properties["key"]["type"] == properties["accountId"]["type"] == ["null", "string"]


@everywhere
def test_objects_have_properties_and_arrays_items(schema: dict[str, Any]) -> None:
    """No object is without properties and no array without typed items; scalars have neither."""

    def whole(_: str, node: dict[str, Any]) -> bool:
        kind: str = node["type"][-1] if isinstance(node["type"], list) else node["type"]
        return bool(node.get("properties")) == (kind == "object") and bool(node.get("items")) == (kind == "array")

    assert breaking(schema, whole) == []


@everywhere
def test_formats(schema: dict[str, Any]) -> None:
    """A format is date or date-time, and only strings have one."""

    def known(_: str, node: dict[str, Any]) -> bool:
        return "format" not in node or (node["type"] == ["null", "string"] and node["format"] in ("date", "date-time"))

    assert breaking(schema, known) == []


@pytest.mark.parametrize(
    ("stream", "path", "form"),
    [
        ("jira_issues", ".updated_at", "date-time"),
        ("jira_issues", ".fields.created", "date-time"),
        ("jira_issues", ".fields.resolutiondate", "date-time"),
        ("jira_issues", ".fields.duedate", "date"),
        ("jira_issues", ".fields.fixVersions[].releaseDate", "date"),
        ("jira_issues", ".fields.fixVersions[].userReleaseDate", None),
        ("jira_issues", ".fields.worklog.worklogs[].started", "date-time"),
        ("jira_issues", ".changelog.histories[].created", "date-time"),
        ("jira_projects", ".versions[].startDate", "date"),
        ("jira_projects", ".insight.lastIssueUpdateTime", "date-time"),
        ("jira_users", ".lastLoginTime", "date-time"),
    ],
)
def test_instants_and_days(stream: str, path: str, form: str | None) -> None:
    """Instants are date-time, days are date, and localised text is neither."""
    assert dict(nodes(load(stream)))[path].get("format") == form


@everywhere
def test_described(schema: dict[str, Any]) -> None:
    """Every column at every level is described by one sentence."""

    def described(path: str, node: dict[str, Any]) -> bool:
        text = node.get("description", "")
        return path.endswith("[]") or re.fullmatch(r"[A-Z][^\n]{8,}\.", text) is not None

    assert breaking(schema, described) == []


@everywhere
def test_free_form_is_said(schema: dict[str, Any]) -> None:
    """A column that may hold JSON text is a string column, or a list of strings."""

    def is_text(_: str, node: dict[str, Any]) -> bool:
        text = node.get("items", node)
        free: bool = "JSON text" in node.get("description", "")
        return not free or text["type"] == ["null", "string"]

    assert breaking(schema, is_text) == []


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ("jira_projects", ".roles"),
        ("jira_projects", ".properties"),
        ("jira_users", ".applicationRoles"),
        ("jira_issues", ".fields.description"),
        ("jira_issues", ".fields.environment"),
        ("jira_issues", ".fields.issuerestriction"),
        ("jira_issues", ".fields.comment.comments[].body"),
        ("jira_issues", ".fields.worklog.worklogs[].comment"),
        ("jira_issues", ".changelog.histories[].historyMetadata"),
    ],
)
def test_free_form_is_text(stream: str, path: str) -> None:
    """Maps of any shape and rich-text documents are string columns that say so."""
    node = dict(nodes(load(stream)))[path]
    assert node["type"] == ["null", "string"]
    assert "as JSON text" in node["description"]


@everywhere
def test_names_differ_by_more_than_case(schema: dict[str, Any]) -> None:
    """No object has two properties whose names differ only in case."""
    objects = [schema["properties"], *(node["properties"] for _, node in nodes(schema) if "properties" in node)]
    assert [names for names in objects if len({name.lower() for name in names}) < len(names)] == []


@everywhere
def test_names_are_plain(schema: dict[str, Any]) -> None:
    """Names have no quotes, blanks, dots or double underscores."""
    plain = re.compile(r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*")
    names = [name for _, node in [("", schema), *nodes(schema)] for name in node.get("properties", {})]
    assert [name for name in names if not plain.fullmatch(name)] == []


@everywhere
def test_flattened_names(schema: dict[str, Any]) -> None:
    """Flattened names are at most 63 bytes and unique without case."""
    names = list(leaves(schema))
    assert [name for name in names if len(name.encode()) > 63] == []
    assert len({name.lower() for name in names}) == len(names)


@everywhere
def test_leaf_count_counts_the_flattened_columns(schema: dict[str, Any]) -> None:
    """The leaf count is the number of columns that flattening makes."""
    assert leaf_count(schema) == len(list(leaves(schema)))


@on_each_stream
def test_leaf_count_is_modest(stream: str) -> None:
    """Without the site's own fields each table has fewer than 450 columns."""
    assert leaf_count(load(stream)) < 450


def test_an_array_is_one_leaf() -> None:
    """What an array holds does not count, whatever its shape."""
    scalar = {"type": ["null", "string"]}
    inner = {"type": ["null", "object"], "properties": {"a": scalar, "b": scalar}}
    assert leaf_count({"properties": {"list": {"items": inner}, "object": inner}}) == 3


# What the tables hold


@pytest.mark.parametrize(
    ("stream", "names"),
    [
        ("jira_issues", "id self key expand updated_at misfits changelog fields"),
        (
            "jira_projects",
            "id self key name description url email expand lead avatarUrls projectTypeKey projectKeys projectCategory "
            "archived assigneeType components issueTypes versions roles archivedBy archivedDate deleted deletedBy "
            "deletedDate favourite insight isPrivate issueTypeHierarchy landingPageInfo permissions properties "
            "retentionTillDate simplified style uuid entityId",
        ),
        ("jira_project_categories", "id self name description"),
        (
            "jira_project_roles",
            "id self name description actors scope translatedName admin default currentUserRole roleConfigurable",
        ),
        ("jira_project_types", "key formattedKey descriptionI18nKey icon color"),
        ("jira_resolutions", "id self name description iconUrl default isDefault"),
        (
            "jira_users",
            "self key name accountId accountType appType emailAddress displayName active deleted guest timeZone locale "
            "lastLoginTime avatarUrls groups applicationRoles expand",
        ),
    ],
)
def test_columns_of_the_table(stream: str, names: str) -> None:
    """A table has the properties that Data Center and Cloud give, and no other."""
    assert set(load(stream)["properties"]) == set(names.split())


def test_fields_of_an_issue() -> None:
    """The fields of an issue include all that a plain site has."""
    promised = (
        "summary description environment status priority issuetype project resolution resolutiondate creator reporter "
        "assignee labels components versions fixVersions comment attachment subtasks issuelinks parent votes watches "
        "worklog timetracking timespent timeestimate timeoriginalestimate aggregatetimespent aggregatetimeestimate "
        "aggregatetimeoriginalestimate progress aggregateprogress security created updated duedate lastViewed workratio"
    )
    assert set(promised.split()) <= set(columns(load("jira_issues")))
