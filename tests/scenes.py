"""One scene for each row of the page for operations: a whole run in which that error or warning is met."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.hashes import BLAKE2b

from tap_jira import auth, authorize, cli, incremental, users
from tap_jira.client import Sends
from tap_jira.search import Span
from tap_jira.simulator import (
    Account,
    Accounts,
    Caps,
    CloudCredentials,
    CloudSite,
    Credentials,
    Fault,
    Faults,
    Site,
    UserLimits,
    World,
)
from tap_jira.simulator.credentials import key_pair
from tap_jira.wire import Headers, NetworkError, Request, Response
from tests.atlassian import CLOUD_ID, OAUTH2, Atlassian
from tests.conftest import PASSWORD, TOKEN, Tap
from tests.fakes import BASE, LOG_TIME, Outcome, Scripted, Time
from tests.test_authorize import Reader

CLOUD = "https://example.atlassian.net"
SCOPED = {"base_url": BASE, "email": "me@example.com", "api_token": "scoped"}
UNSCOPED = {"base_url": BASE, "email": "tap-reader", "api_token": PASSWORD}
Change = Callable[[Any], Any]


@dataclass
class Stage:
    """What a scene is played with."""

    tap: Tap
    site: Site
    cloud: CloudSite
    time: Time
    config: dict[str, Any]
    credentials: Credentials
    cloud_keys: CloudCredentials
    folder: Path
    patch: pytest.MonkeyPatch

    def run(self, to: Sends | None = None, **changes: Any) -> Outcome:
        """A sync with a configuration that works but for these changes."""
        return self.tap(to=to, config={**self.config, **changes})

    def login(self, **keys: Any) -> Outcome:
        """A sync that logs in so."""
        return self.tap(config={"base_url": BASE, **keys})

    def oauth(self, **changes: Any) -> Outcome:
        """A sync with OAuth 1.0a, by this machine's clock."""
        self.time.seconds = clock.time()
        return self.tap(config={**self.credentials.oauth, **changes})

    def authorize(self, *argv: str, to: Sends | None = None, **options: Any) -> Outcome:
        """``tap-jira authorize`` with a person at the terminal."""
        self.time.seconds = clock.time()
        config = {name: value for name, value in self.credentials.oauth.items() if not name.startswith("oauth_token")}
        return self.tap("authorize", *argv, to=to, **{"config": config, **options})

    def atlassian(self, config: Mapping[str, Any], **changes: Any) -> Outcome:
        """A sync at a site of the cloud, with its gateway and issuer of tokens; ``changes`` are made to that."""
        there = Atlassian(self.site, self.time)
        for name, value in changes.items():
            setattr(there, name, value)
        return self.tap(to=there, config=config, environment={"HOME": str(self.folder)})

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """A configuration for OAuth 2.0, with its tokens in the folder of the scene."""
        return {**OAUTH2, "token_file": str(self.folder / "tokens.json"), **changes}

    def over_network(self, **changes: Any) -> Outcome:
        """A sync that takes the network as it is."""
        path = self.file("network.json", json.dumps({**self.config, **changes}))
        log = io.StringIO()
        with contextlib.redirect_stderr(log):
            code = cli.main(["--config", path])
        return Outcome(code, b"", log=LOG_TIME.sub(r"\1 ", log.getvalue()))

    def at_cloud(self, to: Sends | None = None, **keys: Any) -> Outcome:
        """A sync at a simulated Jira Cloud."""
        return self.tap(to=to or self.cloud, config={"base_url": CLOUD, **(keys or self.cloud_keys.basic)})

    def catalog(self, change: Change, **changes: Any) -> Outcome:
        """A sync with the catalog of this site, changed."""
        catalog = json.loads(self.tap("--discover").output)
        change(catalog)
        return self.tap(catalog=catalog, config={**self.config, **changes})

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        """The path of a file with this text."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)


class Answering:
    """A site that gives another answer where this is in the address; a function makes one of what it would say."""

    def __init__(self, site: Sends, part: str, answer: Response | Change) -> None:
        self._site, self._part, self._answer = site, part, answer

    def send(self, request: Request) -> Response:
        if self._part not in request.url:
            return self._site.send(request)
        if isinstance(self._answer, Response):
            return self._answer
        return Response.of_json(self._answer(orjson.loads(self._site.send(request).body)))


def says(status: int, text: str = "No.", **headers: str) -> Response:
    """A refusal of Jira's; headers are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response.of_json({"errorMessages": [text]}, status, named)


