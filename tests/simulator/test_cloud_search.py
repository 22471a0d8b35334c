"""Cloud's search: tokens, caps, an index that lags, and what may go wrong with a token."""

from __future__ import annotations

import orjson
import pytest

from tap_jira.simulator import Churn

ALL = "updated >= 0 order by updated, key"


def ids(caller, jql: str = ALL, **asked: object) -> list[int]:
    return [issue_id for page in caller.walk(jql, **asked) for issue_id in page]


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_old_search_is_gone(cloud, version, method):
    """The search by offset answers 410 and names its successor."""
    caller = cloud()
    caller.api = caller.api[:-1] + version
    response = getattr(caller, method)("search", jql="updated >= 0")

    assert response.status == 410
    assert "/rest/api/3/search/jql" in orjson.loads(response.body)["errorMessages"][0]


def test_id_alone_by_default(cloud):
    """Without ``fields`` an issue is its id and nothing else, and there are neither total nor offset."""
    page = cloud().search(maxResults=2)

    assert page.keys() == {"issues", "isLast", "nextPageToken"}
    assert [issue.keys() for issue in page["issues"]] == [{"id"}, {"id"}]


def test_default_page(cloud):
    """Without maxResults a page has 50 issues; the last one has no token and says so."""
    caller = cloud()
    first = caller.search()
    second = caller.search(nextPageToken=first["nextPageToken"])

    assert (len(first["issues"]), first["isLast"]) == (50, False)
    assert (len(second["issues"]), second["isLast"], "nextPageToken" in second) == (10, True, False)


def test_caps(cloud):
    """A page of many fields is shorter than asked for, one of ids and keys may be long."""
    caller = cloud(issues=250)

    assert [len(page) for page in caller.walk(maxResults=5000, fields=["*all"])] == [100, 100, 50]
    assert [len(page) for page in caller.walk(maxResults=5000, fields=["id", "key"])] == [250]
    assert [len(page) for page in cloud(issues=250, bare_page_cap=200).walk(maxResults=5000)] == [200, 50]


def test_key_alone(cloud):
    """An issue of which only the key is asked has no ``fields``."""
    assert cloud().search(fields=["key"])["issues"][0].keys() == {"expand", "id", "self", "key"}


def test_get_and_post(cloud):
    """GET and POST answer the same; ``startAt`` in the query is ignored."""
    caller = cloud()
    asked = {"jql": ALL, "maxResults": 3, "expand": "changelog"}
    posted = caller.search(**asked, fields=["summary", "updated"])
    got = caller.json("search/jql", **asked, fields="summary,updated", startAt=20)

    assert got["issues"] == posted["issues"]
    assert "changelog" in got["issues"][0]


@pytest.mark.parametrize(
    "asked",
    [
        {"startAt": 0},
        {"jql": 5},
        {"expand": ["changelog"]},
        {"fields": "summary"},
        {"maxResults": "50"},
        {"maxResults": 0},
        {"reconcileIssues": list(range(10000, 10051))},
        {"properties": list("abcdef")},
        {"nextPageToken": "nonsense"},
        {"jql": "nothing = 1"},
    ],
)
def test_refused(cloud, asked):
    """A body with a member that is unknown, of another type or too long is a 400."""
    response = cloud().post("search/jql", **{"jql": ALL, **asked})

    assert response.status == 400
    assert orjson.loads(response.body)["errorMessages"]


@pytest.mark.parametrize("jql", ["", "order by created"])
@pytest.mark.parametrize("path", ["search/jql", "search/approximate-count"])
def test_unbounded(cloud, jql, path):
    """A query that restricts nothing is refused in Atlassian's words."""
    response = cloud().post(path, jql=jql)

    assert response.status == 400
    assert orjson.loads(response.body)["errorMessages"][0].startswith("Unbounded JQL queries are not allowed here.")


@pytest.mark.parametrize(
    "order",
    ["", *(f"order by {order}" for order in ("updated, key", "updated", "updated desc", "key desc", "created, key"))],
)
def test_pages_join(cloud, order):
    """Whatever the order, the pages put together are all issues once, as one large page has them."""
    caller = cloud(days=0.001, issues=150)
    pages = caller.walk(f"updated >= 0 {order}", maxResults=7)

    assert [len(page) for page in pages] == [7] * 21 + [3]
    assert [issue_id for page in pages for issue_id in page] == ids(caller, f"updated >= 0 {order}", maxResults=5000)
    assert len(set(ids(caller, f"updated >= 0 {order}"))) == 150


