"""Find out whether a sync would work, without one: who answers, who we are, what we may read, how much there is."""

from __future__ import annotations

import argparse
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

from tap_jira import catalog, discover, incremental, screen, site, sync, workers
from tap_jira.catalog import Selection
from tap_jira.client import Client
from tap_jira.config import Config
from tap_jira.dates import duration, format_millis, to_millis
from tap_jira.entrance import enter
from tap_jira.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    InterruptedByError,
    OutputError,
    RefusedError,
    TapError,
    UnavailableError,
)
from tap_jira.issues import Issues
from tap_jira.machine import Machine, Session, given_files, session, this_machine
from tap_jira.messages import Writer, write_whole
from tap_jira.oauth2 import Bearer
from tap_jira.redact import Redactor
from tap_jira.run import Run
from tap_jira.search import Ask, Page, Window
from tap_jira.site import Site
from tap_jira.state import State
from tap_jira.streams import STREAMS
from tap_jira.wire import Request

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

WORTH_A_WARNING_SECONDS = 30
REFUSED_SECONDS = 300
"""How far apart the clocks may be for OAuth 1.0a: Jira takes a request for five minutes
(https://confluence.atlassian.com/kb/oauth-troubleshooting-guide-719095274.html)."""
SOON_SECONDS = 14 * 86_400
"""A token that ends by then is worth a warning."""
WAYS: Mapping[str, str] = {
    "oauth1": "OAuth 1.0a",
    "token": "personal access token",
    "basic": "user name and password",
    "api_token": "e-mail address and API token",
    "oauth2": "OAuth 2.0",
    "access_token": "OAuth 2.0, access token alone",
}


def run(arguments: list[str], machine: Machine | None = None) -> int:
    """Check as the arguments say, print what was found, and return the exit code that a sync would end with."""
    options = _parser().parse_args(arguments)
    machine = machine or this_machine()
    report = Report()
    redact: Callable[[str], str] = Redactor()
    now = 0.0
    try:
        with session(options.config, machine) as opened:
            redact, now = opened.redactor, opened.pool.now()
            given, bookmarks = given_files(options.catalog, options.state)
            bookmarks.take_over()
            Check(report, opened).run(given, bookmarks)
    except (OutputError, InterruptedByError):
        raise
    except TapError as error:
        report.stop(error)
    facts = report.facts(redact)
    shown = screen.as_json(facts) if options.json else screen.as_text(facts, now)
    write_whole(machine.out, shown.encode(errors="replace"))
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira check",
        description="Log in and tell whether a sync would work: who answers, who we are there, which tables we may "
        "read, how many issues there are and about how long they take. Nothing is written to the state, nor to any "
        "target. The exit code is the one that a sync would end with.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-c", "--config", metavar="FILE", help="configuration, JSON, as for a sync")
    add("--catalog", metavar="FILE", help="what would be synced; without it, all that is selected by default")
    add("-s", "--state", metavar="FILE", help="where the last sync ended; without it, the first sync is looked at")
    add("--json", action="store_true", help="print the facts as JSON, for machines")
    return parser


def _unknown(*names: str) -> Callable[[], dict[str, Any]]:
    return lambda: dict.fromkeys(names)


def _of_stream(name: str) -> dict[str, Any]:
    return {"name": name, **dict.fromkeys(("selected", "readable", "reason"))}


@dataclass
class Report:
    """What is known so far, in the form in which ``--json`` prints it: None is what could not be found out."""

    exit_code: int = 0
    """What a sync would end with."""
    problems: list[str] = field(default_factory=list)
    """Why a sync would not end with 0, each with what to do."""
    warnings: list[str] = field(default_factory=list)
    site: dict[str, Any] = field(default_factory=_unknown("base_url", "gateway", "edition", "version"))
    account: dict[str, Any] = field(default_factory=_unknown("id", "name", "time_zone"))
    clock: dict[str, Any] = field(default_factory=_unknown("jira_is_ahead_seconds"))
    login: dict[str, Any] = field(default_factory=_unknown("way", "keys", "accepted", "expiry", "expires_at", "tokens"))
    streams: list[dict[str, Any]] = field(default_factory=lambda: [_of_stream(stream.name) for stream in STREAMS])
    issues: dict[str, Any] = field(
        default_factory=_unknown("count", "is_approximate", "since", "first_sync", "projects", "jql")
    )
    estimate: dict[str, Any] = field(
        default_factory=_unknown("seconds", "bytes", "page_issues", "page_bytes", "page_seconds", "concurrency")
    )

    def fail(self, exit_code: int, problem: str) -> None:
        """A sync would go on, and not end with 0; the first such failure settles the code."""
        self.exit_code = self.exit_code or exit_code
        self.problems.append(problem)

    def stop(self, error: TapError) -> None:
        """A sync would end at once."""
        self.exit_code = error.exit_code
        self.problems.append(str(error))

    def facts(self, redact: Callable[[str], str]) -> dict[str, Any]:
        """Everything by name, each text without secrets."""
        facts: dict[str, Any] = _redacted(asdict(self), redact)
        return facts