def lost(kind: str, detail: str = "") -> Scripted:
    """A network on which every request fails so."""
    return Scripted(NetworkError(kind, detail))


def encrypted(text: str) -> str:
    key = pem.load_pem_private_key(text.encode(), None)
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"right")).decode()


def selecting_all(catalog: dict[str, Any]) -> None:
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = True


def unknown_stream(catalog: dict[str, Any]) -> None:
    about = [{"breadcrumb": [], "metadata": {"selected": True}}]
    catalog["streams"].append({"tap_stream_id": "boards", "schema": {"properties": {}}, "metadata": about})


def key_of_cloud(catalog: dict[str, Any]) -> None:
    entry = catalog["streams"][-1]
    entry["key_properties"] = entry["metadata"][0]["metadata"]["table-key-properties"] = ["accountId"]


def without_key(catalog: dict[str, Any]) -> None:
    del catalog["streams"][0]["schema"]["properties"]["id"]


def selecting_nothing(catalog: dict[str, Any]) -> None:
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = False


def very_wide(catalog: dict[str, Any]) -> None:
    columns = catalog["streams"][0]["schema"]["properties"]["fields"]["properties"]
    columns.update({f"customfield_{n}": {"type": ["null", "string"]} for n in range(20_000, 21_100)})


def each(**members: Any) -> Change:
    """A list of objects, each with these members instead of its own."""
    return lambda rows: [{**row, **members} for row in rows]


def latin(stage: Stage) -> Outcome:
    path = stage.folder / "latin.json"
    path.write_bytes(b'{"base_url": "\xff"}')
    return stage.tap("--config", str(path), config=None)


def expired(stage: Stage) -> Outcome:
    account = Account("tap-reader", tokens={TOKEN: stage.time.seconds + 3.5})
    site = Site(World(issues=5, now=stage.time), accounts=Accounts((account,)), base_url=BASE)
    return stage.tap(to=site, seconds_a_request=1.0)


def same_page(stage: Stage) -> Outcome:
    """A search that shows one page whatever is asked for, of a list that is always longer."""
    found: dict[str, Any] = {}

    def alike(answer: dict[str, Any]) -> dict[str, Any]:
        found.update(found or answer)
        return {**found, "startAt": answer.get("startAt"), "total": 10_000}

    return stage.run(to=Answering(stage.site, "/search", alike), page_size=5, start_date="2023-01-01")


def many_users(stage: Stage, count: int) -> Outcome:
    """The users of a site whose search shows a hundred, read by somebody who is no administrator."""
    who = Accounts((Account("tap-reader", admin=False, tokens={TOKEN: None}),))
    world = World(issues=1, users=count, now=stage.time)
    limits = UserLimits(in_all=100, groups=20, per_page=1000)
    return stage.run(to=Site(world, accounts=who, base_url=BASE, version=(10, 0, 1), user_limits=limits))


def too_many_users(stage: Stage) -> Outcome:
    stage.patch.setattr(users, "MOST_SEARCHES", 0)
    return many_users(stage, 500)


def no_user(stage: Stage) -> Outcome:
    gone = Answering(stage.site, "/user/list", says(404))
    return stage.run(to=Answering(gone, "/user/search", Response.of_json([])))


def no_browser(stage: Stage) -> Outcome:
    stage.patch.setattr(authorize, "WAIT_SECONDS", 0)
    return stage.authorize("--callback")


def port_in_use(stage: Stage) -> Outcome:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return stage.authorize("--callback", str(taken.getsockname()[1]))


def typed(stage: Stage, **how: Any) -> Outcome:
    stage.time.seconds = clock.time()
    return stage.authorize(person=Reader(stage.site, **how))


def busy_file(stage: Stage) -> Outcome:
    def refuse(*paths: Any) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    stage.patch.setattr(os, "replace", refuse)
    return typed(stage)


def captcha(stage: Stage) -> Outcome:
    wrong = {"username": "tap-reader", "password": "a-wrong-password"}
    for _ in range(3):
        stage.login(**wrong)
    return stage.login(**wrong)


