"""Whole runs in which something is wrong: each ends with one line that says what to do, and nothing is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time as clock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_jira.simulator import Account, Accounts, Credentials, Fault, Faults, Server, Site, World, serve
from tap_jira.wire import Request, Response
from tests.conftest import PASSWORD, TOKEN, Tap
from tests.fakes import BASE, Outcome, Time, run_tap

OTHER_TOKEN = "an-unknown-access-token"
WRONG = "a-wrong-password"


@pytest.fixture(autouse=True)
def _no_secrets(capfd: pytest.CaptureFixture[str], credentials: Credentials) -> Iterator[None]:
    """Whatever a run writes, none of the secrets of these tests is in it."""
    yield
    said = "".join(capfd.readouterr())
    key = credentials.oauth["oauth_private_key"].splitlines()
    secrets = [TOKEN, PASSWORD, OTHER_TOKEN, WRONG, *key[1:-1]]
    secrets += [credentials.oauth["oauth_token"], credentials.oauth["oauth_token_secret"]]
    assert [secret for secret in secrets if secret in said] == []


def ended(outcome: Outcome, code: int, *words: str) -> Outcome:
    """Exactly one CRITICAL line with these words, no traceback, and the designed exit code."""
    critical = outcome.logged("CRITICAL")
    assert len(critical) == 1, outcome.log
    assert [word for word in words if word not in critical[0]] == [], critical[0]
    assert "Traceback" not in outcome.log
    assert outcome.code == code
    assert outcome.log.splitlines()[-1] == critical[0]
    return outcome


# Configuration: nothing is asked of Jira.


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", ["configuration file", "is not JSON"]),
        ('{"base_url": "https://x", }', ["is not JSON", "line 1"]),
        ("[]", ["must hold an object"]),
        ({}, ["base_url is missing", "no way to authenticate"]),
        ({"base_url": "http://jira.example.com", "personal_access_token": TOKEN}, ["http://", "use https://"]),
        (
            {"base_url": BASE, "personal_access_token": TOKEN, "username": "u", "password": PASSWORD},
            ["more than one way to authenticate", "keep one"],
        ),
    ],
)
def test_a_configuration_that_cannot_be_used(tap: Tap, config: Any, words: list[str]) -> None:
    """A broken configuration ends with 2 and says what to change."""
    outcome = ended(tap(config=config), 2, *words)

    assert outcome.output == b""


def test_no_configuration(tap: Tap) -> None:
    """Without any configuration the tap says how to give it one, and where to read more."""
    ended(tap(config=None), 2, "--config FILE", "TAP_JIRA_BASE_URL", "--help")


def test_half_a_configuration_in_the_environment(tap: Tap) -> None:
    """Once the environment says something, what is missing is named."""
    ended(
        tap(config=None, environment={"TAP_JIRA_BASE_URL": BASE}), 2, "no way to authenticate", "personal_access_token"
    )


@pytest.mark.parametrize("option", ["--config", "--catalog", "--state"])
def test_a_file_that_is_not_there(tap: Tap, tmp_path: Path, option: str) -> None:
    """A file that cannot be read is named, with the option that named it."""
    path = str(tmp_path / "none.json")
    rest = {"config": None} if option == "--config" else {}

    ended(tap(option, path, **rest), 2, f"{option}: {path} cannot be read: No such file or directory")


def test_a_file_that_is_no_text(tap: Tap, tmp_path: Path) -> None:
    """A file in another encoding is named."""
    path = tmp_path / "latin.json"
    path.write_bytes(b'{"base_url": "\xff"}')

    ended(tap("--config", str(path), config=None), 2, f"{path} is not UTF-8 text")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oauth_private_key": "garbage"}, ["oauth_private_key holds no private key"]),
        ({"oauth_private_key_passphrase": WRONG}, ["is not encrypted", "remove it"]),
        (
            {"oauth_private_key": None, "oauth_private_key_file": "/nowhere"},
            ["oauth_private_key_file, '/nowhere', cannot be read"],
        ),
    ],
)
def test_a_key_that_cannot_be_used(
    tap: Tap, credentials: Credentials, changes: dict[str, Any], words: list[str]
) -> None:
    """A private key that cannot be used ends with 2, before anything is asked."""
    ended(tap(config={**credentials.oauth, **changes}), 2, *words)


def test_a_wrong_passphrase(tap: Tap, credentials: Credentials) -> None:
    """A wrong passphrase is named as one possible cause."""
    from cryptography.hazmat.primitives import serialization as pem

    key = pem.load_pem_private_key(credentials.oauth["oauth_private_key"].encode(), None)
    text = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"right")).decode()
    config = {**credentials.oauth, "oauth_private_key": text, "oauth_private_key_passphrase": WRONG}

    ended(tap(config=config), 2, "oauth_private_key_passphrase is wrong")


# Log-in.


@pytest.fixture
def living(credentials: Credentials) -> Site:
    """A site whose clock is this machine's, by which signatures are made."""
    return Site(World(issues=5), accounts=credentials.accounts, base_url=BASE)


