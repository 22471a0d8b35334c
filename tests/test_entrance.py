"""Which address takes us: the site's own, or Atlassian's gateway."""

from __future__ import annotations

from typing import Any

import pytest

from tap_jira.simulator import Site
from tap_jira.wire import Headers, Request, Response
from tests.atlassian import CLOUD_ID, GATEWAY, OAUTH2, Atlassian
from tests.conftest import PASSWORD, Tap
from tests.fakes import BASE, Time

SCOPED = {"base_url": BASE, "email": "me@example.com", "api_token": "scoped"}
UNSCOPED = {"base_url": BASE, "email": "tap-reader", "api_token": PASSWORD}
TENANT_INFO = f"{BASE}/_edge/tenant_info"


@pytest.fixture
def atlassian(site: Site, time: Time) -> Atlassian:
    return Atlassian(site, time)


def test_a_token_without_scopes(tap: Tap, atlassian: Atlassian) -> None:
    """A token that the site's own address takes goes there, and nothing is looked up."""
    outcome = tap(to=atlassian, config=UNSCOPED)

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)
    assert all(request.url.startswith(f"{BASE}/rest/") for request in atlassian.asked)


def test_a_token_with_scopes(tap: Tap, atlassian: Atlassian) -> None:
    """With cloud_id all requests go through the gateway."""
    outcome = tap(to=atlassian, config={**SCOPED, "cloud_id": CLOUD_ID})

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)
    assert all(request.url.startswith(f"{GATEWAY}/rest/api/2/") for request in atlassian.asked)


@pytest.mark.parametrize("command", [[], ["--discover"]])
@pytest.mark.parametrize(
    "config", [SCOPED, {"base_url": BASE, "username": SCOPED["email"], "password": SCOPED["api_token"]}]
)
def test_a_token_with_scopes_is_found_out(
    tap: Tap, atlassian: Atlassian, command: list[str], config: dict[str, Any]
) -> None:
    """Without cloud_id a token that the site refuses is tried at the gateway, and the log says what to set."""
    outcome = tap(*command, to=atlassian, config=config)

    assert outcome.code == 0
    assert [atlassian.count(f"{BASE}/rest/api/2/myself"), atlassian.count(TENANT_INFO)] == [1, 1]
    assert f"set cloud_id to {CLOUD_ID} in the configuration" in outcome.log
    assert f"Jira is asked through Atlassian's gateway, {GATEWAY}" in outcome.log


def test_a_site_that_takes_us_for_a_stranger(tap: Tap, atlassian: Atlassian) -> None:
    """A refusal in the form of a 200 for anybody leads to the gateway as well."""
    atlassian.jira = Stranger(atlassian.jira)

    assert tap(to=atlassian, config=SCOPED).code == 0


class Stranger:
    """A site that answers the log-in of this account as to an anonymous visitor."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, request: Request) -> Response:
        if request.headers.get("Authorization", "").startswith("Basic"):
            headers = {"X-Seraph-LoginReason": "OUT, AUTHENTICATED_FAILED"}
            return Response.of_json({}, 200, headers)
        response: Response = self._inner.send(request)
        return response


def test_a_token_that_nobody_takes(tap: Tap, atlassian: Atlassian) -> None:
    """A wrong token is tried once at each address; the error tells of both, and what to do once."""
    outcome = tap(to=atlassian, config={**SCOPED, "api_token": "wrong"})

    assert outcome.code == 3
    (line,) = outcome.logged("CRITICAL")
    assert "jira.example.com does not accept email and api_token: correct the configuration" in line
    assert line.endswith("; Atlassian's gateway, which takes API tokens with scopes, does not accept them either")
    assert line.count("correct the configuration") == 1
    assert [atlassian.count(f"{base}/rest/api/2/myself") for base in (BASE, GATEWAY)] == [1, 1]
    assert "set cloud_id" not in outcome.log


@pytest.mark.parametrize("answer", [None, {}, [], {"cloudId": None}, {"cloudId": "../../evil"}, "page"])
def test_a_site_outside_the_cloud(tap: Tap, atlassian: Atlassian, answer: Any) -> None:
    """Where no cloud id is told there is no gateway, and the refusal stands as it came."""
    atlassian.is_cloud = False
    atlassian.jira = Tenant(atlassian.jira, answer)
    outcome = tap(to=atlassian, config={**SCOPED, "api_token": "wrong"})

    assert (outcome.code, atlassian.count(TENANT_INFO)) == (3, 1)
    assert "gateway" not in outcome.log


class Tenant:
    """A Jira with an answer of its own at the address where the cloud tells the site's id."""

    def __init__(self, inner: Any, answer: Any) -> None:
        self._inner, self._answer = inner, answer

    def send(self, request: Request) -> Response:
        if request.url == TENANT_INFO and self._answer == "page":
            return Response(200, Headers({"Content-Type": "text/html"}), b"<html>")
        if request.url == TENANT_INFO and self._answer is not None:
            return Response.of_json(self._answer)
        response: Response = self._inner.send(request)
        return response


