"""The site's custom fields: what ``/field`` declares, and the few that an issue has set."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tap_jira.simulator.facts import LABELS, Issue, day, mix, stamp
from tap_jira.simulator.tables import Tables

FIRST_CUSTOM = 10100
_PLUGIN = "com.atlassian.jira.plugin.system.customfieldtypes:"
_SPRINT = "com.pyxis.greenhopper.jira:gh-sprint"

_KINDS: tuple[tuple[str, str, str, str | None], ...] = (
    ("Story Points", "float", "number", None),
    ("Epic Link", "com.pyxis.greenhopper.jira:gh-epic-link", "any", None),
    ("Rank", "com.pyxis.greenhopper.jira:gh-lexo-rank", "any", None),
    ("Sprint", _SPRINT, "array", "string"),
    ("Kundenname", "textfield", "string", None),
    ("Notes", "textarea", "string", None),
    ("Go-live", "datepicker", "date", None),
    ("Störung seit", "datetime", "datetime", None),
    ("Severity", "select", "option", None),
    ("Region", "cascadingselect", "option-with-child", None),
    ("Platforms", "multiselect", "array", "option"),
    ("Reviewer", "userpicker", "user", None),
    ("Watchers to be", "multiuserpicker", "array", "user"),
    ("Team", "grouppicker", "group", None),
    ("Found in", "version", "version", None),
    ("Related project", "project", "project", None),
    ("Tags", "labels", "array", "string"),
    ("Budget €", "float", "number", None),
    ("Script result", "com.onresolve.jira.groovy.groovyrunner:scripted-field", "any", None),
    ("Groups", "multigrouppicker", "array", "group"),
)  # fmt: skip
COUNT = 6 * len(_KINDS)
_NAMES = {100: "Story Points", 101: "Статус", 102: "★ ★ ★", 103: "Labels"}
"""Names of some of the later ones that are no good as names of columns: another's, in another script, without a letter,
that of one of Jira's own."""

_SYSTEM = (
    ("issuekey", "Key", None), ("summary", "Summary", "string"), ("description", "Description", "string"),
    ("environment", "Environment", "string"), ("issuetype", "Issue Type", "issuetype"),
    ("project", "Project", "project"), ("status", "Status", "status"), ("priority", "Priority", "priority"),
    ("resolution", "Resolution", "resolution"), ("resolutiondate", "Resolved", "datetime"),
    ("creator", "Creator", "user"), ("reporter", "Reporter", "user"), ("assignee", "Assignee", "user"),
    ("labels", "Labels", "array"), ("components", "Component/s", "array"),
    ("versions", "Affects Version/s", "array"), ("fixVersions", "Fix Version/s", "array"),
    ("comment", "Comment", "comments-page"), ("attachment", "Attachment", "array"),
    ("subtasks", "Sub-Tasks", "array"), ("issuelinks", "Linked Issues", "array"), ("votes", "Votes", "votes"),
    ("watches", "Watchers", "watches"), ("worklog", "Log Work", "array"),
    ("timetracking", "Time Tracking", "timetracking"), ("progress", "Progress", "progress"),
    ("aggregateprogress", "Σ Progress", "progress"), ("security", "Security Level", "securitylevel"),
    ("created", "Created", "datetime"), ("updated", "Updated", "datetime"), ("duedate", "Due Date", "date"),
    ("lastViewed", "Last Viewed", "datetime"), ("workratio", "Work Ratio", "number"),
    ("timespent", "Time Spent", "number"), ("timeestimate", "Remaining Estimate", "number"),
    ("timeoriginalestimate", "Original Estimate", "number"), ("aggregatetimespent", "Σ Time Spent", "number"),
    ("aggregatetimeestimate", "Σ Remaining Estimate", "number"),
    ("aggregatetimeoriginalestimate", "Σ Original Estimate", "number"), ("thumbnail", "Images", None),
)  # fmt: skip


def custom_id(number: int) -> str:
    """``customfield_nnnnn`` of the custom field at this position."""
    return f"customfield_{FIRST_CUSTOM + number}"


@lru_cache(maxsize=1)
def custom_ids() -> tuple[str, ...]:
    """The ids of all custom fields."""
    return tuple(custom_id(number) for number in range(COUNT))


