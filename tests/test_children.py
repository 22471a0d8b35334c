"""What an issue carries only in part comes out whole, or as it came and with a warning."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tap_jira.children import MOST_PAGES, complete
from tap_jira.client import Sends
from tap_jira.simulator import Account, Accounts, Caps, Site, World
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Inline, Outcome, Time, client_of, in_turn

PLACES = {
    "comments": ("10007", ("fields", "comment")),
    "worklogs": ("10011", ("fields", "worklog")),
    "histories": ("10013", ("changelog",)),
}
"""The issues of the simulated site that have very many of something, and where that lies."""


def site_of(time: Time, caps: Caps) -> Site:
    account = Account("tap-reader", tokens={TOKEN: None})
    return Site(World(seed=1, issues=60, now=time), accounts=Accounts((account,)), base_url=BASE, caps=caps)


@pytest.fixture
def cutting(time: Time) -> Site:
    """A site that prints no more than twenty comments and worklogs with an issue, and all of its changes."""
    return site_of(time, Caps(comments=20))


@dataclass
class Between:
    """Stands before a site, and may give another answer than it did."""

    site: Sends
    change: Callable[[str, Response], Response]
    paths: list[str] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        path = urlsplit(request.url).path.partition("/rest/api/2/")[2]
        self.paths.append(path)
        return self.change(path, self.site.send(request))


def children_of(paths: list[str]) -> list[str]:
    """The requests for single issues and their children."""
    return [path for path in paths if path.startswith("issue/")]


def listen(site: Site) -> Between:
    """Hears what a site is asked."""
    return Between(site, lambda path, answer: answer)


def always(answer: Response, end: str) -> Callable[[str, Response], Response]:
    """This answer, whatever the site says, where the path ends so."""
    return lambda path, real: answer if path.endswith(end) else real


def short_changelogs(path: str, answer: Response) -> Response:
    """Search prints the newest ten changes of an issue and no more."""
    if path != "search":
        return answer
    found = orjson.loads(answer.body)
    for issue in found["issues"]:
        if "changelog" in issue:
            newest = issue["changelog"]["histories"][-10:]
            issue["changelog"].update(histories=newest, maxResults=len(newest))
    return Response.of_json(found)


def part_of(outcome: Outcome, items: str) -> dict[str, Any]:
    """The part of the record that holds the long list of these items."""
    issue_id, place = PLACES[items]
    part: Any = next(record for record in outcome.records("jira_issues") if record["id"] == issue_id)
    for name in place:
        part = part[name]
    assert isinstance(part, dict)
    return part


def real(site: Site, items: str) -> list[str]:
    """The ids of all the items that there are, in their order."""
    issue = site.world.find(PLACES[items][0])
    made: list[dict[str, Any]] = getattr(site.renderer.children, items)(issue)
    return [item["id"] for item in made]


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


# Whole runs.


@pytest.mark.parametrize("items", PLACES)
def test_lists_that_are_cut_come_out_whole(tap: Tap, cutting: Site, items: str) -> None:
    """Comments, worklogs and changes that Jira leaves out are fetched: all of them, in order, with the right total."""
    outcome = tap(to=Between(cutting, short_changelogs))

    part, expected = part_of(outcome, items), real(cutting, items)
    assert (outcome.code, outcome.logged("WARNING")) == (0, [])
    assert ids(part[items]) == expected
    assert (part["startAt"], part["maxResults"], part["total"]) == (0, len(expected), len(expected))


def test_whole_lists_cost_nothing(tap: Tap, time: Time) -> None:
    """Where Jira prints all children with the issue, no further request is made."""
    jira = listen(site_of(time, Caps(worklogs=None)))
    tap(to=jira)

    assert children_of(jira.paths) == []


def test_a_list_is_asked_for_once(tap: Tap, cutting: Site) -> None:
    """A list that fits one answer costs one request, also where Jira knows no pages."""
    jira = Between(cutting, short_changelogs)
    tap(to=jira)

    expected = ["issue/10007/comment", "issue/10011/worklog", "issue/10013"]
    assert sorted(set(expected) & set(jira.paths)) == sorted(expected)
    assert len(children_of(jira.paths)) == len(set(jira.paths) & set(children_of(jira.paths)))


@pytest.mark.parametrize(
    ("column", "path"),
    [
        (["properties", "fields", "properties", "comment"], "issue/10007/comment"),
        (["properties", "fields", "properties", "worklog"], "issue/10011/worklog"),
        (["properties", "changelog"], "issue/10013"),
    ],
    ids=["comment", "worklog", "changelog"],
)
def test_only_what_is_selected_is_completed(tap: Tap, cutting: Site, column: list[str], path: str) -> None:
    """A list that nobody selected is neither asked for nor completed; the others are."""
    catalog = json.loads(tap("--discover", to=cutting).output)
    about = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_issues")["metadata"]
    next(entry for entry in about if entry["breadcrumb"] == column)["metadata"]["selected"] = False
    searched: list[Response] = []

    def cut(path: str, answer: Response) -> Response:
        searched.extend([answer] if path == "search" else [])
        return short_changelogs(path, answer)

    jira = Between(cutting, cut)
    outcome = tap(to=jira, catalog=catalog)

    everything = {"issue/10007/comment", "issue/10011/worklog", "issue/10013"}
    assert outcome.code == 0
    assert everything & set(jira.paths) == everything - {path}
    assert [answer for answer in searched if b'"%s":{' % column[-1].encode() in answer.body] == []


def test_children_that_nobody_can_have(tap: Tap, time: Time) -> None:
    """If Jira counts more than it ever gives, the issue comes out with what there is, and a warning counts both."""
    outcome = tap(to=site_of(time, Caps(changes=40)))

    part = part_of(outcome, "histories")
    warnings = [line for line in outcome.logged("WARNING") if "only 40 of 60 histories can be had" in line]
    assert (outcome.code, len(part["histories"]), part["total"], len(warnings)) == (0, 40, 60, 1)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_children_that_are_refused(tap: Tap, cutting: Site, status: int) -> None:
    """If Jira refuses the rest, or keeps failing over it, the issue comes out as it was, with a warning."""
    refusal = Response.of_json({"errorMessages": ["not these"]}, status)
    outcome = tap(to=Between(cutting, always(refusal, "/10007/comment")))

    part = part_of(outcome, "comments")
    warnings = [line for line in outcome.logged("WARNING") if "comments stays cut" in line and "not these" in line]
    assert (outcome.code, len(warnings)) == (0, 1)
    assert ids(part["comments"]) == real(cutting, "comments")[-20:]
    assert part["total"] == 130
    assert len(outcome.records("jira_issues")) == 60


@pytest.mark.parametrize(
    "answer",
    [
        Response.of_json({}, 401),
        Response.of_json({"comments": [], "total": 0}, headers={"X-AUSERNAME": "anonymous"}),
    ],
    ids=["refused", "anonymous"],
)
def test_a_login_that_expires_meanwhile(tap: Tap, cutting: Site, answer: Response) -> None:
    """If Jira does not know us any more the run ends, instead of sending issues without their children."""
    outcome = tap(to=Between(cutting, always(answer, "/10007/comment")))

    assert outcome.code == 3
    assert outcome.records("jira_issues") == outcome.records("jira_projects") == []
    assert outcome.messages[-1]["type"] == "STATE"


# One issue, and lists that the test holds in its hand.


@dataclass
class Held:
    """The comments of one issue, in pages of at most ``cap``."""

    comments: list[Any]
    cap: int = 1000
    says_total: bool = True
    counts: int = 0
    """How many more it counts than it has."""
    knows_pages: bool = True
    after: Callable[[list[Any]], None] = field(default=lambda comments: None)
    asked: list[int] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        query = dict(parse_qsl(urlsplit(request.url).query))
        start = int(query["startAt"]) if self.knows_pages else 0
        self.asked.append(start)
        total = {"total": len(self.comments) + self.counts} if self.says_total else {}
        answer = Response.of_json({"startAt": start, "comments": self.comments[start : start + self.cap], **total})
        self.after(self.comments)
        return answer


def comments(count: int) -> list[Any]:
    return [{"id": str(n)} for n in range(count)]


def completed(time: Time, jira: Sends, part: dict[str, Any]) -> dict[str, Any]:
    """The part of an issue that lists its comments, after completion."""
    complete(client_of(jira, Inline(time)), [{"id": "1", "key": "A-1", "fields": {"comment": part}}], "server", in_turn)
    return part


def cut_part() -> dict[str, Any]:
    return {"comments": comments(2), "maxResults": 2, "total": 50, "startAt": 0}


@pytest.mark.parametrize("cap", [2, 3, 7, 20, 49, 50])
@pytest.mark.parametrize("says_total", [True, False])
def test_pages_join(time: Time, cap: int, says_total: bool) -> None:
    """However few come at once, and whether or not an answer says how many there are, all are there in order."""
    part = completed(time, Held(comments(50), cap, says_total), cut_part())

    assert part == {"comments": comments(50), "maxResults": 50, "total": 50, "startAt": 0}


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ({"comments": comments(2), "maxResults": 2}, True),
        ({"comments": comments(2)}, True),
        ({"comments": comments(2), "maxResults": 50}, False),
        ({"comments": []}, False),
        ({"comments": comments(2), "total": 2, "maxResults": 2}, False),
        ({"comments": None, "total": 2}, False),
        ({"total": 2}, False),
    ],
    ids=str,
)
def test_a_list_without_a_total(time: Time, part: dict[str, Any], asked: bool) -> None:
    """A list that does not say how many there are is looked up unless it has room left; one that is none is let be."""
    jira = Held(comments(5))
    completed(time, jira, part)

    assert bool(jira.asked) == asked
    assert not asked or part["comments"] == comments(5)


def delete_once(count: int) -> Callable[[list[Any]], None]:
    """Deletes the first so many comments after the first page."""
    once = iter([slice(count)])

    def delete(held: list[Any]) -> None:
        for part in once:
            del held[part]

    return delete


@pytest.mark.parametrize("cap", [3, 4, 10])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_children_deleted_meanwhile_hide_no_other(time: Time, cap: int, count: int) -> None:
    """However many are deleted between two pages, what moves up to before the second is there, and in order."""
    part = completed(time, Held(comments(50), cap, after=delete_once(count)), cut_part())

    assert part["comments"] == comments(50)


def test_a_total_that_is_never_reached(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """If fewer can be had than are counted, what there is is taken, after a handful of requests, with a warning."""
    jira = Held(comments(30), counts=20)
    part = completed(time, jira, cut_part())

    assert (part["comments"], part["total"]) == (comments(30), 50)
    assert len(jira.asked) <= 5
    assert caplog.messages == ["issue A-1: only 30 of 50 comments can be had"]


@pytest.mark.parametrize("count", [5, 40])
def test_pages_that_are_all_the_first(time: Time, caplog: pytest.LogCaptureFixture, count: int) -> None:
    """A server that ignores startAt is not asked for ever, and nothing is taken twice."""
    jira = Held(comments(50), cap=count, knows_pages=False)
    part = completed(time, jira, cut_part())

    assert part["comments"] == comments(count)
    assert len(jira.asked) <= 5
    assert caplog.messages == [f"issue A-1: only {count} of 50 comments can be had"]


def test_a_list_that_grows_for_ever(time: Time) -> None:
    """A list that has grown whenever it is asked for is read for so many pages, and no longer."""
    jira = Held(comments(50), cap=10, after=lambda held: held.extend({"id": str(len(held) + n)} for n in range(10)))
    completed(time, jira, cut_part())

    assert len(jira.asked) == MOST_PAGES


def test_less_than_the_issue_carries(time: Time) -> None:
    """If the list by itself is shorter than what came with the issue, the longer one stays."""
    part = completed(time, Held(comments(1), counts=49), cut_part())

    assert part == cut_part()


@pytest.mark.parametrize("odd", [{}, [], {"comments": None}, {"comments": {}, "total": 0}, None])
def test_an_answer_without_the_list_is_asked_again(time: Time, odd: object) -> None:
    """An answer that lacks the list is never taken for an empty one."""
    answers = [odd]
    jira = Between(Held(comments(50)), lambda path, answer: Response.of_json(answers.pop()) if answers else answer)
    part = completed(time, jira, cut_part())

    assert part["comments"] == comments(50)
    assert len(jira.paths) == 2


def test_children_without_an_id(time: Time) -> None:
    """What has no id is taken as it is."""
    odd = [{"id": "1"}, {"body": "no id"}, "text", None, {"id": "2"}]
    part = completed(time, Held(odd, cap=3), {"comments": [], "total": 5})

    assert part["comments"] == odd


def test_an_issue_without_fields(time: Time) -> None:
    """An issue that is nothing but an id is let be."""
    jira = Held([])
    odd: list[dict[str, Any]] = [{}, {"fields": None, "changelog": []}, {"fields": {"comment": "x"}}]
    complete(client_of(jira, Inline(time)), odd, "server", in_turn)

    assert jira.asked == []
