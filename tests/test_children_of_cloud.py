"""What Jira Cloud cuts inside the issues of a page comes out whole, or as it came and with a warning."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tap_jira import children, jql
from tap_jira.children import complete
from tap_jira.client import Sends
from tap_jira.errors import AuthError
from tap_jira.issues import Issues
from tap_jira.search import Ask, Window
from tap_jira.simulator import Caps, CloudAccount, CloudAccounts, CloudSite, World
from tap_jira.wire import Headers, Request, Response
from tests.fakes import BASE, Inline, Time, client_of, in_turn

BULK = "changelog/bulkfetch"
EMAIL, TOKEN = "tap-reader@example.com", "an-api-token"
PLACES = {
    "comments": ("10007", ("fields", "comment")),
    "worklogs": ("10011", ("fields", "worklog")),
    "histories": ("10013", ("changelog",)),
}
"""The issues of the simulated site that have very many of something, and where that lies."""

Change = Callable[[str, Response], Response]


@dataclass
class Cloud:
    """A Cloud site that is asked with an API token, and what may give another answer than it did."""

    site: CloudSite
    change: Change = lambda path, answer: answer
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        address = urlsplit(request.url)
        path = address.path.partition("/rest/api/2/")[2]
        self.asked.append((path, orjson.loads(request.body) if request.body else dict(parse_qsl(address.query))))
        return self.change(path, self.answer(request))

    def answer(self, request: Request) -> Response:
        """What the site itself says."""
        basic = "Basic " + base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        return self.site.answer(replace(request, headers=Headers({**request.headers, "Authorization": basic})))

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def cloud(time: Time) -> Cloud:
    """A site of 60 issues that prints no more than five changes with an issue that is found."""
    account = CloudAccount(EMAIL, api_tokens={TOKEN: None})
    world = World(seed=1, issues=60, now=time)
    caps = Caps(comments=20, changes=5, worklogs=20)
    return Cloud(CloudSite(world, accounts=CloudAccounts((account,)), base_url=BASE, caps=caps))


def found(cloud: Cloud, *fields: str, expand: str = "changelog") -> list[dict[str, Any]]:
    """All issues as the search prints them."""
    asked = {"jql": "updated >= 0", "fields": fields or ["*all"], "expand": expand, "maxResults": 100}
    answer = cloud.answer(Request("POST", f"{BASE}/rest/api/2/search/jql", Headers({}), orjson.dumps(asked)))
    issues: list[dict[str, Any]] = orjson.loads(answer.body)["issues"]
    assert len(issues) == 60
    return issues


def completed(jira: Sends, time: Time, issues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    complete(client_of(jira, Inline(time)), issues, "cloud", in_turn)
    return issues


def part_of(issues: list[dict[str, Any]], items: str) -> dict[str, Any]:
    """The part of an issue that holds the long list of these items."""
    issue_id, place = PLACES[items]
    part: Any = next(issue for issue in issues if issue["id"] == issue_id)
    for name in place:
        part = part[name]
    assert isinstance(part, dict)
    return part


def real(cloud: Cloud, items: str, issue_id: str = "") -> list[Any]:
    """All the items that there are, in the order in which an issue carries them."""
    child, name = {"histories": ("changelog", "values")}.get(items, (items[:-1], items))
    address = f"{BASE}/rest/api/2/issue/{issue_id or PLACES[items][0]}/{child}"
    # No issue of this site has more than 200 of anything.
    pages = [cloud.answer(Request("GET", f"{address}?startAt={n}&maxResults=100")) for n in (0, 100)]
    made = [item for page in pages for item in orjson.loads(page.body)[name]]
    return made[::-1] if items == "histories" else made


def answering(answers: dict[str, Response]) -> Change:
    """These answers at these paths, whatever the site says."""
    return lambda path, real: answers.get(path, real)


def refusal(status: int) -> Response:
    return Response.of_json({"errorMessages": ["not these"]}, status)


@pytest.mark.parametrize("items", PLACES)
def test_lists_that_are_cut_come_out_whole(
    cloud: Cloud, time: Time, items: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Comments, worklogs and changes that Cloud leaves out are fetched: all of them, as the issue carries them."""
    part, whole = part_of(completed(cloud, time, found(cloud)), items), real(cloud, items)

    assert part[items] == whole
    assert (part["startAt"], part["maxResults"], part["total"]) == (0, len(whole), len(whole))
    assert caplog.messages == []


