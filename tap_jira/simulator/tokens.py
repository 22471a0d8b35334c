"""The token endpoint of auth.atlassian.com: OAuth 2.0 (3LO) with refresh tokens that change at each use."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from tap_jira.wire import Request, Response

SCOPES = "read:jira-work read:jira-user manage:jira-configuration offline_access"
_LIFETIME = 3600
_UNUSED = 90 * 86_400


@dataclass(frozen=True)
class App:
    """An OAuth 2.0 app, with what users have granted it: refresh tokens and authorization codes by e-mail address."""

    client_id: str
    client_secret: str
    redirect_uri: str = "https://localhost/callback"
    refresh_tokens: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    scope: str = SCOPES


@dataclass(frozen=True)
class Grant:
    """Whose data a token opens, and how much of it."""

    email: str
    scope: str
    ends: float = math.inf
    client_id: str = ""

    def covers(self, scope: str | None) -> bool:
        """Whether this scope is among the granted ones."""
        return scope is None or scope in self.scope.split()


class Issuer:
    """Gives out access tokens; a refresh token dies ``leeway`` seconds after its first use, or unused for 90 days.

    If it ``revokes``, a refresh ends the access tokens given before, as was seen at Atlassian
    (https://community.developer.atlassian.com/t/the-old-access-token-will-be-revoked-during-the-refresh-token-exchange/83103).
    """

    def __init__(
        self, apps: tuple[App, ...], *, now: Callable[[], float], leeway: float = 600.0, revokes: bool = False
    ) -> None:
        self._apps, self._now, self._leeway = {app.client_id: app for app in apps}, now, leeway
        self._revokes = revokes
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._codes: dict[str, Grant] = {}
        for app in apps:
            for token, email in app.refresh_tokens.items():
                self._refresh[token] = Grant(email, app.scope, now() + _UNUSED, app.client_id)
            for code, email in app.codes.items():
                self._codes[code] = Grant(email, app.scope, math.inf, app.client_id)

    def holder(self, access_token: str) -> Grant | None:
        """What a living access token opens."""
        grant = self._access.get(access_token)
        return grant if grant is not None and self._now() < grant.ends else None

    def answer(self, request: Request) -> Response:
        """The answer of ``POST /oauth/token``."""
        if request.method != "POST":
            return _refused(405, "invalid_request", "Method Not Allowed")
        try:
            asked = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            asked = None
        if not isinstance(asked, dict):
            return _refused(400, "invalid_request", "The body is not valid JSON.")
        app = self._apps.get(str(asked.get("client_id")))
        if app is None or asked.get("client_secret") != app.client_secret:
            return _refused(401, "access_denied", "Unauthorized")
        if asked.get("grant_type") == "refresh_token":
            return self._refreshed(app, str(asked.get("refresh_token")))
        if asked.get("grant_type") == "authorization_code":
            return self._exchanged(app, str(asked.get("code")), asked.get("redirect_uri"))
        return _refused(400, "unsupported_grant_type", "Unsupported grant type")

    def _refreshed(self, app: App, token: str) -> Response:
        grant, now = self._refresh.get(token), self._now()
        if grant is None or grant.client_id != app.client_id or now >= grant.ends:
            return _refused(403, "unauthorized_client", "refresh_token is invalid")
        if self._revokes:
            ours = (grant.email, grant.client_id)
            self._access = {key: it for key, it in self._access.items() if (it.email, it.client_id) != ours}
        # Used again within the leeway it keeps the end that its first use gave it.
        self._refresh[token] = replace(grant, ends=min(grant.ends, now + self._leeway))
        return self._issued(grant)

    def _exchanged(self, app: App, code: str, redirect_uri: object) -> Response:
        grant = self._codes.get(code)
        if grant is None or grant.client_id != app.client_id or redirect_uri != app.redirect_uri:
            return _refused(403, "invalid_grant", "Invalid authorization code")
        # A code is good for one exchange.
        del self._codes[code]
        return self._issued(grant)

    def _issued(self, grant: Grant) -> Response:
        access, now = secrets.token_urlsafe(300), self._now()
        self._access[access] = Grant(grant.email, grant.scope, now + _LIFETIME, grant.client_id)
        answer: dict[str, object] = {"access_token": access, "expires_in": _LIFETIME, "token_type": "Bearer"}
        if grant.covers("offline_access"):
            refresh = secrets.token_urlsafe(200)
            self._refresh[refresh] = Grant(grant.email, grant.scope, now + _UNUSED, grant.client_id)
            answer["refresh_token"] = refresh
        return Response.of_json({**answer, "scope": grant.scope})


def _refused(status: int, error: str, description: str) -> Response:
    return Response.of_json({"error": error, "error_description": description}, status)
