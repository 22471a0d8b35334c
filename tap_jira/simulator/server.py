"""Serve a simulated site over real HTTP on the loopback address, on the standard library alone."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tap_jira.simulator.certificate import write_certificate
from tap_jira.simulator.control import Control
from tap_jira.simulator.faults import BrokenBody, Faults
from tap_jira.simulator.printed import gzipped
from tap_jira.simulator.site import BaseSite
from tap_jira.wire import Headers, NetworkError, Request, Response

_SMALLEST_GZIP = 1024
_HANG_SECONDS = 3600


class Server:
    """A site being served; a context manager that ends it."""

    def __init__(self, site: BaseSite | Faults, *, port: int, tls: bool, latency: float, gzip: bool) -> None:
        self.sender, self.latency, self.gzip = site, latency, gzip
        inner = site
        while isinstance(inner, Faults):
            inner = inner.site  # type: ignore[assignment]  # whatever stands behind faults is a site in the end
        self.site: BaseSite = inner
        self.control = Control(self.site)
        self.closing = threading.Event()
        self.certificate: Path | None = None
        self._folder = tempfile.TemporaryDirectory() if tls else None
        self._http = _Listener(self, port)
        if self._folder:
            self.certificate = write_certificate(Path(self._folder.name))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            # The handshake happens in the connection's own thread, at its first read.
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{self._http.server_address[1]}"
        self.url = self.origin + self.site.context
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and free the port."""
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def serve(
    site: BaseSite | Faults, *, port: int = 0, tls: bool = False, latency: float = 0.0, gzip: bool = True
) -> Server:
    """Start serving the site at 127.0.0.1 and return at once; ``latency`` is in seconds per request."""
    return Server(site, port=port, tls=tls, latency=latency, gzip=gzip)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, owner: Server, port: int) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break, which is part of the job, and everything of faults of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Jira"
    sys_version = ""
    # Without it, Nagle and delayed acknowledgements add 40 ms to an answer.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet; the counts are at /simulate/stats."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The world's clock, not the machine's."""
        return super().date_time_string(self.server.owner.site.world.now() if timestamp is None else timestamp)

    def do_GET(self) -> None:
        """Answer a request."""
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = self.headers.get("Host") or urlsplit(owner.origin).netloc
        url = f"{owner.origin.partition(':')[0]}://{host}{self.path}"
        request = Request(self.command, url, Headers(dict(self.headers.items())), body)
        if owner.latency:
            time.sleep(owner.latency)
        try:
            response = owner.control.answer(request) or owner.sender.send(request)
        except NetworkError as error:
            self._break(error)
        else:
            self._write(response)

    do_POST = do_GET

    def _write(self, response: Response, cut: bool = False) -> None:
        body, headers = response.body, dict(response.headers)
        asked = "gzip" in self.headers.get("Accept-Encoding", "")
        if self.server.owner.gzip and asked and len(body) >= _SMALLEST_GZIP:
            body = gzipped(response)
            headers |= {"content-encoding": "gzip", "vary": "User-Agent, Accept-Encoding"}
        elif "json" in response.headers.get("Content-Type", ""):
            # Jira sends none; at a terminal the next prompt would stand behind the answer.
            body += b"\n"
        self.send_response(response.status)
        for name, value in headers.items():
            if name != "date":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.server.owner.control.sent(self.path, len(body))
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.wfile.flush()

    def _break(self, error: NetworkError) -> None:
        self.close_connection = True
        if isinstance(error, BrokenBody):
            self._write(error.response, cut=True)
        elif error.kind == "timeout":
            self.server.owner.closing.wait(_HANG_SECONDS)
        else:
            # A linger of zero turns the close into a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
