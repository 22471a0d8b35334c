"""Values that fit no column of theirs are kept beside the others, and those that have a natural place get it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira.records import MOST_MISFITS
from tap_jira.schema import load
from tap_jira.simulator import Site
from tests import test_typed
from tests.conftest import Tap
from tests.stage import Answering, with_fields
from tests.test_records import TYPES
from tests.test_schema import column
from tests.test_typed import ISSUES, schema

CHOICE, USER, LEVELS = column("option"), column("user"), column("option-with-child")


def listing(items: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": ["null", "array"], "items": items}


FIELDS = schema(
    **TYPES,
    choice=CHOICE,
    choices=listing(CHOICE),
    user=USER,
    levels=LEVELS,
    link=column("parent-link"),
    votes=load("jira_issues")["properties"]["fields"]["properties"]["votes"],
)
FULL = schema(id={"type": "string"}, fields=FIELDS, misfits=TYPES["string"])


class Shape(test_typed.Shape):
    """A shaper with ``misfits``, or without."""

    def __init__(self, chosen: dict[str, Any] = FULL, full: dict[str, Any] = FULL) -> None:
        super().__init__(chosen, full)

    def fields(self, **values: Any) -> Any:
        """The record of an issue that has these fields."""
        return self.text({"id": "1", "fields": values})

    def misfits(self, **values: Any) -> Any:
        """What did not fit of these fields."""
        kept = self.fields(**values)["misfits"]
        return kept and json.loads(kept)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("choice", "Rot", {"value": "Rot"}),
        ("choice", 7, {"value": "7"}),
        ("choice", [{"id": "1", "value": "Rot"}], {"id": "1", "value": "Rot"}),
        ("choice", ["Rot"], {"value": "Rot"}),
        ("choices", {"id": "1", "value": "Rot"}, [{"id": "1", "value": "Rot"}]),
        ("choices", "Rot", [{"value": "Rot"}]),
        ("choices", ["Rot", 7, None], [{"value": "Rot"}, {"value": "7"}]),
        ("levels", "Asien", {"value": "Asien"}),
        ("user", "ada", {"name": "ada"}),
        ("link", "ABC-1", {"key": "ABC-1"}),
    ],
)
def test_what_has_a_natural_place(name: str, value: Any, expected: Any) -> None:
    """A name where an object is declared, one where a list is and a list of one where one is lose nothing."""
    shape = Shape()

    assert [shape.fields(**{name: value})["fields"][name] for _ in range(3)] == [expected] * 3
    assert shape.warnings == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("integer", "five"),
        ("integer", 2**70),
        ("integer", 5.5),
        ("number", {"a": [1, None]}),
        ("boolean", "perhaps"),
        ("date", "soon"),
        ("date", "51502-03-05"),
        ("date-time", "51502-03-05T12:34:56.000+0000"),
        ("object", "text"),
        ("choice", [{"value": "Rot"}, {"value": "Blau"}]),
        ("choice", True),
        ("choice", []),
        ("votes", "many"),
    ],
)
def test_what_does_not_fit_is_kept(name: str, value: Any) -> None:
    """The column is null and misfits has the value by its path, each time, and the next record has none of it."""
    shape = Shape()
    for _ in range(3):
        record = shape.fields(**{name: value})
        assert (record["fields"][name], json.loads(record["misfits"])) == (None, {f"fields.{name}": [value]})
        assert shape.fields(string="x")["misfits"] is None
    assert shape.warnings[0].endswith("; it becomes null, here and in further records; misfits keeps it")


def test_what_does_not_fit_into_a_list() -> None:
    """Entries that do not fit are left out of their list and kept under one path, in their order."""
    shape = Shape()
    record = shape.fields(objects=[{"n": 1}, "x", {"n": "much"}, 7])

    assert record["fields"]["objects"] == [{"n": 1}, {"n": None}]
    assert json.loads(record["misfits"]) == {"fields.objects[]": ["x", 7], "fields.objects[].n": ["much"]}


def test_characters_that_cannot_be_stored() -> None:
    """A kept text goes out without U+0000 and half surrogates, as any other."""
    assert Shape().misfits(date="a\0\ud800") == {"fields.date": ["a\ufffd\ufffd"]}


def test_what_was_left_unselected_is_not_shown() -> None:
    """Of an object selected in part nothing is kept: the value would show the rest."""
    part = schema(id={"type": "string"}, fields=schema(choice=schema(id=TYPES["string"])), misfits=TYPES["string"])
    shape = Shape(part)
    record = shape.fields(choice=[{"id": "1", "value": "secret"}, {"id": "2", "value": "secret"}])

    assert record == {"id": "1", "fields": {"choice": None}, "misfits": None}
    assert shape.fields(choice="secret")["fields"] == {"choice": {}}
    assert shape.warnings[0].endswith("further records")


@pytest.mark.parametrize("depth", [lambda inner: schema(inner=inner), lambda inner: schema(inner=listing(inner))])
def test_what_was_left_unselected_further_down_is_not_shown(depth: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The same holds for what lies deeper inside, in objects and in lists."""
    whole, part = depth(schema(a=TYPES["string"], b=TYPES["string"])), depth(schema(a=TYPES["string"]))
    shape = Shape(*(schema(id=TYPES["string"], outer=outer, misfits=TYPES["string"]) for outer in (part, whole)))

    record = shape.text({"id": "1", "outer": [{"inner": {"b": "secret"}}, {"inner": {"b": "secret"}}]})
    assert record == {"id": "1", "outer": None, "misfits": None}


