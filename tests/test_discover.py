"""The catalog that discovery prints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from singer import metadata
from singer.catalog import Catalog

from tap_jira.discover import discover, fields_of
from tap_jira.simulator import Fault, Faults, Site
from tap_jira.site import Site as Met
from tap_jira.streams import STREAMS
from tap_jira.wire import Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Inline, Scripted, Time, client_of
from tests.targets.jira import KEYS as BY_DEFAULT

CHILDREN = ("jira_issue_comments", "jira_issue_changelogs", "jira_worklogs")
KEYS = {**BY_DEFAULT, **dict.fromkeys(CHILDREN, "id"), "jira_versions": "id", "jira_components": "id"}


@pytest.fixture
def catalog(tap: Tap) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tap("--discover").output)
    return found


def entry_of(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    return next(entry for entry in catalog["streams"] if entry["stream"] == stream)


def test_every_stream_with_its_key(catalog: dict[str, Any]) -> None:
    """Each table is there with its key, which is never null."""
    assert {entry["tap_stream_id"]: entry["key_properties"] for entry in catalog["streams"]} == {
        name: [key] for name, key in KEYS.items()
    }
    types = [entry["schema"]["properties"][KEYS[entry["stream"]]]["type"] for entry in catalog["streams"]]
    assert [kind for kind in types if "null" in kind or len(kind) != 1] == []


def test_how_each_stream_is_replicated(catalog: dict[str, Any]) -> None:
    """Issues are read by updated_at, their children by that of the issue, the other tables whole.

    So says the entry and its metadata. The children are selected only by who wants them.
    """
    bookmarks = {"jira_issues": "updated_at", **dict.fromkeys(CHILDREN, "issue_updated_at")}
    for entry in catalog["streams"]:
        about = metadata.to_map(entry["metadata"])[()]
        bookmark = bookmarks.get(entry["stream"])
        method = "INCREMENTAL" if bookmark else "FULL_TABLE"
        assert (entry["replication_method"], about["forced-replication-method"]) == (method, method)
        assert entry.get("replication_key") == bookmark
        assert about.get("valid-replication-keys") == ([bookmark] if bookmark else None)
        assert about["table-key-properties"] == entry["key_properties"]
        assert (about["inclusion"], about["selected-by-default"]) == ("available", entry["stream"] in BY_DEFAULT)


def test_every_column_has_metadata(catalog: dict[str, Any]) -> None:
    """Each column at every depth that a target flattens can be selected on its own; keys are automatic."""

    def crumbs(node: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        found = [path]
        for name, part in node.get("properties", {}).items():
            found += crumbs(part, (*path, "properties", name))
        return found

    for entry in catalog["streams"]:
        about = metadata.to_map(entry["metadata"])
        automatic = {crumb[-1] for crumb, said in about.items() if said["inclusion"] == "automatic"}
        assert list(about) == crumbs(entry["schema"])
        assert automatic == {
            *entry["key_properties"],
            *([entry.get("replication_key")] if "replication_key" in entry else []),
        }


def test_singers_own_reader_reads_it(catalog: dict[str, Any]) -> None:
    """singer-python reads the catalog and writes the same streams back."""
    read = Catalog.from_dict(catalog).to_dict()

    assert [entry["tap_stream_id"] for entry in read["streams"]] == [stream.name for stream in STREAMS]
    assert [len(entry["metadata"]) for entry in read["streams"]] == [
        len(entry["metadata"]) for entry in catalog["streams"]
    ]


def test_the_catalog_syncs_as_it_is(tap: Tap, catalog: dict[str, Any]) -> None:
    """Given back unchanged, the catalog syncs the same as no catalog."""
    assert [message["stream"] for message in tap(catalog=catalog).of_type("SCHEMA")] == list(BY_DEFAULT)


def test_the_sites_own_fields(catalog: dict[str, Any]) -> None:
    """Each custom field of the site is a column with the name that people know it by."""
    fields = entry_of(catalog, "jira_issues")["schema"]["properties"]["fields"]["properties"]
    custom = {name: node for name, node in fields.items() if name.startswith("customfield_")}

    assert len(custom) > 5
    assert [name for name, node in custom.items() if not node.get("title")] == []


def found_with(fields: list[dict[str, Any]], kind: str = "server") -> dict[str, Any]:
    """The catalog of a site with these fields."""
    site = Met(kind, (9,), "me", "UTC", 1_700_000_000, 0.0)
    client = client_of(Scripted(Response.of_json(fields)), Inline(Time()))
    return discover(client, site, fields_of(client))


def test_users_of_a_cloud_site_have_another_key() -> None:
    """On Jira Cloud a user is known by accountId."""
    entry = entry_of(found_with([], "cloud"), "jira_users")

    assert entry["key_properties"] == ["accountId"]
    assert entry["schema"]["properties"]["accountId"]["type"] == ["string"]


def test_thousands_of_fields_are_found_but_not_selected(caplog: pytest.LogCaptureFixture) -> None:
    """Of thousands of fields those beyond what a table can hold are there, unselected, and the log says so."""
    fields = [
        {"id": f"customfield_{10_000 + n}", "name": f"F {n}", "custom": True, "schema": {"type": "string"}}
        for n in range(2000)
    ]
    with caplog.at_level("INFO"):
        entry = entry_of(found_with(fields), "jira_issues")
    about = metadata.to_map(entry["metadata"])

    def is_default(number: int) -> bool:
        crumb = ("properties", "fields", "properties", f"customfield_{number}")
        return bool(about[crumb]["selected-by-default"])

    assert (is_default(10_000), is_default(11_999)) == (True, False)
    assert "not selected by default, to stay within 900 columns" in caplog.text
    assert '"selected": true in their metadata (customfield_10648, for one)' in caplog.text


@pytest.mark.parametrize(("suffix", "expected"), [("", 0), ("-plain", 1)])
def test_what_may_not_be_read_is_told_beforehand(tap: Tap, suffix: str, expected: int) -> None:
    """Discovery warns if the account may not read project roles, and succeeds."""
    outcome = tap("--discover", config={"base_url": BASE, "personal_access_token": TOKEN + suffix})

    told = [line for line in outcome.logged("WARNING") if "jira_project_roles cannot be read by this account" in line]
    assert (outcome.code, len(told)) == (0, expected)
    assert len(json.loads(outcome.output)["streams"]) == len(STREAMS)


def test_fields_that_are_no_list_are_asked_again(tap: Tap, site: Site) -> None:
    """An empty answer for the fields is never taken for a site without fields."""
    broken = Faults(site, ["ok", "ok", "empty", "bad-json"])

    assert tap("--discover", to=broken).output == tap("--discover").output


def test_a_list_that_fails_does_not_cost_the_catalog(tap: Tap, site: Site) -> None:
    """If Jira keeps failing when the roles are tried, the catalog is printed all the same, with a warning."""
    outcome = tap("--discover", to=Faults(site, [Fault("500", url="/role")] * 20))

    assert outcome.code == 0
    assert len(json.loads(outcome.output)["streams"]) == len(STREAMS)
    assert any("jira_project_roles could not be tried: " in line for line in outcome.logged("WARNING"))
