"""Issues as Cloud prints them, and the resources that complete them."""

from __future__ import annotations

import itertools

import orjson
import pytest

from tap_jira.simulator import Caps


def version(caller, number: int):
    caller.api = caller.api[:-1] + str(number)
    return caller


@pytest.mark.parametrize("number", [2, 3])
def test_prose(cloud, number):
    """Descriptions, environments, comments and multi-line fields are text in version 2 and documents in version 3."""
    caller = version(cloud(issues=300), number)
    fields = [issue["fields"] for issue in caller.json("search/jql", jql="updated >= 0", fields="*all")["issues"]]
    bodies = [comment["body"] for its in fields for comment in its["comment"]["comments"]]
    prose = [its[name] for its in fields for name in ("description", "environment", "customfield_10105") if its[name]]

    assert len(bodies) > 20
    assert {type(text) for text in bodies + prose} == {str if number == 2 else dict}
    assert number == 2 or all(text.keys() == {"version", "type", "content"} for text in bodies + prose)


def test_no_empty_text_in_a_document(cloud):
    """A document has no empty text node, which Atlassian's format forbids."""
    comments = cloud().json("issue/10007/comment")["comments"]

    assert b'"text":""' not in orjson.dumps(comments)


def test_only_cloud_has_them(cloud):
    """Users are accounts without a name, projects say whether they are simplified, issue types have a level."""
    fields = cloud().search(fields=["*all"], maxResults=1)["issues"][0]["fields"]

    assert {"accountId", "accountType"} <= fields["creator"].keys()
    assert not {"name", "key"} & fields["creator"].keys()
    assert isinstance(fields["project"]["simplified"], bool)
    assert isinstance(fields["issuetype"]["hierarchyLevel"], int)
    assert fields["statuscategorychangedate"].endswith("+0000")


def test_sprints_are_objects(cloud):
    """A sprint field holds objects, and declares them as json."""
    caller = cloud(issues=300)
    (sprint,) = [field for field in caller.json("field") if field["name"] == "Sprint"]
    pages = caller.json("search/jql", jql="updated >= 0", fields=sprint["id"])["issues"]
    values = [issue["fields"][sprint["id"]] for issue in pages if issue["fields"][sprint["id"]]]

    assert sprint["schema"]["items"] == "json"
    assert values
    assert all({"id", "name", "state", "boardId"} <= value[0].keys() for value in values)


def test_caps_in_the_search(cloud):
    """The search gives the 40 newest changes, newest first, 20 comments and 20 worklogs, and the totals."""
    caller = cloud(issues=300)

    def child(issue_id: int, name: str):
        return caller.search(f"id = {issue_id}", fields=["*all"], expand="changelog")["issues"][0], name

    changelog = child(10013, "")[0]["changelog"]
    comment = child(10007, "")[0]["fields"]["comment"]
    worklog = child(10011, "")[0]["fields"]["worklog"]

    assert (len(changelog["histories"]), changelog["total"]) == (40, 60)
    assert changelog["histories"][0]["id"] == "10013059"
    assert (len(comment["comments"]), comment["total"], comment["startAt"]) == (20, 130, 0)
    assert comment["comments"][-1]["id"] == "10007129"
    assert (len(worklog["worklogs"]), worklog["total"]) == (20, 45)


def test_caps_of_one_issue(cloud):
    """An issue by itself carries 100 comments, and the caps of the search are a setting."""
    caller = cloud(caps=Caps(comments=5, changes=3))

    assert len(caller.json("issue/10007")["fields"]["comment"]["comments"]) == 100
    assert len(caller.search("id = 10007", fields=["comment"])["issues"][0]["fields"]["comment"]["comments"]) == 5


@pytest.mark.parametrize(
    ("path", "name", "pages"),
    [
        ("issue/10007/comment", "comments", [100, 30]),
        ("issue/10011/worklog", "worklogs", [45]),
        ("issue/10013/changelog", "values", [60]),
    ],
)
def test_children(cloud, path, name, pages):
    """The children of one issue come oldest first, in pages of up to 100 or, for worklogs, 5000."""
    caller = cloud()
    found = [caller.json(path, startAt=100 * n, maxResults=9999) for n in range(len(pages))]
    stamps = [child["created"] for page in found for child in page[name]]

    assert [len(page[name]) for page in found] == pages
    assert {page["total"] for page in found} == {sum(pages)}
    assert stamps == sorted(stamps)


