"""Send the issues that changed since the bookmark, and move the bookmark after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tap_jira import issues, jql, packed, since
from tap_jira.catalog import Selection
from tap_jira.dates import duration, format_millis, to_millis, told
from tap_jira.errors import ConfigError, NotFoundError, ReadError, RefusedError
from tap_jira.offsets import OffsetWalk
from tap_jira.run import Run, Table
from tap_jira.search import Chunk, PageSize, Plan, Span, Walk
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


def sync_issues(run: Run, table: Table) -> None:
    """Send the issues that changed since the bookmark, in order, and move the bookmark after each whole window.

    ConfigError, and the state as it was, if Jira does not take the condition of the configuration.
    """
    name = table.stream.name
    before = run.state.bookmark(name)
    try:
        _sync_issues(run, table)
    except RefusedError as refusal:
        if refusal.status != 400:
            raise
        run.workers.forget()
        complaints = run.call(partial(refused_keys, run, name))
        if not complaints:
            raise
        run.state.keep(name, **{**dict.fromkeys(run.state.bookmark(name)), **before})
        raise ConfigError(complaints) from refusal


def refused_keys(run: Run, stream: str) -> str:
    """Which of ``projects`` and ``jql`` Jira does not take, and in which words; '' if they are not what it refuses."""
    client, kind, config = run.client, _kind(run, stream), run.config
    if issues.complaint(client, kind, ""):
        return ""
    conditions = {"projects": jql.condition(config.projects, None), "jql": jql.condition((), config.jql)}
    said = {key: issues.complaint(client, kind, condition) for key, condition in conditions.items() if condition}
    told = "; ".join(
        f"{key} of the configuration is refused by Jira: {words.rstrip('.')}" for key, words in said.items() if words
    )
    return f"{told}; correct it, or let this account see what it names" if told else ""


def reader(run: Run, selection: Selection) -> tuple[issues.Issues, int]:
    """What reads the selected columns of the issues that this run wants, and from when on (epoch seconds).

    The state takes over what is wanted, and remembers how the site takes bounds of time.
    """
    name, key = selection.stream.name, str(selection.stream.replication_key)
    condition = jql.condition(run.config.projects, run.config.jql)
    is_configured, rereads = bool(run.config.start_date), run.config.reread_for_new_columns
    wanted = since.Wanted(condition, _history(run), is_configured, selection.sent, rereads)
    low = _lower_bound(run, name, key, wanted)
    dialect = _dialect(run, name)
    return issues.Issues(run.client, dialect, run.together, condition, **_wanted(selection), kind=_kind(run, name)), low


def _sync_issues(run: Run, table: Table) -> None:
    stream, key = table.stream, str(table.stream.replication_key)
    source, low = reader(run, table.selection)
    settled = max(low, run.site.now - run.lookback_seconds)
    span = Span(low=low, now=run.site.now, settled=settled, aligned=source.dialect.aligned)
    plan = Plan(WALKS[source.kind], span, PageSize(run.config.page_size), _settle_debts(run, table, source))
    table.tally.ahead = lambda: (plan.rows_left, plan.share)
    # Dates to the minute find a little more than was asked for. Rows before a bookmark's lookback are no harm, and a
    # page that did not join may need them; rows before start_date were not wanted.
    first_millis = min(low, _history(run)) * 1000
    for chunk in _chunks(plan, source, run):
        rows = [row for row in chunk.rows if row.updated is None or row.updated >= first_millis]
        table.send_texts(packed.texts(row.issue for row in rows if not isinstance(row.issue, issues.Owed)))
        _owe(run, stream.name, [str(row.id) for row in rows if isinstance(row.issue, issues.Owed)])
        if chunk.bookmark > low and run.state.advance(stream.name, key, chunk.bookmark):
            run.send_state()
    _report_debts(run, table)


def _settle_debts(run: Run, table: Table, source: issues.Issues) -> dict[str, int | None]:
    """Try the issues that Jira could not print in earlier runs; the ids of those sent, with their ``updated``."""
    sent: dict[str, int | None] = {}
    owed = _owed(run, table.stream.name)
    for issue_id in list(owed):
        row = run.call(partial(source.one, issue_id))
        if row is not None and isinstance(row.issue, issues.Owed):
            continue
        if row is not None:
            table.send_texts(packed.texts([row.issue]))
            sent[issue_id] = row.updated
        owed.remove(issue_id)
        run.state.keep(table.stream.name, owed=owed or None)
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
    """Drive a plan: as many pages under way as the pace allows, chunks as they become whole."""
    busy = 0
    while not plan.done:
        wanted = plan.wanting(AHEAD_BYTES)
        while busy < run.client.retry.gate.allowed and (next_page := next(wanted, None)):
            walk, ask = next_page
            run.workers.submit((walk, ask), partial(source.page, ask))
            busy += 1
        (walk, ask), page = run.workers.next(run.tick)
        busy -= 1
        plan.feed(walk, ask, page)
        yield from plan.ready()
        run.tick()


def _lower_bound(run: Run, stream: str, key: str, wanted: since.Wanted) -> int:
    """From when on issues are read, in epoch seconds; the state takes over what is wanted."""
    history = wanted.since
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
    if not wanted.is_since_configured or history <= bookmark - reach:
        return bookmark - reach
    if history <= run.site.now:
        since.leave_out(run.state, stream, history)
    return history


def _history(run: Run) -> int:
    """Where the first sync begins, in epoch seconds."""
    start = to_millis(run.config.start_date)
    # Not before 1970: no issue is older, and not every date before can be written in every time zone.
    return max(0, run.site.now - HISTORY_SECONDS if start is None else start // 1000)


def _dialect(run: Run, stream: str) -> jql.Dialect:
    """How the site takes bounds of time: as it was found once, or found now and kept in the state."""
    kept = run.state.bookmark(stream).get("dates")
    if kept == "number":
        return jql.Numbers()
    dialect: jql.Dialect = jql.Literals(run.site.zone or "UTC")
    if kept != "literal":
        dialect, sure = _found_dialect(run, stream)
        kept = dialect.name if sure else None
        run.state.keep(stream, dates=kept)
    if run.site.zone is None and kept == "literal":
        raise ConfigError(
            "this Jira wants dates in searches, reads them in the time zone of the account's profile, and does not "
            "tell which that is; set a time zone in the profile"
        )
    return dialect if run.site.zone else jql.Numbers()


def _found_dialect(run: Run, stream: str) -> tuple[jql.Dialect, bool]:
    """How the site takes bounds of time, asked of the search that it has, whatever kind of site it says it is."""
    said = _kind(run, stream)
    other = "server" if said == "cloud" else "cloud"
    try:
        return run.call(partial(issues.find_dialect, run.client, said, run.site.zone))
    except NotFoundError as missing:
        try:
            found = run.call(partial(issues.find_dialect, run.client, other, run.site.zone))
        except RefusedError:
            raise missing from None
        LOGGER.warning("%s: %s; the site says it is %s, and searches as %s does", stream, missing, said, other)
    run.state.keep(stream, search=other)
    return found


def _kind(run: Run, stream: str) -> str:
    """Of which kind the site's search is: as the site says it is, unless it was found to be the other."""
    kept = run.state.bookmark(stream).get("search")
    return kept if isinstance(kept, str) and kept in WALKS else run.site.kind


def _wanted(selection: Selection) -> dict[str, list[str]]:
    """What is asked of Jira for the selected columns: the fields, by name or by exception, and the expansions."""
    columns = selection.schema["properties"]
    chosen = columns.get("fields", {}).get("properties", {})
    every = selection.full["properties"].get("fields", {}).get("properties", {})
    left_out = [name for name in every if name not in chosen and name not in ("updated", "created")]
    named = sorted({*chosen, "updated", "created"})
    by_exception = ["*all", *(f"-{name}" for name in left_out)]
    return {
        "fields": by_exception if len(by_exception) < len(named) else named,
        "expand": [word for column, word in selection.stream.expand.items() if column in columns],
    }
