"""One request over the network: a real server on the loopback address, and a stand-in where two hosts are needed."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import responses
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import ProtocolError

from tap_jira.auth import BearerAuth
from tap_jira.errors import ConfigError
from tap_jira.simulator import Faults, Site, World, serve
from tap_jira.transport import Transport
from tap_jira.wire import Headers, NetworkError, Request, Response

BASE = "https://jira.example.com"
OTHER = "https://elsewhere.example.com"
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each path as its test says, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.server.answers[self.path.split("?")[0]](self)

    do_POST = do_GET

    def say(self, status: int = 200, body: bytes = b"{}", length: int | None = None, **headers: str) -> None:
        """Answer; underscores in the names of headers are dashes."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Host:
    """A server on the loopback address."""

    def __init__(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.answers, self._http.asked = {}, []  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, path: str, answer: Answer) -> None:
        self._http.answers[path] = answer  # type: ignore[attr-defined]

    @property
    def asked(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        return list(self._http.asked)  # type: ignore[attr-defined]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    it = Host()
    yield it
    it.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def transport(**options: Any) -> Transport:
    settings = {"user_agent": "tap/test", "timeout": 5.0, "connections": 2, "monotonic": lambda: 0.0, **options}
    return Transport(BearerAuth("the-token"), **settings)


def get(url: str, **options: Any) -> Response:
    return transport(**options).send(Request("GET", url))


def fault(url: str, method: str = "GET", **options: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        transport(**options).send(Request(method, url))
    return caught.value


def ended(url: str, **options: Any) -> str:
    """What became of a request: the status of its answer, or the kind of the fault."""
    try:
        return str(get(url, **options).status)
    except NetworkError as error:
        return error.kind


def test_a_request_as_it_arrives(host: Host) -> None:
    """Method, query, headers and body arrive as they were given, with our name and credentials."""
    host.on("/x", lambda it: it.say())
    transport().send(Request("POST", f"{host.url}/x?a=1%20b", Headers({"Content-Type": "application/json"}), b"[1]"))

    method, path, fields, body = host.asked[0]
    headers = Headers(fields)
    assert (method, path, body) == ("POST", "/x?a=1%20b", b"[1]")
    assert headers["User-Agent"] == "tap/test"
    assert headers["Accept"] == "application/json"
    assert headers["Authorization"] == "Bearer the-token"
    assert headers["Content-Type"] == "application/json"


def test_an_unsigned_request_carries_no_credentials(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is not to be signed goes with its own headers, without ours and without those of ~/.netrc."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    host.on("/x", lambda it: it.say())
    transport().send(Request("GET", f"{host.url}/x", signed=False))
    transport().send(Request("GET", f"{host.url}/x", Headers({"Authorization": "Bearer another"}), signed=False))

    assert [Headers(asked[2]).get("Authorization") for asked in host.asked] == [None, "Bearer another"]


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 429, 500, 503])
def test_every_status_is_an_answer(host: Host, status: int) -> None:
    """Whatever the status, the answer comes back; others judge it."""
    host.on("/x", lambda it: it.say(status, b"" if status == 204 else b"body", Retry_After="7"))
    response = get(f"{host.url}/x")

    assert (response.status, response.headers["retry-after"]) == (status, "7")
    assert response.body == (b"" if status == 204 else b"body")


def test_a_packed_body_is_unpacked(host: Host) -> None:
    """gzip is asked for, and the body is handed on unpacked."""
    host.on("/x", lambda it: it.say(body=gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))

    assert get(f"{host.url}/x").body == b'{"a": 1}'
    assert "gzip" in host.asked[0][2]["Accept-Encoding"]


def test_a_chunked_body(host: Host) -> None:
    """A body in chunks is put together."""

    def chunks(it: Handler) -> None:
        it.send_response(200)
        it.send_header("Transfer-Encoding", "chunked")
        it.end_headers()
        it.wfile.write(b"2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n")

    host.on("/x", chunks)
    assert get(f"{host.url}/x").body == b"[1]"


def test_a_body_that_is_too_large(host: Host) -> None:
    """A body is not read further than a limit, counted when unpacked."""
    host.on("/x", lambda it: it.say(body=gzip.compress(b"0" * 3_000_000), Content_Encoding="gzip"))

    error = fault(f"{host.url}/x", largest_body=1024**2)
    assert (error.kind, error.detail) == ("too_large", "1 MB")


def cut(it: Handler) -> None:
    it.say(body=b"[1, 2", length=100)
    it.close_connection = True


def cut_chunks(it: Handler) -> None:
    it.send_response(200)
    it.send_header("Transfer-Encoding", "chunked")
    it.end_headers()
    it.wfile.write(b"5\r\n[1, 2\r\n")
    it.close_connection = True


def reset(it: Handler) -> None:
    it.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    it.close_connection = True
    it.connection.close()


def nothing(it: Handler) -> None:
    it.close_connection = True


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (cut, "truncated"),
        (cut_chunks, "reset"),
        (lambda it: it.say(body=b"no gzip at all", Content_Encoding="gzip"), "truncated"),
        (reset, "reset"),
        (nothing, "reset"),
    ],
    ids=["cut", "cut-chunks", "no-gzip", "reset", "nothing"],
)
def test_broken_answers(host: Host, answer: Answer, kind: str) -> None:
    """A body that is cut off and a connection that is closed are told, never taken for a short answer."""
    host.on("/x", answer)

    assert fault(f"{host.url}/x").kind == kind


