"""The schemas hold what every target needs of them, and the site's own fields keep it so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft4Validator  # type: ignore[import-untyped]

from tap_jira.schema import DEFAULT_LEAVES, LONGEST_NAME, add_custom_fields, beyond_budget, fit, leaf_count, load

KEYS = {
    "jira_issues": {"id": "string"},
    "jira_projects": {"id": "string"},
    "jira_project_categories": {"id": "string"},
    "jira_project_roles": {"id": "integer"},
    "jira_project_types": {"key": "string"},
    "jira_resolutions": {"id": "string"},
    "jira_users": {},
}
TYPES = {"string", "integer", "number", "boolean", "object", "array"}
ALLOWED = {"type", "format", "properties", "items", "title", "description"}
OBJECTS = ["option", "option-with-child", "user", "group", "project", "priority", "component", "version"]
OBJECTS += ["issuetype", "status", "resolution", "securitylevel"]
OTHERS = ["any", "json", "team", "sd-servicelevelagreement", "option2", ""]
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
    """The seven tables have one file each, and there is no other."""
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
        ("jira_issues", "id self key expand updated_at changelog fields"),
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


# The site's own fields


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("number", {"type": ["null", "number"]}),
        ("string", {"type": ["null", "string"]}),
        ("date", {"type": ["null", "string"], "format": "date"}),
        ("datetime", {"type": ["null", "string"], "format": "date-time"}),
    ],
)
def test_scalar_types(kind: str, expected: dict[str, Any]) -> None:
    """A number, a text, a day and an instant get columns of their own types, alone and in lists."""
    assert column(kind) == expected
    assert column("array", kind) == {"type": ["null", "array"], "items": expected}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("option", "self id value disabled"),
        ("option-with-child", "self id value disabled child"),
        ("user", "self key name accountId accountType emailAddress displayName active timeZone avatarUrls"),
        ("group", "self name groupId"),
        ("project", "self id key name projectTypeKey simplified avatarUrls projectCategory"),
        ("priority", "self id name description iconUrl statusColor avatarId isDefault"),
    ],
)
def test_object_types(kind: str, names: str) -> None:
    """A choice, a user, a group, a project and a priority become objects, alone and in lists."""
    alone = column(kind)
    assert alone["type"] == ["null", "object"]
    assert list(alone["properties"]) == names.split()
    assert column("array", kind)["items"]["properties"] == alone["properties"]


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_fit_behind_any_number(kind: str) -> None:
    """An object type stays an object for field numbers of up to ten digits: its names are short enough."""
    made = columns(issues_with(field(9_999_999_999, kind)))["customfield_9999999999"]
    assert made["type"] == ["null", "object"]


@pytest.mark.parametrize("kind", ["version", "component"])
def test_types_shared_with_the_projects(kind: str) -> None:
    """A version or component of a custom field looks as it does in the project."""
    expected = load("jira_projects")["properties"][f"{kind}s"]["items"]["properties"]
    assert column("array", kind)["items"]["properties"] == column(kind)["properties"] == expected


def test_user_is_the_user_of_the_issue() -> None:
    """A user of a custom field looks as the assignee does."""
    assert column("user")["properties"] == columns(load("jira_issues"))["assignee"]["properties"]


@pytest.mark.parametrize("kind", OTHERS)
def test_other_types_are_text(kind: str) -> None:
    """Any other type is a text column, a list of it a list of texts, and the description says JSON text."""
    assert column(kind) == {"type": ["null", "string"]}
    assert column("array", kind) == {"type": ["null", "array"], "items": {"type": ["null", "string"]}}
    for made in columns(issues_with(field(1, kind), field(2, "array", kind))).values():
        assert "title" not in made or "as JSON text" in made["description"]


@pytest.mark.parametrize(
    "declared", [None, [], "number", {}, {"type": None}, {"type": ["number"]}, {"type": {}, "items": 1}]
)
def test_malformed_type_is_text(declared: Any) -> None:
    """A field whose type is absent or no name is a text column."""
    assert column("number", schema=declared) == {"type": ["null", "string"]}


def test_list_without_item_type() -> None:
    """A list whose items Jira does not name is a list of texts."""
    assert column("array") == {"type": ["null", "array"], "items": {"type": ["null", "string"]}}


@pytest.mark.parametrize("entry", [None, 7, "id", [], {}, {"id": None}, {"id": 10001}, {"id": ["x"]}, {"name": "x"}])
def test_entry_without_id_is_passed_over(entry: Any) -> None:
    """A malformed entry of the list adds nothing and stops nothing."""
    assert issues_with(entry, field(5, "number"), entry) == issues_with(field(5, "number"))


@pytest.mark.parametrize(
    "field_id",
    ["", "1", "com.foo.bar", "a b", "naïve", "x-y", "x\n", 'a"b', "status__name", "STATUS", "issuekey", "x" * 56],
)
def test_unusable_id_is_passed_over(field_id: str) -> None:
    """An id that makes no safe column name, or the name of another column, adds nothing."""
    assert issues_with({"id": field_id, "name": "x", "schema": {"type": "string"}}) == load("jira_issues")


def test_columns_of_the_file_stay() -> None:
    """A system field that the file describes keeps its column, whatever Jira declares."""
    assert issues_with({"id": "timespent", "name": "Time", "schema": {"type": "string"}}) == load("jira_issues")


def test_other_system_fields_are_added() -> None:
    """A system or app field that the file does not know gets a column by its declared type."""
    made = columns(issues_with({"id": "satisfaction", "name": "Satisfaction", "schema": {"type": "number"}}))
    assert made["satisfaction"]["type"] == ["null", "number"]


def test_first_of_duplicates_counts() -> None:
    """Of two entries with the same id, in any case, the first makes the column."""
    made = columns(issues_with(field(7, "number"), field(7, "date"), field(0, "date", id="CustomField_7")))
    assert made["customfield_7"]["type"] == ["null", "number"]
    assert "CustomField_7" not in made


def test_columns_are_in_order_of_number() -> None:
    """The columns come in the same order whatever the order of Jira's list."""
    listed = [field(900, "number"), field(10000, "number"), field(9, "number")]
    wanted = ["customfield_9", "customfield_900", "customfield_10000"]
    assert list(columns(issues_with(*listed)))[-3:] == list(columns(issues_with(*listed[::-1])))[-3:] == wanted


