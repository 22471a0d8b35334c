"""OAuth 2.0: a token is always good, and no refresh token is ever spent without its successor being kept."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time as clock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_jira.config import Config
from tap_jira.errors import AuthError, ConfigError
from tap_jira.oauth2 import Bearer, bearer
from tap_jira.pace import Gate
from tap_jira.retry import Retry
from tap_jira.simulator import Account, Accounts, Site, World, serve
from tap_jira.wire import NetworkError, Request, Response
from tests.atlassian import CLOUD_ID, FIRST, GATEWAY, ISSUER, LEEWAY, LIFE, OAUTH2, SECRET, Atlassian, Issued
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Inline, Time

MYSELF = Request("GET", f"{GATEWAY}/rest/api/2/myself")


@pytest.fixture
def atlassian(site: Site, time: Time) -> Atlassian:
    return Atlassian(site, time)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the tokens are kept: a folder that does not exist yet."""
    return tmp_path / "state" / "tokens.json"


@pytest.fixture
def config(kept: Path) -> dict[str, Any]:
    return {**OAUTH2, "token_file": str(kept)}


@pytest.fixture
def sender(atlassian: Atlassian, config: dict[str, Any], time: Time) -> Bearer:
    return sender_of(atlassian, config, time)


def sender_of(atlassian: Any, config: dict[str, Any], time: Time) -> Bearer:
    """What a run sends its requests with."""
    pool = Inline(time)
    retry = Retry(pool, Gate(pool, 4), jitter=lambda seconds: seconds)
    return bearer(Config(**config), atlassian, retry, {}, lambda secret: None)


def grant(path: Path) -> dict[str, Any]:
    """The one grant that the file holds."""
    [found] = json.loads(path.read_text()).values()
    return dict(found)


def test_a_whole_run(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """A sync goes through the gateway with one access token, and the next refresh token is kept."""
    outcome = tap(to=atlassian)

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)
    assert atlassian.refreshes == 1
    assert grant(kept)["refresh_token"] == "refresh-token-1"
    assert f"INFO Jira is asked through Atlassian's gateway, {GATEWAY}" in outcome.logged("INFO")


def test_the_next_run_goes_on_with_the_kept_token(tap: Tap, atlassian: Atlassian, time: Time) -> None:
    """A token that is still good is used by the next run; after its time the kept refresh token brings another."""
    tap(to=atlassian)
    assert (tap(to=atlassian).code, atlassian.refreshes) == (0, 1)
    time.seconds += 24 * 3600

    assert (tap(to=atlassian).code, atlassian.refreshes) == (0, 2)


def test_a_run_that_outlasts_its_tokens(tap: Tap, atlassian: Atlassian) -> None:
    """A sync of many hours renews its token whenever it must, and every issue comes once."""
    outcome = tap(to=atlassian, seconds_a_request=1000.0)

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)
    assert atlassian.refreshes > 3


def test_the_configuration_is_never_written(tap: Tap, atlassian: Atlassian, tmp_path: Path) -> None:
    """What the user gave stays as it was."""
    tap(to=atlassian)
    before = (tmp_path / "config.json").read_bytes()
    tap(to=atlassian)

    assert (tmp_path / "config.json").read_bytes() == before


@pytest.mark.parametrize("secret", [FIRST, SECRET, "refresh-token-1", "access-token-1"])
def test_no_token_is_shown(tap: Tap, atlassian: Atlassian, secret: str) -> None:
    """Neither the configured secrets nor the tokens got during the run are in the log, even if Jira quotes them."""
    atlassian.jira = Quoting(f"{FIRST} {SECRET} refresh-token-1 access-token-1")
    outcome = tap(to=atlassian)

    assert (outcome.code, outcome.log.count("[secret]")) == (3, 4)
    assert secret not in outcome.log


class Quoting:
    """A Jira that refuses everything with these words."""

    def __init__(self, words: str) -> None:
        self._words = words

    def send(self, request: Request) -> Response:
        return Response.of_json({"errorMessages": [self._words]}, 400)


