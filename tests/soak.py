"""A seeded search for lost rows: small sites that change while they are read, broken runs, a model that knows better.

``python -m tests.soak 2000`` searches that many schedules on all cores; ``python -m tests.soak --seed 17`` replays one.

Each schedule draws a site, how it changes, how late its index is, what fails, and when the tap is killed; the tap runs
several times in a row, each time from the last whole STATE. The model is the database itself: at the end, after two
quiet runs, the last version of every issue that the target kept must be the one in the database. Rows below the last
whole STATE of a killed run are taken for lost: a target may have had no time for them.

In some schedules there is a table of comments beside the issues. It is not selected in each run, or they are not; and
the target may keep each table by itself: the rows up to one STATE or another, and that table's bookmark from there.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import logging
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from random import Random
from typing import Any

from tap_jira import errors, incremental, streams, sync
from tap_jira import search as search_module
from tap_jira import site as site_module
from tap_jira.catalog import Selection
from tap_jira.client import Client, Sends
from tap_jira.config import Config
from tap_jira.dates import to_millis
from tap_jira.messages import Writer
from tap_jira.pace import Gate
from tap_jira.retry import Retry
from tap_jira.run import Run
from tap_jira.simulator import (
    Account,
    Accounts,
    Bucket,
    CloudAccount,
    CloudAccounts,
    CloudLimits,
    CloudSite,
    Faults,
    Limits,
    Site,
    World,
)
from tap_jira.simulator.children import comment_total
from tap_jira.simulator.facts import Issue
from tap_jira.state import State
from tap_jira.wire import Headers, Request, Response
from tests.fakes import BASE, START, Inline, Time

ISSUES, COMMENTS = streams.STREAMS[:2]
PASSING = ("429", "500", "502", "503", "504", "reset", "timeout", "truncated", "bad-json", "empty")
MOST_REQUESTS = 3000
LOGINS = {False: "Bearer good", True: f"Basic {base64.b64encode(b'tap@example.com:good').decode()}"}
"""What the tap logs in with, by whether the site is Cloud."""


class Fault(AssertionError):
    """Something that must not be: a repeat without need, a bookmark that goes back, a run without end."""


class LostRow(Fault):
    """A row that had to come out did not."""


class Killed(BaseException):
    """The process is gone, at this byte."""


@dataclass(frozen=True)
class Schedule:
    """What happens, drawn from a seed."""

    seed: int
    issues: int
    seconds: float
    bulk: float
    nodes: int
    page_cap: int
    page_size: int
    concurrency: int
    deepest: int
    lookback: int
    lag: float
    request_seconds: float
    changes: float
    busy: bool
    faults: float
    bucket: bool
    poison: float
    skew: float
    runs: int
    numbers: str
    kills: tuple[int | None, ...]
    pauses: tuple[float, ...]
    cloud: bool
    repeats: float
    drops: float
    shorts: float
    miscount: float
    tables: tuple[tuple[streams.Stream, ...], ...]
    """Which streams are selected in each run."""
    by_table: bool
    """Whether the target keeps each table by itself."""

    @classmethod
    def draw(cls, seed: int) -> Schedule:
        """The schedule of a seed: mostly short lookbacks and lags right at their limit, which hide nothing."""
        draw = Random(seed)
        lookback = draw.choice((0, 1, 2, 3, 5))
        runs = draw.randint(2, 5)
        busy = draw.random() < 0.15
        tokens, tables = Random(seed + 0.5), Random(seed + 0.25)
        selections = ((ISSUES,), (COMMENTS,), (ISSUES, COMMENTS)) if tables.random() < 0.3 else ((ISSUES,),)
        return cls(
            seed=seed,
            issues=draw.choice((0, 1, 5, 12, 25, 40)),
            seconds=draw.choice((3, 10, 60, 600, 86400)),
            bulk=draw.choice((0.0, 0.2, 0.7)),
            nodes=draw.choice((1, 1, 1, 2)),
            page_cap=draw.choice((2, 3, 5, 8, 50)),
            page_size=draw.choice((2, 3, 5, 10)),
            concurrency=draw.choice((1, 2, 4)),
            deepest=draw.choice((9000, 9000, 6, 12)),
            lookback=lookback,
            lag=lookback * draw.choice((0.0, 0.5, 1.0, 1.0)),
            request_seconds=draw.choice((0.0, 0.05, 0.4, 1.3)),
            changes=0.0 if busy else draw.choice((0.0, 0.3, 1.0, 3.0)),
            busy=busy,
            faults=draw.choice((0.0, 0.0, 0.05, 0.2)),
            bucket=draw.random() < 0.1,
            poison=draw.choice((0.0,) * 7 + (0.1,)),
            skew=draw.choice((0.0, 0.0, -40.0, 40.0)),
            runs=runs,
            numbers=draw.choice(("ok",) * 8 + ("refused", "misread")),
            kills=tuple(draw.randint(0, 9000) if draw.random() < 0.3 else None for _ in range(runs)),
            pauses=tuple(draw.choice((0.0, 0.7, 5.0, 90.0)) for _ in range(runs)),
            cloud=tokens.random() < 0.5,
            repeats=tokens.choice((0.0, 0.0, 0.1)),
            drops=tokens.choice((0.0, 0.0, 0.1)),
            shorts=tokens.choice((0.0, 0.0, 0.3)),
            miscount=tokens.choice((0.0, 0.3, 1.0)),
            tables=tuple(tables.choice(selections) for _ in range(runs)),
            by_table=len(selections) > 1 and tables.random() < 0.5,
        )

    @property
    def selected(self) -> tuple[streams.Stream, ...]:
        """The streams that are selected in some run."""
        return tuple(stream for stream in (ISSUES, COMMENTS) if any(stream in tables for tables in self.tables))


class Out:
    """The pipe to the target; closes for ever after ``last`` bytes, if that is set."""

    def __init__(self, last: int | None) -> None:
        self.written, self._last = b"", last

    def write(self, data: bytes) -> int:
        room = len(data) if self._last is None else max(0, self._last - len(self.written))
        self.written += data[:room]
        if room < len(data):
            raise Killed
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


@dataclass
class Target:
    """What a careful target has kept: the last version of each row of a table, and the last STATE."""

    versions: dict[str, dict[str, str]] = field(default_factory=lambda: {ISSUES.name: {}, COMMENTS.name: {}})
    state: dict[str, Any] = field(default_factory=dict)

    def take(self, output: bytes, choose: Callable[[list[int]], int] = max) -> list[tuple[str, str]]:
        """Keep the rows of each table above one of the whole STATE lines; all issues that a run has sent, in order.

        ``choose`` says which; a target that keeps all tables together takes the last.
        """
        lines = output.split(b"\n")[:-1]
        messages = [json.loads(line) for line in lines]
        states = [n for n, message in enumerate(messages) if message["type"] == "STATE"]
        records: dict[str, list[tuple[int, str, str]]] = {ISSUES.name: [], COMMENTS.name: []}
        for n, message in enumerate(messages):
            if message["type"] == "RECORD":
                record = message["record"]
                updated = record.get("updated_at") or record["issue_updated_at"]
                records[message["stream"]].append((n, record["id"], updated))
        if states:
            bookmarks: dict[str, Any] = {}
            for name, rows in records.items():
                kept = choose(states)
                self.versions[name].update((row, updated) for n, row, updated in rows if n < kept)
                bookmarks[name] = messages[kept]["value"]["bookmarks"].get(name)
            self.state = {"bookmarks": {name: kept for name, kept in bookmarks.items() if kept is not None}}
        self._check_bookmarks([messages[n]["value"] for n in states])
        return [(issue, updated) for _, issue, updated in records[ISSUES.name]]

    @staticmethod
    def _check_bookmarks(states: list[dict[str, Any]]) -> None:
        for stream in (ISSUES, COMMENTS):
            key = str(stream.replication_key)
            bookmarks = [value["bookmarks"].get(stream.name, {}).get(key, "") for value in states]
            if bookmarks != sorted(bookmarks):
                raise Fault(f"a bookmark moved backwards within a run: {bookmarks}")


class Wire:
    """A slow way to the site: the request takes time, then the answer does, and its Date is that of its departure."""

    def __init__(self, inner: Sends, login: str, time: Time, seconds: float, after: Callable[[], None]) -> None:
        self._inner, self._login, self._time, self._seconds, self._after = inner, login, time, seconds, after
        self.requests = 0

    def send(self, request: Request) -> Response:
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise Fault("the run does not end")
        self._time.seconds += self._seconds / 2
        headers = Headers({**request.headers, "Authorization": self._login})
        try:
            response = self._inner.send(Request(request.method, request.url, headers, request.body))
        finally:
            self._time.seconds += self._seconds / 2
            self._after()
        date = {"Date": formatdate(self._time.seconds, usegmt=True)}
        headers = Headers({**response.headers, **date})
        return Response(response.status, headers, response.body, gzip.compress(response.body, 1))


class Scene:
    """One schedule on its way."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.random, self.time = schedule, Random(schedule.seed * 7 + 1), Time(START + 0.25)
        self.quiet = False
        self.world = World(
            seed=schedule.seed,
            issues=schedule.issues,
            projects=3,
            users=3,
            days=schedule.seconds / 86400,
            bulk_share=schedule.bulk,
            now=self.time,
            lag=self._lag,
            nodes=1 if schedule.cloud else schedule.nodes,
        )
        self.site = self._cloud() if schedule.cloud else self._server()
        self.busy_id = 10000 if schedule.busy and schedule.issues else None
        self.target = Target()

    def _server(self) -> Site:
        account = Account("tap", tokens={"good": None}, zone="Europe/Berlin")
        limits = Limits(page_cap=self.schedule.page_cap, epoch_numbers=self.schedule.numbers)  # type: ignore[arg-type]
        return Site(self.world, accounts=Accounts((account,)), base_url=BASE, limits=limits)

    def _cloud(self) -> CloudSite:
        schedule = self.schedule
        account = CloudAccount("tap@example.com", zone="Europe/Berlin", api_tokens={"good": None})
        limits = CloudLimits(
            page_cap=schedule.page_cap,
            bare_page_cap=schedule.page_cap,
            short_share=schedule.shorts,
            # In the end the site is well again.
            repeat_token_share=0.0 if self.quiet else schedule.repeats,
            drop_token_share=0.0 if self.quiet else schedule.drops,
            count_error=schedule.miscount,
            epoch_numbers=schedule.numbers,  # type: ignore[arg-type]
        )
        return CloudSite(self.world, accounts=CloudAccounts((account,)), base_url=BASE, limits=limits)

    def _lag(self, random: Random) -> float:
        # Right at the limit as often as not: the premise allows it, so the proof must.
        return self.schedule.lag * random.choice((0.0, 0.3, 1.0, 1.0))

    def play(self) -> None:
        """All runs, then quiet, then two runs that must leave nothing behind."""
        schedule = self.schedule
        for kill, pause, tables in zip(schedule.kills, schedule.pauses, schedule.tables, strict=True):
            self._run(kill, tables)
            self.time.seconds += pause
            self._change(schedule.changes)
        self.quiet = True
        self.site = self._cloud() if schedule.cloud else self.site
        for _ in range(2):
            self.time.seconds += schedule.lag + 1
            self._run(None, schedule.selected)
        self._compare()

    def _change(self, expected: float) -> None:
        count = int(expected) + (self.random.random() < expected % 1)
        for _ in range(0 if self.quiet else count):
            kind = self.random.choices(("edit", "create", "delete", "move", "bulk"), (10, 3, 3, 2, 2))[0]
            chosen = self.world.some_ids(self.random.randint(2, 8) if kind == "bulk" else 1, self.random)
            if kind == "create":
                self.world.create()
            elif kind == "bulk":
                self.world.bulk_edit(chosen)
            elif chosen:
                getattr(self.world, kind)(chosen[0])
        if self.busy_id and not self.quiet:
            self.world.edit(self.busy_id)

    def _after_request(self) -> None:
        self._change(self.schedule.changes)

    def _run(self, kill: int | None, tables: tuple[streams.Stream, ...]) -> None:
        schedule = self.schedule
        sender: Sends = self.site
        if not self.quiet and (schedule.faults or schedule.bucket or schedule.poison):
            bucket = Bucket(limit=4, fill=2, interval=1.0, now=self.time) if schedule.bucket else None
            share = schedule.faults
            poison = [issue.id for issue in self.world.issues() if self.random.random() < schedule.poison]
            sender = Faults(
                self.site,
                share=share,
                kinds=PASSING,
                seed=self.random.randint(0, 10**9),
                bucket=bucket,
                poison=poison,
                poison_fields=("summary",),
            )
        wire = Wire(sender, LOGINS[schedule.cloud], self.time, schedule.request_seconds, self._after_request)
        before = {issue.id: issue.updated for issue in self.world.issues()}
        out = Out(None if self.quiet else kill)
        code, site_now = run_issues(self, wire, out, tables)
        sent = self.target.take(out.written, self._flushed if schedule.by_table and not self.quiet else max)
        if code == 0 and ISSUES in tables:
            self._check_run(sent, before, site_now)

    def _check_run(self, sent: list[tuple[str, str]], before: dict[int, int], site_now: int) -> None:
        """What one whole run owes: the settled rows that nobody touched, the busy issue, and no pointless repeats."""
        if self.schedule.nodes == 1 and len(sent) != len(set(sent)):
            raise Fault("a row was sent twice in one run though it had not changed")
        ids = {int(issue) for issue, _ in sent}
        # Where bounds are minutes, what lies in the minute of S - lookback is read again by the next run.
        settled = (site_now - self.schedule.lookback) // self._grain * self._grain * 1000
        for issue in self.world.issues():
            untouched = before.get(issue.id) == issue.updated
            if untouched and self._low <= issue.updated < settled and issue.id not in ids:
                raise LostRow(f"issue {issue.id}, updated {issue.updated}, was not sent by the run that owed it")
        # Where the index lags it may only know the issue as it was before this run's range: then the next run owes it.
        self._missed = 0 if self.busy_id in ids else self._missed + 1
        if self.busy_id and not self.quiet and self._missed > (1 if self.schedule.lag else 0):
            raise LostRow("an issue that is edited all the time was not sent by a whole run")

    def _flushed(self, states: list[int]) -> int:
        return self.random.choice(states)

    _low = 0
    _missed = 0

    @property
    def _grain(self) -> int:
        """Seconds to which bounds of time are written, as the tap has found out."""
        found = self.target.state.get("bookmarks", {}).get(ISSUES.name, {}).get("dates")
        return 1 if found == "number" else 60

    def _overflows(self) -> bool:
        """Whether so many issues share a grain of ``updated`` and of ``created`` that the tap rightly gives up."""
        grain = self._grain * 1000
        crowds = Counter((issue.updated // grain, issue.created // grain) for issue in self.world.issues())
        return not self.schedule.cloud and max(crowds.values(), default=0) >= 2 * self.schedule.deepest

    def _compare(self) -> None:
        if self._overflows():
            return
        for issue in self.world.issues():
            for name, row_id in self._rows(issue):
                kept = self.target.versions[name].get(row_id)
                if kept is None or _millis(kept) != issue.updated:
                    raise LostRow(f"{name} {row_id}, updated {issue.updated}: the target has {kept}")

    def _rows(self, issue: Issue) -> Iterator[tuple[str, str]]:
        """The rows that the target should have of an issue, by table and id."""
        if ISSUES in self.schedule.selected:
            yield ISSUES.name, str(issue.id)
        if COMMENTS in self.schedule.selected:
            for n in range(comment_total(self.world.seed, issue)):
                yield COMMENTS.name, str(issue.id * 1000 + n)


def run_issues(scene: Scene, wire: Sends, out: Out, tables: tuple[streams.Stream, ...]) -> tuple[int, int]:
    """One run of these streams; its exit code (-9 if killed) and the server's time at its start."""
    schedule = scene.schedule
    config = Config(
        base_url=BASE,
        personal_access_token="good",
        start_date="2020-01-01T00:00:00.000000Z",
        page_size=schedule.page_size,
        concurrency=schedule.concurrency,
        lookback_seconds=schedule.lookback,
    )
    pool = Inline(scene.time, Random(scene.random.random()), skew=schedule.skew)
    jitter = Random(schedule.seed).random
    client = Client(wire, Retry(pool, Gate(pool, schedule.concurrency), jitter=lambda most: most * jitter()), BASE)
    site_now = 0
    small = 0 if schedule.drops else search_module.SMALL
    incremental.Span = partial(search_module.Span, deepest=schedule.deepest, small=small)  # type: ignore[assignment,attr-defined]
    try:
        site = site_module.meet(client)
        site_now = site.now
        state = State(scene.target.state)
        scene._low = _owed_from(state, schedule.lookback, site.now)
        run = Run(client, site, config, state, Writer(out, pool.monotonic), pool)  # type: ignore[arg-type]
        return sync.sync(run, [SELECTIONS[stream.name]() for stream in tables]), site_now
    except Killed:
        return -9, site_now
    except errors.TapError as error:
        return error.exit_code, site_now


def _owed_from(state: State, lookback: int, now: int) -> int:
    bookmark = state.seconds(ISSUES.name, "updated_at")
    return 0 if bookmark is None else (min(bookmark, now) - lookback) * 1000


def small_selection() -> Selection:
    """The issues with the columns that the model looks at."""
    text = {"type": ["null", "string"]}
    columns = {"summary": text, "updated": {**text, "format": "date-time"}}
    fields: dict[str, Any] = {"type": ["null", "object"], "properties": columns}
    properties = {
        "id": {"type": ["string"]},
        "key": text,
        "updated_at": {**text, "format": "date-time"},
        "fields": fields,
    }
    schema = {"type": "object", "properties": properties}
    # Many columns that are not selected, so that the tap names the few it wants: cheap to print.
    every = {**fields, "properties": {**fields["properties"], "created": text, **{f"other{n}": text for n in range(9)}}}
    full = {"type": "object", "properties": {**properties, "fields": every, "expand": text, "self": text}}
    return Selection(ISSUES, schema, full, ["id"], chosen=True)


def comment_selection() -> Selection:
    """The comments with the columns that the model looks at."""
    text = {"type": ["null", "string"]}
    properties = {"id": {"type": ["string"]}, "issue_updated_at": {**text, "format": "date-time"}}
    others = dict.fromkeys(
        ("self", "author", "body", "updateAuthor", "created", "updated", "issue_id", "issue_key"), text
    )
    schema = {"type": "object", "properties": properties}
    return Selection(COMMENTS, schema, {**schema, "properties": {**properties, **others}}, ["id"], chosen=True)


SELECTIONS = {ISSUES.name: small_selection, COMMENTS.name: comment_selection}


def _millis(text: str) -> int:
    return to_millis(text) or 0


def play(seed: int, change: Callable[[Schedule], Schedule] | None = None) -> str | None:
    """What the schedule of ``seed`` finds, None if all is well."""
    schedule = Schedule.draw(seed)
    scene = Scene(change(schedule) if change else schedule)
    try:
        scene.play()
    except Fault as error:
        return f"seed {seed}: {error}"
    return None


def search(seeds: range, workers: int) -> Iterator[str]:
    """What the schedules of these seeds find, on several cores."""
    if workers == 1:
        yield from filter(None, map(play, seeds))
        return
    with multiprocessing.get_context("fork").Pool(
        workers, initializer=partial(logging.disable, logging.CRITICAL)
    ) as pool:
        yield from filter(None, pool.imap_unordered(play, seeds, chunksize=20))


def say(line: object) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """The command line of the search."""
    parser = argparse.ArgumentParser(description="Search schedules for lost rows.")
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one alone, with the log")
    options = parser.parse_args()
    if options.seed is not None:
        logging.basicConfig(level=logging.INFO)
        say(Schedule.draw(options.seed))
        say(play(options.seed) or "nothing is lost")
        return 0
    logging.disable(logging.CRITICAL)
    found = 0
    for line in search(range(options.first, options.first + options.count), os.cpu_count() or 1):
        found += 1
        say(line)
    say(f"{options.count} schedules, {found} with a fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
