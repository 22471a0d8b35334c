"""The resources of the site, as Data Center serves them."""

from __future__ import annotations

import json

import orjson
import pytest

from tap_jira.simulator import Caps, UserLimits
from tap_jira.wire import Headers, Request

from .conftest import BASE


def test_page_cap(jira):
    """A larger maxResults than the site allows is lowered without a word and echoed."""
    found = jira(page_cap=10).search(maxResults=5000)

    assert (found["maxResults"], len(found["issues"]), found["total"]) == (10, 10, 60)


def test_default_page(jira):
    """Without maxResults a page has 50 issues, and maxResults=0 asks for the count alone."""
    assert len(jira().search()["issues"]) == 50
    assert jira().search(maxResults=0)["issues"] == []


@pytest.mark.parametrize(("start", "count", "status"), [(50, 50, 200), (51, 50, 500), (0, 100, 200), (101, 0, 500)])
def test_result_window(jira, start, count, status):
    """A page that reaches beyond the result window is a 500 with an XML body, whatever the total."""
    response = jira(issues=200, result_window=100).get("search", startAt=start, maxResults=count)

    assert response.status == status
    assert response.headers["Content-Type"].startswith("application/xml") is (status == 500)


def test_post(jira):
    """A search by POST answers what the same search by GET does."""
    caller = jira()
    asked = {"jql": "order by key", "startAt": 3, "maxResults": 4, "fields": ["summary"], "expand": ["changelog"]}
    request = Request("POST", f"{BASE}/rest/api/2/search", Headers(caller.headers), orjson.dumps(asked))
    posted = caller.site.answer(request).body

    assert posted == caller.get("search", **{**asked, "fields": "summary", "expand": "changelog"}).body


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"properties": []}', b'{"startAt": "1"}', b'{"fields": "id"}'])
def test_bad_post(jira, body):
    """A body that Data Center cannot read is a 400."""
    caller = jira()
    response = caller.site.answer(Request("POST", f"{BASE}/rest/api/2/search", Headers(caller.headers), body))

    assert response.status == 400
    assert orjson.loads(response.body)["errorMessages"]


def test_fields(jira):
    """``fields`` names what is printed; the default leaves out comments, worklogs, attachments and time tracking."""
    caller = jira()

    def names(asked: str) -> set[str]:
        return set(caller.json("search", jql="order by key", fields=asked, maxResults=1)["issues"][0]["fields"])

    assert names("summary,updated") == {"summary", "updated"}
    assert names("*all") - names("") == {"comment", "worklog", "attachment", "timetracking"}
    assert names("*all") - names("*all,-summary") == {"summary"}
    assert names("customfield_10100,nothing") == {"customfield_10100"}


def test_issue_is_real(jira):
    """An issue has about 10 KB, most custom fields null, some absent fields, and text beyond ASCII."""
    issues = jira(issues=400).search(fields="*all", maxResults=400)["issues"]
    sizes = sorted(len(orjson.dumps(issue)) for issue in issues)
    custom = [sum(v is not None for k, v in issue["fields"].items() if k.startswith("custom")) for issue in issues]

    assert 8_000 < sizes[200] < 13_000
    assert min(custom) >= 2
    assert max(custom) <= 15
    assert 0 < sum("parent" in issue["fields"] for issue in issues) < 100
    assert 100 < sum("security" in issue["fields"] for issue in issues) < 300
    assert 40 < sum(issue["fields"]["description"] is None for issue in issues) < 120
    assert any("🚀" in issue["fields"]["summary"] for issue in issues)


def test_declared_types_fit(jira):
    """Every custom field that ``/field`` declares occurs, and a number is a number."""
    caller = jira(issues=1000)
    declared = {field["id"]: field["schema"]["type"] for field in caller.json("field") if field["custom"]}
    seen = {}
    for issue in caller.search(fields="*all", maxResults=1000)["issues"]:
        seen.update({k: v for k, v in issue["fields"].items() if k.startswith("custom") and v is not None})

    assert seen.keys() == declared.keys()
    assert all(isinstance(seen[name], float) for name, kind in declared.items() if kind == "number")
    assert all(isinstance(seen[name], list) for name, kind in declared.items() if kind == "array")


