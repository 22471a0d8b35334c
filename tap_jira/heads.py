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


class Answer(NamedTuple):
    """An answer of Jira's issue search: the heads of its issues, and what it says of itself."""

    heads: list[Head]
    total: Any = None
    maxResults: Any = None
    nextPageToken: Any = None
    isLast: Any = None


class _About(Struct, kw_only=True):
    total: Any = None
    maxResults: Any = None
    nextPageToken: Any = None
    isLast: Any = None


class _Issues(_About):
    issues: list[Issue]


class _Texts(_About):
    issues: list[Raw]


_answers = msgspec.json.Decoder(_Issues)
_issues = msgspec.json.Decoder(Issue)
_texts = msgspec.json.Decoder(_Texts)


def answer(body: bytes | bytearray) -> Any:
    """The ``Answer`` in a body, or whatever else it holds; ValueError if it is no JSON, or too much of it."""
    check_parts(body)
    try:
        found = _answers.decode(body)
        heads = list(map(_head, found.issues))
    except (ValueError, RecursionError):
        # An issue has a shape that none should have, or the answer is none.
        found = _by_issue(body)
        if not isinstance(found, _Texts):
            return found
        heads = list(map(_head_of_text, found.issues))
    return Answer(heads, found.total, found.maxResults, found.nextPageToken, found.isLast)


def texts(body: bytes | bytearray) -> list[Raw]:
    """The issues as text, in a body that holds an ``Answer``: as many as that has heads."""
    issues: list[Raw] = _by_issue(body).issues
    return issues


def _by_issue(body: bytes | bytearray) -> Any:
    """The ``_Texts`` in a body, or whatever else it holds."""
    try:
        return _texts.decode(body)
    except (ValueError, RecursionError):
        value = load(body)
    if not isinstance(value, dict) or not isinstance(value.get("issues"), list):
        return value
    about = {name: value.get(name) for name in _About.__struct_fields__}
    return _Texts(issues=[Raw(dump(issue)) for issue in value["issues"]], **about)


def _head(issue: Issue) -> Head:
    parts = (issue.fields.comment, issue.fields.worklog, issue.changelog)
    cut = any(part is not None and part.is_cut for part in parts)
    return Head(issue.id, issue.fields.updated, issue.fields.created, cut)


def _head_of_text(text: Text) -> Head:
    """The head of an issue; of one in a shape that no issue should have, as much as there is."""
    try:
        return _head(_issues.decode(text))
    except (ValueError, RecursionError):
        return _odd_head(text)


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
