"""A clock to turn, and a caller who speaks to a site through whole requests."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tap_jira.simulator import (
    Account,
    Accounts,
    App,
    CloudAccount,
    CloudAccounts,
    CloudLimits,
    CloudSite,
    Credentials,
    Limits,
    Site,
    World,
    demo_credentials,
)
from tap_jira.wire import Headers, Request, Response

START = 1_700_000_000.0
BASE = "https://jira.example.com/jira"


class Clock:
    """The world's time, standing still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


class Caller:
    """Sends requests with a token, as the account that the site knows by it."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site, self.world, self.clock = site, site.world, clock
        self.headers = {"Authorization": "Bearer good"}

    def get(self, path: str, **asked: object) -> Response:
        query = "?" + urlencode(asked) if asked else ""
        return self.site.answer(Request("GET", f"{BASE}/rest/api/2/{path}{query}", Headers(self.headers)))

    def json(self, path: str, **asked: object) -> Any:
        response = self.get(path, **asked)
        assert response.status == 200, response.body
        return orjson.loads(response.body)

    def search(self, jql: str = "", **asked: object) -> Any:
        return self.json("search", jql=jql, **{"fields": "updated", **asked})

    def ids(self, jql: str = "", **asked: object) -> list[int]:
        return [int(issue["id"]) for issue in self.search(jql, **{"maxResults": 1000, **asked})["issues"]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jira(clock: Clock) -> Callable[..., Caller]:
    """Makes a site and a caller; keywords go to the World, the search limits, or the Site, whichever knows them."""

    def make(admin: bool = True, zone: str = "Europe/Berlin", **settings: Any) -> Caller:
        worldly = {"seed", "issues", "projects", "users", "days", "bulk_share", "lag", "nodes", "odd"}
        limits = {name: settings.pop(name) for name in Limits.__dataclass_fields__ if name in settings}
        world = World(now=clock, **{"issues": 60, **{n: settings.pop(n) for n in worldly & settings.keys()}})
        tokens = {"good": None, "old": START - 1}
        accounts = Accounts((Account("tap-reader", "right", admin=admin, zone=zone, tokens=tokens),))
        site = Site(world, **{"accounts": accounts, "base_url": BASE, "limits": Limits(**limits), **settings})
        return Caller(site, clock)

    return make


CLOUD = "https://example.atlassian.net"


def basic(email: str, token: str) -> dict[str, str]:
    """The header that logs in with an API token."""
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{token}".encode()).decode()}


class CloudCaller:
    """Sends requests to a Cloud site with an API token, or with whatever ``headers`` it is given."""

    def __init__(self, site: CloudSite, clock: Clock) -> None:
        self.site, self.world, self.clock = site, site.world, clock
        self.headers = basic("tap-reader@example.com", "good")
        self.api = f"{CLOUD}/rest/api/3"

    def get(self, path: str, **asked: object) -> Response:
        query = "?" + urlencode(asked) if asked else ""
        return self.site.answer(Request("GET", f"{self.api}/{path}{query}", Headers(self.headers)))

    def post(self, path: str, **asked: object) -> Response:
        return self.site.answer(Request("POST", f"{self.api}/{path}", Headers(self.headers), orjson.dumps(asked)))

    def json(self, path: str, **asked: object) -> Any:
        response = self.get(path, **asked)
        assert response.status == 200, response.body
        return orjson.loads(response.body)

    def posted(self, path: str, **asked: object) -> Any:
        response = self.post(path, **asked)
        assert response.status == 200, response.body
        return orjson.loads(response.body)

    def search(self, jql: str = "updated >= 0 order by updated, key", **asked: object) -> Any:
        return self.posted("search/jql", jql=jql, **asked)

    def walk(self, jql: str = "updated >= 0 order by updated, key", **asked: object) -> list[list[int]]:
        """The ids of all pages, by their tokens."""
        pages: list[list[int]] = []
        token: dict[str, str] = {}
        while True:
            page = self.search(jql, **asked, **token)
            pages.append([int(issue["id"]) for issue in page["issues"]])
            if page["isLast"]:
                return pages
            token = {"nextPageToken": page["nextPageToken"]}


@pytest.fixture
def cloud(clock: Clock) -> Callable[..., CloudCaller]:
    """Makes a Cloud site and a caller; keywords go to the World, the search limits, or the site."""

    def make(
        admin: bool = True, zone: str = "Europe/Berlin", apps: tuple[App, ...] = (), **settings: Any
    ) -> CloudCaller:
        worldly = {"seed", "issues", "projects", "users", "days", "bulk_share", "lag"}
        limits = {name: settings.pop(name) for name in CloudLimits.__dataclass_fields__ if name in settings}
        world = World(now=clock, **{"issues": 60, **{n: settings.pop(n) for n in worldly & settings.keys()}})
        api_tokens, scoped = {"good": None, "old": START - 1}, {"scoped": None, "scoped-old": START - 1}
        browse = settings.pop("browse_users", True)
        account = CloudAccount("tap-reader@example.com", admin, zone, api_tokens, scoped, browse_users=browse)
        accounts = CloudAccounts((account,), apps)
        return CloudCaller(CloudSite(world, accounts=accounts, limits=CloudLimits(**limits), **settings), clock)

    return make


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    return demo_credentials(base_url=BASE)
