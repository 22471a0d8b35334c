"""Where requests go, and with what: certificates, redirects, proxies, cookies, and logins of others."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tap_jira.simulator import Account, Accounts, Site, World, serve
from tap_jira.wire import Headers, NetworkError, Request
from tests.conftest import TOKEN
from tests.security.servers import Authority, Secure, proxy
from tests.test_transport import Handler, Host, ended, fault, get, transport

LOGIN, PASSWORD = "proxy-user", "pass%2Fword-of-the-proxy"
REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def host() -> Iterator[Host]:
    it = Host()
    it.on("/x", lambda it: it.say())
    yield it
    it.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def run(config: dict[str, Any], tmp_path: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command with a configuration, and nothing in its environment but what is given."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return subprocess.run(
        [sys.executable, "-m", "tap_jira", "--config", str(path), *argv],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **environment},
    )


def tls_fault(server: Host, authority: Authority) -> NetworkError:
    try:
        return fault(f"{server.url}/x", ca_bundle=str(authority.path))
    finally:
        server.close()


def test_a_certificate_that_is_good(authority: Authority) -> None:
    """The authority of these tests is one that the tap trusts when told to: what else they show is no accident."""
    server = Secure(authority.issue())
    server.on("/x", lambda it: it.say())

    assert get(f"{server.url}/x", ca_bundle=str(authority.path)).status == 200
    server.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"signs_itself": True}, "self-signed certificate"),
        ({"age": timedelta(days=30)}, "certificate has expired"),
        ({"age": timedelta(days=-30)}, "certificate is not yet valid"),
        ({"address": "127.0.0.9"}, "IP address mismatch"),
    ],
    ids=["self-signed", "expired", "too-early", "other-host"],
)
def test_a_certificate_that_is_not(authority: Authority, options: dict[str, Any], words: str) -> None:
    """A certificate that signs itself, is out of its time or is another host's ends the connection, and is named."""
    server = Secure(authority.issue(**options))
    server.on("/x", lambda it: it.say())
    error = tls_fault(server, authority)

    assert error.kind == "tls"
    assert words in error.detail
    assert server.asked == []