def test_the_file_is_for_the_user_alone(sender: Bearer, kept: Path) -> None:
    """The tokens lie in a file with mode 0600, and nothing but its lock stays beside it."""
    sender.send(MYSELF)

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(path.name for path in kept.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_link_stays_one(atlassian: Atlassian, config: dict[str, Any], time: Time, kept: Path, tmp_path: Path) -> None:
    """Where token_file is a link, what it leads to is replaced."""
    kept.parent.mkdir()
    kept.symlink_to(tmp_path / "elsewhere.json")
    sender_of(atlassian, config, time).send(MYSELF)

    assert kept.is_symlink()
    assert grant(tmp_path / "elsewhere.json")["refresh_token"] == "refresh-token-1"


@pytest.mark.parametrize(("age", "refreshes"), [(0, 1), (LIFE - 301, 1), (LIFE - 300, 2), (LIFE + 1, 2)])
def test_a_token_is_renewed_before_it_ends(
    sender: Bearer, atlassian: Atlassian, time: Time, age: int, refreshes: int
) -> None:
    """From five minutes before its end on a token is no longer used."""
    sender.send(MYSELF)
    time.seconds += age

    assert sender.send(MYSELF).status == 200
    assert atlassian.refreshes == refreshes


def test_a_token_that_ends_early(sender: Bearer, atlassian: Atlassian) -> None:
    """A token that Jira takes no longer, whatever we thought of it, is renewed once and the request sent again."""
    sender.send(MYSELF)
    atlassian.revoke()

    assert (sender.send(MYSELF).status, atlassian.refreshes) == (200, 2)


def test_a_missing_scope_renews_nothing(sender: Bearer, atlassian: Atlassian) -> None:
    """A token that does not reach so far is not exchanged: the next would not either."""
    said = {"code": 401, "message": "Unauthorized; scope does not match"}
    atlassian.jira = Always(Response.of_json(said, 401))

    assert (sender.send(MYSELF).status, atlassian.refreshes) == (401, 1)


def test_a_missing_scope_costs_one_table(tap: Tap, atlassian: Atlassian) -> None:
    """Without the scope for project roles that table is skipped, and the others come."""
    said = {"code": 401, "message": "Unauthorized; scope does not match"}
    atlassian.jira = Always(Response.of_json(said, 401), atlassian.jira, "/rest/api/2/role")
    outcome = tap(to=atlassian)

    assert (outcome.code, len(outcome.records("jira_users")) > 0) == (0, True)
    assert "jira_project_roles is skipped" in outcome.log


class Always:
    """Gives one answer, to all or to one address; another Jira answers the rest."""

    def __init__(self, response: Response, other: Any = None, path: str = "") -> None:
        self._response, self._other, self._path = response, other, path

    def send(self, request: Request) -> Response:
        return self._response if request.url.endswith(self._path) else self._other.send(request)


def test_a_token_that_is_never_good(tap: Tap, atlassian: Atlassian) -> None:
    """Where new tokens are refused as well, the run ends after one more, and does not ask for ever."""
    atlassian.jira = Always(Response.of_json({"message": "no"}, 401))
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes) == (3, 2)


def test_threads_share_one_renewal(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """Of several threads whose requests are refused together one renews the token, and the others use that."""
    together = threading.Barrier(8)

    class Together:
        def send(self, request: Request) -> Response:
            response = atlassian.send(request)
            if response.status == 401:
                together.wait(timeout=30)
            return response

    sender = sender_of(Together(), config, time)
    sender.send(MYSELF)
    atlassian.revoke()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(sender.send(MYSELF).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses, atlassian.refreshes) == ([200] * 8, 2)


def test_two_runs_at_once(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """Runs that begin together, each with its own view of the file, spend the refresh token once."""
    senders = [sender_of(atlassian, config, time) for _ in range(8)]
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda it=it: statuses.append(it.send(MYSELF).status)) for it in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses, atlassian.refreshes) == ([200] * 8, 1)


