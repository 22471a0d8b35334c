"""Comments, changes and worklogs as tables of their own, beside the issues and without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from singer import metrics

from tap_jira.client import Sends
from tap_jira.schema import load
from tap_jira.simulator import Account, Accounts, CloudCredentials, CloudSite, Limits, Site, World
from tap_jira.simulator.children import change_total, comment_total, worklog_total
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, CLOUD, Outcome, Time

ISSUES, COMMENTS, CHANGES, WORKLOGS = "jira_issues", "jira_issue_comments", "jira_issue_changelogs", "jira_worklogs"
CHILDREN: dict[str, tuple[tuple[str, ...], Callable[..., int], str]] = {
    COMMENTS: (("fields", "comment", "comments"), comment_total, "comment"),
    CHANGES: (("changelog", "histories"), change_total, "history"),
    WORKLOGS: (("fields", "worklog", "worklogs"), worklog_total, "worklog"),
}
"""Where the rows lie in an issue, how many the simulated Jira makes, and the schema that they have there."""
DAY = 86_400
MANY_COMMENTS = "10007"

Catalog = dict[str, Any]


@dataclass
class Heard:
    """Notes what a site is asked for, and may give another answer than it did."""

    site: Sends
    change: Callable[[str, Response], Response] = lambda path, answer: answer
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        address = urlsplit(request.url)
        path = address.path.partition("/rest/api/2/")[2]
        self.asked.append((path, orjson.loads(request.body) if request.body else dict(parse_qsl(address.query))))
        return self.change(path, self.site.send(request))

    def of(self, path: str) -> list[dict[str, Any]]:
        return [members for asked, members in self.asked if asked == path]


def only(everything: Catalog, *names: str) -> Catalog:
    """A catalog in which these streams are selected."""
    streams = [
        {**entry, "metadata": [{"breadcrumb": [], "metadata": {**entry["metadata"][0]["metadata"], "selected": is_in}}]}
        for entry in everything["streams"]
        for is_in in [entry["stream"] in names]
    ]
    return {"streams": streams}


def without(catalog: Catalog, *crumb: str) -> Catalog:
    """The catalog with this column of the issues unselected."""
    streams = [
        {**entry, "metadata": [*entry["metadata"], {"breadcrumb": list(crumb), "metadata": {"selected": False}}]}
        if entry["stream"] == ISSUES
        else entry
        for entry in catalog["streams"]
    ]
    return {"streams": streams}


def ids(outcome: Outcome, stream: str) -> list[str]:
    return sorted(record["id"] for record in outcome.records(stream))


def made(world: World, total: Callable[..., int], issues: Iterable[int] | None = None) -> list[str]:
    """The ids of all children that the simulated Jira has, of these issues or of all."""
    wanted = None if issues is None else set(issues)
    of = [issue for issue in world.issues() if wanted is None or issue.id in wanted]
    return sorted(str(issue.id * 1000 + n) for issue in of for n in range(total(world.seed, issue)))


def at(record: dict[str, Any], *place: str) -> Any:
    value: Any = record
    for name in place:
        value = value[name]
    return value


def kept(outcome: Outcome, stream: str) -> dict[str, Any]:
    found: dict[str, Any] = outcome.state["bookmarks"].get(stream, {})
    return found


def refusing(site: Sends, end: str, status: int) -> Heard:
    """A site that answers with this status where the path ends so."""
    refusal = Response.of_json({"errorMessages": ["no"]}, status)
    return Heard(site, lambda path, answer: refusal if path.endswith(end) else answer)


@pytest.fixture
def short(time: Time) -> Site:
    """A Data Center that gives no more than four issues at a time, so that a scan has many windows."""
    account = Account("tap-reader", "p", True, "UTC", {TOKEN: None})
    world = World(seed=1, issues=300, now=time)
    return Site(world, accounts=Accounts((account,)), base_url=BASE, limits=Limits(page_cap=4))


# What comes.


@pytest.mark.parametrize("beside", [True, False], ids=["with issues", "alone"])
@pytest.mark.parametrize("kind", ["server", "cloud"])
def test_every_child_comes_once(
    tap: Tap,
    everything: Catalog,
    cutting: Site,
    time: Time,
    config: dict[str, Any],
    keys: CloudCredentials,
    kind: str,
    beside: bool,
) -> None:
    """Each comment, change and worklog of each issue, beyond what Jira prints with it, with the issues and without."""
    world, site = cutting.world, cutting
    if kind == "cloud":
        site = CloudSite(world, accounts=keys.accounts, base_url=CLOUD)  # type: ignore[assignment]
        config = {"base_url": CLOUD, **keys.basic}
    for _ in range(120):
        # Cloud prints forty changes with an issue, and gives a hundred in a page.
        time.seconds += 1
        world.edit(10013)
    outcome = tap(to=site, config=config, catalog=only(everything, *[ISSUES] * beside, *CHILDREN))

    assert outcome.code == 0
    assert {stream: ids(outcome, stream) for stream in CHILDREN} == {
        stream: made(world, total) for stream, (_, total, _) in CHILDREN.items()
    }
    assert len(outcome.records(ISSUES)) == 60 * beside
    assert [len(outcome.records(stream)) > 45 for stream in CHILDREN] == [True] * 3


@pytest.mark.parametrize("stream", CHILDREN)
def test_a_row_is_what_the_issue_holds(tap: Tap, everything: Catalog, stream: str) -> None:
    """A row has the values of its entry in the issue, and the issue's id, key and time of change."""
    outcome = tap(catalog=only(everything, ISSUES, stream))
    place = CHILDREN[stream][0]
    expected = [
        {
            **{name: value for name, value in entry.items() if name != "issueId"},
            "issue_id": issue["id"],
            "issue_key": issue["key"],
            "issue_updated_at": issue["updated_at"],
        }
        for issue in outcome.records(ISSUES)
        for entry in at(issue, *place)
    ]

    assert outcome.records(stream) == expected
    assert [line for line in outcome.log.splitlines() if "not in the catalog" in line] == []


