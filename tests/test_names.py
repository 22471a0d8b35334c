"""Runs with columns of custom fields by the names that people know: whose a name is, and that it stays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tap_jira.client import Sends
from tap_jira.records import Oddities
from tap_jira.schema import add_custom_fields, load
from tap_jira.simulator import CloudCredentials, CloudSite, Site
from tap_jira.typed import Shaper
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import CLOUD, Outcome
from tests.test_schema import columns, field

Run = Callable[..., Outcome]
FIELDS = ("properties", "fields", "properties")


class Listing:
    """A site whose list of fields somebody has changed, and whose issues have what ``sets`` says."""

    def __init__(self, site: Sends, change: Callable[[list[dict[str, Any]]], Any], **sets: Any) -> None:
        self._site, self._change, self._sets = site, change, sets
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        response = self._site.send(request)
        if request.url.endswith("/rest/api/2/field"):
            fields = orjson.loads(response.body)
            self._change(fields)
            return Response.of_json(fields)
        if "/rest/api/2/search" in request.url and self._sets:
            answer = orjson.loads(response.body)
            for issue in answer.get("issues", []):
                issue["fields"].update(self._sets)
            return Response.of_json(answer)
        return response


def renaming(**names: str) -> Callable[[list[dict[str, Any]]], None]:
    def rename(fields: list[dict[str, Any]]) -> None:
        for one in fields:
            one["name"] = names.get(one["id"], one["name"])

    return rename


def adding(*more: dict[str, Any]) -> Callable[[list[dict[str, Any]]], None]:
    return lambda fields: fields.extend(more)


@pytest.fixture(params=["server", "cloud"])
def at(request: pytest.FixtureRequest, site: Site, cloud: CloudSite) -> Site | CloudSite:
    """A site of either kind."""
    return cloud if request.param == "cloud" else site


@pytest.fixture
def run(tap: Tap, at: Site | CloudSite, config: dict[str, Any], keys: CloudCredentials) -> Run:
    """Runs the tap at that site, with columns by name unless ``naming`` says otherwise."""

    def run(*argv: str, to: Sends | None = None, naming: str = "name", more: Any = None, **options: Any) -> Outcome:
        login = {**keys.basic, "base_url": CLOUD} if isinstance(at, CloudSite) else config
        return tap(*argv, to=to or at, config={**login, "custom_field_names": naming, **(more or {})}, **options)

    return run


def discovered(run: Run, **options: Any) -> dict[str, Any]:
    outcome = run("--discover", **options)
    assert outcome.code == 0, outcome.log
    found: dict[str, Any] = json.loads(outcome.output)
    return found


def of_issues(catalog: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in catalog["streams"] if entry["stream"] == "jira_issues")


def ids_of(catalog: dict[str, Any]) -> dict[str, str]:
    """The names of columns in a catalog, by the id that their metadata tell."""
    about = [(entry["breadcrumb"], entry["metadata"]) for entry in of_issues(catalog)["metadata"]]
    return {said["field-id"]: crumb[-1] for crumb, said in about if "field-id" in said}


def sent_columns(outcome: Outcome) -> dict[str, Any]:
    schema = next(message["schema"] for message in outcome.of_type("SCHEMA") if message["stream"] == "jira_issues")
    return columns(schema)


def by_id(records: list[dict[str, Any]], names: dict[str, str]) -> list[dict[str, Any]]:
    """Records of issues with the fields under their ids again, also where values that did not fit are told."""
    ids = {name: field_id for field_id, name in names.items()}
    left = names.keys() - set(names.values())
    assert [name for record in records for name in record["fields"] if name in left] == []

    def told(misfits: str | None) -> str | None:
        return misfits and re.sub(r'(?<="fields\.)\w+', lambda name: ids.get(name[0], name[0]), misfits)

    fields = [{ids.get(n, n): v for n, v in r["fields"].items()} for r in records]
    return [{**r, "fields": f, "misfits": told(r["misfits"])} for r, f in zip(records, fields, strict=True)]


def select(catalog: dict[str, Any], **selected: bool) -> dict[str, Any]:
    for entry in of_issues(catalog)["metadata"]:
        if tuple(entry["breadcrumb"][:-1]) == FIELDS and entry["breadcrumb"][-1] in selected:
            entry["metadata"]["selected"] = selected[entry["breadcrumb"][-1]]
    return catalog


def test_the_simulated_site_shows_every_clash(run: Run) -> None:
    """Two fields of one name, another script, signs alone, and a name of Jira's own: each has a column."""
    names = ids_of(discovered(run))

    assert (names["customfield_10100"], names["customfield_10200"]) == ("story_points", "story_points_10200")
    assert names["customfield_10107"] == "storung_seit"
    assert (names["customfield_10201"], names["customfield_10202"]) == ("customfield_10201", "customfield_10202")
    assert names["customfield_10203"] == "labels_10203"


