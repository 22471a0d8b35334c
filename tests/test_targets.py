"""Whatever a whole run writes can be taken by every target: one judge of all its messages, one claim a test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import singer
from singer.catalog import Catalog

from tap_jira.simulator import Site
from tap_jira.simulator.odd import NUMBERS, TEXTS, is_odd
from tap_jira.streams import STREAMS
from tests.conftest import Tap
from tests.fakes import Outcome

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
LONGEST_NAME = 63  # PostgreSQL
MOST_COLUMNS = 1000
CHECKER = jsonschema.FormatChecker(())


def _is_date_time(value: Any) -> bool:
    return not isinstance(value, str) or DATE_TIME.fullmatch(value) is not None


def _is_date(value: Any) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


CHECKER.checks("date-time")(_is_date_time)
CHECKER.checks("date")(_is_date)
Place = tuple[str, ...]


@pytest.fixture
def run(tap: Tap, everything: dict[str, Any]) -> Outcome:
    """A whole first sync of everything."""
    return tap(catalog=everything)


@pytest.fixture
def schemas(run: Outcome) -> dict[str, dict[str, Any]]:
    return {message["stream"]: message["schema"] for message in run.of_type("SCHEMA")}


@pytest.fixture
def nodes(schemas: dict[str, dict[str, Any]]) -> list[tuple[Place, dict[str, Any]]]:
    """Every part of every schema, with the place where it stands."""
    return [found for stream, schema in schemas.items() for found in _nodes(schema, (stream,))]


def _nodes(node: dict[str, Any], place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    yield place, node
    for name, part in node.get("properties", {}).items():
        yield from _nodes(part, (*place, name))
    if isinstance(node.get("items"), dict):
        yield from _nodes(node["items"], (*place, "[]"))


def _types(node: dict[str, Any]) -> list[str]:
    types = node.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _leaves(node: dict[str, Any], place: Place = ()) -> Iterator[Place]:
    """The columns that a target makes which flattens objects."""
    if not node.get("properties"):
        yield place
    for name, part in node.get("properties", {}).items():
        yield from _leaves(part, (*place, name))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(part)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _numbers(part)


def test_singer_reads_every_line(run: Outcome) -> None:
    """singer-python's own parser understands every line."""
    kinds = {type(singer.parse_message(line)).__name__ for line in run.output.decode().splitlines()}

    assert kinds == {"SchemaMessage", "RecordMessage", "StateMessage"}


def test_singer_reads_the_catalog(tap: Tap) -> None:
    """singer-python reads the catalog, and finds the key of each stream in the root entry of its metadata."""
    catalog = Catalog.from_dict(json.loads(tap("--discover").output))

    roots = [singer.metadata.to_map(entry.metadata)[()] for entry in catalog.streams]
    assert [root["table-key-properties"] for root in roots] == [[stream.key] for stream in STREAMS]


def test_one_type_a_column(nodes: list[tuple[Place, dict[str, Any]]]) -> None:
    """Every part of a schema has one type, and null at most besides."""
    odd = {place: _types(node) for place, node in nodes if len([t for t in _types(node) if t != "null"]) != 1}

    assert odd == {}


def test_plain_schemas(nodes: list[tuple[Place, dict[str, Any]]]) -> None:
    """No reference, no alternative and no closed object; lists say what is in them."""
    words = {"$ref", "anyOf", "oneOf", "allOf"}
    odd = [place for place, node in nodes if words & node.keys() or node.get("additionalProperties") is False]
    vague = [place for place, node in nodes if "array" in _types(node) and not node.get("items")]

    assert odd + vague == []


def test_only_keys_are_never_null(nodes: list[tuple[Place, dict[str, Any]]]) -> None:
    """Every column may be null but the key of its table."""
    never_null = {place for place, node in nodes if len(place) > 1 and "null" not in _types(node)}

    assert never_null == {(stream.name, stream.key) for stream in STREAMS}


def test_names_differ_by_more_than_case(nodes: list[tuple[Place, dict[str, Any]]]) -> None:
    """No object has two properties whose names differ in case alone."""
    names = {place: [name.lower() for name in node.get("properties", {})] for place, node in nodes}

    assert {place for place, lowered in names.items() if len(lowered) != len(set(lowered))} == set()


def test_flattened_names_are_distinct_and_short(schemas: dict[str, dict[str, Any]]) -> None:
    """Joined by two underscores, the names of a table's columns are distinct without case and fit PostgreSQL."""
    for schema in schemas.values():
        names = ["__".join(place).lower() for place in _leaves(schema)]

        assert len(names) == len(set(names))
        assert max(len(name.encode()) for name in names) <= LONGEST_NAME


def test_tables_are_not_too_wide(schemas: dict[str, dict[str, Any]]) -> None:
    """No table has more than a thousand columns when objects are flattened."""
    assert max(len(list(_leaves(schema))) for schema in schemas.values()) <= MOST_COLUMNS