@pytest.mark.parametrize("stream", CHILDREN)
def test_columns_are_those_inside_the_issue(stream: str) -> None:
    """A table has the columns that its list has in an issue; an id of the issue has one name in all of them."""
    of_issue = {"issue_id", "issue_key", "issue_updated_at"}
    inside = load(f"shared/{CHILDREN[stream][2]}")["properties"]

    assert load(stream)["properties"].keys() == (inside.keys() - {"issueId"}) | of_issue
    assert [
        name for name in inside.keys() - {"issueId", "id"} if inside[name] != load(stream)["properties"][name]
    ] == []


def test_what_is_announced(tap: Tap, everything: Catalog) -> None:
    """The SCHEMA of a child table names its key and, as its bookmark, when the issue changed."""
    [schema] = tap(catalog=only(everything, COMMENTS)).of_type("SCHEMA")

    assert (schema["key_properties"], schema["bookmark_properties"]) == (["id"], ["issue_updated_at"])


# What is asked of Jira.


@pytest.mark.parametrize(
    ("names", "fields", "expand"),
    [
        ([COMMENTS], "comment,created,updated", None),
        ([CHANGES], "created,updated", "changelog"),
        ([CHANGES, WORKLOGS], "created,updated,worklog", "changelog"),
    ],
)
def test_only_what_the_tables_need_is_asked_for(
    tap: Tap, site: Site, everything: Catalog, names: list[str], fields: str, expand: str | None
) -> None:
    """Without the issues Jira is asked for their times, and for the lists of which there are tables."""
    jira = Heard(site)
    tap(to=jira, catalog=only(everything, *names))

    asked = jira.of("search")[-1]
    assert (asked["fields"], asked.get("expand")) == (fields, expand)


@pytest.mark.parametrize(
    ("crumb", "stream"),
    [(("properties", "fields", "properties", "comment"), COMMENTS), (("properties", "changelog"), CHANGES)],
)
def test_a_table_instead_of_the_list(
    tap: Tap, site: Site, everything: Catalog, crumb: tuple[str, ...], stream: str
) -> None:
    """Where the list inside the issues is unselected it is not there, and its table has all rows."""
    outcome = tap(catalog=without(only(everything, ISSUES, stream), *crumb))

    assert [
        record for record in outcome.records(ISSUES) if crumb[-1] in (record if len(crumb) == 2 else record["fields"])
    ] == []
    assert ids(outcome, stream) == made(site.world, CHILDREN[stream][1])
    assert [line for line in outcome.log.splitlines() if "not in the catalog" in line] == []