def test_a_cloud_id_of_another_site(tap: Tap, atlassian: Atlassian) -> None:
    """Where the site tells its own cloud id, the error names it, and says nothing of base_url's path."""
    outcome = tap(to=atlassian, config={**SCOPED, "cloud_id": "of-another-site"})

    assert outcome.code == 3
    assert outcome.logged("CRITICAL") == [
        "CRITICAL GET /rest/api/2/myself was answered 404 by Atlassian's gateway: cloud_id is not the id of "
        f"{BASE}, which is {CLOUD_ID}; correct cloud_id"
    ]


def test_a_cloud_id_that_nothing_can_be_compared_with(tap: Tap, atlassian: Atlassian) -> None:
    """Without base_url the cloud id may be wrong, or an access token may have expired."""
    config = {name: value for name, value in SCOPED.items() if name != "base_url"}
    outcome = tap(to=atlassian, config={**config, "cloud_id": "of-another-site"})

    (line,) = outcome.logged("CRITICAL")
    assert outcome.code == 3
    assert "it shows email and api_token no site with this cloud_id; correct cloud_id" in line
    assert "context path" not in line


def test_a_token_without_scopes_at_the_gateway(tap: Tap, atlassian: Atlassian) -> None:
    """The gateway's bare 401 for a token without scopes comes with the hint that cloud_id may be too much."""
    outcome = tap(to=atlassian, config={**UNSCOPED, "cloud_id": CLOUD_ID})

    (line,) = outcome.logged("CRITICAL")
    assert outcome.code == 3
    assert "api.atlassian.com does not accept email and api_token" in line
    assert line.endswith("takes only API tokens with scopes: leave out cloud_id if this one has none")


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({**SCOPED, "cloud_id": CLOUD_ID}, "cloud_id"),
        ({"base_url": BASE, "access_token": "of-oauth-2"}, "access_token"),
        ({**OAUTH2, "cloud_id": None}, "oauth_client_id, oauth_client_secret and refresh_token"),
    ],
)
def test_a_way_into_the_cloud_at_data_center(
    tap: Tap, atlassian: Atlassian, tmp_path: Any, config: dict[str, Any], named: str
) -> None:
    """What only Jira Cloud takes is said to be that where base_url is a Data Center."""
    atlassian.is_cloud = False
    atlassian.close()
    outcome = tap(to=atlassian, config=config, environment={"HOME": str(tmp_path)})

    (line,) = outcome.logged("CRITICAL")
    assert outcome.code == 3
    assert f"{BASE} does not tell that it is in Atlassian's cloud, and {named} is for that alone: correct" in line
    assert "personal_access_token" in line


def test_a_scope_that_the_log_in_lacks(tap: Tap, atlassian: Atlassian) -> None:
    """A token that the gateway knows and that lacks a scope is not said to be wrong."""
    atlassian.jira = NoScope(atlassian.jira)
    outcome = tap(to=atlassian, config=SCOPED)

    (line,) = outcome.logged("CRITICAL")
    assert outcome.code == 3
    assert "the token was not given the scope for this" in line
    assert "does not accept" not in line