def test_fields_of_a_single_project_come_last() -> None:
    """What only one team-managed project has stands behind the fields of the whole site, whatever their numbers."""
    single = field(5, "number", scope={"type": "PROJECT", "project": {"id": "10000"}})
    assert list(columns(issues_with(single, field(900, "number"))))[-2:] == ["customfield_900", "customfield_5"]


def test_name_becomes_title_and_description() -> None:
    """The field's name is the title and part of the description."""
    made = columns(issues_with(field(7, "number", name="Story Points")))["customfield_7"]
    assert made["title"] == "Story Points"
    assert made["description"] == 'The site\'s field "Story Points", a number.'


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a\x00b\r\nc\x7f\ud800d", "a b c d"),
        ("  Ärger 🙂 ", "Ärger 🙂"),
        ("x" * 1000, "x" * 200),
        ("\x00", "customfield_7"),
        ("", "customfield_7"),
        (None, "customfield_7"),
        (["a"], "customfield_7"),
    ],
)
def test_title_is_clean(name: Any, title: str) -> None:
    """A title has no control characters or lone surrogates, at most 200 characters, and is never empty."""
    made = columns(issues_with(field(7, "number", name=name)))["customfield_7"]
    assert made["title"] == title
    json.dumps(made, ensure_ascii=False).encode()


def test_long_id_falls_back_to_text() -> None:
    """A field whose id is too long for the names of its parts is a text column, not lost."""
    field_id = "a" * 50
    made = columns(issues_with({"id": field_id, "name": "x", "schema": {"type": "user"}}))[field_id]
    assert made["type"] == ["null", "string"]
    assert "as JSON text" in made["description"]
    assert len(f"fields__{field_id}") <= LONGEST_NAME


def test_the_given_schema_stays() -> None:
    """Adding fields makes a new schema and leaves the given one alone."""
    given = load("jira_issues")
    widened = add_custom_fields(given, every_type())
    assert given == load("jira_issues")
    assert {id(node) for _, node in nodes(given)}.isdisjoint(id(node) for _, node in nodes(widened))


