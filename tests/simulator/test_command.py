"""The command ``tap-jira simulate``."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO

import pytest

from tap_jira.simulator.command import run

from .conftest import basic


@pytest.fixture(autouse=True)
def _signals_as_they_were():
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def told(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stderr is not None
    return process.stderr


@pytest.fixture
def simulate(tmp_path):
    """Starts the command as a process of its own and gives the configuration that it wrote."""
    processes = []

    def start(*options: str) -> dict[str, str]:
        path = tmp_path / "config.json"
        argv = [sys.executable, "-m", "tap_jira", "simulate", "--port", "0", "--issues", "30", "--write-config", path]
        processes.append(subprocess.Popen([*map(str, argv), *options], stderr=subprocess.PIPE))
        assert b"simulated Jira at" in told(processes[-1]).readline()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text(encoding="utf-8")
        assert text.endswith("}\n")
        return json.loads(text)

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        told(process).close()


def fetch(url: str, headers: dict[str, str], body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def test_cloud(simulate):
    """The site is Cloud, and the configuration logs in with an e-mail address and an API token."""
    config = simulate("--cloud")
    headers = basic(config["email"], config["api_token"])

    assert config.keys() == {"base_url", "email", "api_token"}
    assert fetch(config["base_url"] + "/rest/api/3/serverInfo", headers)["baseUrl"] == config["base_url"]
    assert len(fetch(config["base_url"] + "/rest/api/3/search/jql?jql=updated+%3E%3D+0", headers)["issues"]) == 30


def test_scoped(simulate):
    """A configuration with a scoped token names the site's id, and goes through the gateway."""
    config = simulate("--cloud", "--auth", "scoped")
    gateway = f"{config['base_url']}/ex/jira/{config['cloud_id']}/rest/api/3/myself"

    assert fetch(gateway, basic(config["email"], config["api_token"]))["emailAddress"] == config["email"]


def test_oauth2(simulate):
    """A configuration of OAuth 2.0 has what a refresh needs, and keeps its tokens beside itself."""
    config = simulate("--cloud", "--auth", "oauth2", "--no-admin", "--page-cap", "7", "--quota", "1000")
    asked = {
        "grant_type": "refresh_token",
        "client_id": config["oauth_client_id"],
        "client_secret": config["oauth_client_secret"],
        "refresh_token": config["refresh_token"],
    }
    token = fetch(config["base_url"] + "/oauth/token", {}, asked)["access_token"]
    headers = {"Authorization": "Bearer " + token}
    sites = fetch(config["base_url"] + "/oauth/token/accessible-resources", headers)
    search = f"{config['base_url']}/ex/jira/{config['cloud_id']}/rest/api/3/search/jql?jql=updated+%3E%3D+0&fields=*all"

    assert [site["id"] for site in sites if site["url"] == config["base_url"]] == [config["cloud_id"]]
    assert len(fetch(search, headers)["issues"]) == 7
    assert Path(config["token_file"]).name == "config.tokens.json"


@pytest.mark.parametrize("way", ["oauth", "token", "basic"])
def test_data_center(simulate, way):
    """Without --cloud the site is Data Center."""
    config = simulate("--auth", way)

    assert fetch(config["base_url"] + "/rest/api/2/serverInfo", {})["deploymentType"] == "Server"
    assert "cloud_id" not in config


def test_no_login(simulate):
    """A configuration for tap-jira authorize has the address, and where to find the certificate."""
    assert simulate("--auth", "none").keys() == {"base_url"}
    assert simulate("--auth", "none", "--tls").keys() == {"base_url", "ca_bundle"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--port", "65536"], "65536 is no number from 0 to 65535"),
        (["--port", "x"], "x is no number from 0 to 65535"),
        (["--auth", "oauth2"], "choose from oauth, token, basic, none"),
        (["--cloud", "--auth", "oauth"], "choose from basic, scoped, oauth2 with --cloud"),
        (["--quota", "5"], "only with --cloud"),
        (["--fault-kinds", "429,flood"], "no such fault: flood"),
    ],
)
def test_mistakes(options, expected, capsys):
    """What cannot be meant is told in one line after the usage."""
    with pytest.raises(SystemExit) as ended:
        run(options)

    assert ended.value.code == 2
    assert expected in capsys.readouterr().err.splitlines()[-1]


def test_port_in_use(capsys):
    """A port that is taken ends the command with one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert run(["--port", str(port), "--issues", "1"]) == 1

    assert (
        capsys.readouterr().err == f"tap-jira simulate: error: cannot listen on port {port}: Address already in use\n"
    )


def test_config_that_cannot_be_written(tmp_path, capsys):
    """A configuration that cannot be written ends the command with one line, and frees the port."""
    path = tmp_path / "missing" / "config.json"

    assert run(["--port", "0", "--issues", "1", "--write-config", str(path)]) == 1
    assert capsys.readouterr().err == f"tap-jira simulate: error: cannot write {path}: No such file or directory\n"


def test_help_tells_the_defaults(capsys):
    """The help names the default of every option that has one."""
    with pytest.raises(SystemExit):
        run(["--help"])
    text = " ".join(capsys.readouterr().out.split())

    assert "(default: 8080)" in text
    assert "(default: 1000; with --cloud 100)" in text
    assert "None" not in text
