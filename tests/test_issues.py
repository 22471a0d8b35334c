"""How issues are asked for, and how the tap finds out in which words a site takes bounds of time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tap_jira.simulator import Account, Accounts, Limits, Site, World
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Outcome, Time

READINGS = ("ok", "refused", "misread")


def site_of(time: Time, *, issues: int = 60, zone: str = "Europe/Berlin", **limits: Any) -> Site:
    account = Account("tap-reader", tokens={TOKEN: None}, zone=zone)
    world = World(seed=1, issues=issues, now=time)
    return Site(world, accounts=Accounts((account,)), base_url=BASE, limits=Limits(**limits))


@dataclass
class Searches:
    """Stands before a site: notes the searches, and may change the world or the answer after each."""

    site: Site
    after: Callable[[dict[str, Any]], None] = field(default=lambda asked: None)
    change: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda found: found)
    methods: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        answer = self.site.send(request)
        if not urlsplit(request.url).path.endswith("/2/search"):
            return answer
        asked = orjson.loads(request.body) if request.body else dict(parse_qsl(urlsplit(request.url).query))
        self.methods.append(request.method)
        self.asked.append(asked)
        self.after(asked)
        return Response.of_json(self.change(orjson.loads(answer.body)), answer.status)

    @property
    def queries(self) -> list[str]:
        return [asked["jql"] for asked in self.asked]


def ids(outcome: Outcome) -> list[str]:
    return sorted(record["id"] for record in outcome.records("jira_issues"))


def real(site: Site) -> list[str]:
    return sorted(str(issue.id) for issue in site.world.issues())


def bookmark(outcome: Outcome) -> dict[str, Any]:
    kept: dict[str, Any] = outcome.state["bookmarks"].get("jira_issues", {})
    return kept


# The request.


def test_short_searches_are_asked_by_get(tap: Tap, site: Site) -> None:
    """With a usual selection every search fits into an address."""
    jira = Searches(site)
    outcome = tap(to=jira)

    assert (ids(outcome), set(jira.methods)) == (real(site), {"GET"})


def test_long_searches_are_asked_by_post(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """A search too long for an address is posted, and brings the same issues with the same columns."""
    short = tap()
    everything = " OR ".join(f'project = "{key}"' for key in site.world.project_keys)
    jira = Searches(site)
    outcome = tap(to=jira, config={**config, "jql": " OR ".join([everything] * 40)})

    assert outcome.code == 0
    assert jira.methods[-1] == "POST"
    assert outcome.records("jira_issues") == short.records("jira_issues")


def test_only_selected_fields_are_asked_for(tap: Tap, site: Site) -> None:
    """A small selection is asked for by name, with the two times that the reading needs."""
    catalog = json.loads(tap("--discover").output)
    about = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_issues")["metadata"]
    summary = ["properties", "fields", "properties", "summary"]
    for entry in about:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = entry["breadcrumb"] in (summary[:2], summary)
    jira = Searches(site)
    outcome = tap(to=jira, catalog=catalog)

    assert ids(outcome) == real(site)
    assert (jira.asked[-1]["fields"], jira.asked[-1].get("expand")) == ("created,summary,updated", None)


def test_the_search_that_is_there(tap: Tap, site: Site) -> None:
    """A site that says it is Cloud and has only Data Center's search is read by that, then and in later runs."""

    class Mistaken:
        def send(self, request: Request) -> Response:
            answer = site.send(request)
            if not urlsplit(request.url).path.endswith("/serverInfo"):
                return answer
            return Response.of_json({**orjson.loads(answer.body), "deploymentType": "Cloud"}, headers=answer.headers)

    jira = Mistaken()
    catalog = json.loads(tap("--discover").output)
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["stream"] == "jira_issues"]
    first = tap(to=jira, catalog=catalog)
    second = tap(to=jira, catalog=catalog, state=first.state)

    assert (first.code, ids(first), second.code) == (0, real(site), 0)
    assert "searches as server does" in first.log
    assert "searches as server does" not in second.log


# The answer.