def test_without_the_column_nothing_is_kept() -> None:
    """Where misfits is not selected the record does not have it, and the warning does not name it."""
    chosen = schema(**{name: part for name, part in FULL["properties"].items() if name != "misfits"})
    shape = Shape(chosen)

    assert shape.fields(integer="five") == {"id": "1", "fields": {"integer": None}}
    assert shape.warnings[0].endswith("further records")


def test_what_is_kept_has_a_bound() -> None:
    """One record keeps so much and no more, and the end says how many values are not there."""
    shape = Shape()
    large = "x" * (MOST_MISFITS * 2 // 3)
    for _ in range(2):
        assert shape.misfits(objects=[large, large, "small"]) == {"fields.objects[]": [large, "small"]}
    shape.oddities.tell()

    assert shape.warnings[-1].endswith("became null 6 times; misfits does not have 2 of these values")


@pytest.mark.parametrize("text", ["1e400", "[" * 400 + "]" * 400], ids=["number", "nesting"])
def test_what_no_parser_holds_is_not_said_to_be_kept(text: str) -> None:
    """A number beyond all measure and a value nested beyond reason are null, and nobody claims that they are kept."""
    shape = Shape()
    record = shape.text(b'{"id": "1", "fields": {"integer": %b}}' % text.encode())

    assert (record["fields"]["integer"], record["misfits"]) == (None, None)
    assert shape.warnings[0].endswith("further records")


def test_paths_have_the_names_of_columns() -> None:
    """Where the columns of fields have other names than ids, so have the paths in misfits."""
    shape = Shape()
    shape.oddities.names = {"objects": "things"}

    assert shape.misfits(objects=["x"], date="soon") == {"fields.things[]": ["x"], "fields.date": ["soon"]}


KEEPING = (
    schema(**test_typed.SELECTED["properties"], misfits=TYPES["string"]),
    schema(**test_typed.FULL["properties"], misfits=TYPES["string"]),
)


@given(st.lists(ISSUES, max_size=6))
def test_both_ways_keep_the_same(issues: list[Any]) -> None:
    """What is kept does not depend on the way a record is made, nor on the records before it."""
    fast, careful = Shape(*KEEPING), Shape(*KEEPING)
    for issue in issues:
        assert fast.text(issue) == careful.value(issue)

    assert fast.oddities.nulled == careful.oddities.nulled
    assert fast.oddities.unkept == careful.oddities.unkept


@given(st.lists(ISSUES, max_size=4))
def test_each_null_is_kept_or_counted(issues: list[Any]) -> None:
    """As many values are kept as became null, but for those of which the end says that they are not there."""
    shape = Shape(*KEEPING)
    kept = 0
    for issue in issues:
        # A record without its key is not sent, and what it held is not either.
        record = shape.text({**issue, "id": "1"})
        kept += sum(map(len, json.loads(record["misfits"] or "{}").values()))

    assert kept + sum(shape.oddities.unkept.values()) == sum(shape.oddities.nulled.values())


def test_a_run_keeps_it(tap: Tap, site: Site) -> None:
    """A sync sends the value in misfits, null for all other issues, and counts it as null."""
    outcome = tap(to=Answering(site, "/api/2/search", with_fields("10007", workratio="perhaps")))
    kept = {record["id"]: record["misfits"] for record in outcome.records("jira_issues")}

    assert (outcome.code, kept.pop("10007")) == (0, '{"fields.workratio":["perhaps"]}')
    assert set(kept.values()) == {None}
    assert any("; misfits keeps it" in line for line in outcome.logged("WARNING"))


def test_other_tables_go_on_as_before(tap: Tap) -> None:
    """No table but the issues has the column."""
    assert [m["stream"] for m in tap().of_type("SCHEMA") if "misfits" in m["schema"]["properties"]] == ["jira_issues"]
