"""Break on request: throttling, bad gateways, cut connections and odd pages, from a script or by a seeded chance."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

import orjson

from tap_jira.simulator.answers import html, refusal, rest_refusal
from tap_jira.wire import Headers, NetworkError, Request, Response

KINDS = ("429", "500", "502", "503", "504", "reset", "timeout", "truncated", "bad-json", "sso", "empty")

_SSO = (
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action='https://sso.example.com/saml'>"
    "<input name='SAMLRequest'></form></body></html>"
)


class Sender(Protocol):
    """Whatever turns a request into a response."""

    def send(self, request: Request, /) -> Response:
        """The response."""
        ...


class BrokenBody(NetworkError):
    """A body that was cut in the middle; ``response`` is what it would have been."""

    def __init__(self, response: Response) -> None:
        super().__init__("truncated", "the connection ended in the middle of the body")
        self.response = response


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: a kind of ``KINDS`` or ``ok``, the ``Retry-After`` of a 429 or 503 (text, may be
    absent), and the part of the URL that it waits for."""

    kind: str
    retry_after: str | None = None
    url: str = ""

    @classmethod
    def of(cls, text: str) -> Fault:
        """The fault that a short text means: ``reset``, ``429``, ``429:7``, ``503:Wed, 21 Oct 2015 07:28:00 GMT``."""
        kind, colon, retry_after = text.partition(":")
        if kind != "ok" and kind not in KINDS:
            raise ValueError(f"no such fault: {text}")
        return cls(kind, retry_after if colon else None)


class Bucket:
    """Data Center's token bucket: ``limit`` tokens, ``fill`` more each ``interval`` seconds of the world's clock."""

    def __init__(
        self, *, limit: int = 70, fill: int = 5, interval: float = 1.0, now: Callable[[], float], zero: bool = True
    ) -> None:
        self.limit, self.fill, self.interval, self.now, self.zero = limit, fill, interval, now, zero
        self._tokens, self._since = float(limit), now()

    def take(self) -> tuple[bool, dict[str, str]]:
        """Whether the request may pass, and the headers that say how things stand."""
        now = self.now()
        # Tokens come in portions; what is left of an interval counts towards the next.
        portions = int(max(0.0, now - self._since) // self.interval)
        self._tokens = min(self.limit, self._tokens + portions * self.fill)
        self._since += portions * self.interval
        passed = self._tokens >= 1
        if passed:
            self._tokens -= 1
        # A real site sent Retry-After: 0 with every answer, 429 or not; the manual promises the seconds.
        wait = 0 if passed or self.zero else max(1, round(self._since + self.interval - now))
        return passed, self._headers(wait)

    def _headers(self, wait: int) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(int(self._tokens)),
            "X-RateLimit-FillRate": str(self.fill),
            "X-RateLimit-Interval-Seconds": f"{self.interval:g}",
            "Retry-After": str(wait),
        }


class Faults:
    """A sender in front of a site that lets things go wrong.

    ``script`` is used up first, one item for each request (an item that waits for a URL lets others pass); after that
    each request fails with probability ``share``, in one of the ``kinds``. A page or issue that prints one of the
    ``poison`` ids with one of the ``poison_fields`` (empty: any) is a 500 as long as that lasts.
    """

    def __init__(
        self,
        site: Sender,
        script: Iterable[Fault | str] = (),
        *,
        share: float = 0.0,
        kinds: Sequence[str] = KINDS,
        seed: int = 1,
        bucket: Bucket | None = None,
        poison: Iterable[int] = (),
        poison_fields: Iterable[str] = ("description",),
    ) -> None:
        self.site, self.bucket = site, bucket
        self.script = [Fault.of(item) if isinstance(item, str) else item for item in script]
        self.poison, self.poison_fields = {str(issue_id) for issue_id in poison}, frozenset(poison_fields)
        self._share, self._kinds, self._random = share, kinds, Random(seed)
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        """The site's answer, or what the fault makes of it."""
        with self._lock:
            fault = self._next(request)
            passed, headers = self.bucket.take() if self.bucket else (True, {})
        if not passed:
            return refusal(429, "Rate limit exceeded.", headers=headers)
        response = self._break(fault, request) if fault else self._poisoned(self.site.send(request))
        return replace(response, headers=Headers({**response.headers, **headers}))

    answer = send

    def _next(self, request: Request) -> Fault | None:
        if self.script:
            if self.script[0].url not in request.url:
                return None
            fault = self.script.pop(0)
            return None if fault.kind == "ok" else fault
        if self._share and self._random.random() < self._share:
            return Fault(self._random.choice(self._kinds), self._random.choice((None, "0", "1")))
        return None

    def _break(self, fault: Fault, request: Request) -> Response:
        if fault.kind.isdigit():
            return _bad_status(fault)
        if fault.kind == "reset":
            raise NetworkError("reset", "simulated")
        if fault.kind == "sso":
            return html(200, _SSO)
        # From here on Jira has done its part, a nonce is used up for one, and the answer comes to harm on its way.
        response = self.site.send(request)
        if fault.kind == "timeout":
            raise NetworkError("timeout", "simulated")
        if fault.kind == "truncated":
            raise BrokenBody(response)
        body = b"" if fault.kind == "empty" else response.body[: len(response.body) // 2]
        return Response(response.status, response.headers, body)

    def _poisoned(self, response: Response) -> Response:
        if not self.poison or response.status != 200 or b'"id"' not in response.body:
            return response
        found = orjson.loads(response.body)
        issues = found.get("issues", [found]) if isinstance(found, dict) else []
        if any(self._is_poison(issue) for issue in issues):
            return refusal(500, "Internal server error")
        return response

    def _is_poison(self, issue: object) -> bool:
        if not isinstance(issue, dict) or issue.get("id") not in self.poison or "fields" not in issue:
            return False
        return not self.poison_fields or not self.poison_fields.isdisjoint(issue["fields"])


def _bad_status(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    status = int(fault.kind)
    if status == 429:
        limits = {"X-RateLimit-Limit": "70", "X-RateLimit-Remaining": "0", "X-RateLimit-FillRate": "5"}
        return rest_refusal(429, "Rate limit exceeded.", {**limits, "X-RateLimit-Interval-Seconds": "1", **headers})
    if status == 500:
        return refusal(500, "Internal server error", headers=headers)
    # What stands in front of Jira answers in HTML.
    return html(status, f"<html><body><h1>{status}</h1><hr>nginx</body></html>", headers)