# Bookmarks.


def test_each_table_has_a_bookmark(tap: Tap, everything: Catalog) -> None:
    """The state has a bookmark under each name; each says that all before the start of the run was sent."""
    outcome = tap(catalog=only(everything, ISSUES, COMMENTS))

    assert kept(outcome, COMMENTS)["issue_updated_at"] == kept(outcome, ISSUES)["updated_at"]
    assert "2023-11-14T22:13:20" in kept(outcome, COMMENTS)["issue_updated_at"]


def test_only_what_changed_comes_again(tap: Tap, site: Site, time: Time, everything: Catalog) -> None:
    """A later run sends all children of the issues that changed, and no others."""
    catalog = only(everything, ISSUES, *CHILDREN)
    state = tap(catalog=catalog).state
    time.seconds += DAY
    site.world.edit(10013)
    time.seconds += DAY
    outcome = tap(catalog=catalog, state=state)

    assert ids(outcome, ISSUES) == ["10013"]
    for stream, (_, total, _) in CHILDREN.items():
        assert ids(outcome, stream) == made(site.world, total, [10013])


@pytest.mark.parametrize(("first", "later"), [(ISSUES, COMMENTS), (COMMENTS, ISSUES), (COMMENTS, WORKLOGS)])
def test_a_table_selected_later_gets_its_history(
    tap: Tap, site: Site, time: Time, everything: Catalog, first: str, later: str
) -> None:
    """It is sent everything since start_date; the table that was there is sent only what changed."""
    state = tap(catalog=only(everything, first)).state
    time.seconds += DAY
    site.world.edit(10013)
    time.seconds += DAY
    outcome = tap(catalog=only(everything, first, later), state=state)

    totals = {ISSUES: lambda seed, issue: 1, **{stream: total for stream, (_, total, _) in CHILDREN.items()}}
    whole, changed = len(made(site.world, totals[later])), len(made(site.world, totals[first], [10013]))
    assert (len(outcome.records(later)), len(outcome.records(first))) == (whole, changed)
    assert {kept(outcome, name)[key] for name, key in KEYS.items() if name in (first, later)} == {
        kept(outcome, first)[KEYS[first]]
    }


KEYS = {ISSUES: "updated_at", **dict.fromkeys(CHILDREN, "issue_updated_at")}


def test_a_bookmark_does_not_go_back(tap: Tap, short: Site, time: Time, everything: Catalog) -> None:
    """While another table reads its history no STATE moves a bookmark back, and none is ahead of its rows."""
    state = tap(to=short, catalog=only(everything, ISSUES)).state
    time.seconds += DAY
    outcome = tap(to=short, catalog=only(everything, ISSUES, COMMENTS), state=state)

    of_issues = [message["value"]["bookmarks"][ISSUES]["updated_at"] for message in outcome.of_type("STATE")]
    of_comments = [
        message["value"]["bookmarks"].get(COMMENTS, {}).get("issue_updated_at", "")
        for message in outcome.of_type("STATE")
    ]
    assert (of_issues, of_comments) == (sorted(of_issues), sorted(of_comments))
    assert of_issues[0] == state["bookmarks"][ISSUES]["updated_at"]
    assert len(set(of_comments)) > 2


def test_a_changed_filter_is_each_tables_own(
    tap: Tap, site: Site, time: Time, everything: Catalog, config: dict[str, Any]
) -> None:
    """A table that was last read under other projects is read again, though another was not."""
    web = {**config, "projects": ["WEB"]}
    state = tap(catalog=only(everything, COMMENTS)).state
    state = tap(catalog=only(everything, ISSUES), config=web, state=state).state
    time.seconds += DAY
    outcome = tap(catalog=only(everything, ISSUES, COMMENTS), config=web, state=state)

    assert len(outcome.records(ISSUES)) == 0
    assert {record["issue_key"].split("-")[0] for record in outcome.records(COMMENTS)} == {"WEB"}
    assert [line for line in outcome.logged("WARNING") if "have changed since the last run" in line] == [
        f"WARNING {COMMENTS}: projects or jql have changed since the last run; everything is read again"
    ]


