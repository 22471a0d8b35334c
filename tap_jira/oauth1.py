"""Let a person give the tap an OAuth 1.0a token: ask for one, have it allowed in a browser, exchange it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from tap_jira import verdict
from tap_jira.auth import Signer, link_signer
from tap_jira.client import Client, Sends
from tap_jira.config import Config
from tap_jira.errors import AuthError, NotFoundError
from tap_jira.redact import Redactor
from tap_jira.retry import Again
from tap_jira.wire import NetworkError, Request, Response

SERVLET = "/plugins/servlet/oauth"
"""https://developer.atlassian.com/server/jira/platform/oauth/"""
OUT_OF_BAND = "oob"
"""The callback of somebody whom no browser can come back to: Jira shows a code instead (RFC 5849, section 2.1)."""
DENIED = "denied"
"""The verifier that comes back after Deny, seen in Atlassian's own provider (github.com/jenkinsci/
atlassian-bitbucket-server-integration-plugin, AuthorizeConfirmationConfig)."""
OVER = {"token_rejected", "token_expired", "token_used", "verifier_invalid"}
"""How the exchange of a request token is refused whose code is wrong or was used, or which is older than ten minutes
(the same plugin, AccessTokenRestEndpoint)."""


@dataclass(frozen=True)
class Token:
    """A token, its secret, and the second since 1970 at which it ends, by this machine's clock, if Jira tells."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    ends: float | None = None


class Dance:
    """The three steps to a token (RFC 5849, section 2), of which a person does the second.

    ``connect`` makes the way to the network for whatever signs the requests, and ``redactor`` learns each secret.
    """

    def __init__(self, config: Config, client: Client, connect: Callable[[Signer], Sends], redactor: Redactor) -> None:
        self._config, self._client, self._connect, self._redactor = config, client, connect, redactor

    def begin(self, callback: str) -> tuple[Token, str]:
        """A request token, and the address at which a person may allow it; a TapError if Jira gives none."""
        signing = link_signer(self._config, callback=callback)
        token = self._ask("request-token", signing, self._client.hasty())
        return token, f"{self._config.base_url}{SERVLET}/authorize?{urlencode({'oauth_token': token.key})}"

    def finish(self, token: Token, verifier: str) -> Token:
        """The access token for a request token that was allowed; AuthError if it was not, or the verifier is wrong."""
        if verifier == DENIED:
            raise AuthError(f"permission_denied: {verdict.OAUTH_PROBLEMS['permission_denied']}")
        signing = link_signer(self._config, token=token.key, token_secret=token.secret, verifier=verifier)
        return self._ask("access-token", signing, self._client)

    def client_with(self, token: Token) -> Client:
        """A client that comes with this access token."""
        signing = link_signer(self._config, token=token.key, token_secret=token.secret)
        return replace(self._client, transport=self._connect(signing))

    def _ask(self, step: str, signing: Signer, client: Client) -> Token:
        transport = self._connect(signing)
        return client.retry.call(lambda: self._attempt(step, transport))

    def _attempt(self, step: str, transport: Sends) -> Token:
        what, now = f"POST {SERVLET}/{step}", self._client.retry.clock.now()
        try:
            response = transport.send(Request("POST", f"{self._config.base_url}{SERVLET}/{step}"))
        except NetworkError as error:
            verdict.check_network(error, what, urlsplit(self._config.base_url).netloc)
            raise
        _check_step(step, response, f"{what} was answered {response.status}{verdict.quote(response)}")
        # The link asks here and no account, so Jira may well say that it answers anonymous.
        verdict.check(response, what, now=now, login=None)
        form = dict(parse_qsl(response.body.decode(errors="replace").strip()))
        if not form.get("oauth_token") or not form.get("oauth_token_secret"):
            raise Again(f"{what} was answered without a token")
        self._redactor.learn(form["oauth_token"], form["oauth_token_secret"])
        return Token(form["oauth_token"], form["oauth_token_secret"], _end(form.get("oauth_expires_in", ""), now))


def _check_step(step: str, response: Response, said: str) -> None:
    """Raise what is more to the point here than what such an answer means elsewhere."""
    if response.status in (404, 410):
        raise NotFoundError(
            f"{said}; there is no OAuth 1.0a at this address: base_url must be a Jira Data Center or Server with its "
            "context path, such as /jira; for Jira Cloud see docs/connect.md",
            response.status,
        )
    problem = verdict.oauth_problem(response)
    if step == "access-token" and response.status >= 400 and problem in OVER:
        raise AuthError(
            f"{said}; {problem}: the verification code is wrong, was used before or is older than ten minutes; run "
            "tap-jira authorize again"
        )


def _end(seconds: str, now: float) -> float | None:
    return now + int(seconds) if seconds.isascii() and seconds.isdigit() else None
