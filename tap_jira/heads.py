"""Read of search answers and issues, in JSON, only what places them: ids, times, counts; the rest stays text.

An issue stays the text that Jira sent until it is its turn to be written: that takes a fraction of the memory and of
the time of parsing it, and in the end most of it is written as it came.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from tap_jira.jsontext import check_parts, dump, load, load_anyhow

Text = bytes | Raw


class Answer(Struct):
    """An answer of Jira's issue search, its issues unparsed."""

    issues: list[Raw]
    total: Any = None
    maxResults: Any = None
    nextPageToken: Any = None
    isLast: Any = None


class Part(Struct):
    """A list inside an issue: how long it is in all, how many come at most, and those that came, under its own name."""

    total: Any = None
    maxResults: Any = None
    comments: list[Raw] | None = None
    worklogs: list[Raw] | None = None
    histories: list[Raw] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether there are more than came."""
        came = next((part for part in (self.comments, self.worklogs, self.histories) if part is not None), None)
        return came is not None and is_cut(len(came), self.total, self.maxResults)


class _Fields(Struct):
    updated: Any = None
    created: Any = None
    comment: Part | None = None
    worklog: Part | None = None


class Issue(Struct):
    """An issue as far as it is read here."""

    id: Any = None
    fields: _Fields = msgspec.field(default_factory=_Fields)
    changelog: Part | None = None


class Head(NamedTuple):
    """What places an issue: id and times as printed, and whether one of its lists may be cut."""

    id: Any
    updated: Any
    created: Any
    is_cut: bool


_answers = msgspec.json.Decoder(Answer)
_issues = msgspec.json.Decoder(Issue)


def answer(body: bytes) -> Any:
    """The ``Answer`` in a body, or whatever else it holds; ValueError if it is no JSON, or too much of it."""
    check_parts(body)
    try:
        return _answers.decode(body)
    except (ValueError, RecursionError):
        value = load(body)
    if not isinstance(value, dict) or not isinstance(value.get("issues"), list):
        return value
    issues = [Raw(dump(issue)) for issue in value["issues"]]
    return Answer(issues, **{name: value.get(name) for name in ("total", "maxResults", "nextPageToken", "isLast")})


def head(text: Text) -> Head:
    """The head of an issue; of one in a shape that no issue should have, as much as there is."""
    try:
        issue = _issues.decode(text)
    except (ValueError, RecursionError):
        return _odd_head(text)
    parts = (issue.fields.comment, issue.fields.worklog, issue.changelog)
    cut = any(part is not None and part.is_cut for part in parts)
    return Head(issue.id, issue.fields.updated, issue.fields.created, cut)


def _odd_head(text: Text) -> Head:
    try:
        issue = load_anyhow(bytes(text))
    except ValueError:
        issue = None
    if not isinstance(issue, dict):
        return Head(None, None, None, is_cut=False)
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    return Head(issue.get("id"), fields.get("updated"), fields.get("created"), is_cut=True)


def is_cut(came: int, total: Any, most: Any) -> bool:
    """Whether a list is longer than what came of it; one that does not say how long it is, when it may be full."""
    if isinstance(total, int):
        return total > came
    return came > 0 and (most is None or (isinstance(most, int) and 0 < most <= came))
