"""Fetch pages of issues from Jira's search, and find out how the site reads bounds of time."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from tap_jira import children, heads, jql
from tap_jira.client import Client
from tap_jira.dates import to_millis
from tap_jira.errors import FailedAnswerError, ForbiddenError, NotFoundError, RefusedError, UnavailableError
from tap_jira.jsontext import dump, load_anyhow
from tap_jira.packed import Bundle, Kept
from tap_jira.search import PAGE_BYTES, Ask, Page, Row, Window

LOGGER = logging.getLogger(__name__)

CANDIDATES = 10
PLAIN_FIELDS = (
    "summary",
    "status",
    "issuetype",
    "project",
    "priority",
    "resolution",
    "resolutiondate",
    "assignee",
    "reporter",
    "creator",
    "labels",
    "components",
    "fixVersions",
    "versions",
    "duedate",
    "parent",
)
"""What is asked of an issue that Jira cannot print whole: no long lists, nothing that an app computes."""
TIMES = ("updated", "created")
PATHS = {"server": "search", "cloud": "search/jql"}
ID = re.compile(r"\w{1,64}", re.ASCII)
"""What the id of an issue may consist of; it becomes part of addresses and of queries."""
LONG_AGO = "1970-01-02"
MOST_BYTES = 512 * 1024 * 1024
"""Bytes of issues that a page may be put together from, where they were too large for one answer."""
LEAST_CAP = 50
"""A page of fewer rows was cut short for reasons of the moment; Cloud's own limits lie above."""


class Owed:
    """Stands in a row for an issue that Jira counts, and cannot print."""


