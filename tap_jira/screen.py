"""Show what was found out about a site: as a screen for people, or as JSON for machines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tap_jira.dates import duration, to_millis, told

WIDTH, INDENT = 110, 11
LONGEST = 300
"""Characters of a filter that the screen shows; the JSON has all."""

Facts = Mapping[str, Any]
"""The report of a check, by name."""


def as_json(facts: Facts) -> str:
    """One object, on several lines."""
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def as_text(facts: Facts, now: float) -> str:
    """A screen of aligned lines; ``now`` is this machine's time in epoch seconds."""
    return "".join(_line(name, text) for name, text in _lines(facts, now))


def _line(name: str, text: str) -> str:
    # What Jira or a configuration holds may be meant for the terminal itself.
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return (
        textwrap.fill(
            printable,
            WIDTH,
            initial_indent=f"{name:<{INDENT}}",
            subsequent_indent=" " * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
    )


def _lines(facts: Facts, now: float) -> Iterator[tuple[str, str]]:
    site, account, login = facts["site"], facts["account"], facts["login"]
    through = f"through {site['gateway']}" if site["gateway"] else ""
    yield "site", ", ".join(part for part in (site["base_url"], through) if part) or "not known"
    yield "Jira", f"{site['edition']} {site['version']}" if site["edition"] else "not known"
    name = f" ({account['name']})" if account["name"] else ""
    yield "account", f"{account['id']}{name}" if account["id"] else "not known"
    yield "time zone", _or_unknown(account["time_zone"])
    yield "clock", _clock(facts["clock"]["jira_is_ahead_seconds"])
    if login["way"]:
        accepted = {True: "accepted", False: "not accepted", None: "not tried"}[login["accepted"]]
        yield "login", f"{login['way']} ({', '.join(login['keys'])}): {accepted}"
        yield "expires", _expiry(login, now)
    known = [stream for stream in facts["streams"] if stream["selected"] is not None]
    for number, stream in enumerate(known):
        yield "" if number else "tables", f"{stream['name']:<24} {_readable(stream, facts['problems'])}"
    if facts["issues"]["since"]:
        yield "issues", _issues(facts["issues"])
        yield "time", _estimate(facts["estimate"])
    for warning in facts["warnings"]:
        yield "warning", warning
    for problem in facts["problems"]:
        yield "problem", problem
    code = facts["exit_code"]
    yield "result", "a sync would work" if code == 0 else f"a sync would end with exit code {code}"


def _or_unknown(value: Any) -> str:
    return str(value) if value else "not known"


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return "not known"
    # A Date header has whole seconds.
    if abs(ahead) < 1.5:
        return "the same as Jira's"
    return f"Jira's is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine's"


def _expiry(login: Facts, now: float) -> str:
    at = to_millis(login["expires_at"])
    which = f" (of {login['tokens']} tokens the one used last)" if login["tokens"] else ""
    if at is None:
        return (login["expiry"] or "not known") + which
    left = at / 1000 - now
    when = f"in {duration(left)}" if left > 0 else f"{duration(-left)} ago"
    return f"{told(at / 1000)}, {when}{which}" + (", renewed by the tap" if login["expiry"] == "renewed" else "")


def _readable(stream: Facts, problems: list[str]) -> str:
    if not stream["selected"]:
        return "not selected"
    if stream["readable"] is None:
        return "not tried"
    if stream["readable"]:
        return "readable"
    is_told_below = any(stream["reason"] in problem for problem in problems)
    return "not readable, see the problem" if is_told_below else f"not readable: {stream['reason']}"


def _issues(issues: Facts) -> str:
    since = told((to_millis(issues["since"]) or 0) / 1000)
    which = "first sync" if issues["first_sync"] else "next run"
    projects, jql = ", ".join(issues["projects"]), issues["jql"]
    narrowed = [f"{key} {_short(value)}" for key, value in (("projects", projects), ("jql", jql)) if value]
    count = "not told how many" if issues["count"] is None else f"{issues['count']:,}"
    about = "about " if issues["is_approximate"] and issues["count"] is not None else ""
    return f"{which}: {about}{count}, updated since {since}" + (
        f", within {' and '.join(narrowed)}" if narrowed else ""
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _estimate(estimate: Facts) -> str:
    if estimate["seconds"] is None:
        return "nothing to measure" if estimate["page_issues"] == 0 else "not known"
    rows, seconds = estimate["page_issues"], estimate["page_seconds"]
    return (
        f"about {duration(max(1, estimate['seconds']))} for the issues, {estimate['bytes'] / 1e6:,.1f} MB: a page of "
        f"{rows} took {seconds:.1f} s and {estimate['page_bytes'] / 1e6:.1f} MB; this assumes that the others are like "
        f"it, and that Jira answers up to {estimate['concurrency']} at a time as fast as one"
    )