def test_changes_of_a_page_are_asked_for_together(cloud: Cloud, time: Time) -> None:
    """The changelogs that are cut, and only they, take one request for all; every one is whole after it."""
    issues = found(cloud, "summary")
    cut = [issue["id"] for issue in issues if issue["changelog"]["total"] > 5]
    completed(cloud, time, issues)

    assert [(path, body["issueIdsOrKeys"]) for path, body in cloud.asked] == [(BULK, cut)]
    assert len(cut) > 3
    assert all(issue["changelog"]["histories"] == real(cloud, "histories", issue["id"]) for issue in issues)


def test_changes_spread_over_pages(cloud: Cloud, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes come by date over many pages, and each finds back to its issue."""
    monkeypatch.setattr(children, "CHANGES", 7)
    issues = completed(cloud, time, found(cloud, "summary"))

    assert len(cloud.paths) > 10
    assert set(cloud.paths) == {BULK}
    assert all(issue["changelog"]["histories"] == real(cloud, "histories", issue["id"]) for issue in issues)


def test_more_issues_than_one_request_may_name(cloud: Cloud, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with very many issues takes several requests."""
    monkeypatch.setattr(children, "MOST_IN_BULK", 3)
    issues = completed(cloud, time, found(cloud, "summary"))

    assert max(len(body["issueIdsOrKeys"]) for _, body in cloud.asked) == 3
    assert all(issue["changelog"]["histories"] == real(cloud, "histories", issue["id"]) for issue in issues)


@pytest.mark.parametrize(("fields", "expand"), [(["summary"], ""), (["comment"], ""), (["worklog"], "")])
def test_only_what_the_answer_carries_is_completed(cloud: Cloud, time: Time, fields: list[str], expand: str) -> None:
    """A list that was not asked for is not completed."""
    completed(cloud, time, found(cloud, *fields, expand=expand))

    assert {path.split("/")[-1] for path in cloud.paths} == set(fields) - {"summary"}


def test_whole_lists_cost_nothing(cloud: Cloud, time: Time) -> None:
    """Where nothing is cut, nothing is asked."""
    whole = [issue for issue in found(cloud, "summary") if issue["changelog"]["total"] <= 5]
    completed(cloud, time, whole)

    assert (cloud.asked, len(whole) > 3) == ([], True)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 500, 504])