@dataclass(frozen=True)
class Issues:
    """The issues of one site as one run wants them: which fields, which expansions, under which condition."""

    client: Client
    dialect: jql.Dialect
    together: children.Together
    condition: str = ""
    fields: Sequence[str] = ("*all",)
    expand: Sequence[str] = ()
    kind: str = "server"
    """Of which kind the site is, ``server`` or ``cloud``: they search in different ways."""
    parts: Sequence[tuple[str, ...]] = ()
    """Where in an issue lists lie that are tables of their own: they are wanted of an unprintable issue as well."""

    def page(self, ask: Ask) -> Page:
        """The page that ``ask`` names, each issue with all of its children.

        If Jira keeps failing over the page, the issue that it fails over is found, and read with fewer fields.
        """
        query = jql.text(ask, self.dialect, self.condition)
        try:
            page = self._search(self.client, query, ask, self.fields, self.expand)
        except FailedAnswerError as failure:
            page = self._rescue(query, ask, failure)
        return page

    def one(self, issue_id: str) -> Row | None:
        """An issue with its children; None if it is gone or hidden; with ``Owed`` in its place if it is unprintable."""
        try:
            issue, lacking = self._whole_or_plain(issue_id)
        except (NotFoundError, ForbiddenError):
            return None
        except FailedAnswerError:
            return Row(issue_id, None, None, Owed())
        body = b'{"issues":[%b]}' % dump(issue)
        row = self._completed(heads.answer(body), body)[0]
        return row._replace(issue=row.issue._replace(lacking=row.issue.lacking | lacking)) if lacking else row

    def count(self, window: Window) -> int | None:
        """How many issues the window has, on Jira Cloud about; None if Jira does not tell."""
        if self.kind == "cloud":
            return self._told_count(window)
        params = {"jql": jql.where(window, self.dialect, self.condition), "maxResults": 0, "fields": list(TIMES)}
        answer, _ = self.client.search(PATHS["server"], params, _is_search_answer, heads.answer)
        return int(answer.total)

    def _search(self, client: Client, query: str, ask: Ask, fields: Sequence[str], expand: Sequence[str]) -> Page:
        search = self._by_token if self.kind == "cloud" else self._by_position
        return search(client, query, ask, fields, expand)

    def _by_token(self, client: Client, query: str, ask: Ask, fields: Sequence[str], expand: Sequence[str]) -> Page:
        params: dict[str, Any] = {"jql": query, "maxResults": ask.size, "fields": list(fields)}
        if ask.token is not None:
            params["nextPageToken"] = ask.token
        if expand:
            params["expand"] = ",".join(expand)
        try:
            answer, response = client.search(PATHS["cloud"], params, _is_token_answer, heads.answer)
        except RefusedError as refusal:
            if ask.token is None or refusal.status != 400:
                raise
            # Tokens live a week, and some sites have forgotten them sooner.
            return Page([], 0, ask.size, 0, is_lost=True)
        came, token = len(answer.heads), answer.nextPageToken
        calls: list[Callable[[], Any]] = [partial(self._completed, answer, response.body, response.packed)]
        if token and ask.counts:
            calls.append(lambda: self._told_count(ask.window) or 0)
        rows, *counted = self.together(calls)
        return Page(
            rows=rows,
            total=sum(counted),
            # A page is cut to what Jira is willing to print, in so many words nowhere.
            size=came if token and came >= LEAST_CAP else ask.size,
            bytes=len(response.body),
            held=_held(rows),
            token=token,
            is_lost=token is None and answer.isLast is False,
        )

    def _told_count(self, window: Window) -> int | None:
        """About how many issues the window has; None if Jira does not tell."""
        query = {"jql": jql.where(window, self.dialect, self.condition)}
        try:
            answer = self.client.hasty().post(
                "search/approximate-count", query, lambda answer: isinstance(answer, dict)
            )
        except (RefusedError, UnavailableError) as error:
            LOGGER.info("the issues are not counted beforehand: %s", error)
            return None
        count = answer.get("count")
        return count if _is_count(count) else None

    def _by_position(self, client: Client, query: str, ask: Ask, fields: Sequence[str], expand: Sequence[str]) -> Page:
        params: dict[str, Any] = {"jql": query, "startAt": ask.start, "maxResults": ask.size, "fields": list(fields)}
        if expand:
            params["expand"] = list(expand)
        answer, response = client.search(PATHS["server"], params, _is_search_answer, heads.answer)
        rows = self._completed(answer, response.body, response.packed)
        return Page(
            rows=rows,
            total=answer.total,
            size=answer.maxResults if _is_count(answer.maxResults) else ask.size,
            bytes=len(response.body),
            held=_held(rows),
        )

    def _completed(self, answer: heads.Answer, body: bytes | bytearray, packed: bytes | None = None) -> list[Row]:
        """The rows of an answer, which came ``packed``, each issue with all of its children."""
        bundle = Bundle(body, packed)
        places = [place for place, head in enumerate(answer.heads) if head.is_cut]
        texts = heads.texts(body) if places else []
        try:
            cut = {place: load_anyhow(bytes(texts[place])) for place in places}
        except ValueError as error:
            raise FailedAnswerError(f"an issue that Jira printed cannot be read: {error}") from error
        left = children.complete(self.client, list(cut.values()), self.kind, self.together)
        lacking = {place: frozenset(part for of, part in left if of is issue) for place, issue in cut.items() if left}
        while cut:
            place, issue = cut.popitem()
            bundle.replace(place, _text(issue, texts[place]))
        return [
            _placed(head, Kept(bundle, place, lacking.get(place, frozenset())))
            for place, head in enumerate(answer.heads)
        ]

    def _rescue(self, query: str, ask: Ask, failure: FailedAnswerError) -> Page:
        """The same page, but for what cannot be printed: its ids from a search that prints hardly anything."""
        try:
            bare = self._search(self.client.hasty(), query, ask, TIMES, ())
        except FailedAnswerError:
            raise failure from None
        LOGGER.warning("%s; looking for the issue that causes it", failure)
        rows: list[Row] = []
        ids, weight = [row.id for row in bare.rows if row.id], 0
        for row, bytes_of_it in self._by_id(ids):
            rows.append(row)
            weight += bytes_of_it
            # The first may be the one with which the page before has ended.
            if weight > MOST_BYTES and len(rows) > 1 and row.id != ids[-1]:
                LOGGER.warning(
                    "issue %s and those before it fill %d MB; a shorter page is made of them", row.id, weight >> 20
                )
                bare = replace(bare, size=ids.index(str(row.id)) + 1, token=None, is_lost=self.kind == "cloud")
                break
        # At least the weight of a page as it should be: this one tells little of the next.
        return replace(bare, rows=rows, bytes=max(weight, PAGE_BYTES * len(rows) // ask.size))

    def _by_id(self, ids: list[str]) -> Iterator[tuple[Row, int]]:
        """The issues with these ids, in their order, asked for by ever smaller groups where a group fails.

        Each with the bytes that it takes, in a group its share of them.
        """
        found: dict[str | None, tuple[Row, int]] = {}
        if len(ids) > 1:
            query, ask = f"id in ({', '.join(ids)})", Ask(Window(0, None), 0, len(ids))
            try:
                page = self._search(self.client.hasty(), query, ask, self.fields, self.expand)
            except (FailedAnswerError, RefusedError):
                # Refused: one of them was deleted since, and Jira does not search for what it does not know.
                half = len(ids) // 2
                yield from self._by_id(ids[:half])
                yield from self._by_id(ids[half:])
                return
            share = max(page.bytes, page.weight) // max(1, len(page.rows))
            found = {row.id: (row, share) for row in page.rows}
        for issue_id in ids:
            if issue_id in found:
                yield found[issue_id]
            elif row := self.one(issue_id):
                yield row, _held([row])

    def _whole_or_plain(self, issue_id: str) -> tuple[Any, frozenset[tuple[str, ...]]]:
        """An issue, with plain fields if it must be, and where lists are missing that tables are made of."""
        client, path = self.client.hasty(), f"issue/{quote(issue_id, safe='')}"
        try:
            whole = client.get(path, {"fields": list(self.fields), **({"expand": self.expand} if self.expand else {})})
        except FailedAnswerError as failure:
            issue = client.get(path, {"fields": [*TIMES, *PLAIN_FIELDS]})
            LOGGER.warning("issue %s is written with its plain fields alone: %s", issue.get("key"), failure)
            return issue, frozenset(part for part in self.parts if not _add(client, path, issue, part))
        return whole, frozenset()


def find_dialect(client: Client, kind: str, zone: str | None) -> tuple[jql.Dialect, bool]:
    """How this site takes bounds of time, and whether that was seen (an empty site shows nothing).

    One of the newest issues is asked for again by its own second. Several are tried: one may just have been edited
    again or deleted, or be shown by the index as it was before its last edit. Literals are understood everywhere.
    """
    rows = _newest(client, kind)
    tried = {row.id: row for row in (rows[:1] + rows[len(rows) // 2 :][:1] + rows[-1:])}
    if any(_comes_back(client, kind, row) for row in tried.values()):
        return jql.Numbers(), True
    # Only an issue that stood still meanwhile shows that the numbers were to blame.
    stood_still = bool(tried) and any(tried.get(row.id) == row for row in _newest(client, kind))
    return jql.Literals(zone or "UTC"), stood_still


def complaint(client: Client, kind: str, condition: str) -> str:
    """What Jira says against a condition that it refuses, '' if it takes it; an empty condition finds all issues."""
    wanted = f"{condition} AND " if condition else ""
    try:
        _rows(client, kind, f'{wanted}updated >= "{LONG_AGO}"', 1)
    except RefusedError as refusal:
        if refusal.status != 400:
            raise
        return refusal.words or str(refusal)
    return ""


def _newest(client: Client, kind: str) -> list[Row]:
    # Cloud refuses a query without a condition; this one holds for all issues in every zone.
    rows = _rows(client, kind, f'updated >= "{LONG_AGO}" ORDER BY updated DESC', CANDIDATES)
    return [row for row in rows if row.id and row.updated is not None]


def _comes_back(client: Client, kind: str, row: Row) -> bool:
    second = (row.updated or 0) // 1000
    bounds = f"updated >= {second * 1000} AND updated < {second * 1000 + 1000}"
    try:
        return any(found.id == row.id for found in _rows(client, kind, f"id = {row.id} AND {bounds}", 50))
    except RefusedError as refusal:
        # The number, or an issue that was deleted since: another candidate tells.
        if refusal.status == 400:
            return False
        raise


def _rows(client: Client, kind: str, query: str, most: int) -> list[Row]:
    params = {"jql": query, "maxResults": most, "fields": ["updated"]}
    is_whole = _is_token_answer if kind == "cloud" else _is_search_answer
    answer, _ = client.search(PATHS[kind], params, is_whole, heads.answer)
    return [_placed(head, None) for head in answer.heads]


def _add(client: Client, path: str, issue: Any, part: tuple[str, ...]) -> bool:
    """Put one part of an issue, which is asked for by itself, into the rest of it; whether Jira could give it."""
    *above, name = part
    try:
        found = client.get(path, {"fields": [name]} if above else {"fields": list(TIMES), "expand": [name]})
    except FailedAnswerError as failure:
        LOGGER.warning("issue %s: %s stays cut: %s", issue.get("key"), name, failure)
        return False
    for step in above:
        issue, found = issue.get(step), found.get(step)
    is_readable = isinstance(issue, dict) and isinstance(found, dict)
    if is_readable:
        issue[name] = found.get(name)
    return is_readable


def _text(issue: Any, came: heads.Text) -> heads.Text:
    """An issue with its children as text, or as it came if it is nested too deep to be written as a whole."""
    try:
        return dump(issue)
    except ValueError:
        return came


def _is_count(value: Any) -> bool:
    """Whether it is as many as Jira can count, whose integers have 32 bits."""
    return isinstance(value, int) and 0 <= value < 2**31


def _is_search_answer(answer: Any) -> bool:
    return isinstance(answer, heads.Answer) and _is_count(answer.total)


def _is_token_answer(answer: Any) -> bool:
    return isinstance(answer, heads.Answer) and (answer.nextPageToken is None or isinstance(answer.nextPageToken, str))


def _held(rows: list[Row]) -> int:
    """The bytes that the rows of one answer take while they wait."""
    return 0 if not rows or isinstance(rows[0].issue, Owed) else rows[0].issue.bundle.bytes


def _placed(head: heads.Head, issue: Any) -> Row:
    is_id = isinstance(head.id, (str, int)) and ID.fullmatch(str(head.id)) is not None
    return Row(str(head.id) if is_id else None, to_millis(head.updated), to_millis(head.created), issue)
