"""Scenes in which lists have no end, or a table is larger than the tap takes."""

from __future__ import annotations

import sys
from typing import Any

from tap_jira import cli, issues, pagination, search
from tap_jira.simulator import Account, Accounts, Site, World
from tap_jira.wire import NetworkError, Request, Response
from tests.conftest import TOKEN
from tests.fakes import BASE, Outcome
from tests.stage import Answering, Sender, Stage


def heavy_page(stage: Stage) -> Outcome:
    """A page that is too large for one answer, and still too large when it is put together."""
    stage.patch.setattr(issues, "MOST_BYTES", 150_000)

    def send(request: Request) -> Response:
        answer = stage.site.send(request)
        if len(answer.body) > 100_000:
            raise NetworkError("too_large", "0.1 MB")
        return answer

    return stage.run(to=Sender(send))


def ever_new_rows(stage: Stage) -> Outcome:
    """A list of projects that are new on each page."""
    stage.patch.setattr(pagination, "MOST_ROWS", 20)
    pages: list[int] = []

    def more(answer: dict[str, Any]) -> dict[str, Any]:
        pages.append(len(pages))
        rows = [{"id": str(10 * len(pages) + n)} for n in range(-1, 10)]
        return {**answer, "values": rows, "isLast": False, "total": 10**6}

    return stage.at_cloud(to=Answering(stage.cloud, "/project/search", more))


def by_cursor(stage: Stage, *, is_new: bool) -> Outcome:
    """A list of users by cursor that brings nobody, with cursors that are ever new or always the same."""
    accounts = Accounts((Account("tap-reader", tokens={TOKEN: None}),))
    site = Site(World(issues=1, now=stage.time), accounts=accounts, base_url=BASE, version=(10, 3, 24))
    asked: list[Any] = []

    def page(answer: Any) -> dict[str, Any]:
        asked.append(answer)
        return {"values": [], "nextCursor": f"c{len(asked) if is_new else 1}"}

    return stage.run(to=Answering(site, "/user/list", page))


def same_users(stage: Stage) -> Outcome:
    """A list of users that is the same whatever place is asked for."""
    people = [{"accountId": name} for name in ("a", "b")]
    return stage.at_cloud(to=Answering(stage.cloud, "/users/search", Response.of_json(people)))


def tokens_left_out(stage: Stage) -> Outcome:
    """A search of Cloud whose pages are full and have no token, and never come past the last row of the first."""
    first: list[Any] = []

    def without_token(answer: dict[str, Any]) -> dict[str, Any]:
        issues = [*first[:-1], *first[:1]] or answer["issues"]
        if len(issues) == 60:
            first[:] = first or issues
        return {"issues": issues, "isLast": True}

    return stage.at_cloud(to=Answering(stage.cloud, "/search/jql", without_token))


def nothing_asked_for(stage: Stage) -> Outcome:
    """A search that counts many issues, and shows none of them."""
    stage.patch.setattr(search, "MOST_IDLE", 3)
    state = {"bookmarks": {"jira_issues": {"dates": "number"}}}
    empty = Response.of_json({"startAt": 0, "maxResults": 100, "total": 50_000, "issues": []})
    return stage.tap(to=Answering(stage.site, "/2/search", empty), state=state)


def at_once_stopped(stage: Stage) -> Outcome:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    stage.patch.setattr(cli, "session", interrupt)
    return stage.run()


def no_stdout(stage: Stage) -> Outcome:
    stage.patch.setattr(sys, "stdout", None)
    return stage.over_network()