def without(name: str, times: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Leaves something out of so many answers."""
    left = iter(range(times))
    return lambda found: {key: value for key, value in found.items() if key != name} if next(left, -1) >= 0 else found


@pytest.mark.parametrize("name", ["issues", "total"])
def test_half_an_answer_is_asked_again(tap: Tap, site: Site, name: str) -> None:
    """An answer without its issues or without their number is asked for again."""
    jira = Searches(site, change=without(name, 3))
    outcome = tap(to=jira)

    assert (outcome.code, ids(outcome), len(outcome.waits)) == (0, real(site), 3)


@pytest.mark.parametrize("name", ["issues", "total"])
def test_half_answers_are_never_taken_for_nothing(tap: Tap, site: Site, name: str) -> None:
    """If such answers do not end, issues are not complete and have no bookmark; the other tables come."""
    state = {"bookmarks": {"jira_issues": {"dates": "number"}}}
    outcome = tap(state=state, to=Searches(site, change=without(name, 1000)))

    assert (outcome.code, set(bookmark(outcome))) == (4, {"dates", "complete_since", "columns"})
    assert any("answered without what was asked for" in line for line in outcome.logged("ERROR"))
    assert outcome.records("jira_users")


def test_rows_that_are_no_issues(tap: Tap, site: Site) -> None:
    """What is no issue is counted and named, and hides no other."""
    odd = ["text", {"key": "A-1"}, {"id": None, "fields": None}]

    def add(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "issues": [*odd, *found["issues"]], "total": found["total"] + len(odd)}

    outcome = tap(to=Searches(site, change=add))

    assert outcome.code == 1
    assert ids(outcome) == real(site)
    assert any("3 records without their key" in line for line in outcome.logged("ERROR"))


def test_a_page_size_that_is_no_number(tap: Tap, site: Site) -> None:
    """How many Jira would have sent is not needed."""
    outcome = tap(to=Searches(site, change=lambda found: {**found, "maxResults": None}))

    assert (outcome.code, ids(outcome)) == (0, real(site))


# How the site reads bounds of time.

NEWEST = "ORDER BY updated DESC"


@pytest.mark.parametrize("reading", READINGS)
def test_all_issues_come_out_however_numbers_are_read(tap: Tap, time: Time, reading: str) -> None:
    """Whether a site understands numbers, refuses or misreads them: every issue comes out once."""
    site = site_of(time, epoch_numbers=reading)
    outcome = tap(to=site)

    assert (outcome.code, ids(outcome)) == (0, real(site))
    assert bookmark(outcome)["dates"] == ("number" if reading == "ok" else "literal")


@pytest.mark.parametrize("reading", READINGS)
def test_the_finding_is_kept(tap: Tap, time: Time, reading: str) -> None:
    """How a site reads numbers is found out once; the next run asks for the issues and nothing else."""
    site = site_of(time, epoch_numbers=reading)
    state = tap(to=site).state
    site.world.edit(10010)
    time.seconds += 3600
    jira = Searches(site)
    outcome = tap(to=jira, state=state)

    assert (len(jira.asked), ids(outcome)) == (1, ["10010"])
    assert bookmark(outcome)["dates"] == state["bookmarks"]["jira_issues"]["dates"]


@pytest.mark.parametrize("reading", ["refused", "misread"])
@pytest.mark.parametrize(("zone", "hours"), [("Europe/Berlin", 1), ("America/New_York", -5), ("Asia/Kolkata", 5.5)])
def test_literals_are_in_the_accounts_zone(tap: Tap, time: Time, reading: str, zone: str, hours: float) -> None:
    """Where numbers do not work, bounds are dates to the minute as the account's own clock shows them."""
    jira = Searches(site_of(time, epoch_numbers=reading, zone=zone))
    state = {"bookmarks": {"jira_issues": {"updated_at": "2023-11-14T12:34:56.000000Z"}}}
    tap(to=jira, state=state)

    low = datetime(2023, 11, 14, 12, 14, tzinfo=timezone.utc).timestamp() + hours * 3600
    expected = f'updated >= "{datetime.fromtimestamp(low, timezone.utc):%Y-%m-%d %H:%M}"'
    assert jira.queries[-1].startswith(expected)


def test_rows_before_start_date_are_left_out(tap: Tap, time: Time, config: dict[str, Any]) -> None:
    """A minute holds more than was asked for: what lies before start_date is not sent."""
    site = site_of(time, issues=0, epoch_numbers="refused")
    early = site.world.create()
    time.seconds += 1
    late = site.world.create()
    start = datetime.fromtimestamp(time.seconds, timezone.utc)
    time.seconds += 3600
    outcome = tap(to=site, config={**config, "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}"})

    assert early != late
    assert ids(outcome) == [str(late)]


@pytest.mark.parametrize("reading", READINGS)
def test_an_empty_site_decides_nothing(tap: Tap, time: Time, reading: str) -> None:
    """A site without issues is no error and shows nothing; the first that come are read, and then it is known."""
    site = site_of(time, issues=0, epoch_numbers=reading)
    empty = tap(to=site)
    created = [str(site.world.create()) for _ in range(3)]
    time.seconds += 3600
    outcome = tap(to=site, state=empty.state)

    assert (empty.code, "dates" in bookmark(empty), empty.records("jira_issues")) == (0, False, [])
    assert (outcome.code, ids(outcome)) == (0, created)
    assert bookmark(outcome)["dates"] == ("number" if reading == "ok" else "literal")


@dataclass
class Meddler:
    """Does something to the first issues of the list between the search for them and the next."""

    site: Site
    do: Callable[[int], None]
    count: int
    done: bool = False

    def __call__(self, asked: dict[str, Any]) -> None:
        if asked["jql"] == NEWEST and not self.done:
            self.done = True
            newest = sorted(self.site.world.issues(), key=lambda issue: -issue.updated)[: self.count]
            for issue in newest:
                self.do(issue.id)


@pytest.mark.parametrize("change", ["edit", "delete"])
@pytest.mark.parametrize(("issues", "count"), [(1, 1), (2, 1), (2, 2), (60, 1), (60, 5), (60, 60)])
def test_an_issue_that_changes_meanwhile_decides_nothing(
    tap: Tap, time: Time, change: str, issues: int, count: int
) -> None:
    """However many are edited or deleted while numbers are tried: a site that reads them is not taken for another."""
    site = site_of(time, issues=issues)
    time.seconds += 60
    meddler = Meddler(site, getattr(site.world, change), count)
    outcome = tap(to=Searches(site, after=meddler))

    assert outcome.code == 0
    assert bookmark(outcome).get("dates") in ("number", None)
    assert ids(outcome) == real(site)


@pytest.mark.parametrize("reading", ["refused", "misread"])
def test_an_edit_meanwhile_does_not_hide_how_numbers_are_read(tap: Tap, time: Time, reading: str) -> None:
    """Where numbers do not work, one issue that stays as it was is enough to know."""
    site = site_of(time, epoch_numbers=reading)
    time.seconds += 60
    outcome = tap(to=Searches(site, after=Meddler(site, site.world.edit, 1)))

    assert (outcome.code, bookmark(outcome)["dates"], ids(outcome)) == (0, "literal", real(site))


def test_a_refusal_of_another_kind(tap: Tap, site: Site) -> None:
    """If Jira refuses the trial for the account's sake, that says nothing of numbers."""

    class Refusing(Searches):
        def send(self, request: Request) -> Response:
            if "id+%3D+" in request.url:
                return Response.of_json({"errorMessages": ["no"]}, 405)
            return super().send(request)

    outcome = tap(to=Refusing(site))

    assert (outcome.code, set(bookmark(outcome))) == (3, {"complete_since", "columns"})


# The hour that occurs twice.

OCTOBER = datetime(2023, 10, 29, tzinfo=timezone.utc).timestamp()
"""An hour before Berlin sets its clocks back from 03:00 to 02:00."""


@pytest.mark.parametrize("page_size", [2, 5, 100])
@pytest.mark.parametrize("hours", [0.25, 0.75, 1.25, 1.75, 5, 24 * 40])
def test_the_hour_that_occurs_twice(tap: Tap, config: dict[str, Any], page_size: int, hours: float) -> None:
    """Issues of the repeated hour all come out, whenever runs take place and however small their windows are."""
    time = Time(OCTOBER)
    site = site_of(time, issues=0, epoch_numbers="refused")
    config = {**config, "page_size": page_size}
    state: dict[str, Any] | None = None
    found: set[str] = set()
    next_run = OCTOBER + hours * 3600
    for minute in range(0, 180, 2):
        time.seconds = OCTOBER + minute * 60 + 17
        if time.seconds > next_run:
            outcome = tap(to=site, state=state, config=config)
            state, next_run = outcome.state, next_run + hours * 3600
            found.update(ids(outcome))
        site.world.create()
    time.seconds = max(time.seconds, next_run) + 3600
    jira = Searches(site)
    outcome = tap(to=jira, state=state, config=config)
    found.update(ids(outcome))

    doubtful = [query for query in jira.queries if re.search(r'"2023-10-29 02:', query)]
    assert (outcome.code, sorted(found), doubtful) == (0, real(site), [])


def test_unknown_zone_where_dates_are_wanted(tap: Tap, site: Site) -> None:
    """Where numbers are refused and the account's time zone is not told, the run ends and says what to set."""
    limits = Limits(epoch_numbers="refused")
    strict = Site(
        site.world, accounts=Accounts((Account("tap-reader", tokens={TOKEN: None}),)), base_url=BASE, limits=limits
    )

    class Zoneless:
        def send(self, request: Request) -> Response:
            response = strict.send(request)
            if request.url.endswith("/myself"):
                return Response.of_json({**json.loads(response.body), "timeZone": None}, headers=response.headers)
            return response

    outcome = tap(to=Zoneless())

    assert (outcome.code, outcome.records("jira_issues")) == (2, [])
    assert "set a time zone in the profile" in outcome.log
