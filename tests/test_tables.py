"""The full tables in whole runs, on both kinds of site."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_jira.simulator import Site
from tap_jira.wire import Request, Response
from tests.conftest import Tap

REFUSED = Response.of_json({"errorMessages": ["You may not."], "errors": {}}, 403)
GONE = Response.of_json({"errorMessages": ["The requested API has been removed."], "errors": {}}, 410)
MISSING = Response.of_json({"message": "null for uri"}, 404)


class Cloud:
    """The six tables as Jira Cloud answers them, and the rest of a simulated site; ``answers`` win over both."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.projects = [{"id": str(n), "key": f"P{n}", "archived": n > 200, "style": "classic"} for n in range(250)]
        self.users = [{"accountId": f"a{n}", "accountType": ("atlassian", "app")[n % 2]} for n in range(30)]
        self.resolutions = [{"id": str(n), "name": f"R{n}", "isDefault": n == 0} for n in range(3)]
        self.answers: dict[str, list[Response]] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        path, asked = parts.path.partition("/rest/api/2/")[2], parse_qs(parts.query)
        self.asked.append((path, asked))
        start, size = (int(asked.get(name, ["0"])[0]) for name in ("startAt", "maxResults"))
        scripted = self.answers.get(path)
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if path == "serverInfo":
            info = json.loads(self.site.send(request).body)
            return Response.of_json({**info, "deploymentType": "Cloud"})
        if path == "users/search":
            return Response.of_json(self.users[start : start + (size or 50)])
        rows = {"project/search": self.projects, "resolution/search": self.resolutions}.get(path)
        if rows is None:
            return self.site.send(request)
        page = rows[start : start + min(size, 100)]
        last = start + len(page) >= len(rows)
        return Response.of_json({"values": page, "startAt": start, "total": len(rows), "isLast": last})

    def queries(self, path: str) -> list[dict[str, list[str]]]:
        """What was asked of one path."""
        return [asked for where, asked in self.asked if where == path]


@pytest.fixture
def cloud(site: Site) -> Cloud:
    return Cloud(site)


def catalog_of(tap: Tap, to: Any, *without: tuple[str, str]) -> dict[str, Any]:
    """What discovery finds, with the six full tables selected but for some columns."""
    catalog: dict[str, Any] = json.loads(tap("--discover", to=to).output)
    for entry in catalog["streams"]:
        for about in entry["metadata"]:
            crumb = about["breadcrumb"]
            if not crumb:
                about["metadata"]["selected"] = (
                    entry["stream"] != "jira_issues" and about["metadata"]["selected-by-default"]
                )
            elif (entry["stream"], crumb[-1]) in without and len(crumb) == 2:
                about["metadata"]["selected"] = False
    return catalog


def test_the_six_tables_of_a_cloud_site(tap: Tap, cloud: Cloud) -> None:
    """Every row of every table comes once, users by their accountId and with the kind of account they are."""
    outcome = tap(catalog=catalog_of(tap, cloud), to=cloud)

    assert outcome.code == 0
    assert [record["key"] for record in outcome.records("jira_projects")] == [f"P{n}" for n in range(250)]
    assert sum(record["archived"] for record in outcome.records("jira_projects")) == 49
    assert [record["isDefault"] for record in outcome.records("jira_resolutions")] == [True, False, False]
    assert [record["accountId"] for record in outcome.records("jira_users")] == [f"a{n}" for n in range(30)]
    assert {record["accountType"] for record in outcome.records("jira_users")} == {"atlassian", "app"}
    assert {name: len(outcome.records(f"jira_project_{name}")) for name in ("categories", "roles", "types")} == {
        "categories": 3,
        "roles": 4,
        "types": 3,
    }


def test_what_is_asked_of_the_projects(tap: Tap, cloud: Cloud) -> None:
    """Live and archived projects are asked for together, and what must be expanded only where it is selected."""
    left_out = [("jira_projects", name) for name in ("lead", "insight")]
    tap(catalog=catalog_of(tap, cloud, *left_out), to=cloud)

    first = cloud.queries("project/search")[0]
    assert first["status"] == ["live", "archived"]
    assert first["expand"] == ["description,url,projectKeys,issueTypes"]


@pytest.mark.parametrize("answer", [GONE, MISSING])
def test_resolutions_where_there_is_no_search_of_them(tap: Tap, cloud: Cloud, answer: Response) -> None:
    """Without the newer path the older list is read."""
    cloud.answers = {"resolution/search": [answer]}
    outcome = tap(catalog=catalog_of(tap, cloud), to=cloud)

    assert (outcome.code, len(outcome.records("jira_resolutions"))) == (0, 6)


def test_a_path_that_is_lost_on_the_way(tap: Tap, cloud: Cloud) -> None:
    """A list whose path is gone after its first page is not complete, whatever another list says."""
    first = Response.of_json({"values": cloud.resolutions[:2], "total": 3, "isLast": False})
    cloud.answers = {"resolution/search": [first, GONE]}
    outcome = tap(catalog=catalog_of(tap, cloud), to=cloud)

    assert outcome.code == 3
    assert [line for line in outcome.logged("ERROR") if "jira_resolutions is not complete" in line]
    assert len(outcome.records("jira_users")) == 30


@pytest.mark.parametrize(
    ("path", "table", "needs"),
    [
        ("role", "jira_project_roles", "it needs the permission of a Jira administrator"),
        ("users/search", "jira_users", "it needs the global permission Browse users and groups"),
    ],
)
def test_tables_that_the_account_may_not_read(tap: Tap, cloud: Cloud, path: str, table: str, needs: str) -> None:
    """Discovery says beforehand what is needed; a sync that chose the table skips it, and reads the others."""
    cloud.answers = {path: [REFUSED]}
    found = tap("--discover", to=cloud)
    outcome = tap(catalog=catalog_of(tap, cloud), to=cloud)

    assert [line for line in found.logged("WARNING") if table in line and needs in line]
    assert [line for line in outcome.logged("ERROR") if f"{table} is skipped" in line]
    assert (outcome.code, outcome.records(table)) == (3, [])
    assert len(outcome.records("jira_projects")) == 250


def test_a_catalog_of_the_other_kind_of_site(tap: Tap, cloud: Cloud) -> None:
    """A catalog made at Data Center is refused at Cloud before anything is written, and says to discover again."""
    outcome = tap(catalog=catalog_of(tap, cloud.site), to=cloud)

    assert (outcome.code, outcome.output) == (2, b"")
    assert "does not fit this Jira, where it is accountId; discover again" in outcome.log


def test_the_tables_of_data_center_are_asked_as_before(tap: Tap, site: Site) -> None:
    """On Data Center the projects come in one answer with the archived ones, expanded by four words."""
    asked: list[str] = []
    site.after_request = lambda request, response: asked.append(request.url)
    tap(catalog=catalog_of(tap, site), to=site)

    assert [url.partition("/2/")[2] for url in asked if "/2/project?" in url] == [
        "project?includeArchived=true&expand=description%2Clead%2Curl%2CprojectKeys"
    ]
