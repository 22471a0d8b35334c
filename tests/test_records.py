"""From Jira's objects to records: every value becomes what its column holds, or null with one warning."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira.dates import to_utc
from tap_jira.jsontext import REPLACEMENT, dump
from tap_jira.records import Oddities, compile_record

TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": ["null", "string"]},
    "integer": {"type": ["null", "integer"]},
    "number": {"type": ["null", "number"]},
    "boolean": {"type": ["null", "boolean"]},
    "date-time": {"type": ["null", "string"], "format": "date-time"},
    "date": {"type": ["null", "string"], "format": "date"},
    "object": {"type": ["null", "object"], "properties": {"a": {"type": ["null", "string"]}}},
    "strings": {"type": ["null", "array"], "items": {"type": ["null", "string"]}},
    "objects": {
        "type": ["null", "array"],
        "items": {"type": ["null", "object"], "properties": {"n": {"type": ["null", "integer"]}}},
    },
}
ADF = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hü"}]}]}
SPRINT = "com.atlassian.greenhopper.service.sprint.Sprint@1a[id=1,rapidViewId=2,state=ACTIVE,name=S 1]"
NULLED = object()


class Shape:
    """A compiled schema and what was said while it worked."""

    def __init__(self, schema: dict[str, Any], full: dict[str, Any] | None = None) -> None:
        self.warnings: list[str] = []
        self.informed: list[str] = []
        self.oddities = Oddities("jira_issues", self.warnings.append, self.informed.append, key="ABC-1")
        self._convert = compile_record(schema, full or schema, self.oddities).convert

    def __call__(self, raw: Any) -> Any:
        return self._convert(raw)


def columns(**kinds: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: TYPES[kind] for name, kind in kinds.items()}}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "text", "text"),
        ("string", "", ""),
        ("string", 5, "5"),
        ("string", 2**70, str(2**70)),
        ("string", 9223372036854776000, "9223372036854776000"),
        ("string", 1.5, "1.5"),
        ("string", 1.1805916207174113e21, NULLED),
        ("string", math.nan, NULLED),
        ("string", math.inf, NULLED),
        ("string", True, "true"),
        ("string", {"b": 1, "a": [None]}, '{"b":1,"a":[null]}'),
        ("string", [], "[]"),
        ("string", ADF, json.dumps(ADF, ensure_ascii=False, separators=(",", ":"))),
        ("integer", 5, 5),
        ("integer", -(2**63) + 1, -(2**63) + 1),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, NULLED),
        ("integer", 9223372036854776000, NULLED),
        ("integer", 2**70, NULLED),
        ("integer", 5.0, 5),
        ("integer", 5.5, NULLED),
        ("integer", 1e300, NULLED),
        ("integer", math.nan, NULLED),
        ("integer", "5", 5),
        ("integer", " -5 ", -5),
        ("integer", "5.0", 5),
        ("integer", "5.5", NULLED),
        ("integer", "9223372036854775808", NULLED),
        ("integer", "99999999999999999999", NULLED),
        ("integer", "five", NULLED),
        ("integer", "", NULLED),
        ("integer", "1_000", NULLED),
        ("integer", "nan", NULLED),
        ("integer", "\u0665", NULLED),
        ("integer", True, NULLED),
        ("integer", {}, NULLED),
        ("number", 5, 5),
        ("number", 0.1, 0.1),
        ("number", 2**70, float(2**70)),
        ("number", 10**400, NULLED),
        ("number", "0.1", 0.1),
        ("number", " -1e3 ", -1000.0),
        ("number", "1_000", NULLED),
        ("number", "infinity", NULLED),
        ("number", "\u0665", NULLED),
        ("number", math.nan, NULLED),
        ("number", -math.inf, NULLED),
        ("number", False, NULLED),
        ("number", [], NULLED),
        ("boolean", True, True),
        ("boolean", "false", False),
        ("boolean", " TRUE ", True),
        ("boolean", "yes", NULLED),
        ("boolean", 1, NULLED),
        ("date-time", "2024-03-05T12:34:56.789+0100", "2024-03-05T11:34:56.789000Z"),
        ("date-time", 1492070429, "2017-04-13T08:00:29.000000Z"),
        ("date-time", 1759080993142, "2025-09-28T17:36:33.142000Z"),
        ("date-time", "51502-03-05T12:34:56.000+0000", NULLED),
        ("date-time", "", NULLED),
        ("date-time", 2**70, NULLED),
        ("date-time", math.nan, NULLED),
        ("date-time", math.inf, NULLED),
        ("date-time", True, NULLED),
        ("date-time", {}, NULLED),
        ("date", "2024-03-05", "2024-03-05"),
        ("date", "2024-03-05T00:00:00.000+0000", "2024-03-05"),
        ("date", "2024-03-05T01:00:00.000+0000", NULLED),
        ("date", "51502-03-05", NULLED),
        ("date", 5, NULLED),
        ("object", {"a": "x"}, {"a": "x"}),
        ("object", {}, {}),
        ("object", "text", NULLED),
        ("object", [], NULLED),
        ("strings", ["a", None, "b"], ["a", "b"]),
        ("strings", [SPRINT], [SPRINT]),
        ("strings", [{"id": 1, "name": "S"}], ['{"id":1,"name":"S"}']),
        ("strings", [], []),
        ("strings", "text", ["text"]),
        ("strings", {"b": 1}, ['{"b":1}']),
        ("object", [{"a": "x"}], {"a": "x"}),
        ("object", [[{"a": "x"}]], {"a": "x"}),
        ("object", [{"a": "x"}, {"a": "y"}], NULLED),
        ("object", [None], NULLED),
        ("object", 5, NULLED),
        ("objects", {"n": 5}, [{"n": 5}]),
        ("objects", [{"n": "5"}, {"n": 6}], [{"n": 5}, {"n": 6}]),
    ],
)
def test_a_value_in_a_column(kind: str, value: Any, expected: Any) -> None:
    """A value becomes what its column holds where nothing is lost, otherwise null with a warning."""
    shape = Shape(columns(c=kind))
    record = shape({"c": value})

    assert record == {"c": None if expected is NULLED else expected}
    assert type(record["c"]) is type(None if expected is NULLED else expected)
    assert len(shape.warnings) == (expected is NULLED)


@pytest.mark.parametrize(("kind", "expected"), [("object", {"a": "x"}), ("objects", [{"a": "x"}])])
def test_a_list_of_one_however_deep(kind: str, expected: Any) -> None:
    """Lists of one inside each other, more than Python has frames, are what they hold in the end."""
    value: Any = {"a": "x"}
    for _ in range(5000):
        value = [value]
    schema = columns(c=kind)
    if kind == "objects":
        schema["properties"]["c"] = {**TYPES["objects"], "items": TYPES["object"]}

    assert Shape(schema)({"c": value}) == {"c": expected}


@pytest.mark.parametrize("kind", TYPES)
def test_null_stays_null(kind: str) -> None:
    """Null is null in every column, and nothing to warn of."""
    shape = Shape(columns(c=kind))

    assert shape({"c": None}) == {"c": None}
    assert shape.warnings == []


def test_what_is_absent_stays_absent() -> None:
    """A column that Jira does not give is not there, which is not the same as null."""
    assert Shape(columns(a="string", b="string"))({"a": "x"}) == {"a": "x"}


def test_an_element_that_does_not_fit() -> None:
    """Of a list the elements that do not fit are left out, with a warning that names the list."""
    shape = Shape(columns(c="objects"))

    assert shape({"c": [{"n": 1}, "odd", {"n": "x"}]}) == {"c": [{"n": 1}, {"n": None}]}
    assert [warning.split(" holds ")[0] for warning in shape.warnings] == [
        "jira_issues ABC-1: c[]",
        "jira_issues ABC-1: c[].n",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "much", "c holds text where an integer is expected"),
        ("number", {}, "c holds an object where a number is expected"),
        ("boolean", [], "c holds a list where a boolean is expected"),
        ("boolean", 7, "c holds the number 7 where a boolean is expected"),
        ("integer", True, "c holds a boolean where an integer is expected"),
        ("date-time", "51502-01-01", "c holds text where a date-time is expected"),
        ("date", "soon", "c holds text where a date is expected"),
        ("object", "x", "c holds text where an object is expected"),
        ("objects", "x", "c[] holds text where an object is expected"),
    ],
)
def test_the_words_of_a_warning(kind: str, value: Any, expected: str) -> None:
    """A warning names stream, issue, path and both types, and shows no text, which may be anybody's."""
    shape = Shape(columns(c=kind))
    shape({"c": value})

    assert shape.warnings == [f"jira_issues ABC-1: {expected}; it becomes null, here and in further records"]