def test_schemas_come_first_and_once(run: Outcome) -> None:
    """All tables are announced once, before the first STATE and the first RECORD."""
    kinds = [message["type"] for message in run.messages]

    assert [message["stream"] for message in run.of_type("SCHEMA")] == [stream.name for stream in STREAMS]
    assert kinds[: len(STREAMS)] == ["SCHEMA"] * len(STREAMS)


def test_bookmark_properties_are_columns(run: Outcome) -> None:
    """Keys and bookmarks are columns at the top of their table."""
    for message in run.of_type("SCHEMA"):
        named = {*message["key_properties"], *message.get("bookmark_properties", [])}

        assert named <= message["schema"]["properties"].keys()


def test_first_state_is_the_one_read_in(run: Outcome) -> None:
    """The first STATE comes before any RECORD and promises nothing that was not there before."""
    first = run.messages[len(STREAMS)]

    assert first == {"type": "STATE", "value": {"bookmarks": {}}}


def test_last_message_is_a_state(run: Outcome) -> None:
    """The last line is a STATE."""
    assert run.messages[-1]["type"] == "STATE"


def test_records_fit_their_schema(run: Outcome, schemas: dict[str, dict[str, Any]]) -> None:
    """Every record is valid against its schema, dates and date-times strictly so."""
    validators = {
        stream: jsonschema.Draft4Validator(schema, format_checker=CHECKER) for stream, schema in schemas.items()
    }
    faults = [
        (message["stream"], list(error.path), error.message)
        for message in run.of_type("RECORD")
        for error in validators[message["stream"]].iter_errors(message["record"])
    ]

    assert faults == []


def test_every_table_has_records(run: Outcome) -> None:
    """The simulated site fills every table, so that the other tests judge something."""
    assert {message["stream"] for message in run.of_type("RECORD")} == {stream.name for stream in STREAMS}


def test_records_bring_no_undeclared_columns(run: Outcome, schemas: dict[str, dict[str, Any]]) -> None:
    """A record has no property, at any depth, that its schema does not name."""
    undeclared = {
        place
        for message in run.of_type("RECORD")
        for place in _undeclared(message["record"], schemas[message["stream"]], (message["stream"],))
    }

    assert undeclared == set()


def _undeclared(value: Any, node: dict[str, Any], place: Place) -> Iterator[Place]:
    if isinstance(value, dict) and "properties" in node:
        for name, part in value.items():
            if name not in node["properties"]:
                yield (*place, name)
            else:
                yield from _undeclared(part, node["properties"][name], (*place, name))
    if isinstance(value, list):
        for part in value:
            yield from _undeclared(part, node["items"], (*place, "[]"))


def test_keys_have_values(run: Outcome) -> None:
    """No record comes without its key."""
    keys = {stream.name: stream.key for stream in STREAMS}
    without = [m["stream"] for m in run.of_type("RECORD") if m["record"].get(keys[m["stream"]]) in (None, "")]

    assert without == []


def test_extraction_times_are_utc(run: Outcome) -> None:
    """Each record says when it was extracted, in UTC."""
    assert all(DATE_TIME.fullmatch(message["time_extracted"]) for message in run.of_type("RECORD"))


def test_texts_can_be_stored(run: Outcome) -> None:
    """No text holds a NUL character or half of a surrogate pair."""
    bad = [
        text for m in run.of_type("RECORD") for text in _strings(m["record"]) if re.search("[\0\ud800-\udfff]", text)
    ]

    assert bad == []


def test_numbers_can_be_stored(run: Outcome) -> None:
    """Every number fits 64 bits and is one."""
    bad = [n for m in run.of_type("RECORD") for n in _numbers(m["record"]) if not -(2**63) <= n < 2**63]

    assert bad == []


def test_odd_values_come_whole(tap: Tap, site: Site) -> None:
    """Where issues are odd, texts lose nothing but what cannot be stored, and numbers no digit."""
    site.world.odd = True
    sent = {m["record"]["id"]: m["record"]["fields"] for m in tap().of_type("RECORD") if m["stream"] == "jira_issues"}

    odd = [sent[str(issue.id)] for issue in site.world.issues() if is_odd(issue)]
    [text] = {text.replace("\0", "\ufffd").replace("\ud83d", "\ufffd") for text in TEXTS}
    assert [fields["summary"].endswith(text) for fields in odd] == [True] * 3
    assert [{name: fields[name] for name in NUMBERS} for fields in odd] == [NUMBERS] * 3


def test_lines_are_plain(run: Outcome) -> None:
    """Output is UTF-8 lines without blank ones, the last one ended."""
    assert run.output.endswith(b"\n")
    assert all(line.startswith("{") for line in run.output.decode("utf-8").rstrip("\n").split("\n"))


def test_one_changed_issue_keeps_the_rules(
    tap: Tap, everything: dict[str, Any], run: Outcome, schemas: dict[str, dict[str, Any]]
) -> None:
    """A later run announces its tables exactly as the first one did."""
    later = tap(state=run.state, catalog=everything)

    assert {message["stream"]: message["schema"] for message in later.of_type("SCHEMA")} == schemas
    assert later.messages[len(STREAMS)] == {"type": "STATE", "value": run.state}