def test_changes_where_there_is_no_bulk(
    cloud: Cloud, time: Time, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """If Cloud does not give the changes of many issues, each changelog is asked for by itself, page by page."""
    cloud.change = answering({BULK: refusal(status)})
    issues = completed(cloud, time, found(cloud, "summary"))

    assert all(issue["changelog"]["histories"] == real(cloud, "histories", issue["id"]) for issue in issues)
    assert len(caplog.messages) == 1
    assert "one by one" in caplog.messages[0]


@pytest.mark.parametrize("refuses", [True, False], ids=["refused", "left out"])
def test_changes_that_nobody_gives(cloud: Cloud, time: Time, refuses: bool, caplog: pytest.LogCaptureFixture) -> None:
    """If neither way gives the changes, the issue stays as it is, with a warning."""
    bulk = refusal(404) if refuses else Response.of_json({"issueChangeLogs": []})
    cloud.change = answering({BULK: bulk, "issue/10013/changelog": refusal(403)})
    issues = found(cloud, "summary")
    before = orjson.dumps(part_of(issues, "histories"))
    completed(cloud, time, issues)

    assert orjson.dumps(part_of(issues, "histories")) == before
    assert len([line for line in caplog.messages if "histories stays cut" in line and "not these" in line]) == 1


def test_a_site_that_cannot_be_reached(cloud: Cloud, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """While Jira is down no issue is asked for by itself: all stay as they are, each with a warning."""
    cloud.change = answering({BULK: refusal(503)})
    issues = found(cloud, "summary")
    cut = [issue for issue in issues if issue["changelog"]["total"] > 5]
    completed(cloud, time, issues)

    assert set(cloud.paths) == {BULK}
    assert len([line for line in caplog.messages if "histories stays cut" in line]) == len(cut)


@pytest.mark.parametrize("path", [BULK, "issue/10007/comment"])
def test_a_token_that_expires_meanwhile(cloud: Cloud, time: Time, path: str) -> None:
    """If Cloud does not know us any more, the run ends instead of sending issues without their children."""
    denied = Response.of_json(
        {"comments": [], "issueChangeLogs": []}, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    )
    cloud.change = answering({path: denied})

    with pytest.raises(AuthError):
        completed(cloud, time, found(cloud))


def test_a_page_token_that_comes_again(cloud: Cloud, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """A site whose pages lead in a circle is left soon, with a warning, and the changelogs are asked for alone."""
    logs = [{"issueId": "10013", "changeHistories": []}]
    cloud.change = answering({BULK: Response.of_json({"issueChangeLogs": logs, "nextPageToken": "again"})})
    part = part_of(completed(cloud, time, found(cloud, "summary")), "histories")

    assert cloud.paths.count(BULK) == 2
    assert part["histories"] == real(cloud, "histories")
    assert [line for line in caplog.messages if "the same nextPageToken twice" in line]


def test_pages_without_end(cloud: Cloud, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """A site that always has another page is asked for so many, and no more."""
    tokens = (str(n) for n in range(10**6))
    cloud.change = lambda path, answer: (
        Response.of_json({"issueChangeLogs": [], "nextPageToken": next(tokens)}) if path == BULK else answer
    )
    part = part_of(completed(cloud, time, found(cloud, "summary")), "histories")

    assert cloud.paths.count(BULK) == children.MOST_PAGES
    assert part["histories"] == real(cloud, "histories")
    assert len(caplog.messages) == 1


# Changes that the test holds in its hand.


def stamped(n: int) -> dict[str, Any]:
    return {"id": str(n), "created": f"2024-01-01T00:00:{n:02d}.500+0000"}


def of_one(changes: list[Any], alone: list[Any]) -> Callable[[Request], Response]:
    """A site where an issue has these changes in bulk, and these by itself."""

    def answer(request: Request) -> Response:
        if request.url.endswith(BULK):
            return Response.of_json({"issueChangeLogs": [{"issueId": "1", "changeHistories": changes}]})
        return Response.of_json({"values": alone, "total": len(alone), "isLast": True})

    return answer


@dataclass
class Answers:
    """Gives what a function makes of a request."""

    answer: Callable[[Request], Response]
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer(request)


def changelog(time: Time, jira: Sends, *came: dict[str, Any], total: int) -> dict[str, Any]:
    """The changelog of an issue that came so, after completion."""
    part = {"startAt": 0, "maxResults": len(came), "total": total, "histories": list(came)}
    completed(jira, time, [{"id": "1", "key": "A-1", "changelog": part}])
    return part


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1759080993142, "2025-09-28T17:36:33.142+0000"),
        (1492070429, "2017-04-13T08:00:29.000+0000"),
        ("2017-04-13T10:00:29.000+0200", "2017-04-13T10:00:29.000+0200"),
        (10**18, 10**18),
        (True, True),
        (None, None),
    ],
    ids=str,
)
def test_instants_are_text(time: Time, number: Any, text: Any) -> None:
    """The instant of a change is text as within an issue, whether Cloud sends milliseconds, seconds or text."""
    part = changelog(time, Answers(of_one([{"id": "1", "created": number}], [])), total=1)

    assert part["histories"] == [{"id": "1", "created": text}]


def test_nothing_that_came_with_the_issue_is_lost(time: Time) -> None:
    """A change that came with the issue stays as it came, also if it is not among those that were fetched."""
    came = [{**stamped(9), "by": "the issue"}, {**stamped(7), "by": "the issue"}]
    part = changelog(time, Answers(of_one([stamped(5), stamped(6), stamped(7), stamped(8)], [])), *came, total=5)

    expected = [came[0], stamped(8), came[1], stamped(6), stamped(5)]
    assert (part["histories"], part["total"], part["maxResults"]) == (expected, 5, 5)


def test_changes_of_one_instant(time: Time) -> None:
    """Changes of the same instant stay in the order they were made in, the newest first."""
    same = [{**stamped(0), "id": str(n)} for n in range(6)]
    part = changelog(time, Answers(of_one(same, [])), same[5], same[4], total=6)

    assert part["histories"] == same[::-1]


def test_changes_made_meanwhile(time: Time) -> None:
    """A change made after the issue was printed is taken, and counted."""
    part = changelog(time, Answers(of_one([stamped(n) for n in range(4)], [])), stamped(2), total=3)

    assert (part["histories"], part["total"]) == ([stamped(n) for n in (3, 2, 1, 0)], 4)


def test_what_lacks_in_bulk_is_asked_for_alone(time: Time) -> None:
    """If the changes in bulk are fewer than the issue counts, its own changelog is looked at."""
    part = changelog(time, Answers(of_one([stamped(1)], [stamped(n) for n in range(3)])), stamped(2), total=3)

    assert part["histories"] == [stamped(n) for n in (2, 1, 0)]


def test_an_issue_that_is_left_out_in_bulk(time: Time) -> None:
    """An issue of which neither its total nor its changes in bulk are told is asked for alone."""
    jira = Answers(of_one([], [stamped(1), stamped(2)]))
    part = {"histories": [stamped(2)], "maxResults": 1}
    completed(jira, time, [{"id": "1", "key": "A-1", "changelog": part}])

    assert part["histories"] == [stamped(2), stamped(1)]


def test_changes_that_nobody_can_have(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """If Cloud counts more than it ever gives, there is what there is, after a few requests, and a warning."""
    jira = Answers(of_one([stamped(1)], [stamped(1), stamped(2)]))
    part = changelog(time, jira, stamped(2), total=60)

    assert (part["histories"], part["total"]) == ([stamped(2), stamped(1)], 60)
    assert caplog.messages == ["issue A-1: only 2 of 60 histories can be had"]
    assert len(jira.asked) == 2


@pytest.mark.parametrize("odd", [{}, [], {"issueChangeLogs": None}, None], ids=str)
def test_an_answer_without_changes_is_asked_again(time: Time, odd: object) -> None:
    """An answer that lacks the list is never taken for an empty one."""
    answers: Iterator[Response] = iter([Response.of_json(odd)])
    good = of_one([stamped(1), stamped(2)], [])
    jira = Answers(lambda request: next(answers, None) or good(request))
    part = changelog(time, jira, stamped(2), total=2)

    assert part["histories"] == [stamped(2), stamped(1)]
    assert [request.url for request in jira.asked] == [f"{BASE}/rest/api/2/{BULK}"] * 2


# Lists in pages.


def paged(have: int, counts: int, says_last: bool = False) -> Callable[[Request], Response]:
    """A site where an issue has so many comments and counts more, a hundred to a page."""

    def answer(request: Request) -> Response:
        start = int(dict(parse_qsl(urlsplit(request.url).query))["startAt"])
        page = [{"id": str(n)} for n in range(start, min(start + 100, have))]
        total = {"isLast": start + 100 >= have} if says_last else {"total": counts}
        return Response.of_json({"comments": page, **total})

    return answer


@pytest.mark.parametrize("have", [1, 20, 99, 100, 101, 199, 250])
def test_comments_that_nobody_can_have(time: Time, have: int, caplog: pytest.LogCaptureFixture) -> None:
    """Where comments are counted that are deleted or hidden, asking ends soon behind the last that there is."""
    jira = Answers(paged(have, 5000))
    part: dict[str, Any] = {"comments": [{"id": str(have - 1)}], "maxResults": 1, "total": 5000, "startAt": 0}
    completed(jira, time, [{"id": "1", "key": "A-1", "fields": {"comment": part}}])

    assert [item["id"] for item in part["comments"]] == [str(n) for n in range(have)]
    assert len(jira.asked) <= have // 99 + 2
    assert caplog.messages == [f"issue A-1: only {have} of 5000 comments can be had"]


def test_the_last_page_says_so(time: Time) -> None:
    """Where an answer has no total, the page that says it is the last one is."""
    jira = Answers(paged(120, 0, says_last=True))
    part: dict[str, Any] = {"comments": [{"id": "119"}], "maxResults": 1, "startAt": 0}
    completed(jira, time, [{"id": "1", "key": "A-1", "fields": {"comment": part}}])

    assert (len(part["comments"]), part["total"], len(jira.asked)) == (120, 120, 2)


# Rows.


def test_the_rows_of_a_page(cloud: Cloud, time: Time) -> None:
    """A page that is searched has its issues in their order, each whole, and asks for all changelogs at once."""
    issues = found(cloud, "summary", "updated", "created")
    answer = Response.of_json({"issues": issues, "isLast": True})
    cloud.change = answering({"search/jql": answer})
    source = Issues(client_of(cloud, Inline(time)), jql.Numbers(), in_turn, expand=["changelog"], kind="cloud")
    rows = source.page(Ask(Window(0, None), 0, 100)).rows

    assert [row.id for row in rows] == [issue["id"] for issue in issues]
    read = [orjson.loads(bytes(text)) for text in rows[0].issue.bundle.texts()]
    assert all(issue["changelog"]["histories"] == real(cloud, "histories", issue["id"]) for issue in read)
    assert cloud.paths == ["search/jql", BULK]


def test_an_issue_by_itself(cloud: Cloud, time: Time) -> None:
    """An issue that is read alone is completed as one of a page is."""
    client = client_of(cloud, Inline(time))
    row = Issues(client, jql.Numbers(), in_turn, expand=["changelog"], kind="cloud").one("10007")

    assert row is not None
    (text,) = row.issue.bundle.texts()
    assert len(orjson.loads(bytes(text))["fields"]["comment"]["comments"]) == 130
