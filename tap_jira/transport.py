"""Send one request over the network and return the answer; the only module that opens a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead, ReadTimeoutError

from tap_jira.errors import ConfigError
from tap_jira.gzipped import TooLargeError, unpack
from tap_jira.wire import Headers, NetworkError, Request, Response

LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of an answer, unpacked, above which it is not read further."""
PIECE = 256 * 1024
REDIRECTS = 5
CONNECT_SECONDS = 30
"""Who does not take a connection by then will not: a firewall drops it, or the address is another's."""
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL")
"""How the versions of OpenSSL call an answer that is not TLS at all."""


class Transport:
    """One HTTP session for the whole run: its connections, and its cookies, which keep a load balancer on one node."""

    def __init__(
        self,
        auth: AuthBase,
        *,
        user_agent: str,
        timeout: float,
        connections: int,
        ca_bundle: str | None = None,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        )
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._auth, self._timeout, self._largest = auth, timeout, largest_body
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
        # session.request and not session.send: it merges what the environment says of proxies and certificates. The
        # signature is made anew for each attempt and each hop: Jira refuses a nonce that it has seen.
        with self._session.request(
            request.method,
            url,
            data=request.body or None,
            headers=dict(request.headers),
            auth=self._auth if request.signed else _unsigned,
            timeout=(min(self._timeout, CONNECT_SECONDS), self._timeout),
            allow_redirects=False,
            stream=True,
            verify=self._ca_bundle,
        ) as response:
            headers = Headers(response.headers)
            if headers.get("Content-Encoding", "").lower() != "gzip":
                return Response(response.status_code, headers, self._body(response, decode=True))
            packed = self._body(response, decode=False)
            return Response(response.status_code, headers, self._unpacked(packed), packed)

    def _body(self, response: requests.Response, *, decode: bool) -> bytes:
        pieces, size = [], 0
        for piece in response.raw.stream(PIECE, decode_content=decode):
            pieces.append(piece)
            size += len(piece)
            if size > self._largest:
                raise self._too_large()
        return b"".join(pieces)

    def _unpacked(self, packed: bytes) -> bytes:
        try:
            return unpack(packed, self._largest)
        except TooLargeError:
            raise self._too_large() from None
        except ValueError as error:
            raise NetworkError("truncated") from error

    def _too_large(self) -> NetworkError:
        return NetworkError("too_large", f"{self._largest // 1024**2} MB")


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # And not None: requests would then look into ~/.netrc, and put what it finds there over our own header.
    return request


def _redirected(here: str, there: str, method: str) -> str:
    """The next address, if credentials may be sent there; a POST is not repeated elsewhere."""
    old, new = _origin(here), _origin(there)
    upgraded = (old[0], new[0]) == ("http", "https") and old[1] == new[1]
    if method != "GET" or not (old == new or upgraded):
        raise NetworkError("redirect", f"{new[0]}://{urlsplit(there).netloc}")
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
