"""What the tap knows of passwords, keys and tokens stays with it, whatever fails and however much is logged."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
import sys
import time as clock
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tap_jira import cli
from tap_jira.config import Config
from tap_jira.redact import Redactor, of_proxies
from tap_jira.simulator import Credentials, Site, World, serve
from tap_jira.token_file import Grant
from tap_jira.wire import Request, Response
from tests.atlassian import OAUTH2, Atlassian
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Time, run_tap
from tests.security.test_connections import DEBUG

SECRETS = [option.name for option in dataclasses.fields(Config) if option.metadata["secret"]]


def ways_in(credentials: Credentials) -> dict[str, dict[str, Any]]:
    return {"oauth1": credentials.oauth, "token": credentials.personal_access_token, "basic": credentials.basic}


def shapes(config: dict[str, Any]) -> list[str]:
    """The secret values of a configuration, in the shapes in which they may turn up."""
    values = [str(config[name]) for name in SECRETS if config.get(name)]
    if "password" in config:
        values.append(f"{config['username']}:{config['password']}")
    lines = [line for value in values for line in value.splitlines() if line and not line.startswith("-----")]
    return [shape for line in lines for shape in (line, quote(line, safe=""), base64.b64encode(line.encode()).decode())]


class Telling:
    """A Jira that says all it was sent in its errors: headers, addresses and bodies."""

    def __init__(self, inner: Any, path: str) -> None:
        self._inner, self._path = inner, path

    def send(self, request: Request) -> Response:
        if self._path not in request.url:
            return self._inner.send(request)  # type: ignore[no-any-return]
        sent = [f"{name}: {value}" for name, value in request.headers.items()]
        bare = request.headers.get("Authorization", "").split()[1:]
        return Response.of_json({"errorMessages": [*bare, *sent, request.url, request.body.decode()]}, 400)


@pytest.mark.parametrize("way", ["oauth1", "token", "basic"])
@pytest.mark.parametrize("argv", [[], ["--discover"]])
def test_nothing_that_is_written_holds_a_secret(
    tmp_path: Path, credentials: Credentials, way: str, argv: list[str]
) -> None:
    """Catalog, messages, states, metrics and log of a run hold no secret in any shape, though Jira tells them all."""
    config = ways_in(credentials)[way]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    # By this machine's clock, with which signatures are made.
    site = Site(World(issues=5), accounts=credentials.accounts, base_url=BASE)
    outcome = run_tap([*argv, "--config", str(path)], Telling(site, "/role"), Time(clock.time()))
    said = outcome.output.decode() + outcome.log

    assert "answered 400" in said
    assert [shape for shape in shapes(config) if shape in said] == []


def test_tokens_of_oauth2_are_not_told(tap: Tap, site: Site, time: Time, tmp_path: Path) -> None:
    """Nor do the tokens that came up during the run, whoever quotes them."""
    atlassian = Atlassian(site, time)
    kept = tmp_path / "tokens.json"
    outcome = tap(config={**OAUTH2, "token_file": str(kept)}, to=Telling(atlassian, "/role"))
    said = outcome.output.decode() + outcome.log
    secrets = [*atlassian.issued, *atlassian.access_tokens, OAUTH2["oauth_client_secret"]]

    assert "answered 400" in said
    assert [secret for secret in secrets if secret in said] == []


@pytest.mark.parametrize("way", ["oauth1", "token", "basic"])
def test_nothing_is_told_at_debug(tmp_path: Path, credentials: Credentials, way: str) -> None:
    """With LOGGING_CONF_FILE at DEBUG the libraries write all they do, and no secret and no signature is in it."""
    conf = tmp_path / "logging.conf"
    conf.write_text(DEBUG)
    with serve(Site(World(issues=3), accounts=credentials.accounts)) as server:
        config = {**ways_in(credentials)[way], "base_url": server.url}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        done = subprocess.run(
            [sys.executable, "-m", "tap_jira", "--config", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={"LOGGING_CONF_FILE": str(conf), "HOME": str(tmp_path)},
        )

    assert done.returncode == 0, done.stderr
    assert "DEBUG urllib3" in done.stderr
    assert ("DEBUG oauthlib" in done.stderr) is (way == "oauth1")
    assert [shape for shape in shapes(config) if shape in done.stdout + done.stderr] == []
    assert 'oauth_signature="' not in done.stderr.replace('oauth_signature="[secret]', "")


@pytest.mark.parametrize("name", SECRETS)
def test_a_broken_configuration_tells_no_value(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault in the value of a secret, or beside it, is told without the value."""
    for value in (f"{TOKEN}\x00", [TOKEN], {"a": TOKEN}, TOKEN):
        path = tmp_path / "config.json"
        path.write_text(
            json.dumps({"base_url": "no address", name: value, "page_size": TOKEN, "cloud_id": f"{TOKEN}!"})
        )
        assert cli.main(["--config", str(path)]) == 2

    assert TOKEN not in "".join(capsys.readouterr())


@pytest.mark.parametrize("text", [f'{{"password": "{TOKEN}', f'{{"password": {TOKEN}}}', f'"{TOKEN}"', TOKEN])
def test_a_configuration_that_is_no_json_is_not_quoted(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong in a file is told by its place alone."""
    path = tmp_path / "config.json"
    path.write_text(text)
    assert cli.main(["--config", str(path)]) == 2

    assert TOKEN not in "".join(capsys.readouterr())


def test_help_shows_no_secret_and_takes_none(capsys: pytest.CaptureFixture[str]) -> None:
    """No option takes a secret, so none is in the list of processes, and --help prints no value of the environment."""
    cli.main(["--help"])
    said = capsys.readouterr().out

    assert [name for name in SECRETS if name.replace("_", "-") in said or name in said] == []


def test_what_holds_secrets_does_not_print_them() -> None:
    """The objects that hold secrets leave them out of their own description, which a debugger or a log may show."""
    values: dict[str, Any] = dict.fromkeys(SECRETS, "hidden-value")

    assert "hidden-value" not in repr(Config(**values))
    assert "hidden-value" not in repr(Grant("hidden-value", "hidden-value", 0.0, 0.0))


@pytest.mark.parametrize(
    "shape",
    [
        "p w/ü+x",
        quote("p w/ü+x", safe=""),
        quote_plus("p w/ü+x"),
        quote(quote("p w/ü+x", safe=""), safe=""),
        base64.b64encode("p w/ü+x".encode()).decode(),
        base64.b64encode("somebody:p w/ü+x".encode()).decode(),
    ],
)
def test_shapes_of_a_password(shape: str) -> None:
    """A password is blotted out as it is, as a form or an OAuth base string has it, and as basic logins do."""
    config = Config(username="somebody", password="p w/ü+x")
    said = Redactor(config.secrets)(f"before {shape} after")

    assert said == "before [secret] after"


def test_logins_of_proxies_are_secrets() -> None:
    """User name and password in the address of a proxy are known as secrets, encoded and not."""
    found = of_proxies({"HTTPS_PROXY": "http://me:p%40ss@proxy:3128", "http_proxy": "proxy:1", "OTHER": "a:b@c"})

    assert set(found) == {"me:p%40ss", "p%40ss", "me:p@ss", "p@ss"}
