"""The site over real HTTP on the loopback address."""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import jira as pypi_jira
import orjson
import pytest

from tap_jira.simulator import Faults, Site, World, serve

from .conftest import BASE


@pytest.fixture
def site(credentials):
    return Site(World(issues=120), accounts=credentials.accounts, base_url=BASE)


@pytest.fixture
def bearer(credentials):
    return {"Authorization": "Bearer " + credentials.personal_access_token["personal_access_token"]}


def fetch(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, None, headers or {}, method=method), timeout=10) as answer:
        return answer.read()


def test_pypi_client(site, credentials):
    """The client library that people use logs in by OAuth 1.0a and lists issues over several pages, and projects."""
    config = credentials.oauth
    oauth = {
        "access_token": config["oauth_token"],
        "access_token_secret": config["oauth_token_secret"],
        "consumer_key": config["oauth_consumer_key"],
        "key_cert": config["oauth_private_key"],
        "signature_method": "RSA-SHA1",
    }
    with serve(site) as server:
        client = pypi_jira.JIRA(server.url, oauth=oauth, max_retries=0, get_server_info=True)
        issues = client.search_issues("updated >= 0 order by updated, key", maxResults=False, fields="summary")
        projects = client.projects()
        client.close()

    assert len({issue.id for issue in issues}) == 120
    assert [project.key for project in projects] == site.world.project_keys


def test_keep_alive(site, bearer):
    """Two requests travel over one connection."""
    with serve(site) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        statuses, sockets = [], set()
        for _ in range(2):
            connection.request("GET", "/jira/rest/api/2/myself", headers=bearer)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            sockets.add(connection.sock)
        connection.close()

    assert statuses == [200, 200]
    assert len(sockets) == 1


@pytest.mark.parametrize("switch", [True, False])
def test_gzip(site, bearer, switch):
    """Bodies are compressed when the caller takes gzip and the switch is on."""
    with serve(site, gzip=switch) as server:
        body = fetch(server.url + "/rest/api/2/search", {**bearer, "Accept-Encoding": "gzip"})
        plain = fetch(server.url + "/rest/api/2/search", bearer)

    assert (gzip.decompress(body) if switch else body)[:30] == plain[:30]
    assert (len(body) < len(plain)) is switch


def test_answers_end_their_line(site, bearer):
    """JSON for a terminal ends with a line end, so that the prompt does not stand behind it."""
    with serve(site) as server:
        bodies = [fetch(server.url + "/rest/api/2/myself", bearer), fetch(server.origin + "/simulate/stats")]

    assert [body[-2:] for body in bodies] == [b"}\n"] * 2


def test_truncated(site, bearer):
    """A truncated body ends before its Content-Length."""
    with serve(Faults(site, ["truncated"])) as server, pytest.raises(http.client.IncompleteRead) as caught:
        fetch(server.url + "/rest/api/2/search", bearer)

    assert len(caught.value.partial) > 1000


def test_reset(site, bearer):
    """A reset ends the connection without an answer, and the next request is served."""
    with serve(Faults(site, ["reset"])) as server:
        with pytest.raises(ConnectionError):
            fetch(server.url + "/rest/api/2/myself", bearer)

        assert b"tap-reader" in fetch(server.url + "/rest/api/2/myself", bearer)


def test_timeout(site, bearer):
    """A timeout gives no answer for as long as the caller waits."""
    with serve(Faults(site, ["timeout"])) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=0.05)
        connection.request("GET", "/jira/rest/api/2/myself", headers=bearer)
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()


def test_tls(site, bearer):
    """Over TLS the server is trusted by its own certificate, and not without it."""
    with serve(site, tls=True) as server:
        trusted = ssl.create_default_context(cafile=server.certificate)
        with urllib.request.urlopen(server.url + "/rest/api/2/serverInfo", context=trusted, timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(server.url + "/rest/api/2/serverInfo")
        path = server.certificate
        assert path is not None

    assert not path.exists()


def test_latency(site, bearer):
    """Each request takes the latency that was asked for."""
    with serve(site, latency=0.02) as server:
        begun = time.perf_counter()
        fetch(server.url + "/rest/api/2/myself", bearer)

    assert time.perf_counter() - begun >= 0.02


def test_control(site, bearer):
    """The handles change issues, list what there is, and count the requests of others and what they are answered."""
    with serve(site) as server:
        simulate = server.origin + "/simulate/"
        edited = orjson.loads(fetch(simulate + "edit?count=25", method="POST"))
        created = orjson.loads(fetch(simulate + "create?count=3", method="POST"))
        deleted = orjson.loads(fetch(simulate + "delete?count=2", method="POST"))
        issues = dict(orjson.loads(fetch(simulate + "issues")))
        myself = fetch(server.url + "/rest/api/2/myself", bearer)
        stats = orjson.loads(fetch(simulate + "stats"))

    assert len(edited) == 25
    assert all(site.world.born <= issues[issue_id] for issue_id in set(edited) - set(deleted))
    assert (set(created) - set(deleted)) <= issues.keys()
    assert not set(deleted) & issues.keys()
    assert stats == {"issues": 121, "requests": {"/jira/rest/api/2/myself": 1}, "bytes": len(myself)}