def test_another_run_has_renewed(sender: Bearer, atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """A token that ends in the midst of a run is replaced by the one that another run has got meanwhile."""
    sender.send(MYSELF)
    time.seconds += LIFE
    sender_of(atlassian, config, time).send(MYSELF)

    assert (sender.send(MYSELF).status, atlassian.refreshes) == (200, 2)


def test_processes_that_begin_together(tmp_path: Path, kept: Path) -> None:
    """Of real commands that start at the same time one spends the refresh token, and all of them log in."""
    account = Account("tap-reader", "", True, "Europe/Berlin", {TOKEN: None})
    with serve(Site(World(issues=3), accounts=Accounts((account,)))) as server:
        atlassian = server.sender = Atlassian(server.sender, clock.time, server.url)  # type: ignore[assignment]
        config = {**OAUTH2, "base_url": server.url, "token_file": str(kept)}
        (tmp_path / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "tap_jira", "--config", str(tmp_path / "config.json"), "--discover"]
        quiet = subprocess.DEVNULL
        runs = [subprocess.Popen(command, stdout=quiet, stderr=quiet) for _ in range(4)]

        assert [run.wait(timeout=120) for run in runs] == [0] * 4
        assert atlassian.refreshes == 1


def test_a_renewal_is_not_cut_off(atlassian: Atlassian, config: dict[str, Any], time: Time, kept: Path) -> None:
    """A run that ends while another thread has spent the refresh token waits until the next one is on the disk."""
    spent, go = threading.Event(), threading.Event()

    class Slow:
        def send(self, request: Request) -> Response:
            response = atlassian.send(request)
            spent.set()
            go.wait()
            return response

    sender = sender_of(Slow(), config, time)
    thread = threading.Thread(target=lambda: sender.send(MYSELF))
    thread.start()
    spent.wait()
    go.set()
    sender.close()

    assert grant(kept)["refresh_token"] == "refresh-token-1"
    thread.join()


def test_the_token_is_kept_before_it_is_used(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """A run that dies at its first request has kept the new refresh token, and the next run works a day later."""
    with pytest.raises(KeyboardInterrupt):
        sender_of(Dies(atlassian, GATEWAY), config, time).send(MYSELF)
    time.seconds += 24 * 3600

    assert sender_of(atlassian, config, time).send(MYSELF).status == 200


def test_a_run_that_dies_before_it_could_keep_the_token(
    atlassian: Atlassian, config: dict[str, Any], time: Time, kept: Path
) -> None:
    """A run that dies with the answer in its hands leaves no half file, and the next uses the old token in time."""
    with pytest.raises(KeyboardInterrupt):
        sender_of(Dies(atlassian, ISSUER), config, time).send(MYSELF)
    assert not kept.exists()
    time.seconds += LEEWAY

    assert sender_of(atlassian, config, time).send(MYSELF).status == 200


class Dies:
    """Sends what goes to an address, and is killed before the answer arrives."""

    def __init__(self, inner: Any, address: str) -> None:
        self._inner, self._address = inner, address

    def send(self, request: Request) -> Response:
        response: Response = self._inner.send(request)
        if request.url.startswith(self._address):
            raise KeyboardInterrupt
        return response


def test_an_answer_that_got_lost(sender: Bearer, atlassian: Atlassian) -> None:
    """The same refresh token is sent again after a failure on the way, as Atlassian provides for."""
    atlassian.lost_answers = 2

    assert (sender.send(MYSELF).status, atlassian.refreshes) == (200, 3)


def test_an_issuer_that_cannot_be_reached(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """A connection that fails on the way to a token is tried again."""
    failures = [NetworkError("reset"), NetworkError("timeout")]

    class Unsteady:
        def send(self, request: Request) -> Response:
            response = atlassian.send(request)
            if failures and request.url.startswith(ISSUER):
                raise failures.pop()
            return response

    assert sender_of(Unsteady(), config, time).send(MYSELF).status == 200
    assert atlassian.refreshes == 3


def test_what_is_not_to_be_signed_carries_no_token(sender: Bearer, atlassian: Atlassian) -> None:
    """A request for anybody's eyes goes as it is, and needs no token."""
    sender.send(Request("GET", f"{BASE}/_edge/tenant_info", signed=False))

    assert ("Authorization" in atlassian.asked[0].headers, atlassian.refreshes) == (False, 0)


def test_an_issuer_that_keeps_failing(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """An issuer that is down is no fault of the credentials: the run ends with 4, and the token is still ours."""
    atlassian.lost_answers = 99
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes, kept.exists()) == (4, 8, False)


def test_a_file_that_was_deleted(tap: Tap, atlassian: Atlassian, kept: Path, time: Time) -> None:
    """Without its file the tap has only the spent token, and the error says what to do and what to look for."""
    tap(to=atlassian)
    kept.unlink()
    time.seconds += 24 * 3600
    outcome = tap(to=atlassian)

    assert outcome.code == 3
    assert "POST /oauth/token was answered 403: unauthorized_client; Unknown or invalid refresh token." in outcome.log
    assert "authorise again and put the new refresh_token into the configuration" in outcome.log
    assert "see that token_file stays between runs" in outcome.log


def test_a_wrong_secret(tap: Tap, atlassian: Atlassian, config: dict[str, Any]) -> None:
    """A wrong client secret is told apart from a dead refresh token."""
    outcome = tap(to=atlassian, config={**config, "oauth_client_secret": "another-secret"})

    assert outcome.code == 3
    assert "check oauth_client_id and oauth_client_secret" in outcome.log
    assert "authorise again" not in outcome.log


def test_a_new_authorisation_wins(tap: Tap, atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """A refresh token that the file did not grow from is used in place of what is kept."""
    tap(to=atlassian)
    atlassian.issued = {"a-second-authorisation": atlassian.issued[FIRST]}
    atlassian.issued["a-second-authorisation"].spent_at = None

    assert tap(to=atlassian, config={**config, "refresh_token": "a-second-authorisation"}).code == 0


def test_two_authorisations_in_one_file(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """Two configurations with refresh tokens of their own share a file and leave each other's tokens alone."""
    atlassian.issued["of-somebody-else"] = Issued("unused", 0.0)
    for _ in range(3):
        assert sender_of(atlassian, config, time).send(MYSELF).status == 200
        assert sender_of(atlassian, {**config, "refresh_token": "of-somebody-else"}, time).send(MYSELF).status == 200
        time.seconds += 24 * 3600

    assert atlassian.refreshes == 6


def test_dead_tokens_are_forgotten(atlassian: Atlassian, config: dict[str, Any], time: Time, kept: Path) -> None:
    """What grew from an authorisation that nobody used for 90 days is left out of the file."""
    sender_of(atlassian, config, time).send(MYSELF)
    time.seconds += 90 * 24 * 3600
    atlassian.issued["a-second-authorisation"] = Issued("unused", 0.0)
    sender_of(atlassian, {**config, "refresh_token": "a-second-authorisation"}, time).send(MYSELF)

    assert grant(kept)["refresh_token"] == "refresh-token-3"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": 1}',
        '{"a": {"refresh_token": "x"}}',
        '{"a": {"refresh_token": 1, "access_token": "a"}}',
        "\xff",
    ],
)
def test_a_file_that_is_broken(tap: Tap, atlassian: Atlassian, kept: Path, text: str) -> None:
    """A file that the tap did not write so is an error, the file stays as it is, and no token is spent."""
    kept.parent.mkdir()
    kept.write_bytes(text.encode("latin-1"))
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes, kept.read_bytes()) == (2, 0, text.encode("latin-1"))
    assert "is not as this tap writes it; restore it, or delete it, authorise again" in outcome.log


def test_an_empty_file_is_as_good_as_none(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """A file that was only created, as for its permissions, is filled."""
    kept.parent.mkdir()
    kept.touch()

    assert tap(to=atlassian).code == 0
    assert grant(kept)["refresh_token"] == "refresh-token-1"


@pytest.fixture
def unwritable(kept: Path) -> Iterator[Path]:
    """A folder in which the file cannot be made, even by root: something else has its name."""
    kept.parent.mkdir()
    (kept.parent / "tokens.json.part").mkdir()
    return kept


def test_a_folder_that_cannot_be_written(tap: Tap, atlassian: Atlassian, unwritable: Path) -> None:
    """Where the next token cannot be kept, the one that is there is not spent, and the error says what to set."""
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "set token_file to a path in a folder that this account may write" in outcome.log


def test_a_folder_that_cannot_be_made(tap: Tap, atlassian: Atlassian, config: dict[str, Any], tmp_path: Path) -> None:
    """A path that leads through a file is an error that names it."""
    (tmp_path / "a-file").touch()
    outcome = tap(to=atlassian, config={**config, "token_file": str(tmp_path / "a-file" / "tokens.json")})

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "a-file/tokens.json cannot be read and written (" in outcome.log


def test_a_full_disk(
    tap: Tap, atlassian: Atlassian, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room is found out before the token is spent."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    config_path = tmp_path / "config.json"
    config_path.write_text(json.dumps(config))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        outcome = tap("--config", str(config_path), to=atlassian, config=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert (outcome.code, atlassian.refreshes) == (2, 0)


def test_a_token_that_could_not_be_kept(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """Where keeping fails at the last moment, the error tells how long the old token still helps."""

    def spoil() -> None:
        kept.mkdir()

    outcome = tap(to=Watched(atlassian, spoil))

    assert (outcome.code, atlassian.refreshes, len(atlassian.asked)) == (2, 1, 1)
    assert "the new refresh token could not be saved" in outcome.log
    assert "make room and run again by then, or authorise again" in outcome.log


class Watched:
    """Calls back before each request."""

    def __init__(self, inner: Any, before: Any) -> None:
        self._inner, self._before = inner, before

    def send(self, request: Request) -> Response:
        self._before()
        response: Response = self._inner.send(request)
        return response


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_STATE_HOME": "{}/xdg", "HOME": "{}/home"}, "xdg/tap-jira"),
        ({"HOME": "{}/home"}, "home/.local/state/tap-jira"),
        ({"XDG_STATE_HOME": "relative", "HOME": "{}/home"}, "home/.local/state/tap-jira"),
    ],
)
def test_where_tokens_are_kept_by_default(
    tap: Tap, atlassian: Atlassian, tmp_path: Path, environment: dict[str, str], folder: str
) -> None:
    """Without token_file the tokens lie in the user's folder for state, in a file for this client."""
    environment = {name: value.format(tmp_path) for name, value in environment.items()}

    assert tap(to=atlassian, config=OAUTH2, environment=environment).code == 0
    assert len(list((tmp_path / folder).glob("oauth-*.json"))) == 1


def test_no_place_for_tokens(tap: Tap, atlassian: Atlassian) -> None:
    """Without a home folder token_file must be set, and no token is spent."""
    outcome = tap(to=atlassian, config=OAUTH2)

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "set token_file" in outcome.log


def test_two_sites_of_one_authorisation(atlassian: Atlassian, time: Time, tmp_path: Path) -> None:
    """Configurations for two sites with the same refresh token share what grows from it."""
    environment = {"HOME": str(tmp_path)}
    pool = Inline(time)
    retry = Retry(pool, Gate(pool, 4))
    for base_url in (BASE, "https://another.example.com"):
        config = Config(**{**OAUTH2, "base_url": base_url})
        assert bearer(config, atlassian, retry, environment, lambda secret: None).send(MYSELF).status == 200

    assert atlassian.refreshes == 1


def test_the_site_is_found_by_its_address(tap: Tap, atlassian: Atlassian, config: dict[str, Any]) -> None:
    """Without cloud_id the site is the one at base_url, not the first that the token may see."""
    del config["cloud_id"]

    assert tap(to=atlassian).code == 0


def test_a_site_that_the_token_may_not_see(tap: Tap, atlassian: Atlassian, config: dict[str, Any]) -> None:
    """Where no site has that address, the error names the ones that are there."""
    del config["cloud_id"]
    atlassian.sites = [{"id": "a", "url": "https://a.example.com"}, {"id": "b", "url": "https://b.example.com"}]
    outcome = tap(to=atlassian)

    assert outcome.code == 2
    assert "the OAuth 2.0 token may see https://a.example.com, https://b.example.com, but not base_url" in outcome.log


def test_without_an_address(tap: Tap, atlassian: Atlassian, config: dict[str, Any]) -> None:
    """cloud_id alone says which site it is."""
    del config["base_url"]

    assert tap(to=atlassian).code == 0


def test_an_access_token_alone(tap: Tap, atlassian: Atlassian) -> None:
    """An access token works until it ends; then the error says what would last."""
    atlassian.issued[FIRST].dies_at = 2e9
    config = {"base_url": BASE, "cloud_id": CLOUD_ID, "access_token": "the-first-access-token"}
    assert tap(to=atlassian, config=config).code == 0
    atlassian.revoke()
    outcome = tap(to=atlassian, config=config)

    assert (outcome.code, atlassian.refreshes) == (3, 0)
    assert "Atlassian does not accept access_token, or not any more: it lives for an hour" in outcome.log


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"access_token": ""}, 4),
        ({"access_token": "two\nlines"}, 4),
        ({"access_token": 5}, 4),
        ([], 4),
        ({"access_token": "access-token-1"}, 0),
        ({"access_token": "access-token-1", "refresh_token": None, "expires_in": "soon"}, 0),
        ({"access_token": "access-token-1", "refresh_token": "r", "expires_in": 60}, 0),
    ],
)
def test_odd_answers_of_the_issuer(tap: Tap, atlassian: Atlassian, answer: Any, code: int) -> None:
    """An answer without a token is asked for again and then given up; what else is missing has a sensible value."""
    atlassian.issued["refresh-token-1"] = Issued("access-token-1", 2e9)

    assert tap(to=Issuer(atlassian, answer)).code == code