def test_silence(host: Host) -> None:
    """A server that says nothing is given up after the timeout."""
    quiet = threading.Event()

    def say_nothing(it: Handler) -> None:
        quiet.wait(10)

    host.on("/x", say_nothing)

    assert fault(f"{host.url}/x", timeout=0.05).kind == "timeout"
    quiet.set()


def test_silence_in_the_middle_of_a_body(host: Host) -> None:
    """So is a server that falls silent after half of its answer."""
    quiet = threading.Event()

    def half(it: Handler) -> None:
        it.say(body=b"[1", length=100)
        quiet.wait(10)

    host.on("/x", half)
    assert fault(f"{host.url}/x", timeout=0.05).kind == "timeout"
    quiet.set()


def test_nobody_listens() -> None:
    """A port on which nobody listens is a fault of the connection, named without the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = fault(f"http://127.0.0.1:{port}/x")

    assert error.kind == "connect"
    assert "Connection refused" in error.detail


def test_a_host_without_an_address() -> None:
    """A name that does not exist is a fault of the connection."""
    assert fault("http://nowhere.invalid/x").kind == "connect"


@responses.activate
def test_a_host_that_takes_no_connection() -> None:
    """A connection that nobody takes is told from an answer that does not come."""
    responses.get(f"{BASE}/x", body=ConnectTimeout("timed out"))

    assert fault(f"{BASE}/x").kind == "connect"


def test_a_port_that_speaks_no_tls(host: Host) -> None:
    """https to a port of plain http is told from a certificate that is not trusted."""
    assert fault(host.url.replace("http:", "https:") + "/x").kind == "no_tls"


def test_a_proxy_that_refuses(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not connect us is told from a host that cannot be reached."""
    monkeypatch.setenv("HTTPS_PROXY", host.url)
    monkeypatch.setenv("NO_PROXY", "")

    assert fault("https://nowhere.invalid/x").kind == "proxy"


def test_cookies_are_kept(host: Host) -> None:
    """A load balancer's cookie comes back with the next request, so that one node answers the whole run."""
    host.on("/x", lambda it: it.say(Set_Cookie="node=2; Path=/; HttpOnly"))
    sender = transport()
    for _ in range(2):
        sender.send(Request("GET", f"{host.url}/x"))

    assert [headers.get("Cookie") for _, _, headers, _ in host.asked] == [None, "node=2"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_within_the_site(host: Host, status: int) -> None:
    """A redirect to the same host is followed, relative or not, with credentials."""
    host.on("/x", lambda it: it.say(status, Location="/y"))
    host.on("/y", lambda it: it.say(status, Location=f"{host.url}/z?a=1"))
    host.on("/z", lambda it: it.say(body=b"[1]"))

    assert get(f"{host.url}/x").body == b"[1]"
    assert [headers["Authorization"] for _, _, headers, _ in host.asked] == ["Bearer the-token"] * 3


def test_a_redirect_to_another_port(host: Host) -> None:
    """Another port is another server: nothing is sent there."""
    other = Host()
    other.on("/x", lambda it: it.say())
    host.on("/x", lambda it: it.say(302, Location=f"{other.url}/x"))

    assert fault(f"{host.url}/x").kind == "redirect"
    assert other.asked == []
    other.close()


def test_redirects_in_a_circle(host: Host) -> None:
    """A redirect that leads back to itself ends after a few rounds."""
    host.on("/x", lambda it: it.say(302, Location="/x"))
    error = fault(f"{host.url}/x")

    assert (error.kind, len(host.asked)) == ("redirect", 5)


def test_a_redirect_without_a_target_is_an_answer(host: Host) -> None:
    """A redirect that does not say where to is judged like any other answer."""
    host.on("/x", lambda it: it.say(302))

    assert get(f"{host.url}/x").status == 302


@responses.activate
@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"{OTHER}/login", OTHER),
        ("//elsewhere.example.com/x", OTHER),
        ("https://jira.example.com.evil.test/x", "https://jira.example.com.evil.test"),
        ("http://jira.example.com/x", "http://jira.example.com"),
        ("https://jira.example.com:8443/x", "https://jira.example.com:8443"),
        ("ftp://jira.example.com/x", "ftp://jira.example.com"),
    ],
)
def test_credentials_never_follow_to_another_place(target: str, shown: str) -> None:
    """A redirect to another host, another port or down to http is refused, and nothing is sent there."""
    responses.get(f"{BASE}/x", status=302, headers={"Location": target})
    error = fault(f"{BASE}/x")

    assert (error.kind, error.detail) == ("redirect", shown)
    assert [call.request.url for call in responses.calls] == [f"{BASE}/x"]