def test_old_tls_is_refused(authority: Authority) -> None:
    """A server that speaks nothing newer than TLS 1.1 is not spoken to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        server = Secure(authority.issue(), newest=ssl.TLSVersion.TLSv1_1)
    error = tls_fault(server, authority)

    assert error.kind == "tls"
    assert "protocol" in error.detail.lower()


def test_a_port_without_tls(host: Host) -> None:
    """An https address behind which plain http is spoken is a fault of TLS, and no request was sent."""
    error = fault(host.url.replace("http:", "https:") + "/x")

    assert error.kind == "no_tls"
    assert host.asked == []


def test_faults_of_certificates_are_told_in_one_line(authority: Authority, tmp_path: Path) -> None:
    """The real command ends with 3 and one line that says what is wrong and what may help."""
    server = Secure(authority.issue(age=timedelta(days=30)))
    done = run({"base_url": server.url, "personal_access_token": TOKEN, "ca_bundle": str(authority.path)}, tmp_path)
    server.close()

    assert done.returncode == 3
    assert done.stderr.startswith("CRITICAL")
    assert len(done.stderr.splitlines()) == 1
    assert all(words in done.stderr for words in ("certificate has expired", "this machine's date"))


@pytest.mark.parametrize("location", ["https://evil.example.com/x", "//evil.example.com", "http://127.0.0.1:1/x"])
def test_credentials_do_not_follow_a_redirect(host: Host, tmp_path: Path, location: str) -> None:
    """A Jira that sends the tap elsewhere ends the run with 3, and the place is named."""
    host.on("/rest/api/2/myself", lambda it: it.say(302, Location=location))
    done = run({"base_url": host.url, "personal_access_token": TOKEN}, tmp_path)

    assert done.returncode == 3
    assert "where credentials are not sent" in done.stderr
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "location",
    [
        "/x\r\n\tX-Injected: yes",
        "/x y\x00z",
        "https://[",
        "/" + "x" * 60_000,
        "\x1b]0;title\x07",
        "http://127.0.0.1:99999/",
    ],
    ids=["folded", "nul", "half", "long", "escape", "port"],
)
def test_a_location_that_is_none(host: Host, location: str) -> None:
    """Where a redirect leads to no address, or to an odd one of this site, there is an error or an answer."""
    host.on("/r", lambda it: it.say(302, Location=location))
    host._http.answers.setdefault("/x", lambda it: it.say())  # type: ignore[attr-defined]
    ending = ended(f"{host.url}/r")

    assert ending in ("200", "302", "request", "redirect", "reset", "connect")
    assert all("X-Injected" not in headers for _, _, headers, _ in host.asked)


def test_logins_of_netrc_are_not_used(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ~/.netrc has for the host never goes out, with our own credentials or without."""
    (tmp_path / "netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for signed in (True, False):
        transport().send(Request("GET", f"{host.url}/x", signed=signed))

    assert [Headers(headers).get("Authorization") for _, _, headers, _ in host.asked] == ["Bearer the-token", None]


def test_cookies_stay_with_their_host(host: Host) -> None:
    """A cookie that one host has set is not sent to another, whatever domain it names."""
    host.on("/c", lambda it: it.say(Set_Cookie="session=secret; Path=/; Domain=localhost"))
    host.on("/d", lambda it: it.say(Set_Cookie="other=secret; Path=/"))
    sender = transport()
    for path in ("/c", "/d"):
        sender.send(Request("GET", f"{host.url}{path}"))
    sender.send(Request("GET", f"{host.url.replace('127.0.0.1', 'localhost')}/x"))

    assert "Cookie" not in host.asked[-1][2]


def test_cookies_do_not_pile_up(host: Host) -> None:
    """A host that sets ever new cookies does not get them all back."""
    names = iter(range(1000))

    def forty(it: Handler) -> None:
        it.send_response(200)
        for _ in range(40):
            it.send_header("Set-Cookie", f"c{next(names)}=1; Path=/")
        it.send_header("Content-Length", "0")
        it.end_headers()

    host.on("/c", forty)
    sender = transport()
    for _ in range(5):
        sender.send(Request("GET", f"{host.url}/c"))

    assert [headers.get("Cookie", "").count("=") for _, _, headers, _ in host.asked] == [0, 40, 0, 40, 0]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_what_goes_to_this_machine_takes_no_proxy(host: Host, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """http is allowed to the loopback address alone, so it does not go through a proxy of the network either."""
    with proxy(REFUSED) as (address, asked):
        monkeypatch.setenv(variable, f"http://{address}")
        assert get(f"{host.url}/x").status == 200

    assert asked == []


def test_a_proxy_that_wants_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's 407 is told as such, and it has not seen the credentials for Jira."""
    with proxy(REFUSED) as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        error = fault("https://jira.example.com/x")

    assert error.kind == "proxy"
    assert "407 Proxy Authentication Required" in error.detail
    assert asked[0].startswith(b"CONNECT jira.example.com:443")
    assert b"the-token" not in b"".join(asked)


def test_a_proxy_that_speaks_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy with a certificate of the site's own authority is trusted as the site is, by ca_bundle."""
    with proxy(REFUSED, authority.issue()) as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"https://{address}")
        error = fault("https://jira.example.com/x", ca_bundle=str(authority.path))

    assert error.kind == "proxy"
    assert asked[0].startswith(b"CONNECT jira.example.com:443")


@pytest.mark.parametrize("given", ["{login}:{password}@{address}", "{login}:{password}@[bad"])
def test_the_login_of_a_proxy_is_not_shown(tmp_path: Path, given: str) -> None:
    """A proxy's user name and password are in no line of the log, at DEBUG either, and whatever is wrong with them."""
    conf = tmp_path / "logging.conf"
    conf.write_text(DEBUG)
    program = (
        "import sys; from tap_jira import cli, retry; retry.FIRST_WAIT_SECONDS = retry.LONGEST_WAIT_SECONDS = 0.001; "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"base_url": "https://jira.example.com", "personal_access_token": TOKEN}))
    with proxy(REFUSED) as (address, _):
        url = "http://" + given.format(login=LOGIN, password=PASSWORD, address=address)
        done = subprocess.run(
            [sys.executable, "-c", program, "--config", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={"HTTPS_PROXY": url, "LOGGING_CONF_FILE": str(conf), "HOME": str(tmp_path)},
        )

    said = done.stdout + done.stderr
    assert done.returncode == 4
    assert "CRITICAL" in said
    assert not any(secret in said for secret in (f"{LOGIN}:", PASSWORD, PASSWORD.replace("%2F", "/"), TOKEN))


DEBUG = """
[loggers]
keys=root
[handlers]
keys=out
[formatters]
keys=own
[logger_root]
level=DEBUG
handlers=out
[handler_out]
class=StreamHandler
formatter=own
args=(sys.stderr,)
[formatter_own]
format=%(levelname)s %(name)s %(message)s
"""


def test_plain_http_to_elsewhere_is_refused(tmp_path: Path) -> None:
    """http is refused for every address but a loopback one, before anything is sent."""
    done = run({"base_url": "http://jira.example.com", "personal_access_token": TOKEN}, tmp_path)

    assert done.returncode == 2
    assert "would show the credentials to the network" in done.stderr


def test_a_whole_run_over_tls(tmp_path: Path) -> None:
    """With a private authority in ca_bundle the real command copies a site over TLS."""
    account = Account("tap-reader", tokens={TOKEN: None})
    with serve(Site(World(issues=3), accounts=Accounts((account,))), tls=True) as server:
        config = {"base_url": server.url, "personal_access_token": TOKEN, "ca_bundle": str(server.certificate)}
        done = run(config, tmp_path)

    assert done.returncode == 0
    assert done.stdout.count('"stream":"jira_issues"') >= 3