class Issuer:
    """Answers every request for a token in one way."""

    def __init__(self, inner: Any, answer: Any) -> None:
        self._inner, self._answer = inner, answer

    def send(self, request: Request) -> Response:
        if request.url == f"{ISSUER}/oauth/token":
            return Response.of_json(self._answer)
        response: Response = self._inner.send(request)
        return response


def test_a_loopback_site_has_all_beside_it(time: Time, config: dict[str, Any], site: Site) -> None:
    """For a Jira on this machine nothing goes to the real Atlassian: tokens come from the same address."""
    asked: list[str] = []

    class Local:
        def send(self, request: Request) -> Response:
            asked.append(request.url)
            return Response.of_json({"access_token": "a", "refresh_token": "b", "expires_in": 3600})

    sender_of(Local(), {**config, "base_url": "http://127.0.0.1:8080"}, time).send(
        Request("GET", "http://127.0.0.1:8080/ex/jira/x/rest/api/2/myself")
    )

    assert asked == ["http://127.0.0.1:8080/oauth/token", "http://127.0.0.1:8080/ex/jira/x/rest/api/2/myself"]


def test_errors_have_their_kinds(atlassian: Atlassian, config: dict[str, Any], time: Time, unwritable: Path) -> None:
    """A place that cannot be written is the configuration's fault, a refused token the credentials'."""
    with pytest.raises(ConfigError):
        sender_of(atlassian, config, time).send(MYSELF)
    with pytest.raises(AuthError):
        sender_of(atlassian, {**config, "token_file": str(unwritable.parent / "x"), "refresh_token": "no"}, time).send(
            MYSELF
        )
