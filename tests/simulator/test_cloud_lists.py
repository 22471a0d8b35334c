"""Cloud's other tables."""

from __future__ import annotations

import orjson
import pytest


def test_projects(cloud):
    """The project search gives live projects; archived and deleted ones when their status is asked for."""
    caller = cloud()
    live = caller.json("project/search")
    ended = caller.json("project/search", status="archived,deleted")
    both = caller.get("project/search?status=live&status=archived")

    assert (live["total"], live["isLast"], len(live["values"])) == (8, True, 8)
    assert [(it.get("archived"), it.get("deleted")) for it in ended["values"]] == [(True, None), (None, True)]
    assert orjson.loads(both.body)["total"] == 9
    assert caller.get("project/search", status="old").status == 400


def test_project_pages(cloud):
    """Projects come in pages of up to 100 that lead to the next one."""
    caller = cloud(projects=130)
    first = caller.json("project/search", maxResults=500)
    last = caller.json("project/search", startAt=100)

    assert (first["maxResults"], len(first["values"]), first["isLast"]) == (100, 100, False)
    assert "startAt=100" in first["nextPage"]
    assert (len(last["values"]), last["isLast"], "nextPage" in last) == (30, True, False)


def test_project_expand(cloud):
    """The lead is an account, there when it is asked for."""
    caller = cloud()

    assert "lead" not in caller.json("project/search")["values"][0]
    assert "accountId" in caller.json("project/search", expand="lead,insight")["values"][0]["lead"]
    assert caller.json("project") == caller.json("project/search")["values"]


def test_users(cloud):
    """The list has everybody: apps, customers, inactive ones, some without an address; nobody has a name."""
    caller = cloud(users=200)
    users, start = [], 0
    while page := caller.json("users/search", startAt=start, maxResults=50):
        users += page
        assert len(page) < 50 or start == 0
        start += 50

    assert {user["accountType"] for user in users} == {"atlassian", "app", "customer"}
    assert {user["active"] for user in users} == {True, False}
    assert any("emailAddress" not in user for user in users)
    assert any(user.get("emailAddress") == "" for user in users)
    assert not any("name" in user or "key" in user for user in users)
    assert len({user["accountId"] for user in users}) == len(users)
    assert caller.json("users", maxResults=50) == users[: len(caller.json("users", maxResults=50))]


def test_user_search(cloud):
    """The search for users needs something to look for, and finds active ones."""
    caller = cloud()
    account = caller.json("myself")["accountId"]

    assert caller.get("user/search").status == 400
    assert [user["accountId"] for user in caller.json("user/search", query="tap-reader")] == [account]
    assert [user["accountId"] for user in caller.json("user/search", accountId=account)] == [account]


def test_users_without_permission(cloud):
    """Who may not browse users is refused the list, and finds nobody in the search."""
    caller = cloud(browse_users=False)

    assert caller.get("users/search").status == 403
    assert caller.json("user/search", query="tap") == []


def test_resolutions(cloud):
    """Resolutions are a page without addresses; where that resource is missing the array is there."""
    caller = cloud()
    page = caller.json("resolution/search")

    assert page["values"][0].keys() == {"id", "name", "description", "isDefault"}
    assert [it["id"] for it in page["values"]] == [it["id"] for it in caller.json("resolution")]
    assert cloud(resolution_search=False).get("resolution/search").status == 404


def test_roles(cloud):
    """Roles are for administrators: numbers as ids, actors that are groups and accounts."""
    roles = cloud().json("role")

    assert all(isinstance(role["id"], int) for role in roles)
    assert "actors" not in roles[1]
    assert [actor.keys() & {"actorGroup", "actorUser"} for actor in roles[0]["actors"]] == [
        {"actorGroup"},
        {"actorUser"},
    ]
    assert cloud(admin=False).get("role").status == 403


def test_fields(cloud):
    """The list of fields is whole; the search for fields comes in pages and is for administrators."""
    caller = cloud()
    fields = caller.json("field")
    page = caller.json("field/search", maxResults=500)

    assert page["total"] == len(fields)
    assert len(page["values"]) == 50
    assert "statuscategorychangedate" in {field["id"] for field in fields}
    refused = cloud(admin=False).get("field/search")
    assert (refused.status, b"Only Jira administrators can access fields." in refused.body) == (403, True)


def test_server_info(cloud):
    """The site says that it is Cloud, to anybody."""
    caller = cloud()
    caller.headers = {}
    info = caller.json("serverInfo")

    assert (info["deploymentType"], info["versionNumbers"]) == ("Cloud", [1001, 0, 0])
    assert info["serverTime"] == "2023-11-14T22:13:20.000+0000"


@pytest.mark.parametrize("path", ["nothing", "issue/10000/nothing", "project/search/x"])
def test_unknown(cloud, path):
    """What Cloud does not have is a 404."""
    assert cloud().get(path).status == 404


def test_methods(cloud):
    """A resource that only reads takes no POST, and the bulk ones take nothing else."""
    assert cloud().post("project/search").status == 405
    assert cloud().get("issue/bulkfetch").status == 405


def test_categories_and_types(cloud):
    """Project categories and types are arrays as at Data Center."""
    caller = cloud()

    assert {"id", "name", "description", "self"} <= caller.json("projectCategory")[0].keys()
    assert [kind["key"] for kind in caller.json("project/type")] == ["software", "business", "service_desk"]


def test_field_search(cloud):
    """Fields come in pages of at most 50, by name, with what the site says of them; more of each when asked for."""
    caller = cloud()
    listed = {field["id"]: field for field in caller.json("field")}
    first = caller.json("field/search", maxResults=500)
    rows = [row for start in range(0, len(listed), 50) for row in caller.json("field/search", startAt=start)["values"]]

    assert (first["maxResults"], len(first["values"]), first["isLast"], first["total"]) == (50, 50, False, len(listed))
    assert {row["id"] for row in rows} == listed.keys()
    assert [row["name"].lower() for row in rows] == sorted(row["name"].lower() for row in rows)
    assert {name for row in rows for name in row} == {"id", "name", "schema", "description"}
    assert "key" in caller.json("field/search", expand="key,lastUsed", maxResults=1)["values"][0]


def test_field_search_by_what_is_wanted(cloud):
    """A kind of field, ids and words narrow the search; what is no kind and no order is refused."""
    caller = cloud()
    custom = caller.json("field/search", type="custom")

    assert {row["id"].startswith("customfield_") for row in custom["values"]} == {True}
    assert custom["total"] + caller.json("field/search", type="system")["total"] == len(caller.json("field"))
    assert [row["name"] for row in caller.json("field/search", query="rank")["values"]][:1] == ["Rank"]
    named = caller.get("field/search?id=customfield_10100&id=customfield_10102")
    assert orjson.loads(named.body)["total"] == 2
    assert [caller.get("field/search", **odd).status for odd in ({"type": "any"}, {"orderBy": "age"})] == [400, 400]