def declarations(*, cloud: bool = False) -> list[dict[str, Any]]:
    """What ``/field`` answers: the system fields, then the custom ones with the type that Jira declares."""
    if not cloud:
        return [_system(*row) for row in _SYSTEM] + [_declare(number) for number in range(COUNT)]
    system = [_system(*row) for row in (*_SYSTEM, ("statuscategorychangedate", "Status Category Changed", "datetime"))]
    fields = system + [_declare(number) for number in range(COUNT)]
    for field in fields:
        field["key"] = field["id"]
        if field.get("schema", {}).get("custom") == _SPRINT:
            field["schema"]["items"] = "json"
    return fields


def note_of(name: str) -> str:
    """What the site says of a custom field, where it says something: with line breaks, as people type."""
    return "" if len(name) % 3 == 0 else f"What we\r\nknow of  {name}."


def _system(field_id: str, name: str, kind: str | None) -> dict[str, Any]:
    flags = {"orderable": kind is not None, "navigable": field_id not in ("comment", "worklog"), "searchable": True}
    declared: dict[str, Any] = {"id": field_id, "name": name, "custom": False, **flags, "clauseNames": [field_id]}
    if kind is not None:
        items = {"items": {"labels": "string", "attachment": "attachment"}.get(field_id, field_id[:-1])}
        declared["schema"] = {"type": kind, **(items if kind == "array" else {}), "system": field_id}
    return declared


def _declare(number: int) -> dict[str, Any]:
    name, kind, declared, items = _KINDS[number % len(_KINDS)]
    turn = number // len(_KINDS)
    name = _NAMES.get(number) or (f"{name} {turn + 1}" if turn else name)
    schema: dict[str, Any] = {"type": declared}
    if items:
        schema["items"] = items
    schema["custom"], schema["customId"] = kind if ":" in kind else _PLUGIN + kind, FIRST_CUSTOM + number
    return {
        "id": custom_id(number), "name": name, "custom": True, "orderable": True,
        "navigable": True, "searchable": True, "clauseNames": [f"cf[{FIRST_CUSTOM + number}]", name], "schema": schema,
    }  # fmt: skip


def custom_values(seed: int, issue: Issue, tables: Tables, offset: int = 0) -> dict[str, Any]:
    """The 5 to 10 custom fields that this issue has set; a few of them change with each edit."""
    bits = mix(seed, issue.id, 3)
    chosen = {2, *((bits >> (6 * n + 3)) % COUNT for n in range(4 + bits % 6))}
    return {custom_id(number): _value(number, seed, issue, tables, offset) for number in sorted(chosen)}


def _value(number: int, seed: int, issue: Issue, tables: Tables, offset: int) -> Any:
    kind, declared, items = _KINDS[number % len(_KINDS)][1:]
    bits = mix(seed, issue.id, number, issue.version if number % 4 == 0 else 0)
    if kind == _SPRINT:
        return [tables.sprint(1 + bits % 60)]
    if kind.endswith("gh-lexo-rank"):
        return f"0|i{issue.id:05x}:"
    if kind.endswith("gh-epic-link"):
        return f"{tables.project_keys[issue.project]}-{1 + bits % 20}"
    if kind == "textarea":
        return tables.prose(LABELS[bits % len(LABELS)])
    one = _single(items or declared, bits, issue, tables, offset)
    return [one] if declared == "array" else one


def _single(declared: str, bits: int, issue: Issue, tables: Tables, offset: int) -> Any:
    if declared == "number":
        return float(bits % 13) if bits & 1 else bits % 1000 / 8
    if declared == "string":
        return LABELS[bits % len(LABELS)]
    if declared == "date":
        return day(issue.created + bits % 10**10)
    if declared == "datetime":
        return stamp(issue.created - bits % 10**10, offset)
    if declared in ("option", "option-with-child"):
        return _option(bits, tables, child=declared != "option")
    if declared == "user":
        return tables.user(bits % tables.users)
    if declared == "group":
        return {"name": "jira-users", "self": f"{tables.api}/group?groupname=jira-users"}
    if declared == "version":
        return tables.version(issue.project, bits % 4)
    if declared == "project":
        return tables.projects[bits % len(tables.project_keys)]
    return {"result": bits % 97, "rows": ["a", None, {"ü": 1.5}]}


def _option(bits: int, tables: Tables, *, child: bool) -> dict[str, Any]:
    number = 10400 + bits % 9
    option: dict[str, Any] = {"self": f"{tables.api}/customFieldOption/{number}", "value": f"Wahl {number}"}
    option["id"] = str(number)
    if child:
        option["child"] = {**option, "value": f"Unterwahl {number}", "id": str(number + 100)}
    return option
