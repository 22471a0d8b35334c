"""Tables that are read project by project, versions and components, in whole runs on both kinds of site."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tap_jira.client import Sends
from tap_jira.projects import AT_ONCE, MOST_FAILED
from tap_jira.simulator import Account, Accounts, CloudCredentials, CloudSite, Site, World
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, CLOUD, Outcome, Time

VERSIONS, COMPONENTS = "jira_versions", "jira_components"
GONE = Response.of_json({"errorMessages": ["No project could be found with id '10002'."], "errors": {}}, 404)
FORBIDDEN = Response.of_json({"errorMessages": ["You may not."], "errors": {}}, 403)
BROKEN = Response.of_json({"errorMessages": ["Internal server error"], "errors": {}}, 500)
PROJECTS = ["WEB", "OPS", "ABC", "KÜCHE", "DATA", "HR2", "MOB", "AND", "OLD"]
"""In the order of Data Center's list; the last one is archived, the second has 130 versions and the others four."""


class Jira(NamedTuple):
    """A site of one kind, and how to log in there."""

    site: Site | CloudSite
    config: dict[str, Any]


@pytest.fixture(params=["server", "cloud"])
def jira(request: pytest.FixtureRequest, site: Site, cloud: CloudSite, keys: CloudCredentials) -> Jira:
    if request.param == "cloud":
        return Jira(cloud, {"base_url": CLOUD, **keys.basic})
    return Jira(site, {"base_url": BASE, "personal_access_token": TOKEN})


class Wire:
    """A site that notes what is asked of its projects, and answers otherwise where one of these is in the path."""

    def __init__(self, site: Sends, answers: dict[str, Response | Callable[[Any], Any]] | None = None) -> None:
        self._site, self._answers = site, answers or {}
        self.asked: list[str] = []
        self.queries: list[dict[str, list[str]]] = []

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        path = parts.path.partition("/rest/api/2/")[2]
        if path.startswith("project/1"):
            self.asked.append(path)
            self.queries.append(parse_qs(parts.query))
        for part, answer in self._answers.items():
            if part in path:
                return answer if isinstance(answer, Response) else self._changed(request, answer)
        return self._site.send(request)

    def _changed(self, request: Request, change: Callable[[Any], Any]) -> Response:
        return Response.of_json(change(orjson.loads(self._site.send(request).body)))


@pytest.fixture
def read(tap: Tap, jira: Jira) -> Callable[..., Outcome]:
    """Sync these tables, from this site and with these further keys of the configuration."""

    def run(*tables: str, to: Sends | None = None, without: Iterable[str] = (), **options: Any) -> Outcome:
        config = {**jira.config, **options.pop("changes", {})}
        catalog = selecting(tap, jira, tables or (VERSIONS, COMPONENTS), without)
        return tap(config=config, catalog=catalog, to=to or jira.site, **options)

    return run


Read = Callable[..., Outcome]


def selecting(tap: Tap, jira: Jira, tables: Iterable[str], without: Iterable[str] = ()) -> dict[str, Any]:
    """The catalog of a site with these tables selected, without these of their columns."""
    catalog: dict[str, Any] = json.loads(tap("--discover", config=jira.config, to=jira.site).output)
    for entry in catalog["streams"]:
        for about in entry["metadata"]:
            if not about["breadcrumb"]:
                about["metadata"]["selected"] = entry["stream"] in tables
            elif entry["stream"] in (VERSIONS, COMPONENTS) and about["breadcrumb"][-1] in without:
                about["metadata"]["selected"] = False
    return catalog


def counts(outcome: Outcome, table: str) -> dict[str, int]:
    """How many rows each project has, in the order in which they came."""
    found: dict[str, int] = {}
    for record in outcome.records(table):
        found[record["project_key"]] = found.get(record["project_key"], 0) + 1
    return found


