"""Shared by the tests: a simulated site, and a tap that runs against it in this process."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tap_jira.client import Sends
from tap_jira.simulator import (
    Account,
    Accounts,
    Caps,
    CloudCredentials,
    CloudSite,
    Credentials,
    Site,
    World,
    cloud_credentials,
    demo_credentials,
)
from tests.fakes import BASE, CLOUD, Outcome, Time, run_tap

# The same examples in each run, and no complaint of a machine that is busy; `make fuzz` looks for new ones.
settings.register_profile(
    "suite", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

PASSWORD = "right-password"
TOKEN = "a-personal-access-token"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    """Keys made for this run of the tests."""
    return demo_credentials(base_url=BASE)


@pytest.fixture
def site(time: Time, credentials: Credentials) -> Site:
    """A site of 60 issues that knows a token, a password and an OAuth consumer."""
    account = Account("tap-reader", PASSWORD, True, "Europe/Berlin", {TOKEN: None})
    plain = Account("plain-reader", PASSWORD, False, "Europe/Berlin", {f"{TOKEN}-plain": None})
    accounts = Accounts((account, plain, *credentials.accounts.users[1:]), credentials.accounts.consumers)
    return Site(World(seed=1, issues=60, now=time), accounts=accounts, base_url=BASE)


@pytest.fixture(scope="session")
def keys() -> CloudCredentials:
    """Credentials made for this run of the tests."""
    return cloud_credentials()


@pytest.fixture
def cloud(time: Time, keys: CloudCredentials) -> CloudSite:
    """A site of Jira Cloud."""
    return CloudSite(World(seed=1, issues=60, now=time), accounts=keys.accounts, base_url=CLOUD)


@pytest.fixture
def config() -> dict[str, Any]:
    """A configuration that works."""
    return {"base_url": BASE, "personal_access_token": TOKEN}


Tap = Callable[..., Outcome]


@pytest.fixture
def tap(tmp_path: Path, time: Time, site: Site, config: dict[str, Any]) -> Tap:
    """Run the tap: ``tap("--discover")``; dicts given as ``catalog``, ``state`` or ``config`` are written to files."""

    def run(*argv: str, to: Sends | None = None, **options: Any) -> Outcome:
        arguments = list(argv)
        for name, value in {"config": config, **options}.items():
            if name in ("config", "catalog", "state", "properties") and value is not None:
                path = tmp_path / f"{name}.json"
                path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
                path.chmod(0o600)
                arguments += [f"--{name}", str(path)]
        rest = {
            name: value for name, value in options.items() if name not in ("config", "catalog", "state", "properties")
        }
        return run_tap(arguments, to or site, time, **rest)

    return run


@pytest.fixture
def cutting(time: Time) -> Site:
    """A Data Center that prints no more than twenty comments and worklogs with an issue."""
    account = Account("tap-reader", "p", True, "UTC", {TOKEN: None})
    world = World(seed=1, issues=60, now=time)
    return Site(world, accounts=Accounts((account,)), base_url=BASE, caps=Caps(comments=20))


@pytest.fixture
def everything(tap: Tap) -> dict[str, Any]:
    """The catalog of the site, with every stream selected."""
    catalog: dict[str, Any] = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = True
    return catalog


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    """A run sets up the root logger; the next test begins with pytest's handlers again."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raises
