"""What a catalog selects, by the rules of Singer and the habits of the tools around it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_jira import catalog
from tap_jira.catalog import Selection, select
from tap_jira.errors import ConfigError

STRING = {"type": ["null", "string"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "updated_at": {"type": ["null", "string"], "format": "date-time"},
        "key": STRING,
        "fields": {
            "type": ["null", "object"],
            "properties": {
                "summary": STRING,
                "status": {"type": ["null", "object"], "properties": {"id": STRING, "name": STRING}},
                "labels": {"type": ["null", "array"], "items": STRING},
            },
        },
    },
}


def crumb(path: str) -> list[str]:
    return [part for name in path.split(".") if name for part in ("properties", name)]


def entry(about: dict[str, dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A catalog's entry of the issues; ``about`` gives metadata by dotted path."""
    automatic = {"inclusion": "automatic"}
    metadata: dict[str, dict[str, Any]] = {"": {"selected": True}, "id": automatic, "updated_at": automatic}
    for path, said in (about or {}).items():
        metadata[path] = {**metadata.get(path, {}), **said}
    return {
        "tap_stream_id": "jira_issues",
        "stream": "jira_issues",
        "key_properties": ["id"],
        "schema": SCHEMA,
        "metadata": [{"breadcrumb": crumb(path), "metadata": said} for path, said in metadata.items()],
        **more,
    }


def selected(*entries: dict[str, Any]) -> list[Selection]:
    warnings: list[str] = []
    found = select({"streams": list(entries)}, warnings.append)
    assert warnings == []
    return found


def paths(schema: dict[str, Any], prefix: str = "") -> list[str]:
    """The leaf columns of a schema, by dotted path."""
    found: list[str] = []
    for name, part in schema["properties"].items():
        found += paths(part, f"{prefix}{name}.") if "properties" in part else [prefix + name]
    return found


ALL = ["id", "updated_at", "key", "fields.summary", "fields.status.id", "fields.status.name", "fields.labels"]
KEYS = ["id", "updated_at"]


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, ALL),
        ({"key": {"selected": False}}, [name for name in ALL if name != "key"]),
        ({"key": {"selected": "false"}}, [name for name in ALL if name != "key"]),
        ({"key": {"selected-by-default": False}}, [name for name in ALL if name != "key"]),
        ({"key": {"selected-by-default": False, "selected": True}}, ALL),
        ({"id": {"selected": False}, "updated_at": {"selected": False}}, ALL),
        ({"key": {"inclusion": "automatic", "selected": False}}, ALL),
        ({"key": {"inclusion": "unsupported", "selected": True}}, [name for name in ALL if name != "key"]),
        ({"fields": {"inclusion": "unsupported"}}, ["id", "updated_at", "key"]),
        ({"fields": {"selected": False}}, ["id", "updated_at", "key"]),
        ({"fields.status": {"selected": False}}, [name for name in ALL if "status" not in name]),
        (
            {"fields.status": {"selected-by-default": False}, "fields.status.name": {"selected": True}},
            [name for name in ALL if name != "fields.status.id"],
        ),
        (
            {"fields": {"selected": True}, "fields.summary": {"selected": False}, "fields.labels": {"selected": False}},
            ["id", "updated_at", "key", "fields.status.id", "fields.status.name"],
        ),
        (
            {"fields.status": {"selected": False}, "fields.status.id": {"selected": True}}
            | {"fields.status.name": {"selected": True}},
            [name for name in ALL if "status" not in name],
        ),
        ({"key": {"selected": None}}, ALL),
    ],
)
def test_columns(about: dict[str, dict[str, Any]], expected: list[str]) -> None:
    """Keys are always there, and nothing of an unselected object; else what was said of a column, or its default."""
    assert paths(selected(entry(about))[0].schema) == expected


NOTHING = {path: {"selected": False} for path in ("key", "fields.summary", "fields.labels", "fields.status")}


