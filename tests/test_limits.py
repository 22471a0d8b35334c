"""Jira Cloud's limits: which was hit, until when, and what a run makes of it. Time is virtual."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tap_jira import limits
from tap_jira.simulator import CloudSite, Quota, World, cloud_credentials
from tap_jira.wire import Headers
from tests.fakes import START, Outcome, Time, run_tap

CLOUD = "https://example.atlassian.net"
HOUR_ENDS = START // 3600 * 3600 + 3600
Copy = Callable[..., Outcome]


@pytest.fixture
def copy(tmp_path: Any, time: Time) -> Copy:
    """Copy the six tables that are no issues from a Cloud that has this quota."""

    def run(seconds_a_request: float = 0.0, **quota: Any) -> Outcome:
        credentials = cloud_credentials()
        world = World(seed=1, issues=10, now=time)
        site = CloudSite(world, accounts=credentials.accounts, base_url=CLOUD, quota=Quota(**{"now": time, **quota}))
        config, catalog = tmp_path / "config.json", tmp_path / "catalog.json"
        config.write_text(json.dumps({"base_url": CLOUD, **credentials.basic}))
        free = CloudSite(world, accounts=credentials.accounts, base_url=CLOUD)
        found = json.loads(run_tap(["--config", str(config), "--discover"], free, time).output)
        found["streams"] = [entry for entry in found["streams"] if entry["stream"] != "jira_issues"]
        catalog.write_text(json.dumps(found))
        arguments = ["--config", str(config), "--catalog", str(catalog)]
        return run_tap(arguments, site, time, seconds_a_request=seconds_a_request)

    return run


def counts(outcome: Outcome) -> dict[str, int]:
    """How many records each table has."""
    names = [message["stream"] for message in outcome.of_type("RECORD")]
    return {name: names.count(name) for name in set(names)}


def test_a_quota_that_is_used_up_is_waited_for(copy: Copy) -> None:
    """A run that uses up its points waits for the next hour, says why and until when, and brings every row."""
    outcome = copy(points=6)

    assert (outcome.code, counts(outcome)) == (0, counts(copy()))
    assert sum(outcome.waits) >= HOUR_ENDS - START
    assert [
        line
        for line in outcome.logged("INFO")
        if "the hourly quota of points that this app has for all sites together is used up until "
        "2023-11-14 23:00:00 UTC; again in " in line
    ]


def test_a_quota_that_does_not_come_back_ends_in_an_error_that_names_it(copy: Copy) -> None:
    """Without any points the tap gives up after one hour's end, and its last line names the quota."""
    outcome = copy(points=0)

    assert outcome.code == 4
    assert "the hourly quota of points that this app has for all sites together is used up" in outcome.log
    assert "throttled all the time over" in outcome.log.splitlines()[-1]
    assert HOUR_ENDS - START <= sum(outcome.waits) < 3600


@pytest.mark.parametrize("quota", [{"burst": 1}, {"busy_share": 0.4}])
def test_bursts_and_busy_servers_cost_seconds(copy: Copy, quota: dict[str, Any]) -> None:
    """Requests that come too fast, and a 503 that says when to come back, are waited for and cost no row."""
    outcome = copy(**quota)

    assert (outcome.code, counts(outcome)) == (0, counts(copy()))
    assert 0 < sum(outcome.waits) < 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T23:00Z", HOUR_ENDS),
        ("2023-11-14T23:00:30Z", HOUR_ENDS + 30),
        ("2023-11-14T23:00:30.250Z", HOUR_ENDS + 30),
        ("2023-11-31T23:00Z", None),
        ("2023-11-14T23:00", None),
        ("1700003600", None),
        ("soon", None),
        ("", None),
    ],
)
def test_when_a_limit_is_lifted(text: str, expected: float | None) -> None:
    """The time is read with and without seconds; whatever is no time in UTC tells nothing."""
    assert limits.lifted_at(Headers({"X-RateLimit-Reset": text})) == expected


@pytest.mark.parametrize(
    ("reason", "until", "expected"),
    [
        (
            "jira-quota-tenant-based",
            HOUR_ENDS,
            "the hourly quota of points that this app has for this site is used up until 2023-11-14 23:00:00 UTC",
        ),
        ("jira-cost-based", None, "the quota of what requests may cost is used up"),
        ("jira-burst-based", HOUR_ENDS, "more requests at a time than Jira takes"),
        ("jira-new-limit", HOUR_ENDS, "the limit jira-new-limit is reached until 2023-11-14 23:00:00 UTC"),
        ("a\r\nb " + "x" * 100, None, f"the limit ab{'x' * 58} is reached"),
        ("jira-quota-based", 1e300, "the quota of requests is used up"),
        ("", HOUR_ENDS, ""),
    ],
)
def test_each_limit_has_words(reason: str, until: float | None, expected: str) -> None:
    """What is known of a limit is said, and of one that nobody knows its name, in a length that a log stands."""
    assert limits.describe(Headers({"RateLimit-Reason": reason}), until) == expected
