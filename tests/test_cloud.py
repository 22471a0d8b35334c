"""Whole runs against a simulated Jira Cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tap_jira.client import Sends
from tap_jira.simulator import (
    Account,
    Accounts,
    CloudCredentials,
    CloudLimits,
    CloudSite,
    Faults,
    Site,
    World,
    cloud_credentials,
)
from tap_jira.simulator.cloud import SEARCH_CAPS
from tap_jira.streams import STREAMS
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Outcome, Time

CLOUD = "https://example.atlassian.net"
SEARCH, COUNT, CHANGES = "search/jql", "search/approximate-count", "changelog/bulkfetch"
MANY_COMMENTS, MANY_WORKLOGS, MANY_CHANGES = "10007", "10011", "10013"
"""The issues of the simulated site that have more of something than Cloud prints with them."""


@dataclass
class Asked:
    """A request: the path below the API's version, its method, and its parameters or the members of its body."""

    path: str
    method: str
    members: dict[str, Any]


@dataclass
class Wire:
    """Stands before a site: notes each request, and may do something after it or change the answer."""

    site: Sends
    change: Callable[[Asked, Response], Response] = lambda asked, answer: answer
    asked: list[Asked] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        address = urlsplit(request.url)
        members = orjson.loads(request.body) if request.body else dict(parse_qsl(address.query))
        self.asked.append(Asked(address.path.partition("/rest/api/2/")[2], request.method, members))
        return self.change(self.asked[-1], self.site.send(request))

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    @property
    def searches(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == SEARCH]


Build = Callable[..., CloudSite]


@pytest.fixture(scope="module")
def keys() -> CloudCredentials:
    """Credentials made for this run of the tests."""
    return cloud_credentials()


@pytest.fixture
def build(time: Time, keys: CloudCredentials) -> Build:
    """Make a site of 60 issues that has these limits."""

    def made(issues: int = 60, **limits: Any) -> CloudSite:
        world = World(seed=1, issues=issues, now=time)
        return CloudSite(world, accounts=keys.accounts, base_url=CLOUD, limits=CloudLimits(**limits))

    return made


@pytest.fixture
def site(build: Build) -> CloudSite:
    """The site that the ``tap`` fixture runs against."""
    return build()


@pytest.fixture
def config(keys: CloudCredentials) -> dict[str, Any]:
    """A configuration that works."""
    return {"base_url": CLOUD, **keys.basic}


def ids(outcome: Outcome) -> list[str]:
    return sorted(record["id"] for record in outcome.records("jira_issues"))


def real(site: CloudSite) -> list[str]:
    return sorted(str(issue.id) for issue in site.world.issues())


def issue_of(outcome: Outcome, issue_id: str) -> dict[str, Any]:
    return next(record for record in outcome.records("jira_issues") if record["id"] == issue_id)