def test_changelog_pages(cloud):
    """The pages of a changelog lead to the next one, and say which is the last."""
    caller = cloud()
    first, last = (caller.json("issue/10013/changelog", startAt=start, maxResults=40) for start in (0, 40))

    assert (len(first["values"]), first["isLast"], "nextPage" in first) == (40, False, True)
    assert (len(last["values"]), last["isLast"], "nextPage" in last) == (20, True, False)


def test_order_of_comments(cloud):
    """Comments can be asked newest first, and in no order but that of their creation."""
    caller = cloud()

    assert caller.json("issue/10007/comment", orderBy="-created")["comments"][0]["id"] == "10007129"
    assert caller.get("issue/10007/comment", orderBy="updated").status == 400


def test_bulk_fetch(cloud):
    """A hundred issues come by id, without those that are not there; a moved one comes under its new key."""
    caller = cloud()
    old = caller.json("issue/10004")["key"]
    caller.world.move(10004)
    caller.world.delete(10002)
    found = caller.posted("issue/bulkfetch", issueIdsOrKeys=["10007", old, "10002", "99999"], fields=["summary"])

    assert [issue["id"] for issue in found["issues"]] == ["10004", "10007"]
    assert found["issues"][0]["key"] != old
    assert found["issueErrors"] == []
    assert caller.post("issue/bulkfetch", issueIdsOrKeys=[]).status == 400
    assert caller.post("issue/bulkfetch", issueIdsOrKeys=list(range(10000, 10101))).status == 400


def test_bulk_changes(cloud):
    """The changes of many issues come oldest first over several pages, with their instants in milliseconds."""
    caller, named = cloud(), [str(issue_id) for issue_id in range(10000, 10060)]
    pages: list[list[tuple[int, dict]]] = []
    token: dict[str, str] = {}
    while not pages or token:
        page = caller.posted("changelog/bulkfetch", issueIdsOrKeys=named, maxResults=50, **token)
        pages.append([(it["created"], log) for log in page["issueChangeLogs"] for it in log["changeHistories"]])
        token = {"nextPageToken": page["nextPageToken"]} if "nextPageToken" in page else {}
    places = [[created for created, _ in page] for page in pages]
    logs = [log for page in pages for log in {log["issueId"]: log for _, log in page}.values()]
    split = [it["id"] for log in logs if log["issueId"] == "10013" for it in log["changeHistories"]]
    alone = caller.json("issue/10013/changelog")["values"]

    assert len(pages) > 2
    assert all(max(before) <= min(after) for before, after in itertools.pairwise(places))
    assert split == [history["id"] for history in alone]
    assert sum(log["issueId"] == "10013" for log in logs) > 1
    assert min(places[0]) > 10**12


def test_bulk_changes_of_fields(cloud):
    """Changes can be limited to some fields; a change of several fields comes whole."""
    caller = cloud()
    (log,) = caller.posted("changelog/bulkfetch", issueIdsOrKeys=["10013"], fieldIds=["labels"])["issueChangeLogs"]

    assert 0 < len(log["changeHistories"]) < 60
    assert all("labels" in {item["fieldId"] for item in history["items"]} for history in log["changeHistories"])


@pytest.mark.parametrize(
    "asked",
    [
        {"issueIdsOrKeys": []},
        {"issueIdsOrKeys": ["1"] * 1001},
        {"maxResults": 10_001},
        {"fieldIds": list("abcdefghijk")},
        {"nextPageToken": "x"},
        {"expand": "x"},
    ],
)
def test_bulk_changes_refused(cloud, asked):
    """More than Cloud allows is a 400."""
    assert cloud().post("changelog/bulkfetch", **{"issueIdsOrKeys": ["10000"], **asked}).status == 400


def test_no_issue(cloud):
    """What is not there, or not for this caller, is a 404."""
    caller = cloud()
    missing = caller.get("issue/1").status
    caller.headers = {}

    assert (missing, caller.get("issue/10000").status) == (404, 404)