def clock_apart(stage: Stage) -> Outcome:
    stage.time.seconds = clock.time() - 3600
    return stage.tap(config=stage.credentials.oauth)


def no_sha1(stage: Stage) -> Outcome:
    # As such a policy does: the library knows no way to sign with this digest.
    stage.patch.setattr(auth, "SHA1", lambda: BLAKE2b(64))
    return stage.oauth()


def no_zone(stage: Stage) -> Outcome:
    at_home = Answering(stage.site, "/myself", lambda me: {**me, "timeZone": None})
    return stage.tap(to=at_home, state={"bookmarks": {"jira_issues": {"dates": "literal"}}})


def no_time(stage: Stage) -> Outcome:
    def timeless(info: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in info.items() if name != "serverTime"}

    return stage.run(to=Answering(stage.site, "/serverInfo", timeless))


def bad_log_file(stage: Stage) -> Outcome:
    stage.patch.setenv("LOGGING_CONF_FILE", stage.file("logging.ini", "[nothing]\n"))
    return stage.run()


def quota(stage: Stage) -> Outcome:
    headers = {"RateLimit_Reason": "jira-quota-tenant-based", "X_RateLimit_Reset": "2033-01-01T00:00Z"}
    return stage.at_cloud(to=Answering(stage.cloud, "/myself", says(429, "Too many.", **headers)))


def stopped(stage: Stage) -> Outcome:
    class Signal:
        def send(self, request: Request) -> Response:
            if "/project" in request.url:
                signal.raise_signal(signal.SIGTERM)
            return stage.site.send(request)

    return stage.run(to=Signal())


def surprised(stage: Stage) -> Outcome:
    class Odd:
        def send(self, request: Request) -> Response:
            raise ZeroDivisionError

    return stage.run(to=Odd())


def written_to(error: OSError) -> Callable[[Stage], Outcome]:
    class Out(io.BytesIO):
        def write(self, data: Any) -> int:
            raise error

    return lambda stage: stage.tap(out=Out())


def later(stage: Stage, hours: int, **changes: Any) -> Outcome:
    """A second run, by a Jira whose clock has gone so far."""
    state = stage.tap().state
    stage.time.seconds += hours * 3600
    return stage.tap(state=state, config={**stage.config, **changes})


def one_second(stage: Stage) -> Outcome:
    """Sixty issues that were made and changed in one second, where a search shows ten."""
    stage.patch.setattr(incremental, "Span", partial(Span, deepest=10))
    same = {"updated": "2023-11-01T00:00:00.000+0000", "created": "2023-11-01T00:00:00.000+0000"}
    asked = {"page_size": 5, "start_date": "2023-11-01"}

    def alike(answer: dict[str, Any]) -> dict[str, Any]:
        for issue in answer.get("issues", []):
            issue["fields"].update(same)
        return answer

    return stage.run(to=Answering(stage.site, "/search", alike), **asked)


def first_page_only(stage: Stage) -> Outcome:
    """A list whose pages are all the same one, and say that the list is longer."""
    first: list[Any] = []

    def alike(answer: dict[str, Any]) -> dict[str, Any]:
        first.append(answer)
        return {**first[0], "isLast": False, "total": 99}

    return stage.at_cloud(to=Answering(stage.cloud, "/resolution/search", alike))


def one_token(stage: Stage) -> Outcome:
    """A search whose page tokens are all the same one."""

    def alike(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "nextPageToken": "the-token-again", "isLast": False}

    return stage.at_cloud(to=Answering(stage.cloud, "/search/jql", alike))


def cut(stage: Stage, **caps: int) -> Site:
    account = Account("tap-reader", tokens={TOKEN: None})
    world = World(seed=1, issues=60, now=stage.time)
    return Site(world, accounts=Accounts((account,)), base_url=BASE, caps=Caps(**caps))


def poisoned(stage: Stage, *fields: str) -> Outcome:
    return stage.run(to=Faults(stage.site, poison=[10020], poison_fields=fields))


