"""Ask a simulated Jira what it holds, with urllib and nothing of the tap, so that the comparison proves something."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.parse
import urllib.request
from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

Steps = tuple[str, ...]


class Column(NamedTuple):
    """A value of an issue that is compared: where it stands, and as what: text, number, time, day or list."""

    path: Steps
    kind: str

    @property
    def name(self) -> str:
        """As people write it: ``fields.status.name``."""
        return ".".join(self.path)


STATUS = Column(("fields", "status", "name"), "text")
SUMMARY = Column(("fields", "summary"), "text")
UPDATED = Column(("updated_at",), "time")
ASSIGNEE = Column(("fields", "assignee", "displayName"), "text")
POINTS = Column(("fields", "customfield_10100"), "number")
SPRINT = ("fields", "customfield_10103")
GO_LIVE = Column(("fields", "customfield_10106"), "day")

COLUMNS = (
    Column(("key",), "text"),
    UPDATED,
    STATUS,
    SUMMARY,
    Column(("fields", "description"), "text"),
    Column(("fields", "environment"), "text"),
    ASSIGNEE,
    Column(("fields", "labels"), "list"),
    Column(("fields", "created"), "time"),
    Column(("fields", "resolutiondate"), "time"),
    Column(("fields", "duedate"), "day"),
    Column(("fields", "timespent"), "number"),
    Column(("fields", "timeoriginalestimate"), "number"),
    Column(("fields", "aggregatetimeoriginalestimate"), "number"),
    POINTS,
    Column(("fields", "customfield_10120"), "number"),
    Column(("fields", "customfield_10140"), "number"),
    GO_LIVE,
    Column(("fields", "customfield_10107"), "time"),
    Column(("fields", "customfield_10108", "value"), "text"),
)

KEYS = {
    "jira_issues": "id",
    "jira_projects": "id",
    "jira_project_categories": "id",
    "jira_project_roles": "id",
    "jira_project_types": "key",
    "jira_resolutions": "id",
    "jira_users": "key",
    "jira_fields": "id",
}
"""The tables and their keys; on Cloud users have another one."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Jira:
    """A site that answers with what it holds."""

    def __init__(self, config: dict[str, str]) -> None:
        self.cloud = "api_token" in config
        self.keys = {**KEYS, **({"jira_users": "accountId"} if self.cloud else {})}
        self._base = config["base_url"]
        login = f"{config.get('email') or config['username']}:{config.get('api_token') or config['password']}"
        self._headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        self._context = ssl.create_default_context(cafile=config["ca_bundle"])

    def rows(self) -> dict[str, list[Any]]:
        """For each issue, by its id, what the columns should hold."""
        return {issue["id"]: [_expected(issue, column) for column in COLUMNS] for issue in self._issues()}

    def sizes(self) -> dict[str, int]:
        """How many rows each table but the issues should have."""
        if self.cloud:
            projects = self._get("project/search", status="live,archived", maxResults=100)["values"]
            users = self._get("users/search", maxResults=1000)
        else:
            projects = self._get("project", includeArchived="true")
            users = self._get("user/search", username=".", includeInactive="true", maxResults=1000)
        lists = {
            "jira_projects": projects,
            "jira_project_categories": self._get("projectCategory"),
            "jira_project_roles": self._get("role"),
            "jira_project_types": self._get("project/type"),
            "jira_resolutions": self._get("resolution"),
            "jira_users": users,
            "jira_fields": self._get("field"),
        }
        return {table: len(found) for table, found in lists.items()}

    def sprints(self) -> dict[str, int]:
        """How many issues are in which sprint, by its name."""
        fields = (issue["fields"].get(SPRINT[1]) or [] for issue in self._issues())
        return Counter(_sprint_name(sprint) for sprints in fields for sprint in sprints)

    def edit(self, count: int) -> list[str]:
        """Let somebody change so many issues; their ids."""
        return [str(number) for number in self._ask("POST", f"/simulate/edit?count={count}")]

    def _issues(self) -> list[dict[str, Any]]:
        fields = ",".join(column.path[1] for column in COLUMNS if column.path[0] == "fields") + f",updated,{SPRINT[1]}"
        found: list[dict[str, Any]] = []
        if not self.cloud:
            while True:
                page = self._get("search", jql="order by key", fields=fields, startAt=len(found), maxResults=1000)
                found += page["issues"]
                if len(found) >= page["total"]:
                    return found
        token: dict[str, str] = {}
        while True:
            page = self._get("search/jql", jql="updated >= 0 order by key", fields=fields, maxResults=100, **token)
            found += page["issues"]
            if "nextPageToken" not in page:
                return found
            token = {"nextPageToken": page["nextPageToken"]}

    def _get(self, path: str, **asked: Any) -> Any:
        return self._ask("GET", f"/rest/api/2/{path}?{urllib.parse.urlencode(asked)}")

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(self._base + path, method=method, headers=self._headers)
        with urllib.request.urlopen(request, context=self._context, timeout=60) as answer:
            return json.load(answer)


def _sprint_name(sprint: Any) -> str:
    """The name of a sprint, which Data Center prints as Java does."""
    if isinstance(sprint, dict):
        return str(sprint["name"])
    # What follows the name depends on the version.
    return re.split(",(?:startDate|rapidViewId)=", sprint.partition(",name=")[2])[0]


def _expected(issue: dict[str, Any], column: Column) -> Any:
    """Jira's value as a table should hold it: a time in epoch milliseconds, a text that can be stored."""
    value: Any = {**issue, "updated_at": issue["fields"]["updated"]}
    for name in column.path:
        value = None if value is None else value.get(name)
    if value is None:
        return None
    if column.kind == "time":
        return round(datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)
    return _UNSTORABLE.sub("\ufffd", value) if column.kind == "text" else value
