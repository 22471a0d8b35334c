"""Who asks Cloud: API tokens at the site, scoped ones and OAuth 2.0 at the gateway, and the fall back to nobody."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tap_jira.simulator.answers import log_in_first
from tap_jira.simulator.tokens import SCOPES, App, Grant, Issuer
from tap_jira.wire import Request, Response


@dataclass(frozen=True)
class CloudAccount:
    """A user who may log in; tokens come with the second they expire at, or None."""

    email: str
    admin: bool = True
    zone: str = "Europe/Berlin"
    api_tokens: Mapping[str, float | None] = field(default_factory=dict)
    scoped_tokens: Mapping[str, float | None] = field(default_factory=dict)
    """API tokens that were made with scopes: for the gateway alone."""
    scope: str = SCOPES
    """What the scoped tokens may do."""
    browse_users: bool = True
    """Whether the account has the permission that the lists of users need."""


@dataclass(frozen=True)
class CloudAccounts:
    """Every way into the site."""

    users: tuple[CloudAccount, ...] = ()
    apps: tuple[App, ...] = ()

    def named(self, email: str) -> CloudAccount | None:
        """The account with this address."""
        return next((user for user in self.users if user.email == email), None)


@dataclass(frozen=True)
class Visitor:
    """Who a request is served as: nobody without an account, which may be since the token was ``refused``."""

    account: CloudAccount | None = None
    refused: bool = False


class CloudDoor:
    """Tells for each request the visitor, or the answer that turns it away."""

    def __init__(self, accounts: CloudAccounts, issuer: Issuer, *, now: Callable[[], float]) -> None:
        self._accounts, self._issuer, self._now = accounts, issuer, now

    def at_the_site(self, request: Request) -> Visitor | Response:
        """The visitor of the site's own address."""
        scheme, secret = _credentials(request)
        if scheme == "bearer":
            # What Cloud answers to an API token that is sent as Bearer.
            return Response.of_json({"error": "Failed to parse Connect Session Auth Token"}, 403)
        if scheme != "basic":
            return Visitor()
        account, token = self._of_basic(secret)
        if account is None:
            return Visitor(refused=True)
        if self._lives(account.scoped_tokens, token):
            return log_in_first()
        # A token that is unknown or over does not fail: the caller is served as anonymous (jira.js#418).
        return Visitor(account) if self._lives(account.api_tokens, token) else Visitor(refused=True)

    def at_the_gateway(self, request: Request, scope: str | None) -> Visitor | Response:
        """The visitor of api.atlassian.com, whose token must have this scope if one is needed."""
        scheme, secret = _credentials(request)
        if scheme == "bearer":
            grant = self._issuer.holder(secret)
        else:
            account, token = self._of_basic(secret) if scheme == "basic" else (None, "")
            living = account is not None and self._lives(account.scoped_tokens, token)
            grant = Grant(account.email, account.scope) if account is not None and living else None
        if grant is None:
            return unauthorized("Unauthorized")
        if not grant.covers(scope):
            return unauthorized("Unauthorized; scope does not match")
        return Visitor(self._accounts.named(grant.email))

    def _of_basic(self, encoded: str) -> tuple[CloudAccount | None, str]:
        try:
            email, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, ""
        return self._accounts.named(email), token

    def _lives(self, tokens: Mapping[str, float | None], token: str) -> bool:
        expiry = tokens.get(token, 0.0)
        return expiry is None or expiry > self._now()


def unauthorized(message: str) -> Response:
    """A 401 in the shape of api.atlassian.com."""
    return Response.of_json({"code": 401, "message": message}, 401)


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), secret.strip()
