"""What a run that cannot begin says: the cause and the remedy, in words that name the key or the option in question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tap_jira.client import Sends
from tap_jira.simulator import CloudCredentials, CloudSite, Site
from tap_jira.wire import NetworkError, Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, CLOUD, Scripted


@pytest.fixture
def cloud_login(keys: CloudCredentials) -> dict[str, Any]:
    """The configuration that logs in there."""
    return {"base_url": CLOUD, **keys.basic}


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


NOPE = "The value 'NOPE' does not exist for the field 'project'"
FIELD = "Field 'colour' does not exist or you do not have permission to view it"


@pytest.mark.parametrize("kind", ["server", "cloud"])
@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"projects": ["WEB", "NOPE"]}, [f"projects of the configuration is refused by Jira: {NOPE}"]),
        ({"projects": ["WEB"], "jql": "colour = red"}, [f"jql of the configuration is refused by Jira: {FIELD}"]),
        (
            {"projects": ["NOPE"], "jql": "colour = red"},
            [f"projects of the configuration is refused by Jira: {NOPE}; jql"],
        ),
    ],
)
def test_a_condition_that_jira_refuses(
    tap: Tap, site: Site, cloud: CloudSite, condition: dict[str, Any], said: list[str], kind: str, cloud_login: Any
) -> None:
    """The last line names the key of the configuration that is at fault, and repeats what Jira says of it."""
    login = cloud_login if kind == "cloud" else {"base_url": BASE, "personal_access_token": TOKEN}
    outcome = tap(to=cloud if kind == "cloud" else site, config={**login, **condition})

    line = critical(outcome.log)
    assert outcome.code == 2
    assert [part for part in said if part not in line] == []
    assert outcome.logged("ERROR") == []


def test_a_wrong_condition_leaves_the_state_alone(tap: Tap, config: dict[str, Any]) -> None:
    """A slip in jql costs no bookmark: once it is mended, the run after it goes on where the one before it ended."""
    state = tap().state
    outcome = tap(state=state, config={**config, "jql": "colour = red"})

    assert outcome.code == 2
    assert outcome.state == state


def test_a_search_that_is_refused_for_another_reason(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """Where Jira refuses every search, the condition is not blamed."""
    outcome = tap(to=NoSearch(site), config={**config, "jql": "project = WEB"})

    line = critical(outcome.log)
    assert outcome.code == 3
    assert "of the configuration" not in line


class NoSearch:
    """A site that refuses every search."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def send(self, request: Request) -> Response:
        if "/search" in request.url:
            return Response.of_json({"errorMessages": ["The index is not there."]}, 400)
        return self._site.send(request)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_that_others_can_read(tap: Tap, tmp_path: Path, config: dict[str, Any], mode: int) -> None:
    """A configuration file that holds a secret and is open to others is worth one warning, with what to run."""
    path = tmp_path / "it is mine.json"
    path.write_text(json.dumps(config))
    path.chmod(mode)
    outcome = tap("--config", str(path), "--discover", config=None)

    (line,) = (line for line in outcome.logged("WARNING") if "chmod" in line)
    assert outcome.code == 0
    assert "holds personal_access_token and can be read by others" in line
    assert line.endswith(f"run: chmod 600 '{path}'")


def test_a_file_without_secrets_may_be_read(tap: Tap, tmp_path: Path) -> None:
    """Where the secrets come from the environment, anybody may read the file; nor does a closed one need a warning."""
    path = tmp_path / "open.json"
    path.write_text(json.dumps({"base_url": BASE}))
    path.chmod(0o644)
    environment = {"TAP_JIRA_PERSONAL_ACCESS_TOKEN": TOKEN}
    outcomes = [tap("--discover", "--config", str(path), config=None, environment=environment), tap("--discover")]

    assert [(outcome.code, "chmod" in outcome.log) for outcome in outcomes] == [(0, False)] * 2


def test_a_key_in_the_environment_that_does_not_exist(tap: Tap) -> None:
    """A variable that looks like ours and is not is named, with the nearest that is; Meltano's own are left alone."""
    environment = {"TAP_JIRA_API_TOKN": "a-token", "TAP_JIRA__SELECT": "[]", "TAP_JIRA_ODD": "", "TAP_JIRAS": "x"}
    outcome = tap("--discover", environment=environment)

    assert outcome.logged("WARNING") == [
        "WARNING environment: TAP_JIRA_API_TOKN is not a key of this tap and is ignored; did you mean "
        "TAP_JIRA_API_TOKEN?"
    ]


def test_a_start_in_the_future(tap: Tap, config: dict[str, Any]) -> None:
    """A start_date that is yet to come brings nothing, and is worth a warning with the date."""
    outcome = tap(config={**config, "start_date": "2023-11-24"})

    assert (outcome.code, outcome.records("jira_issues")) == (0, [])
    assert outcome.logged("WARNING") == [
        "WARNING jira_issues: start_date, 2023-11-24 00:00 UTC, is still 9 days off by Jira's clock; no issue is read "
        "before that"
    ]


@pytest.mark.parametrize("names", [[], ["jira_issues", "jira_resolutions"]])
def test_issues_that_may_not_be_read(tap: Tap, site: Site, names: list[str]) -> None:
    """A site that refuses its issues ends the run with 3, chosen or not, and the other tables come all the same."""
    catalog = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = entry["stream"] in names
    outcome = tap(to=Refusing(site, "/search"), catalog=catalog if names else None)

    line = critical(outcome.log)
    assert outcome.code == 3
    assert "jira_issues is skipped: GET /rest/api/2/search was answered 403" in line
    assert "the account lacks the permission" in line
    assert outcome.records("jira_resolutions")


def test_several_tables_fail(tap: Tap, site: Site) -> None:
    """The last line has the cause of the first failure, and how many others there are to be found above it."""
    outcome = tap(to=Refusing(Refusing(site, "/search"), "/resolution", status=405))

    line = critical(outcome.log)
    assert line.startswith("CRITICAL jira_issues is skipped: GET /rest/api/2/search was answered 403")
    assert "(and 1 more, in the lines above)" in line
    assert [entry.split()[1] for entry in outcome.logged("ERROR")] == ["jira_issues", "jira_resolutions"]


class Refusing:
    """A site that refuses whatever has this in its address."""

    def __init__(self, site: Sends, part: str, status: int = 403) -> None:
        self._site, self._part, self._status = site, part, status

    def send(self, request: Request) -> Response:
        if self._part in request.url:
            return Response.of_json({"errorMessages": ["No."]}, self._status)
        return self._site.send(request)
