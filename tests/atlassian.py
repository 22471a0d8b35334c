"""A small Atlassian: a site's own address, the gateway and the issuer of tokens, around a simulated Jira."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tap_jira.client import Sends
from tap_jira.wire import Headers, Request, Response
from tests.conftest import TOKEN
from tests.fakes import BASE

API, ISSUER = "https://api.atlassian.com", "https://auth.atlassian.com"
CLOUD_ID = "11223344-a1b2-3c4d-5e6f-aabbccddeeff"
GATEWAY = f"{API}/ex/jira/{CLOUD_ID}"
FIRST = "the-first-refresh-token"
SECRET = "the-client-secret"
LIFE, LEEWAY = 3600, 600

OAUTH2 = {
    "base_url": BASE,
    "cloud_id": CLOUD_ID,
    "oauth_client_id": "the-client",
    "oauth_client_secret": SECRET,
    "refresh_token": FIRST,
}


@dataclass
class Issued:
    """A refresh token, the access token that came with it, and when a successor was asked for."""

    access: str
    dies_at: float
    spent_at: float | None = None


class Atlassian:
    """Routes what the tap sends; ``jira`` knows the account by the token of the shared fixtures.

    With ``origin`` all stands at that one address, as the tap expects of a Jira on its own machine.
    """

    def __init__(self, jira: Sends, now: Callable[[], float], origin: str = "") -> None:
        self.jira, self._now, self._scoped = jira, now, ("me@example.com", "scoped")
        self._base, self._api, self._issuer = origin or BASE, origin or API, origin or ISSUER
        self._gateway = f"{self._api}/ex/jira/{CLOUD_ID}"
        self.issued = {FIRST: Issued("the-first-access-token", 0.0)}
        self.sites = [{"id": "another", "url": "https://another.example.com"}, {"id": CLOUD_ID, "url": self._base}]
        self.is_cloud = True
        self.lost_answers = 0
        self.asked: list[Request] = []

    @property
    def refreshes(self) -> int:
        """How many new tokens were asked for."""
        return sum(request.url == f"{self._issuer}/oauth/token" for request in self.asked)

    @property
    def access_tokens(self) -> list[str]:
        return [issued.access for issued in self.issued.values()]

    def count(self, url: str) -> int:
        """How many requests went to this address, whatever their query."""
        return sum(request.url.partition("?")[0] == url for request in self.asked)

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        address = request.url.partition("?")[0]
        if address == f"{self._issuer}/oauth/token":
            return self._refresh(request)
        if address == f"{self._api}/oauth/token/accessible-resources":
            return Response.of_json(self.sites) if self._is_bearer(request) else _unauthorized()
        if address.startswith(self._gateway):
            if not (self._is_bearer(request) or self._is_scoped(request)):
                return _unauthorized()
            return self._to_jira(request, self._base + request.url.removeprefix(self._gateway))
        if address.startswith(f"{self._api}/ex/jira/"):
            return Response.of_json({"timestamp": "", "status": 404, "error": "Not Found"}, 404)
        if address == f"{self._base}/_edge/tenant_info" and self.is_cloud:
            assert "Authorization" not in request.headers
            return Response.of_json({"cloudId": CLOUD_ID})
        return self.jira.send(request)

    def revoke(self) -> None:
        """Let every access token end now."""
        for issued in self.issued.values():
            issued.dies_at = 0.0

    def close(self) -> None:
        """Take no credentials any more."""
        self.revoke()
        self.issued.clear()
        self._scoped = ("nobody", "")

    def _refresh(self, request: Request) -> Response:
        assert "Authorization" not in request.headers
        asked: dict[str, Any] = json.loads(request.body)
        if (asked["client_id"], asked["client_secret"]) != (OAUTH2["oauth_client_id"], SECRET):
            return Response.of_json({"error": "access_denied", "error_description": "Unauthorized"}, 401)
        now = self._now()
        issued = self.issued.get(asked["refresh_token"])
        if issued is None or (issued.spent_at is not None and now - issued.spent_at > LEEWAY):
            said = "Unknown or invalid refresh token."
            return Response.of_json({"error": "unauthorized_client", "error_description": said}, 403)
        issued.spent_at = now if issued.spent_at is None else issued.spent_at
        number = len(self.issued)
        self.issued[f"refresh-token-{number}"] = Issued(f"access-token-{number}", now + LIFE)
        if self.lost_answers:
            self.lost_answers -= 1
            return Response(502, Headers(), b"")
        return Response.of_json(
            {
                "access_token": f"access-token-{number}",
                "refresh_token": f"refresh-token-{number}",
                "expires_in": LIFE,
                "scope": "read:jira-work read:jira-user manage:jira-configuration offline_access",
            }
        )

    def _is_bearer(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and any(
            issued.access == token and issued.dies_at > self._now() for issued in self.issued.values()
        )

    def _is_scoped(self, request: Request) -> bool:
        expected = base64.b64encode(":".join(self._scoped).encode()).decode()
        return bool(request.headers.get("Authorization") == f"Basic {expected}")

    def _to_jira(self, request: Request, url: str) -> Response:
        headers = Headers({**request.headers, "Authorization": f"Bearer {TOKEN}"})
        return self.jira.send(replace(request, url=url, headers=headers))


def _unauthorized() -> Response:
    return Response.of_json({"code": 401, "message": "Unauthorized"}, 401)