class NoScope:
    """A site whose gateway knows a token that may do nothing."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, request: Request) -> Response:
        if request.headers.get("Authorization", "").startswith("Bearer"):
            return Response.of_json({"code": 401, "message": "Unauthorized; scope does not match"}, 401)
        response: Response = self._inner.send(request)
        return response


def test_a_data_center_user_is_not_looked_up(tap: Tap, atlassian: Atlassian) -> None:
    """A user name that is no e-mail address belongs to no Atlassian account, and a wrong password stays one."""
    outcome = tap(to=atlassian, config={"base_url": BASE, "username": "tap-reader", "password": "wrong"})

    assert (outcome.code, len(atlassian.asked)) == (3, 1)


def test_passwords_that_are_switched_off(tap: Tap, atlassian: Atlassian) -> None:
    """Where Jira takes no passwords, the error says what to use instead."""
    atlassian.jira = NoPasswords()
    outcome = tap(to=atlassian, config={"base_url": BASE, "username": "tap-reader", "password": PASSWORD})

    assert outcome.code == 3
    assert "basic authentication is switched off on this Jira: use a personal access token" in outcome.log


class NoPasswords:
    """A Data Center on which basic authentication is off."""

    def send(self, request: Request) -> Response:
        return Response.of_json({"message": "Basic Authentication has been disabled on this instance."}, 403)


def test_an_expired_token_is_noticed_on_any_answer(tap: Tap, atlassian: Atlassian) -> None:
    """A token that ends in the midst of a run ends the run, although Jira Cloud goes on answering 200 with nothing."""
    atlassian.jira = Expiring(atlassian.jira)
    outcome = tap(to=atlassian, config=UNSCOPED)

    assert outcome.code == 3
    assert "was answered as to an anonymous visitor (OUT, AUTHENTICATED_FAILED)" in outcome.log
    assert outcome.state.keys() == {"bookmarks"}
    assert {name: kept.keys() for name, kept in outcome.state["bookmarks"].items()} == {
        "jira_issues": {"complete_since", "columns"}
    }


class Expiring:
    """Answers searches as Jira Cloud does after the API token has expired."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, request: Request) -> Response:
        if "/search" in request.url:
            headers = {"x-seraph-loginreason": "OUT, AUTHENTICATED_FAILED"}
            return Response.of_json({"issues": [], "isLast": True, "total": 0, "startAt": 0}, 200, headers)
        response: Response = self._inner.send(request)
        return response


def test_a_configuration_of_singer_io_with_a_password(tap: Tap) -> None:
    """The basic configuration of tap-jira by singer-io does a whole run."""
    config = {
        "start_date": "2010-01-01",
        "username": "tap-reader",
        "password": PASSWORD,
        "base_url": BASE.removeprefix("https://"),
        "user_agent": "tap-jira",
        "request_timeout": 300,
        "groups": "jira-administrators",
    }
    outcome = tap(config=config)

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)


def test_a_configuration_of_singer_io_with_oauth(tap: Tap, atlassian: Atlassian, tmp_path: Any) -> None:
    """The OAuth configuration of tap-jira by singer-io, which names no address, does a whole run, and a second one."""
    config = {
        "start_date": "2010-01-01",
        "oauth_client_id": OAUTH2["oauth_client_id"],
        "oauth_client_secret": OAUTH2["oauth_client_secret"],
        "access_token": "an-old-access-token",
        "refresh_token": OAUTH2["refresh_token"],
        "cloud_id": CLOUD_ID,
        "user_agent": "tap-jira",
        "request_timeout": "0",
    }
    outcomes = [tap(to=atlassian, config=config, environment={"HOME": str(tmp_path)}) for _ in range(2)]

    assert [(outcome.code, len(outcome.records("jira_issues"))) for outcome in outcomes] == [(0, 60)] * 2


def test_a_catalog_of_singer_io(tap: Tap) -> None:
    """A catalog of tap-jira by singer-io has none of our tables, and the error says to discover again."""
    empty: dict[str, Any] = {"schema": {}, "metadata": []}
    streams = [{"tap_stream_id": name, "stream": name, **empty} for name in ("issues", "users")]
    outcome = tap(catalog={"streams": streams})

    assert outcome.code == 2
    assert "the catalog is another tap's: it has none of jira_components, jira_fields, jira_issue" in outcome.log
    assert "write it anew with --discover" in outcome.log
