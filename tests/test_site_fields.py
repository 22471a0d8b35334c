"""Columns for the fields of a site: their types, names and order, and what of them fits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_jira.schema import DEFAULT_LEAVES, LONGEST_NAME, add_custom_fields, beyond_budget, fit, leaf_count, load
from tests.test_schema import (
    OBJECTS,
    OTHERS,
    SCHEMAS,
    column,
    columns,
    every_type,
    field,
    issues_with,
    mixed,
    nodes,
)


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


@pytest.mark.parametrize(
    ("custom", "declared", "expected"),
    [
        ("com.pyxis.greenhopper.jira:gh-sprint", ("array", "string"), ("array", "sprint")),
        ("com.pyxis.greenhopper.jira:gh-sprint", ("array", "json"), ("array", "sprint")),
        ("com.pyxis.greenhopper.jira:gh-epic-link", ("any", None), ("string", None)),
        ("com.pyxis.greenhopper.jira:gh-lexo-rank", ("any", None), ("string", None)),
        ("com.atlassian.jpo:jpo-custom-field-parent", ("any", None), ("parent-link", None)),
        ("some.app:rank", ("any", None), ("any", None)),
    ],
)
def test_origin_tells_more_than_type(
    custom: str, declared: tuple[str, str | None], expected: tuple[str, str | None]
) -> None:
    """Where a field comes from settles its type if Jira declares less than it knows."""
    known = field(7, *expected)
    told = field(7, *declared)
    told["schema"]["custom"] = custom
    assert issues_with(told) == issues_with(known)


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
        "description": 'The site\'s field "Field 2", one choice. As JSON text.',
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
