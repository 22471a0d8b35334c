"""The marks of a catalog's metadata in whole runs: what they select comes, and nothing else is asked of Jira."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_jira.simulator import Site
from tap_jira.streams import STREAMS
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.test_selection import by_meltano, columns

ISSUES, PROJECTS = "jira_issues", "jira_projects"


class Asked:
    """A site that notes the parameters of the requests whose address has this in it."""

    def __init__(self, site: Site, part: str) -> None:
        self._site, self._part = site, part
        self.params: list[dict[str, str]] = []

    def send(self, request: Request) -> Response:
        if self._part in request.url:
            query = parse_qs(urlsplit(request.url).query)
            self.params.append({name: ",".join(values) for name, values in query.items()})
        return self._site.send(request)

    @property
    def fields(self) -> set[str]:
        """The fields that pages of issues were asked for."""
        return {name for params in self.params[-1:] for name in params["fields"].split(",")}


@pytest.fixture
def catalog(tap: Tap) -> dict[str, Any]:
    """The catalog of the simulated site."""
    found: dict[str, Any] = json.loads(tap("--discover").output)
    return found


def crumb(path: str) -> list[str]:
    return [part for name in path.split(".") if name for part in ("properties", name)]


def mark(catalog: dict[str, Any], path: str, stream: str = ISSUES, **said: Any) -> dict[str, Any]:
    """The catalog with these words in the metadata of a column, '' being the stream; underscores are hyphens."""
    (entry,) = [entry for entry in catalog["streams"] if entry["stream"] == stream]
    (found,) = [each for each in entry["metadata"] if each["breadcrumb"] == crumb(path)]
    found["metadata"].update({name.replace("_", "-"): value for name, value in said.items()})
    return catalog


def only(catalog: dict[str, Any], *paths: str) -> dict[str, Any]:
    """The catalog with these columns of issues selected, which are to be marked with the objects around them."""
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            each["metadata"]["selected"] = False
    for path in ("", *paths):
        mark(catalog, path, selected=True)
    return catalog


@pytest.mark.parametrize(
    "said",
    [
        {"selected": False},
        {"selected": "false"},
        {"selected_by_default": False},
        {"selected_by_default": "False"},
        {"selected": None, "selected_by_default": False},
        {"inclusion": "unsupported", "selected": True},
    ],
)
def test_what_leaves_a_column_out(tap: Tap, site: Site, catalog: dict[str, Any], said: dict[str, Any]) -> None:
    """Such a column is in no SCHEMA and no record, and Jira is not asked for it."""
    asked = Asked(site, "/2/search")
    outcome = tap(to=asked, catalog=mark(catalog, "fields.description", **said))

    assert "fields.description" not in columns(outcome)
    assert not any("description" in record["fields"] for record in outcome.records(ISSUES))
    assert "-description" in asked.fields


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"selected_by_default": None},
        {"selected_by_default": False, "selected": "True"},
        {"inclusion": "automatic", "selected": False},
    ],
)
def test_what_keeps_a_column(tap: Tap, catalog: dict[str, Any], said: dict[str, Any]) -> None:
    """Such a column comes."""
    outcome = tap(catalog=mark(catalog, "fields.description", **said))

    assert "fields.description" in columns(outcome)
    assert all("description" in record["fields"] for record in outcome.records(ISSUES))


def test_few_columns_are_asked_for_by_name(tap: Tap, site: Site, catalog: dict[str, Any]) -> None:
    """Of the fields Jira is asked for those selected alone, and for the times that the tap itself reads."""
    asked = Asked(site, "/2/search")
    outcome = tap(to=asked, catalog=only(catalog, "fields", "fields.summary", "fields.status", "fields.status.name"))

    assert columns(outcome) == {"id", "updated_at", "fields.summary", "fields.status.name"}
    assert asked.fields == {"summary", "status", "updated", "created"}
    assert all("expand" not in params for params in asked.params)


def test_keys_come_whatever_is_said(tap: Tap, catalog: dict[str, Any]) -> None:
    """The key and the bookmark come though they are unselected, in each record."""
    outcome = tap(catalog=only(catalog, "key"))

    assert {*map(frozenset, outcome.records(ISSUES))} == {frozenset({"id", "updated_at", "key"})}


@pytest.mark.parametrize("is_wanted", [True, False])
def test_what_must_be_asked_for_in_a_list(tap: Tap, site: Site, catalog: dict[str, Any], is_wanted: bool) -> None:
    """What a list gives only when asked is asked for where it is selected."""
    asked = Asked(site, "/2/project?")
    outcome = tap(to=asked, catalog=mark(catalog, "lead", PROJECTS, selected=is_wanted))

    assert [("lead" in params["expand"]) for params in asked.params] == [is_wanted]
    assert any("lead" in record for record in outcome.records(PROJECTS)) == is_wanted


@pytest.mark.parametrize("option", ["catalog", "properties"])
def test_the_options_for_a_catalog(tap: Tap, catalog: dict[str, Any], option: str) -> None:
    """The old name of the option does the same as the new one."""
    outcome = tap(**{option: only(catalog, "key")})

    assert columns(outcome) == {"id", "updated_at", "key"}
    assert outcome.records(ISSUES)


def test_a_tables_default(tap: Tap, catalog: dict[str, Any]) -> None:
    """A table that is not selected by default comes only if it is selected, whatever its columns say."""
    mark(catalog, "", PROJECTS, selected_by_default="false")
    mark(catalog, "", "jira_users", selected_by_default=False, selected=True)
    streams = {message["stream"] for message in tap(catalog=catalog).of_type("SCHEMA")}

    assert (PROJECTS in streams, "jira_users" in streams) == (False, True)


@pytest.mark.parametrize(
    ("path", "said", "expected"),
    [
        ("", {"selected": "no"}, "selected of jira_issues is neither true nor false"),
        ("fields.summary", {"selected": "no"}, "selected of jira_issues.fields.summary is neither true nor false"),
        ("key", {"selected": 1}, "selected of jira_issues.key is neither true nor false"),
        ("key", {"selected_by_default": "x"}, "selected-by-default of jira_issues.key is neither true nor false"),
    ],
)
def test_a_mark_that_is_no_truth(
    tap: Tap, catalog: dict[str, Any], path: str, said: dict[str, Any], expected: str
) -> None:
    """The error names the table, the column and the word in question."""
    outcome = tap(catalog=mark(catalog, path, **said))

    assert outcome.code == 2
    assert f"the catalog's {expected}; correct it" in outcome.log


def test_a_mark_in_the_schema_that_is_no_truth(tap: Tap, catalog: dict[str, Any]) -> None:
    """So where the mark stands in the schema, as in catalogs before there was metadata."""
    catalog["streams"][0]["schema"]["properties"]["key"]["selected"] = "yes"

    assert "the catalog's selected of jira_issues.key is neither" in tap(catalog=catalog).log


def test_odd_marks_of_what_is_not_selected(tap: Tap, catalog: dict[str, Any]) -> None:
    """The columns of a table that is not selected may say what they like."""
    mark(mark(catalog, "", PROJECTS, selected=False), "name", PROJECTS, selected="no")

    assert tap(catalog=catalog).code == 0


def also(catalog: dict[str, Any], path: str, **said: Any) -> dict[str, Any]:
    """The catalog with a further entry of metadata for a column of issues."""
    catalog["streams"][0]["metadata"].append({"breadcrumb": crumb(path), "metadata": said})
    return catalog


def test_a_further_entry_adds(tap: Tap, catalog: dict[str, Any]) -> None:
    """A second entry for a breadcrumb adds to the first, and where they agree nothing is said."""
    outcome = tap(catalog=also(also(catalog, "id", selected=False), "key", selected=False))

    assert columns(outcome) >= {"id", "fields.summary"}
    assert "key" not in columns(outcome)
    assert outcome.logged("WARNING") == []


def test_entries_that_differ(tap: Tap, catalog: dict[str, Any]) -> None:
    """Where two entries differ the last one counts, and one warning names the columns and the words."""
    for path in ("", "key"):
        also(mark(catalog, path, selected=False), path, selected=True)
    outcome = tap(catalog=catalog)

    assert "key" in columns(outcome)
    assert outcome.logged("WARNING") == [
        "WARNING catalog: jira_issues: several entries of the metadata are for one breadcrumb and differ: the stream "
        "itself (selected), key (selected); the last one counts, remove the others"
    ]


def test_a_rule_of_meltano_against_a_part(tap: Tap, site: Site, catalog: dict[str, Any]) -> None:
    """Rules for a field, and for an object without one of its parts, reach Jira as the two fields."""
    rules = ("jira_issues.fields.summary", "jira_issues.fields.assignee.*", "!jira_issues.fields.assignee.emailAddress")
    asked = Asked(site, "/2/search")
    outcome = tap(to=asked, catalog=by_meltano(catalog, *rules))

    assert asked.fields == {"summary", "assignee", "updated", "created"}
    assert "fields.assignee.displayName" in columns(outcome)
    assert "emailAddress" not in json.dumps(outcome.messages)


def test_discovery_says_how_much_there_is(tap: Tap) -> None:
    """A discovery that succeeds says so in one line, and stdout has the catalog alone."""
    outcome = tap("--discover")
    (said,) = [line for line in outcome.logged("INFO") if "discovered" in line]

    by_default = [stream for stream in STREAMS if stream.by_default]

    assert said.startswith(f"INFO discovered {len(STREAMS)} streams with ")
    assert f"selected by default are {len(by_default)} streams with " in said
    assert len(json.loads(outcome.output)["streams"]) == len(STREAMS)
