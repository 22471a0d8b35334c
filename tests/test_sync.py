"""Whole runs of the tap against the simulated site."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_jira.simulator import Account, Accounts, Limits, Site
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Time


class FirstCome(Random):
    """Lets every answer come before the main thread looks, in the order in which they were asked for."""

    def random(self) -> float:
        return 0.0

    def randrange(self, *given: Any, **options: Any) -> int:
        return 0


class Rows(io.BytesIO):
    """Stdout that adds ``rows`` to the events when records are written."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self._events = events

    def write(self, data: Any) -> int:
        self._events += ["rows"] if b'"RECORD","stream":"jira_issues"' in bytes(data) else []
        return super().write(data)


@dataclass
class Watched:
    """A site of which each search for pages is an event, and ``fails`` those without an upper bound but for one."""

    site: Site
    events: list[str] = field(default_factory=list)
    fails: bool = False

    def send(self, request: Request) -> Response:
        query = "".join(parse_qs(urlsplit(request.url).query).get("jql", []))
        if "ORDER BY updated ASC" in query:
            is_open = "updated <" not in query
            if self.fails and is_open and "open" in self.events:
                return Response.of_json({}, 503)
            self.events.append("open" if is_open else "closed")
        return self.site.send(request)


def test_first_sync_brings_every_issue_once(tap: Tap, site: Site) -> None:
    """The first sync sends each issue of the last year exactly once."""
    outcome = tap()

    expected = sorted(str(issue.id) for issue in site.world.issues())
    assert outcome.code == 0
    assert sorted(record["id"] for record in outcome.records("jira_issues")) == expected


def test_nothing_changed_sends_nothing_of_the_settled_past(tap: Tap, site: Site) -> None:
    """A second run sends only issues updated since the bookmark less the lookback."""
    first = tap()
    site.world.edit(10010)

    second = tap(state=first.state)

    assert [record["id"] for record in second.records("jira_issues")] == ["10010"]


@pytest.mark.parametrize(("seconds", "expected"), [(1190, ["10010"]), (1210, [])])
def test_the_usual_lookback(tap: Tap, site: Site, time: Time, seconds: float, expected: list[str]) -> None:
    """Without lookback_seconds a run sends again what changed in the 1,200 seconds before the bookmark, no more."""
    state = tap().state
    time.seconds += 7200
    site.world.edit(10010)
    time.seconds += seconds
    state = tap(state=state).state

    assert [record["id"] for record in tap(state=state).records("jira_issues")] == expected


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_small_pages_join(tap: Tap, site: Site, config: dict[str, object], page_size: int) -> None:
    """However small the first page, nothing is left out or sent twice."""
    outcome = tap(config={**config, "page_size": page_size})

    ids = [record["id"] for record in outcome.records("jira_issues")]
    assert sorted(ids) == sorted(str(issue.id) for issue in site.world.issues())


def test_state_is_repeated_while_jira_is_slow(tap: Tap, site: Site, config: dict[str, object]) -> None:
    """When each page takes half a minute, the state is repeated in between although the bookmark cannot move."""
    slow = {**config, "page_size": 5, "concurrency": 1}
    states = [message["value"] for message in tap(config=slow, seconds_a_request=31.0).of_type("STATE")]

    bookmarks = [str(state["bookmarks"].get("jira_issues", {}).get("updated_at")) for state in states]
    repeated = sum(before == after for before, after in itertools.pairwise(bookmarks))
    assert repeated >= 2, bookmarks


def test_what_has_come_is_taken_before_a_page_is_written(tap: Tap, site: Site, config: dict[str, object]) -> None:
    """While there are answers no page is written, so that Jira is asked for the next ones meanwhile."""
    accounts = Accounts((Account("tap-reader", "p", True, "UTC", {TOKEN: None}),))
    watched = Watched(Site(site.world, accounts=accounts, base_url=BASE, limits=Limits(page_cap=5)))
    tap(config=config, to=watched, random=FirstCome(), out=Rows(watched.events))

    rows = watched.events.count("rows")
    assert watched.events[-rows:] == ["rows"] * rows
    assert rows > 3


def test_what_was_read_before_a_failure_is_written(tap: Tap, site: Site, config: dict[str, object]) -> None:
    """A page that Jira cannot give costs none of those that came before it was found out."""
    outcome = tap(config={**config, "page_size": 5}, to=Watched(site, fails=True), random=FirstCome())

    assert outcome.code == 4
    assert len(outcome.records("jira_issues")) == len(list(site.world.issues()))
