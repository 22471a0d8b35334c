"""What a run says of itself: while it goes on, to people and to a log, and at its end. Time is virtual."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import re
import signal
import struct
import termios
from collections.abc import Iterator
from typing import Any

import pytest
from singer import metrics

from tap_jira import log
from tap_jira.redact import Redactor
from tap_jira.simulator import (
    Account,
    Accounts,
    CloudSite,
    Credentials,
    Fault,
    Faults,
    Limits,
    Site,
    World,
    cloud_credentials,
)
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Outcome, Time
from tests.test_log import CONF

LIVE = re.compile(r"\r\x1b\[K([^\r\n]+)(?=\r)")
CLOUD = "https://example.atlassian.net"
ISSUES = 300


class Terminal(io.StringIO):
    """A terminal that keeps what was written to it, and can show how that looks."""

    def __init__(self, columns: int | None = None) -> None:
        super().__init__()
        self._pair = os.openpty() if columns else None
        if self._pair:
            fcntl.ioctl(self._pair[1], termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._pair[1] if self._pair else super().fileno()

    def release(self) -> None:
        for end in self._pair or ():
            os.close(end)

    @property
    def live(self) -> list[str]:
        """What the live line has shown, one after another."""
        return LIVE.findall(self.getvalue())

    @property
    def screen(self) -> list[str]:
        """The lines as they stand there in the end."""
        lines, column = [""], 0
        for part in re.findall(r"\r|\n|\x1b\[K|[^\r\n\x1b]+", self.getvalue()):
            if part == "\n":
                lines.append("")
                column = 0
            elif part == "\r":
                column = 0
            elif part == "\x1b[K":
                lines[-1] = lines[-1][:column]
            else:
                lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part) :]
                column += len(part)
        return lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal of 30 columns."""
    monkeypatch.setenv("TERM", "xterm")
    narrow = Terminal(30)
    yield narrow
    narrow.release()


@pytest.fixture
def site(time: Time, credentials: Credentials) -> Site:
    """A site of 300 issues, of which it shows ten at a time."""
    account = Account("tap-reader", "p", True, "UTC", {TOKEN: None})
    plain = Account("plain-reader", "p", False, "UTC", {f"{TOKEN}-plain": None})
    accounts = Accounts((account, plain, *credentials.accounts.users[1:]), credentials.accounts.consumers)
    world = World(seed=1, issues=ISSUES, now=time)
    return Site(world, accounts=accounts, base_url=BASE, limits=Limits(page_cap=10))


def told(outcome: Outcome) -> list[str]:
    """What a log was told of the progress, without the level."""
    return [line[5:] for line in outcome.logged("INFO") if " rows/s" in line]


def points(outcome: Outcome, metric: str) -> list[metrics.Point]:
    parsed = (metrics.parse(line) for line in outcome.log.splitlines())
    return [point for point in parsed if point and point.metric == metric]


def summary(outcome: Outcome) -> dict[str, list[str]]:
    """The words of each line at the end by what they are about."""
    lines = outcome.logged("INFO")
    begin = next(n for n, line in enumerate(lines) if line.startswith("INFO table "))
    cells = [re.split(r"  +", line[5:], maxsplit=8) for line in lines[begin:]]
    return {name: rest for name, *rest in cells}


def of(row: list[str], column: str) -> str:
    return row[["rows", "requests", "retries", "waited s", "left out", "nulled", "seconds", "outcome"].index(column)]


def test_a_log_hears_of_a_long_run_once_a_minute(tap: Tap) -> None:
    """A log gets a line a minute with the stream, its rows, the rate, how far it is and what is left."""
    outcome = tap(seconds_a_request=15.0)

    lines = told(outcome)
    assert re.fullmatch(r"jira_issues: \d+ rows, \d\.\d rows/s, \d+ % of about 300, \d:\d\d:\d\d left", lines[1])
    assert len(lines) == pytest.approx(15.0 * float(of(summary(outcome)["total"], "requests")) / 60, abs=2)


