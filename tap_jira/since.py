"""Keep in the state what a table holds, and notice what a changed configuration or catalog makes incomplete.

The state of an incremental stream speaks of its rows between ``complete_since`` and the bookmark: all that meet
``filter`` were sent, with their values of ``columns``. Where more is wanted than that, all is read again: the bookmark
goes, and at the same moment the state takes over what is wanted, which then holds for what is read from now on. So the
next run goes on from where one came to that was killed while it read again, and one that was killed before it wrote a
state has changed nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tap_jira.dates import format_millis, to_millis, told
from tap_jira.state import State
from tap_jira.words import counted, listed

FILTER, COMPLETE_SINCE, COLUMNS, NEW_COLUMNS = "filter", "complete_since", "columns", "new_columns"
"""What the state keeps beside the bookmark. ``new_columns`` are those selected later: rows that have not changed since
lack them, and that was said."""
PRINT_CHARACTERS = 5
"""Of what a column leaves in the state. So a thousand columns are 5 KB of each STATE line, a seventh of their names,
and one new column in a million passes unnoticed because another has the same 30 bits."""


@dataclass(frozen=True)
class Wanted:
    """What a run is to bring of a stream."""

    condition: str
    since: int
    """From when on, in epoch seconds."""
    is_since_configured: bool
    """Whether start_date says from when on; else it is a year back, and moves."""
    schema: Mapping[str, Any]
    rereads: bool
    """Whether everything is read again for columns that were selected later."""


def renew(state: State, stream: str, bookmark: str, wanted: Wanted) -> str:
    """Let the state take over what is wanted, without its bookmark if all is to be read again; what to tell, or ''.

    What a state of an earlier version does not say is taken to be as it is wanted now.
    """
    kept = state.bookmark(stream)
    names = {_print(name): name for name in _leaves(wanted.schema)}
    has = _prints(kept.get(COLUMNS), names)
    lacking = {one: name for one, name in names.items() if one not in has}
    is_first = kept.get(bookmark) is None
    reason = "" if is_first else _why_again(kept, wanted, list(lacking.values()))
    if is_first or reason:
        if reason:
            state.keep(stream, **{bookmark: None, "owed": None})
        _keep(state, stream, wanted, _time(wanted.since), names, ())
        return f"{reason}; everything is read again" if reason else ""
    said = _prints(kept.get(NEW_COLUMNS), ())
    since = kept[COMPLETE_SINCE] if _since(kept) is not None else _time(wanted.since)
    _keep(state, stream, wanted, since, [one for one in names if one in has], lacking)
    fresh = [name for one, name in lacking.items() if one not in said]
    if not fresh:
        return ""
    return (
        f"{_lacking(fresh)}, null in rows that have not changed since; to have everything read again for them, add "
        '"reread_for_new_columns": true to the configuration'
    )


def leave_out(state: State, stream: str, until: int) -> None:
    """Let the state say that nothing between the bookmark and ``until`` (epoch seconds) will be read."""
    since = _since(state.bookmark(stream)) or 0
    state.keep(stream, **{COMPLETE_SINCE: _time(max(since, until))})


def _why_again(kept: Mapping[str, Any], wanted: Wanted, lacking: list[str]) -> str:
    if (kept.get(FILTER) or "") != wanted.condition:
        return "projects or jql have changed since the last run"
    since = _since(kept)
    if wanted.is_since_configured and since is not None and wanted.since < since:
        return f"start_date is {told(wanted.since)} now, and what was read begins with {told(since)}"
    return _lacking(lacking) if wanted.rereads and lacking else ""


def _lacking(names: list[str]) -> str:
    return f"{counted(len(names), 'column')} selected since an earlier run ({listed(names)})"


def _keep(
    state: State, stream: str, wanted: Wanted, since: object, columns: Iterable[str], new_columns: Iterable[str]
) -> None:
    values = {
        FILTER: wanted.condition,
        COMPLETE_SINCE: since,
        COLUMNS: "".join(sorted(columns)),
        NEW_COLUMNS: "".join(sorted(new_columns)),
    }
    state.keep(stream, **{name: value or None for name, value in values.items()})


def _leaves(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The columns of a table in which objects are flattened, by dotted path."""
    for name, part in node["properties"].items():
        if part.get("properties"):
            yield from _leaves(part, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def _print(name: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest())[:PRINT_CHARACTERS].decode()


def _prints(kept: object, otherwise: Iterable[str]) -> set[str]:
    if not isinstance(kept, str):
        return set(otherwise)
    return {kept[place : place + PRINT_CHARACTERS] for place in range(0, len(kept), PRINT_CHARACTERS)}


def _since(kept: Mapping[str, Any]) -> int | None:
    millis = to_millis(kept.get(COMPLETE_SINCE))
    return None if millis is None else millis // 1000


def _time(seconds: int) -> str | None:
    return format_millis(seconds * 1000)
