"""What one sync works with."""

from __future__ import annotations

import io

import pytest

from tap_jira.config import Config
from tap_jira.messages import Writer
from tap_jira.run import Run
from tap_jira.site import Site
from tap_jira.state import State
from tap_jira.wire import Response
from tests.fakes import BASE, Inline, Scripted, Time, client_of


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [("server", None, 1200), ("cloud", None, 600), ("server", 0, 0), ("cloud", 1800, 1800)],
)
def test_how_far_a_run_reaches_back(kind: str, said: int | None, expected: int) -> None:
    """What the configuration says counts, also if it is nothing; otherwise it goes by the kind of site."""
    pool = Inline(Time())
    client = client_of(Scripted(Response.of_json({})), pool)
    site = Site(kind, (9,), "me", "UTC", 1_700_000_000, 0.0)
    config = Config(base_url=BASE, lookback_seconds=said)

    assert Run(client, site, config, State(), Writer(io.BytesIO(), pool.monotonic), pool).lookback_seconds == expected
