"""Pages of Data Center below /plugins/servlet: application links, and the steps by which they get OAuth 1.0a tokens."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tap_jira.simulator.answers import html, rest_refusal
from tap_jira.simulator.oauth import AccessToken, Consumer, Problem, Verifier, challenge
from tap_jira.wire import Headers, Request, Response

SERVLETS = "/plugins/servlet/"
APPLINKS = "/plugins/servlet/applinks/listApplicationLinks"

# As in Atlassian's own provider of OAuth 1.0a that is public (github.com/jenkinsci/
# atlassian-bitbucket-server-integration-plugin: ServiceProviderToken, AccessTokenRestEndpoint), and its words for what
# is wrong, in the order in which it looks.
REQUEST_TOKEN_SECONDS = 600
ACCESS_TOKEN_SECONDS = 157_680_000
SESSION_SECONDS = 160_272_000

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - simulated Jira</title></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""
_ALLOW = """<p>The application <b>{name}</b> would like to have read and write access to your data.</p>
<form method="post"><input type="hidden" name="oauth_token" value="{token}">
<p><label>You are <select name="username">{users}</select></label></p>
<p><button name="approve" value="Allow">Allow</button> <button name="deny" value="Deny">Deny</button></p></form>"""
_LINKS = """<p>{said}</p>
<table><tr><th>Consumer Key</th><th>Consumer Name</th></tr>{rows}</table>
<h2>Create link</h2>
<form method="post">
<p><label>Consumer Key<br><input name="consumerKey"></label></p>
<p><label>Consumer Name<br><input name="consumerName"></label></p>
<p><label>Public Key<br><textarea name="publicKey" rows="9" cols="66"></textarea></label></p>
<p><label>Consumer Callback URL<br><input name="callbackUrl"></label></p>
<p><label><input type="checkbox" name="twoLegged"> Allow 2-Legged OAuth (which this Jira does not have)</label></p>
<p><button>Save</button></p></form>"""


@dataclass(frozen=True)
class RequestToken:
    """A token that waits to be allowed: by then it has a user and a verifier, or it is denied."""

    consumer_key: str
    callback: str
    ends: float
    username: str | None = None
    verifier: str = ""
    denied: bool = False


class Servlets:
    """Answers what is below /plugins/servlet; who may log in is picked on the page, without a password."""

    def __init__(
        self, verifier: Verifier, usernames: Sequence[str], *, base_url: str, now: Callable[[], float]
    ) -> None:
        self._verifier, self._usernames, self._base_url, self._now = verifier, usernames, base_url, now
        self._tokens: dict[str, RequestToken] = {}
        self._servlets: Mapping[tuple[str, str], Callable[[Request], Response]] = {
            ("POST", "/plugins/servlet/oauth/request-token"): self._request_token,
            ("GET", "/plugins/servlet/oauth/authorize"): self._ask,
            ("POST", "/plugins/servlet/oauth/authorize"): self._decide,
            ("POST", "/plugins/servlet/oauth/access-token"): self._access_token,
            ("GET", APPLINKS): lambda request: self._links(),
            ("POST", APPLINKS): self._create_link,
        }

    def answer(self, request: Request, path: str) -> Response:
        """The page or the token at ``path``."""
        servlet = self._servlets.get((request.method, path))
        if servlet is not None:
            return servlet(request)
        known = any(path == other for _, other in self._servlets)
        return rest_refusal(405, "Method Not Allowed") if known else _page(404, "Oops, you've found a dead link", "")

    def _request_token(self, request: Request) -> Response:
        signed = self._verifier.read(request)
        if isinstance(signed, Problem):
            return self._refused(signed)
        problem = self._verifier.check(signed)
        if problem:
            return self._refused(problem)
        callback = signed.redirect_uri or self._verifier.consumers[signed.client_key].callback
        if not callback:
            return self._refused(Problem("parameter_absent"))
        if callback != "oob" and urlsplit(callback).scheme not in ("http", "https"):
            return self._refused(Problem("parameter_rejected"))
        token = secrets.token_urlsafe(24)
        self._tokens[token] = RequestToken(signed.client_key, callback, self._now() + REQUEST_TOKEN_SECONDS)
        return _form(oauth_token=token, oauth_token_secret=secrets.token_urlsafe(24), oauth_callback_confirmed="true")

    def _ask(self, request: Request) -> Response:
        key, token = self._undecided(dict(parse_qsl(urlsplit(request.url).query)))
        if isinstance(token, Problem):
            return self._refused(token)
        consumer = self._verifier.consumers[token.consumer_key]
        users = "".join(f"<option>{escape(name)}</option>" for name in self._usernames)
        name = escape(consumer.name or consumer.key)
        return _page(200, "Allow access?", _ALLOW.format(name=name, token=escape(key), users=users))

    def _decide(self, request: Request) -> Response:
        given = _fields(request)
        key, token = self._undecided(given)
        if isinstance(token, Problem):
            return self._refused(token)
        if "approve" not in given:
            self._tokens[key] = replace(token, denied=True)
            return _back(token, key, "denied", "Access denied", "<p>You have denied access to your data.</p>")
        if given.get("username") not in self._usernames:
            return _page(400, "Log in", "<p>There is no such user.</p>")
        letters = string.ascii_letters + string.digits
        verifier = "".join(secrets.choice(letters) for _ in range(6))
        self._tokens[key] = replace(token, username=given["username"], verifier=verifier)
        said = f"<p>You have allowed access. Your verification code is '<b>{verifier}</b>'.</p>"
        return _back(token, key, verifier, "Access allowed", said)

    def _undecided(self, given: Mapping[str, str]) -> tuple[str, RequestToken | Problem]:
        key = given.get("oauth_token", "")
        token = self._tokens.get(key)
        if token is None or token.consumer_key not in self._verifier.consumers:
            return key, Problem("token_rejected")
        if self._now() >= token.ends:
            return key, Problem("token_expired")
        return key, Problem("token_used") if token.username or token.denied else token

    def _access_token(self, request: Request) -> Response:
        signed = self._verifier.read(request, "resource_owner_key")
        if isinstance(signed, Problem):
            return self._refused(signed)
        token = self._tokens.get(signed.resource_owner_key)
        problem = self._exchange_problem(token, signed.client_key, signed.verifier) or self._verifier.check(signed)
        if problem or token is None or token.username is None:
            return self._refused(problem or Problem("token_rejected"))
        # It is good for one exchange.
        del self._tokens[signed.resource_owner_key]
        key, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        granted = AccessToken(token.username, secret, ends=self._now() + ACCESS_TOKEN_SECONDS)
        self._verifier.grant(token.consumer_key, key, granted)
        return _form(
            oauth_token=key,
            oauth_token_secret=secret,
            oauth_expires_in=str(ACCESS_TOKEN_SECONDS),
            oauth_session_handle=secrets.token_urlsafe(24),
            oauth_authorization_expires_in=str(SESSION_SECONDS),
        )

    def _exchange_problem(self, token: RequestToken | None, consumer_key: str, verifier: str | None) -> Problem | None:
        if token is None:
            return Problem("token_rejected")
        if self._now() >= token.ends:
            return Problem("token_expired")
        if token.denied:
            return Problem("permission_denied")
        if token.username is None:
            return Problem("permission_unknown")
        if not verifier:
            return Problem("parameter_absent")
        is_right = token.consumer_key == consumer_key and token.verifier == verifier
        return None if is_right else Problem("token_rejected")

    def _refused(self, problem: Problem) -> Response:
        status, headers = challenge(problem, self._base_url)
        acceptable = {"oauth_acceptable_timestamps": problem.acceptable} if problem.acceptable else {}
        told = _form(oauth_problem=problem.name, **acceptable)
        return Response(status, Headers({**told.headers, **headers}), told.body)

    def _links(self, said: str = "", status: int = 200) -> Response:
        rows = "".join(
            f"<tr><td>{escape(consumer.key)}</td><td>{escape(consumer.name)}</td></tr>"
            for consumer in self._verifier.consumers.values()
        )
        return _page(status, "Application links", _LINKS.format(said=escape(said), rows=rows))

    def _create_link(self, request: Request) -> Response:
        given = {name: value.strip() for name, value in _fields(request).items()}
        key, public_key = given.get("consumerKey", ""), given.get("publicKey", "")
        if not key:
            return self._links("The Consumer Key is missing.", 400)
        if not _is_public_key(public_key):
            return self._links("The Public Key is no RSA key as PEM text, from its BEGIN to its END line.", 400)
        name, callback = given.get("consumerName", ""), given.get("callbackUrl", "")
        # A link made anew forgets what was granted through the old one.
        self._verifier.consumers[key] = Consumer(key, public_key, name=name, callback=callback)
        return self._links(f"The link {key} is there now.")


def _is_public_key(text: str) -> bool:
    try:
        return isinstance(load_pem_public_key(text.encode()), RSAPublicKey)
    except ValueError:
        return False


def _fields(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))


def _form(**values: str) -> Response:
    return Response(200, Headers({"Content-Type": "text/plain;charset=UTF-8"}), urlencode(values).encode())


def _page(status: int, title: str, body: str) -> Response:
    return html(status, _PAGE.format(title=escape(title), body=body))


def _back(token: RequestToken, key: str, verifier: str, title: str, said: str) -> Response:
    """What follows a decision: a page, or the way back to where the request for the token said."""
    if token.callback == "oob":
        return _page(200, title, said)
    asked = urlencode({"oauth_token": key, "oauth_verifier": verifier})
    joint = "&" if "?" in token.callback else "?"
    return Response(302, Headers({"Location": f"{token.callback}{joint}{asked}"}), b"")