def test_one_warning_a_path_and_a_count_at_the_end() -> None:
    """The first odd value of a path is told at once, and how many there were at the end."""
    shape = Shape(columns(a="integer", b="integer"))
    for number in range(5):
        shape.oddities.key = f"ABC-{number}"
        shape({"a": "x", "b": "x" if number == 3 else 1})
    assert [warning[:20] for warning in shape.warnings] == ["jira_issues ABC-0: a", "jira_issues ABC-3: b"]
    shape.oddities.tell()

    assert shape.warnings[2:] == ["jira_issues: a became null 5 times", "jira_issues: b became null once"]


def test_unknown_properties_are_named_once() -> None:
    """What the catalog does not have is left out and named once at the end, with the advice to discover again."""
    shape = Shape(columns(a="object"))
    for _ in range(3):
        assert shape({"a": {"a": "x", "new": 1}, "other": 2}) == {"a": {"a": "x"}}
    shape.oddities.tell()

    assert shape.warnings == []
    assert shape.informed == ["jira_issues: not in the catalog and left out, discover again to get them: a.new, other"]


def test_many_unknown_properties_are_counted() -> None:
    """Of hundreds of unknown properties the first are named and the others counted."""
    shape = Shape(columns(a="string"))
    shape({f"customfield_{n}": 1 for n in range(10_000, 10_080)})
    shape.oddities.tell()

    assert shape.informed[0].endswith("customfield_10049 and 30 more")


