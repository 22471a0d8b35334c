"""Cloud's resources for issues by id: one with its children, a hundred at once, and the changes of a thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tap_jira.simulator.answers import refusal
from tap_jira.simulator.children import change_total
from tap_jira.simulator.cloud_asks import PAYLOAD, body_of
from tap_jira.simulator.cloud_lists import page_of_values
from tap_jira.simulator.cloud_tables import CloudTables
from tap_jira.simulator.cursors import Cursors
from tap_jira.simulator.facts import Issue
from tap_jira.simulator.printed import Printed
from tap_jira.simulator.render import EXPANSIONS, Renderer
from tap_jira.simulator.search import JSON_TYPE, page_of
from tap_jira.simulator.site import number_of
from tap_jira.simulator.world import World
from tap_jira.wire import Headers, Response

Json = dict[str, Any]
Asked = dict[str, str]

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
_MOST_FETCHED, _MOST_WITH_CHANGES, _MOST_CHANGES, _MOST_FIELDS = 100, 1000, 10_000, 10
_CHILDREN_PAGE, _WORKLOG_PAGE = 100, 5000
_FETCH = {"issueIdsOrKeys": list, "fields": list, "expand": list, "properties": list, "fieldsByKeys": bool}
_CHANGES = {"issueIdsOrKeys": list, "fieldIds": list, "maxResults": int, "nextPageToken": str}


@dataclass(frozen=True)
class Edition:
    """What one version of the API prints with: an issue among others carries fewer of its children than one alone."""

    tables: CloudTables
    among_others: Renderer
    alone: Renderer


class CloudIssues:
    """Answers for callers who may see every issue, or (``visible`` is false) none."""

    def __init__(self, world: World, cursors: Cursors) -> None:
        self._world, self._cursors = world, cursors

    def answer(self, path: list[str], asked: Asked, edition: Edition, *, visible: bool) -> Response:
        """The issue that the path names, or the list of children that it names behind it."""
        issue = self._world.find(path[0]) if visible else None
        if issue is None:
            return refusal(404, NO_ISSUE)
        if len(path) == 1:
            expand = EXPANSIONS.intersection(asked.get("expand", "").split(","))
            fields = asked.get("fields") or "*all"
            # By itself an issue has its key and address even when the id is all that is asked for.
            printed = edition.alone.issue(issue, "id,key" if fields == "id" else fields, expand)
            return Printed.of([printed], Headers(JSON_TYPE))
        child = {"comment": _comments, "worklog": _worklogs, "changelog": _changes}.get("/".join(path[1:]))
        return child(issue, asked, edition) if child else refusal(404, "null for uri: issue/" + "/".join(path))

    def fetch(self, body: bytes, edition: Edition, *, visible: bool) -> Response:
        """Up to 100 issues by the order of their ids; those that nobody may see are left out without a word."""
        asked = body_of(body, _FETCH)
        if isinstance(asked, Response):
            return asked
        named = asked.get("issueIdsOrKeys", [])
        if not 0 < len(named) <= _MOST_FETCHED:
            return refusal(400, f"issueIdsOrKeys must have between 1 and {_MOST_FETCHED} entries.")
        fields = ",".join(map(str, asked.get("fields", ()))) or "*navigable"
        expand = EXPANSIONS.intersection(map(str, asked.get("expand", ())))
        issues = [edition.among_others.issue(issue, fields, expand) for issue in self._found(named, visible)]
        return page_of({"expand": "schema,names", "issueErrors": []}, issues)

    def changes(self, body: bytes, edition: Edition) -> Response:
        """A page of the changes of up to 1000 issues, oldest first whatever the issue, so one issue's may be split."""
        asked = body_of(body, _CHANGES)
        if isinstance(asked, Response):
            return asked
        named, fields = asked.get("issueIdsOrKeys", []), frozenset(map(str, asked.get("fieldIds", ())))
        count = asked.get("maxResults", 1000)
        if not (0 < len(named) <= _MOST_WITH_CHANGES and 0 < count <= _MOST_CHANGES and len(fields) <= _MOST_FIELDS):
            return refusal(400, PAYLOAD)
        query, after = ",".join([*map(str, named), *sorted(fields)]), [0, 0, 0]
        if "nextPageToken" in asked:
            after = self._cursors.read(asked["nextPageToken"], query, self._world.now())
            if after is None:
                return refusal(400, "The provided nextPageToken is invalid or has expired.")
        return self._page_of_changes(self._found(named, True), fields, query, after, count, edition)

    def _page_of_changes(
        self, issues: list[Issue], fields: frozenset[str], query: str, after: list[int], count: int, edition: Edition
    ) -> Response:
        children, by_id = edition.among_others.children, {issue.id: issue for issue in issues}
        places = sorted(
            [children.changed(issue, n), issue.id, n]
            for issue in issues
            for n in range(change_total(self._world.seed, issue))
        )
        behind = [place for place in places if place > after]
        logs: dict[int, list[Json]] = {}
        for millis, issue_id, n in behind[:count]:
            history = children.history(by_id[issue_id], n)
            if not fields or any(item["fieldId"] in fields for item in history["items"]):
                # The one place where Jira prints an instant as a number.
                logs.setdefault(issue_id, []).append({**history, "created": millis})
        answer: Json = {
            "issueChangeLogs": [{"issueId": str(issue_id), "changeHistories": its} for issue_id, its in logs.items()]
        }
        if len(behind) > count:
            answer["nextPageToken"] = self._cursors.make(query, behind[count - 1], self._world.now())
        return Response.of_json(answer)

    def _found(self, named: list[object], visible: bool) -> list[Issue]:
        found = (self._world.find(str(name)) for name in named) if visible else ()
        return [issue for _, issue in sorted({issue.id: issue for issue in found if issue is not None}.items())]


def _comments(issue: Issue, asked: Asked, edition: Edition) -> Response:
    order = asked.get("orderBy", "created")
    if order.lstrip("+-") != "created":
        return refusal(400, f"The orderBy value {order} is not supported.")
    found = edition.alone.children.comments(issue)
    return _own_page("comments", found[::-1] if order.startswith("-") else found, asked, _CHILDREN_PAGE)


def _worklogs(issue: Issue, asked: Asked, edition: Edition) -> Response:
    return _own_page("worklogs", edition.alone.children.worklogs(issue), asked, _WORKLOG_PAGE)


def _changes(issue: Issue, asked: Asked, edition: Edition) -> Response:
    where = f"{edition.tables.api}/issue/{issue.id}/changelog"
    return page_of_values(edition.alone.children.histories(issue), asked, where, usual=100, most=_CHILDREN_PAGE)


def _own_page(name: str, found: list[Json], asked: Asked, most: int) -> Response:
    start, count = number_of(asked, "startAt", 0), min(number_of(asked, "maxResults", most), most)
    page = {"startAt": start, "maxResults": count, "total": len(found), name: found[start : start + count]}
    return Response.of_json(page)
