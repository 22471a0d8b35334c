"""Logging in, being refused, and being served as nobody."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import orjson
import pytest
from oauthlib.oauth1 import Client

from tap_jira.simulator import Account, Accounts, Site, World
from tap_jira.simulator.credentials import key_pair
from tap_jira.simulator.oauth import AccessToken, Consumer
from tap_jira.wire import Headers, Request, Response

from .conftest import BASE, START

URL = f"{BASE}/rest/api/2/myself"


@pytest.fixture
def site(clock, credentials):
    return Site(World(issues=3, now=clock), accounts=credentials.accounts, base_url=BASE)


def signed(credentials, url: str = URL, **changed: Any) -> Request:
    config = credentials.oauth
    client = Client(
        **{
            "client_key": config["oauth_consumer_key"],
            "resource_owner_key": config["oauth_token"],
            "resource_owner_secret": config["oauth_token_secret"],
            "rsa_key": config["oauth_private_key"],
            "signature_method": "RSA-SHA1",
            "timestamp": str(int(START)),
            **changed,
        }
    )
    return Request("GET", url, Headers(client.sign(url)[1]))


def basic(password: bytes) -> Request:
    encoded = base64.b64encode(b"tap-reader:" + password).decode()
    return Request("GET", URL, Headers({"Authorization": "Basic " + encoded}))


def problem(response: Response) -> str:
    return response.headers["WWW-Authenticate"].partition('oauth_problem="')[2].partition('"')[0]


def test_signature(site, credentials):
    """A request signed with the right key is served as the user who granted the token."""
    response = site.answer(signed(credentials, URL + "?expand=a%20b&%C3%BC=%C3%BC"))

    assert response.status == 200
    assert orjson.loads(response.body)["name"] == response.headers["X-AUSERNAME"] == "tap-reader"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"client_key": "nobody"}, "consumer_key_unknown"),
        ({"resource_owner_key": "wrong"}, "token_rejected"),
        ({"timestamp": str(int(START) - 301)}, "timestamp_refused"),
        ({"timestamp": str(int(START) + 301)}, "timestamp_refused"),
        ({"signature_method": "HMAC-SHA1"}, "signature_method_rejected"),
        ({"signature_method": "RSA-SHA256"}, "signature_method_rejected"),
        ({"resource_owner_key": None}, "parameter_absent"),
    ],
)
def test_problems(site, credentials, changed, expected):
    """Each fault of a signed request has its own name."""
    response = site.answer(signed(credentials, **changed))

    assert problem(response) == expected
    assert response.status == (400 if expected in ("signature_method_rejected", "parameter_absent") else 401)
    assert orjson.loads(response.body)["status-code"] == response.status
    assert response.headers["WWW-Authenticate"].startswith('OAuth realm="https%3A%2F%2Fjira.example.com%2Fjira"')


def test_other_key(site, credentials):
    """A signature by another key is not valid."""
    assert problem(site.answer(signed(credentials, rsa_key=key_pair()[0]))) == "signature_invalid"


def test_changed_after_signing(site, credentials):
    """A query changed after signing makes the signature invalid."""
    request = signed(credentials, URL + "?a=1")

    assert problem(site.answer(dataclasses.replace(request, url=URL + "?a=2"))) == "signature_invalid"


def test_nonce(site, credentials):
    """The same signed request is accepted once."""
    request = signed(credentials)

    assert site.answer(request).status == 200
    assert problem(site.answer(request)) == "nonce_used"


def test_acceptable_timestamps(site, credentials):
    """Who comes with a wrong clock is told which times would do."""
    response = site.answer(signed(credentials, timestamp="1600000000"))

    assert 'oauth_acceptable_timestamps="1699999700-1700000300"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("fault", ["token_expired", "token_revoked"])
def test_old_token(clock, credentials, fault):
    """A token that is over is refused by the name of what became of it."""
    consumer = credentials.accounts.consumers[0]
    tokens = {token: AccessToken(held.username, held.secret, fault) for token, held in consumer.tokens.items()}
    consumers = (Consumer(consumer.key, consumer.public_key, tokens),)
    accounts = dataclasses.replace(credentials.accounts, consumers=consumers)
    site = Site(World(issues=3, now=clock), accounts=accounts, base_url=BASE)

    assert problem(site.answer(signed(credentials))) == fault


def test_basic(site, credentials):
    """The right password lets in."""
    assert site.answer(basic(credentials.basic["password"].encode())).status == 200


def test_wrong_password(site):
    """A wrong password is a 401 in HTML that names the reason."""
    response = site.answer(basic(b"wrong"))

    assert response.status == 401
    assert response.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    assert response.headers["Content-Type"].startswith("text/html")


def test_captcha(site, credentials):
    """After three wrong passwords even the right one is turned away until a person logs in."""
    for _ in range(3):
        assert site.answer(basic(b"wrong")).status == 401
    response = site.answer(basic(credentials.basic["password"].encode()))

    assert response.status == 403
    assert response.headers["X-Authentication-Denied-Reason"].startswith("CAPTCHA_CHALLENGE; login-url=")


@pytest.mark.parametrize("credential", ["Bearer unknown", "Bearer old", ""])
def test_anonymous(jira, credential):
    """An unknown or expired token, or none, is served the public subset with 200; one header tells."""
    caller = jira()
    caller.headers = {"Authorization": credential} if credential else {}
    search = caller.get("search", jql="order by key")

    assert (search.status, search.headers["X-AUSERNAME"]) == (200, "anonymous")
    assert orjson.loads(search.body)["issues"] == caller.json("project") == []
    assert {caller.get(path).status for path in ("myself", "role", "projectCategory", "user/search")} == {401}
    assert caller.get("issue/10000").status == 404


def test_admit(site, credentials):
    """Accounts and address may be given once the port is known; who was let in before is a stranger then."""
    old = {"Authorization": "Bearer " + credentials.personal_access_token["personal_access_token"]}
    accounts = Accounts((Account("new", "", tokens={"fresh": None}),))
    site.admit(accounts, base_url="http://127.0.0.1:8080")
    request = Request("GET", "http://127.0.0.1:8080/rest/api/2/myself", Headers({"Authorization": "Bearer fresh"}))
    response = site.answer(request)

    assert response.headers["X-AUSERNAME"] == "new"
    assert orjson.loads(response.body)["self"].startswith("http://127.0.0.1:8080/rest/")
    assert site.answer(dataclasses.replace(request, headers=Headers(old))).status == 401