@pytest.mark.parametrize("order", ["updated, key", "updated desc, key desc"])
def test_edits_between_pages_skip_nothing(cloud, order):
    """Rows that move between two pages take no other row with them."""
    caller = cloud(issues=100)
    seen: list[int] = []
    token: dict[str, str] = {}
    edited: set[int] = set()
    while True:
        page = caller.search(f"updated >= 0 order by {order}", maxResults=10, **token)
        seen += [int(issue["id"]) for issue in page["issues"]]
        if page["isLast"]:
            break
        token = {"nextPageToken": page["nextPageToken"]}
        if len(edited) < 5:
            caller.clock.time += 1
            edited.add(seen[len(seen) // 2])
            caller.world.edit(seen[len(seen) // 2])

    assert set(seen) == set(range(10000, 10100))
    # An issue that moves ahead is found again, one that moves back over what was read is not.
    assert (len(seen) > 100) is (order == "updated, key")


def test_a_token_belongs_to_its_query(cloud):
    """With another query the token is refused; with other fields it is not."""
    caller = cloud()
    token = caller.search(maxResults=5)["nextPageToken"]

    assert caller.post("search/jql", jql="updated >= 1", nextPageToken=token).status == 400
    assert caller.post("search/jql", jql=ALL, fields=["summary"], nextPageToken=token).status == 200
    assert caller.get("search/jql", jql=ALL, nextPageToken="null").status == 400


def test_a_token_expires(cloud):
    """After seven days a token is refused."""
    caller = cloud()
    token = caller.search(maxResults=5)["nextPageToken"]
    caller.clock.time += 7 * 86_400
    live = caller.post("search/jql", jql=ALL, nextPageToken=token).status
    caller.clock.time += 1

    assert (live, caller.post("search/jql", jql=ALL, nextPageToken=token).status) == (200, 400)


def test_short_pages(cloud):
    """Pages may come short or empty with a token, and together they are still everything."""
    pages = cloud(issues=200, short_share=0.5).walk(maxResults=10)

    assert {0, 5, 10} <= {len(page) for page in pages}
    assert sorted(issue_id for page in pages for issue_id in page) == list(range(10000, 10200))


def test_repeated_token(cloud):
    """A site that repeats tokens answers the token it was asked with."""
    caller = cloud(repeat_token_share=1.0)
    first = caller.search(maxResults=5)
    second = caller.search(maxResults=5, nextPageToken=first["nextPageToken"])

    assert second["nextPageToken"] == first["nextPageToken"]
    assert second["issues"] != first["issues"]


def test_dropped_token(cloud):
    """A site that drops tokens calls a page the last one although there are more."""
    caller = cloud(drop_token_share=0.2)

    assert len(cloud(drop_token_share=1.0).walk(maxResults=10)) == 1
    assert len({len(caller.walk(maxResults=10)) for _ in range(20)}) > 3


def test_approximate_count(cloud):
    """The count is right, or as wrong as the site is set."""
    assert cloud().posted("search/approximate-count", jql=ALL) == {"count": 60}
    caller = cloud(issues=1000, count_error=0.3)
    counts = [caller.posted("search/approximate-count", jql=ALL)["count"] for _ in range(20)]

    assert len(set(counts)) > 10
    assert all(700 <= count <= 1300 for count in counts)


def test_churn(cloud):
    """The site lives on between two pages."""
    caller = cloud()
    caller.site.after_request = Churn(caller.world, share=0.1)
    caller.search(maxResults=5)

    assert caller.site.after_request.changes == 6


def test_reconcile(cloud):
    """The index lags, except for the issues that the search reconciles."""
    caller = cloud(lag=lambda random: 60.0)
    for issue_id in (10005, 10006):
        caller.world.edit(issue_id)
    jql = "updated >= 1700000000000"

    assert ids(caller, jql) == []
    assert ids(caller, jql, reconcileIssues=[10005]) == [10005]
    caller.clock.time += 60
    assert sorted(ids(caller, jql)) == [10005, 10006]