def test_a_column_tells_its_field(run: Run) -> None:
    """The column keeps Jira's name as its title, its description tells the id, and what targets get has no more."""
    catalog = discovered(run)
    column = columns(of_issues(catalog)["schema"])["story_points"]

    assert column == {
        "type": ["null", "number"],
        "title": "Story Points",
        "description": 'customfield_10100: The site\'s field "Story Points", a number.',
    }
    assert sent_columns(run(catalog=catalog))["story_points"] == column


def test_jiras_own_fields_keep_their_names(run: Run) -> None:
    """Only custom fields are named anew; all other columns, and the order of all, are those of a run by id."""
    catalog = discovered(run)
    names = ids_of(catalog)
    by_ids = columns(of_issues(discovered(run, naming="id"))["schema"])

    assert list(columns(of_issues(catalog)["schema"])) == [names.get(name, name) for name in by_ids]
    assert names.keys() == {name for name in by_ids if name.startswith("customfield_")}


@pytest.mark.parametrize("with_catalog", [True, False])
def test_the_same_records_but_for_the_names(run: Run, with_catalog: bool) -> None:
    """By name every record of every table holds what it holds by id, but for the names of columns themselves."""
    catalog = discovered(run)
    expected = run(naming="id")
    outcome = run(catalog=catalog if with_catalog else None)
    names = ids_of(catalog)
    streams = {message["stream"] for message in expected.of_type("RECORD")}

    assert (outcome.code, expected.code) == (0, 0)
    assert by_id(outcome.records("jira_issues"), names) == expected.records("jira_issues")
    for stream in streams - {"jira_issues", "jira_fields"}:
        assert outcome.records(stream) == expected.records(stream)


def test_what_is_not_selected_is_not_sent(run: Run, at: Site) -> None:
    """A column is unselected by its name; it is not sent, and Jira is not asked for its field."""
    catalog = select(discovered(run), story_points=False, rank=True)
    outcome = run(to=(site := Listing(at, lambda fields: None)), catalog=catalog)
    asked = b" ".join(
        (request.body or b"") + request.url.encode() for request in site.asked if "/search" in request.url
    )

    assert {"story_points", "rank"} & sent_columns(outcome).keys() == {"rank"}
    assert any("rank" in record["fields"] for record in outcome.records("jira_issues"))
    assert not any("story_points" in record["fields"] for record in outcome.records("jira_issues"))
    assert b"story_points" not in asked
    assert b"-customfield_10100" in asked


@pytest.mark.parametrize("odd", [{"customfield_10100": {"a": 1}}, {"customfield_10108": "text"}, {"summary": "a\x00b"}])
def test_odd_values_are_named_too(run: Run, at: Site, odd: dict[str, Any]) -> None:
    """Values that no column expects come out, issue by issue, as in a run by id."""
    site = Listing(at, lambda fields: None, **odd)
    catalog = discovered(run)
    outcome, expected = run(to=site, catalog=catalog), run(to=site, naming="id")

    assert outcome.records("jira_issues")
    assert by_id(outcome.records("jira_issues"), ids_of(catalog)) == expected.records("jira_issues")


def test_odd_issues_are_named_too() -> None:
    """Whatever came before it, and whichever way it is shaped, an issue leaves with the names of columns."""
    schema = add_custom_fields(load("jira_issues"), [field(7, "number")])
    oddities = Oddities("jira_issues", lambda _: None, lambda _: None)
    shaper = Shaper(schema, schema, ["id"], oddities, {}, {"customfield_7": "points"}, patience=0)
    whole = {"id": "1", "fields": {"customfield_7": 5, "summary": "a"}}
    odd = [{"id": "2", "fields": "none"}, {"id": "3", "fields": None}, {"id": "4"}, {"id": "5", "fields": {"x": 1}}]
    named = {"id": "1", "fields": {"points": 5, "summary": "a"}}

    for issue in [whole, *(one for each in odd for one in (each, whole, whole))]:
        for line in (shaper.of_text(json.dumps(issue).encode()), shaper.of_value(issue)):
            assert issue is not whole or (line and json.loads(line)) == {**named, "misfits": None}