def test_children(jira):
    """An issue carries 20 worklogs and says how many there are; its own resources give all."""
    caller = jira()
    fields = caller.json("issue/10011", fields="worklog")["fields"]
    comment = caller.search("key = 10007", fields="comment")["issues"][0]["fields"]["comment"]

    assert (len(fields["worklog"]["worklogs"]), fields["worklog"]["total"]) == (20, 45)
    assert len(caller.json("issue/10011/worklog")["worklogs"]) == 45
    assert (len(comment["comments"]), comment["total"]) == (130, 130)


def test_comment_pages(jira):
    """The comments of one issue come in pages, oldest first, or newest first when asked."""
    caller = jira()
    page = caller.json("issue/10007/comment", startAt=100, maxResults=20)
    newest = caller.json("issue/10007/comment", maxResults=1, orderBy="-created")["comments"]

    assert (page["startAt"], page["maxResults"], page["total"], len(page["comments"])) == (100, 20, 130, 20)
    assert page["comments"][0]["id"] == "10007100"
    assert newest[0]["id"] == "10007129"


def test_caps(jira):
    """A capped list keeps the newest and the true total."""
    caller = jira(caps=Caps(comments=100, changes=40))
    issue = caller.search("key = 10013", expand="changelog")["issues"][0]
    comment = caller.json("issue/10007")["fields"]["comment"]

    assert (len(issue["changelog"]["histories"]), issue["changelog"]["total"]) == (40, 60)
    assert (comment["comments"][0]["id"], len(comment["comments"]), comment["total"]) == ("10007030", 100, 130)


def test_changelog_only_when_asked(jira):
    """Without ``expand=changelog`` there is none; with it, each edit adds one entry and changes no other."""
    caller = jira()
    before = caller.json("issue/10013", expand="changelog")["changelog"]["histories"]
    caller.world.edit(10013)
    after = caller.json("issue/10013", expand="changelog")["changelog"]["histories"]

    assert "changelog" not in caller.json("issue/10013")
    assert after[:-1] == before
    assert after[-1]["created"] == "2023-11-14T22:13:20.000+0000"


@pytest.mark.parametrize(
    ("limits", "pages"),
    [
        (UserLimits(), [1000, 500]),
        (UserLimits(in_all=1000), [1000, 0]),
        (UserLimits(in_all=100), [100, 0]),
    ],
)
def test_user_limits(jira, limits, pages):
    """``/user/search`` reaches everybody, the first 1000, or the first 100, by the version of Jira."""
    caller = jira(users=1500, user_limits=limits)
    found = [
        caller.json("user/search", username=".", includeInactive="true", startAt=start, maxResults=2000)
        for start in (0, 1000)
    ]

    assert [len(page) for page in found] == pages


def test_user_window(jira):
    """Under the limit of 100, 20 users from the 98th on are two."""
    caller = jira(users=300, user_limits=UserLimits(in_all=100))

    assert len(caller.json("user/search", username=".", includeInactive="true", startAt=98, maxResults=20)) == 2


def test_inactive_users(jira):
    """Inactive users come only when asked for, and without a username nobody comes."""
    caller = jira()

    asked = {"username": ".", "maxResults": 100}

    assert all(user["active"] for user in caller.json("user/search", **asked))
    assert not all(user["active"] for user in caller.json("user/search", includeInactive="true", **asked))
    assert caller.get("user/search").status == 400


def test_users_are_found_by_the_beginning_of_a_name(jira):
    """A search finds who has a name, or a word of one, that begins so; not who has it somewhere within."""
    caller = jira(users=30)
    names = lambda text: {user["name"] for user in caller.json("user/search", username=text)}  # noqa: E731

    assert "tap-reader" in names("tap") & names("read") & names("TAP-R")
    assert names("eader") == set()
    assert len(names("example")) > 10


def test_groups_are_shown_up_to_a_number(jira):
    """The picker shows the first groups, says how many there are, and leaves out those it is told to."""
    caller = jira(users=60, user_limits=UserLimits(groups=2))
    first = caller.json("groups/picker", query="")
    names = [group["name"] for group in first["groups"]]

    assert (first["header"], first["total"], len(names)) == ("Showing 2 of 6 matching groups", 6, 2)
    rest = orjson.loads(caller.get(f"groups/picker?exclude={names[0]}&exclude=team+0+%26+friends").body)
    assert rest["total"] == 4
    assert [group["name"] for group in caller.json("groups/picker", query="FRIENDS", exclude="")["groups"]] == [
        "team 0 & friends",
        "team 1 & friends",
    ]


