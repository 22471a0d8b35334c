"""The command ``tap-jira authorize``: whole runs against the simulated Jira, in which a person allows or denies."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import threading
import time as clock
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tap_jira.client import Sends
from tap_jira.simulator import Account, Accounts, CloudSite, Site, World
from tap_jira.simulator.credentials import key_pair
from tap_jira.wire import Headers, NetworkError, Request, Response
from tests.fakes import BASE, Outcome, Person, Scripted, Time, run_tap

APPLINKS = f"{BASE}/plugins/servlet/applinks/listApplicationLinks"
READER = Account("tap-reader", "x")


def post(site: Sends, url: str, **fields: str) -> Response:
    """Send a form as a browser does."""
    headers = Headers({"Content-Type": "application/x-www-form-urlencoded"})
    return site.send(Request("POST", url, headers, urlencode(fields).encode()))


class Reader(Person):
    """Opens the address that is told, as ``tap-reader``, decides, and types the code that is shown."""

    def __init__(self, site: Sends, *, decision: str = "approve", types: str | None = None) -> None:
        super().__init__()
        self.site, self.decision, self.types = site, decision, types
        self.code = ""

    @property
    def address(self) -> str:
        addresses: list[str] = re.findall(r"https?://\S+/authorize\?\S+", self.told)
        return addresses[-1]

    def decide(self) -> Response:
        page = self.site.send(Request("GET", self.address))
        assert page.status == 200
        token = parse_qs(urlsplit(self.address).query)["oauth_token"][0]
        assert f'value="{token}"' in page.body.decode()
        form = {"oauth_token": token, "username": "tap-reader", self.decision: "yes"}
        return post(self.site, self.address.partition("?")[0], **form)

    def answer(self) -> str:
        shown = re.search(r"'<b>(\w+)</b>'", self.decide().body.decode())
        self.code = shown[1] if shown else ""
        return f"{self.code if self.types is None else self.types}\n"


class ByBrowser(Reader):
    """Follows the redirect that ends the decision, to where the tap listens."""

    def tell(self, text: str) -> None:
        super().tell(text)
        if text.startswith("Waiting"):
            threading.Thread(target=self.follow, daemon=True).start()

    def follow(self) -> None:
        urllib.request.urlopen(self.decide().headers["Location"], timeout=10).close()


@pytest.fixture
def time() -> Time:
    """Now: signatures are made by this machine's clock."""
    return Time(clock.time())


@pytest.fixture
def site(time: Time) -> Site:
    """A site with a user and without any application link."""
    return Site(World(seed=1, issues=20, now=time), accounts=Accounts((READER,)), base_url=BASE)


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    return key_pair()


@pytest.fixture
def config(tmp_path: Path, keys: tuple[str, str]) -> dict[str, Any]:
    (tmp_path / "jira.pem").write_text(keys[0])
    return {
        "base_url": BASE,
        "oauth_consumer_key": "tap-jira",
        "oauth_private_key_file": str(tmp_path / "jira.pem"),
    }


@pytest.fixture
def link(site: Site, keys: tuple[str, str]) -> None:
    """An application link with the key of the configuration."""
    assert post(site, APPLINKS, consumerKey="tap-jira", consumerName="The tap", publicKey=keys[1]).status == 200


Authorize = Callable[..., Outcome]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


@pytest.fixture
def authorize(path: Path, site: Site, time: Time, config: dict[str, Any]) -> Authorize:
    """Run the command on ``config`` or on another one, with a person at the terminal who allows it."""

    def run(
        *argv: str,
        person: Person | None = None,
        to: Sends | None = None,
        config: Mapping[str, Any] | None = config,
        **options: Any,
    ) -> Outcome:
        if config is not None:
            path.write_text(json.dumps(config, indent=1), encoding="utf-8")
            path.chmod(0o600)
        arguments = ["authorize", "--config", str(path), *argv]
        return run_tap(arguments, to or site, time, person=person or Reader(site), **options)

    return run


