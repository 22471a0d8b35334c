"""What a run that cannot begin says: the cause and the remedy, in words that name the key or the option in question."""

from __future__ import annotations

import pytest

from tap_jira.simulator import Site
from tap_jira.wire import NetworkError, Request, Response
from tests.conftest import Tap
from tests.fakes import BASE, Scripted


def critical(log: str) -> str:
    """The one line that says why the run ended, which is the last."""
    lines = [line for line in log.splitlines() if line.startswith("CRITICAL ")]
    assert lines == [log.splitlines()[-1]]
    return lines[0]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("connect", "check base_url, and whether this machine must go through a proxy (HTTPS_PROXY, NO_PROXY)"),
        ("proxy", "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment"),
    ],
)
def test_nobody_is_reached(tap: Tap, kind: str, remedy: str) -> None:
    """An address where nobody is, is given up within seconds, and the error names base_url or the proxy."""
    outcome = tap(to=Scripted(NetworkError(kind, "Connection refused")))

    line = critical(outcome.log)
    assert (outcome.code, len(outcome.waits)) == (4, 2)
    assert sum(outcome.waits) < 5
    assert "jira.example.com" in line
    assert line.endswith(remedy)


def test_a_site_that_goes_away(tap: Tap, site: Site) -> None:
    """Once somebody has answered, a connection that is refused is tried for as long as anything else."""
    outcome = tap(to=GoneAfter(site, 3))

    assert outcome.code == 4
    assert "8 tries over" in outcome.log


class GoneAfter:
    """A site at whose address nobody listens any more after so many answers."""

    def __init__(self, site: Site, answers: int) -> None:
        self._site, self._answers = site, answers

    def send(self, request: Request) -> Response:
        self._answers -= 1
        if self._answers < 0:
            raise NetworkError("connect", "Connection refused")
        return self._site.send(request)


def test_atlassians_gateway_is_not_reached(tap: Tap) -> None:
    """No key is to blame where Atlassian's own host cannot be reached."""
    config = {"base_url": BASE, "email": "me@example.com", "api_token": "a-token-with-scopes", "cloud_id": "an-id"}
    outcome = tap(to=Scripted(NetworkError("connect", "Connection refused")), config=config)

    line = critical(outcome.log)
    assert "api.atlassian.com could not be reached" in line
    assert "base_url" not in line
