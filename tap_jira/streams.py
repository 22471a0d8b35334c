"""The table of streams this tap knows, in the order in which they are synced: data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

ISSUES = "jira_issues"
USERS = "jira_users"
FIELDS = "jira_fields"


@dataclass(frozen=True)
class Place:
    """Where a site has a list, and how it is asked for there."""

    path: str
    """Below ``/rest/api/2/``."""
    pager: str = "whole"
    """How Jira cuts the list into pages: a name in ``sync.PAGERS``."""
    params: tuple[tuple[str, str], ...] = ()
    expand: Mapping[str, str] = field(default_factory=dict)
    """As ``Stream.expand``, for what only this place knows."""
    needs: str = ""
    """The permission without which Jira refuses the list, if there is one that ordinary accounts lack."""
    otherwise: Place | None = None
    """Where the list is on sites that do not have this path."""
    since: tuple[int, ...] = ()
    """The first version that may have this path; older ones are not asked for it."""
    projects: Place | None = None
    """Where the projects are listed, if each of them has a list of its own; then ``path`` has ``{project}``."""

    def of_project(self, project: str) -> Place:
        """Where the project of this id has its own list."""
        return replace(self, path=self.path.format(project=quote(project, safe="")), projects=None)


@dataclass(frozen=True)
class Stream:
    """One table: its name is also its ``tap_stream_id`` and the name of its schema file."""

    name: str
    key: str
    server: Place
    """Where Server and Data Center have the list."""
    cloud: Place | None = None
    """Where Jira Cloud has it, if that is another place."""
    cloud_key: str | None = None
    """The key on Jira Cloud, where it is another."""
    replication_key: str | None = None
    """None: the whole table is sent each time."""
    expand: Mapping[str, str] = field(default_factory=dict)
    """What must be asked for by name: the column and its word in ``expand``; only for selected columns."""
    fill: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns that Jira does not give, or not always, and where their value is found."""
    parent: str = ""
    """The stream whose rows carry these in a list; one scan feeds both."""
    listed: tuple[str, ...] = ()
    """Where that list lies in a row of ``parent``."""
    note: str = ""
    """What the rows of the table are, where its name does not tell."""
    by_default: bool = True
    """Whether it is read when nobody chose."""

    def key_at(self, kind: str) -> str:
        """The key on a site of that kind."""
        return self.cloud_key if kind == "cloud" and self.cloud_key else self.key

    def place(self, kind: str) -> Place:
        """Where a site of that kind has the list."""
        return self.cloud if kind == "cloud" and self.cloud else self.server


_SEARCH, _CLOUD_SEARCH = Place("search"), Place("search/jql")
_INSIDE_ISSUES = Stream(
    "",
    key="id",
    server=_SEARCH,
    cloud=_CLOUD_SEARCH,
    replication_key="issue_updated_at",
    parent=ISSUES,
    by_default=False,
)
"""What the tables of lists inside issues have in common."""
_PROJECTS = Place("project", params=(("includeArchived", "true"),))
_CLOUD_PROJECTS = Place(
    "project/search",
    pager="projects",
    params=(("status", "live"), ("status", "archived"), ("orderBy", "key")),
    expand={"issueTypes": "issueTypes", "insight": "insight"},
)
_EACH_PROJECT = (
    "One request a project, archived ones too: that is why the table is not selected by default. `project_id` is the "
    "`id` of `jira_projects`, a text as there; it and `project_key` come from the list of projects, in place of "
    "Jira's `projectId`, a number that old versions do not give, and `project`."
)

STREAMS = (
    Stream(
        ISSUES,
        key="id",
        server=_SEARCH,
        cloud=_CLOUD_SEARCH,
        replication_key="updated_at",
        expand={"changelog": "changelog"},
        fill={"updated_at": ("fields", "updated")},
    ),
    replace(
        _INSIDE_ISSUES,
        name="jira_issue_comments",
        listed=("fields", "comment", "comments"),
        note="When an issue has changed, all of its comments are sent again. One that was deleted in Jira stays.",
    ),
    replace(
        _INSIDE_ISSUES,
        name="jira_issue_changelogs",
        listed=("changelog", "histories"),
        note="Each row is one edit of an issue, of one or more fields. When an issue has changed, all of them are sent "
        "again.",
    ),
    replace(
        _INSIDE_ISSUES,
        name="jira_worklogs",
        listed=("fields", "worklog", "worklogs"),
        # So it is called where Jira prints it.
        fill={"issue_id": ("issueId",)},
        note="When an issue has changed, all of its worklogs are sent again. One that was deleted in Jira stays.",
    ),
    Stream(
        "jira_projects",
        key="id",
        server=_PROJECTS,
        cloud=_CLOUD_PROJECTS,
        expand={"description": "description", "lead": "lead", "url": "url", "projectKeys": "projectKeys"},
        note="Archived projects are among them, on Cloud and from Jira 7.10 on. Projects in Cloud's trash are not.",
    ),
    Stream("jira_project_categories", key="id", server=Place("projectCategory")),
    Stream("jira_project_roles", key="id", server=Place("role", needs="the permission of a Jira administrator")),
    Stream("jira_project_types", key="key", server=Place("project/type")),
    Stream(
        "jira_resolutions",
        key="id",
        server=Place("resolution"),
        cloud=Place("resolution/search", pager="values", otherwise=Place("resolution")),
    ),
    Stream(
        USERS,
        key="key",
        server=Place(
            "user/list",
            pager="user_list",
            # The specification of 10.3 has neither parameter, the one of 11 is said to.
            params=(("includeActive", "true"), ("includeInactive", "true")),
            since=(10, 3),
            otherwise=Place("user/search", pager="user_search", params=(("includeInactive", "true"),)),
        ),
        cloud=Place("users/search", pager="accounts", needs="the global permission Browse users and groups"),
        cloud_key="accountId",
        # Until Jira 8.4 a user's key was its first name, and older versions print the name alone.
        fill={"key": ("name",)},
        note="Inactive users are among them. On Cloud there are also apps and customers: `accountType` tells.",
    ),
    Stream(
        FIELDS,
        key="id",
        server=Place("field"),
        note="What people call each field of an issue, and in `column_name` what its column in `jira_issues` is "
        "called, below `fields`, by the run that sent the row.",
    ),
    Stream(
        "jira_versions",
        key="id",
        # Every Jira has the whole list, and in one answer no page can be missing.
        server=Place("project/{project}/versions", projects=_PROJECTS),
        # Only the pages know these words of expand, and the specification's whole list has days as milliseconds.
        cloud=Place(
            "project/{project}/version",
            pager="values",
            projects=_CLOUD_PROJECTS,
            expand={"driver": "driver", "approvers": "approvers", "issuesStatusForFixVersion": "issuesstatus"},
        ),
        note=_EACH_PROJECT,
        by_default=False,
    ),
    Stream(
        "jira_components",
        key="id",
        server=Place("project/{project}/components", projects=_PROJECTS),
        # Cloud's whole list becomes one of pages where a project uses Compass, so pages are asked for everywhere.
        cloud=Place(
            "project/{project}/component",
            pager="components",
            # Jira's own components unless a project uses those of Compass, as its issues then do.
            params=(("componentSource", "auto"),),
            projects=_CLOUD_PROJECTS,
        ),
        note=_EACH_PROJECT,
        by_default=False,
    ),
)
