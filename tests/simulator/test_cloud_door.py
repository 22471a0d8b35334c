"""The ways into Cloud, and being served as nobody."""

from __future__ import annotations

import orjson
import pytest

from tap_jira.simulator import App, CloudAccounts
from tap_jira.wire import Headers, Request, Response

from .conftest import CLOUD, basic

EMAIL = "tap-reader@example.com"
APP = App("client", "secret", refresh_tokens={"refresh-0": EMAIL}, codes={"code-0": EMAIL})


def exchange(caller, **asked: object) -> Response:
    body = orjson.dumps({"client_id": "client", "client_secret": "secret", **asked})
    return caller.site.send(Request("POST", "https://auth.atlassian.com/oauth/token", Headers(), body))


def refresh(caller, token: str) -> Response:
    return exchange(caller, grant_type="refresh_token", refresh_token=token)


def granted(response: Response) -> dict:
    assert response.status == 200, response.body
    return orjson.loads(response.body)


def through_the_gateway(caller, headers: dict[str, str]):
    caller.api = f"https://api.atlassian.com/ex/jira/{caller.site.cloud_id}/rest/api/3"
    caller.headers = headers
    return caller


def test_api_token(cloud):
    """An API token with its e-mail address is served as the account that the header names."""
    response = cloud().get("myself")

    assert orjson.loads(response.body)["emailAddress"] == EMAIL
    assert orjson.loads(response.body)["accountId"] == response.headers["X-AACCOUNTID"].replace("%3A", ":")
    assert len(response.headers["Atl-Traceid"]) == 32


@pytest.mark.parametrize("headers", [{}, basic(EMAIL, "old"), basic(EMAIL, "wrong"), basic("nobody@x", "good")])
def test_served_as_nobody(cloud, headers):
    """Without a living token everything that is for anybody is empty and fine; the rest is a 401."""
    caller = cloud()
    caller.headers = headers
    search = caller.get("search/jql", jql="updated >= 0")
    statuses = {name: caller.get(name).status for name in ("myself", "role", "projectCategory", "resolution/search")}

    assert (search.status, orjson.loads(search.body)) == (200, {"isLast": True, "issues": []})
    assert caller.json("project/search")["total"] == 0
    assert caller.json("users/search") == caller.json("project") == []
    assert set(statuses.values()) == {401}
    assert "X-AACCOUNTID" not in search.headers
    assert search.headers.get("X-Seraph-LoginReason") == ("AUTHENTICATED_FAILED" if headers else None)


def test_bearer_at_the_site(cloud):
    """The site takes no Bearer."""
    caller = cloud()
    caller.headers = {"Authorization": "Bearer good"}

    assert caller.get("serverInfo").status == 403


def test_a_scoped_token(cloud):
    """A token with scopes is good at the gateway, and a 401 at the site, where the other kind is good."""
    caller = cloud()
    caller.headers = basic(EMAIL, "scoped")
    at_the_site = {caller.get(path).status for path in ("myself", "serverInfo", "project/search")}
    through_the_gateway(caller, basic(EMAIL, "scoped"))
    scoped = caller.get("myself")
    plain = through_the_gateway(caller, basic(EMAIL, "good")).get("myself")

    assert (at_the_site, scoped.status, plain.status) == ({401}, 200, 401)
    assert "X-AACCOUNTID" in scoped.headers
    assert orjson.loads(plain.body) == {"code": 401, "message": "Unauthorized"}


@pytest.mark.parametrize("headers", [{}, basic(EMAIL, "scoped-old"), {"Authorization": "Bearer x"}])
def test_no_nobody_at_the_gateway(cloud, headers):
    """The gateway serves nobody as anonymous."""
    assert through_the_gateway(cloud(), headers).get("search/jql", jql="updated >= 0").status == 401


def test_another_site_at_the_gateway(cloud):
    """The gateway does not know another site's id."""
    caller = through_the_gateway(cloud(), basic(EMAIL, "scoped"))
    caller.api = caller.api.replace(caller.site.cloud_id, "0")

    assert caller.get("myself").status == 404


def test_tenant_info(cloud):
    """The site tells its id to anybody."""
    caller = cloud()
    response = caller.site.send(Request("GET", CLOUD + "/_edge/tenant_info"))

    assert orjson.loads(response.body) == {"cloudId": caller.site.cloud_id}