def test_no_two_columns_share_a_part() -> None:
    """Changing one added column changes no other."""
    added = [node for _, node in nodes(issues_with(*every_type(), *mixed(50)))]
    assert len({id(node) for node in added}) == len(added)


def test_fields_may_come_from_any_iterable() -> None:
    """The fields are read once, so a generator will do."""
    assert add_custom_fields(load("jira_issues"), iter(every_type())) == issues_with(*every_type())


# The budget


def test_nothing_is_beyond_a_budget_that_suffices() -> None:
    """On a plain site every column is selected by default."""
    assert beyond_budget(load("jira_issues")) == frozenset()
    assert beyond_budget(issues_with(*(field(n, "number") for n in range(100)))) == frozenset()


def test_budget_is_kept() -> None:
    """With 4,000 custom fields what is left has at most the budget of leaves, and not much less."""
    schema = SCHEMAS["issues with 4,000 fields"]
    beyond = beyond_budget(schema)
    left = {name: node for name, node in columns(schema).items() if name not in beyond}
    schema = schema | {"properties": schema["properties"] | {"fields": {"properties": left}}}
    assert DEFAULT_LEAVES - 50 < leaf_count(schema) <= DEFAULT_LEAVES


def test_budget_goes_by_number() -> None:
    """The fields with the lowest numbers are taken, and none after the first that does not fit."""
    schema = issues_with(field(100000, "number"), field(9, "number"), field(20, "user"), field(30, "number"))
    room = leaf_count(load("jira_issues"))
    user = leaf_count(column("user"))
    assert beyond_budget(schema, room + user) == {"customfield_20", "customfield_30", "customfield_100000"}
    assert beyond_budget(schema, room + user + 1) == {"customfield_30", "customfield_100000"}
    assert beyond_budget(schema, room + user + 2) == {"customfield_100000"}
    assert beyond_budget(schema, room + user + 3) == frozenset()


def test_own_columns_are_never_beyond() -> None:
    """However small the budget, only the site's own fields are named."""
    schema = issues_with(field(1, "number"), {"id": "satisfaction", "name": "x", "schema": {"type": "number"}})
    assert beyond_budget(schema, 0) == {"customfield_1", "satisfaction"}


def fitted(*fields: dict[str, Any], more: int, drop: str = "") -> tuple[dict[str, Any], list[str], list[str]]:
    """The fields' columns when there is room for ``more`` beside our own; what was folded; what was left out."""
    full = issues_with(*fields)
    chosen = add_custom_fields(load("jira_issues"), fields)
    if drop:
        del columns(chosen)[drop]["properties"]["self"]
    made = fit(chosen, full, list(columns(full)), leaf_count(load("jira_issues")) + more)
    return columns(made.schema), made.folded, made.left_out


def test_what_fits_stays() -> None:
    """A schema within the limit is the one that was given."""
    full = issues_with(*mixed(20))
    assert fit(full, full, list(columns(full))) == (full, [], [])


def test_objects_are_folded_from_the_end() -> None:
    """The last objects become text, as few of them as will do, with the title and a description that says so."""
    made, folded, left_out = fitted(field(1, "option"), field(2, "option"), field(3, "number"), more=8)
    assert (folded, left_out) == (["customfield_2"], [])
    assert made["customfield_1"]["type"] == ["null", "object"]
    assert made["customfield_2"] == {
        "type": ["null", "string"],
        "title": "Field 2",
        "description": 'The site\'s field "Field 2", one choice, as JSON text.',
    }


def test_the_last_fields_are_left_out_when_folding_does_not_do() -> None:
    """If text columns are too many as well, the last are left out, and nobody is told of their folding."""
    made, folded, left_out = fitted(field(1, "option"), field(2, "option"), field(3, "number"), more=1)
    assert (folded, left_out) == (["customfield_1"], ["customfield_2", "customfield_3"])
    assert made.keys() & {f"customfield_{n}" for n in (1, 2, 3)} == {"customfield_1"}


def test_an_object_selected_in_part_is_not_folded() -> None:
    """The text of an object would show what somebody did not select of it, so it is left out rather."""
    _, folded, left_out = fitted(field(1, "option"), field(2, "option"), more=2, drop="customfield_2")
    assert (folded, left_out) == (["customfield_1"], ["customfield_2"])