def run_oauth(tmp_path: Path, site: Site, config: dict[str, Any]) -> Outcome:
    """A run by this machine's clock."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return run_tap(["--config", str(path)], site, Time(clock.time()))


def test_oauth_works(tmp_path: Path, living: Site, credentials: Credentials) -> None:
    """With everything right, a run by OAuth 1.0a brings all issues."""
    outcome = run_oauth(tmp_path, living, credentials.oauth)

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 5)


def test_a_key_of_somebody_else(tmp_path: Path, living: Site, credentials: Credentials) -> None:
    """A key that does not belong to the link says what may be wrong: key or address."""
    from tap_jira.simulator.credentials import key_pair

    outcome = run_oauth(tmp_path, living, {**credentials.oauth, "oauth_private_key": key_pair()[0]})

    ended(outcome, 3, "signature_invalid", "public key in the application link", "base_url")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oauth_consumer_key": "nobody"}, ["consumer_key_unknown", "case counts"]),
        ({"oauth_token": OTHER_TOKEN}, ["token_rejected", "run tap-jira authorize"]),
    ],
)
def test_oauth_values_that_jira_does_not_know(
    tmp_path: Path, living: Site, credentials: Credentials, changes: dict[str, str], words: list[str]
) -> None:
    """An unknown consumer and an unknown token are told apart, each with its remedy."""
    ended(run_oauth(tmp_path, living, {**credentials.oauth, **changes}), 3, *words)


def test_clocks_that_differ(tmp_path: Path, credentials: Credentials) -> None:
    """A clock that is an hour off is named with the difference."""
    late = Site(World(issues=1, now=lambda: clock.time() - 3600), accounts=credentials.accounts, base_url=BASE)
    outcome = ended(run_oauth(tmp_path, late, credentials.oauth), 3, "timestamp_refused", "NTP")

    assert re.search(r"Jira's clock is -3[56]\d\d s from ours", outcome.log)


@pytest.mark.parametrize(
    ("credentials_given", "words"),
    [
        ({"personal_access_token": OTHER_TOKEN}, ["jira.example.com does not accept personal_access_token: correct"]),
        ({"username": "tap-reader", "password": WRONG}, ["jira.example.com does not accept username and password:"]),
        ({"username": "nobody", "password": WRONG}, ["jira.example.com does not accept username and password:"]),
    ],
)
def test_wrong_credentials(tap: Tap, site: Site, credentials_given: dict[str, str], words: list[str]) -> None:
    """Wrong credentials are tried once, as more would lock the account; the error names their keys and the host."""
    asked: list[Request] = []
    site.after_request = lambda request, response: asked.append(request)

    ended(tap(config={"base_url": BASE, **credentials_given}), 3, *words)
    assert len(asked) == 1


def test_a_captcha(tap: Tap) -> None:
    """After several wrong passwords Jira wants a CAPTCHA, and the tap says who can help."""
    config = {"base_url": BASE, "username": "tap-reader", "password": WRONG}
    for _ in range(3):
        tap(config=config)

    ended(tap(config=config), 3, "log in once through a browser")


def test_a_token_that_expires_during_the_run(tap: Tap, time: Time) -> None:
    """Once the answers are those for a stranger the run ends, instead of taking empty lists for no rows."""
    account = Account("tap-reader", tokens={TOKEN: time.seconds + 3.5})
    site = Site(World(issues=5, now=time), accounts=Accounts((account,)), base_url=BASE)
    outcome = ended(tap(to=site, seconds_a_request=1.0), 3, "anonymous")

    assert outcome.records("jira_projects") == []


# Answers.


def test_a_log_in_page_instead_of_data(tap: Tap, site: Site) -> None:
    """An SSO page with 200 is an error that says so, and no data."""
    ended(tap(to=Faults(site, share=1.0, kinds=["sso"])), 3, "web page instead of data", "single sign-on")


def test_a_log_in_page_in_the_middle(tap: Tap, site: Site) -> None:
    """Even if it comes late, it ends the run with a STATE that is safe."""
    outcome = ended(tap(to=Faults(site, [Fault("sso", url="/resolution")])), 3, "web page instead of data")

    assert outcome.messages[-1]["type"] == "STATE"
    assert len(outcome.records("jira_issues")) == 60


def test_a_gateway_that_fails_for_ever(tap: Tap, site: Site) -> None:
    """A site that cannot be reached behind its proxy is given up after minutes, with how hard we tried."""
    outcome = ended(tap(to=Faults(site, share=1.0, kinds=["502"])), 4, "502", "8 tries over", "try again later")

    assert len(outcome.waits) == 7
    assert max(outcome.waits) <= 60.25


@pytest.mark.parametrize("kind", ["reset", "timeout", "truncated"])
def test_a_connection_that_fails_for_ever(tap: Tap, site: Site, kind: str) -> None:
    """So is one whose connections break."""
    ended(tap(to=Faults(site, share=1.0, kinds=[kind])), 4, f"no answer ({kind}", "try again later")


def ids(outcome: Outcome) -> list[str]:
    return sorted(record["id"] for record in outcome.records("jira_issues"))


@pytest.mark.parametrize(
    "script",
    [
        ["429:0"] * 5,
        ["429:30", "429"],
        ["503:5", "500", "504"],
        ["truncated", "bad-json", "empty"],
        ["reset", "timeout", "502"],
        [Fault("bad-json", url="/search")] * 4,
        [Fault("empty", url="/search"), Fault("empty", url="/project"), Fault("empty", url="/user")],
    ],
    ids=str,
)
def test_what_passes_costs_nothing(tap: Tap, site: Site, script: list[Fault | str]) -> None:
    """Throttling, broken answers and failures that pass cost time, and not a single row."""
    outcome = tap(to=Faults(site, script))

    assert outcome.code == 0
    assert outcome.logged("CRITICAL") == []
    assert sum(outcome.waits) > 0
    assert ids(outcome) == sorted(str(issue.id) for issue in site.world.issues())


def test_a_failing_stream_does_not_stop_the_others(tap: Tap, site: Site) -> None:
    """A table that cannot be read is named, the others are whole, and the exit code is not 0."""
    outcome = tap(to=Faults(site, [Fault("500", url="/projectCategory")] * 8))

    ended(
        outcome, 4, "jira_project_categories is not complete: GET /rest/api/2/projectCategory", "500", "try again later"
    )
    assert [line.split(":")[0] for line in outcome.logged("ERROR")] == ["ERROR jira_project_categories is not complete"]
    assert outcome.records("jira_project_categories") == []
    assert all(outcome.records(name) for name in ("jira_issues", "jira_projects", "jira_resolutions", "jira_users"))


def test_issues_that_fail_keep_their_bookmark(tap: Tap, site: Site) -> None:
    """If the issues cannot be read at all, the bookmark stays where it was and the other tables come."""
    state = tap().state
    outcome = tap(state=state, to=Faults(site, [Fault("500", url="/2/search")] * 40))

    assert outcome.code == 4
    assert outcome.state["bookmarks"]["jira_issues"]["updated_at"] == state["bookmarks"]["jira_issues"]["updated_at"]
    assert outcome.records("jira_users")


# Permission.


def plain() -> dict[str, str]:
    return {"base_url": BASE, "personal_access_token": f"{TOKEN}-plain"}


def test_roles_that_may_not_be_read(tap: Tap) -> None:
    """Where nobody chose the roles, an account that may not read them is warned, and the run is good."""
    outcome = tap(config=plain())

    assert outcome.code == 0
    assert any("jira_project_roles is skipped" in line for line in outcome.logged("WARNING"))
    assert outcome.records("jira_users")


def test_chosen_roles_that_may_not_be_read(tap: Tap) -> None:
    """Where somebody chose them, the run ends with 3, after everything else."""
    catalog = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = True
    outcome = tap(config=plain(), catalog=catalog)

    ended(outcome, 3, "jira_project_roles is skipped", "the account lacks the permission", "is safe to keep")
    assert outcome.records("jira_users")


# Catalog and state.


def test_the_catalog_of_another_tap(tap: Tap) -> None:
    """Another tap's catalog is recognised."""
    catalog = {"streams": [{"tap_stream_id": "orders", "schema": {"properties": {}}, "metadata": []}]}

    assert ended(tap(catalog=catalog), 2, "another tap's", "--discover").output == b""


