"""Cloud's pace: points and bursts."""

from __future__ import annotations

import orjson

from tap_jira.simulator import Quota


def hurry(caller, count: int) -> list[int]:
    return [caller.get("myself").status for _ in range(count)]


def test_points(cloud, clock):
    """When the hour's points are spent the answer is 429 and says when the next ones come."""
    caller = cloud(quota=Quota(points=21, now=clock))
    caller.search(maxResults=19)
    before = caller.get("myself")
    refused = caller.get("myself")
    wait = int(refused.headers["Retry-After"])
    clock.time += wait - 1
    early = caller.get("myself").status
    clock.time += 1

    assert (before.status, before.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert refused.status == 429
    assert refused.headers["RateLimit-Reason"] == "jira-quota-global-based"
    assert refused.headers["X-RateLimit-Reset"] == "2023-11-14T23:00Z"
    assert orjson.loads(refused.body)["errorMessages"]
    assert (early, caller.get("myself").status) == (429, 200)


def test_near_the_limit(cloud, clock):
    """Below a fifth of the points the answers say so."""
    caller = cloud(quota=Quota(points=10, now=clock))
    near = [caller.get("myself").headers.get("X-RateLimit-NearLimit") for _ in range(10)]

    assert near == [None] * 8 + ["true"] * 2


def test_burst(cloud, clock):
    """More requests in a second than the burst allows are refused until the next second."""
    caller = cloud(quota=Quota(burst=3, now=clock))
    refused = [caller.get("myself") for _ in range(5)][-1]

    assert refused.headers["RateLimit-Reason"] == "jira-burst-based"
    assert refused.headers["Retry-After"] == "1"
    clock.time += 1
    assert hurry(caller, 4) == [200, 200, 200, 429]


def test_busy(cloud, clock):
    """Some requests are a 503 with the seconds to wait."""
    caller = cloud(quota=Quota(busy_share=0.5, now=clock))
    answers = [caller.get("myself") for _ in range(30)]

    assert {answer.status for answer in answers} == {200, 503}
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status == 503} == {"1"}


def test_only_the_api_pays(cloud, clock):
    """Tokens and the site's id are had without points."""
    caller = cloud(quota=Quota(points=1, now=clock))
    hurry(caller, 3)
    caller.api = caller.api.replace("/rest/api/3", "")

    assert caller.get("_edge/tenant_info").status == 200