def test_unselected_columns_are_left_out_silently() -> None:
    """What somebody chose not to have is left out without a word."""
    shape = Shape(columns(a="string"), columns(a="string", b="string"))

    assert shape({"a": "x", "b": "y"}) == {"a": "x"}
    shape.oddities.tell()
    assert shape.informed == []


def test_what_is_given_is_not_changed() -> None:
    """The object that Jira sent stays as it came."""
    raw = {"c": [{"n": "5"}, None], "d": 1}
    before = json.dumps(raw)
    Shape(columns(c="objects"))(raw)

    assert json.dumps(raw) == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\x00b", f"a{REPLACEMENT}b"),
        ("a\ud800b", f"a{REPLACEMENT}b"),
        ({"k\x00": ["\udfff"]}, {f"k{REPLACEMENT}": [REPLACEMENT]}),
        ("\\u0000", "\\u0000"),
        ("\U0001f600 ü \u2028", "\U0001f600 ü \u2028"),
        (2**70, 2**70),
        ([math.nan, math.inf, 1.5], [None, None, 1.5]),
        ({"a": [math.nan, 2**70]}, {"a": [None, 2**70]}),
    ],
)
def test_a_line_can_be_stored_anywhere(value: Any, expected: Any) -> None:
    """NUL characters and lone surrogates are replaced, and the line is UTF-8 JSON on one line."""
    line = dump(value)

    assert json.loads(line.decode("utf-8")) == expected
    assert b"\n" not in line


def test_json_text_can_be_stored_too() -> None:
    """In an object that is kept as JSON text no NUL is left either, escaped or not."""
    record = Shape(columns(c="string"))({"c": {"a": "\x00", "b": "\ud800"}})

    assert json.loads(record["c"]) == {"a": REPLACEMENT, "b": REPLACEMENT}
    assert b"\\u0000" not in dump(record)


def test_a_text_of_five_megabytes() -> None:
    """A very long text is sent as it is."""
    text = "ü" * 2_500_000
    record = Shape(columns(c="string"))({"c": text})

    assert json.loads(dump(record)) == {"c": text}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": [value]}
    return value


def test_nesting_that_is_deep() -> None:
    """An object nested hundreds of times is kept as text; one nested beyond all reason becomes null."""
    shape = Shape(columns(c="string"))

    assert json.loads(shape({"c": nested(150)})["c"]) == nested(150)
    assert shape({"c": nested(20_000)}) == {"c": None}


@pytest.mark.parametrize("raw", [[], "x", 5, None])
def test_what_is_no_object_is_no_record(raw: Any) -> None:
    """Something in a list of objects that is none gives no record."""
    assert Shape(columns(c="string"))(raw) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**70)
    | st.floats()
    | st.text()
    | st.text(st.characters())
    | st.sampled_from(["\x00", "\ud800", "51502-01-01", "2024-03-05T00:00:00.000+0000", "true", "1e999", "٣"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "n", "x\x00"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what its column holds, by rules stricter than JSON Schema's."""
    kind = schema["type"][-1] if isinstance(schema["type"], list) else schema["type"]
    if value is None:
        return True
    if kind == "object":
        return type(value) is dict and all(is_valid(part, schema["properties"][n]) for n, part in value.items())
    if kind == "array":
        return type(value) is list and all(part is not None and is_valid(part, schema["items"]) for part in value)
    if schema.get("format") == "date-time":
        return type(value) is str and to_utc(value) == value
    if schema.get("format") == "date":
        return type(value) is str and len(value) == 10
    if kind == "integer":
        return type(value) is int and abs(value) < 2**63
    if kind == "number":
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is {"string": str, "boolean": bool}[kind]


@given(value=JSON)
@pytest.mark.parametrize("kind", TYPES)
def test_any_value_in_any_column(kind: str, value: Any) -> None:
    """Whatever JSON stands in a column, the record is valid, and its line is JSON that every target can store."""
    schema = columns(c=kind)
    record = Shape(schema)({"c": value})
    line = dump(record)
    back = json.loads(line.decode("utf-8"))

    assert is_valid(record, schema)
    assert is_valid(back, schema)
    assert b"\\u0000" not in line.replace(b"\\\\", b"")
    assert not any(0xD800 <= ord(sign) <= 0xDFFF for sign in json.dumps(back, ensure_ascii=False))