def test_a_stream_that_does_not_exist(tap: Tap) -> None:
    """A selected stream that the tap does not have is named."""
    catalog = json.loads(tap("--discover").output)
    about = [{"breadcrumb": [], "metadata": {"selected": True}}]
    catalog["streams"].append({"tap_stream_id": "boards", "schema": {"properties": {}}, "metadata": about})

    ended(tap(catalog=catalog), 2, "'boards'", "discover again")


def test_a_key_that_does_not_fit_the_site(tap: Tap) -> None:
    """A catalog made at a Cloud site does not fit a Data Center, and says to discover again."""
    catalog = json.loads(tap("--discover").output)
    users = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_users")
    users["key_properties"] = users["metadata"][0]["metadata"]["table-key-properties"] = ["accountId"]

    assert ended(tap(catalog=catalog), 2, "jira_users", "where it is key", "discover again").output == b""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ('{"bookmarks": {"jira_issues": {"upd', ["is not JSON", "restore the last whole state"]),
        ("[]", ["holds no Singer state"]),
        ({"bookmarks": {"jira_issues": {"updated_at": "soon"}}}, ["jira_issues.updated_at is no date-time"]),
    ],
)
def test_a_state_that_cannot_be_used(tap: Tap, state: Any, words: list[str]) -> None:
    """A broken state ends the run, as starting anew without a word would be no better."""
    outcome = ended(tap(state=state), 2, *words)

    assert outcome.of_type("RECORD") == []