def test_a_refused_filter_leaves_every_bookmark(tap: Tap, everything: Catalog, config: dict[str, Any]) -> None:
    """A jql that Jira does not take ends the run with code 2, and the state is as it was for all tables."""
    catalog = only(everything, ISSUES, COMMENTS)
    state = tap(catalog=catalog).state
    outcome = tap(catalog=catalog, state=state, config={**config, "jql": "nonsense = 3"})

    assert (outcome.code, outcome.state["bookmarks"]) == (2, state["bookmarks"])


def test_a_bookmark_in_the_future(tap: Tap, time: Time, everything: Catalog) -> None:
    """A table whose bookmark lies after Jira's time goes on from that, and reaches back over the difference."""
    catalog = only(everything, ISSUES, COMMENTS)
    state = tap(catalog=catalog).state
    state["bookmarks"][COMMENTS]["issue_updated_at"] = "2024-05-20T00:00:00.000000Z"
    outcome = tap(catalog=catalog, state=state)

    issues = {record["issue_id"] for record in outcome.records(COMMENTS)}
    assert len(issues) > 1
    assert outcome.records(ISSUES) == []
    assert kept(outcome, COMMENTS)["issue_updated_at"] == kept(outcome, ISSUES)["updated_at"]


@pytest.mark.parametrize("state", [{}, {"bookmarks": {"issues": {"updated": "2023-11-10T00:00:00Z"}}}])
def test_how_times_are_written_is_found_out_once(
    tap: Tap, site: Site, time: Time, everything: Catalog, state: dict[str, Any]
) -> None:
    """What was found out of the site's search is kept with the issues, whichever tables are selected."""
    first = tap(catalog=only(everything, COMMENTS), state=state)
    jira = Heard(site)
    second = tap(to=jira, catalog=only(everything, COMMENTS), state=first.state)

    assert (kept(first, ISSUES)["dates"], kept(second, ISSUES)["dates"]) == ("number", "number")
    assert len(jira.of("search")) == 1
    assert ids(first, COMMENTS) == made(site.world, comment_total)


# What a run says.


def test_rows_before_the_state_that_speaks_of_them(tap: Tap, short: Site, everything: Catalog) -> None:
    """Where a STATE moves the bookmarks, all rows of all tables before them stand above it."""
    outcome = tap(to=short, catalog=only(everything, ISSUES, *CHILDREN))
    first_after: dict[str, list[str]] = {}
    reached = dict.fromkeys(KEYS, "")
    for message in outcome.messages:
        if message["type"] == "STATE":
            reached = {name: message["value"]["bookmarks"].get(name, {}).get(key, "") for name, key in KEYS.items()}
        elif message["type"] == "RECORD":
            stream = message["stream"]
            if message["record"][KEYS[stream]] < reached[stream]:
                first_after.setdefault(stream, []).append(message["record"]["id"])

    assert first_after == {}
    assert len(outcome.of_type("STATE")) > 5


def test_what_is_told_of_each_table(tap: Tap, site: Site, everything: Catalog) -> None:
    """The table at the end and the metrics count the rows of each; requests count once, with the first."""
    outcome = tap(catalog=only(everything, ISSUES, COMMENTS))
    rows = {line.split()[1]: line.split()[2:4] for line in outcome.logged("INFO") if len(line.split()) > 8}
    points = [point for point in map(metrics.parse, outcome.log.splitlines()) if point]
    counts = {point.tags["endpoint"]: point.value for point in points if point.metric == "record_count"}

    comments = len(made(site.world, comment_total))
    assert (rows[ISSUES][0], rows[COMMENTS]) == ("60", [str(comments), "0"])
    assert int(rows[ISSUES][1]) > 0
    assert counts == {ISSUES: 60, COMMENTS: comments}
    assert {point.tags["job_type"] for point in points if point.metric == "job_duration"} == {ISSUES, COMMENTS, "sync"}


