"""Fetch pages of issues from Jira's search, and find out how the site reads bounds of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tap_jira import jql
from tap_jira.client import Client
from tap_jira.dates import to_millis
from tap_jira.errors import RefusedError
from tap_jira.search import Ask, Page, Row

CANDIDATES = 10


@dataclass(frozen=True)
class Issues:
    """The issues of one site as one run wants them: which fields, which expansions, under which condition."""

    client: Client
    dialect: jql.Dialect
    condition: str = ""
    fields: Sequence[str] = ("*all",)
    expand: Sequence[str] = ()

    def page(self, ask: Ask) -> Page:
        """The page that ``ask`` names."""
        params: dict[str, Any] = {
            "jql": jql.text(ask, self.dialect, self.condition),
            "startAt": ask.start,
            "maxResults": ask.size,
            "fields": list(self.fields),
        }
        if self.expand:
            params["expand"] = list(self.expand)
        answer, response = self.client.search(params, _is_search_answer)
        size = answer.get("maxResults")
        return Page(
            rows=[_row(issue) for issue in answer["issues"]],
            total=answer["total"],
            size=size if isinstance(size, int) else ask.size,
            bytes=len(response.body),
        )


def find_dialect(client: Client, zone: str | None) -> tuple[jql.Dialect, bool]:
    """How this site takes bounds of time, and whether that was seen (an empty site shows nothing).

    One of the newest issues is asked for again by its own second. Several are tried: one may just have been edited
    again or deleted, or be shown by the index as it was before its last edit.
    """
    newest, _ = client.search(
        {"jql": "ORDER BY updated DESC", "startAt": 0, "maxResults": CANDIDATES, "fields": ["updated"]},
        _is_search_answer,
    )
    rows = [row for row in map(_row, newest["issues"]) if row.id and row.updated is not None]
    if not rows:
        return jql.Numbers(), False
    if any(_comes_back(client, row) for row in (rows[0], rows[len(rows) // 2], rows[-1])):
        return jql.Numbers(), True
    return jql.Literals(zone or "UTC"), True


def _comes_back(client: Client, row: Row) -> bool:
    second = (row.updated or 0) // 1000
    bounds = f"updated >= {second * 1000} AND updated < {second * 1000 + 1000}"
    params = {"jql": f"id = {row.id} AND {bounds}", "startAt": 0, "maxResults": 50, "fields": ["updated"]}
    try:
        answer, _ = client.search(params, _is_search_answer)
    except RefusedError as refusal:
        # The number, or an issue that was deleted since: another candidate tells.
        if refusal.status == 400:
            return False
        raise
    return any(found.id == row.id for found in map(_row, answer["issues"]))


def _is_search_answer(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("issues"), list) and isinstance(answer.get("total"), int)


def _row(issue: Any) -> Row:
    if not isinstance(issue, dict):
        return Row(None, None, None, issue)
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    key = issue.get("id")
    return Row(
        str(key) if isinstance(key, (str, int)) and key != "" else None,
        to_millis(fields.get("updated")),
        to_millis(fields.get("created")),
        issue,
    )
