"""Issues that Jira cannot print: found, sent with what there is of them, or owed until they can be printed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tap_jira import incremental
from tap_jira.dates import format_millis, to_millis
from tap_jira.simulator import Account, Accounts, Caps, Fault, Faults, Site, World
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Outcome, Time

UNPRINTABLE = ("summary", "description")
"""Even the plain fields of an issue with these cannot be printed; its id and its times can."""


@dataclass
class Heard:
    """Notes the paths and queries that a site is asked for."""

    site: Faults | Site
    paths: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        self.paths.append(parts.path.partition("/rest/api/2/")[2])
        self.queries.append(dict(parse_qsl(parts.query)))
        return self.site.send(request)


def poisoned(site: Site, *ids: int, fields: Iterable[str] = ("description",)) -> Faults:
    return Faults(site, poison=ids, poison_fields=fields)


def unprintable(site: Site, *ids: int) -> Faults:
    return poisoned(site, *ids, fields=UNPRINTABLE)


def ids(outcome: Outcome) -> list[str]:
    return sorted(record["id"] for record in outcome.records("jira_issues"))


def real(site: Site, *but: int) -> list[str]:
    return sorted(str(issue.id) for issue in site.world.issues() if issue.id not in but)


def record(outcome: Outcome, issue_id: int) -> dict[str, Any]:
    return next(record for record in outcome.records("jira_issues") if record["id"] == str(issue_id))


def bookmark(outcome: Outcome) -> dict[str, Any]:
    kept: dict[str, Any] = outcome.state["bookmarks"].get("jira_issues", {})
    return kept


# An issue that can be printed in part.


@pytest.mark.parametrize("page_size", [2, 7, 100])
def test_one_issue_that_fails_hides_no_other(tap: Tap, site: Site, config: dict[str, Any], page_size: int) -> None:
    """If Jira cannot print one field of one issue, all issues come out once, and nothing is owed."""
    outcome = tap(to=poisoned(site, 10020), config={**config, "page_size": page_size})

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert "owed" not in bookmark(outcome)


def test_it_comes_out_with_its_plain_fields(tap: Tap, site: Site) -> None:
    """That issue has its plain fields and times; the others are as ever; a warning names it and what Jira said."""
    whole = tap()
    outcome = tap(to=poisoned(site, 10020))

    plain, full = record(outcome, 10020), record(whole, 10020)
    assert {name: plain["fields"][name] for name in ("summary", "status", "updated", "created", "reporter")} == {
        name: full["fields"][name] for name in ("summary", "status", "updated", "created", "reporter")
    }
    assert plain["updated_at"] == full["updated_at"]
    assert plain["fields"].get("description") is None
    assert [r for r in outcome.records("jira_issues") if r["id"] != "10020"] == [
        r for r in whole.records("jira_issues") if r["id"] != "10020"
    ]
    named = [line for line in outcome.logged("WARNING") if full["key"] in line and "plain fields alone" in line]
    assert len(named) == 1
    assert "500" in named[0]


def test_many_that_fail_are_all_found(tap: Tap, site: Site) -> None:
    """Also if many fail, side by side, in the first place and in the last, each is found and no other touched."""
    poison = [10000, 10001, 10002, 10031, 10044, 10045, 10059]
    outcome = tap(to=poisoned(site, *poison))

    reduced = [r["id"] for r in outcome.records("jira_issues") if "comment" not in r["fields"]]
    assert (outcome.code, ids(outcome), sorted(reduced)) == (0, real(site), [str(n) for n in poison])


def test_a_failing_page_costs_few_requests(tap: Tap, site: Site) -> None:
    """The issue is found by halving: with 60 issues, two tries for each half on the way."""
    jira = Heard(poisoned(site, 10020))
    tap(to=jira)

    assert len([path for path in jira.paths if path == "search"]) <= 8 + 3 + 2 * 2 * 6
    assert len([path for path in jira.paths if path.startswith("issue/") and path.count("/") == 1]) <= 3 + 1


def test_a_deselected_field_is_no_trouble(tap: Tap, site: Site) -> None:
    """If the field that Jira cannot print is not selected, it is never asked for, and nothing fails."""
    catalog = json.loads(tap("--discover").output)
    about = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_issues")["metadata"]
    column = ["properties", "fields", "properties", "description"]
    next(entry for entry in about if entry["breadcrumb"] == column)["metadata"]["selected"] = False
    outcome = tap(to=poisoned(site, 10020), catalog=catalog)

    assert (outcome.code, ids(outcome), outcome.waits) == (0, real(site), [])


def test_issues_beside_it_are_completed(tap: Tap, time: Time) -> None:
    """What is found beside a failing issue has all of its children."""
    account = Account("tap-reader", tokens={TOKEN: None})
    site = Site(World(seed=1, issues=60, now=time), accounts=Accounts((account,)), base_url=BASE, caps=Caps(comments=5))
    outcome = tap(to=poisoned(site, 10006, 10008))

    assert len(record(outcome, 10007)["fields"]["comment"]["comments"]) == 130


def test_children_beside_it_are_tried_once(tap: Tap, time: Time) -> None:
    """A list that cannot be completed is tried and warned of once, wherever its issue was found."""
    account = Account("tap-reader", tokens={TOKEN: None})
    world = World(seed=1, issues=60, now=time)
    site = Site(world, accounts=Accounts((account,)), base_url=BASE, caps=Caps(changes=40))
    order = sorted(world.issues(), key=lambda issue: issue.updated)
    beside = [issue.id for issue in order if issue.id != 10013]
    outcome = tap(to=poisoned(site, *beside))

    assert len([line for line in outcome.logged("WARNING") if "only 40 of 60 histories" in line]) == 1


def test_an_issue_deleted_while_it_is_looked_for(tap: Tap, site: Site) -> None:
    """An issue that is deleted after its page failed is left out, and hides no other."""
    jira = poisoned(site, 10020)

    def delete(request: Request, response: Response) -> None:
        if "updated%2Ccreated" in request.url and site.world.find("10021"):
            site.world.delete(10021)
            site.world.delete(10040)

    site.after_request = delete
    outcome = tap(to=jira)

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert len(ids(outcome)) == 58


def test_a_search_by_id_that_answers_short(tap: Tap, site: Site) -> None:
    """If Jira leaves out an issue that it was asked for by its id, that is no proof that there is none."""

    class Short(Heard):
        def send(self, request: Request) -> Response:
            answer = super().send(request)
            if answer.status != 200 or not self.queries[-1].get("jql", "").startswith("id in"):
                return answer
            found = orjson.loads(answer.body)
            return Response.of_json({**found, "issues": [each for each in found["issues"] if each["id"] != "10030"]})

    outcome = tap(to=Short(poisoned(site, 10020)))

    assert (outcome.code, ids(outcome)) == (0, real(site))


# An issue that cannot be printed at all.


@pytest.mark.parametrize("page_size", [2, 7, 100])
def test_an_issue_that_cannot_be_printed_is_owed(
    tap: Tap, site: Site, time: Time, config: dict[str, Any], page_size: int
) -> None:
    """All others come out once, the bookmark passes, its id stands in the state, and the exit code is 4."""
    outcome = tap(to=unprintable(site, 10020), config={**config, "page_size": page_size})

    assert (outcome.code, ids(outcome)) == (4, real(site, 10020))
    assert bookmark(outcome)["owed"] == ["10020"]
    assert bookmark(outcome)["updated_at"] == "2023-11-14T22:13:20.000000Z"
    assert all(outcome.records(name) for name in ("jira_projects", "jira_users"))


def test_what_is_owed_is_named(tap: Tap, site: Site) -> None:
    """A line of the log says how many, which, and where to look."""
    outcome = tap(to=unprintable(site, 10020, 10021))

    said = [line for line in outcome.logged("ERROR") if "cannot print" in line]
    assert len(said) == 1
    assert all(words in said[0] for words in ("2 issues", "10020", "10021", "Jira's log"))


def test_every_state_that_passes_it_names_it(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """No STATE whose bookmark is later than the issue lacks it, so a run that is killed forgets no debt."""
    outcome = tap(to=unprintable(site, 10020), config={**config, "page_size": 2})

    issue = site.world.issue(10020)
    assert issue is not None
    kept = [message["value"]["bookmarks"].get("jira_issues", {}) for message in outcome.of_type("STATE")]
    late = [each for each in kept if (to_millis(each.get("updated_at")) or 0) > issue.updated]
    assert len(late) > 1
    assert [each for each in late if each.get("owed") != ["10020"]] == []


def test_it_is_tried_first_and_forgotten_once_it_is_sent(tap: Tap, site: Site, time: Time) -> None:
    """The next run asks for it before anything else; once it can be printed, it is sent, and the run is good."""
    state = tap(to=unprintable(site, 10020)).state
    time.seconds += 7200
    site.world.edit(10001)
    jira = Heard(site)
    outcome = tap(to=jira, state=state)

    asked = [path for path in jira.paths if path == "search" or path.startswith("issue/")]
    assert asked[0] == "issue/10020"
    assert [r["id"] for r in outcome.records("jira_issues")] == ["10020", "10001"]
    assert record(outcome, 10020)["fields"]["comment"]["total"] >= 0
    assert (outcome.code, "owed" in bookmark(outcome)) == (0, False)


def test_a_debt_is_not_sent_twice(tap: Tap, site: Site, time: Time) -> None:
    """If what was owed lies in what is read anyway, it is sent once."""
    site.world.edit(10020)
    state = tap(to=unprintable(site, 10020)).state
    outcome = tap(state=state)

    assert (outcome.code, ids(outcome), bookmark(outcome).get("owed")) == (0, ["10020"], None)


def test_an_old_debt_is_whole(tap: Tap, site: Site) -> None:
    """An owed issue is completed like any other when it comes."""
    state = tap(to=unprintable(site, 10011)).state
    outcome = tap(state=state)

    assert len(record(outcome, 10011)["fields"]["worklog"]["worklogs"]) == 45


@pytest.mark.parametrize("status", [403, 404])
def test_a_debt_that_is_gone_is_forgotten(tap: Tap, site: Site, status: int) -> None:
    """If an owed issue was deleted or hidden meanwhile, nothing is owed any more, and issues are read as ever."""
    state = tap(to=unprintable(site, 10020)).state
    site.world.edit(10001)

    class Hiding(Heard):
        def send(self, request: Request) -> Response:
            if "/issue/10020" in request.url:
                return Response.of_json({"errorMessages": ["You do not have the permission to see it."]}, status)
            return super().send(request)

    outcome = tap(to=Hiding(site), state=state)

    assert (outcome.code, ids(outcome)) == (0, ["10001"])
    assert "owed" not in bookmark(outcome)
    assert [line for line in outcome.logged("WARNING") if "skipped" in line] == []


def test_a_deleted_debt_is_forgotten(tap: Tap, site: Site) -> None:
    """So it is when Jira itself does not have it any more."""
    state = tap(to=unprintable(site, 10020)).state
    site.world.delete(10020)
    outcome = tap(state=state)

    assert (outcome.code, ids(outcome), "owed" in bookmark(outcome)) == (0, [], False)


def test_a_debt_that_stays(tap: Tap, site: Site, time: Time) -> None:
    """What still cannot be printed stays owed, what heals beside it does not, and new debts are added."""
    state = tap(to=unprintable(site, 10020, 10021)).state
    time.seconds += 7200
    site.world.edit(10002)
    time.seconds += 7200
    expected = format_millis(int(time.seconds) * 1000)
    outcome = tap(to=unprintable(site, 10021, 10002), state=state)

    assert (outcome.code, ids(outcome)) == (4, ["10020"])
    assert bookmark(outcome)["owed"] == ["10002", "10021"]
    assert bookmark(outcome)["updated_at"] == expected


def test_debts_are_kept_if_jira_does_not_answer(tap: Tap, site: Site) -> None:
    """If Jira cannot be reached while a debt is tried, the debt stays."""
    state = tap(to=unprintable(site, 10020)).state
    outcome = tap(to=Faults(site, [Fault("503", url="/issue/10020")] * 8), state=state)

    assert (outcome.code, bookmark(outcome)) == (4, state["bookmarks"]["jira_issues"])


def test_debts_do_not_outlive_their_filter(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """If projects change, everything is read again, and what was owed under the old ones is not sent."""
    issue = site.world.issue(10020)
    assert issue is not None
    state = tap(to=unprintable(site, 10020)).state
    other = next(each for each in site.world.issues() if each.project != issue.project)
    projects = [site.world.key(other).split("-")[0]]
    outcome = tap(state=state, config={**config, "projects": projects})

    expected = sorted(str(each.id) for each in site.world.issues() if each.project == other.project)
    assert (outcome.code, ids(outcome)) == (0, expected)


@pytest.mark.parametrize("owed", ["10020", {"10020": 1}, [], None, 7])
def test_a_state_with_odd_debts(tap: Tap, site: Site, owed: object) -> None:
    """What was put into a state by hand and is no list of ids is no debt."""
    state = tap().state
    state["bookmarks"]["jira_issues"]["owed"] = owed

    assert tap(state=state).code == 0


def test_too_many_debts(tap: Tap, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than so many unprintable issues are no oddity but a fault: issues fail, and the bookmark stays before."""
    monkeypatch.setattr(incremental, "MOST_OWED", 2)
    outcome = tap(to=unprintable(site, 10020, 10021, 10022))

    assert (outcome.code, bookmark(outcome).get("updated_at")) == (4, None)
    assert any("cannot print 3 issues" in line for line in outcome.logged("ERROR"))
    assert outcome.records("jira_users")


