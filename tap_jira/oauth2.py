"""Put an OAuth 2.0 access token on each request, and renew it in time, whoever else uses the same authorisation."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import orjson

from tap_jira import verdict
from tap_jira.atlassian import token_endpoint
from tap_jira.client import Sends
from tap_jira.config import Config
from tap_jira.errors import AuthError, FailedAnswerError, UnavailableError
from tap_jira.jsontext import load
from tap_jira.retry import Again, Retry
from tap_jira.token_file import Grant, TokenFile, default_path, is_token
from tap_jira.wire import Headers, NetworkError, Request, Response

LOGGER = logging.getLogger(__name__)

EARLY_SECONDS = 300
"""A token is renewed so long before it ends, so that no request carries one that ends on its way."""
LIFE_SECONDS = 3600
"""How long a token lives if its issuer does not say."""
SETTLE_SECONDS = 4
"""A run that was told to stop has not much longer."""

WHAT = "POST /oauth/token"
Learn = Callable[[str], None]


class Tokens(Protocol):
    """Where access tokens come from."""

    def current(self) -> str:
        """A token that should be good; AuthError if there is none to be had."""

    def instead_of(self, refused: str) -> str:
        """Another token, after Jira took this one no longer; AuthError if there is none."""

    @property
    def ends_at(self) -> float | None:
        """When the token in use ends, in epoch seconds; None if nobody said."""

    def settle(self) -> None:
        """Come back once nothing is under way that must not be cut off."""


class Bearer:
    """Sends requests with an access token, and once more with a new one where Jira takes it no longer."""

    def __init__(self, inner: Sends, tokens: Tokens) -> None:
        self._inner, self._tokens = inner, tokens

    def send(self, request: Request) -> Response:
        """The answer to the request with a token, if it is to be signed."""
        if not request.signed:
            return self._inner.send(request)
        token = self._tokens.current()
        response = self._inner.send(_bearing(request, token))
        if response.status != 401 or verdict.lacks_scope(response):
            return response
        return self._inner.send(_bearing(request, self._tokens.instead_of(token)))

    @property
    def ends_at(self) -> float | None:
        """When the token in use ends, in epoch seconds; None if nobody said."""
        return self._tokens.ends_at

    def close(self) -> None:
        """The run is over, perhaps in the midst of things: let a renewal bring what it brings to the disk."""
        self._tokens.settle()


class Given:
    """The one access token of the configuration, which nothing can renew."""

    ends_at = None

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    def instead_of(self, refused: str) -> str:
        """There is none."""
        raise AuthError(
            "Atlassian does not accept access_token, or not any more: it lives for an hour; put a new one into the "
            "configuration, or oauth_client_id, oauth_client_secret and refresh_token, with which the tap renews it"
        )

    def settle(self) -> None:
        """There is nothing to wait for."""


class Rotating:
    """Access tokens by way of refresh tokens, of which each can be used once and brings the next.

    All threads of a run share one of these, all runs of a machine the file. Whoever needs a new token takes the lock,
    looks whether another run has got one meanwhile, and only then asks; a new refresh token is on the disk before the
    access token that came with it is used. So two runs never spend the same token. A kill between spending and keeping
    is what remains: the next run sends the old token again, and Atlassian takes it if ten minutes have not passed.
    """

    def __init__(self, config: Config, inner: Sends, retry: Retry, file: TokenFile, learn: Learn) -> None:
        self._config, self._inner, self._retry, self._file, self._learn = config, inner, retry, file, learn
        self._origin = str(config.refresh_token)
        self._lock = threading.Lock()
        self._grant: Grant | None = None

    def current(self) -> str:
        """The token in use, or a new one if that ends soon."""
        with self._lock:
            if self._grant is None or not self._is_fresh(self._grant):
                self._grant = self._newest(refused="")
            return self._grant.access_token

    def instead_of(self, refused: str) -> str:
        """What another thread or run has got meanwhile, or a new one."""
        with self._lock:
            if self._grant is None or self._grant.access_token == refused:
                self._grant = self._newest(refused)
            return self._grant.access_token

    @property
    def ends_at(self) -> float | None:
        """When the token in use ends: the moment of its renewal tells, which lies between."""
        if self._grant is None:
            return None
        until_renewal = self._grant.renew_at - self._grant.given_at
        return self._grant.given_at + min(until_renewal + EARLY_SECONDS, until_renewal * 2)

    def settle(self) -> None:
        """Wait a few seconds for a thread that has spent a token and may be about to save the next."""
        if self._lock.acquire(timeout=SETTLE_SECONDS):
            self._lock.release()

    def _is_fresh(self, grant: Grant) -> bool:
        return self._retry.clock.now() < grant.renew_at

    def _newest(self, refused: str) -> Grant:
        with self._file.locked():
            kept = self._file.read(self._origin)
            if kept is not None:
                self._learn(kept.refresh_token)
                self._learn(kept.access_token)
                if self._is_fresh(kept) and kept.access_token != refused:
                    return kept
            with self._file.replacement(self._origin) as save:
                grant = self._refreshed(kept.refresh_token if kept else self._origin)
                save(grant)
        LOGGER.info("the OAuth 2.0 access token was renewed")
        return grant

    def _refreshed(self, refresh_token: str) -> Grant:
        """Spend a refresh token.

        It may be sent again where the answer got lost: Atlassian takes it for ten more minutes, for just that case
        (https://community.developer.atlassian.com/t/the-old-access-token-will-be-revoked-during-the-refresh-token-exchange/83103).
        """
        body = {
            "grant_type": "refresh_token",
            "client_id": self._config.oauth_client_id,
            "client_secret": self._config.oauth_client_secret,
            "refresh_token": refresh_token,
        }
        headers = Headers({"Content-Type": "application/json"})
        address = token_endpoint(self._config.base_url)
        request = Request("POST", address, headers, orjson.dumps(body), signed=False)
        try:
            return self._retry.call(lambda: self._attempt(request, refresh_token))
        except FailedAnswerError as error:
            # Else it would be taken for a fault of what was to be asked with the token.
            raise UnavailableError(str(error)) from error

    def _attempt(self, request: Request, refresh_token: str) -> Grant:
        now = self._retry.clock.now()
        try:
            response = self._inner.send(request)
        except NetworkError as error:
            verdict.check_network(error, WHAT, urlsplit(request.url).netloc)
            raise
        if response.status in (400, 401, 403):
            raise AuthError(f"{WHAT} was answered {response.status}{verdict.quote(response)}; {_remedy(response)}")
        verdict.check(response, WHAT, now=now)
        try:
            answer = load(response.body)
        except ValueError as error:
            raise Again(f"{WHAT} was answered with {len(response.body)} bytes that are no whole JSON") from error
        if not isinstance(answer, dict) or not is_token(answer.get("access_token")):
            raise Again(f"{WHAT} was answered without an access token")
        # Without a new refresh token the old one stays good: rotation can be switched off for an app.
        next_one = answer.get("refresh_token")
        renewed = str(next_one) if is_token(next_one) else refresh_token
        life = answer.get("expires_in")
        life = float(life) if isinstance(life, (int, float)) and life > 0 else LIFE_SECONDS
        grant = Grant(renewed, answer["access_token"], now, now + max(life - EARLY_SECONDS, life / 2))
        self._learn(grant.refresh_token)
        self._learn(grant.access_token)
        return grant


def bearer(config: Config, inner: Sends, retry: Retry, environment: Mapping[str, str], learn: Learn) -> Bearer:
    """What sends requests as ``config`` says for OAuth 2.0; ``learn`` is told every token that comes up."""
    if config.way_in == "access_token":
        return Bearer(inner, Given(str(config.access_token)))
    path = Path(config.token_file) if config.token_file else default_path(str(config.oauth_client_id), environment)
    return Bearer(inner, Rotating(config, inner, retry, TokenFile(path), learn))


def _bearing(request: Request, token: str) -> Request:
    headers = Headers({**request.headers, "Authorization": f"Bearer {token}"})
    return replace(request, headers=headers, signed=False)


def _remedy(response: Response) -> str:
    # The refusal of a refresh token is a 403 with invalid_grant or unauthorized_client, of a wrong secret a 401.
    if any(word in response.body for word in (b"invalid_grant", b"unauthorized_client", b"refresh token")):
        return (
            "the refresh token is spent, unused for 90 days, or revoked: authorise again and put the new refresh_token "
            "into the configuration; if that comes again, see that token_file stays between runs, and that nothing "
            "else, such as a copy of it on another machine, uses the same authorisation"
        )
    return "check oauth_client_id and oauth_client_secret in Atlassian's developer console"
