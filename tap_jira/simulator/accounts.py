"""Who is asking: OAuth 1.0a, personal access tokens and passwords, and the silent fall back to anonymous."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tap_jira.simulator.answers import log_in_page
from tap_jira.simulator.oauth import AccessToken, Consumer, Verifier, oauth_refusal
from tap_jira.wire import Request, Response

WRONG_PASSWORDS = 3


@dataclass(frozen=True)
class Account:
    """A user who may log in; ``zone`` is the time zone of the profile, which JQL's date literals are read in."""

    username: str
    password: str = ""
    admin: bool = True
    zone: str = "Europe/Berlin"
    tokens: Mapping[str, float | None] = field(default_factory=dict)
    """Personal access tokens, each with the second it expires at, or None."""


@dataclass(frozen=True)
class Accounts:
    """Every way into the site."""

    users: tuple[Account, ...] = (Account("tap-reader", "secret"),)
    consumers: tuple[Consumer, ...] = ()

    def named(self, username: str) -> Account | None:
        """The account with this log-in name."""
        return next((user for user in self.users if user.username == username), None)


class Door:
    """Tells for each request the account, None for anonymous, or the answer that turns it away."""

    def __init__(self, accounts: Accounts, *, base_url: str, now: Callable[[], float]) -> None:
        self._accounts, self._base_url, self._now = accounts, base_url, now
        self.oauth = Verifier({consumer.key: consumer for consumer in accounts.consumers}, now=now)
        self._wrong: dict[str, int] = {}
        self._used: dict[str, float] = {}

    def identify(self, request: Request) -> Account | Response | None:
        """The account that the request's credentials lead to."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "oauth" or "oauth_signature=" in request.url:
            return self._by_signature(request)
        if scheme.lower() == "bearer":
            return self._by_token(rest.strip())
        if scheme.lower() == "basic":
            return self._by_password(rest.strip())
        return None

    def tokens_of(self, account: Account) -> list[tuple[float | None, float | None]]:
        """Of each living personal access token of an account: when it was used last, and when it ends."""
        living = {token: end for token, end in account.tokens.items() if end is None or end > self._now()}
        return [(self._used.get(token), end) for token, end in living.items()]

    def _by_signature(self, request: Request) -> Account | Response | None:
        found = self.oauth.verify(request)
        if isinstance(found, AccessToken):
            return self._accounts.named(found.username)
        return oauth_refusal(found, self._base_url)

    def _by_token(self, token: str) -> Account | None:
        # A token that is unknown or over does not fail: the caller is served as anonymous.
        for user in self._accounts.users:
            expiry = user.tokens.get(token, 0.0)
            if expiry is None or expiry > self._now():
                self._used[token] = self._now()
                return user
        return None

    def _by_password(self, encoded: str) -> Account | Response | None:
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        if self._wrong.get(username, 0) >= WRONG_PASSWORDS:
            return self._captcha()
        account = self._accounts.named(username)
        if account is not None and account.password and account.password == password:
            self._wrong.pop(username, None)
            return account
        self._wrong[username] = self._wrong.get(username, 0) + 1
        headers = {
            "X-Seraph-LoginReason": "AUTHENTICATED_FAILED",
            "WWW-Authenticate": 'OAuth realm="' + self._base_url + '"',
        }
        return log_in_page(401, "Unauthorized", "AUTHENTICATED_FAILED", headers)

    def _captcha(self) -> Response:
        where = f"CAPTCHA_CHALLENGE; login-url={self._base_url}/login.jsp"
        headers = {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED", "X-Authentication-Denied-Reason": where}
        return log_in_page(403, "Forbidden", "AUTHENTICATION_DENIED", headers)
