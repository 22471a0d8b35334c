"""Verify OAuth 1.0a requests for real, and name the problem as Jira does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from oauthlib.common import Request as SignedRequest
from oauthlib.oauth1 import RequestValidator
from oauthlib.oauth1.rfc5849.endpoints.base import BaseEndpoint
from oauthlib.oauth1.rfc5849.errors import OAuth1Error

from tap_jira.simulator.answers import rest_refusal
from tap_jira.wire import Request, Response

WINDOW_SECONDS = 300

# 400 for the protocol's faults, 401 for everybody else's (OAuth problem reporting).
_BAD_REQUEST = frozenset({"signature_method_rejected", "parameter_absent", "parameter_rejected", "version_rejected"})


@dataclass(frozen=True)
class AccessToken:
    """A token of the OAuth dance: whose it is, the second it ends at, and what is wrong with it otherwise, such as
    ``token_revoked``."""

    username: str
    secret: str
    problem: str | None = None
    ends: float = math.inf


@dataclass(frozen=True)
class Consumer:
    """An application link: the public key that was pasted, and the tokens that users granted."""

    key: str
    public_key: str
    tokens: Mapping[str, AccessToken] = field(default_factory=dict)
    name: str = ""
    callback: str = ""
    """Where to send a browser back to if a request for a token does not say."""


class _Keys(RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """Gives oauthlib the public keys; the checks that it would make by the real clock and by length are ours."""

    def __init__(self, consumers: Mapping[str, Consumer]) -> None:
        super().__init__()
        self._consumers = consumers

    def get_rsa_key(self, client_key: str, request: object) -> str:
        return self._consumers[client_key].public_key


@dataclass(frozen=True)
class Problem:
    """Why a signed request is refused: an ``oauth_problem``, and the times that would do if it is the clock."""

    name: str
    acceptable: str | None = None


class Verifier(BaseEndpoint):  # type: ignore[misc]  # oauthlib has no types
    """Says whose a signed request is, or what is wrong with it; remembers nonces for as long as they matter.

    ``consumers`` may be added to while it is at work.
    """

    def __init__(self, consumers: dict[str, Consumer], *, now: Callable[[], float]) -> None:
        super().__init__(_Keys(consumers))
        self.consumers, self._now = consumers, now
        self._nonces: dict[tuple[str, str], int] = {}

    def verify(self, request: Request) -> AccessToken | Problem:
        """The token that signed the request, or the first problem found, in the order in which Jira looks."""
        signed = self.read(request, "resource_owner_key")
        if isinstance(signed, Problem):
            return signed
        token = self.consumers[signed.client_key].tokens.get(signed.resource_owner_key)
        if token is None:
            return Problem("token_rejected")
        problem = self.check(signed)
        if problem:
            return problem
        fault = token.problem or ("token_expired" if self._now() >= token.ends else None)
        return Problem(fault) if fault else token

    def read(self, request: Request, *needed: str) -> SignedRequest | Problem:
        """The parameters of a signed request of an application link that is known, with these among them."""
        headers = {name.title(): value for name, value in request.headers.items()}
        try:
            signed = self._create_request(request.url, request.method, request.body, headers)
        except OAuth1Error:
            return Problem("parameter_absent")
        return self._protocol_problem(signed, needed) or signed

    def check(self, signed: SignedRequest) -> Problem | None:
        """What is wrong with the time, the nonce or the signature."""
        problem = self._time_problem(signed)
        if problem is None and not self._check_signature(signed):
            return Problem("signature_invalid")
        return problem

    def grant(self, consumer_key: str, key: str, token: AccessToken) -> None:
        """Let this link come with one more token."""
        consumer = self.consumers[consumer_key]
        self.consumers[consumer_key] = replace(consumer, tokens={**consumer.tokens, key: token})

    def _protocol_problem(self, signed: SignedRequest, needed: tuple[str, ...]) -> Problem | None:
        if signed.oauth_params.get("oauth_version", "1.0") != "1.0":
            return Problem("version_rejected")
        always = ("signature", "client_key", "nonce", "timestamp")
        if not all(getattr(signed, name) for name in (*always, *needed)) or not signed.timestamp.isdigit():
            return Problem("parameter_absent")
        if signed.client_key not in self.consumers:
            return Problem("consumer_key_unknown")
        # RSA-SHA1 only: pycontribs/jira#1643, #1664, #1677.
        return None if signed.signature_method == "RSA-SHA1" else Problem("signature_method_rejected")

    def _time_problem(self, signed: SignedRequest) -> Problem | None:
        now, sent = int(self._now()), int(signed.timestamp)
        if abs(now - sent) > WINDOW_SECONDS:
            return Problem("timestamp_refused", f"{now - WINDOW_SECONDS}-{now + WINDOW_SECONDS}")
        if (signed.timestamp, signed.nonce) in self._nonces:
            return Problem("nonce_used")
        self._nonces[signed.timestamp, signed.nonce] = sent
        if len(self._nonces) > 10_000:
            self._nonces = {pair: at for pair, at in self._nonces.items() if abs(now - at) <= WINDOW_SECONDS}
        return None


def challenge(problem: Problem, base_url: str) -> tuple[int, dict[str, str]]:
    """The status and the header that tell of a problem."""
    told = f'OAuth realm="{quote(base_url, safe="")}", oauth_problem="{problem.name}"'
    if problem.acceptable:
        told += f', oauth_acceptable_timestamps="{problem.acceptable}"'
    return 400 if problem.name in _BAD_REQUEST else 401, {"WWW-Authenticate": told}


def oauth_refusal(problem: Problem, base_url: str) -> Response:
    """The answer to a signed request that is not accepted."""
    status, headers = challenge(problem, base_url)
    return rest_refusal(status, f"OAuth problem: {problem.name}", headers)