def only(catalog: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The catalog with these fields of issues selected and nothing else of them."""
    entry = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_issues")
    for about in entry["metadata"]:
        crumb = about["breadcrumb"]
        if crumb:
            about["metadata"]["selected"] = crumb[-1] in ("fields", *fields) and crumb[:2] == ["properties", "fields"]
    return {**catalog, "streams": [entry]}


def answering(path: str, status: int) -> Callable[[Asked, Response], Response]:
    """A site that says no at this path."""
    no = Response.of_json({"errorMessages": ["The requested API has been removed."]}, status)
    return lambda asked, answer: no if asked.path == path else answer


# What comes.


def test_all_tables_come(tap: Tap, site: CloudSite) -> None:
    """A run without a catalog brings rows of every table that is selected by default, and each issue once."""
    outcome = tap()

    assert outcome.code == 0
    assert {message["stream"] for message in outcome.of_type("RECORD")} == {
        stream.name for stream in STREAMS if stream.by_default
    }
    assert ids(outcome) == real(site)


@pytest.mark.parametrize("page_size", [2, 7, 100])
def test_each_issue_comes_once_whatever_the_pages(
    tap: Tap, build: Build, config: dict[str, Any], page_size: int
) -> None:
    """Small pages on our side and short or empty ones on Jira's bring each issue once."""
    site = build(issues=150, short_share=0.2, count_error=0.3)
    outcome = tap(to=site, config={**config, "page_size": page_size})

    assert (outcome.code, ids(outcome)) == (0, real(site))


def test_issues_are_those_of_data_center(tap: Tap, time: Time) -> None:
    """The same world brings the same issues from both kinds of site, as far as both print alike."""
    account = Account("tap-reader", tokens={TOKEN: None}, zone="Europe/Berlin")
    server = Site(World(seed=1, issues=60, now=time), accounts=Accounts((account,)), base_url=BASE)
    both = [tap(), tap(to=server, config={"base_url": BASE, "personal_access_token": TOKEN})]

    cloud, data_center = ([alike(record) for record in outcome.records("jira_issues")] for outcome in both)
    assert len(cloud) == 60
    assert cloud == data_center


def alike(record: dict[str, Any]) -> dict[str, Any]:
    """What an issue has on both kinds of site."""
    fields = record["fields"]
    return {
        **{name: record[name] for name in ("id", "key", "updated_at")},
        **{name: fields[name] for name in ("summary", "created", "labels")},
        "status": fields["status"]["name"],
        "comments": len(fields["comment"]["comments"]),
        "worklogs": len(fields["worklog"]["worklogs"]),
        "histories": len(record["changelog"]["histories"]),
    }


def test_children_that_cloud_cuts_are_complete(tap: Tap, site: CloudSite) -> None:
    """Comments, worklogs and changes come whole, also where Cloud prints only the first of them with an issue."""
    outcome = tap(to=(wire := Wire(site)))

    comments = issue_of(outcome, MANY_COMMENTS)["fields"]["comment"]
    worklogs = issue_of(outcome, MANY_WORKLOGS)["fields"]["worklog"]
    changes = issue_of(outcome, MANY_CHANGES)["changelog"]
    assert len(comments["comments"]) == comments["total"] > SEARCH_CAPS.comments
    assert len(worklogs["worklogs"]) == worklogs["total"] > SEARCH_CAPS.worklogs
    assert len(changes["histories"]) == changes["total"] > SEARCH_CAPS.changes
    assert {f"issue/{MANY_COMMENTS}/comment", f"issue/{MANY_WORKLOGS}/worklog", CHANGES} <= set(wire.paths)


def test_children_that_are_not_selected_are_not_asked_for(tap: Tap, site: CloudSite) -> None:
    """Without comments, worklogs and changelog no issue is asked for more than the search printed."""
    catalog = only(json.loads(tap("--discover").output), "summary", "status")
    outcome = tap(to=(wire := Wire(site)), catalog=catalog)

    assert ids(outcome) == real(site)
    assert not [path for path in wire.paths if path.startswith("issue/") or path == CHANGES]
    assert {asked.members.get("expand") for asked in wire.searches} == {None}


# What it costs.


@pytest.mark.parametrize("with_catalog", [True, False])
def test_quiet_run_costs_one_search(tap: Tap, site: CloudSite, time: Time, with_catalog: bool) -> None:
    """Where nothing changed the issues cost a single search, and all tables at most 14 requests."""
    catalog = json.loads(tap("--discover").output) if with_catalog else None
    state = tap(catalog=catalog).state
    time.seconds += 3600
    outcome = tap(to=(wire := Wire(site)), catalog=catalog, state=state)

    assert (outcome.code, ids(outcome), len(wire.searches)) == (0, [], 1)
    assert len(wire.asked) <= 14


def test_second_run_brings_what_changed(tap: Tap, site: CloudSite, time: Time) -> None:
    """An issue that was edited and one that is new come in the next run, and no other."""
    state = tap().state
    time.seconds += 3600
    site.world.edit(10030)
    new = site.world.create()
    time.seconds += 60

    assert ids(tap(state=state)) == sorted(["10030", str(new)])


# How it is asked.


def test_no_position_and_nothing_that_was_removed(tap: Tap, build: Build, config: dict[str, Any]) -> None:
    """Issues are searched by token alone: no startAt, and never at the path that Atlassian has removed."""
    wire = Wire(build(issues=150, page_cap=10))
    tap(to=wire, config={**config, "page_size": 7})

    assert not {"search", "issue/picker"}.intersection(wire.paths)
    assert [asked.members for asked in wire.searches if "startAt" in asked.members] == []
    assert sum("nextPageToken" in asked.members for asked in wire.searches) > 10


def test_long_search_is_posted(tap: Tap, site: CloudSite, config: dict[str, Any]) -> None:
    """A search too long for an address goes as POST, its expansions one text, and brings the same records."""
    short = tap()
    everything = " OR ".join(f'project = "{key}"' for key in site.world.project_keys)
    wire = Wire(site)
    outcome = tap(to=wire, config={**config, "jql": " OR ".join([everything] * 40)})

    posted = [asked.members for asked in wire.searches if asked.method == "POST"]
    assert posted
    assert isinstance(posted[-1]["fields"], list)
    assert "changelog" in posted[-1]["expand"].split(",")
    assert outcome.records("jira_issues") == short.records("jira_issues")


def test_each_search_names_its_projects(tap: Tap, site: CloudSite, config: dict[str, Any]) -> None:
    """A condition stands in the searches and in the count."""
    key = site.world.project_keys[0]
    wire = Wire(site)
    outcome = tap(to=wire, config={**config, "projects": [key], "page_size": 2})

    assert {record["key"].partition("-")[0] for record in outcome.records("jira_issues")} == {key}
    asked = [asked.members["jql"] for asked in wire.asked if asked.path in (SEARCH, COUNT)]
    assert all(key in query for query in asked if not query.startswith(('updated >= "1970', "id = ")))


# What goes wrong.


@pytest.mark.parametrize("every", [1, 5])
def test_tokens_that_expire_lose_nothing(
    tap: Tap, build: Build, time: Time, config: dict[str, Any], every: int
) -> None:
    """If a token is too old when it is used, the search begins anew, and each issue comes once all the same."""
    site = build(issues=150, token_seconds=10)
    refused: list[bool] = []

    def go_by(asked: Asked, answer: Response) -> Response:
        time.seconds += 20 * (len(wire.asked) % every == 0)
        refused.append(answer.status == 400 and "nextPageToken" in asked.members)
        return answer

    wire = Wire(site, go_by)
    outcome = tap(to=wire, config={**config, "page_size": 20})

    assert any(refused)
    assert (outcome.code, ids(outcome)) == (0, real(site))


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_site_that_does_not_count_costs_no_row(tap: Tap, build: Build, config: dict[str, Any], status: int) -> None:
    """Without the approximate count every issue comes, and it is not asked for at each page."""
    site = build(issues=150, page_cap=10)
    wire = Wire(site, answering(COUNT, status))
    outcome = tap(to=wire, config={**config, "page_size": 5})

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert 0 < wire.paths.count(COUNT) < len(wire.searches) / 2


def test_a_long_list_is_cut_by_its_count(tap: Tap, build: Build) -> None:
    """What is counted to be many pages is read in several windows, which can be fetched side by side."""
    counted, uncounted = (
        Wire(build(issues=500, page_cap=50)),
        Wire(build(issues=500, page_cap=50), answering(COUNT, 404)),
    )
    for wire in (counted, uncounted):
        tap(to=wire)

    assert upper_bounds(counted) > 3
    assert upper_bounds(uncounted) < 3


def upper_bounds(wire: Wire) -> int:
    """How many different instants end the windows that were asked for."""
    return len(
        {bound for asked in wire.searches for bound in re.findall(r"updated < (\d+) ORDER", asked.members["jql"])}
    )


@pytest.mark.parametrize("shares", [{"repeat_token_share": 0.2}, {"drop_token_share": 0.2}, {"count_error": 1.0}])
def test_tokens_and_counts_that_are_wrong_cost_no_row(
    tap: Tap, build: Build, config: dict[str, Any], shares: dict[str, float]
) -> None:
    """Tokens that come twice or too seldom, and a count that means nothing: each issue comes once."""
    site = build(issues=300, page_cap=30, **shares)
    outcome = tap(to=site, config=config)

    assert (outcome.code, ids(outcome)) == (0, real(site))


@pytest.mark.parametrize("status", [404, 410])
def test_site_without_the_search_ends_with_a_clear_error(tap: Tap, site: CloudSite, status: int) -> None:
    """If Jira has the search no more, the last line says which path and what Jira said; the other tables come."""
    outcome = tap(to=Wire(site, answering(SEARCH, status)))

    assert outcome.code == 3
    assert outcome.records("jira_issues") == []
    assert outcome.records("jira_projects")
    lines = [line for line in outcome.log.splitlines() if "The requested API has been removed." in line]
    assert any(f"/rest/api/2/{SEARCH}" in line and str(status) in line for line in lines)
    assert "Traceback" not in outcome.log


@pytest.mark.parametrize("page_size", [2, 100])
def test_one_issue_that_fails_hides_no_other(tap: Tap, site: CloudSite, config: dict[str, Any], page_size: int) -> None:
    """If Cloud cannot print one field of an issue, that one comes with its plain fields and the others whole."""
    outcome = tap(to=Faults(site, poison=[10020]), config={**config, "page_size": page_size})

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert issue_of(outcome, "10020")["fields"]["summary"]
    assert "is written with its plain fields alone" in outcome.log


def test_issue_that_cannot_be_printed_is_owed(tap: Tap, site: CloudSite) -> None:
    """One without even its plain fields is remembered, and comes in the run after it was mended."""
    broken = tap(to=Faults(site, poison=[10020], poison_fields=("summary", "description")))
    mended = tap(state=broken.state)

    assert (broken.code, len(ids(broken))) == (4, 59)
    assert broken.state["bookmarks"]["jira_issues"]["owed"] == ["10020"]
    assert (mended.code, "10020" in ids(mended)) == (0, True)
    assert "owed" not in mended.state["bookmarks"]["jira_issues"]
