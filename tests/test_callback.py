"""The port that hears the browser come back."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tap_jira.callback import Callback
from tap_jira.errors import ConfigError
from tests.fakes import Inline, Time

RIGHT = "/?oauth_token=ours&oauth_verifier=the-code"


class Hurried(Inline):
    """A clock on which time flies: each look at it costs a minute."""

    def monotonic(self) -> float:
        self._time.seconds += 60
        return super().monotonic()


@pytest.fixture
def callback() -> Iterator[Callback]:
    with Callback(0) as opened:
        yield opened


def fetch(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def come_back(callback: Callback, *paths: str) -> tuple[str | None, list[int]]:
    """What is heard, and what a browser is told that asks for these one after another."""
    told: list[int] = []
    browser = threading.Thread(target=lambda: told.extend(fetch(callback.address, path)[0] for path in paths))
    browser.start()
    heard = callback.verifier("ours", Inline(Time()), 600)
    browser.join()
    return heard, told


def test_the_redirect(callback: Callback) -> None:
    """The verifier that comes with our token is heard, and the browser is told that this was it."""
    assert come_back(callback, RIGHT) == ("the-code", [200])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?oauth_token=theirs&oauth_verifier=their-code", 400),
        ("/?oauth_token=&oauth_verifier=their-code", 400),
        ("/?oauth_token=%C3%BC&oauth_verifier=their-code", 400),
        ("/?oauth_verifier=their-code", 400),
        ("/?oauth_token=ours", 404),
        ("/favicon.ico", 404),
        ("/elsewhere?oauth_token=ours&oauth_verifier=their-code", 404),
        ("/", 404),
    ],
)
def test_what_is_not_the_redirect(callback: Callback, path: str, status: int) -> None:
    """Another token, and whatever else browsers ask for, is turned away, and ours is waited for."""
    assert come_back(callback, path, RIGHT) == ("the-code", [status, 200])


def test_a_connection_on_which_nothing_comes(callback: Callback) -> None:
    """A browser that opens a connection in advance does not keep the one with the redirect from being heard."""
    place = urlsplit(callback.address)
    assert place.port is not None
    with socket.create_connection((place.hostname, place.port)):
        assert come_back(callback, RIGHT) == ("the-code", [200])


def test_time_is_limited(callback: Callback) -> None:
    """If nobody comes, the waiting ends."""
    assert callback.verifier("ours", Hurried(Time()), 600) is None


def test_nothing_is_said_on_stderr(callback: Callback, capfd: pytest.CaptureFixture[str]) -> None:
    """What comes is not logged, since the address has the code in it."""
    come_back(callback, "/?oauth_token=theirs&oauth_verifier=x", RIGHT)

    assert capfd.readouterr().err == ""


def test_other_machines_do_not_reach_it(callback: Callback) -> None:
    """It listens on the loopback address alone."""
    assert callback.address.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken(callback: Callback) -> None:
    """A port in use is a configuration to mend."""
    with pytest.raises(ConfigError, match=r"--callback: cannot listen on port \d+: Address already in use"):
        Callback(urlsplit(callback.address).port or 0)


def test_the_port_is_free_afterwards() -> None:
    """After it is closed the same port can be had again."""
    with Callback(0) as first:
        port = urlsplit(first.address).port or 0
    with Callback(port) as second:
        assert urlsplit(second.address).port == port