def activated(outcome: Outcome) -> set[str]:
    return {message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")}


# What comes.


def test_every_version_and_component_comes_once(read: Read) -> None:
    """Every project has its rows, an archived one too, and one more than fit into a page."""
    outcome = read()

    assert outcome.code == 0
    assert counts(outcome, VERSIONS) == {key: 130 if key == "OPS" else 4 for key in PROJECTS}
    assert counts(outcome, COMPONENTS) == dict.fromkeys(PROJECTS[:-1], 3)
    for table in (VERSIONS, COMPONENTS):
        ids = [record["id"] for record in outcome.records(table)]
        assert len(ids) == len(set(ids))


def test_rows_join_with_the_projects(read: Read) -> None:
    """project_id and project_key are those of jira_projects, text as there."""
    outcome = read("jira_projects", VERSIONS, COMPONENTS)

    projects = {record["id"]: record["key"] for record in outcome.records("jira_projects")}
    rows = outcome.records(VERSIONS) + outcome.records(COMPONENTS)
    assert {record["project_id"]: record["project_key"] for record in rows} == projects


def test_rows_join_with_the_issues(read: Read) -> None:
    """What issues say of their versions and components is in the tables, under the same id and the same name."""
    outcome = read("jira_issues", VERSIONS, COMPONENTS, changes={"start_date": "2000-01-01"})

    fields = [(record["key"].split("-")[0], record["fields"]) for record in outcome.records("jira_issues")]
    for table, columns in ((VERSIONS, ("fixVersions", "versions")), (COMPONENTS, ("components",))):
        known = {(row["id"], row["name"], row["project_key"]) for row in outcome.records(table)}
        named = {(it["id"], it["name"], key) for key, field in fields for name in columns for it in field[name]}
        assert len(named) > 5
        assert named <= known


def test_versions_have_days(read: Read) -> None:
    """A release date is a day, and nothing of a version or component becomes null for its type."""
    outcome = read()

    dates = {record["name"]: record.get("releaseDate") for record in outcome.records(VERSIONS)}
    assert (dates["1.0.0"], dates["3.0.0"]) == ("2023-02-15", None)
    assert outcome.logged("WARNING") == []
    assert "not in the catalog" not in outcome.log


def test_nobody_reads_them_by_default(tap: Tap, jira: Jira) -> None:
    """Without a catalog neither table is announced, and no project is asked for its lists."""
    wire = Wire(jira.site)
    outcome = tap(config=jira.config, to=wire)

    assert not {VERSIONS, COMPONENTS} & {message["stream"] for message in outcome.of_type("SCHEMA")}
    assert wire.asked == []


def test_a_request_for_each_project(read: Read, jira: Jira) -> None:
    """Each table costs one request a project, on Cloud one more for a second page."""
    wire = Wire(jira.site)
    read(to=wire)

    numbers = range(10000, 10009)
    whole = ["versions", "components"] if jira.config["base_url"] == BASE else ["version", "version", "component"]
    assert sorted(set(wire.asked)) == sorted({f"project/{n}/{name}" for n in numbers for name in whole})
    assert len(wire.asked) == 18 + (len(whole) == 3)


def test_the_projects_of_the_configuration_are_for_issues(read: Read) -> None:
    """As the table of projects, these come whole where only the issues of one project are wanted."""
    outcome = read(changes={"projects": ["WEB"]})

    assert list(counts(outcome, VERSIONS)) == PROJECTS


def test_the_order_is_that_of_the_lists(read: Read, jira: Jira) -> None:
    """In whatever order the answers come, the rows come project by project, and in them as Jira lists them."""
    expected = [message["record"] for message in read().of_type("RECORD")]

    for seed in range(3):
        outcome = read(random=Random(seed), to=jira.site)
        assert [message["record"] for message in outcome.of_type("RECORD")] == expected


def test_many_projects(tap: Tap, time: Time) -> None:
    """More projects than are read together all come."""
    count = 2 * AT_ONCE + 5
    who = Accounts((Account("tap-reader", tokens={TOKEN: None}),))
    many = Site(World(issues=1, projects=count, now=time), accounts=who, base_url=BASE)
    jira = Jira(many, {"base_url": BASE, "personal_access_token": TOKEN})
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [COMPONENTS]), to=many)

    assert len(counts(outcome, COMPONENTS)) == count
    assert len(outcome.records(COMPONENTS)) == 3 * count


# Cloud's own.


def cloud_of(cloud: CloudSite, keys: CloudCredentials) -> Jira:
    return Jira(cloud, {"base_url": CLOUD, **keys.basic})


def test_what_only_cloud_tells_of_versions(tap: Tap, cloud: CloudSite, keys: CloudCredentials) -> None:
    """Who drives a version, who approves it and how far its issues are is asked for where it is selected."""
    jira, wire = cloud_of(cloud, keys), Wire(cloud)
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [VERSIONS], ["approvers"]), to=wire)

    rows = outcome.records(VERSIONS)
    assert {query["expand"][0] for query in wire.queries} == {"driver,issuesstatus"}
    assert {type(row.get("driver")) for row in rows} == {str, type(None)}
    assert all(row["issuesStatusForFixVersion"]["inProgress"] == 1 for row in rows)


