"""One scene for each row of the page for operations: a whole run in which that error or warning is met."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import socket
import time as clock
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import BLAKE2b
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tap_jira import auth, authorize, files, incremental, token_file, users
from tap_jira.records import MOST_MISFITS
from tap_jira.search import Span
from tap_jira.simulator import Account, Accounts, Fault, Faults, Limits, Site, UserLimits, World
from tap_jira.simulator.credentials import key_pair
from tap_jira.wire import Headers, Request, Response
from tests import endless
from tests.atlassian import CLOUD_ID, OAUTH2
from tests.conftest import PASSWORD, TOKEN
from tests.fakes import BASE, Outcome, Scripted
from tests.stage import (
    SCOPED,
    UNSCOPED,
    Answering,
    Sender,
    Stage,
    Typing,
    cut,
    each,
    encrypted,
    key_of_cloud,
    later,
    lost,
    marked,
    marked_twice,
    no_column,
    only_a_part,
    only_the_object,
    poisoned,
    says,
    selecting_nothing,
    unknown_stream,
    very_wide,
    with_fields,
    without_key,
)
from tests.test_authorize import Reader


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
        return {**found, "startAt": answer.get("startAt"), "total": 100}

    return stage.run(to=Answering(stage.site, "/2/search", alike), page_size=5, start_date="2023-01-01")


def many_users(stage: Stage, count: int, *, admin: bool = False) -> Outcome:
    """The users of a site whose search shows a hundred."""
    who = Accounts((Account("tap-reader", admin=admin, tokens={TOKEN: None}),))
    world = World(issues=1, users=count, now=stage.time)
    limits = UserLimits(in_all=100, groups=20, per_page=1000)
    return stage.run(to=Site(world, accounts=who, base_url=BASE, version=(10, 0, 1), user_limits=limits))


def without_a_project(stage: Stage) -> Outcome:
    """The versions of all projects but one, which was deleted since they were listed."""
    catalog = json.loads(stage.tap("--discover").output)
    chosen = [{**entry, "selected": True} for entry in catalog["streams"] if entry["stream"] == "jira_versions"]
    gone = says(404, "No project could be found with id '10002'.")
    return stage.tap(catalog={"streams": chosen}, to=Answering(stage.site, "/project/10002/", gone))


def too_many_users(stage: Stage) -> Outcome:
    stage.patch.setattr(users, "MOST_SEARCHES", 0)
    return many_users(stage, 500)


def users_of_groups(stage: Stage) -> Outcome:
    stage.patch.setattr(users, "MOST_SEARCHES", 0)
    return many_users(stage, 500, admin=True)


def no_user(stage: Stage) -> Outcome:
    gone = Answering(stage.site, "/user/list", says(404))
    return stage.run(to=Answering(gone, "/user/search", Response.of_json([])))


def no_browser(stage: Stage) -> Outcome:
    stage.patch.setattr(authorize, "WAIT_SECONDS", 0)
    return stage.authorize("--callback")


def port_in_use(stage: Stage) -> Outcome:
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
    def send(request: Request) -> Response:
        if "/project" in request.url:
            signal.raise_signal(signal.SIGTERM)
        return stage.site.send(request)

    return stage.run(to=Sender(send))


def surprised(stage: Stage) -> Outcome:
    def send(request: Request) -> Response:
        raise ZeroDivisionError

    return stage.run(to=Sender(send))


def written_to(error: OSError) -> Callable[[Stage], Outcome]:
    class Out(io.BytesIO):
        def write(self, data: Any) -> int:
            raise error

    return lambda stage: stage.tap(out=Out())


def one_second(stage: Stage) -> Outcome:
    """Forty issues that were made in one second, where a search can show ten, five at a time."""
    stage.patch.setattr(incremental, "Span", partial(Span, deepest=10))
    world, who = World(issues=0, now=stage.time), Accounts((Account("tap-reader", tokens={TOKEN: None}),))
    site = Site(world, accounts=who, base_url=BASE, limits=Limits(page_cap=5))
    for _ in range(40):
        world.create()
    stage.time.seconds += 24 * 3600
    return stage.run(to=site)


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


def empty_pages(stage: Stage) -> Outcome:
    """A search that brings nothing and promises more."""
    found: list[Any] = []

    def emptied(answer: dict[str, Any]) -> dict[str, Any]:
        found.append(answer)
        return {"issues": [], "nextPageToken": f"token-{len(found)}"}

    def send(request: Request) -> Response:
        return Response.of_json(emptied({})) if "/search/jql" in request.url else stage.cloud.send(request)

    return stage.at_cloud(to=Sender(send))


def other_search(stage: Stage) -> Outcome:
    """The issues of a Data Center that says it is Cloud."""
    catalog = json.loads(stage.tap("--discover").output)
    said = Answering(stage.site, "/serverInfo", lambda info: {**info, "deploymentType": "Cloud"})
    return stage.tap(to=said, catalog={"streams": catalog["streams"][:1]})


def tokens_lost(stage: Stage) -> Outcome:
    """A disk that is full when the new refresh token is to be saved."""
    write = files.write

    def full(file: int, data: bytes) -> None:
        if b"refresh_token" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, data)

    stage.patch.setattr(files, "write", full)
    return stage.atlassian(stage.tokens())


def no_rsa_key() -> str:
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem).decode()


def no_locks(stage: Stage) -> Outcome:
    stage.patch.setattr(token_file, "fcntl", None)
    return stage.atlassian(stage.tokens())


def too_many_debts(stage: Stage) -> Outcome:
    stage.patch.setattr(incremental, "MOST_OWED", 2)
    poison = Faults(stage.site, poison=[10020, 10021, 10022], poison_fields=["summary", "description"])
    return stage.run(to=poison)


def one_more_column(stage: Stage, **changes: Any) -> Outcome:
    """A second run, with a column that the first did not have."""
    state = stage.catalog(partial(marked, "fields.description", selected=False)).state
    return stage.tap(state=state, config={**stage.config, **changes})


Scene = Callable[[Stage], Outcome]
SCENES: Mapping[str, Scene] = {
    # Configuration, catalog, state.
    "… is no command: there are …; …": lambda s: s.tap("discover", config=None),
    "no configuration is given: name its file with --config FILE": lambda s: s.tap(config=None),
    "--config: … cannot be read: …": lambda s: s.tap("--config", "/nowhere/config.json", config=None),
    "… is not UTF-8 text": latin,
    "configuration file … is not JSON (…); correct it there": lambda s: s.tap(config='{"base_url": }'),
    "configuration file … must hold an object, such as …": lambda s: s.tap(config="[]"),
    "base_url is missing": lambda s: s.tap(config={"personal_access_token": TOKEN}),
    "base_url is not the address of a site, such as …": lambda s: s.run(base_url="jira example"),
    "no way to authenticate is given; set …": lambda s: s.tap(config={"base_url": BASE}),
    "more than one way to authenticate is given (…); keep one": lambda s: s.run(
        username="tap-reader", password=PASSWORD
    ),
    "oauth_token is missing (run tap-jira authorize --config FILE, which gets it from Jira)": lambda s: s.tap(
        config={**s.credentials.oauth, "oauth_token": None}
    ),
    "begins with http://, which would show the credentials to the network; use https://": lambda s: s.run(
        base_url="http://jira.example.com"
    ),
    "… must be a whole number from … to …": lambda s: s.run(page_size=0),
    "start_date is not a date or date-time such as …": lambda s: s.run(start_date="last year"),
    "… must be one line of ASCII text": lambda s: s.login(personal_access_token="two\nlines"),
    "… must be a list such as …": lambda s: s.run(projects=5),
    '… must hold project keys such as "ABC"': lambda s: s.run(projects=["Web Shop!"]),
    "custom_field_names must be id or name": lambda s: s.run(custom_field_names="title"),
    "… must be true or false": lambda s: s.run(activate_version="perhaps"),
    "cloud_id must be an id such as …": lambda s: s.run(cloud_id="https://example.atlassian.net"),
    "jql has an unbalanced parenthesis or quotation mark": lambda s: s.run(jql="(project = WEB"),
    "jql must not contain ORDER BY; the tap sets the order": lambda s: s.run(jql="project = WEB ORDER BY key"),
    "projects of the configuration is refused by Jira: …": lambda s: s.run(projects=["NOPE"]),
    "oauth_private_key_file holds no path; the key itself goes into oauth_private_key": lambda s: s.tap(
        config={
            **s.credentials.oauth,
            "oauth_private_key": None,
            "oauth_private_key_file": s.credentials.oauth["oauth_private_key"],
        }
    ),
    "oauth_private_key_file, …, cannot be read: …": lambda s: s.tap(
        config={**s.credentials.oauth, "oauth_private_key": None, "oauth_private_key_file": "/nowhere"}
    ),
    "… holds no private key that can be read…": lambda s: s.oauth(oauth_private_key="garbage"),
    "… is encrypted; set oauth_private_key_passphrase": lambda s: s.oauth(
        oauth_private_key=encrypted(s.credentials.oauth["oauth_private_key"])
    ),
    "… is not encrypted, but oauth_private_key_passphrase is set; remove it": lambda s: s.oauth(
        oauth_private_key_passphrase="none"
    ),
    "… is no RSA key, and OAuth 1.0a at Jira needs one; …": lambda s: s.oauth(oauth_private_key=no_rsa_key()),
    "this system's cryptographic policy forbids SHA-1 signatures, …": no_sha1,
    "ca_bundle names a file that does not exist": lambda s: s.over_network(
        base_url="https://127.0.0.1:1", ca_bundle="/nowhere.pem"
    ),
    "the file that LOGGING_CONF_FILE names cannot be used (…); correct it": bad_log_file,
    "catalog file … is not JSON (…); write it anew with --discover": lambda s: s.tap(catalog="{"),
    "catalog file … has no list of streams; …": lambda s: s.tap(catalog={}),
    "the catalog has no schema for …; write it anew with --discover": lambda s: s.catalog(
        lambda found: found["streams"][0].update(schema=None)
    ),
    "the catalog's key of … is broken; …": lambda s: s.catalog(
        lambda found: found["streams"][0]["metadata"][0]["metadata"].update({"table-key-properties": "id"})
    ),
    "the catalog's metadata of … is broken; …": lambda s: s.catalog(
        lambda found: found["streams"][0].update(metadata=5)
    ),
    "the catalog's schema is broken at …; …": lambda s: s.catalog(
        lambda found: found["streams"][0]["schema"]["properties"].update(key="text")
    ),
    "the catalog is another tap's: it has none of …": lambda s: s.tap(
        catalog={"streams": [{"tap_stream_id": "orders", "schema": {}, "metadata": []}]}
    ),
    "the catalog selects …, which this tap does not have; …": lambda s: s.catalog(unknown_stream),
    "the catalog's key of … does not fit this Jira, where it is …; discover again": lambda s: s.catalog(key_of_cloud),
    "the catalog's schema of … lacks …; write it anew with --discover": lambda s: s.catalog(without_key),
    "the catalog's selected of … is neither true nor false; correct it": lambda s: s.catalog(
        lambda found: found["streams"][0]["metadata"][0]["metadata"].update(selected="some")
    ),
    "state file … is not JSON (…); a run may have been cut off while it was written: …": lambda s: s.tap(
        state='{"bookmarks": {'
    ),
    "state file … holds no Singer state; …": lambda s: s.tap(state="[]"),
    "state: the bookmark … is no date-time; …": lambda s: s.tap(
        state={"bookmarks": {"jira_issues": {"updated_at": "soon"}}}
    ),
    "this Jira wants dates in searches, reads them in the time zone of the account's profile, …": no_zone,
    "token_file … cannot be read and written (…), …": lambda s: s.atlassian(
        {**OAUTH2, "token_file": s.file("no-folder", "") + "/tokens.json"}
    ),
    "token_file … is not as this tap writes it; …": lambda s: s.atlassian(
        {**OAUTH2, "token_file": s.file("tokens.json", "garbage")}
    ),
    "this system has no file locks: never let two runs use the same token_file at a time": no_locks,
    "the new refresh token could not be saved in … (…); …": tokens_lost,
    "no home folder is known in which to keep the refresh token; set token_file": lambda s: s.tap(
        to=s.site, config=s.tokens(token_file=None)
    ),
    "the OAuth 2.0 token may see …, but not base_url; …": lambda s: s.atlassian(
        s.tokens(cloud_id=None), sites=[{"id": "x", "url": "https://other.example.com"}]
    ),
    "tap-jira authorize is for OAuth 1.0a at Data Center and Server, and another way … is given (…): …": lambda s: (
        s.authorize(config=s.config)
    ),
    "--callback: cannot listen on port …: …": port_in_use,
    "… exists, and a key is never overwritten; …": lambda s: s.tap(
        "keygen", "--out", s.file("jira.pem", ""), config=None
    ),
    # Log-in.
    "… does not accept …: correct the configuration, …": lambda s: s.login(personal_access_token="an-unknown-token"),
    "GET /rest/api/2/myself does not say who we are; check the credentials": lambda s: s.run(
        to=Answering(s.site, "/myself", Response.of_json({}))
    ),
    "… was answered as to an anonymous visitor…: … does not accept …, which may have expired or been revoked": expired,
    "Jira wants a CAPTCHA after failed log-ins: …": captcha,
    "basic authentication is switched off on this Jira: …": lambda s: s.run(
        to=Answering(s.site, "/myself", says(403, "Basic Authentication has been disabled on this instance."))
    ),
    "Jira Cloud knows no personal access tokens: use email and api_token": lambda s: s.run(
        to=Answering(s.site, "/myself", says(403, "Failed to parse Connect Session Auth Token"))
    ),
    "… says consumer_key_unknown: …": lambda s: s.oauth(oauth_consumer_key="nobody"),
    "… says signature_invalid: …": lambda s: s.oauth(oauth_private_key=key_pair()[0]),
    "… says token_rejected: …": lambda s: s.oauth(oauth_token="an-unknown-access-token"),
    "… says timestamp_refused: …": clock_apart,
    "… says nonce_used: …": lambda s: s.oauth_problem("nonce_used"),
    "… says permission_unknown: …": lambda s: s.authorize(person=Typing("12345")),
    "permission_denied: access was denied in the browser; …": lambda s: typed(s, decision="deny", types="denied"),
    "… was answered with a web page instead of data: …": lambda s: s.run(to=Faults(s.site, share=1.0, kinds=["sso"])),
    "… was redirected to …, where credentials are not sent: …": lambda s: s.run(
        to=lost("redirect", "https://login.example.com")
    ),
    "the token was not given the scope for this: …": lambda s: s.at_cloud(
        to=Answering(
            s.cloud, "/myself", Response.of_json({"code": 401, "message": "Unauthorized; scope does not match"}, 401)
        )
    ),
    "Atlassian's gateway, which takes API tokens with scopes, does not accept them either": lambda s: s.atlassian(
        {**SCOPED, "api_token": "wrong"}
    ),
    "cloud_id is not the id of …, which is …; correct cloud_id": lambda s: s.atlassian(
        {**SCOPED, "cloud_id": "of-another-site"}
    ),
    "it shows … no site with this cloud_id; …": lambda s: s.atlassian(
        {**SCOPED, "base_url": None, "cloud_id": "of-another-site"}
    ),
    "Atlassian's gateway takes only API tokens with scopes: leave out cloud_id if this one has none": lambda s: (
        s.atlassian({**UNSCOPED, "cloud_id": CLOUD_ID})
    ),
    "… does not tell that it is in Atlassian's cloud, and … is for that alone: …": lambda s: s.atlassian(
        {"base_url": BASE, "access_token": "of-oauth-2"}, is_cloud=False
    ),
    "Atlassian does not accept access_token, or not any more: …": lambda s: s.atlassian(
        {"base_url": BASE, "cloud_id": CLOUD_ID, "access_token": "ended"}
    ),
    "the refresh token is spent, unused for 90 days, or revoked: …": lambda s: s.atlassian(s.tokens(), issued={}),
    "check oauth_client_id and oauth_client_secret in Atlassian's developer console": lambda s: s.atlassian(
        s.tokens(oauth_client_secret="another-secret")
    ),
    "there is no OAuth 1.0a at this address: …": lambda s: s.authorize(
        to=Answering(s.site, "/request-token", says(404))
    ),
    "the verification code is wrong, was used before or is older than ten minutes; …": lambda s: typed(
        s, types="wrong-code"
    ),
    "no verification code came on stdin; …": lambda s: s.authorize(),
    "no browser came back within … minutes; …": no_browser,
    # Permission.
    "jira_issues is skipped: …": lambda s: s.run(to=Answering(s.site, "/2/search", says(403))),
    "jira_project_roles is skipped: … the account lacks the permission": lambda s: s.login(
        personal_access_token=f"{TOKEN}-plain"
    ),
    "jira_project_roles cannot be read by this account: it needs …; a sync will skip it": lambda s: s.tap(
        "--discover", config={"base_url": BASE, "personal_access_token": f"{TOKEN}-plain"}
    ),
    "… shows nobody, not even this account: it lacks the global permission …": no_user,
    "Jira shows this account no project: …": lambda s: s.at_cloud(
        to=Answering(s.cloud, "/project/search", says(404, "No projects were found."))
    ),
    "… of … projects are passed over (…): …": without_a_project,
    # Network and Jira.
    "… could not be reached (…) (…); check base_url, …": lambda s: s.run(to=lost("connect", "Connection refused")),
    "the proxy did not connect us to … (…) (…); …": lambda s: s.run(to=lost("proxy", "Tunnel connection failed: 403")),
    "the port at … speaks no TLS (…); …": lambda s: s.run(to=lost("no_tls", "wrong version number")),
    "no trusted connection to … (…); if your network has its own certificate authority, set ca_bundle": lambda s: s.run(
        to=lost("tls", "self-signed certificate in certificate chain")
    ),
    "no trusted connection to … (…); tell those who look after Jira, and see that …": lambda s: s.run(
        to=lost("tls", "certificate has expired")
    ),
    "no trusted connection to … (…); base_url must name the host as its certificate does": lambda s: s.run(
        to=lost("tls", "hostname mismatch")
    ),
    "no answer (timeout) (… tries over … s); try again later": lambda s: s.run(to=lost("timeout")),
    "… was answered 502 (… tries over … s); try again later": lambda s: s.run(
        to=Faults(s.site, share=1.0, kinds=["502"])
    ),
    "… bytes that are no whole JSON (… tries over … s); try again later": lambda s: s.run(
        to=Faults(s.site, share=1.0, kinds=["bad-json"])
    ),
    "… was answered without what was asked for (… tries over … s); try again later": lambda s: s.run(
        to=Answering(s.site, "/serverInfo", Response.of_json({}))
    ),
    "the hourly quota of points that this app has … is used up until … (throttled all the time …": quota,
    "… (throttled all the time over … s…); try again later": lambda s: s.run(
        to=Answering(s.site, "/myself", says(429, "Rate limit exceeded.", Retry_After="600"))
    ),
    "check base_url: it is what stands before /browse in the browser, …": lambda s: s.run(
        to=Scripted(Response(404, Headers(), b""))
    ),
    "… was answered …: …; asking again would not help": lambda s: s.run(to=Answering(s.site, "/myself", says(405))),
    "… was answered …; Jira does not accept the request as it is": lambda s: s.run(
        to=Answering(s.site, "/resolution", says(400))
    ),
    "… was answered …; it does not exist, or this account may not see it": lambda s: s.run(
        to=Answering(s.site, "/projectCategory", says(404))
    ),
    "the answer is larger than …; select fewer fields or lower page_size": lambda s: s.run(
        to=lost("too_large", "256 MB")
    ),
    "… is not complete: …": lambda s: s.run(to=Faults(s.site, [Fault("500", url="/projectCategory")] * 8)),
    "… could not be tried: …": lambda s: s.tap("--discover", to=Faults(s.site, [Fault("500", url="/role")] * 20)),
    "… tells no time, neither serverTime nor a Date header; without it no row is safe": no_time,
    # Reading issues and users.
    "Jira cannot print … issues (ids …); they are tried again at each run; …": lambda s: poisoned(
        s, "summary", "description"
    ),
    "Jira cannot print … issues, … among them; look at its log": too_many_debts,
    "…; looking for the issue that causes it": lambda s: poisoned(s, "description"),
    "issue … is written with its plain fields alone: …": lambda s: poisoned(s, "description"),
    "issue … and those before it fill … MB; a shorter page is made of them": endless.heavy_page,
    "issue …: comments stays cut: …": lambda s: s.run(to=Answering(cut(s, comments=20), "/10007/comment", says(403))),
    "issue …: only … of … histories can be had": lambda s: s.run(to=cut(s, changes=40)),
    "histories of … issues are asked for one by one: …": lambda s: s.at_cloud(
        to=Answering(s.cloud, "/changelog/bulkfetch", says(403))
    ),
    "issues with … could not be read to their end in … requests; …": same_page,
    "more issues (…) than Jira's search can show share one second of updated and of created: …": one_second,
    "Jira's page tokens lead nowhere (…) …": one_token,
    "Jira's page tokens get lost: the end of issues with … is never shown": endless.tokens_left_out,
    "… empty pages in a row, each promising more, for issues with …": empty_pages,
    "… pages in a row, each promising more, hold none of the issues asked for; …": endless.nothing_asked_for,
    "a list has no end: it has brought … different rows, …": endless.ever_new_rows,
    "… brought nobody new in … pages in a row; it has no end": lambda s: endless.by_cursor(s, is_new=True),
    "… gave the same cursor twice; the list of users is not complete": lambda s: endless.by_cursor(s, is_new=False),
    "… shows the same … users again and again; it has no end": endless.same_users,
    "was read … times and never without a gap to an end that agrees with its total: …": first_page_only,
    "the bookmark, …, is … later than Jira's clock; …": lambda s: s.tap(
        state={"bookmarks": {"jira_issues": {"updated_at": "2023-11-15T02:13:20Z"}}}
    ),
    "projects or jql have changed since the last run; everything is read again": lambda s: later(
        s, 1, jql="project = WEB"
    ),
    "start_date is … now, and what was read begins with …; everything is read again": lambda s: later(
        s, 1, start_date="2022-01-01"
    ),
    "… selected since an earlier run (…), null in rows that have not changed since; …": one_more_column,
    "… selected since an earlier run (…); everything is read again": lambda s: one_more_column(
        s, reread_for_new_columns=True
    ),
    "start_date, …, is still … off by Jira's clock; …": lambda s: s.run(start_date="2023-11-24"),
    "…; the site says it is …, and searches as … does": other_search,
    "… holds … where … is expected; it becomes null, here and in further records": lambda s: s.run(
        to=Answering(s.site, "/resolution", each(isDefault="perhaps"))
    ),
    "…: … became null … times": lambda s: s.run(to=Answering(s.site, "/resolution", each(isDefault="perhaps"))),
    "… holds … where … is expected; it becomes null, here and in further records; misfits keeps it": lambda s: s.run(
        to=Answering(s.site, "/api/2/search", with_fields(workratio="perhaps"))
    ),
    "…: … became null … times; misfits does not have … of these values": lambda s: s.run(
        to=Answering(s.site, "/api/2/search", with_fields("10007", "10008", workratio="x" * (MOST_MISFITS + 1)))
    ),
    "… a record without its key (…) is left out": lambda s: s.run(to=Answering(s.site, "/resolution", each(id=None))),
    "… records without their key were left out": lambda s: s.run(to=Answering(s.site, "/resolution", each(id=None))),
    "… columns are selected, and not every table can have more than …; …": lambda s: s.catalog(very_wide),
    "… shows at most … users of a search on this version of Jira (…): … cannot be known": lambda s: many_users(s, 350),
    "… users of a search on this version of Jira (…): … who is in no group may be missing": users_of_groups,
    "… shows at most … users of a search on this version of Jira (…): there are too many to find all …": too_many_users,
    # Warnings of the configuration.
    "configuration: … is not a key of this tap and is ignored; did you mean …": lambda s: s.run(pagesize=50),
    "… holds … and can be read by others on this machine; run: chmod 600 …": lambda s: s.tap(
        "--config", s.file("open.json", json.dumps(s.config), 0o644), config=None
    ),
    "no stream is selected; set selected in the catalog's metadata": lambda s: s.catalog(selecting_nothing),
    "catalog: … is not a stream of this tap and is ignored": lambda s: s.catalog(
        lambda found: found["streams"].append({"tap_stream_id": "boards", "schema": {}, "metadata": []})
    ),
    "several entries of the metadata are for one breadcrumb and differ: …; the last one counts, …": lambda s: s.catalog(
        partial(marked_twice, "fields.summary")
    ),
    "… selected or unselected, but not in the schema: …": lambda s: s.catalog(partial(marked, "fields.sumary")),
    "… selected, but left out, because nothing inside is selected: …": lambda s: s.catalog(only_the_object),
    "… selected, but left out, because … is not selected; …": lambda s: s.catalog(only_a_part),
    "nothing is selected but …; select the columns that you need": lambda s: s.catalog(no_column),
    # Output, and the end of a run.
    "whoever read our output has gone away; look at the target's log": written_to(BrokenPipeError()),
    "stdout cannot be written: …; the states written before are safe to keep": written_to(
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    ),
    "stdout is closed; the messages need a place to go": endless.no_stdout,
    "stopped by signal 15": stopped,
    "stopped before anything was read": endless.at_once_stopped,
    "… cannot be replaced (…) and is as it was; …": busy_file,
    "… cannot be written: …; no key was made": lambda s: s.tap("keygen", "--out", "/nowhere/jira.pem", config=None),
    "unexpected failure; please report it with these lines": surprised,
}
