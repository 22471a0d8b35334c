"""Records made straight from text are the records that careful shaping makes, whatever came before them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira import typed
from tap_jira.jsontext import load_anyhow
from tap_jira.records import MOST_LEFT_OUT, MOST_UNKNOWN, Oddities
from tap_jira.typed import PATIENCE, Shaper
from tests.test_records import TYPES

FILL = {"updated_at": ("fields", "updated")}


def schema(**columns: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["null", "object"], "properties": columns}


DAYS = {"type": ["null", "array"], "items": TYPES["date-time"]}
INNER = schema(**TYPES, **{"48x48": TYPES["string"], "days": DAYS})
FULL = schema(
    id={"type": "string"},
    updated_at=TYPES["date-time"],
    list={"type": ["null", "array"], "items": INNER},
    fields=schema(updated=TYPES["date-time"], hidden=TYPES["string"], **INNER["properties"]),
)
SELECTED = schema(
    **{name: part for name, part in FULL["properties"].items() if name != "fields"},
    fields=schema(**INNER["properties"]),
)


class Shape:
    """A shaper, by default one that makes types at once, and what was said while it worked."""

    def __init__(self, chosen: dict[str, Any] = SELECTED, full: dict[str, Any] = FULL, patience: int = 0) -> None:
        self.warnings: list[str] = []
        self.oddities = Oddities("jira_issues", self.warnings.append, lambda _: None)
        self.shaper = Shaper(chosen, full, ["id"], self.oddities, FILL, patience=patience)

    def text(self, raw: Any) -> Any:
        text = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        line = self.shaper.of_text(text)
        return line and json.loads(line)

    def value(self, raw: Any) -> Any:
        line = self.shaper.of_value(load_anyhow(json.dumps(raw).encode()))
        return line and json.loads(line)


TIMES = st.sampled_from(
    ["2016-03-03T14:32:47.000+0000", "2016-03-03T14:32:47.123-0830", "2016-02-30", "2016-03-03", ""]
)
ODD = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=3) | TIMES
NAMES = st.sampled_from([*INNER["properties"], "updated", "hidden", "unknown", "a", "n", 'q"', "b\\", "c\n"])
VALUES = st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner))
ISSUES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=2) | ODD,
        "updated_at": TIMES | st.none(),
        "fields": st.dictionaries(NAMES, VALUES, max_size=8) | VALUES,
        "list": st.lists(st.dictionaries(NAMES, VALUES, max_size=4) | st.none(), max_size=3) | VALUES,
        "unknown": VALUES,
    },
)


@given(st.lists(ISSUES, max_size=6))
def test_text_and_value_give_the_same_record(issues: list[Any]) -> None:
    """The fast way and the careful way differ in speed alone: same records, same values nulled, same names left out."""
    fast, careful = Shape(), Shape()
    for issue in issues:
        assert fast.text(issue) == careful.value(issue)

    assert fast.oddities.nulled == careful.oddities.nulled
    assert fast.oddities.unknown.keys() == careful.oddities.unknown.keys()


def test_an_ordinary_record() -> None:
    """Times are in UTC, what is absent stays absent, null stays null, and the fill comes from a column not selected."""
    fields = {"updated": "2016-03-03T14:32:47.000+0100", "string": "ü", "date": "2016-03-03", "boolean": None}

    assert Shape().text({"id": "1", "fields": fields}) == {
        "id": "1",
        "updated_at": "2016-03-03T13:32:47.000000Z",
        "fields": {"string": "ü", "date": "2016-03-03", "boolean": None},
    }


@pytest.mark.parametrize("updated", [False, [], {}, "soon", 2**70])
def test_a_fill_that_is_no_time(updated: Any) -> None:
    """What is filled from a column that is not selected may be anything, and costs its own column alone."""
    assert Shape().text({"id": "1", "fields": {"updated": updated, "string": "x"}}) == {
        "id": "1",
        "updated_at": None,
        "fields": {"string": "x"},
    }


@pytest.mark.parametrize(
    "text", [b'{"id": null}', b"{}", b"[]", b'"text"', b"null", b"{", b'{"id": 1e}'], ids=lambda text: text.decode()
)
def test_what_has_no_key_is_no_record(text: bytes) -> None:
    """An object without its key, and what is no object or no JSON at all, gives no record."""
    assert Shape().text(text) is None


def test_a_surprise_is_expected_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that holds odd values, and a name that is not in the catalog, soon cost no second parsing."""
    shape = Shape()
    parsed: list[bytes] = []
    odd = {
        "id": "1",
        "new": 1,
        "fields": {"string": {"a": 1}, "integer": "5", "other": 2},
        "list": [None, {"date": "?"}],
    }

    def noted(text: bytes) -> Any:
        parsed.append(text)
        return load_anyhow(text)

    monkeypatch.setattr("tap_jira.typed.load_anyhow", noted)
    for _ in range(50):
        record = shape.text(odd)

    assert record == {
        "id": "1",
        "updated_at": None,
        "fields": {"string": '{"a":1}', "integer": 5},
        "list": [{"date": None}],
    }
    assert len(parsed) <= 4
    assert set(shape.oddities.unknown) == {"new", "fields.other"}
    assert shape.oddities.nulled == {"list[].date": 50}