@responses.activate
def test_the_port_of_https_may_be_written_out() -> None:
    """A proxy that writes the port 443 into its redirects means the same site."""
    responses.get(f"{BASE}/x", status=302, headers={"Location": "https://jira.example.com:443/y"})
    responses.get("https://jira.example.com:443/y", json=[1])

    assert get(f"{BASE}/x").status == 200


@responses.activate
@pytest.mark.parametrize("target", ["https://[jira", "https://jira.example.com:port/x"])
def test_a_redirect_to_no_address(target: str) -> None:
    """A redirect to something that is no address is a fault of the answer, not of ours."""
    responses.get(f"{BASE}/x", status=302, headers={"Location": target})

    assert fault(f"{BASE}/x").kind == "request"


@responses.activate
def test_a_redirect_up_to_https() -> None:
    """From http, which only a loopback address may have, up to https of the same host is allowed."""
    responses.get("http://localhost/x", status=301, headers={"Location": "https://localhost/x"})
    responses.get("https://localhost/x", json=[1])

    assert get("http://localhost/x").status == 200


@responses.activate
def test_a_post_is_not_repeated_elsewhere() -> None:
    """A redirected POST is refused, as following it would turn it into something else."""
    responses.post(f"{BASE}/x", status=302, headers={"Location": "/y"})

    assert fault(f"{BASE}/x", "POST").kind == "redirect"


@responses.activate
def test_an_aborted_connection_is_told() -> None:
    """A fault that requests does not wrap is told in our words too."""
    responses.get(f"{BASE}/x", body=ProtocolError("Connection aborted."))

    assert fault(f"{BASE}/x").kind == "reset"


@pytest.fixture
def tls_site() -> Site:
    return Site(World(issues=1))


def test_an_unknown_certificate_is_refused(tls_site: Site) -> None:
    """A certificate that nobody trusts is refused, and the error says that it is about trust."""
    with serve(tls_site, tls=True) as server:
        error = fault(f"{server.url}/rest/api/2/serverInfo")

    assert error.kind == "tls"
    assert "self-signed certificate" in error.detail


def test_a_private_authority_is_trusted(tls_site: Site) -> None:
    """With ca_bundle a private authority's certificate is accepted."""
    with serve(tls_site, tls=True) as server:
        assert get(f"{server.url}/rest/api/2/serverInfo", ca_bundle=str(server.certificate)).status == 200


def test_a_certificate_for_another_name_is_refused(tls_site: Site) -> None:
    """A trusted certificate is refused for a host that it does not name."""
    with serve(tls_site, tls=True) as server:
        url = server.url.replace("127.0.0.1", "127.0.0.2")
        assert fault(url, ca_bundle=str(server.certificate)).kind in ("tls", "connect")


def test_a_bundle_that_does_not_exist(tmp_path: Path) -> None:
    """A ca_bundle that is not there is a fault of the configuration."""
    with pytest.raises(ConfigError, match="ca_bundle"):
        transport(ca_bundle=str(tmp_path / "none.pem"))


def test_a_bundle_that_holds_no_certificate(tls_site: Site, tmp_path: Path) -> None:
    """A ca_bundle without a certificate in it is told as a matter of trust."""
    (tmp_path / "empty.pem").write_text("nothing")
    with serve(tls_site, tls=True) as server:
        error = fault(f"{server.url}/rest/api/2/serverInfo", ca_bundle=str(tmp_path / "empty.pem"))

    assert error.kind == "tls"


def test_a_bundle_is_read_once(tls_site: Site, tmp_path: Path) -> None:
    """A further connection knows the certificates already: to read them takes longer than a request."""
    bundle = tmp_path / "bundle.pem"
    with serve(Faults(tls_site, ["reset"]), tls=True) as server:
        bundle.write_bytes(Path(str(server.certificate)).read_bytes())
        sends, request = transport(ca_bundle=str(bundle)), Request("GET", f"{server.url}/rest/api/2/serverInfo")
        with pytest.raises(NetworkError, match="reset"):
            sends.send(request)
        bundle.write_text("nothing")

        assert sends.send(request).status == 200


def test_a_bundle_of_the_environment_that_does_not_exist(tls_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that the environment names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/none.pem")
    with serve(tls_site, tls=True) as server:
        error = fault(f"{server.url}/rest/api/2/serverInfo")

    assert error.kind == "tls"
    assert "/nowhere/none.pem" in error.detail


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_faults_of_the_simulated_site_cross_the_network(kind: str) -> None:
    """What breaks in the simulated Jira is seen in the same way through real sockets."""
    with serve(Faults(Site(World(issues=1)), [kind])) as server:
        assert fault(f"{server.url}/rest/api/2/serverInfo").kind == kind
        assert get(f"{server.url}/rest/api/2/serverInfo").status == 200


def test_many_threads_share_one_session(host: Host) -> None:
    """Requests from several threads at once each get their own answer."""
    host.on("/x", lambda it: it.say(body=it.path.encode()))
    sender, bodies = transport(connections=4), {}

    def ask(number: int) -> None:
        bodies[number] = sender.send(Request("GET", f"{host.url}/x?{number}")).body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bodies == {number: f"/x?{number}".encode() for number in range(16)}