def test_the_share_of_the_rows_is_right(tap: Tap) -> None:
    """How far a run is never goes back, and what it is said to be of is what comes in the end."""
    lines = told(tap(seconds_a_request=20.0))

    shares = [int(found[1]) for line in lines if (found := re.search(r"(\d+) % of about", line))]
    wholes = [int(found[1]) for line in lines if (found := re.search(r"of about (\d+)", line))]
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert set(wholes) == {ISSUES}


def test_the_time_left_is_right(tap: Tap) -> None:
    """At a steady pace the time that is said to be left is about what it then takes."""
    lines = told(tap(seconds_a_request=20.0))

    left = [60 * int(found[1]) + int(found[2]) for line in lines if (found := re.search(r"0:(\d\d):(\d\d) left", line))]
    ends = len(left) * 60
    assert len(left) > 8
    assert left[4:] == pytest.approx([ends - 60 * n for n in range(4, len(left))], abs=90)


def test_a_site_that_does_not_count(tap: Tap, time: Time) -> None:
    """Where Jira does not tell how many issues there are, the share is one of the time, and nothing is foretold."""
    credentials = cloud_credentials()
    cloud = CloudSite(World(seed=1, issues=ISSUES, now=time), accounts=credentials.accounts, base_url=CLOUD)
    uncounted = Faults(cloud, [Fault("500", url="approximate-count")] * 400)
    lines = told(tap(config={"base_url": CLOUD, **credentials.basic}, to=uncounted, seconds_a_request=9.0))

    assert any(re.search(r"jira_issues: .* \d+ % of the time span", line) for line in lines)
    assert not any("left" in line for line in lines)


def test_a_short_run_says_nothing_on_the_way(tap: Tap) -> None:
    """A run of a few seconds tells a log only what it did."""
    assert told(tap(seconds_a_request=0.2)) == []


def test_no_line_is_rewritten_in_a_log(tap: Tap) -> None:
    """What is no terminal gets no carriage return and no escape sequence."""
    assert not re.search(r"[\r\x1b]", tap(seconds_a_request=15.0).log)


def test_a_terminal_shows_a_live_line(tap: Tap, terminal: Terminal) -> None:
    """On a terminal one line says how far the run is, at each page that took half a second, and none a minute."""
    tap(seconds_a_request=1.0, stderr=terminal)

    issues = [line for line in terminal.live if line.startswith("jira_issues: ")]
    assert len(issues) > 12
    assert len({line.split(" rows")[0] for line in issues}) > 12
    assert not any("rows/s" in line for line in terminal.screen)


def test_a_live_line_ends_with_its_table(tap: Tap, terminal: Terminal) -> None:
    """Once a table is done, how far it was is not shown again beside the next ones."""
    tap(seconds_a_request=1.0, stderr=terminal)

    after = terminal.getvalue().split('"job_type": "jira_issues"')[1]
    assert "jira_issues: " not in after


def test_a_live_line_is_not_written_too_often(tap: Tap, site: Site, terminal: Terminal) -> None:
    """However fast pages come, the live line changes at most twice a second."""
    requests = []
    site.after_request = lambda request, response: requests.append(request)
    tap(seconds_a_request=0.1, stderr=terminal)

    assert 1 < len(set(terminal.live)) <= 2 * 0.1 * len(requests)


def test_the_log_is_whole_beside_a_live_line(tap: Tap, terminal: Terminal) -> None:
    """Each line of the log stands alone on the screen, and nothing is left of the live line in the end."""
    tap(seconds_a_request=1.0, stderr=terminal)

    *lines, last = terminal.screen
    assert last == ""
    assert all(re.match(r"(INFO METRIC: \{.*\}|[A-Z]+ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*)$", line) for line in lines)