def test_members_of_a_group(jira):
    """Members come in pages of 50, the inactive when asked for, and to administrators only."""
    caller = jira(users=120)
    page = caller.json("group/member", groupname="jira-users", maxResults=100, includeInactiveUsers="true")

    assert (len(page["values"]), page["maxResults"], page["total"], page["isLast"]) == (50, 50, 110, False)
    assert caller.json("group/member", groupname="jira-users")["total"] < 110
    assert caller.json("group/member", groupname="jira-users", startAt=90, includeInactiveUsers="true")["isLast"]
    assert caller.get("group/member", groupname="nobody").status == 404
    assert caller.get("group/member").status == 400
    assert jira(admin=False).get("group/member", groupname="jira-users").status == 403


def test_user_list(jira):
    """``/user/list`` gives every user once by cursor, and exists from 10.3.20 on."""
    caller = jira(users=25, version=(10, 3, 24))
    keys, cursor = [], ""
    while cursor is not None:
        page = caller.json("user/list", cursor=cursor, maxResults=10)
        keys += [user["key"] for user in page["values"]]
        cursor = page.get("nextCursor")

    assert len(keys) == len(set(keys)) == 25
    assert jira(version=(10, 3, 19)).get("user/list").status == 404


def test_projects(jira):
    """The list of projects carries lead and description only when expanded, and archived ones only when asked for."""
    caller = jira()
    plain, expanded = caller.json("project"), caller.json("project", expand="lead,description", includeArchived="true")

    assert "lead" not in plain[0]
    assert "lead" in expanded[0]
    assert [project["archived"] for project in expanded] == [False] * 8 + [True]
    assert plain[0]["name"] == " Agila"


def test_roles(jira):
    """Roles have integer ids, one of them lacks actors, and they are for administrators only."""
    roles = jira().json("role")

    assert all(isinstance(role["id"], int) for role in roles)
    assert "actors" not in roles[1]
    assert jira(admin=False).get("role").status == 403


@pytest.mark.parametrize(("path", "count"), [("projectCategory", 3), ("project/type", 3), ("resolution", 6)])
def test_small_lists(jira, path, count):
    """The small lists are bare arrays."""
    assert len(jira().json(path)) == count


def test_server_info(jira):
    """The server prints its own time in its own zone, without a colon in the offset."""
    info = jira().json("serverInfo")

    assert info["serverTime"] == "2023-11-15T00:13:20.000+0200"
    assert info["deploymentType"] == "Server"


def test_other_offset(jira):
    """A site may print times in an offset other than +0000."""
    caller = jira(offset_minutes=-480)
    caller.world.edit(10000)

    assert caller.json("issue/10000", fields="updated")["fields"]["updated"] == "2023-11-14T14:13:20.000-0800"


@pytest.mark.parametrize("path", ["nope", "project/search", "issue/1", "issue/NOPE-1", "issue/10000/nope", "user/list"])
def test_not_found(jira, path):
    """What does not exist is a 404 in JSON."""
    response = jira().get(path)

    assert response.status == 404
    assert orjson.loads(response.body)


def test_signs_of_life(jira):
    """Every answer says when, to whom and under which request it was given."""
    headers = jira().get("myself").headers

    assert headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert headers["X-AUSERNAME"] == "tap-reader"
    assert headers["X-AREQUESTID"]


def test_odd_issues(jira):
    """In an odd world one issue in twenty carries what no text of UTF-8 can; its other fields stay as they are."""
    plain, odd = (
        {it["id"]: it["fields"] for it in json.loads(jira(odd=odd).get("search", maxResults=60).body)["issues"]}
        for odd in (False, True)
    )
    changed = [id_ for id_ in plain if plain[id_] != odd[id_]]

    assert sorted(changed) == ["10003", "10023", "10043"]
    assert {name for id_ in changed for name in plain[id_] if plain[id_][name] != odd[id_][name]} >= {"summary"}
    assert [("\0" in odd[id_]["summary"], "\ud83d|" in odd[id_]["summary"]) for id_ in sorted(changed)] == [
        (True, False),
        (False, True),
        (True, False),
    ]
