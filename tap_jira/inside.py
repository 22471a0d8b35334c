"""Take the lists inside an issue apart, into rows for tables of their own: each row knows the issue it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tap_jira import heads
from tap_jira.heads import Text
from tap_jira.jsontext import dump, load_anyhow

ISSUE_ID, ISSUE_KEY = "issue_id", "issue_key"
"""Columns of such a row that come from the issue; its replication key is the third."""


class _Issue(heads.Issue):
    key: Any = None


_issues = msgspec.json.Decoder(_Issue)


class Family:
    """An issue and what hangs on it, unparsed as far as it can be."""

    def __init__(self, text: Text) -> None:
        try:
            self._issue: Any = _issues.decode(text)
        except (ValueError, RecursionError):
            # Some part is not what it should be; the others are wanted all the same.
            self._issue = _loaded(text)

    def rows(self, listed: tuple[str, ...], replication_key: str) -> Iterator[Text]:
        """The entries of the list that lies there, in JSON, with the issue's id, key and ``updated`` in each.

        What is no object becomes no JSON, and so a record without its key.
        """
        found = _at(self._issue, *listed)
        if not isinstance(found, list):
            return
        names = {ISSUE_ID: ("id",), ISSUE_KEY: ("key",), replication_key: ("fields", "updated")}
        # As text, behind the entry's own members: to parse and print each for that would take twice as long.
        rest = dump({name: _at(self._issue, *place) for name, place in names.items()})[1:]
        for entry in found:
            yield b"".join((memoryview(_text(entry))[:-1], b",", rest))


def _at(value: Any, *place: str) -> Any:
    for name in place:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value


def _text(entry: Any) -> Text:
    if isinstance(entry, msgspec.Raw):
        return entry
    try:
        return dump(entry)
    except ValueError:  # nested too deep
        return b"null"


def _loaded(text: Text) -> Any:
    try:
        return load_anyhow(bytes(text))
    except ValueError:
        return None