def test_components_of_compass(tap: Tap, cloud: CloudSite, keys: CloudCredentials) -> None:
    """A project that uses Compass has its components with what Compass knows of them, and counts of issues."""
    jira = cloud_of(cloud, keys)
    rows = tap(config=jira.config, catalog=selecting(tap, jira, [COMPONENTS]), to=cloud).records(COMPONENTS)

    assert {row["project_key"] for row in rows if row.get("ari")} == {"ABC", "AND"}
    assert {row["metadata"] for row in rows if row.get("ari")} == {'{"icon":"box.png"}'}
    assert {type(row["issueCount"]) for row in rows} == {int}


# What old versions leave out, and what is odd.


def test_versions_that_do_not_tell_their_project(tap: Tap, site: Site) -> None:
    """The project of a row is known where Jira, as old ones do, does not say it."""
    jira = Jira(site, {"base_url": BASE, "personal_access_token": TOKEN})
    old = Wire(site, {"/versions": lambda rows: [{k: v for k, v in row.items() if k != "projectId"} for row in rows]})
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [VERSIONS]), to=old)

    assert {record["project_id"] for record in outcome.records(VERSIONS)} == {str(n) for n in range(10000, 10009)}


@pytest.mark.parametrize("odd", [None, "text", 5, {}, {"name": "nameless"}])
def test_odd_rows(tap: Tap, site: Site, odd: Any) -> None:
    """A row that is none is left out with an error, and all others come."""
    jira = Jira(site, {"base_url": BASE, "personal_access_token": TOKEN})
    strange = Wire(site, {"10003/components": lambda rows: [odd, *rows]})
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [COMPONENTS]), to=strange)

    assert (outcome.code, len(outcome.records(COMPONENTS))) == (1, 24)


@pytest.mark.parametrize("odd", [None, "text", {}, {"id": "none"}])
def test_odd_projects(tap: Tap, site: Site, odd: Any) -> None:
    """An entry of the list of projects that is none is passed over with a warning."""
    jira = Jira(site, {"base_url": BASE, "personal_access_token": TOKEN})

    class Strange(Wire):
        def send(self, request: Request) -> Response:
            answer = super().send(request)
            is_list = urlsplit(request.url).path.endswith("/2/project")
            return Response.of_json([*orjson.loads(answer.body), odd]) if is_list else answer

    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [COMPONENTS]), to=Strange(site))

    assert (outcome.code, len(outcome.records(COMPONENTS))) == (0, 24)
    assert "1 of 10 projects are passed over" in outcome.log


# Projects that cannot be read.


@pytest.mark.parametrize("answer", [GONE, FORBIDDEN])
def test_a_project_that_is_gone_or_forbidden(read: Read, jira: Jira, answer: Response) -> None:
    """It is passed over with a warning, the others come, and the run is good."""
    outcome = read(VERSIONS, to=Wire(jira.site, {"10002/": answer}))

    assert outcome.code == 0
    assert list(counts(outcome, VERSIONS)) == [key for key in PROJECTS if key != "ABC"]
    assert [line for line in outcome.logged("WARNING") if "1 of 9 projects are passed over (ABC): GET " in line]


@pytest.mark.parametrize("answer", [GONE, FORBIDDEN])
def test_rows_of_a_project_that_was_passed_over_stay(read: Read, jira: Jira, answer: Response) -> None:
    """No version is activated of a table in which a project is missing, though it carries one; of the other it is."""
    wire = Wire(jira.site, {"10002/version": answer})
    outcome = read(to=wire, changes={"activate_version": True})

    assert {message["stream"] for message in outcome.of_type("RECORD") if "version" in message} == {
        VERSIONS,
        COMPONENTS,
    }
    assert activated(outcome) == {COMPONENTS}
    assert f"{VERSIONS}: rows that are gone from Jira stay in the target: 1 of 9 projects" in outcome.log


def test_a_project_that_is_lost_on_the_way(tap: Tap, cloud: CloudSite, keys: CloudCredentials) -> None:
    """What came of a project before it was gone is sent, and its other rows stay in the target."""
    jira = cloud_of(cloud, keys)

    class Vanishing(Wire):
        def send(self, request: Request) -> Response:
            answer = super().send(request)
            return GONE if "10001/version" in request.url and "startAt=0&" not in request.url else answer

    config = {**jira.config, "activate_version": True}
    outcome = tap(config=config, catalog=selecting(tap, jira, [VERSIONS]), to=Vanishing(cloud))

    assert (outcome.code, counts(outcome, VERSIONS)["OPS"], activated(outcome)) == (0, 100, set())


