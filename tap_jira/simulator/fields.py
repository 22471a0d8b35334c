"""An issue's fields, made on demand: what a ``fields`` parameter selects, and a function for every system field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tap_jira.simulator.children import Children, comment_total, text, worklog_total
from tap_jira.simulator.custom import COUNT, custom_ids, custom_values
from tap_jira.simulator.facts import BLOCK, FIRST_ID, Choices, Issue, choices, day, mix, stamp
from tap_jira.simulator.odd import is_odd, oddly
from tap_jira.simulator.tables import Tables
from tap_jira.simulator.world import World

Json = dict[str, Any]

NOT_NAVIGABLE = frozenset({"comment", "worklog", "attachment", "timetracking"})
"""What ``*navigable``, the default, leaves out."""
WORKLOG_CAP = 20
_DONE = (4, 5)
_HIDDEN = object()


@dataclass(frozen=True)
class Caps:
    """How many of an issue's children it carries itself; None for all (Data Center's habit for two of the three)."""

    comments: int | None = None
    changes: int | None = None
    worklogs: int | None = WORKLOG_CAP


@dataclass(frozen=True)
class Press:
    """What every issue of a site is printed from."""

    world: World
    tables: Tables
    children: Children
    caps: Caps
    offset: int

    @property
    def seed(self) -> int:
        """The world's seed."""
        return self.world.seed

    def fields(self, issue: Issue, asked: str) -> Json:
        """The fields of the issue that the ``fields`` parameter asks for."""
        makers, nulls = selected(asked)
        made = Made(self, issue, choices(self.seed, issue.id, issue.version, self.tables.users))
        printed: Json = nulls.copy()
        if nulls:
            values = custom_values(self.seed, issue, self.tables, self.offset)
            printed.update(values if len(nulls) == COUNT else {n: v for n, v in values.items() if n in nulls})
        for name, make in makers:
            value = make(made)
            if value is not _HIDDEN:
                printed[name] = value
        return oddly(printed, issue) if self.world.odd and is_odd(issue) else printed


@dataclass(frozen=True)
class Made:
    """One issue about to be printed, and what its fields are made from."""

    by: Press
    issue: Issue
    choices: Choices

    @property
    def bits(self) -> int:
        """64 bits of chance that stay with the issue."""
        return mix(self.by.seed, self.issue.id, 5)

    def at(self, millis: int) -> str:
        """The time as this site prints it."""
        return stamp(millis, self.by.offset)

    def brief(self, issue: Issue) -> Json:
        """Another issue, as links and sub-tasks print it."""
        chosen, tables = choices(self.by.seed, issue.id, issue.version, self.by.tables.users), self.by.tables
        return {
            "id": str(issue.id),
            "key": self.by.world.key(issue),
            "self": f"{tables.api}/issue/{issue.id}",
            "fields": {
                "summary": _summary(self.by.seed, issue),
                "status": tables.statuses[chosen.status],
                "priority": tables.priorities[chosen.priority],
                "issuetype": tables.issue_types[chosen.issuetype],
            },
        }

    def neighbours(self, places: Iterable[int]) -> list[Issue]:
        """Those of the issue's block that exist and share its project."""
        first = FIRST_ID + self.issue.row // BLOCK * BLOCK
        found = (self.by.world.issue(first + place) for place in places)
        return [issue for issue in found if issue and issue.id != self.issue.id and issue.project == self.issue.project]


def _summary(seed: int, issue: Issue) -> str:
    bits = mix(seed, issue.id, 6, issue.version)
    return f"{text(bits, 1).splitlines()[0]} #{issue.id}" + (" 🚀" if bits & 7 == 0 else "")


def _description(made: Made) -> object:
    bits = mix(made.by.seed, made.issue.id, 8, made.issue.version)
    return None if made.bits % 5 == 0 else made.by.tables.prose(text(bits, 3 + bits % 10))


def _parent(made: Made) -> object:
    if not made.by.tables.issue_types[made.choices.issuetype]["subtask"]:
        return _HIDDEN
    parents = made.neighbours((0,))
    return made.brief(parents[0]) if parents else _HIDDEN


def _subtasks(made: Made) -> list[Json]:
    if made.issue.row % BLOCK:
        return []
    kinds = made.by.tables.issue_types
    near = made.neighbours((5, 6))
    chosen = [(issue, choices(made.by.seed, issue.id, issue.version, made.by.tables.users)) for issue in near]
    return [made.brief(issue) for issue, its in chosen if kinds[its.issuetype]["subtask"]]


