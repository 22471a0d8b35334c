"""The database and its indexes: what searches find when issues change."""

from __future__ import annotations

from random import Random

import orjson
import pytest

from tap_jira.simulator import World

ALL = "order by updated asc, key asc"


def test_same_seed(jira):
    """Two worlds of one seed answer the same bytes, and another seed answers others."""
    one, two, other = (jira(seed=seed).get("search", jql=ALL, fields="*all").body for seed in (5, 5, 6))

    assert one == two
    assert one != other


def test_updated_after_created(jira):
    """No issue is created after it was updated, and none is updated in the future."""
    world = jira(issues=400).world

    assert all(issue.created <= issue.updated <= 1000 * world.now() for issue in world.issues())


def test_bulk_edits_share_seconds(jira):
    """About a tenth of the issues share a handful of seconds, while their milliseconds differ."""
    world = jira(issues=2000).world
    millis: dict[int, set[int]] = {}
    for issue in world.issues():
        millis.setdefault(issue.updated // 1000, set()).add(issue.updated)
    crowded = [found for found in millis.values() if len(found) > 10]

    assert 1 <= len(crowded) <= 6
    assert 150 < sum(map(len, crowded)) < 260


def test_order_of_key(jira):
    """Keys sort by project key and then by number, not as text."""
    caller = jira(issues=300, projects=3)
    keys = [issue["key"].rsplit("-", 1) for issue in caller.search("order by key", maxResults=300)["issues"]]

    assert keys == sorted(keys, key=lambda key: (key[0], int(key[1])))


def test_edit_moves_to_end(jira):
    """An edited issue is printed with the time of the edit and comes last in the order of updated."""
    caller = jira()
    first = caller.ids(ALL)[0]
    caller.world.edit(first)

    assert caller.ids(ALL)[-1] == first
    assert caller.search(f"key = {first}")["issues"][0]["fields"]["updated"] == "2023-11-14T22:13:20.000+0000"


def test_edit_shifts_pages(jira):
    """An edit between two pages shifts the rest, so that offset paging misses the issue at the seam."""
    caller = jira()
    whole = caller.ids(ALL)
    page = caller.ids(ALL, maxResults=20)
    caller.world.edit(page[3])
    following = caller.ids(ALL, startAt=20)

    assert whole[20] not in page + following


def test_lag(jira):
    """Until the index has caught up, an edited issue is found at its old place and printed with its new time."""
    caller = jira(lag=lambda random: 30)
    first = caller.ids(ALL)[0]
    before = caller.search(ALL)["issues"][0]["fields"]["updated"]
    caller.world.edit(first)
    stale = caller.search(ALL)["issues"][0]
    old_place = caller.ids("updated < 1699999999000 " + ALL)[0]
    caller.clock.time += 31

    assert int(stale["id"]) == old_place == first
    assert stale["fields"]["updated"] > before
    assert caller.ids(ALL)[-1] == first


def test_late_creation(jira):
    """A new issue is readable by its id at once and found by searching after the lag."""
    caller = jira(lag=lambda random: 30)
    made = caller.world.create()

    assert caller.get(f"issue/{made}").status == 200
    assert made not in caller.ids()
    caller.clock.time += 30
    assert made in caller.ids()


def test_newer_index_entry_wins():
    """Of two changes that come due in the wrong order, the index keeps the newer one."""
    time, lags = [1e9], iter((50, 10))
    world = World(issues=5, now=lambda: time[0], lag=lambda random: next(lags))
    world.edit(10002)
    time[0] += 5
    world.edit(10002)
    time[0] += 100
    world.nodes[0].catch_up(time[0])

    assert len(world.nodes[0].entries) == 5
    assert world.nodes[0].version_of(2) == 2


def test_stale_deletion_counts(jira):
    """A deleted issue is no longer printed, but is still counted until the index knows."""
    caller = jira(lag=lambda random: 30)
    caller.world.delete(10003)
    stale = caller.search(maxResults=1000)
    caller.clock.time += 30
    fresh = caller.search(maxResults=1000)

    assert (stale["total"], len(stale["issues"])) == (60, 59)
    assert (fresh["total"], len(fresh["issues"])) == (59, 59)


def test_move(jira):
    """A moved issue keeps its id, gets a new key and a new time, and answers to its old key."""
    caller = jira()
    before = caller.json("issue/10000", fields="updated")
    caller.world.move(10000)
    after = caller.json(f"issue/{before['key']}", fields="updated,project")
    caller.world.move(10000)

    assert {caller.world.find(key).id for key in (before["key"], after["key"])} == {10000}

    assert after["id"] == "10000"
    assert after["key"] != before["key"]
    assert after["key"].startswith(after["fields"]["project"]["key"] + "-")
    assert after["fields"]["updated"] > before["fields"]["updated"]


def test_neighbours_are_fresh(jira):
    """An issue that prints a part of another one shows that other one as it is now."""
    caller = jira(issues=400)
    found = caller.search(maxResults=400, fields="subtasks")["issues"]
    parents = [issue for issue in found if issue["fields"]["subtasks"]]
    child = parents[0]["fields"]["subtasks"][0]
    for _ in range(3):
        caller.world.edit(int(child["id"]))
    shown = caller.json(f"issue/{parents[0]['id']}", fields="subtasks")["fields"]["subtasks"][0]
    own = caller.json(f"issue/{child['id']}", fields="summary")["fields"]

    assert shown["fields"]["summary"] == own["summary"] != child["fields"]["summary"]


def test_bulk_edit_one_second(jira):
    """A bulk edit puts all of its issues into the current second."""
    caller = jira()
    caller.clock.time += 0.9
    caller.world.bulk_edit(range(10000, 10020))

    assert sorted(caller.ids("updated = 1700000000000")) == list(range(10000, 10020))


def test_time_never_goes_back(jira):
    """When the clock is set back, an edit leaves ``updated`` where it was."""
    caller = jira()
    caller.world.edit(10000)
    caller.clock.time -= 3600
    caller.world.edit(10000)

    assert caller.world.issue(10000).updated == 1_700_000_000_000


def test_unstable_ties(jira):
    """Issues of one second come in another order at the next request unless the key settles it."""
    caller = jira()
    caller.world.bulk_edit(range(10000, 10030))
    loose = {tuple(caller.ids("order by updated")) for _ in range(4)}
    settled = {tuple(caller.ids("order by updated, key")) for _ in range(4)}

    assert len(loose) == 4
    assert len(settled) == 1


@pytest.mark.parametrize(
    "order", ["updated, key", "updated desc, key desc", "updated desc, key", "created, key desc", "key"]
)
def test_pages_join(jira, order):
    """Pages of any size put together are the whole list, in every order that the key settles."""
    caller = jira(days=0.001, issues=150)
    pages = [caller.ids(f"order by {order}", startAt=start, maxResults=7) for start in range(0, 150, 7)]

    assert [issue_id for page in pages for issue_id in page] == caller.ids(f"order by {order}")
    assert [len(page) for page in pages] == [7] * 21 + [3]


def test_descending_is_reversed(jira):
    """Descending by updated and key is ascending turned round."""
    caller = jira(days=0.001)

    assert caller.ids("order by updated desc, key desc") == caller.ids(ALL)[::-1]


def test_nodes(jira):
    """Each node lags by itself, a cookie keeps a caller on one, and without it requests go round."""
    lags = iter((0, 100))
    caller = jira(nodes=2, lag=lambda random: next(lags))
    caller.world.edit(10000)
    loose = {caller.ids(ALL)[-1] == 10000 for _ in range(2)}
    caller.headers["Cookie"] = "JSESSIONID=x; node=0"
    kept = {caller.ids(ALL)[-1] == 10000 for _ in range(3)}

    assert loose == {True, False}
    assert kept == {True}


def test_random_changes_keep_index_true():
    """After any changes and all lags, index and database agree."""
    random, time = Random(3), [1e9]
    world = World(issues=40, now=lambda: time[0], lag=lambda r: r.random() * 50, nodes=2)
    for _ in range(500):
        time[0] += random.random()
        chosen = world.some_ids(1, random)
        change = random.choice((world.edit, world.move, world.delete, lambda _: world.create(), world.edit))
        for issue_id in chosen:
            change(issue_id)
    time[0] += 100
    expected = sorted(world._entry(issue.row) for issue in world.issues())
    for node in world.nodes:
        node.catch_up(time[0])

        assert node.entries == expected


def test_cache_is_bounded(jira):
    """A cache of a few bytes prints the same as a large one."""
    small, large = jira(cache_bytes=1000), jira()

    assert small.get("search", fields="*all").body == large.get("search", fields="*all").body
    assert orjson.loads(small.get("search").body)["total"] == 60
