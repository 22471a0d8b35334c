"""Send the issues that changed since the bookmark, and their children, and move the bookmarks after them.

One scan of the issues feeds several tables: the issues themselves, and tables of what hangs on them. Targets flush
table by table, so a bookmark that two tables share would lose the rows of the slower one when the target is killed.
Each has a bookmark of its own, and the scan begins at the oldest. ``search`` says why a scan misses no issue from its
beginning on; why no table misses a row:

  1. A table is sent all rows of a scan but those whose printed ``updated`` lies before its own bookmark - lookback.
     Such a row was indexed before the scan that has set this bookmark (premise A of ``search``). So that scan, or one
     before it, has read the row and sent it to this table, or remembered that it owes it.
  2. What the plan leaves out as sent already printed the same ``updated`` then as now, so the same tables wanted it.
  3. An issue that could not be printed is owed to each table that wanted it, and remembered under its name. When it can
     be, it goes to those and to all that would want it from the scan, which leaves it out.
  4. A list inside an issue of which Jira failed to give the rest is owed in the same way, to the table of that list.
  5. A STATE moves the bookmarks of all tables after the rows of all of them, and never one that is further on.

How the site takes bounds of time is kept in the bookmark of the issues, whichever tables are selected.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby

from tap_jira import inside, issues, jql, since
from tap_jira.catalog import Selection
from tap_jira.dates import duration, format_millis, to_millis, told
from tap_jira.errors import ConfigError, InterruptedByError, NotFoundError, ReadError, RefusedError, TapError
from tap_jira.offsets import OffsetWalk
from tap_jira.run import Run, Table
from tap_jira.search import Chunk, PageSize, Plan, Row, Span, Walk
from tap_jira.streams import ISSUES
from tap_jira.tokens import TokenWalk

LOGGER = logging.getLogger(__name__)

MOST_OWED = 1000
HISTORY_SECONDS = 365 * 24 * 3600
"""How far back the first sync goes without a start_date: one year, which is promised to users."""
WALKS: Mapping[str, Callable[..., Walk]] = {"server": OffsetWalk, "cloud": TokenWalk}
"""How pages are cut, by the kind of site."""
AHEAD_BYTES = 12_000_000
"""Bytes of answers that may be under way or wait for their turn, beyond those of the first window, as they are held:
packed, they are some dozens of pages, enough to keep eight connections busy while one of them is slow."""


@dataclass(frozen=True)
class Consumer:
    """A table that a scan feeds, and from when on: what is older it was sent by an earlier run."""

    table: Table
    low: int
    """Its own lower bound, in epoch seconds."""
    since_millis: int
    """The least ``updated`` of the rows that it is sent."""

    @property
    def name(self) -> str:
        """The stream, as the state knows it."""
        return self.table.stream.name

    @property
    def key(self) -> str:
        """What the bookmark is called."""
        return str(self.table.stream.replication_key)

    def wants(self, row: Row) -> bool:
        """Whether the row is not known to be older than what this table lacks."""
        return row.updated is None or row.updated >= self.since_millis

    def misses(self, row: Row) -> bool:
        """Whether Jira failed to give all that this table is made of."""
        return isinstance(row.issue, issues.Owed) or self.table.stream.listed[:-1] in row.issue.lacking


def sync_issues(run: Run, tables: Sequence[Table]) -> None:
    """Send the tables, in one scan, what changed since their bookmarks, and move those after each whole window.

    ConfigError, and the state as it was, if Jira does not take the condition of the configuration.
    """
    before = {name: run.state.bookmark(name) for name in (ISSUES, *(table.stream.name for table in tables))}
    try:
        _scan(run, tables)
    except RefusedError as refusal:
        if refusal.status != 400:
            raise
        run.workers.forget()
        complaints = run.call(partial(refused_keys, run))
        if not complaints:
            raise
        for name, kept in before.items():
            run.state.keep(name, **{**dict.fromkeys(run.state.bookmark(name)), **kept})
        raise ConfigError(complaints) from refusal


def refused_keys(run: Run) -> str:
    """Which of ``projects`` and ``jql`` Jira does not take, and in which words; '' if they are not what it refuses."""
    client, kind, config = run.client, _kind(run), run.config
    if issues.complaint(client, kind, ""):
        return ""
    conditions = {"projects": jql.condition(config.projects, None), "jql": jql.condition((), config.jql)}
    said = {key: issues.complaint(client, kind, condition) for key, condition in conditions.items() if condition}
    told = "; ".join(
        f"{key} of the configuration is refused by Jira: {words.rstrip('.')}" for key, words in said.items() if words
    )
    return f"{told}; correct it, or let this account see what it names" if told else ""


def reader(run: Run, selections: Sequence[Selection]) -> tuple[issues.Issues, list[int]]:
    """What reads of the issues that this run wants all that is selected, and from when on for each (epoch seconds).

    The state takes over what is wanted, and remembers how the site takes bounds of time.
    """
    streams = [selection.stream for selection in selections]
    condition = jql.condition(run.config.projects, run.config.jql)
    lows = [_lower_bound(run, selection, condition) for selection in selections]
    dialect = _dialect(run)
    parts = [stream.listed[:-1] for stream in streams if stream.parent]
    return issues.Issues(
        run.client, dialect, run.together, condition, **_wanted(selections), kind=_kind(run), parts=parts
    ), lows


def _scan(run: Run, tables: Sequence[Table]) -> None:
    source, lows = reader(run, [table.selection for table in tables])
    low, history = min(lows), _history(run)
    # Dates to the minute find a little more than was asked for. Rows before a bookmark's lookback are no harm, and a
    # page that did not join may need them; rows before start_date were not wanted.
    consumers = [
        Consumer(table, own, (own if own > low else min(own, history)) * 1000)
        for table, own in zip(tables, lows, strict=True)
    ]
    settled = max(low, run.site.now - run.lookback_seconds)
    span = Span(low=low, now=run.site.now, settled=settled, aligned=source.dialect.aligned)
    plan = Plan(WALKS[source.kind], span, PageSize(run.config.page_size), _settle_debts(run, consumers, source))
    tables[0].tally.ahead = lambda: (plan.handed_out, plan.rows_left, plan.share)
    for chunk in _chunks(plan, source, run):
        _send(run, consumers, chunk.rows)
        behind = [consumer for consumer in consumers if chunk.bookmark > consumer.low]
        moved = [run.state.advance(consumer.name, consumer.key, chunk.bookmark) for consumer in behind]
        if any(moved):
            run.send_state()
    for consumer in consumers:
        _report_debts(run, consumer.table)


def _send(run: Run, consumers: Sequence[Consumer], rows: Sequence[Row]) -> None:
    """Send each table what it wants of the rows, a page after the other; what cannot be sent is remembered."""
    printed = [row for row in rows if not isinstance(row.issue, issues.Owed)]
    for bundle, of_one_page in groupby(printed, key=lambda row: row.issue.bundle):
        page, came = list(of_one_page), bundle.texts()
        texts = [came[row.issue.place] for row in page]
        families = list(map(inside.Family, texts)) if any(c.table.stream.parent for c in consumers) else []
        for consumer in consumers:
            wanted = [place for place, row in enumerate(page) if consumer.wants(row)]
            listed = consumer.table.stream.listed
            if listed:
                of_each = (families[place].rows(listed, consumer.key) for place in wanted)
                consumer.table.send_texts(chain.from_iterable(of_each))
            else:
                consumer.table.send_texts(texts[place] for place in wanted)
    doubtful = [row for row in rows if isinstance(row.issue, issues.Owed) or row.issue.lacking]
    for consumer in consumers:
        _owe(run, consumer.name, [str(row.id) for row in doubtful if consumer.wants(row) and consumer.misses(row)])


def _settle_debts(run: Run, consumers: Sequence[Consumer], source: issues.Issues) -> dict[str, int | None]:
    """Try the issues that Jira could not print in earlier runs; the ids of those sent, with their ``updated``."""
    sent: dict[str, int | None] = {}
    for issue_id in sorted({issue_id for consumer in consumers for issue_id in _owed(run, consumer.name)}):
        creditors = [consumer for consumer in consumers if issue_id in _owed(run, consumer.name)]
        row = run.call(partial(source.one, issue_id))
        if row is not None and isinstance(row.issue, issues.Owed):
            continue
        if row is not None:
            # The scan will not bring it again, also not to those that do not know of the debt.
            takers = [consumer for consumer in consumers if consumer in creditors or consumer.wants(row)]
            _send(run, takers, [row._replace(updated=None)])
            sent[issue_id] = row.updated
        for consumer in creditors:
            if row is None or not consumer.misses(row):
                owed = [owed_id for owed_id in _owed(run, consumer.name) if owed_id != issue_id]
                run.state.keep(consumer.name, owed=owed or None)
    return sent


def _owe(run: Run, stream: str, ids: list[str]) -> None:
    """Remember issues that could not be printed, so that the bookmark may pass them."""
    if not ids:
        return
    owed = sorted({*_owed(run, stream), *ids})
    if len(owed) > MOST_OWED:
        raise ReadError(f"Jira cannot print {len(owed)} issues, {', '.join(owed[:5])} among them; look at its log")
    run.state.keep(stream, owed=owed)


def _report_debts(run: Run, table: Table) -> None:
    stream = table.stream.name
    owed = _owed(run, stream)
    table.tally.left_out += len(owed)
    if owed:
        run.fail(
            ReadError.exit_code,
            f"{stream}: Jira cannot print {len(owed)} issues (ids {', '.join(owed[:20])}); they are tried again at "
            "each run; look for them in Jira's log",
        )


def _owed(run: Run, stream: str) -> list[str]:
    kept = run.state.bookmark(stream).get("owed")
    return [str(issue_id) for issue_id in kept] if isinstance(kept, list) else []


def _chunks(plan: Plan, source: issues.Issues, run: Run) -> Iterator[Chunk]:
    """Drive a plan: as many pages under way as the pace allows, also while what is whole is written, page by page."""
    busy = 0
    while not plan.done:
        wanted = plan.wanting(AHEAD_BYTES)
        while busy < run.client.retry.gate.allowed and (next_page := next(wanted, None)):
            walk, ask = next_page
            run.workers.submit((walk, ask), partial(source.page, ask))
            busy += 1
        try:
            come = run.workers.poll()
            chunk = None if come else next(plan.ready(), None)
            if chunk:
                yield chunk
            else:
                (walk, ask), page = come or run.workers.next(run.tick)
                busy -= 1
                plan.feed(walk, ask, page)
        except InterruptedByError:
            raise
        except TapError:
            yield from plan.ready()
            raise
        run.tick()


def _lower_bound(run: Run, selection: Selection, condition: str) -> int:
    """From when on issues are read, in epoch seconds; the state takes over what is wanted."""
    stream, key, history = selection.stream.name, str(selection.stream.replication_key), _history(run)
    is_configured, rereads = bool(run.config.start_date), run.config.reread_for_new_columns
    wanted = since.Wanted(condition, history, is_configured, selection.sent, rereads)
    if history > run.site.now:
        LOGGER.warning(
            "%s: start_date, %s, is still %s off by Jira's clock; no issue is read before that",
            stream,
            told(history),
            duration(history - run.site.now),
        )
    if notice := since.renew(run.state, stream, key, wanted):
        LOGGER.warning("%s: %s", stream, notice)
    bookmark = run.state.seconds(stream, key)
    if bookmark is None:
        begin = format_millis(history * 1000)
        LOGGER.info("%s: everything is read, of issues updated since %s; start_date moves that", stream, begin)
        return history
    reach = run.lookback_seconds
    if bookmark > run.site.now:
        ahead = bookmark - run.site.now
        LOGGER.warning(
            "%s: the bookmark, %s, is %s later than Jira's clock; a clock was set back or the state was edited: "
            "reading from %s on instead",
            stream,
            told(bookmark),
            duration(ahead),
            told(run.site.now - reach - ahead),
        )
        bookmark, reach = run.site.now, reach + ahead
        run.state.keep(stream, **{key: None})
        run.state.advance(stream, key, bookmark - ahead)
    if not is_configured or history <= bookmark - reach:
        return bookmark - reach
    if history <= run.site.now:
        since.leave_out(run.state, stream, history)
    return history


def _history(run: Run) -> int:
    """Where the first sync begins, in epoch seconds."""
    start = to_millis(run.config.start_date)
    # Not before 1970: no issue is older, and not every date before can be written in every time zone.
    return max(0, run.site.now - HISTORY_SECONDS if start is None else start // 1000)


def _dialect(run: Run) -> jql.Dialect:
    """How the site takes bounds of time: as it was found once, or found now and kept in the state."""
    kept = run.state.bookmark(ISSUES).get("dates")
    if kept == "number":
        return jql.Numbers()
    dialect: jql.Dialect = jql.Literals(run.site.zone or "UTC")
    if kept != "literal":
        dialect, sure = _found_dialect(run)
        kept = dialect.name if sure else None
        run.state.keep(ISSUES, dates=kept)
    if run.site.zone is None and kept == "literal":
        raise ConfigError(
            "this Jira wants dates in searches, reads them in the time zone of the account's profile, and does not "
            "tell which that is; set a time zone in the profile"
        )
    return dialect if run.site.zone else jql.Numbers()


def _found_dialect(run: Run) -> tuple[jql.Dialect, bool]:
    """How the site takes bounds of time, asked of the search that it has, whatever kind of site it says it is."""
    said = _kind(run)
    other = "server" if said == "cloud" else "cloud"
    try:
        return run.call(partial(issues.find_dialect, run.client, said, run.site.zone))
    except NotFoundError as missing:
        try:
            found = run.call(partial(issues.find_dialect, run.client, other, run.site.zone))
        except RefusedError:
            raise missing from None
        LOGGER.warning("%s: %s; the site says it is %s, and searches as %s does", ISSUES, missing, said, other)
    run.state.keep(ISSUES, search=other)
    return found


def _kind(run: Run) -> str:
    """Of which kind the site's search is: as the site says it is, unless it was found to be the other."""
    kept = run.state.bookmark(ISSUES).get("search")
    return kept if isinstance(kept, str) and kept in WALKS else run.site.kind


def _wanted(selections: Sequence[Selection]) -> dict[str, list[str]]:
    """What is asked of Jira for all that is selected: the fields, by name or by exception, and the expansions."""
    chosen: set[str] = {"updated", "created"}
    every: list[str] = []
    expand: list[str] = []
    for stream, schema, full in ((each.stream, each.schema, each.full) for each in selections):
        if stream.listed:
            *above, name, _ = stream.listed
            chosen.update([name] if above else [])
            expand += [] if above else [name]
        else:
            columns = schema["properties"]
            chosen |= columns.get("fields", {}).get("properties", {}).keys()
            every += full["properties"].get("fields", {}).get("properties", {})
            expand += [word for column, word in stream.expand.items() if column in columns]
    by_exception = ["*all", *(f"-{name}" for name in every if name not in chosen)]
    return {
        "fields": by_exception if every and len(by_exception) < len(chosen) else sorted(chosen),
        "expand": sorted(set(expand)),
    }