def test_a_warning_tells_name_and_id(run: Run, at: Site) -> None:
    """What became null is told by the column's name, with the id that Jira knows."""
    outcome = run(to=Listing(at, lambda fields: None, customfield_10100={"a": 1}))

    assert [
        line for line in outcome.logged("WARNING") if ": fields.story_points (customfield_10100) holds an obj" in line
    ]
    assert [line for line in outcome.logged("WARNING") if ": fields.story_points (customfield_10100) became" in line]


def test_whatever_jira_calls_it_later_the_catalog_settles(run: Run, at: Site) -> None:
    """A field that is renamed in Jira keeps its column as long as the catalog is the same, whatever is configured."""
    catalog = discovered(run)
    renamed = Listing(at, renaming(customfield_10100="Effort", customfield_10106="Story Points"))
    before = run(catalog=catalog).records("jira_issues")

    assert run(to=renamed, catalog=catalog).records("jira_issues") == before
    assert run(to=renamed, catalog=catalog, naming="id").records("jira_issues") == before
    assert "effort" in sent_columns(run(to=renamed))


def test_discovery_keeps_the_names_of_an_old_catalog(run: Run, at: Site) -> None:
    """With --catalog discovery names only what is new, and takes no old name, not even of a field that is gone."""
    old = discovered(run)

    def change(fields: list[dict[str, Any]]) -> None:
        renaming(customfield_10100="Effort", customfield_10106="Story Points")(fields)
        fields.remove(next(one for one in fields if one["id"] == "customfield_10105"))
        adding(field(50_001, "number", name="Effort"), field(50_002, "number", name="Notes"))(fields)

    new = discovered(run, to=Listing(at, change), catalog=old)
    names = ids_of(old)
    del names["customfield_10105"]

    assert ids_of(new) == {**names, "customfield_50001": "effort", "customfield_50002": "notes_50002"}
    assert columns(of_issues(new)["schema"])["story_points"]["title"] == "Effort"


def test_an_old_catalog_by_id_keeps_no_names(run: Run) -> None:
    """Whoever changes the option gets what it says, also from discovery with the old catalog."""
    by_id, by_name = discovered(run, naming="id"), discovered(run)

    assert discovered(run, catalog=by_id) == by_name
    assert discovered(run, catalog=by_name, naming="id") == by_id


def test_a_name_that_was_changed_by_hand(run: Run) -> None:
    """A column may be given any name in the catalog: it leaves under that, and discovery keeps it."""
    text = json.dumps(catalog := discovered(run)).replace('"story_points"', '"Effort_in_days"')
    outcome, expected = run(catalog=json.loads(text)), run(catalog=catalog)
    names = {**ids_of(catalog), "customfield_10100": "Effort_in_days"}

    assert by_id(outcome.records("jira_issues"), names) == by_id(expected.records("jira_issues"), ids_of(catalog))
    assert ids_of(discovered(run, catalog=json.loads(text))) == names


def test_a_new_field_of_jira_is_no_harm(run: Run, at: Site) -> None:
    """A field that comes with the issues under the id that is a column's name is not mistaken for that column."""
    catalog = discovered(run)
    outcome = run(to=Listing(at, lambda fields: None, story_points="nonsense"), catalog=catalog)

    assert outcome.code == 0
    assert outcome.records("jira_issues") == run(catalog=catalog).records("jira_issues")


@pytest.mark.parametrize("field_id", ["customfield_10101", "summary", 7])
def test_a_catalog_with_two_columns_of_a_field(run: Run, field_id: Any) -> None:
    """Two columns of one field, or an id that is none, are an error before anything is sent."""
    catalog = discovered(run)
    for entry in of_issues(catalog)["metadata"]:
        if entry["breadcrumb"][-1:] == ["story_points"]:
            entry["metadata"]["field-id"] = field_id
    outcome = run(catalog=catalog)

    assert (outcome.code, outcome.output) == (2, b"")
    assert "the catalog's metadata of jira_issues" in outcome.logged("CRITICAL")[0]


# The table of fields.


