"""JQL: what is understood, what is refused, and what a comparison means."""

from __future__ import annotations

import orjson
import pytest

GOOD = {
    "": 60,
    "updated >= 0": 60,
    "updated < 0": 0,
    "updatedDate >= 0 AND createdDate <= 1700000000000": 60,
    "not updated >= 0": 0,
    "(updated >= 0) or (updated < 0)": 60,
    "updated >= 0 && updated >= 0 | key = 10000": 60,
    "key in (10000, 10001)": 2,
    "key not in (10000, 10001)": 58,
    "issuekey = 10000 OR id = '10001'": 2,
    "project in ('WEB', ops, \"KÜCHE\", ABC, DATA, HR2, MOB, 'AND')": 60,
    "project is EMPTY": 0,
    "project = EMPTY": 0,
    "assignee != EMPTY or assignee = NULL": 60,
    "project is not null": 60,
    "updated is not empty": 60,
    'updated >= "2023-11-14 00:00" and updated >= "2024/11/14"': 0,
    "created > -9000w": 60,
    "created > '-9000w 2d'": 60,
    "updated >= -1m": 0,
    "updated != 5 order by key desc, created asc, updated": 60,
    'labels = "no \\"such\\" \\u0041\\n"': 0,
    "labels is empty or labels is not empty": 60,
    "assignee is empty or assignee = tap-reader or assignee != JIRAUSER10100": 60,
    "type in (Bug, 'New Feature', Task, Improvement, Story, Epic, Sub-task)": 60,
    "status = Open or status != 1": 60,
    "priority in (1, 2, 3, 4, Trivial)": 60,
}
BAD = {
    "project = AND": "'AND' is a reserved JQL word",
    "project = NOPE": "The value 'NOPE' does not exist for the field 'project'.",
    "assignee = nobody": "The value 'nobody' does not exist for the field 'assignee'.",
    "status = Nowhere": "does not exist for the field 'status'",
    "key = WEB-99999": "An issue with key 'WEB-99999' does not exist for field 'key'.",
    "key > WEB-99999": "An issue with key 'WEB-99999' does not exist for field 'key'.",
    "colour = red": "Field 'colour' does not exist or you do not have permission to view it.",
    "updated >= '1700000000000'": "Date value '1700000000000' for field 'updated' is invalid.",
    'updated >= "2023-11-14 00:00:00"': "is invalid",
    "updated >= 2023-11-14": "is invalid",
    "updated >= '2023-02-30'": "is invalid",
    "updated >= 1.5": "is invalid",
    "updated >= 1e3": "is invalid",
    "updated >= now()": "Unable to find JQL function 'now()'.",
    "updated": "Expecting operator",
    "updated >=": "Expecting either a value, list or function but got the end of the query.",
    "updated ~ 5": "Expecting operator",
    "updated >= 5 updated < 7": "Expecting either 'OR' or 'AND'",
    "updated in 5": "Expecting '('",
    "updated in (5": "Expecting either ')' or ','",
    "updated not 5": "Expecting 'IN'",
    "(updated > 5": "Expecting ')'",
    "and": "'and' is a reserved JQL word",
    "project > WEB": "is not supported by the 'project' field",
    "project is WEB": "only supports EMPTY",
    "updated = EMPTY": "is invalid",
    "labels = 'open": "has not been completed",
    "labels = 'a\\q'": "illegal JQL escape",
    "labels = a;b": "The character ';' is a reserved JQL character.",
    "updated > 5 order updated": "Expecting 'BY'",
    "updated > 5 order by": "Expecting a field name",
    "updated > 5 order by id": "Not able to sort using field 'id'.",
    "updated > 5 order by colour": "Not able to sort using field 'colour'.",
    "order by updated asc desc": "'desc' is a reserved JQL word",
}


@pytest.mark.parametrize("jql", GOOD)
def test_understood(jira, jql):
    """A query that Jira understands finds what it should."""
    assert jira().search(jql)["total"] == GOOD[jql]


@pytest.mark.parametrize("jql", BAD)
def test_refused(jira, jql):
    """A query that is not understood is a 400 in Jira's words and shape."""
    response = jira().get("search", jql=jql)
    said = orjson.loads(response.body)

    assert response.status == 400
    assert said["errors"] == {}
    assert BAD[jql] in said["errorMessages"][0]


def test_seconds(jira):
    """Comparisons see whole seconds, although milliseconds are printed."""
    caller = jira()
    caller.clock.time += 0.75
    caller.world.edit(10000)
    second = 1_700_000_000_000

    assert caller.search(f"updated >= {second}")["issues"][0]["fields"]["updated"].endswith("20.750+0000")
    found = {
        jql: caller.search(f"updated {jql}")["total"]
        for jql in (f">= {second}", f"> {second}", f">= {second + 500}", f"= {second}", f"= {second + 750}")
    }
    assert list(found.values()) == [1, 0, 0, 1, 0]
    assert caller.search(f"updated < {second}")["total"] == 59
    assert caller.search(f"updated <= {second}")["total"] == 60


def test_range_equals_scan(jira):
    """A range answered by bisection is what a full scan of the same comparison finds."""
    caller = jira(issues=300)
    middle = caller.world.issue(10150).updated // 1000 * 1000
    for operator in ("<", "<=", "=", ">=", ">"):
        clause = f"updated {operator} {middle}"

        assert sorted(caller.ids(clause)) == sorted(caller.ids(f"{clause} or {clause}"))


@pytest.mark.parametrize(
    ("zone", "literal"), [("UTC", "22:13"), ("Europe/Berlin", "23:13"), ("America/New_York", "17:13")]
)
def test_zone(jira, zone, literal):
    """A literal is read to the minute in the account's own time zone."""
    caller = jira(zone=zone)
    caller.world.edit(10000)  # at 22:13:20 UTC
    minute, later = f'"2023-11-14 {literal}"', f'"2023/11/14 {literal[:-1]}4"'

    assert caller.search(f"key = 10000 and updated >= {minute}")["total"] == 1
    assert caller.search(f"updated >= {later}")["total"] == 0


def test_relative_to_the_minute(jira):
    """A relative date counts from the world's clock and is cut to the minute."""
    caller = jira()
    caller.world.edit(10000)
    caller.clock.time += 60 * 30 + 30

    assert caller.search("updated >= -30m")["total"] == 1
    assert caller.search("updated >= -29m")["total"] == 0


def test_numbers_refused(jira):
    """A site that knows no epoch numbers answers 400 to them."""
    caller = jira(epoch_numbers="refused")

    assert caller.get("search", jql="updated >= 1700000000000").status == 400
    assert caller.search("updated >= -9000w")["total"] == 60


def test_numbers_misread(jira):
    """A site that takes epoch numbers for seconds finds nothing and says nothing."""
    assert jira(epoch_numbers="misread").search("updated >= 1600000000000")["total"] == 0


def test_key_comparison(jira):
    """Comparing keys stays within the project and splits it in two."""
    caller = jira(projects=1)
    low, high = (caller.search(f"key {operator} WEB-30")["total"] for operator in ("<", ">="))

    assert (low, high) == (29, 31)


def test_indexed_project(jira):
    """A clause on the project looks at what the index knows, not at the database."""
    caller = jira(lag=lambda random: 30, projects=2)
    before = caller.search("project = WEB")["total"]
    chosen = next(issue.id for issue in caller.world.issues() if issue.project == 0)
    caller.world.move(chosen)

    assert caller.search("project = WEB")["total"] == before
    caller.clock.time += 30
    assert caller.search("project = WEB")["total"] == before - 1