def _links(made: Made) -> list[Json]:
    pair = made.issue.row // 2
    if mix(made.by.seed, pair, 9) % 3:
        return []
    kind = {"id": "10000", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"}
    kind["self"] = f"{made.by.tables.api}/issueLinkType/10000"
    side = "inwardIssue" if made.issue.row % 2 else "outwardIssue"
    near = made.neighbours((made.issue.row % BLOCK ^ 1,))
    link = {"id": str(20000 + pair), "self": f"{made.by.tables.api}/issueLink/{20000 + pair}", "type": kind}
    return [{**link, side: made.brief(issue)} for issue in near]


def _security(made: Made) -> object:
    if made.bits >> 9 & 1:
        return _HIDDEN
    level = {"self": f"{made.by.tables.api}/securitylevel/10000", "id": "10000", "description": "", "name": "Intern"}
    return level if made.bits >> 10 & 1 else None


def _comments(made: Made) -> Json:
    total, cap = comment_total(made.by.seed, made.issue), made.by.caps.comments
    dropped = 0 if cap is None else max(0, total - cap)
    shown = made.by.children.comments(made.issue, dropped)
    if made.by.tables.cloud:
        # Cloud leaves out the oldest and says nothing of it but the total.
        where = f"{made.by.tables.api}/issue/{made.issue.id}/comment"
        return {"comments": shown, "self": where, "maxResults": len(shown), "total": total, "startAt": 0}
    return {"comments": shown, "maxResults": len(shown), "total": total, "startAt": dropped}


def _worklog(made: Made) -> Json:
    total, cap = worklog_total(made.by.seed, made.issue), made.by.caps.worklogs
    shown = made.by.children.worklogs(made.issue, 0, cap)
    return {"startAt": 0, "maxResults": total if cap is None else cap, "total": total, "worklogs": shown}


def _spent(made: Made) -> int | None:
    total = worklog_total(made.by.seed, made.issue)
    return total * 3600 if total else None


def _progress(made: Made) -> Json:
    spent = _spent(made)
    if not spent:
        return {"progress": 0, "total": 0}
    return {"progress": spent, "total": spent + 3600, "percent": spent * 100 // (spent + 3600)}


def _tracking(made: Made) -> Json:
    spent = _spent(made)
    if not spent:
        return {}
    shown = {"remainingEstimate": "1h", "timeSpent": f"{spent // 3600}h"}
    return {**shown, "remainingEstimateSeconds": 3600, "timeSpentSeconds": spent}


def _project(made: Made) -> Json:
    return made.by.tables.projects[made.issue.project]


def _versions(shift: int) -> Callable[[Made], list[Json]]:
    def make(made: Made) -> list[Json]:
        bits = made.bits >> shift
        return [made.by.tables.version(made.issue.project, bits % 4)] if bits & 16 else []

    return make


def _user(number: int, made: Made) -> Json | None:
    return None if number < 0 else made.by.tables.user(number)


def _votes(made: Made, kind: str, word: str, has: str) -> Json:
    number, where = made.bits >> 20 & 3, f"{made.by.tables.api}/issue/{made.by.world.key(made.issue)}"
    return {"self": f"{where}/{kind}", word: number, has: False}


def _done(made: Made) -> bool:
    return made.choices.status in _DONE


MAKERS: dict[str, Callable[[Made], object]] = {
    "statuscategorychangedate": lambda m: m.at(m.issue.updated) if m.by.tables.cloud else _HIDDEN,
    "issuetype": lambda m: m.by.tables.issue_types[m.choices.issuetype],
    "timespent": _spent,
    "project": _project,
    "fixVersions": _versions(3),
    "aggregatetimespent": _spent,
    "resolution": lambda m: m.by.tables.resolutions[m.bits % 6] if _done(m) else None,
    "resolutiondate": lambda m: m.at(m.issue.updated) if _done(m) else None,
    "workratio": lambda m: -1,
    "lastViewed": lambda m: None if m.bits >> 2 & 7 else m.at(m.issue.updated + 1),
    "watches": lambda m: _votes(m, "watchers", "watchCount", "isWatching"),
    "created": lambda m: m.at(m.issue.created),
    "priority": lambda m: m.by.tables.priorities[m.choices.priority],
    "labels": lambda m: list(m.choices.labels),
    "timeestimate": lambda m: 3600 if _spent(m) else None,
    "aggregatetimeoriginalestimate": lambda m: None,
    "versions": _versions(33),
    "issuelinks": _links,
    "assignee": lambda m: _user(m.choices.assignee, m),
    "updated": lambda m: m.at(m.issue.updated),
    "status": lambda m: m.by.tables.statuses[m.choices.status],
    "components": lambda m: [m.by.tables.component(m.issue.project, m.bits % 3)] if m.bits & 8 else [],
    "timeoriginalestimate": lambda m: None,
    "description": _description,
    "timetracking": _tracking,
    "security": _security,
    "attachment": lambda m: m.by.children.attachments(m.issue),
    "aggregatetimeestimate": lambda m: 3600 if _spent(m) else None,
    "summary": lambda m: _summary(m.by.seed, m.issue),
    "creator": lambda m: _user(m.choices.reporter, m),
    "subtasks": _subtasks,
    "parent": _parent,
    "reporter": lambda m: _user(m.choices.reporter, m),
    "aggregateprogress": _progress,
    "environment": lambda m: m.by.tables.prose("Prod-Umgebung ⚙") if m.bits % 7 == 0 else None,
    "duedate": lambda m: None if m.bits & 3 else day(m.issue.created + 10**9),
    "progress": _progress,
    "comment": _comments,
    "votes": lambda m: _votes(m, "votes", "votes", "hasVoted"),
    "worklog": _worklog,
}


Selection = tuple[tuple[tuple[str, Callable[[Made], object]], ...], dict[str, None]]


@lru_cache(maxsize=64)
def selected(fields: str) -> Selection:
    """What a ``fields`` parameter (``*navigable`` if it is empty) means: makers of the system fields, and the custom
    fields, all null."""
    asked = [part.strip() for part in fields.split(",") if part.strip()]
    if not any(not part.startswith("-") for part in asked):
        asked.insert(0, "*navigable")
    names: dict[str, None] = {}
    for part in asked:
        if part in ("*all", "*navigable"):
            leave = NOT_NAVIGABLE if part == "*navigable" else frozenset()
            names.update(dict.fromkeys(name for name in (*MAKERS, *custom_ids()) if name not in leave))
        elif part.startswith("-"):
            names.pop(part[1:], None)
        else:
            names[part] = None
    makers = tuple((name, MAKERS[name]) for name in names if name in MAKERS)
    return makers, dict.fromkeys(name for name in custom_ids() if name in names)
