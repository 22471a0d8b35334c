"""A clock to turn, and a caller who speaks to a site through whole requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tap_jira.simulator import Account, Accounts, Credentials, Limits, Site, World, demo_credentials
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
        worldly = {"seed", "issues", "projects", "users", "days", "bulk_share", "lag", "nodes"}
        limits = {name: settings.pop(name) for name in Limits.__dataclass_fields__ if name in settings}
        world = World(now=clock, **{"issues": 60, **{n: settings.pop(n) for n in worldly & settings.keys()}})
        tokens = {"good": None, "old": START - 1}
        accounts = Accounts((Account("tap-reader", "right", admin=admin, zone=zone, tokens=tokens),))
        site = Site(world, **{"accounts": accounts, "base_url": BASE, "limits": Limits(**limits), **settings})
        return Caller(site, clock)

    return make


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    return demo_credentials(base_url=BASE)