@pytest.mark.parametrize(("records", "expected"), [(PATIENCE, 0), (PATIENCE + 1, 1), (10 * PATIENCE, 1)])
def test_types_are_made_when_they_are_worth_it(monkeypatch: pytest.MonkeyPatch, records: int, expected: int) -> None:
    """A few records are shaped without types; those made then know what was odd, and stay."""
    made = []

    class Counted(typed._Types):
        def __init__(self, *given: Any) -> None:
            made.append(given)
            super().__init__(*given)

    monkeypatch.setattr(typed, "_Types", Counted)
    shape = Shape(patience=PATIENCE)
    for _ in range(records):
        assert shape.text({"id": "1", "new": 1, "fields": {"integer": "5"}})["fields"] == {"integer": 5}

    assert len(made) == expected


def test_what_surprises_later_is_expected_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that begins to be odd in the midst of a run costs a second parsing for a while, and no longer."""
    parsed: list[bytes] = []

    def noted(text: bytes) -> Any:
        parsed.append(text)
        return load_anyhow(text)

    monkeypatch.setattr(typed, "load_anyhow", noted)
    shape = Shape(patience=PATIENCE)
    for value in (5, "5"):
        for _ in range(5 * PATIENCE):
            assert shape.text({"id": "1", "fields": {"integer": value}})["fields"] == {"integer": 5}

    assert len(parsed) == 2 * PATIENCE


def test_list_items_that_do_not_fit_are_left_out() -> None:
    """A list keeps the order of what fits, and nothing stands in the place of what does not."""
    days = ["2016-03-03", "soon", "2016-03-04"]

    assert Shape().text({"id": "1", "fields": {"days": days}})["fields"]["days"] == [
        "2016-03-03T00:00:00.000000Z",
        "2016-03-04T00:00:00.000000Z",
    ]


def test_names_like_ids_are_not_all_remembered() -> None:
    """An object with ever new names is read all the same, and the shaper's memory of names has an end."""
    shape = Shape()
    for n in range(3 * MOST_LEFT_OUT):
        assert shape.text({"id": "1", "fields": {f"n{n}": n, "string": "x"}})["fields"] == {"string": "x"}


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\x00b", "a\nb", "a\x7fb", "a\ud800b", "", "ü", "\u2028"])
def test_names_that_no_type_can_have(name: str) -> None:
    """A name of any characters that is not in the catalog is left out of each record, and the others stay."""
    shape = Shape()
    raw = {"id": "1", name: 1, "fields": {name: {name: 2}, "string": "x"}, "list": [{name: 3, "string": "y"}]}

    for _ in range(10):
        record = shape.text(raw)
        assert (record["fields"], record["list"]) == ({"string": "x"}, [{"string": "y"}])
    assert set(shape.oddities.unknown) == {name, f"fields.{name}", f"list[].{name}"}


def test_names_that_are_ever_new() -> None:
    """Of names that the catalog does not have so many are remembered for the report, and no more."""
    oddities = Oddities("jira_issues", lambda _: None, lambda _: None)
    shaper = Shaper(SELECTED, FULL, ["id"], oddities, FILL, patience=0)
    for n in range(3 * MOST_UNKNOWN // 1000):
        names = {f"n{n}-{m}": 1 for m in range(1000)}
        assert shaper.of_value({"id": "1", **names}) is not None

    assert len(oddities.unknown) == MOST_UNKNOWN
    assert len(shaper._columns.left_out) <= MOST_LEFT_OUT + 1


def test_characters_that_cannot_be_stored() -> None:
    """NUL, half a surrogate pair and bytes that are no UTF-8 become the replacement character."""
    texts = [b'"a\\u0000"', b'"a\\ud800"', b'"a\xff"', b'"\\\\u0000"']
    shape = Shape()

    assert [shape.text(b'{"id": "1", "fields": {"string": %b}}' % text)["fields"]["string"] for text in texts] == [
        "a\ufffd",
        "a\ufffd",
        "a\ufffd",
        "\\u0000",
    ]


def test_an_oddity_names_its_issue() -> None:
    """The warning of a value that became null says in which issue it was, also where nothing else is odd."""
    shape = Shape()
    shape.text({"id": "7", "key": "ABC-7", "fields": {"date-time": "yesterday"}})

    assert "jira_issues 7" in shape.warnings[0] or "jira_issues ABC-7" in shape.warnings[0]


def test_a_folded_column_is_no_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text column that the catalog has as an object is JSON text from the first record on; types are made once."""
    folded = schema(id={"type": "string"}, choice=TYPES["string"])
    full = schema(id={"type": "string"}, choice=schema(value=TYPES["string"]))
    made: list[Any] = []
    defstruct = msgspec.defstruct

    def counted(*given: Any, **more: Any) -> Any:
        made.append(given)
        return defstruct(*given, **more)

    monkeypatch.setattr(msgspec, "defstruct", counted)
    shape = Shape(folded, full)

    records = [shape.text({"id": "1", "choice": choice}) for choice in ({"value": "Rot", "id": 7}, "plain", None)]

    assert [record["choice"] for record in records] == ['{"value":"Rot","id":7}', "plain", None]
    assert (len(made), shape.warnings) == (1, [])
