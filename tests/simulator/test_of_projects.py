"""The versions and components of a project, on both kinds of site."""

from __future__ import annotations

import pytest


def test_whole_lists(jira):
    """Data Center gives the versions and the components of a project in one answer, by its id or its key."""
    caller = jira()

    assert len(caller.json("project/10001/versions")) == 130
    assert caller.json("project/WEB/versions") == caller.json("project/10000/versions")
    assert [it["name"] for it in caller.json("project/WEB/components")] == ["API", "Oberfläche", "Docs"]
    assert {it["project"] for it in caller.json("project/KÜCHE/components")} == {"KÜCHE"}


def test_pages_of_versions(jira):
    """Data Center's pages have 50 versions unless asked otherwise, and lead to the next one."""
    caller = jira()
    first, last = caller.json("project/OPS/version"), caller.json("project/OPS/version", startAt=100)

    assert (len(first["values"]), first["total"], first["isLast"]) == (50, 130, False)
    assert "startAt=50" in first["nextPage"]
    assert (len(last["values"]), last["isLast"]) == (30, True)


def test_versions_are_those_of_issues(jira):
    """What an issue carries of a version and a component is a part of what their own lists have."""
    caller = jira()

    for issue in caller.search(fields="fixVersions,components", maxResults=60)["issues"]:
        project = issue["key"].split("-")[0]
        for name, path in (("fixVersions", "versions"), ("components", "components")):
            listed = {it["id"]: it for it in caller.json(f"project/{project}/{path}")}
            assert all(it.items() <= listed[it["id"]].items() for it in issue["fields"][name])


def test_archived_projects(jira):
    """An archived project has versions, and no components."""
    caller = jira()

    assert len(caller.json("project/OLD/versions")) == 4
    assert caller.json("project/10008/components") == []


@pytest.mark.parametrize("path", ["project/NONE/versions", "project/10009/versions", "project/9999/components"])
def test_unknown_projects(jira, cloud, path):
    """A project that is not there is a 404 in Jira's own words, on both kinds of site."""
    for caller in (jira(), cloud()):
        response = caller.get(path)
        assert (response.status, b"No project could be found" in response.body) == (404, True)


def test_unknown_lists(jira, cloud):
    """What a project does not have is a path that is not there; pages of components are Cloud's alone."""
    assert b"null for uri" in jira().get("project/WEB/component").body
    assert b"null for uri" in cloud().get("project/WEB/nothing").body


def test_strangers_see_no_project(jira, cloud):
    """Who is not logged in is told that there is no such project."""
    for caller in (jira(), cloud()):
        caller.headers = {}
        assert caller.get("project/WEB/versions").status == 404


def test_versions_of_cloud(cloud):
    """Cloud gives versions whole and in pages; only these tell more when asked."""
    caller = cloud()
    page = caller.json("project/WEB/version", expand="issuesstatus,driver,approvers")

    assert [it["id"] for it in page["values"]] == [it["id"] for it in caller.json("project/WEB/versions")]
    assert {"issuesStatusForFixVersion", "driver", "approvers"} <= {name for it in page["values"] for name in it}
    assert caller.json("project/WEB/version")["values"] == caller.json("project/WEB/versions")


def test_components_of_cloud(cloud):
    """A page has each component with a count of issues, around the component as the whole list has it."""
    caller = cloud()
    page = caller.json("project/WEB/component", componentSource="auto")

    assert [it["componentBean"] for it in page["values"]] == caller.json("project/WEB/components")
    assert all("issueCount" in it for it in page["values"])


def test_components_of_compass(cloud):
    """A project that uses Compass gives its whole list as a page, of what Compass knows where that is asked for."""
    caller = cloud()
    whole = caller.json("project/ABC/components", componentSource="auto")

    assert all("ari" in it for it in whole["values"])
    assert caller.json("project/ABC/component")["values"] == []
    assert caller.json("project/WEB/component", componentSource="compass")["values"] == []
    assert caller.get("project/WEB/component", componentSource="other").status == 400