class Check:
    """Fills a report from one site; what is known stays in it whenever a TapError leaves."""

    def __init__(self, report: Report, opened: Session) -> None:
        self._report, self._opened, self._config = report, opened, opened.config
        report.login.update(way=WAYS[opened.config.way_in], keys=opened.config.login_names)
        report.site["base_url"] = self._config.base_url or None

    def run(self, given: Mapping[str, Any] | None, bookmarks: State) -> None:
        """Find out everything, with the selection of this catalog, or the default one, and from these bookmarks on."""
        client, found = self._enter()
        if given is None:
            fields = self._call(partial(discover.fields_of, client))
            given = discover.discover(client, found, fields, self._config.custom_field_names)
        selections = catalog.select(given, self._warn)
        # What it would write goes nowhere.
        writer = Writer(io.BytesIO(), self._opened.pool.monotonic)
        run = Run(client.hasty(), found, self._config, bookmarks, writer, self._opened.pool)
        sync.vet(run, selections)
        if not selections:
            self._warn("no stream is selected; set selected in the catalog's metadata")
        chosen = {selection.stream.name for selection in selections}
        for entry in self._report.streams:
            entry["selected"] = entry["name"] in chosen
        for scan in sync.scans(selections):
            names = {selection.stream.name for selection in scan}
            self._try(run, scan, [entry for entry in self._report.streams if entry["name"] in names])

    def _enter(self) -> tuple[Client, Site]:
        report = self._report
        try:
            client, found = self._call(lambda: enter(self._config, self._opened.client))
        except TapError as error:
            report.login["accepted"] = False if isinstance(error, AuthError) else None
            if self._config.base_url and not isinstance(error, (UnavailableError, InterruptedByError)):
                self._look()
            raise
        gateway = client.base_url if client.base_url != self._config.base_url else None
        report.site.update(gateway=gateway, edition=found.edition, version=".".join(map(str, found.version)))
        report.account.update(id=found.account, name=found.name or None, time_zone=found.zone)
        report.login["accepted"] = True
        self._compare_clocks(found.ahead)
        report.login.update(self._call(partial(_expiry, client, self._config, found.kind)))
        self._warn_of_the_end()
        return client, found

    def _warn_of_the_end(self) -> None:
        login = self._report.login
        at = to_millis(login["expires_at"])
        left = None if at is None else at / 1000 - self._opened.pool.now()
        if login["expiry"] == "told" and left is not None and left < SOON_SECONDS:
            keys = ", ".join(login["keys"])
            self._warn(f"{keys} expires in {duration(max(left, 0))}: make a new one and put it into the configuration")

    def _look(self) -> None:
        """What the site tells although it does not let us in."""
        try:
            stranger = self._call(lambda: site.look(self._opened.client.hasty()))
        except (AuthError, RefusedError, UnavailableError) as error:
            LOGGER.info("nor does the site tell what it is: %s", error)
            return
        self._report.site.update(edition=stranger.edition, version=".".join(map(str, stranger.version)))
        self._compare_clocks(stranger.ahead)

    def _compare_clocks(self, ahead: float | None) -> None:
        self._report.clock["jira_is_ahead_seconds"] = ahead
        if ahead is None or abs(ahead) <= WORTH_A_WARNING_SECONDS:
            return
        said = f"this machine's clock and Jira's are {duration(abs(ahead))} apart"
        if abs(ahead) > REFUSED_SECONDS and self._config.way_in == "oauth1":
            self._warn(f"{said}: OAuth 1.0a will be refused; synchronise this machine's clock (NTP)")
        else:
            self._warn(f"{said}; synchronise this machine's clock (NTP)")

    def _try(self, run: Run, scan: list[Selection], entries: list[dict[str, Any]]) -> None:
        """Whether the streams of a scan can be read, and what a sync does if not."""
        stream = scan[0].stream
        found: dict[str, Any] = {"readable": False}
        try:
            if stream.replication_key:
                self._try_issues(run, scan)
            else:
                self._call(partial(discover.try_to_read, run.client, stream, run.site))
        except (AuthError, ConfigError, InterruptedByError) as error:
            found["reason"] = str(error)
            raise
        except TapError as error:
            found["reason"] = _reason(error, stream.place(run.site.kind).needs)
            if not isinstance(error, ForbiddenError) or any(map(sync.must_be_readable, scan)):
                self._report.fail(error.exit_code, f"{stream.name}: {error}")
            else:
                self._warn(f"{stream.name} cannot be read, and a sync skips it")
        else:
            found["readable"] = True
        finally:
            for entry in entries:
                entry.update(found)

    def _try_issues(self, run: Run, scan: list[Selection]) -> None:
        config, issues = self._config, self._report.issues
        streams = [selection.stream for selection in scan]
        is_first = [run.state.seconds(stream.name, str(stream.replication_key)) is None for stream in streams]
        try:
            source, lows = incremental.reader(run, scan)
            window = Window(source.dialect.aligned(min(lows)), None)
            issues.update(
                since=format_millis(min(lows) * 1000),
                first_sync=any(is_first),
                projects=list(config.projects),
                jql=config.jql,
                is_approximate=source.kind == "cloud",
            )
            issues["count"] = self._call(partial(source.count, window))
            self._measure(source, window)
        except RefusedError as refusal:
            complaints = self._call(partial(incremental.refused_keys, run)) if refusal.status == 400 else ""
            if not complaints:
                raise
            raise ConfigError(complaints) from refusal

    def _measure(self, source: Issues, window: Window) -> None:
        """How long a page takes that is like those of a sync, and from that how long the whole will take."""
        config, count = self._config, self._report.issues["count"]
        begun = self._opened.pool.monotonic()
        page: Page = self._call(partial(source.page, Ask(window, 0, config.page_size)))
        seconds = self._opened.pool.monotonic() - begun
        rows = len(page.rows)
        self._report.estimate.update(
            page_issues=rows, page_bytes=page.bytes, page_seconds=seconds, concurrency=config.concurrency
        )
        if count is not None and rows:
            pages = max(1, -(-count // rows))
            self._report.estimate.update(
                seconds=seconds * pages / min(pages, config.concurrency), bytes=count * page.bytes // rows
            )

    def _warn(self, warning: str) -> None:
        self._report.warnings.append(warning)

    def _call(self, task: Callable[[], T]) -> T:
        return workers.call(self._opened.pool, task)


def _reason(error: TapError, needs: str) -> str:
    return f"needs {needs}" if isinstance(error, ForbiddenError) and needs else str(error)


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _redacted(part, redact) for name, part in value.items()}
    if isinstance(value, list):
        return [_redacted(part, redact) for part in value]
    return redact(value) if isinstance(value, str) else value


def _expiry(client: Client, config: Config, kind: str) -> dict[str, Any]:
    """What the server tells of the end of our credentials, as the report has it.

    ``expiry`` is ``told``, ``never``, ``renewed`` (by the tap, before that time) or ``not told``; ``tokens`` how many
    tokens the account has, if several: then it is the end of the one that was used last.
    """
    nothing = {"expiry": "not told", "expires_at": None, "tokens": None}
    if isinstance(client.transport, Bearer) and client.transport.ends_at is not None:
        return {**nothing, "expiry": "renewed", "expires_at": format_millis(int(client.transport.ends_at * 1000))}
    if config.way_in != "token" or kind != "server":
        return nothing
    # https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
    request = Request("GET", f"{client.base_url}/rest/pat/latest/tokens")
    try:
        tokens = client.hasty().fetch(request, "GET /rest/pat/latest/tokens", _is_list_of_objects)
    except (AuthError, RefusedError, UnavailableError) as error:
        LOGGER.info("when the token expires is not told: %s", error)
        return nothing
    if not tokens:
        return nothing
    # Which of an account's tokens we come with is not told.
    ours = max(tokens, key=lambda token: to_millis(token.get("lastAccessedAt")) or 0)
    at = to_millis(ours.get("expiringAt"))
    return {
        "expiry": "never" if ours.get("expiringAt") is None else "not told" if at is None else "told",
        "expires_at": None if at is None else format_millis(at),
        "tokens": len(tokens) if len(tokens) > 1 else None,
    }


def _is_list_of_objects(answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(entry, dict) for entry in answer)