def test_a_bookmark_in_the_future(tap: Tap, site: Site, time: Time) -> None:
    """A bookmark after Jira's present is put right with a warning, and the difference is read again."""
    state = tap().state
    site.world.edit(10005)
    time.seconds += 7200
    state["bookmarks"]["jira_issues"]["updated_at"] = "2023-11-15T02:13:20.000000Z"
    outcome = tap(state=state)

    assert outcome.code == 0
    (line,) = outcome.logged("WARNING")
    assert "the bookmark, 2023-11-15 02:13 UTC, is 2 h later than Jira's clock" in line
    assert line.endswith("reading from 2023-11-14 21:53 UTC on instead")
    assert "10005" in ids(outcome)
    assert outcome.state["bookmarks"]["jira_issues"]["updated_at"] == "2023-11-15T00:13:20.000000Z"


# The real command, in a process of its own.


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "tap_jira", *argv]


class Slow(Faults):
    """Falls silent when the roles are asked for, until it is let go."""

    def send(self, request: Request) -> Response:
        if "/role" in request.url:
            return super().send(request)
        return self.site.send(request)


class Echo(Faults):
    """Gives away what it was sent when the resolutions are asked for."""

    def send(self, request: Request) -> Response:
        if "/resolution" in request.url:
            sent = request.headers["Authorization"]
            return Response.of_json({"errorMessages": [sent, f"Authorization: {sent}"]}, 400)
        return self.site.send(request)


def config_for(server: Server, tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"base_url": server.url, "personal_access_token": TOKEN}))
    return str(path)


@pytest.fixture
def open_site() -> Site:
    """A site for a process with the machine's own clock."""
    return Site(World(issues=300), accounts=Accounts((Account("tap-reader", tokens={TOKEN: None}),)))


def test_head_reads_one_line(open_site: Site, tmp_path: Path) -> None:
    """Piped into ``head -1`` the command stops quietly with 141."""
    with serve(open_site) as server:
        argv = command("--config", config_for(server, tmp_path))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tap:
            head = subprocess.run(["head", "-1"], stdin=tap.stdout, capture_output=True, check=True)
            assert tap.stdout is not None
            tap.stdout.close()
            assert tap.stderr is not None
            log = tap.stderr.read()

    assert tap.returncode == 141
    assert head.stdout.count(b"\n") == 1
    assert log.count("CRITICAL") == 1
    assert "Traceback" not in log
    assert "BrokenPipe" not in log


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_process(open_site: Site, tmp_path: Path, number: int, code: int) -> None:
    """A signal while Jira is silent ends the command at once, with a STATE as its last line."""
    with serve(Slow(open_site, ["timeout"])) as server:
        argv = command("--config", config_for(server, tmp_path))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tap:
            assert tap.stdout is not None
            assert tap.stderr is not None
            lines = []
            for line in tap.stdout:
                lines.append(json.loads(line))
                if lines[-1]["type"] == "STATE" and "updated_at" in str(lines[-1]["value"]):
                    break
            tap.send_signal(number)
            lines += [json.loads(line) for line in tap.stdout]
            log = tap.stderr.read()

    assert tap.returncode == code
    assert lines[-1]["type"] == "STATE"
    assert "updated_at" in lines[-1]["value"]["bookmarks"]["jira_issues"]
    assert (
        len({line["record"]["id"] for line in lines if line.get("stream") == "jira_issues" and "record" in line}) == 300
    )
    assert log.count("CRITICAL") == 1
    assert "Traceback" not in log


def test_a_server_that_gives_secrets_away(open_site: Site, tmp_path: Path) -> None:
    """What a server quotes back of our credentials is blotted out of the log of the real command."""
    with serve(Echo(open_site)) as server:
        done = subprocess.run(
            command("--config", config_for(server, tmp_path)), capture_output=True, text=True, check=False
        )

    assert done.returncode == 3
    assert TOKEN not in done.stderr + done.stdout
    assert "answered 400: Bearer [secret]; Authorization: [secret]" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("CRITICAL")
