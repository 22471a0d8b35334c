"""The check: whole runs that say whether a sync would work, at both kinds of site, with what can go wrong."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tap_jira.client import Sends
from tap_jira.simulator import (
    Account,
    Accounts,
    CloudAccount,
    CloudAccounts,
    CloudCredentials,
    CloudSite,
    Credentials,
    Fault,
    Faults,
    Site,
    World,
)
from tap_jira.streams import STREAMS
from tap_jira.wire import NetworkError, Request, Response
from tests.atlassian import OAUTH2, Atlassian
from tests.conftest import PASSWORD, TOKEN, Tap
from tests.fakes import BASE, CLOUD, START, Outcome, Scripted, Time, run_tap

DAY = 86_400


def facts(outcome: Outcome) -> dict[str, Any]:
    """What ``--json`` printed: one object, and nothing else."""
    found: dict[str, Any] = json.loads(outcome.output)
    return found


def screen(outcome: Outcome) -> list[str]:
    """The lines of the screen, each with its blanks put together."""
    return [" ".join(line.split()) for line in outcome.output.decode().splitlines()]


def readable(outcome: Outcome) -> dict[str, bool | None]:
    return {stream["name"]: stream["readable"] for stream in facts(outcome)["streams"]}


def chosen(tap: Tap, *names: str) -> dict[str, Any]:
    """A catalog that selects these streams."""
    catalog: dict[str, Any] = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = entry["stream"] in names
    return catalog


def test_a_data_center_that_works(tap: Tap) -> None:
    """One screen says who answers, who we are, what can be read, how much there is, and that a sync would work."""
    outcome = tap("check", seconds_a_request=0.1)

    lines = screen(outcome)
    assert outcome.code == 0
    assert lines[:5] == [
        f"site {BASE}",
        "Jira Server or Data Center 9.12.5",
        "account tap-reader (Eşref Bauer)",
        "time zone Europe/Berlin",
        "clock the same as Jira's",
    ]
    assert "login personal access token (personal_access_token): accepted" in lines
    assert "expires never" in lines
    assert "tables jira_issues readable" in lines
    assert "issues first sync: 60, updated since 2022-11-14 22:13 UTC" in lines
    assert any(line.startswith("time about 1 s for the issues, 1.4 MB: a page of 60 took") for line in lines)
    assert lines[-1] == "result a sync would work"
    assert max(map(len, outcome.output.decode().splitlines())) <= 110


def test_a_cloud_that_works(tap: Tap, cloud: CloudSite, keys: CloudCredentials) -> None:
    """On Jira Cloud the count is called approximate, and nobody tells when an API token expires."""
    outcome = tap("check", to=cloud, config={"base_url": CLOUD, **keys.basic})

    lines = screen(outcome)
    assert outcome.code == 0
    assert "Jira Cloud 1001.0.0" in lines
    assert "login e-mail address and API token (email, api_token): accepted" in lines
    assert "expires not told" in lines
    assert "issues first sync: about 60, updated since 2022-11-14 22:13 UTC" in lines


@pytest.mark.parametrize("faulty", [{"base_url": BASE}, {"base_url": BASE, "personal_access_token": "x" * 9}, None])
def test_the_facts_for_machines(tap: Tap, faulty: dict[str, Any] | None) -> None:
    """The same keys are there whatever was found out, and stdout holds one object and nothing else."""
    good, bad = (facts(tap("check", "--json", **options)) for options in ({}, {"config": faulty}))

    assert good["exit_code"] == 0
    assert bad["exit_code"] != 0
    assert list(good) == list(bad)
    for name, part in good.items():
        if isinstance(part, dict):
            assert list(part) == list(bad[name])
    assert [stream["name"] for stream in bad["streams"]] == [stream.name for stream in STREAMS]


def test_the_page_for_operations_names_every_fact(tap: Tap) -> None:
    """Each key of the JSON is explained on the page for operations."""
    found = facts(tap("check", "--json"))
    page = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("## Is it all right? check")[1]
    parts = [part for part in found.values() if isinstance(part, dict)] + found["streams"][:1]

    names = {*found, *(name for part in parts for name in part)}
    assert [name for name in sorted(names) if f"`{name}`" not in section.split("\n## ")[0]] == []


def test_nothing_is_written(tap: Tap, tmp_path: Path, config: dict[str, Any]) -> None:
    """A check leaves state and configuration as they are, and makes no files."""
    state = tap().state
    tap("check", state=state)

    assert json.loads((tmp_path / "state.json").read_text()) == state
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "state.json"]


Scene = tuple[dict[str, Any], Callable[[Sends], Sends]]


def same(site: Sends) -> Sends:
    return site


SCENES: dict[str, Scene] = {
    "good": ({}, same),
    "plain account": ({"personal_access_token": f"{TOKEN}-plain"}, same),
    "unknown token": ({"personal_access_token": "nobody-knows-it"}, same),
    "password": ({"personal_access_token": None, "username": "tap-reader", "password": "a-wrong-one"}, same),
    "jql": ({"jql": "colour = red"}, same),
    "projects": ({"projects": ["NOPE"]}, same),
    "no way in": ({"personal_access_token": None}, same),
    "unreachable": ({}, lambda site: Scripted(NetworkError("connect", "Connection refused"))),
    "no TLS": ({}, lambda site: Scripted(NetworkError("no_tls", "wrong version number"))),
    "log-in page": ({}, lambda site: Faults(site, share=1.0, kinds=["sso"])),
    "late log-in page": ({}, lambda site: Faults(site, [Fault("sso", url="/resolution")])),
    "bad gateway": ({}, lambda site: Faults(site, share=1.0, kinds=["502"])),
    "categories fail": ({}, lambda site: Broken(site, "/projectCategory", 500)),
    "issues refused": ({}, lambda site: Broken(site, "/search", 403)),
    "issues and users refused": ({}, lambda site: Broken(Broken(site, "/search", 403), "/user/", 403)),
    "issues fail": ({}, lambda site: Broken(site, "/2/search", 500)),
    "types refused, and 500": ({}, lambda site: Broken(Broken(site, "/project/type", 405), "/resolution", 500)),
    "fields fail": ({}, lambda site: Broken(site, "/field", 500)),
}


class Broken:
    """A site that answers whatever has this at the end of its path with a refusal or a failure."""

    def __init__(self, site: Sends, part: str, status: int) -> None:
        self._site, self._part, self._status = site, part, status

    def send(self, request: Request) -> Response:
        if self._part in request.url.partition("?")[0]:
            return Response.of_json({"errorMessages": ["No."]}, self._status)
        return self._site.send(request)


@pytest.mark.parametrize("scene", SCENES)
def test_the_exit_code_is_that_of_a_sync(tap: Tap, site: Site, config: dict[str, Any], scene: str) -> None:
    """Whatever is wrong, the check ends as a sync would end, says why if it would fail, and raises nothing."""
    changes, broken = SCENES[scene]
    changed = {name: value for name, value in {**config, **changes}.items() if value is not None}
    checked = tap("check", "--json", to=broken(site), config=changed)
    synced = tap(to=broken(site), config=changed)

    assert checked.code == synced.code == facts(checked)["exit_code"]
    assert bool(facts(checked)["problems"]) is (synced.code != 0)
    assert checked.logged("CRITICAL") == []


def test_a_log_in_that_is_refused(tap: Tap, config: dict[str, Any]) -> None:
    """What the site tells strangers is shown all the same, and the problem says what to do."""
    outcome = tap("check", config={**config, "personal_access_token": "nobody-knows-it"})

    lines = screen(outcome)
    assert outcome.code == 3
    assert "Jira Server or Data Center 9.12.5" in lines
    assert "login personal access token (personal_access_token): not accepted" in lines
    assert "does not accept personal_access_token: correct the configuration" in " ".join(lines)
    assert lines[-1] == "result a sync would end with exit code 3"


def test_a_configuration_that_cannot_be_used(tap: Tap) -> None:
    """A fault of the configuration is shown on the screen as well."""
    lines = screen(tap("check", config={"base_url": BASE}))

    assert "no way to authenticate is given" in " ".join(lines)
    assert lines[-1] == "result a sync would end with exit code 2"


def test_a_condition_that_is_refused(tap: Tap, config: dict[str, Any]) -> None:
    """The key whose condition Jira refuses is named, once, with what is known so far."""
    text = " ".join(screen(tap("check", config={**config, "jql": "colour = red"})))

    assert "jira_issues not readable, see the problem" in text
    assert text.count("jql of the configuration is refused by Jira: Field 'colour' does not exist") == 1
    assert "within jql colour = red" in text


@pytest.mark.parametrize(("names", "code"), [((), 0), (("jira_issues", "jira_project_roles"), 3)])
def test_roles_that_may_not_be_read(tap: Tap, config: dict[str, Any], names: tuple[str, ...], code: int) -> None:
    """A table that needs a permission is told; whether that is a problem depends on whether somebody chose it."""
    catalog = chosen(tap, *names) if names else None
    outcome = tap("check", config={**config, "personal_access_token": f"{TOKEN}-plain"}, catalog=catalog)

    text = " ".join(screen(outcome))
    assert outcome.code == code
    assert ("jira_project_roles cannot be read, and a sync skips it" in text) is (code == 0)
    assert ("jira_resolutions not selected" in text) is (code == 3)
    assert "jira_issues readable" in text


def test_a_cloud_account_that_may_not_browse_users(tap: Tap, time: Time) -> None:
    """On Jira Cloud the users need a permission, which is named."""
    account = CloudAccount("reader@example.com", api_tokens={"an-api-token": None}, browse_users=False)
    world = World(seed=1, issues=60, now=time)
    site = CloudSite(world, accounts=CloudAccounts((account,)), base_url=CLOUD)
    config = {"base_url": CLOUD, "email": "reader@example.com", "api_token": "an-api-token"}
    outcome = tap("check", "--json", to=site, config=config)

    reasons = {stream["name"]: stream["reason"] for stream in facts(outcome)["streams"]}
    assert outcome.code == 0
    assert reasons["jira_users"] == "needs the global permission Browse users and groups"


def test_a_list_that_shows_nobody(tap: Tap, site: Site) -> None:
    """A list of users without anybody, not even us, cannot be read."""
    outcome = tap("check", "--json", to=Empty(site, "/user/search"))

    assert readable(outcome)["jira_users"] is False


class Empty:
    """A site that answers whatever has this in its address with an empty list."""

    def __init__(self, site: Sends, part: str) -> None:
        self._site, self._part = site, part

    def send(self, request: Request) -> Response:
        return Response.of_json([]) if self._part in request.url else self._site.send(request)


def test_one_failure_does_not_hide_the_others(tap: Tap, site: Site) -> None:
    """After a table that fails the others are tried."""
    outcome = tap("check", "--json", to=Broken(site, "/projectCategory", 500))

    assert [name for name, is_readable in readable(outcome).items() if is_readable is False] == [
        "jira_project_categories"
    ]
    assert len(facts(outcome)["problems"]) == 1


@pytest.mark.parametrize("kind", ["server", "cloud"])
@pytest.mark.parametrize("changes", [{}, {"projects": ["WEB"]}, {"jql": "status = Open"}, {"start_date": "2023-11-01"}])
def test_what_the_first_sync_brings(
    tap: Tap, site: Site, cloud: CloudSite, keys: CloudCredentials, kind: str, changes: dict[str, Any]
) -> None:
    """As many issues are counted as a sync then sends."""
    login = {"base_url": CLOUD, **keys.basic} if kind == "cloud" else {"base_url": BASE, "personal_access_token": TOKEN}
    jira, config = cloud if kind == "cloud" else site, {**login, **changes}
    counted = facts(tap("check", "--json", to=jira, config=config))["issues"]

    assert counted["count"] == len(tap(to=jira, config=config).records("jira_issues")) > 0
    assert (counted["first_sync"], counted["is_approximate"]) == (True, kind == "cloud")


def test_what_the_next_run_brings(tap: Tap, site: Site, time: Time) -> None:
    """With a state, what changed since its bookmark less the lookback is counted."""
    state = tap().state
    time.seconds += DAY
    for issue_id in (10005, 10010, 10020):
        site.world.edit(issue_id)
    outcome = tap("check", state=state)

    since = "2023-11-14 21:53 UTC"
    assert f"issues next run: 3, updated since {since}" in screen(outcome)


def test_how_long_it_will_take(tap: Tap, config: dict[str, Any]) -> None:
    """The time is that of a page, times the pages, shared by as many as go side by side."""
    outcome = tap("check", "--json", config={**config, "page_size": 5, "concurrency": 3}, seconds_a_request=2.0)

    told = facts(outcome)["estimate"]
    assert (told["page_issues"], told["concurrency"]) == (5, 3)
    assert told["page_seconds"] >= 2.0
    assert told["seconds"] == pytest.approx(told["page_seconds"] * 12 / 3)
    assert told["bytes"] == 60 * told["page_bytes"] // 5


def test_a_site_without_issues(tap: Tap, config: dict[str, Any]) -> None:
    """Where there is nothing to read, nothing is measured."""
    outcome = tap("check", config={**config, "jql": "key = WEB-1 AND key = WEB-2"})

    assert any(line.startswith("issues first sync: 0,") for line in screen(outcome))
    assert "time nothing to measure" in screen(outcome)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(20, []), (-120, ["2 min apart; synchronise"]), (3600, ["60 min apart: OAuth 1.0a will be refused"])],
)
def test_clocks_that_differ(tmp_path: Path, credentials: Credentials, ahead: float, expected: list[str]) -> None:
    """A difference is shown; half a minute is worth a warning, and five minutes are too much for OAuth 1.0a."""
    site = Site(World(issues=5, now=lambda: clock.time() + ahead), accounts=credentials.accounts, base_url=BASE)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(credentials.oauth))
    path.chmod(0o600)
    outcome = run_tap(["check", "--json", "--config", str(path)], site, Time(clock.time()))

    found = facts(outcome)
    assert found["clock"]["jira_is_ahead_seconds"] == pytest.approx(ahead, abs=20)
    assert len(found["warnings"]) == len(expected)
    assert [part for part in expected if part not in found["warnings"][0]] == []
    assert outcome.code == (3 if ahead > 300 else 0)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({TOKEN: None}, {"expiry": "never", "expires_at": None, "tokens": None}),
        ({TOKEN: START + 90 * DAY}, {"expiry": "told", "expires_at": "2024-02-12T22:13:20.000000Z", "tokens": None}),
        (
            {"another": START + DAY, TOKEN: START + 90 * DAY},
            {"expiry": "told", "expires_at": "2024-02-12T22:13:20.000000Z", "tokens": 2},
        ),
    ],
)
def test_when_a_personal_access_token_expires(
    tap: Tap, time: Time, tokens: dict[str, float | None], expected: dict[str, Any]
) -> None:
    """Data Center tells when the tokens of an account end; of several the one used last is ours."""
    account = Account("tap-reader", tokens=tokens)
    site = Site(World(issues=5, now=time), accounts=Accounts((account,)), base_url=BASE)
    login = facts(tap("check", "--json", to=site))["login"]

    assert {name: login[name] for name in expected} == expected


def test_a_token_that_expires_soon(tap: Tap, time: Time) -> None:
    """A token that ends within two weeks is worth a warning."""
    account = Account("tap-reader", tokens={TOKEN: START + 5 * DAY})
    site = Site(World(issues=5, now=time), accounts=Accounts((account,)), base_url=BASE)
    lines = screen(tap("check", to=site))

    assert "expires 2023-11-19 22:13 UTC, in 5 days" in lines
    assert "warning personal_access_token expires in 5 days: make a new one and put it into the configuration" in lines


@pytest.mark.parametrize("answer", [Response.of_json({}, 404), Response.of_json({}), Response.of_json([])])
def test_a_site_that_tells_nothing_of_tokens(tap: Tap, site: Site, answer: Response) -> None:
    """Where nobody tells when the token ends, that is said, and is no fault."""
    outcome = tap("check", to=Instead(site, "/rest/pat/", answer))

    assert outcome.code == 0
    assert "expires not told" in screen(outcome)


class Instead:
    """A site that answers whatever has this in its address in this way."""

    def __init__(self, site: Sends, part: str, answer: Response) -> None:
        self._site, self._part, self._answer = site, part, answer

    def send(self, request: Request) -> Response:
        return self._answer if self._part in request.url else self._site.send(request)


def test_oauth2(tap: Tap, site: Site, time: Time, tmp_path: Path) -> None:
    """The tap renews an access token by itself, and says when this one ends; the gateway is shown."""
    outcome = tap("check", to=Atlassian(site, time), config=OAUTH2, environment={"HOME": str(tmp_path)})

    lines = screen(outcome)
    assert outcome.code == 0
    assert " ".join(lines).startswith(f"site {BASE}, through https://api.atlassian.com/ex/jira/")
    assert "expires 2023-11-14 23:13 UTC, in 60 min, renewed by the tap" in lines


def test_a_catalog_of_another_site(tap: Tap) -> None:
    """A catalog that does not fit is a problem, after all that is known of the site."""
    catalog = chosen(tap, "jira_users")
    about = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_users")
    about["metadata"][0]["metadata"]["table-key-properties"] = ["accountId"]
    outcome = tap("check", catalog=catalog)

    assert outcome.code == 2
    assert "account tap-reader (Eşref Bauer)" in screen(outcome)
    assert "discover again" in " ".join(screen(outcome))


@pytest.mark.parametrize("option", ["--json", "--config"])
def test_no_secret_is_shown(tap: Tap, site: Site, tmp_path: Path, option: str) -> None:
    """A site that quotes the credentials back gets no word of them onto the screen."""
    config = {"base_url": BASE, "username": "tap-reader", "password": PASSWORD}
    quoting = Instead(site, "/resolution", Response.of_json({"errorMessages": [f"not for {PASSWORD}"]}, 405))
    options = ["--json"] if option == "--json" else []
    outcome = tap("check", *options, to=quoting, config=config)

    assert outcome.code == 3
    assert PASSWORD not in outcome.output.decode() + outcome.log
    assert "not for [secret]" in " ".join(screen(outcome))


def test_help_and_mistakes(tap: Tap) -> None:
    """The command explains itself, and takes no option that it does not have."""
    assert [tap("check", option, config=None).code for option in ("--help", "--discover")] == [0, 2]


def test_a_filter_that_is_long_or_odd(tap: Tap, config: dict[str, Any]) -> None:
    """The screen shows the beginning of a long filter, and of signs for the terminal nothing; the JSON has all."""
    jql = "labels != '\x1b[2J\x9b' AND " + " OR ".join(["labels = a"] * 100)
    shown = tap("check", config={**config, "jql": jql})
    text = " ".join(screen(shown))

    assert not any(sign in shown.output.decode() for sign in ("\x1b", "\x9b"))
    assert "within jql labels != ' [2J ' AND labels = a OR" in text
    assert text.count("labels") < 30
    assert f"… ({len(jql):,} characters)" in text
    assert facts(tap("check", "--json", config={**config, "jql": jql}))["issues"]["jql"] == jql
