"""The table of streams this tap knows, in the order in which they are synced: data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ISSUES = "jira_issues"
USERS = "jira_users"


@dataclass(frozen=True)
class Stream:
    """One table: its name is also its ``tap_stream_id`` and the name of its schema file."""

    name: str
    key: str
    path: str
    """Below ``/rest/api/2/``."""
    replication_key: str | None = None
    """None: the whole table is sent each time."""
    pager: str = "whole"
    """How Jira cuts the list into pages: a name in ``pagination.PAGERS``."""
    params: Mapping[str, str] = field(default_factory=dict)
    expand: Mapping[str, str] = field(default_factory=dict)
    """What must be asked for by name: the column and its word in ``expand``; only for selected columns."""
    fill: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns that Jira does not give, or not always, and where their value is found."""
    cloud_key: str | None = None
    """The key on Jira Cloud, where it is another."""
    needs: str = ""
    """The permission without which Jira refuses the list, if there is one that ordinary accounts lack."""

    def key_at(self, kind: str) -> str:
        """The key on a site of that kind."""
        return self.cloud_key if kind == "cloud" and self.cloud_key else self.key


STREAMS = (
    Stream(
        ISSUES,
        key="id",
        path="search",
        replication_key="updated_at",
        expand={"changelog": "changelog"},
        fill={"updated_at": ("fields", "updated")},
    ),
    Stream(
        "jira_projects",
        key="id",
        path="project",
        params={"includeArchived": "true"},
        expand={"description": "description", "lead": "lead", "url": "url", "projectKeys": "projectKeys"},
    ),
    Stream("jira_project_categories", key="id", path="projectCategory"),
    Stream("jira_project_roles", key="id", path="role", needs="Jira administrator"),
    Stream("jira_project_types", key="key", path="project/type"),
    Stream("jira_resolutions", key="id", path="resolution"),
    # Until Jira 8.4 a user's key was its first name, and older versions print the name alone.
    Stream(USERS, key="key", path="user/list", pager="users", cloud_key="accountId", fill={"key": ("name",)}),
)
