"""``tap-jira authorize`` as a process of its own: over TLS, at a terminal, with the code piped in, and interrupted."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tap_jira.simulator import Account, Accounts, Server, Site, World, serve
from tap_jira.simulator.credentials import key_pair
from tests.test_authorize import Reader, post

TAP = [sys.executable, "-m", "tap_jira"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    site = Site(World(issues=5), accounts=Accounts((Account("tap-reader", "x"),)))
    with serve(site, tls=True) as server:
        site.admit(Accounts((Account("tap-reader", "x"),)), base_url=server.url)
        yield server


@pytest.fixture
def config(tmp_path: Path, server: Server) -> Path:
    private, public = key_pair()
    assert isinstance(server.site, Site)
    post(
        server.site,
        f"{server.url}/plugins/servlet/applinks/listApplicationLinks",
        consumerKey="tap-jira",
        publicKey=public,
    )
    (tmp_path / "jira.pem").write_text(private)
    path = tmp_path / "config.json"
    values = {"base_url": server.url, "oauth_consumer_key": "tap-jira", "ca_bundle": str(server.certificate)}
    path.write_text(json.dumps({**values, "oauth_private_key_file": str(tmp_path / "jira.pem")}))
    return path


def told(file: int, until: bytes) -> str:
    """What the process says, up to these words."""
    text = b""
    while until not in text:
        piece = os.read(file, 4096)
        assert piece, text
        text += piece
    return text.decode()


def code_for(said: str, server: Server) -> bytes:
    """The code that Jira shows to whoever opens the address in these words and chooses Allow."""
    reader = Reader(server.site)
    reader.tell(said)
    return reader.answer().encode()


def test_a_code_that_is_piped_in(config: Path, server: Server) -> None:
    """The code is taken from a pipe, as soon as its line is there, and a sync then works."""
    process = subprocess.Popen(
        [*TAP, "authorize", "--config", config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    with process:
        said = told(process.stderr.fileno(), b"press Enter:\n")
        process.stdin.write(code_for(said, server))
        process.stdin.flush()
        said = told(process.stderr.fileno(), b"catalog.json\n")
        out = process.stdout.read() if process.stdout else b""
    synced = subprocess.run([*TAP, "--config", config], capture_output=True, check=True, timeout=60)

    assert (process.returncode, out) == (0, b"")
    assert "Jira lets the tap in as " in said
    assert synced.stdout.count(b'"stream":"jira_issues","time_extracted"') == 5


@pytest.fixture
def terminal(config: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command at a terminal, and the side of it at which a person sits."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [*TAP, "authorize", "--config", config], stdin=there, stdout=there, stderr=there, start_new_session=True
    )
    os.close(there)
    yield process, here
    process.kill()
    process.wait()
    os.close(here)


def test_a_code_that_is_typed(terminal: tuple[subprocess.Popen[bytes], int], server: Server, config: Path) -> None:
    """At a terminal the code is typed."""
    process, here = terminal
    os.write(here, code_for(told(here, b"press Enter:"), server))
    told(here, b"catalog.json")

    assert process.wait(30) == 0
    assert "oauth_token" in json.loads(config.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_waits(
    terminal: tuple[subprocess.Popen[bytes], int], config: Path, number: signal.Signals
) -> None:
    """A signal ends the waiting for a code at once, with one line, and the configuration is as it was."""
    process, here = terminal
    before = config.read_bytes()
    told(here, b"press Enter:")
    process.send_signal(number)
    said = told(here, b"stopped by signal")

    assert process.wait(30) == 128 + number
    assert re.findall(r"Traceback|Fatal", said) == []
    assert config.read_bytes() == before


def test_interrupted_while_it_listens(config: Path) -> None:
    """So it does while a browser is waited for."""
    process = subprocess.Popen([*TAP, "authorize", "--config", config, "--callback"], stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process:
        told(process.stderr.fileno(), b"at most).")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().decode()

    assert process.returncode == 130
    assert re.fullmatch(r"\s*CRITICAL \S+Z stopped by signal 2\s*", rest)