Scene = Callable[[Stage], Outcome]
SCENES: Mapping[str, Scene] = {
    # Configuration, catalog, state.
    "no configuration is given: name its file with --config FILE": lambda s: s.tap(config=None),
    "--config: … cannot be read: …": lambda s: s.tap("--config", "/nowhere/config.json", config=None),
    "… is not UTF-8 text": latin,
    "configuration file … is not JSON (…); correct it there": lambda s: s.tap(config='{"base_url": }'),
    "base_url is missing": lambda s: s.tap(config={"personal_access_token": TOKEN}),
    "no way to authenticate is given; set …": lambda s: s.tap(config={"base_url": BASE}),
    "more than one way to authenticate is given (…); keep one": lambda s: s.run(username="tap-reader", password=PASSWORD),
    "oauth_token is missing (run tap-jira authorize --config FILE, which gets it from Jira)": lambda s: s.tap(config={**s.credentials.oauth, "oauth_token": None}),
    "begins with http://, which would show the credentials to the network; use https://": lambda s: s.run(base_url="http://jira.example.com"),
    "… must be a whole number from … to …": lambda s: s.run(page_size=0),
    "start_date is not a date or date-time such as …": lambda s: s.run(start_date="last year"),
    "jql has an unbalanced parenthesis or quotation mark": lambda s: s.run(jql="(project = WEB"),
    "jql must not contain ORDER BY; the tap sets the order": lambda s: s.run(jql="project = WEB ORDER BY key"),
    "projects of the configuration is refused by Jira: …": lambda s: s.run(projects=["NOPE"]),
    "oauth_private_key_file cannot be read: …": lambda s: s.tap(config={**s.credentials.oauth, "oauth_private_key": None, "oauth_private_key_file": "/nowhere"}),
    "… holds no private key that can be read…": lambda s: s.oauth(oauth_private_key="garbage"),
    "… is encrypted; set oauth_private_key_passphrase": lambda s: s.oauth(oauth_private_key=encrypted(s.credentials.oauth["oauth_private_key"])),
    "this system's cryptographic policy forbids SHA-1 signatures, …": no_sha1,
    "ca_bundle names a file that does not exist": lambda s: s.over_network(base_url="https://127.0.0.1:1", ca_bundle="/nowhere.pem"),
    "the file that LOGGING_CONF_FILE names cannot be used (…); correct it": bad_log_file,
    "catalog file … is not JSON (…); write it anew with --discover": lambda s: s.tap(catalog="{"),
    "the catalog is another tap's: it has none of …": lambda s: s.tap(catalog={"streams": [{"tap_stream_id": "orders", "schema": {}, "metadata": []}]}),
    "the catalog selects …, which this tap does not have; …": lambda s: s.catalog(unknown_stream),
    "the catalog's key of … does not fit this Jira, where it is …; discover again": lambda s: s.catalog(key_of_cloud),
    "the catalog's schema of … lacks …; write it anew with --discover": lambda s: s.catalog(without_key),
    "the catalog has a selected that is neither true nor false; correct it": lambda s: s.catalog(lambda found: found["streams"][0]["metadata"][0]["metadata"].update(selected="some")),
    "state file … is not JSON (…); a run may have been cut off while it was written: …": lambda s: s.tap(state='{"bookmarks": {'),
    "state file … holds no Singer state; …": lambda s: s.tap(state="[]"),
    "state: the bookmark … is no date-time; …": lambda s: s.tap(state={"bookmarks": {"jira_issues": {"updated_at": "soon"}}}),
    "this Jira wants dates in searches, reads them in the time zone of the account's profile, …": no_zone,
    "token_file … cannot be read and written (…), …": lambda s: s.atlassian({**OAUTH2, "token_file": s.file("no-folder", "") + "/tokens.json"}),
    "token_file … is not as this tap writes it; …": lambda s: s.atlassian({**OAUTH2, "token_file": s.file("tokens.json", "garbage")}),
    "the OAuth 2.0 token may see …, but not base_url; …": lambda s: s.atlassian(s.tokens(cloud_id=None), sites=[{"id": "x", "url": "https://other.example.com"}]),
    "tap-jira authorize is for OAuth 1.0a at Data Center and Server, and another way to log in is given (…): …": lambda s: s.authorize(config=s.config),
    "--callback: cannot listen on port …: …": port_in_use,
    "… exists, and a key is never overwritten; …": lambda s: s.tap("keygen", "--out", s.file("jira.pem", ""), config=None),
    # Log-in.
    "… does not accept …: correct the configuration, …": lambda s: s.login(personal_access_token="an-unknown-token"),
    "… was answered as to an anonymous visitor…: … does not accept …, which may have expired or been revoked": expired,
    "Jira wants a CAPTCHA after failed log-ins: …": captcha,
    "basic authentication is switched off on this Jira: …": lambda s: s.run(to=Answering(s.site, "/myself", says(403, "Basic Authentication has been disabled on this instance."))),
    "Jira Cloud knows no personal access tokens: use email and api_token": lambda s: s.run(to=Answering(s.site, "/myself", says(403, "Failed to parse Connect Session Auth Token"))),
    "… says consumer_key_unknown: …": lambda s: s.oauth(oauth_consumer_key="nobody"),
    "… says signature_invalid: …": lambda s: s.oauth(oauth_private_key=key_pair()[0]),
    "… says token_rejected: …": lambda s: s.oauth(oauth_token="an-unknown-access-token"),
    "… says timestamp_refused: …": clock_apart,
    "… was answered with a web page instead of data: …": lambda s: s.run(to=Faults(s.site, share=1.0, kinds=["sso"])),
    "… was redirected to …, where credentials are not sent: …": lambda s: s.run(to=lost("redirect", "https://login.example.com")),
    "the token was not given the scope for this: …": lambda s: s.at_cloud(to=Answering(s.cloud, "/myself", Response.of_json({"code": 401, "message": "Unauthorized; scope does not match"}, 401))),
    "Atlassian's gateway, which takes API tokens with scopes, does not accept them either": lambda s: s.atlassian({**SCOPED, "api_token": "wrong"}),
    "cloud_id is not the id of …, which is …; correct cloud_id": lambda s: s.atlassian({**SCOPED, "cloud_id": "of-another-site"}),
    "Atlassian's gateway takes only API tokens with scopes: leave out cloud_id if this one has none": lambda s: s.atlassian({**UNSCOPED, "cloud_id": CLOUD_ID}),
    "… does not tell that it is in Atlassian's cloud, and … is for that alone: …": lambda s: s.atlassian({"base_url": BASE, "access_token": "of-oauth-2"}, is_cloud=False),
    "Atlassian does not accept access_token, or not any more: …": lambda s: s.atlassian({"base_url": BASE, "cloud_id": CLOUD_ID, "access_token": "ended"}),
    "the refresh token is spent, unused for 90 days, or revoked: …": lambda s: s.atlassian(s.tokens(), issued={}),
    "check oauth_client_id and oauth_client_secret in Atlassian's developer console": lambda s: s.atlassian(s.tokens(oauth_client_secret="another-secret")),
    "there is no OAuth 1.0a at this address: …": lambda s: s.authorize(to=Answering(s.site, "/request-token", says(404))),
    "the verification code is wrong, was used before or is older than ten minutes; …": lambda s: typed(s, types="wrong-code"),
    "no verification code came on stdin; …": lambda s: s.authorize(),
    "no browser came back within … minutes; …": no_browser,
    # Permission.
    "jira_issues is skipped: …": lambda s: s.run(to=Answering(s.site, "/search", says(403))),
    "jira_project_roles is skipped: … the account lacks the permission": lambda s: s.login(personal_access_token=f"{TOKEN}-plain"),
    "jira_project_roles cannot be read by this account: it needs …; a sync will skip it": lambda s: s.tap("--discover", config={"base_url": BASE, "personal_access_token": f"{TOKEN}-plain"}),
    "… shows nobody, not even this account: it lacks the global permission …": no_user,
    "Jira shows this account no project: …": lambda s: s.at_cloud(to=Answering(s.cloud, "/project/search", says(404, "No projects were found."))),
    # Network and Jira.
    "… could not be reached (…) (…); check base_url, …": lambda s: s.run(to=lost("connect", "Connection refused")),
    "the proxy did not connect us to … (…) (…); …": lambda s: s.run(to=lost("proxy", "Tunnel connection failed: 403")),
    "the port at … speaks no TLS (…); …": lambda s: s.run(to=lost("no_tls", "wrong version number")),
    "no trusted connection to … (…); if your network has its own certificate authority, set ca_bundle": lambda s: s.run(to=lost("tls", "self-signed certificate in certificate chain")),
    "no trusted connection to … (…); tell those who look after Jira, and see that this machine's date is right": lambda s: s.run(to=lost("tls", "certificate has expired")),
    "no trusted connection to … (…); base_url must name the host as its certificate does": lambda s: s.run(to=lost("tls", "hostname mismatch")),
    "no answer (timeout) (… tries over … s); try again later": lambda s: s.run(to=lost("timeout")),
    "… was answered 502 (… tries over … s); try again later": lambda s: s.run(to=Faults(s.site, share=1.0, kinds=["502"])),
    "… bytes that are no whole JSON (… tries over … s); try again later": lambda s: s.run(to=Faults(s.site, share=1.0, kinds=["bad-json"])),
    "the hourly quota of points that this app has for this site is used up until … (throttled all the time over … s…); try again later": quota,
    "… (throttled all the time over … s…); try again later": lambda s: s.run(to=Answering(s.site, "/myself", says(429, "Rate limit exceeded.", Retry_After="600"))),
    "check base_url: on Data Center a context path such as /jira belongs to it, …": lambda s: s.run(to=Scripted(Response(404, Headers(), b""))),
    "the answer is larger than …; select fewer fields or lower page_size": lambda s: s.run(to=lost("too_large", "256 MB")),
    "… is not complete: …": lambda s: s.run(to=Faults(s.site, [Fault("500", url="/projectCategory")] * 8)),
    "… tells no time, neither serverTime nor a Date header; without it no row is safe": no_time,
    # Reading issues and users.
    "Jira cannot print … issues (ids …); they are tried again at each run; …": lambda s: poisoned(s, "summary", "description"),
    "issue … is written with its plain fields alone: …": lambda s: poisoned(s, "description"),
    "issue …: comments stays cut: …": lambda s: s.run(to=Answering(cut(s, comments=20), "/10007/comment", says(403))),
    "issue …: only … of … histories can be had": lambda s: s.run(to=cut(s, changes=40)),
    "issues with … could not be read to their end in … requests; …": same_page,
    "more issues (…) than Jira's search can show share one second of updated and of created: …": one_second,
    "Jira's page tokens lead nowhere (…) …": one_token,
    "was read … times and never without a gap to an end that agrees with its total: …": first_page_only,
    "the bookmark, …, is … later than Jira's clock; …": lambda s: s.tap(state={"bookmarks": {"jira_issues": {"updated_at": "2023-11-15T02:13:20Z"}}}),
    "projects or jql have changed since the last run; everything is read again": lambda s: later(s, 1, jql="project = WEB"),
    "start_date, …, is still … off by Jira's clock; …": lambda s: s.run(start_date="2023-11-24"),
    "… holds … where … is expected; it becomes null, here and in further records": lambda s: s.run(to=Answering(s.site, "/resolution", each(isDefault="perhaps"))),
    "… a record without its key (…) is left out": lambda s: s.run(to=Answering(s.site, "/resolution", each(id=None))),
    "… columns are selected, and not every table can have more than …; …": lambda s: s.catalog(very_wide),
    "… shows at most … users of a search on this version of Jira (…): … whether somebody is missing cannot be known": lambda s: many_users(s, 350),
    "… shows at most … users of a search on this version of Jira (…): there are too many to find all …": too_many_users,
    # Warnings of the configuration.
    "configuration: … is not a key of this tap and is ignored; did you mean …": lambda s: s.run(pagesize=50),
    "… holds … and can be read by others on this machine; run: chmod 600 …": lambda s: s.tap("--config", s.file("open.json", json.dumps(s.config), 0o644), config=None),
    "no stream is selected; set selected in the catalog's metadata": lambda s: s.catalog(selecting_nothing),
    "catalog: … is not a stream of this tap and is ignored": lambda s: s.catalog(lambda found: found["streams"].append({"tap_stream_id": "boards", "schema": {}, "metadata": []})),
    # Output, and the end of a run.
    "whoever read our output has gone away; look at the target's log": written_to(BrokenPipeError()),
    "stdout cannot be written: …; the states written before are safe to keep": written_to(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    "stopped by signal 15": stopped,
    "… cannot be replaced (…) and is as it was; …": busy_file,
    "… cannot be written: …; no key was made": lambda s: s.tap("keygen", "--out", "/nowhere/jira.pem", config=None),
    "unexpected failure; please report it with these lines": surprised,
}
