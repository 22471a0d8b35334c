"""A selection as Meltano writes it, or as our script does, in whole runs."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Tap
from tests.fakes import Outcome

EXAMPLES = Path(__file__).parent.parent / "examples"
KEYS = {"id", "updated_at"}


@pytest.fixture
def discovered(tap: Tap) -> dict[str, Any]:
    """The catalog of the simulated site."""
    catalog: dict[str, Any] = json.loads(tap("--discover").output)
    return catalog


def by_meltano(catalog: dict[str, Any], *rules: str, parents: bool = True) -> dict[str, Any]:
    """The catalog as Meltano hands it to a tap, with ``select`` rules applied.

    All is unselected at first, keys too; then come the rules that select, then those that begin with ``!``. A ``*``
    matches what lies deeper as well. Since version 3.6 the objects around a selected column are selected with it
    (https://github.com/meltano/meltano/pull/8810); ``parents`` False is a version before that.
    """
    selects = [(rule, True) for rule in rules if rule[0] != "!"]
    marks = [("*.*", False), *(mark for rule in selects for mark in _with_parents(rule[0], parents))]
    marks += [(rule[1:], False) for rule in rules if rule[0] == "!"]
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            for rule, selected in marks:
                name, *columns = rule.split(".")
                path = [part for column in columns for part in ("properties", column)]
                is_the_stream = not entry["breadcrumb"] and (selected or columns == ["*"])
                is_a_column = entry["breadcrumb"] and fnmatch(".".join(entry["breadcrumb"]), ".".join(path))
                if fnmatch(stream["tap_stream_id"], name) and (is_the_stream or is_a_column):
                    entry["metadata"]["selected"] = selected
        stream["selected"] = stream["metadata"][0]["metadata"]["selected"]
    return catalog


def _with_parents(rule: str, parents: bool) -> Iterator[tuple[str, bool]]:
    parts = rule.split(".")
    yield rule, True
    if parents:
        yield from ((".".join(parts[:length]), True) for length in range(2, len(parts)))


def columns(outcome: Outcome, stream: str = "jira_issues") -> set[str]:
    """The leaf columns that a run declared, by dotted path."""
    (schema,) = [message["schema"] for message in outcome.of_type("SCHEMA") if message["stream"] == stream]
    return set(_leaves(schema, ""))


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, part in node["properties"].items():
        if "properties" in part:
            yield from _leaves(part, f"{prefix}{name}.")
        else:
            yield prefix + name


def doubts(outcome: Outcome) -> list[str]:
    return [line for line in outcome.logged("WARNING") if "catalog:" in line]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["jira_issues.fields.summary"], {"fields.summary"}),
        (["jira_issues.key", "jira_issues.fields.status.name"], {"key", "fields.status.name"}),
        (
            ["jira_issues.fields.progress.*", "!jira_issues.*.percent"],
            {"fields.progress.progress", "fields.progress.total"},
        ),
        (["jira_issues.id"], set()),
    ],
)
def test_only_what_meltano_selects(tap: Tap, discovered: dict[str, Any], rules: list[str], expected: set[str]) -> None:
    """Of a table come the columns that rules of Meltano select, and its keys; of other tables nothing; no warning."""
    outcome = tap(catalog=by_meltano(discovered, *rules))

    assert [message["stream"] for message in outcome.of_type("SCHEMA")] == ["jira_issues"]
    assert columns(outcome) == expected | KEYS
    assert doubts(outcome) == []


def test_all_but_what_meltano_unselects(tap: Tap, discovered: dict[str, Any]) -> None:
    """A rule against an object takes all that lies inside, though an earlier rule has selected it; no warning."""
    rules = ("*.*", "!jira_users.*", "!jira_issues.fields.assignee", "!jira_issues.fields.description")
    everything = columns(tap())

    outcome = tap(catalog=by_meltano(discovered, *rules))

    assert "jira_users" not in {message["stream"] for message in outcome.of_type("SCHEMA")}
    gone = {name for name in everything if name.split(".")[:2] in (["fields", "assignee"], ["fields", "description"])}
    assert len(gone) > 10
    assert columns(outcome) == everything - gone
    assert not any({"assignee", "description"} & record["fields"].keys() for record in outcome.records("jira_issues"))
    assert doubts(outcome) == []


def test_meltano_before_it_selected_parents(tap: Tap, discovered: dict[str, Any]) -> None:
    """An older Meltano leaves the object around a column unselected; then a warning says what to select as well."""
    outcome = tap(catalog=by_meltano(discovered, "jira_issues.fields.summary", parents=False))

    assert columns(outcome) == KEYS
    assert "because fields is not selected; select that too" in doubts(outcome)[0]


def test_an_object_alone(tap: Tap, discovered: dict[str, Any]) -> None:
    """A rule for an object selects none of its parts; a warning says how to."""
    outcome = tap(catalog=by_meltano(discovered, "jira_issues.key", "jira_issues.fields.status"))

    assert columns(outcome) == {"key", *KEYS}
    assert "(such as fields.status.*)" in doubts(outcome)[0]


def only_columns(catalog: dict[str, Any], *patterns: str) -> dict[str, Any]:
    """What the example script makes of a catalog."""
    changed: dict[str, Any] = runpy.run_path(str(EXAMPLES / "only_columns.py"))["only"](catalog, patterns)
    return changed


def test_only_these_columns_by_hand(tap: Tap, discovered: dict[str, Any]) -> None:
    """The script leaves the named columns selected, with the objects around them, and no other table."""
    patterns = ("jira_issues.key", "jira_issues.fields.status.*", "jira_projects.key")

    outcome = tap(catalog=only_columns(discovered, *patterns))

    assert [message["stream"] for message in outcome.of_type("SCHEMA")] == ["jira_issues", "jira_projects"]
    status = {name for name in columns(tap()) if name.startswith("fields.status.")}
    assert columns(outcome) == {"key", *status, *KEYS}
    assert columns(outcome, "jira_projects") == {"id", "key"}
    assert doubts(outcome) == []


def test_a_column_that_nobody_has(discovered: dict[str, Any]) -> None:
    """A pattern that matches no column ends the script, instead of leaving out what was wanted."""
    with pytest.raises(SystemExit, match=r"jira_issues\.fields\.sumary matches no column"):
        only_columns(discovered, "jira_issues.key", "jira_issues.fields.sumary")
