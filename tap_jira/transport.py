"""Send one request over the network and return the answer; the only module that opens a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPResponse
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from tap_jira.config import is_loopback
from tap_jira.errors import ConfigError
from tap_jira.gzipped import TooLargeError, unpack
from tap_jira.wire import Headers, NetworkError, Request, Response

LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of an answer, unpacked, above which it is not read further: a hundred times what a page should weigh, and room
for an issue with all that people have pasted into its comments."""
PIECE = 256 * 1024
AROUND = 1024 * 1024
"""Bytes that an answer may have on the wire beyond those of its body: headers, and the lines between chunks."""
LONGEST_ANSWER_SECONDS = 1800
"""How long an answer may take to come once it has begun: half an hour, in which 256 MB come at 150 KB a second. The
timeout alone bounds nothing, as it begins anew with each byte."""
REDIRECTS = 5
CONNECT_SECONDS = 30
"""Who does not take a connection by then will not: a firewall drops it, or the address is another's."""
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL")
"""How the versions of OpenSSL call an answer that is not TLS at all."""
MOST_COOKIES = 50
"""A load balancer sets one or two."""
NO_PROXY = {"http": "", "https": ""}


class Transport:
    """One HTTP session for the whole run: its connections, and its cookies, which keep a load balancer on one node."""

    def __init__(
        self,
        auth: AuthBase,
        *,
        user_agent: str,
        timeout: float,
        connections: int,
        monotonic: Callable[[], float],
        ca_bundle: str | None = None,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        """``monotonic``: seconds that only grow, by which answers are told that take too long."""
        self._session = requests.Session()
        # What the environment says of proxies and certificates is asked for once: that takes a quarter of a request.
        self._session.trust_env = False
        self._surroundings: dict[Any, dict[str, Any]] = {}
        self._session.headers.update(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        )
        bounds = _Bounds(largest_body, timeout + LONGEST_ANSWER_SECONDS, monotonic)
        adapter = _Adapter(bounds, pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._auth, self._timeout, self._bounds = auth, timeout, bounds
        self._ca_bundle = str(Path(ca_bundle).expanduser()) if ca_bundle else None
        if self._ca_bundle and not Path(self._ca_bundle).exists():
            raise ConfigError("ca_bundle names a file that does not exist")

    def send(self, request: Request) -> Response:
        """The answer, whatever its status, after redirects within the site; NetworkError if none came."""
        url = request.url
        for _ in range(REDIRECTS):
            with _network_errors():
                response = self._send_once(request, url)
                target = response.headers.get("Location")
                if response.status not in (301, 302, 303, 307, 308) or not target:
                    return response
                url = _redirected(url, urljoin(url, target), request.method)
        raise NetworkError("redirect", "itself, in a circle")

    def _send_once(self, request: Request, url: str) -> Response:
        # The signature is made anew for each attempt and each hop: Jira refuses a nonce that it has seen.
        with self._session.request(
            request.method,
            url,
            data=request.body or None,
            headers=dict(request.headers),
            auth=self._auth if request.signed else _unsigned,
            timeout=(min(self._timeout, CONNECT_SECONDS), self._timeout),
            allow_redirects=False,
            stream=True,
            **self._around(url),
        ) as response:
            if len(self._session.cookies) > MOST_COOKIES:
                self._session.cookies.clear()
            headers = Headers(response.headers)
            if headers.get("Content-Encoding", "").lower() != "gzip":
                return Response(response.status_code, headers, self._body(response, decode=True))
            packed = self._body(response, decode=False)
            return Response(response.status_code, headers, self._unpacked(packed), packed)

    def _around(self, url: str) -> dict[str, Any]:
        """The proxy and the certificates for an address: as configured, and else as the environment says."""
        origin = _origin(url)
        if origin not in self._surroundings:
            # A proxy is another machine, and http to this one carries the credentials as they are.
            proxies = dict(NO_PROXY) if is_loopback(urlsplit(url).hostname or "") else {}
            with requests.Session() as asked:
                found = asked.merge_environment_settings(url, proxies, None, self._ca_bundle, None)
            self._surroundings[origin] = {name: found[name] for name in ("proxies", "verify")}
        return self._surroundings[origin]

    def _body(self, response: requests.Response, *, decode: bool) -> bytes:
        body = BytesIO()
        for piece in response.raw.stream(PIECE, decode_content=decode):
            body.write(piece)
            if body.tell() > self._bounds.largest:
                raise self._bounds.too_large()
        return body.getvalue()

    def _unpacked(self, packed: bytes) -> bytes | bytearray:
        try:
            return unpack(packed, self._bounds.largest)
        except TooLargeError:
            raise self._bounds.too_large() from None
        except ValueError as error:
            raise NetworkError("truncated") from error


@dataclass(frozen=True)
class _Bounds:
    """What an answer may weigh (bytes, unpacked) and how long it may take (seconds, by ``monotonic``)."""

    largest: int
    seconds: float
    monotonic: Callable[[], float]

    def too_large(self) -> NetworkError:
        """The answer is too large."""
        return NetworkError("too_large", f"{self.largest // 1024**2} MB")


class _Adapter(HTTPAdapter):
    """The way of requests to urllib3, with connections of which each answer keeps within bounds."""

    def __init__(self, bounds: _Bounds, **options: Any) -> None:
        self._bounds = bounds
        super().__init__(**options)

    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        super().init_poolmanager(*given, **options)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        return self._bound(manager) if is_new else manager

    def _bound(self, manager: Any) -> Any:
        kinds = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: _pool_within(self._bounds, kind) for scheme, kind in kinds}
        return manager


def _pool_within(bounds: _Bounds, kind: type[Any]) -> type[Any]:
    class Answer(HTTPResponse):
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            # Here, where headers, lines between chunks and body come through: what reads them bounds none of it.
            self.fp = BufferedReader(_Within(bounds, self.fp.detach()))

    class Connection(kind.ConnectionCls):  # type: ignore[misc, name-defined]
        response_class = Answer

        def connect(self) -> None:
            # A proxy that speaks TLS has a certificate of its own, for which urllib3 needs the name of the bundle.
            bundle: str | None = getattr(self, "ca_certs", None)
            if bundle and not (self.proxy and self.proxy.scheme == "https"):
                self.ssl_context, self.ca_certs = _trusting(bundle), None
            super().connect()

    class Pool(kind):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


@lru_cache(maxsize=8)
def _trusting(bundle: str) -> Any:
    """What connections need to know the certificates of a bundle; to read it for each of them takes 30 ms each time."""
    context = create_urllib3_context()
    context.load_verify_locations(bundle)
    return context


class _Within(RawIOBase):
    """What comes over a connection for one answer; NetworkError once that is too much, or comes too late."""

    def __init__(self, bounds: _Bounds, raw: RawIOBase) -> None:
        super().__init__()
        self._bounds, self._raw = bounds, raw
        self._left = bounds.largest + AROUND
        self._until = bounds.monotonic() + bounds.seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise self._bounds.too_large()
        if self._bounds.monotonic() > self._until:
            raise NetworkError("timeout", f"the answer was not whole after {self._bounds.seconds:.0f} s")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # And not None: requests would then look for credentials in the address.
    return request


def _redirected(here: str, there: str, method: str) -> str:
    """The next address, if credentials may be sent there; a POST is not repeated elsewhere."""
    old, new = _origin(here), _origin(there)
    upgraded = (old[0], new[0]) == ("http", "https") and old[1] == new[1]
    if method != "GET" or not (old == new or upgraded):
        raise NetworkError("redirect", f"{new[0]}://{urlsplit(there).netloc}"[:160])
    return there


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


@contextmanager
def _network_errors() -> Iterator[None]:
    """Turn what requests and urllib3 raise into our own few kinds."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        detail = _short(error)
        is_tls = not any(name in detail.upper().replace(" ", "_") for name in NO_TLS)
        raise NetworkError("tls" if is_tls else "no_tls", detail) from error
    except requests.exceptions.ProxyError as error:
        raise NetworkError("proxy", _short(error)) from error
    except requests.exceptions.ConnectTimeout as error:
        raise NetworkError("connect", "nobody takes the connection") from error
    except (requests.exceptions.Timeout, ReadTimeoutError) as error:
        raise NetworkError("timeout") from error
    except (IncompleteRead, DecodeError) as error:
        raise NetworkError("truncated") from error
    except requests.exceptions.ConnectionError as error:
        kind = "reset" if "aborted" in str(error) or "reset" in str(error) else "connect"
        raise NetworkError(kind, _short(error)) from error
    except HTTPError as error:
        # urllib3 tells a body cut short by a closed connection in the text alone.
        raise NetworkError("truncated" if "IncompleteRead" in str(error) else "reset") from error
    except (requests.exceptions.RequestException, ValueError) as error:
        # A ValueError comes of an address that is none: requests looks at where a redirect leads.
        raise NetworkError("request", _short(error)) from error
    except OSError as error:
        # So requests tells of a bundle of certificates, named by the environment, that is not there.
        raise NetworkError("tls", str(error)) from error


def _short(error: BaseException) -> str:
    """The innermost reason, without the address and the words that requests and urllib3 wrap around it."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (a for a in reversed(error.args) if isinstance(a, Exception)), None
        )
        if not isinstance(inner, BaseException) or inner is error:
            break
        error = inner
    text = " ".join(str(part) for part in error.args if isinstance(part, str)) or str(error)
    return text.rsplit("): ", 1)[-1].rsplit(">: ", 1)[-1][:160]
