"""Wait on the loopback address for the browser that comes back from Jira with the outcome of an approval."""

from __future__ import annotations

import hmac
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tap_jira.errors import ConfigError
from tap_jira.pace import Clock

LOOK_SECONDS = 0.2
"""How often whoever waits looks at the clock."""
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>tap-jira</title><p>{}</p></html>
"""


class Callback:
    """A port of this machine that hears one redirect; a context manager that frees it.

    The port is 0 for any that is free. ConfigError if it cannot be had.
    """

    def __init__(self, port: int) -> None:
        try:
            self._server = _Server(port)
        except OSError as error:
            raise ConfigError(f"--callback: cannot listen on port {port}: {error.strerror}") from None
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Callback:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.server_close()

    def verifier(self, token: str, clock: Clock, seconds: float) -> str | None:
        """The verifier that a browser brings for this request token; None if none does within ``seconds``.

        What comes for another token is refused, since anybody on this machine may knock here.
        """
        self._server.expected = token
        end = clock.monotonic() + seconds
        while self._server.verifier is None and clock.monotonic() < end:
            self._server.handle_request()
        return self._server.verifier


class _Server(ThreadingHTTPServer):
    # A thread for each connection, since browsers open some on which they never send anything.
    daemon_threads = True
    timeout = LOOK_SECONDS

    def __init__(self, port: int) -> None:
        self.expected: str | None = None
        self.verifier: str | None = None
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the address has the token and the verifier in it."""

    def do_GET(self) -> None:
        """Take the redirect, if it is the one."""
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        token, verifier = (asked.get(name, [""])[0] for name in ("oauth_token", "oauth_verifier"))
        if parts.path != "/" or not verifier:
            self._page(404, "There is nothing here.")
        elif self.server.expected is None or not hmac.compare_digest(token.encode(), self.server.expected.encode()):
            self._page(400, "This is not the authorisation that tap-jira waits for.")
        else:
            self._page(200, "tap-jira has got Jira's answer. You may close this window and go back to the terminal.")
            # Only now: as soon as it is there the process may end.
            self.server.verifier = verifier

    def _page(self, status: int, text: str) -> None:
        body = PAGE.format(text).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
