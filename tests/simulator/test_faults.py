"""Things going wrong on request, and a site that changes while it is read."""

from __future__ import annotations

import orjson
import pytest

from tap_jira.simulator import Bucket, Churn, Fault, Faults
from tap_jira.wire import Headers, NetworkError, Request

from .conftest import BASE

ALL = "order by updated, key"


def ask(path: str = "search") -> Request:
    return Request("GET", f"{BASE}/rest/api/2/{path}", Headers({"Authorization": "Bearer good"}))


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "429"])
def test_status(jira, kind):
    """A scripted status is answered once, and then the site is well again."""
    faults = Faults(jira().site, [kind])

    assert [faults.send(ask()).status for _ in range(2)] == [int(kind), 200]


@pytest.mark.parametrize("wait", [None, "0", "7", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_retry_after(jira, wait):
    """A 429 carries the Retry-After that the script says, or none."""
    response = Faults(jira().site, ["429" if wait is None else f"429:{wait}"]).send(ask())

    assert response.headers.get("Retry-After") == wait
    assert response.headers["X-RateLimit-Remaining"] == "0"


@pytest.mark.parametrize("kind", ["reset", "timeout", "truncated"])
def test_broken(jira, kind):
    """A broken connection is an error and no answer."""
    with pytest.raises(NetworkError) as caught:
        Faults(jira().site, [kind]).send(ask())

    assert caught.value.kind == kind


@pytest.mark.parametrize(("kind", "served"), [("reset", 0), ("timeout", 1), ("truncated", 1), ("502", 0), ("empty", 1)])
def test_done_and_lost(jira, kind, served):
    """A timeout and a cut or lost body come after Jira has served the request, other faults instead of that."""
    caller, seen = jira(), []
    caller.site.after_request = lambda request, response: seen.append(request)
    try:
        Faults(caller.site, [kind]).send(ask())
    except NetworkError as error:
        assert error.kind == kind  # noqa: PT017 (some kinds raise, others answer)

    assert len(seen) == served


def test_odd_bodies(jira):
    """An SSO page, nothing at all, and half a body all come with 200."""
    faults = Faults(jira().site, ["sso", "empty", "bad-json"])
    page, nothing, half = (faults.send(ask()) for _ in range(3))

    assert {page.status, nothing.status, half.status} == {200}
    assert page.body.startswith(b"<!DOCTYPE html>")
    assert nothing.body == b""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half.body)


def test_waits_for_url(jira):
    """A fault that waits for a part of the URL lets other requests pass."""
    faults = Faults(jira().site, [Fault("500", url="/role"), "502"])

    assert [faults.send(ask(path)).status for path in ("search", "role", "search", "role")] == [200, 500, 502, 200]


def test_unknown_fault(jira):
    """A script with a fault that does not exist is refused at once."""
    with pytest.raises(ValueError, match="no such fault"):
        Faults(jira().site, ["explode"])


def test_chance_is_seeded(jira):
    """The same seed lets the same requests fail."""

    def run(seed: int) -> list[int]:
        faults = Faults(jira().site, share=0.5, kinds=("500", "429"), seed=seed)
        return [faults.send(ask()).status for _ in range(40)]

    assert run(1) == run(1) != run(2)
    assert {200, 429, 500} == set(run(1))


def test_bucket(jira, clock):
    """A token bucket throttles by the world's clock and tells how it stands on every answer."""
    faults = Faults(jira().site, bucket=Bucket(limit=3, fill=2, interval=1, now=clock))
    first = [faults.send(ask()) for _ in range(4)]
    clock.time += 1
    second = [faults.send(ask()).status for _ in range(3)]

    assert [response.status for response in first] == [200, 200, 200, 429]
    assert [response.headers["X-RateLimit-Remaining"] for response in first] == ["2", "1", "0", "0"]
    assert {response.headers["Retry-After"] for response in first} == {"0"}
    assert second == [200, 200, 429]


def test_bucket_that_tells(jira, clock):
    """A bucket may say truly how long to wait."""
    faults = Faults(jira().site, bucket=Bucket(limit=1, fill=1, interval=30, now=clock, zero=False))

    assert [faults.send(ask()).headers["Retry-After"] for _ in range(2)] == ["0", "30"]


def test_poison(jira):
    """A page that prints the poisoned issue is a 500, unless the field that poisons it is not asked for."""
    faults = Faults(jira().site, poison=[10005])

    assert faults.send(ask("search?maxResults=100")).status == 500
    assert faults.send(ask("search?maxResults=100&fields=summary")).status == 200
    assert faults.send(ask("search?jql=key=10004")).status == 200
    assert faults.send(ask("issue/10005")).status == 500
    assert faults.send(ask("issue/10005?fields=summary")).status == 200


def test_churn_is_seeded(jira, clock):
    """The same seed makes the same changes after the same pages, and only after pages."""

    def run(seed: int) -> list[tuple[int, int]]:
        caller = jira(issues=80)
        caller.site.after_request = churn = Churn(caller.world, share=0.1, seed=seed)
        caller.get("myself")
        assert churn.changes == 0
        for _ in range(5):
            caller.get("search")
        assert churn.changes > 30
        return [(issue.id, issue.updated) for issue in caller.world.issues()]

    assert run(1) == run(1) != run(2)


def test_churn_changes_everything(jira):
    """Over a while issues are edited, made, deleted and moved."""
    caller = jira(issues=300)
    keys = {issue.id: caller.world.key(issue) for issue in caller.world.issues()}
    Churn(caller.world, seed=2).change(200)
    after = {issue.id: caller.world.key(issue) for issue in caller.world.issues()}

    assert after.keys() - keys.keys()
    assert keys.keys() - after.keys()
    assert any(keys[issue_id] != after[issue_id] for issue_id in keys.keys() & after.keys())
    assert sorted(caller.ids(maxResults=1000)) == sorted(after)