def test_a_line_of_the_log_takes_the_place_of_the_live_line(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log line clears the live line, and the live line comes back below it."""
    monkeypatch.setattr("sys.stderr", terminal)
    show = log.set_up(Redactor())
    assert show is not None
    show("half way")
    logging.getLogger("x").warning("something")

    assert [line.split(" ")[-1] for line in terminal.screen] == ["something", "way"]


def test_a_live_line_fits_the_terminal(tap: Tap, narrow: Terminal) -> None:
    """The live line is cut to the width of the terminal, so that it never wraps; the log is not cut."""
    tap(seconds_a_request=1.0, stderr=narrow)

    assert max(map(len, narrow.live)) == 29
    assert max(map(len, narrow.screen)) > 30


@pytest.mark.parametrize("name", ["TERM", "LOGGING_CONF_FILE"])
def test_terminals_without_a_live_line(
    tap: Tap, terminal: Terminal, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A terminal that cannot take a line back, or a log that is set up elsewhere, is told as any log."""
    conf = tmp_path / "logging.conf"
    conf.write_text(CONF)
    monkeypatch.setenv(name, "dumb" if name == "TERM" else str(conf))
    tap(seconds_a_request=15.0, stderr=terminal)

    assert terminal.live == []
    assert any("jira_issues: " in line and "rows/s" in line for line in terminal.screen)


class Gone(Terminal):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        if "\x1b" in text:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_terminal_that_is_closed(tap: Tap, terminal: Terminal) -> None:
    """A run goes on to its end when nobody can look at it any more."""
    assert tap(seconds_a_request=1.0, stderr=Gone()).code == 0


def test_being_held_back_is_said(tap: Tap, site: Site) -> None:
    """While Jira holds the tap back, the line says for how long."""

    def hold(request: Any, response: Any) -> None:
        if request.url.endswith("/projectCategory"):
            response.headers.update(
                {"x-ratelimit-remaining": "0", "x-ratelimit-fillrate": "4", "x-ratelimit-interval-seconds": "45"}
            )

    site.after_request = hold
    lines = told(tap(seconds_a_request=61.0))

    assert [line for line in lines if "jira_project_categories" in line and "held back by Jira for 0:00:45" in line]


def test_a_table_of_what_was_done(tap: Tap, site: Site) -> None:
    """In the end a log has a line for each table and one for all, each number below the name of its column."""
    outcome = tap(seconds_a_request=0.5)

    table = summary(outcome)
    names = [message["stream"] for message in outcome.of_type("SCHEMA")]
    assert list(table) == ["table", *names, "total"]
    assert {name: of(table[name], "rows") for name in names} == {
        name: str(len(outcome.records(name))) for name in names
    }
    assert of(table["jira_issues"], "outcome").startswith("complete, sent up to 2023-11-14T22:13:")
    assert of(table["jira_users"], "outcome") == "complete"
    assert int(of(table["total"], "rows")) == len(outcome.of_type("RECORD"))
    assert float(of(table["total"], "seconds")) == 0.5 * int(of(table["total"], "requests"))


def test_the_columns_stand_below_one_another(tap: Tap) -> None:
    """The numbers of a column end where its name ends."""
    lines = [
        line for line in tap(seconds_a_request=0.5).logged("INFO") if re.match(r"INFO (table|jira_\w+|total)  ", line)
    ]

    ends = {re.match(r"INFO \w+ +\w+ +\w+", line).end() for line in lines}  # type: ignore[union-attr]
    assert (len(lines), len(ends)) == (10, 1)


def test_requests_are_counted_where_they_were_made(tap: Tap, site: Site) -> None:
    """Requests and repeats stand in the line of the table they were for, and the total has those of the log-in too."""
    table = summary(tap(to=Faults(site, [Fault("500", url="/projectCategory")] * 2)))

    assert (of(table["jira_project_categories"], "requests"), of(table["jira_project_categories"], "retries")) == (
        "3",
        "2",
    )
    requests = [int(of(row, "requests")) for name, row in table.items() if name.startswith("jira_")]
    assert sum(requests) < int(of(table["total"], "requests"))
    assert of(table["total"], "retries") == "2"


def test_waiting_for_the_limits_is_counted(tap: Tap, site: Site) -> None:
    """What Jira made the tap wait for stands in its line and in the total; waiting after a failure is none of it."""
    asks = [Fault("429", "40", url="/projectCategory"), Fault("500", url="/resolution")]
    table = summary(tap(to=Faults(site, asks)))

    held = float(of(table["jira_project_categories"], "waited s"))
    assert 40 <= held <= 41
    assert (of(table["jira_resolutions"], "waited s"), of(table["total"], "waited s")) == ("0.0", f"{held}")


def test_what_was_not_sent_is_in_the_table(tap: Tap, site: Site) -> None:
    """A table that failed and one that may not be read say why, and the others are complete."""
    config = {"base_url": BASE, "personal_access_token": f"{TOKEN}-plain"}
    outcome = tap(config=config, to=Faults(site, [Fault("500", url="/projectCategory")] * 8))

    table = summary(outcome)
    assert re.match("failed: GET /rest/api/2/projectCategory .*500", of(table["jira_project_categories"], "outcome"))
    assert of(table["jira_project_roles"], "outcome").startswith("skipped: ")
    assert of(table["jira_projects"], "outcome") == "complete"


def test_values_and_rows_that_did_not_fit_are_counted(tap: Tap, site: Site) -> None:
    """Values that became null and records without their key are counted in their table."""
    table = summary(tap(to=Odd(site, "/projectCategory", [{"id": "1", "name": 2.0**70}, {"name": "nameless"}])))

    row = table["jira_project_categories"]
    assert [of(row, name) for name in ("rows", "left out", "nulled")] == ["1", "1", "1"]
    assert [of(table["total"], name) for name in ("left out", "nulled")] == ["1", "1"]


def test_a_run_that_is_interrupted_says_what_it_did(tap: Tap, site: Site) -> None:
    """After a signal there is the same table: what was complete, where it stopped, and what was not reached."""

    def interrupt(request: Any, response: Any) -> None:
        if "/projectCategory" in request.url:
            os.kill(os.getpid(), signal.SIGTERM)

    site.after_request = interrupt
    outcome = tap()

    table = summary(outcome)
    assert of(table["jira_projects"], "outcome") == "complete"
    assert of(table["jira_project_categories"], "outcome") == "aborted: stopped by signal 15"
    assert of(table["jira_users"], "outcome") == "not reached"
    assert outcome.log.splitlines()[-1] == "CRITICAL stopped by signal 15"


def test_counters_of_a_long_table(tap: Tap) -> None:
    """As singer-python's counter does, record_count tells each minute what has come since, and the rest at the end."""
    counted = [p.value for p in points(tap(seconds_a_request=15.0), "record_count") if is_of(p, "jira_issues")]

    assert len(counted) > 3
    assert sum(counted) == ISSUES


def is_of(point: metrics.Point, endpoint: str) -> bool:
    return bool(point.tags == {"endpoint": endpoint})


def test_timers_of_the_requests(tap: Tap, site: Site) -> None:
    """The time of all requests of a table is one point for each status that came."""
    outcome = tap(to=Faults(site, [Fault("500", url="/projectCategory")] * 2), seconds_a_request=0.5)

    endpoint = "jira_project_categories"
    assert [p for p in points(outcome, "http_request_duration") if p.tags["endpoint"] == endpoint] == [
        ("timer", "http_request_duration", 0.5, {"endpoint": endpoint, "http_status_code": 200, "status": "succeeded"}),
        ("timer", "http_request_duration", 1.0, {"endpoint": endpoint, "http_status_code": 500, "status": "failed"}),
    ]


def test_timers_of_the_jobs(tap: Tap, site: Site) -> None:
    """How long each table and the whole run took, and whether they succeeded, is a job_duration each."""
    outcome = tap(to=Faults(site, [Fault("500", url="/projectCategory")] * 8), seconds_a_request=0.5)

    jobs = {point.tags["job_type"]: point for point in points(outcome, "job_duration")}
    assert jobs["jira_projects"] == ("timer", "job_duration", 0.5, {"job_type": "jira_projects", "status": "succeeded"})
    assert jobs["jira_project_categories"].tags["status"] == "failed"
    assert (jobs["sync"].tags["status"], jobs["sync"].value > 4) == ("failed", True)


class Odd:
    """A site that answers one path in its own way."""

    def __init__(self, site: Site, path: str, rows: list[Any]) -> None:
        self._site, self._path, self._rows = site, path, rows

    def send(self, request: Request) -> Response:
        if request.url.endswith(self._path):
            return Response.of_json(self._rows)
        return self._site.send(request)