def test_an_account_that_may_read_none(read: Read, jira: Jira) -> None:
    """Where each project is forbidden the table is skipped with an error, and the other one comes."""
    outcome = read(to=Wire(jira.site, {"/version": FORBIDDEN}))

    assert (outcome.code, outcome.records(VERSIONS)) == (3, [])
    assert len(outcome.records(COMPONENTS)) == 24
    assert [line for line in outcome.logged("ERROR") if f"{VERSIONS} is skipped: " in line]


def test_a_project_that_jira_fails_over(read: Read, jira: Jira) -> None:
    """All other projects come, those behind it too, and the table is told to be incomplete."""
    wire = Wire(jira.site, {"10002/version": BROKEN})
    outcome = read(VERSIONS, to=wire, changes={"activate_version": True})

    assert (outcome.code, activated(outcome)) == (4, set())
    assert list(counts(outcome, VERSIONS)) == [key for key in PROJECTS if key != "ABC"]
    assert [
        line for line in outcome.logged("ERROR") if f"{VERSIONS} is not complete: GET /rest/api/2/project/1000" in line
    ]


def test_a_jira_that_fails_over_all(read: Read, jira: Jira) -> None:
    """Not every project costs all the tries that a request has."""
    wire = Wire(jira.site, {"/version": BROKEN})
    outcome = read(VERSIONS, to=wire)

    assert outcome.code == 4
    assert len(set(wire.asked)) == MOST_FAILED + 1


def test_a_list_that_does_not_agree_with_its_total(tap: Tap, cloud: CloudSite, keys: CloudCredentials) -> None:
    """What came of it is sent, all other projects come, and the table is told to be incomplete."""
    jira = cloud_of(cloud, keys)
    wire = Wire(cloud, {"10002/version": lambda page: {**page, "total": 1000}})
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [VERSIONS]), to=wire)

    assert outcome.code == 4
    assert counts(outcome, VERSIONS) == {key: 130 if key == "OPS" else 4 for key in PROJECTS}


def test_a_site_that_lacks_the_path(read: Read, jira: Jira) -> None:
    """A path that is not there is no project that is gone: the table fails and says what to check."""
    outcome = read(VERSIONS, to=Wire(jira.site, {"/version": Response.of_json({"message": "null for uri"}, 404)}))

    assert (outcome.code, outcome.records(VERSIONS)) == (3, [])
    assert "check base_url" in outcome.log


# How often, and beforehand.


def test_they_need_not_be_read_each_time(read: Read, jira: Jira, time: Time) -> None:
    """Until full_table_hours have passed no project is asked for anything."""
    daily = {"full_table_hours": 24}
    state = read(changes=daily).state
    time.seconds += 3600
    wire = Wire(jira.site)
    young = read(changes=daily, state=state, to=wire)

    assert (wire.asked, young.of_type("RECORD")) == ([], [])
    time.seconds += 24 * 3600
    assert len(read(changes=daily, state=young.state).records(COMPONENTS)) == 24


def checked(tap: Tap, jira: Jira, to: Sends) -> Any:
    """What a check says of the two tables: whether they are readable, and the exit code."""
    catalog = selecting(tap, jira, [VERSIONS, COMPONENTS])
    outcome = tap("check", "--json", config=jira.config, catalog=catalog, to=to)
    facts = json.loads(outcome.output)
    readable = {entry["name"]: entry["readable"] for entry in facts["streams"]}
    return readable[VERSIONS], readable[COMPONENTS], outcome.code


def test_a_check_asks_one_project(tap: Tap, jira: Jira) -> None:
    """Whether the tables can be read is tried with the lists of one project."""
    wire = Wire(jira.site)

    assert checked(tap, jira, wire) == (True, True, 0)
    assert len(wire.asked) == 2


def test_a_check_of_an_account_that_may_not(tap: Tap, jira: Jira) -> None:
    """A table that would be skipped is told beforehand, with the exit code of the sync."""
    assert checked(tap, jira, Wire(jira.site, {"/version": FORBIDDEN})) == (False, True, 3)


def test_a_check_of_a_project_that_is_gone(tap: Tap, jira: Jira) -> None:
    """That the first project is gone says nothing of the others."""
    assert checked(tap, jira, Wire(jira.site, {"10000/": GONE})) == (True, True, 0)


def test_a_site_without_projects(tap: Tap, jira: Jira) -> None:
    """Where no project is to be seen the tables are empty, and a check finds nothing wrong."""
    none = Wire(jira.site, {"project/search": GONE, "project": Response.of_json([])})
    outcome = tap(config=jira.config, catalog=selecting(tap, jira, [VERSIONS]), to=none)

    assert (outcome.code, outcome.of_type("RECORD")) == (0, [])
    assert checked(tap, jira, none) == (True, True, 0)