def test_refresh(cloud):
    """A refresh token gives an access token for an hour, and another refresh token."""
    caller = cloud(apps=(APP,))
    answer = granted(refresh(caller, "refresh-0"))
    through_the_gateway(caller, {"Authorization": "Bearer " + answer["access_token"]})
    caller.clock.time += 3599
    living = caller.get("myself").status
    caller.clock.time += 1
    dead = caller.get("myself")

    assert answer["expires_in"] == 3600
    assert "read:jira-work" in answer["scope"]
    assert (living, dead.status, orjson.loads(dead.body)) == (200, 401, {"code": 401, "message": "Unauthorized"})
    assert refresh(caller, answer["refresh_token"]).status == 200


def test_rotation(cloud):
    """A refresh token that was used lives for the leeway longer, counted from its first use, and then is refused."""
    caller = cloud(apps=(APP,))
    statuses = []
    for seconds in (0, 500, 99, 1):
        caller.clock.time += seconds
        statuses.append(refresh(caller, "refresh-0").status)
    refused = refresh(caller, "refresh-0")

    assert statuses == [200, 200, 200, 403]
    assert orjson.loads(refused.body) == {
        "error": "unauthorized_client",
        "error_description": "refresh_token is invalid",
    }


def test_no_leeway(cloud):
    """Without a leeway a refresh token is good once."""
    caller = cloud(apps=(APP,), leeway=0)

    assert [refresh(caller, "refresh-0").status for _ in range(2)] == [200, 403]


@pytest.mark.parametrize("revokes", [False, True])
def test_access_tokens_and_refresh(cloud, revokes):
    """A refresh leaves the older access token alive, or ends it where the site is so set."""
    caller = cloud(apps=(APP,), revokes=revokes)
    first, _ = granted(refresh(caller, "refresh-0")), refresh(caller, "refresh-0")
    through_the_gateway(caller, {"Authorization": "Bearer " + first["access_token"]})

    assert caller.get("myself").status == (401 if revokes else 200)


def test_unused_for_90_days(cloud):
    """A refresh token that nobody used for 90 days is dead."""
    caller = cloud(apps=(APP,))
    caller.clock.time += 90 * 86_400

    assert refresh(caller, "refresh-0").status == 403


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "password"}, 400),
        ({"refresh_token": "wrong"}, 403),
    ],
)
def test_refused_at_the_token_endpoint(cloud, asked, status):
    """Each mistake has its status, and an error with a description."""
    caller = cloud(apps=(APP,))
    response = exchange(caller, **{"grant_type": "refresh_token", "refresh_token": "refresh-0", **asked})

    assert response.status == status
    assert orjson.loads(response.body).keys() == {"error", "error_description"}


def test_authorization_code(cloud):
    """A code is exchanged once, with the address that it was sent to."""
    caller = cloud(apps=(APP,))
    asked = {"grant_type": "authorization_code", "code": "code-0", "redirect_uri": APP.redirect_uri}
    elsewhere = exchange(caller, **{**asked, "redirect_uri": "https://example.com"})

    assert elsewhere.status == 403
    assert granted(exchange(caller, **asked)).keys() >= {"access_token", "refresh_token"}
    assert exchange(caller, **asked).status == 403


def test_accessible_resources(cloud):
    """The list of sites names ours by its address, and not first."""
    caller = cloud(apps=(APP,))
    token = granted(refresh(caller, "refresh-0"))["access_token"]
    url = "https://api.atlassian.com/oauth/token/accessible-resources"
    headers = Headers({"Authorization": "Bearer " + token})
    sites = orjson.loads(caller.site.send(Request("GET", url, headers)).body)

    assert [site["url"] for site in sites].index(CLOUD) == 1
    assert sites[1]["id"] == caller.site.cloud_id
    assert caller.site.send(Request("GET", url)).status == 401


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("read:jira-work", [200, 401, 401]),
        ("read:jira-user", [401, 200, 401]),
        ("read:jira-work manage:jira-configuration", [200, 401, 200]),
    ],
)
def test_scopes(cloud, scope, statuses):
    """At the gateway each resource needs its scope; without offline_access no refresh token is given."""
    caller = cloud(apps=(App("client", "secret", refresh_tokens={"refresh-0": EMAIL}, scope=scope),))
    answer = granted(refresh(caller, "refresh-0"))
    through_the_gateway(caller, {"Authorization": "Bearer " + answer["access_token"]})

    assert [caller.get(path).status for path in ("project/search", "users/search", "role")] == statuses
    assert "refresh_token" not in answer


def test_admit(cloud):
    """Other accounts may be let in later, and the first ones are out."""
    caller = cloud()
    caller.site.admit(CloudAccounts(), base_url="http://127.0.0.1:8080")

    assert caller.json("serverInfo")["baseUrl"] == "http://127.0.0.1:8080"
    assert caller.get("myself").status == 401
