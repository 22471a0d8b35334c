"""Fetch decoded JSON from Jira: the address, the attempt, its verdict and its repeats, around one transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import orjson

from tap_jira import verdict
from tap_jira.errors import FailedAnswerError
from tap_jira.jsontext import load
from tap_jira.retry import Again, Retry
from tap_jira.wire import Headers, NetworkError, Request, Response

LONGEST_QUERY = 2000
"""Characters of a query above which a search is sent as POST: Tomcat takes 8 KB for the address and all headers."""

Pairs = Sequence[tuple[str, Any]]
Params = Mapping[str, Any] | Pairs | None
"""A parameter that is given several times needs pairs."""
Check = Callable[[Any], bool] | None
"""Whether a decoded answer has the shape asked for; one that has not is asked for again, never taken for empty."""
Load = Callable[[bytes | bytearray], Any]
"""What decodes a body; ValueError if it is no JSON."""


class Sends(Protocol):
    """Anything that answers a request: the network, or a simulated Jira."""

    def send(self, request: Request) -> Response:
        """The answer; NetworkError if there is none."""


@dataclass
class Client:
    """Asks one Jira site for JSON, patiently and at its pace; safe to use from several threads."""

    transport: Sends
    retry: Retry
    base_url: str
    keys: str = verdict.UNNAMED.keys
    """The keys of the configuration that requests log in with, as errors name them."""

    @property
    def requests(self) -> int:
        """How many requests were sent, repeats included."""
        return self.retry.gate.passed

    def hasty(self) -> Client:
        """The same client for requests that may well fail: two tries instead of many."""
        return replace(self, retry=replace(self.retry, tries=2))

    def get(self, path: str, params: Params = None, is_whole: Check = None) -> Any:
        """The decoded answer to a GET of ``path`` below ``/rest/api/2/``; a TapError if there is none to be had."""
        return self.answer(path, params, is_whole)[0]

    def answer(
        self, path: str, params: Params = None, is_whole: Check = None, signed: bool = True
    ) -> tuple[Any, Response]:
        """The decoded answer together with the answer as it came, for its headers and its size."""
        query = f"?{_query(params)}" if params else ""
        return self._ask(Request("GET", f"{self._address(path)}{query}", signed=signed), path, is_whole)

    def post(self, path: str, body: Mapping[str, Any], is_whole: Check = None) -> Any:
        """The decoded answer to a POST that only reads: it is sent again like a GET."""
        return self._ask(_post(self._address(path), body), path, is_whole)[0]

    def fetch(self, request: Request, what: str, is_whole: Check = None) -> Any:
        """The decoded answer to a request that is not one of Jira's own interface; ``what`` names it in errors."""
        return self.retry.call(lambda: self._attempt(request, what, is_whole, load))[0]

    def search(
        self, path: str, params: Mapping[str, Any], is_whole: Check = None, load: Load = load
    ) -> tuple[Any, Response]:
        """The answer to an issue search, sent as GET or, where the address would be too long, as POST."""
        query = _query(params)
        if len(query) <= LONGEST_QUERY:
            return self._ask(Request("GET", f"{self._address(path)}?{query}"), path, is_whole, load)
        return self._ask(_post(self._address(path), params), path, is_whole, load)

    def _address(self, path: str) -> str:
        return f"{self.base_url}/rest/api/2/{path}"

    def _ask(self, request: Request, path: str, is_whole: Check, load: Load = load) -> tuple[Any, Response]:
        what = f"{request.method} /rest/api/2/{path}"
        return self.retry.call(lambda: self._attempt(request, what, is_whole, load))

    def _attempt(self, request: Request, what: str, is_whole: Check, load: Load) -> tuple[Any, Response]:
        response = self._send(request, what)
        self.retry.gate.met = True
        login = verdict.Login(self.keys, urlsplit(request.url).netloc) if request.signed else None
        verdict.check(response, what, now=self.retry.clock.now(), login=login)
        value = _decode(response, what, load)
        if is_whole is not None and not is_whole(value):
            raise Again(f"{what} was answered without what was asked for")
        self.retry.gate.saw(response)
        return value, response

    def _send(self, request: Request, what: str) -> Response:
        clock, gate = self.retry.clock, self.retry.gate
        begun = clock.monotonic()
        try:
            response = self.transport.send(request)
        except NetworkError as error:
            gate.took(None, clock.monotonic() - begun)
            verdict.check_network(error, what, urlsplit(request.url).netloc)
            raise
        gate.took(response.status, clock.monotonic() - begun)
        return response


def _post(address: str, body: Mapping[str, Any]) -> Request:
    # X-Atlassian-Token: some set-ups answer a POST without it with "XSRF check failed".
    headers = Headers({"Content-Type": "application/json", "X-Atlassian-Token": "no-check"})
    return Request("POST", address, headers, orjson.dumps(dict(body)))


def _decode(response: Response, what: str, load: Load) -> Any:
    try:
        return load(response.body)
    except ValueError as error:
        # Cut off, or the words of a proxy or of a dying server; if it stays so, something in it that cannot be read.
        raise Again(
            f"{what} was answered with {len(response.body)} bytes that are no whole JSON", error=FailedAnswerError
        ) from error


def _query(params: Mapping[str, Any] | Pairs) -> str:
    pairs = params.items() if isinstance(params, Mapping) else params
    return urlencode([(name, _text(value)) for name, value in pairs])


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)