def saved(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def refused(outcome: Outcome, path: Path, config: dict[str, Any], *words: str, code: int = 3) -> str:
    """The one line that tells why nothing came of it; the configuration is as it was."""
    assert outcome.code == code, outcome.log
    assert outcome.output == b""
    lines = [line for line in outcome.log.splitlines() if not line.startswith("INFO")]
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0]
    assert saved(path) == config
    return lines[0]


def test_from_nothing_to_a_sync(tmp_path: Path, site: Site, time: Time) -> None:
    """keygen, a link made with what it printed, authorize, and a sync that brings all issues."""
    key, path = tmp_path / "jira.pem", tmp_path / "config.json"
    made = run_tap(["keygen", "--out", str(key)], site, time)
    post(site, APPLINKS, consumerKey="tap-jira", consumerName="x", publicKey=made.output.decode())
    told = re.search(r"\{.*\}", made.told, re.S)
    assert told is not None
    path.write_text(told[0])
    path.chmod(0o600)
    allowed = run_tap(["authorize", "--config", str(path)], site, time, person=Reader(site))
    synced = run_tap(["--config", str(path)], site, time)

    assert (made.code, allowed.code, synced.code) == (0, 0, 0)
    assert len(synced.records("jira_issues")) == 20


@pytest.mark.usefixtures("link")
def test_by_code(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """The code that Jira shows brings the token into the configuration, and who it is and until when is told."""
    outcome = authorize()

    assert (outcome.code, outcome.output, outcome.log) == (0, b"", "")
    assert list(saved(path)) == [*config, "oauth_token", "oauth_token_secret"]
    assert re.search(r"\nJira lets the tap in as .+ \(tap-reader\) until 20\d\d-\d\d-\d\d\.\n", outcome.told)
    assert "config.json has oauth_token and oauth_token_secret now.\n" in outcome.told


@pytest.mark.usefixtures("link")
def test_the_end_of_the_token(authorize: Authorize, time: Time) -> None:
    """The day on which the token ends is the one that Jira names in seconds from now."""
    time.seconds = clock.time()
    end = clock.strftime("%Y-%m-%d", clock.gmtime(time.seconds + 157_680_000))

    assert f" until {end}." in authorize().told


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize("around", ["{}\n", "  {} \r\n", "'{}'\n", "\n\n{}\n", "{}"])
def test_a_code_as_people_paste_it(authorize: Authorize, site: Site, around: str) -> None:
    """Blanks, empty lines and the quotation marks of Jira's page around the code do no harm."""

    class Pasting(Reader):
        lines: list[str] | None = None

        def answer(self) -> str:
            if self.lines is None:
                self.lines = around.format(super().answer().strip()).splitlines(keepends=True)
            return self.lines.pop(0) if self.lines else ""

    assert authorize(person=Pasting(site)).code == 0


@pytest.mark.usefixtures("link")
def test_by_callback(authorize: Authorize, path: Path, site: Site) -> None:
    """A browser that comes back brings the code itself."""
    outcome = authorize("--callback", person=ByBrowser(site))

    assert (outcome.code, outcome.output, outcome.log) == (0, b"", "")
    assert "oauth_token" in saved(path)


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize("way", ["code", "callback"])
def test_no_secret_is_shown(
    authorize: Authorize, path: Path, site: Site, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Neither the token, nor its secret, nor a part of the key is in any output, even if all is logged."""
    monkeypatch.setenv("LOGGING_CONF_FILE", str(verbose(path.with_name("logging.conf"))))
    outcome = authorize(
        *(["--callback"] if way == "callback" else []), person=ByBrowser(site) if way == "callback" else Reader(site)
    )
    values = saved(path)
    shown = outcome.log + outcome.told + outcome.output.decode()

    assert outcome.code == 0
    assert "DEBUG" in outcome.log
    for secret in (values["oauth_token"], values["oauth_token_secret"], *keys[0].splitlines()[1:-1]):
        assert secret not in shown


def verbose(path: Path) -> Path:
    """A configuration of logging that shows everything."""
    path.write_text(
        "[loggers]\nkeys=root,oauthlib,requests_oauthlib\n[handlers]\nkeys=stderr\n[formatters]\nkeys=plain\n"
        "[logger_root]\nlevel=DEBUG\nhandlers=stderr\n"
        "[logger_oauthlib]\nlevel=DEBUG\nhandlers=\nqualname=oauthlib\n"
        "[logger_requests_oauthlib]\nlevel=DEBUG\nhandlers=\nqualname=requests_oauthlib\n"
        "[handler_stderr]\nclass=StreamHandler\nargs=(sys.stderr,)\nformatter=plain\n"
        "[formatter_plain]\nformat=%(levelname)s %(message)s\n"
    )
    return path


@pytest.mark.usefixtures("link")
def test_denied_by_code(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """Who has chosen Deny may type what they like: Jira's word for it is told."""
    outcome = authorize(person=Reader(site, decision="deny", types="no"))

    refused(outcome, path, config, "permission_denied", "access was denied in the browser", "choose Allow")


@pytest.mark.usefixtures("link")
def test_denied_by_callback(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """A browser that comes back with the word denied has denied, and nothing is exchanged."""
    asked: list[str] = []
    site.after_request = lambda request, response: asked.append(request.url.rsplit("/", 1)[-1])
    outcome = authorize("--callback", person=ByBrowser(site, decision="deny"))

    refused(outcome, path, config, "permission_denied", "access was denied in the browser", "choose Allow")
    assert "access-token" not in asked


@pytest.mark.usefixtures("link")
def test_a_wrong_code(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """A wrong code is told as such."""
    outcome = authorize(person=Reader(site, types="wrong1"))

    refused(outcome, path, config, "token_rejected: the verification code is wrong", "run tap-jira authorize again")


@pytest.mark.usefixtures("link")
def test_a_code_that_is_too_old(
    authorize: Authorize, path: Path, site: Site, time: Time, config: dict[str, Any]
) -> None:
    """A code that was typed after ten minutes is told as such."""

    class Slow(Reader):
        def answer(self) -> str:
            code = super().answer()
            time.seconds += 600
            return code

    outcome = authorize(person=Slow(site))

    refused(outcome, path, config, "token_expired: the verification code is wrong, was used before or is older than")


@pytest.mark.usefixtures("link")
def test_nobody_has_allowed_yet(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """A code that is typed before anybody allowed is told as such."""

    class Hasty(Person):
        def answer(self) -> str:
            return "guessed\n"

    refused(authorize(person=Hasty()), path, config, "permission_unknown: nobody has chosen Allow in the browser yet")


@pytest.mark.usefixtures("link")
def test_stdin_at_its_end(authorize: Authorize, path: Path, config: dict[str, Any]) -> None:
    """Where no code can come, the command ends."""
    refused(authorize(person=Person()), path, config, "no verification code came on stdin")


@pytest.mark.usefixtures("link")
def test_an_exchange_whose_answer_got_lost(
    authorize: Authorize, path: Path, site: Site, config: dict[str, Any]
) -> None:
    """A request token is good for one exchange: where its answer is lost, the line says to start again."""

    class Losing:
        def send(self, request: Request) -> Response:
            response = site.send(request)
            if request.url.endswith("/access-token") and response.status == 200:
                raise NetworkError("reset")
            return response

    refused(authorize(to=Losing()), path, config, "token_rejected", "was used before", "run tap-jira authorize again")


def test_no_link(authorize: Authorize, path: Path, config: dict[str, Any]) -> None:
    """Without a link with this key, the line says so before anybody is asked for anything."""
    outcome = authorize()

    refused(outcome, path, config, "consumer_key_unknown", "Jira has no application link with this oauth_consumer_key")
    assert outcome.told == ""


@pytest.mark.usefixtures("link")
def test_another_public_key(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """A link that has the public half of another key is told as such."""
    post(site, APPLINKS, consumerKey="tap-jira", consumerName="x", publicKey=key_pair()[1])

    refused(authorize(), path, config, "signature_invalid", "the public key in the application link is not the other")


def test_clocks_that_differ(
    authorize: Authorize, path: Path, time: Time, config: dict[str, Any], keys: tuple[str, str]
) -> None:
    """A clock that is an hour off is named, with the difference."""
    late = Site(World(issues=1, now=lambda: time() - 3600), accounts=Accounts((READER,)), base_url=BASE)
    post(late, APPLINKS, consumerKey="tap-jira", publicKey=keys[1])

    refused(authorize(to=late), path, config, "timestamp_refused", "NTP", "Jira's clock is -36")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (NetworkError("connect", "refused"), 4, ["could not be reached (refused) (2 tries", "check base_url"]),
        (NetworkError("tls", "self-signed"), 3, ["no trusted connection to", "(self-signed)", "set ca_bundle"]),
        (NetworkError("redirect", "https://sso.example.com"), 3, ["was redirected to https://sso.example.com"]),
        (Response(200, Headers({"Content-Type": "text/html"}), b"<html>Log in"), 3, ["web page instead of data"]),
        (Response(404, Headers(), b""), 3, ["there is no OAuth 1.0a at this address", "context path", "Jira Cloud"]),
        (Response(200, Headers(), b"oauth_token=t"), 4, ["was answered without a token (2 tries"]),
        (Response(503, Headers(), b""), 4, ["was answered 503"]),
    ],
)
def test_what_may_stand_in_the_way(
    authorize: Authorize, path: Path, config: dict[str, Any], answer: Any, code: int, words: list[str]
) -> None:
    """What cannot be reached, is no Jira, or has no OAuth 1.0a is told in one line that says what to do."""
    outcome = authorize(to=Scripted(answer))

    refused(outcome, path, config, "POST /plugins/servlet/oauth/request-token", *words, code=code)


def test_cloud(authorize: Authorize, path: Path, time: Time, config: dict[str, Any]) -> None:
    """Jira Cloud is told as such."""
    refused(authorize(to=CloudSite(World(issues=1, now=time))), path, config, "for Jira Cloud see docs/connect.md")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oauth_consumer_key": None, "oauth_private_key_file": None}, ["oauth_consumer_key is missing", "or oauth_"]),
        ({"oauth_private_key_file": None}, ["oauth_private_key or oauth_private_key_file is missing"]),
        ({"base_url": None, "cloud_id": "an-id"}, ["base_url is missing"]),
        (
            {"oauth_private_key_file": "/nowhere.pem"},
            ["oauth_private_key_file, '/nowhere.pem', cannot be read: No such file"],
        ),
        ({"personal_access_token": "x" * 9}, ["is for OAuth 1.0a", "is given (personal_access_token): remove that"]),
        (
            {"oauth_client_id": "c", "oauth_client_secret": "secret"},
            ["is for OAuth 1.0a", "docs/connect.md", "OAuth 2.0 is under"],
        ),
    ],
)
def test_configurations_that_will_not_do(
    authorize: Authorize, path: Path, config: dict[str, Any], changes: dict[str, Any], words: list[str]
) -> None:
    """What is missing, or too much, is told with 2, and nothing is asked."""
    changed = {**config, **changes}

    refused(authorize(config=changed, to=Scripted(NetworkError("connect"))), path, changed, *words, code=2)


def test_a_sync_before_it(path: Path, site: Site, time: Time, config: dict[str, Any]) -> None:
    """A sync without a token says which command gets one."""
    path.write_text(json.dumps(config))
    outcome = run_tap(["--config", str(path)], site, time)

    assert outcome.code == 2
    assert "oauth_token is missing (run tap-jira authorize --config FILE" in outcome.log


@pytest.mark.usefixtures("link")
def test_tokens_that_are_replaced(authorize: Authorize, path: Path, config: dict[str, Any]) -> None:
    """Tokens of before are replaced where they stand, all else stays as it was, and that is told."""
    old = {"oauth_token": "old-token", "start_date": "2024-01-01", "oauth_token_secret": "old-secret", "jql": 'a = "ü"'}
    outcome = authorize(config={**config, **old})
    values = saved(path)

    assert list(values) == [*config, *old]
    assert {name: values[name] for name in (*config, "start_date", "jql")} == {
        **config,
        "start_date": "2024-01-01",
        "jql": 'a = "ü"',
    }
    assert values["oauth_token"] != "old-token"
    assert "now, in the place of those that it had.\n" in outcome.told


@pytest.mark.usefixtures("link")
def test_the_look_of_the_file_stays(authorize: Authorize, path: Path, config: dict[str, Any]) -> None:
    """Indentation and letters beyond ASCII are kept as they were written."""
    path.write_text(json.dumps({**config, "user_agent": "x", "note": "für uns"}, indent="\t", ensure_ascii=False))
    authorize(config=None)
    text = path.read_text(encoding="utf-8")

    assert text.startswith('{\n\t"base_url"')
    assert '\n\t"note": "für uns",\n\t"oauth_token": ' in text


@pytest.mark.usefixtures("link")
def test_a_token_in_the_environment(authorize: Authorize) -> None:
    """A token in the environment, which would win over the new one in the file, is named."""
    outcome = authorize(environment={"TAP_JIRA_OAUTH_TOKEN": "old-token"})

    assert outcome.code == 0
    assert "But TAP_JIRA_OAUTH_TOKEN is set in the environment, which wins over the file: remove it" in outcome.told
    assert "TAP_JIRA_OAUTH_TOKEN_SECRET" not in outcome.told


@pytest.mark.usefixtures("link")
def test_a_key_in_the_environment(authorize: Authorize, path: Path, keys: tuple[str, str]) -> None:
    """The key may come from the environment, and does not get into the file."""
    environment = {"TAP_JIRA_OAUTH_PRIVATE_KEY": keys[0], "TAP_JIRA_OAUTH_CONSUMER_KEY": "tap-jira"}

    assert authorize(config={"base_url": BASE}, environment=environment).code == 0
    assert list(saved(path)) == ["base_url", "oauth_token", "oauth_token_secret"]


@pytest.mark.usefixtures("link")
def test_a_file_that_everybody_can_read(authorize: Authorize, path: Path, config: dict[str, Any]) -> None:
    """A configuration that everybody could read is its owner's alone before a secret gets into it, and that is told."""
    path.write_text(json.dumps(config))
    path.chmod(0o644)
    outcome = authorize(config=None)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert outcome.told.count(f"{path} could be read by others; it is for its owner alone now (mode 0600).\n") == 1


@pytest.mark.parametrize("good", [0, 1])
@pytest.mark.usefixtures("link")
def test_a_file_that_cannot_be_replaced(
    authorize: Authorize, path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    """Where the file cannot be replaced it stays as it was; mostly that is found out before anybody is asked."""
    done: list[object] = []
    replace = os.replace

    def refuse(*paths: Any) -> None:
        if len(done) >= good:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        done.append(paths)
        replace(*paths)

    monkeypatch.setattr(os, "replace", refuse)
    outcome = authorize()

    refused(outcome, path, config, "config.json cannot be replaced (Device or resource busy)", code=1)
    assert ("/authorize?" in outcome.told) is bool(good)
    assert sorted(file.name for file in path.parent.iterdir()) == ["config.json", "jira.pem"]


@pytest.mark.usefixtures("link")
def test_a_token_that_opens_nothing(authorize: Authorize, path: Path, site: Site, config: dict[str, Any]) -> None:
    """A token with which Jira does not know us gets into no configuration."""

    class Forgetful:
        def send(self, request: Request) -> Response:
            if request.url.endswith("/myself"):
                return Response.of_json({}, 401)
            return site.send(request)

    refused(authorize(to=Forgetful()), path, config, "GET /rest/api/2/myself was answered 401")