@pytest.mark.parametrize(
    ("about", "expected", "warning"),
    [
        (
            {"fields.sumary": {"selected": False}},
            ALL,
            "1 column is selected or unselected, but not in the schema: "
            '["properties", "fields", "properties", "sumary"] (did you mean '
            '["properties", "fields", "properties", "summary"]?); correct the breadcrumb',
        ),
        (
            {"fields.status": {"selected": True}, "fields.status.id": {"selected": False}}
            | {"fields.status.name": {"selected": False}},
            [name for name in ALL if "status" not in name],
            "1 column is selected, but left out, because nothing inside is selected: fields.status; select that too "
            "(such as fields.status.*), or unselect the whole",
        ),
        (
            {"fields": {"selected": False}, "fields.status.name": {"selected": True}},
            ["id", "updated_at", "key"],
            "1 column is selected, but left out, because fields is not selected; select that too, or nothing inside: "
            "fields.status.name",
        ),
        (
            NOTHING,
            KEYS,
            "nothing is selected but id, updated_at; select the columns that you need",
        ),
        ({**NOTHING, "id": {"selected": True}}, KEYS, None),
        ({"fields.sumary": {"inclusion": "available"}}, ALL, None),
    ],
)
def test_a_selection_that_can_hardly_be_meant(
    about: dict[str, dict[str, Any]], expected: list[str], warning: str | None
) -> None:
    """A misspelt column, an object without parts, parts of no object, a table without columns: each is told."""
    warnings: list[str] = []
    (selection,) = select({"streams": [entry(about)]}, warnings.append)

    assert paths(selection.schema) == expected
    assert warnings == ([] if warning is None else [f"catalog: jira_issues: {warning}"])


def test_a_breadcrumb_without_its_joints() -> None:
    """A breadcrumb of bare names is told with the one that was meant; more of them are counted."""
    given = entry()
    given["metadata"] += [
        {"breadcrumb": ["fields", name], "metadata": {"selected": True}} for name in ("summary", *map(str, range(11)))
    ]
    warnings: list[str] = []
    select({"streams": [given]}, warnings.append)

    assert "12 columns are selected" in warnings[0]
    assert '["fields", "summary"] (did you mean ["properties", "fields", "properties", "summary"]?)' in warnings[0]


def test_a_chosen_object_beyond_the_default() -> None:
    """An object that is not selected by default is whole once somebody selects it."""
    beyond = {path: {"selected-by-default": False} for path in ("fields.status.id", "fields.status.name")}

    assert "fields.status.id" not in paths(selected(entry(beyond))[0].schema)
    chosen = {**beyond, "fields.status.name": {"selected-by-default": False, "selected": True}}
    assert "fields.status.name" in paths(selected(entry(chosen))[0].schema)


def test_what_lies_in_an_object_follows_its_default() -> None:
    """An object that is not selected by default is left out with all its parts, and whole once it is selected."""
    beyond = {"fields.status": {"selected-by-default": False}, "fields.status.id": {"selected-by-default": True}}
    without = [name for name in ALL if "status" not in name]

    assert paths(selected(entry(beyond))[0].schema) == without
    beyond["fields.status"] = {"selected-by-default": False, "selected": True}
    assert paths(selected(entry(beyond))[0].schema) == ALL


def test_chosen_fields_come_before_default_ones() -> None:
    """When not all columns find room, what somebody chose stays, then what is selected by default."""
    names = [f"customfield_{n}" for n in range(1100)]
    fields = {**SCHEMA["properties"]["fields"], "properties": dict.fromkeys(names, STRING)}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "fields": fields}}
    about = {
        "fields.customfield_3": {"selected-by-default": False},
        "fields.customfield_4": {"selected-by-default": False, "selected": True},
        "fields.customfield_1099": {"selected-by-default": False, "selected": True},
    }
    warnings: list[str] = []
    (selection,) = select({"streams": [entry(about, schema=schema)]}, warnings.append)

    kept = [*names[:3], *names[4:997], names[1099]]
    assert paths(selection.schema) == ["id", "updated_at", "key", *(f"fields.{name}" for name in kept)]
    assert "1102 columns are selected" in warnings[0]
    assert "102 are left out (customfield_997, " in warnings[0]
    assert "customfield_1006 and 92 more)" in warnings[0]


@pytest.mark.parametrize(
    ("about", "more", "expected"),
    [
        ({"": {"selected": True}}, {}, True),
        ({"": {"selected": "true"}}, {}, True),
        ({"": {"selected": False, "selected-by-default": True}}, {}, None),
        ({"": {"selected": None, "selected-by-default": True}}, {}, False),
        ({"": {"selected": None}}, {}, None),
        ({"": {"selected": None}}, {"selected": True}, True),
        ({"": {"selected": None}}, {"schema": {**SCHEMA, "selected": True}}, True),
        ({"": {"selected": None}}, {"schema": {**SCHEMA, "selected": False}}, None),
        ({}, {"metadata": []}, None),
        ({}, {"metadata": None, "selected": True}, True),
    ],
)
def test_streams(about: dict[str, dict[str, Any]], more: dict[str, Any], expected: bool | None) -> None:
    """A stream is synced if it was chosen, in metadata or in the old places, or by default if nobody said anything."""
    found = [selection.chosen for selection in selected(entry(about, **more))]

    assert found == ([] if expected is None else [expected])