@pytest.mark.parametrize("names", [(ISSUES, COMMENTS), (COMMENTS,)])
def test_how_far_the_scan_has_come(tap: Tap, short: Site, everything: Catalog, names: tuple[str, ...]) -> None:
    """A long scan tells the rows of each of its tables, and what share of the issues was read."""
    outcome = tap(to=short, catalog=only(everything, *names), seconds_a_request=40.0)
    told = [line for line in outcome.logged("INFO") if " rows/s" in line]

    assert len(told) > 2
    assert all(f"{name}: " in line for line in told for name in names)
    assert any("of about 300" in line or " % of the time span" in line for line in told)


def test_currently_syncing_is_the_first(tap: Tap, short: Site, everything: Catalog) -> None:
    """While a scan is under way the state names its first table."""
    outcome = tap(to=short, catalog=only(everything, COMMENTS, WORKLOGS))

    assert {message["value"].get("currently_syncing") for message in outcome.of_type("STATE")} == {COMMENTS, None}


def test_check_counts_the_issues_once(tap: Tap, site: Site, everything: Catalog) -> None:
    """``check`` tries the scan once for all its tables, from where it would begin."""
    jira = Heard(site)
    state = tap(catalog=only(everything, ISSUES)).state
    outcome = tap("check", "--json", to=jira, catalog=only(everything, ISSUES, *CHILDREN), state=state)
    facts = orjson.loads(outcome.output)

    assert (outcome.code, facts["issues"]["count"], facts["issues"]["first_sync"]) == (0, 60, True)
    assert [entry["readable"] for entry in facts["streams"] if entry["name"] in KEYS] == [True] * 4
    assert len(jira.of("search")) == 2


def test_check_of_a_scan_that_is_refused(tap: Tap, site: Site, everything: Catalog) -> None:
    """``check`` tells one problem, and that none of the tables can be read."""
    outcome = tap("check", "--json", to=refusing(site, "search", 403), catalog=only(everything, ISSUES, COMMENTS))
    facts = orjson.loads(outcome.output)

    assert len(facts["problems"]) == 1
    assert [entry["readable"] for entry in facts["streams"] if entry["name"] in (ISSUES, COMMENTS)] == [False, False]


# Kills.


@pytest.mark.parametrize("seed", [1, 2])
def test_a_target_that_loses_the_rows_of_one_table(
    tap: Tap, short: Site, time: Time, everything: Catalog, seed: int
) -> None:
    """Killed again and again, a target that stores table by table and keeps each bookmark as far as it got has all.

    So do those of PipelineWise: they take over the bookmark of a table when they have stored its rows.
    """
    random, catalog = Random(seed), only(everything, ISSUES, *CHILDREN)
    tables: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in KEYS}
    state: dict[str, Any] = {"bookmarks": {}}
    for n in range(9):
        messages = tap(to=short, catalog=catalog, state=state).messages
        places = [place for place, message in enumerate(messages) if message["type"] == "STATE"]
        for name, rows in tables.items():
            last = places[-1] if n == 8 else random.choice(places)
            sent = [m["record"] for m in messages[:last] if m["type"] == "RECORD" and m["stream"] == name]
            rows.update({record["id"]: record for record in sent})
            if name in messages[last]["value"]["bookmarks"]:
                state["bookmarks"][name] = messages[last]["value"]["bookmarks"][name]
        time.seconds += random.choice((1, 60, DAY))
        if n < 7:
            for issue_id in short.world.some_ids(3, random):
                short.world.edit(issue_id)

    assert sorted(tables[ISSUES]) == sorted(str(issue.id) for issue in short.world.issues())
    for name, (_, total, _) in CHILDREN.items():
        assert sorted(tables[name]) == made(short.world, total)
    newest = {row["id"]: row["updated_at"] for row in tables[ISSUES].values()}
    assert [
        row for name in CHILDREN for row in tables[name].values() if row["issue_updated_at"] != newest[row["issue_id"]]
    ] == []
