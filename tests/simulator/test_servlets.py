"""Application links made at run time, and the steps by which they get tokens."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
import pytest
from oauthlib.oauth1 import Client

from tap_jira.simulator import Account, Accounts, Site, World
from tap_jira.simulator.credentials import key_pair
from tap_jira.wire import Headers, Request, Response

from .conftest import BASE, Clock

SERVLETS = f"{BASE}/plugins/servlet"
APPLINKS = f"{SERVLETS}/applinks/listApplicationLinks"


@pytest.fixture(scope="session")
def keys():
    return key_pair()


class Dancer:
    """An application and its user, at a site that has no link yet."""

    def __init__(self, clock: Clock, keys: tuple[str, str]) -> None:
        accounts = Accounts((Account("tap-reader"), Account("<b>other</b>")))
        self.site = Site(World(issues=3, now=clock), accounts=accounts, base_url=BASE)
        self.clock, self.private, self.public = clock, *keys

    def post(self, url: str, **fields: str) -> Response:
        return self.site.answer(Request("POST", url, Headers(), urlencode(fields).encode()))

    def get(self, url: str) -> Response:
        return self.site.answer(Request("GET", url))

    def link(self, key: str = "tap", **more: str) -> Response:
        return self.post(
            APPLINKS, **{"consumerKey": key, "consumerName": "The <tap>", "publicKey": self.public, **more}
        )

    def signed(self, url: str, method: str = "POST", **changed: Any) -> Response:
        given = {"client_key": "tap", "rsa_key": self.private, "signature_method": "RSA-SHA1", **changed}
        client = Client(**{"timestamp": str(int(self.clock())), **given})
        return self.site.answer(Request(method, url, Headers(client.sign(url, method)[1])))

    def request_token(self, callback: str | None = "oob", **changed: Any) -> dict[str, str]:
        asked = self.signed(f"{SERVLETS}/oauth/request-token", callback_uri=callback, **changed)
        assert asked.status == 200, asked.body
        return dict(parse_qsl(asked.body.decode()))

    def decide(self, token: dict[str, str], decision: str = "approve", username: str = "tap-reader") -> Response:
        fields = {"oauth_token": token["oauth_token"], "username": username, decision: "yes"}
        return self.post(f"{SERVLETS}/oauth/authorize", **fields)

    def allow(self, token: dict[str, str]) -> str:
        """The code that the page shows."""
        shown = re.search(r"verification code is '<b>(\w{6})</b>'", self.decide(token).body.decode())
        assert shown is not None
        return shown[1]

    def exchange(self, token: dict[str, str], verifier: str | None, **changed: Any) -> Response:
        return self.signed(
            f"{SERVLETS}/oauth/access-token",
            **{"resource_owner_key": token["oauth_token"], "verifier": verifier, **changed},
        )


@pytest.fixture
def dancer(clock, keys):
    return Dancer(clock, keys)


@pytest.fixture
def linked(dancer):
    assert dancer.link().status == 200
    return dancer


def problem(response: Response) -> tuple[int, str]:
    """The status and the problem, which the header and the body name alike."""
    body = dict(parse_qsl(response.body.decode()))["oauth_problem"]
    assert response.headers["WWW-Authenticate"].partition('oauth_problem="')[2].startswith(body + '"')
    return response.status, body


def test_the_whole_dance(linked):
    """A token that its user allowed opens the interface as that user, until it ends after five years."""
    token = linked.request_token()
    answer = linked.exchange(token, linked.allow(token))
    access = dict(parse_qsl(answer.body.decode()))
    myself = lambda: linked.signed(  # noqa: E731
        f"{BASE}/rest/api/2/myself", "GET", resource_owner_key=access["oauth_token"]
    )

    assert token["oauth_callback_confirmed"] == "true"
    assert (answer.status, access["oauth_expires_in"]) == (200, "157680000")
    assert answer.headers["X-AUSERNAME"] == "anonymous"
    assert orjson.loads(myself().body)["name"] == "tap-reader"
    linked.clock.time += 157_680_000
    assert 'oauth_problem="token_expired"' in myself().headers["WWW-Authenticate"]


def test_the_page(linked):
    """The page names the application, and lets whoever looks pick the account."""
    token = linked.request_token()
    page = linked.get(f"{SERVLETS}/oauth/authorize?oauth_token={token['oauth_token']}").body.decode()

    assert "The &lt;tap&gt;" in page
    assert re.findall(r"<option>(.*?)</option>", page) == ["tap-reader", "&lt;b&gt;other&lt;/b&gt;"]
    assert 'value="Allow"' in page
    assert 'value="Deny"' in page


@pytest.mark.parametrize(
    ("callback", "start"), [("http://127.0.0.1:1/", "http://127.0.0.1:1/?"), ("http://h/?a=1", "http://h/?a=1&")]
)
def test_callback(linked, callback, start):
    """With a callback the browser is sent there, with the token and its verifier, which is then good."""
    token = linked.request_token(callback)
    sent = linked.decide(token)
    asked = parse_qs(urlsplit(sent.headers["Location"]).query)

    assert (sent.status, sent.headers["Location"].startswith(start)) == (302, True)
    assert asked["oauth_token"] == [token["oauth_token"]]
    assert linked.exchange(token, asked["oauth_verifier"][0]).status == 200


def test_callback_of_the_link(dancer):
    """A request that names no callback gets that of the link."""
    dancer.link(callbackUrl="https://tap.example.com/back")
    token = dancer.request_token(None)

    assert dancer.decide(token).headers["Location"].startswith("https://tap.example.com/back?")


def test_denied(linked):
    """A browser is sent back with the verifier denied, and no code is good any more."""
    token = linked.request_token("http://127.0.0.1:1/")
    sent = linked.decide(token, "deny")

    assert parse_qs(urlsplit(sent.headers["Location"]).query)["oauth_verifier"] == ["denied"]
    assert problem(linked.exchange(token, "denied")) == (401, "permission_denied")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"client_key": "nobody"}, (401, "consumer_key_unknown")),
        ({"client_key": "Tap"}, (401, "consumer_key_unknown")),
        ({"rsa_key": key_pair()[0]}, (401, "signature_invalid")),
        ({"timestamp": "1600000000"}, (401, "timestamp_refused")),
        ({"signature_method": "RSA-SHA256"}, (400, "signature_method_rejected")),
        ({"callback_uri": None}, (400, "parameter_absent")),
        ({"callback_uri": "javascript:x"}, (400, "parameter_rejected")),
    ],
)
def test_request_tokens_that_are_refused(linked, changed, expected):
    """Each fault of the first step has its name."""
    response = linked.signed(f"{SERVLETS}/oauth/request-token", **{"callback_uri": "oob", **changed})

    assert problem(response) == expected


def test_exchanges_that_are_refused(linked):
    """A token is exchanged once, with its code, by the link that asked for it, after it was allowed."""
    token = linked.request_token()
    assert problem(linked.exchange(token, "early")) == (401, "permission_unknown")
    code = linked.allow(token)
    linked.link("other")

    assert problem(linked.exchange(token, "wrong1")) == (401, "token_rejected")
    assert problem(linked.exchange(token, None)) == (400, "parameter_absent")
    assert problem(linked.exchange(token, code, client_key="other")) == (401, "token_rejected")
    assert problem(linked.exchange(token, code, rsa_key=key_pair()[0])) == (401, "signature_invalid")
    assert problem(linked.exchange(token, code, resource_owner_key="nobody's")) == (401, "token_rejected")
    assert linked.exchange(token, code).status == 200
    assert problem(linked.exchange(token, code)) == (401, "token_rejected")


def test_old_tokens(linked):
    """After ten minutes a request token is neither allowed nor exchanged."""
    allowed, fresh = linked.request_token(), linked.request_token()
    code = linked.allow(allowed)
    linked.clock.time += 600

    assert problem(linked.exchange(allowed, code)) == (401, "token_expired")
    assert problem(linked.decide(fresh)) == (401, "token_expired")


def test_decided_once(linked):
    """What was decided is not decided again, and what was never asked for cannot be."""
    token = linked.request_token()
    linked.allow(token)

    assert problem(linked.decide(token, "deny")) == (401, "token_used")
    assert problem(linked.decide({"oauth_token": "nobody's"})) == (401, "token_rejected")


def test_nobody(linked):
    """Only an account of the site can allow."""
    token = linked.request_token()

    assert linked.decide(token, username="nobody").status == 400
    assert problem(linked.exchange(token, "x")) == (401, "permission_unknown")


def test_a_link_made_anew(linked):
    """A link that is made anew, with another key, forgets the tokens of the old one."""
    token = linked.request_token()
    access = dict(parse_qsl(linked.exchange(token, linked.allow(token)).body.decode()))
    linked.private, linked.public = key_pair()
    linked.link()
    response = linked.signed(f"{BASE}/rest/api/2/myself", "GET", resource_owner_key=access["oauth_token"])

    assert 'oauth_problem="token_rejected"' in response.headers["WWW-Authenticate"]
    assert linked.request_token()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"consumerKey": " "}, "The Consumer Key is missing."),
        ({"publicKey": ""}, "The Public Key is no RSA key"),
        ({"publicKey": "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"}, "The Public Key is no RSA key"),
        ({"publicKey": key_pair()[0]}, "The Public Key is no RSA key"),
    ],
)
def test_links_that_cannot_be(dancer, fields, said):
    """What is wrong with a link is said, and none is made."""
    response = dancer.post(APPLINKS, **{"consumerKey": "tap", "publicKey": dancer.public, **fields})

    assert (response.status, said in response.body.decode()) == (400, True)
    assert "<td>tap</td>" not in dancer.get(APPLINKS).body.decode()


def test_the_list_of_links(linked):
    """The page lists the links there are."""
    assert "<td>tap</td><td>The &lt;tap&gt;</td>" in linked.get(APPLINKS).body.decode()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "oauth/request-token", 405), ("GET", "else", 404)])
def test_what_is_not_there(linked, method, path, status):
    """Another method or another page is refused."""
    assert linked.site.answer(Request(method, f"{SERVLETS}/{path}")).status == status