def test_old_catalogs_select_columns_in_the_schema() -> None:
    """Before there was metadata, ``selected`` stood in the schema; it is still understood."""
    schema = {**SCHEMA, "selected": True, "properties": {**SCHEMA["properties"], "key": {**STRING, "selected": False}}}

    assert "key" not in paths(selected(entry(metadata=[], schema=schema))[0].schema)


def test_the_whole_schema_is_at_hand() -> None:
    """Beside what was selected the whole schema is known, to tell the unselected from the unknown."""
    selection = selected(entry({"key": {"selected": False}}))[0]

    assert (selection.full, selection.keys) == (SCHEMA, ["id"])


def test_nothing_that_was_given_is_changed() -> None:
    """Selecting leaves the catalog as it was read."""
    given = entry({"fields": {"selected": False}})
    before = json.dumps(given)
    selected(given)

    assert json.dumps(given) == before


def test_streams_come_in_our_order() -> None:
    """Whatever the order in the catalog, issues come before the full tables."""
    users = {
        "tap_stream_id": "jira_users",
        "schema": {"type": "object", "properties": {"key": STRING}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True, "table-key-properties": ["key"]}}],
    }

    assert [selection.stream.name for selection in selected(users, entry())] == ["jira_issues", "jira_users"]


def test_a_stream_known_by_its_second_name() -> None:
    """An entry without tap_stream_id is known by its stream."""
    given = entry()
    del given["tap_stream_id"]

    assert len(selected(given)) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": None}, "no schema for jira_issues"),
        ({"schema": {"type": "object"}}, "no schema for jira_issues"),
        ({"schema": {"properties": {"key": STRING}}}, "schema of jira_issues lacks id, updated_at"),
        ({"schema": {"properties": {**SCHEMA["properties"], "key": True}}}, "schema is broken at 'jira_issues.key'"),
        ({"schema": {"properties": {**SCHEMA["properties"], 'a"b': STRING}}}, "schema is broken at 'jira_issues'"),
        ({"key_properties": ["uuid"]}, "schema of jira_issues lacks uuid"),
        ({"metadata": [{"metadata": {"selected": True}}]}, "metadata of jira_issues is broken"),
        ({"metadata": {"selected": True}}, "metadata of jira_issues is broken"),
        ({"metadata": [{"breadcrumb": [], "metadata": None}]}, "metadata of jira_issues is broken"),
        ({"metadata": 5}, "metadata of jira_issues is broken"),
        ({"metadata": [{"breadcrumb": [["properties"]], "metadata": {}}]}, "metadata of jira_issues is broken"),
    ],
)
def test_an_entry_that_cannot_be_used(change: dict[str, Any], expected: str) -> None:
    """A broken entry is refused with what is wrong, and the advice to discover again."""
    with pytest.raises(ConfigError, match=f"{expected}.*--discover"):
        selected({**entry(), "selected": True, **change})


def test_another_taps_catalog() -> None:
    """A catalog without any of our streams is another tap's."""
    with pytest.raises(ConfigError, match=r"another tap's.*jira_issues.*--discover"):
        selected({"tap_stream_id": "orders", "schema": SCHEMA})


def test_an_unknown_stream() -> None:
    """A stream that we do not have is an error if it was selected, otherwise a warning."""
    unknown = {"tap_stream_id": "boards", "schema": SCHEMA, "metadata": []}
    warnings: list[str] = []
    found = select({"streams": [entry(), unknown]}, warnings.append)

    assert len(found) == 1
    assert warnings == ["catalog: 'boards' is not a stream of this tap and is ignored"]
    with pytest.raises(ConfigError, match="selects 'boards', which this tap does not have"):
        select({"streams": [entry(), {**unknown, "selected": True}]}, warnings.append)


def test_an_empty_catalog_selects_nothing() -> None:
    """A catalog without streams is none of another tap's."""
    assert selected() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[]", "has no list of streams"),
        ("{}", "has no list of streams"),
        ('{"streams": {}}', "has no list of streams"),
        ('{"streams": ["jira_issues"]}', "has no list of streams"),
    ],
)
def test_what_is_no_catalog(text: str, expected: str) -> None:
    """A file that is no catalog is named, with the advice to discover."""
    with pytest.raises(ConfigError, match=f"catalog file c.json {expected}.*--discover"):
        catalog.parse(text, "c.json")


def test_a_catalog_is_read() -> None:
    """Of a catalog the streams are read, whatever else it holds."""
    assert catalog.parse('{"streams": [{"stream": "x"}], "version": 1}', "c.json") == {"streams": [{"stream": "x"}]}
