"""OAuth 2.0: a token is always good, and no refresh token is ever spent without its successor being kept."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time as clock
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
from tests.oauth2.runs import MYSELF, grant, sender_of


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


def test_two_sites_of_one_authorisation(atlassian: Atlassian, time: Time, tmp_path: Path) -> None:
    """Configurations for two sites with the same refresh token share what grows from it."""
    environment = {"HOME": str(tmp_path)}
    pool = Inline(time)
    retry = Retry(pool, Gate(pool, 4))
    for base_url in (BASE, "https://another.example.com"):
        given: dict[str, Any] = {**OAUTH2, "base_url": base_url}
        config = Config(**given)
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
