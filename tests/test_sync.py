"""Whole runs of the tap against the simulated site."""

from __future__ import annotations

import itertools

import pytest

from tap_jira.simulator import Site
from tests.conftest import Tap
from tests.fakes import Time


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