@pytest.fixture(params=["id", "name"])
def naming(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_dictionary_names_each_column(run: Run, naming: str) -> None:
    """Every column of the issues' fields that is a field of the site is found in jira_fields by its id."""
    outcome = run(naming=naming)
    rows = {record["id"]: record for record in outcome.records("jira_fields")}
    sent = sent_columns(outcome)

    assert len(rows) == len(outcome.records("jira_fields")) > 150
    assert {row["column_name"] for row in rows.values()} - {None} <= sent.keys()
    assert [name for name in sent if "title" in sent[name]] == [
        row["column_name"]
        for row in sorted(rows.values(), key=lambda row: (row["custom"], row["id"]))
        if row["column_name"] and "title" in sent[row["column_name"]]
    ]
    assert all(sent[row["column_name"]]["title"] == row["name"] for row in rows.values() if row["custom"])
    assert rows["summary"]["column_name"] == "summary"
    assert rows["issuekey"]["column_name"] is None


def test_the_dictionary_knows_what_is_left_out(run: Run) -> None:
    """A field that is not selected has a row and no column; without the issues no field has one."""
    catalog = select(discovered(run), story_points=False)
    rows = {record["id"]: record for record in run(catalog=catalog).records("jira_fields")}
    of_issues(catalog)["metadata"][0]["metadata"]["selected"] = False
    alone = run(catalog=catalog).records("jira_fields")

    assert (rows["customfield_10100"]["column_name"], rows["customfield_10102"]["column_name"]) == (None, "rank")
    assert len(alone) == len(rows)
    assert {record["column_name"] for record in alone} == {None}


def test_the_dictionary_keeps_up_with_the_columns(run: Run) -> None:
    """However seldom whole tables are read: when other columns of issues are selected, the dictionary is read again."""
    catalog = discovered(run)
    first = run(catalog=catalog, more={"full_table_hours": 24})
    again = run(catalog=catalog, state=first.state, more={"full_table_hours": 24})
    less = run(catalog=select(catalog, rank=False), state=again.state, more={"full_table_hours": 24})

    assert [bool(outcome.records("jira_fields")) for outcome in (first, again, less)] == [True, False, True]
    assert not less.records("jira_users")


def test_settings_of_a_field_are_json(run: Run, at: Site) -> None:
    """What an app keeps with a field comes as JSON text."""
    declared = {"type": "any", "custom": "app:kind", "customId": 50_001, "configuration": {"isMulti": True}}
    more = {"id": "customfield_50001", "name": "New", "custom": True, "schema": declared}
    rows = run(to=Listing(at, adding(more))).records("jira_fields")

    assert rows[-1]["schema"] == {**declared, "configuration": '{"isMulti":true}'}


# New fields.


def told(outcome: Outcome) -> list[str]:
    return [line for line in outcome.logged("INFO") if "discover again to get them" in line]


def few(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with one field of the issues."""
    for entry in of_issues(catalog)["metadata"]:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = entry["breadcrumb"] in (["properties", "fields"], [*FIELDS, "summary"])
    return catalog


NEW = [field(50_001, "number", name="Effort"), field(50_002, "number", name="Rank")]


@pytest.mark.parametrize("selecting", [few, lambda catalog: catalog])
@pytest.mark.parametrize("arrives", [{}, {"customfield_50002": 5}, {"customfield_50002": 5, "customfield_60000": 6}])
def test_new_fields_are_told_once(
    run: Run, at: Site, naming: str, selecting: Callable[[Any], Any], arrives: dict[str, Any]
) -> None:
    """A run that reads jira_fields tells the fields that the catalog lacks in one line, whether they come or not."""
    catalog = selecting(discovered(run, naming=naming))
    outcome = run(to=Listing(at, adding(*NEW), **arrives), catalog=catalog)
    other = ", customfield_60000" if "customfield_60000" in arrives else ""

    assert outcome.code == 0
    assert told(outcome) == [
        "INFO jira_issues: fields of the site that are not in the catalog are left out, discover again to get them: "
        f"Effort (customfield_50001), Rank (customfield_50002){other}"
    ]


def test_nothing_new_is_nothing_to_tell(run: Run, naming: str) -> None:
    """With the catalog of this very site, in part or not at all, no field is told."""
    catalog = discovered(run, naming=naming)

    assert [told(run(catalog=chosen, naming=naming)) for chosen in (catalog, few(catalog), None)] == [[], [], []]


def test_without_the_list_what_comes_is_told(run: Run, at: Site) -> None:
    """Where jira_fields is not selected a new field is told by its id, if it comes with the issues."""
    catalog = discovered(run)
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["stream"] != "jira_fields"]
    outcome = run(to=Listing(at, adding(*NEW), customfield_50002=5), catalog=catalog)

    assert [line.partition("get them: ")[2] for line in told(outcome)] == ["customfield_50002"]


def test_many_new_fields_are_counted(run: Run, at: Site) -> None:
    """Of hundreds of new fields the first are named and the others counted."""
    more = [field(50_000 + n, "number", name=f"F{n}") for n in range(80)]
    line = told(run(to=Listing(at, adding(*more)), catalog=discovered(run)))

    assert line[0].endswith(", F48 (customfield_50048), F49 (customfield_50049) and 30 more")