# A site that fails over everything.


@pytest.mark.parametrize("kind", ["500", "502", "504"])
def test_a_site_that_fails_for_everything(tap: Tap, site: Site, kind: str) -> None:
    """If the barest search fails as well, no issue is to blame: the first error stands, after few further requests."""
    state = {"bookmarks": {"jira_issues": {"dates": "number"}}}
    jira = Heard(Faults(site, [Fault(kind, url="/2/search")] * 100))
    outcome = tap(to=jira, state=state)

    said = [line for line in outcome.logged("ERROR") if "jira_issues is not complete" in line]
    assert (outcome.code, set(bookmark(outcome))) == (4, {"dates", "complete_since", "columns"})
    assert len(said) == 1
    assert "GET /rest/api/2/search was answered " + kind in said[0]
    assert "8 tries" in said[0]
    assert jira.paths.count("search") == 8 + 2
    assert [path for path in jira.paths if path.startswith("issue/")] == []


def test_a_site_that_is_away_is_not_searched(tap: Tap, site: Site) -> None:
    """An answer that says "later" is no issue's fault, and nobody looks for one."""
    state = {"bookmarks": {"jira_issues": {"dates": "number"}}}
    jira = Heard(Faults(site, [Fault("503", url="/2/search")] * 100))
    outcome = tap(to=jira, state=state)

    assert (outcome.code, jira.paths.count("search")) == (4, 8)


def test_a_failure_that_passes_leaves_no_trace(tap: Tap, site: Site) -> None:
    """If a page fails for a while and the issues by themselves do not, all come out whole."""
    state = {"bookmarks": {"jira_issues": {"dates": "number"}}}
    whole = tap(state=state)
    outcome = tap(to=Faults(site, [Fault("500", url="/2/search")] * 8), state=state)

    assert (outcome.code, outcome.records("jira_issues")) == (0, whole.records("jira_issues"))
