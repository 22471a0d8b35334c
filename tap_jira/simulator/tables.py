"""The site around the issues: projects, people, roles, statuses and the like, as Data Center prints them."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import Any

from tap_jira.simulator.facts import mix, stamp

Json = dict[str, Any]

_PROJECT_KEYS = ("WEB", "OPS", "ABC", "KÜCHE", "DATA", "HR2", "MOB", "AND", "ZZ", "CORE")
_PROJECT_NAMES = (" Agila", "Web-Oberfläche", "Operations", "Küche & Bar", "データ基盤", "People", "Mobile 📱", "Ёлка")
_FIRST = ("Ada", "Bjørn", "Chloé", "Dmitri", "Eşref", "Fatima", "Grace", "Håkon", "Inés", "Jürgen", "健太", "Łukasz")
_LAST = ("Lovelace", "Müller", "O'Neill", "Nguyễn", "Иванова", "Østergård", "García", "Smith", "佐藤", "Żak", "Bauer")
_STATUSES = (
    ("Open", 2), ("In Progress", 4), ("Reopened", 2), ("In Review", 4), ("Resolved", 3), ("Closed", 3),
)  # fmt: skip
_CATEGORIES = {
    2: ("new", "blue-gray", "To Do"), 3: ("done", "green", "Done"), 4: ("indeterminate", "yellow", "In Progress"),
}  # fmt: skip
_PRIORITIES = ("Blocker", "Critical", "Major", "Minor", "Trivial")
_ISSUE_TYPES = ("Bug", "New Feature", "Task", "Improvement", "Story", "Epic", "Sub-task")
_RESOLUTIONS = ("Fixed", "Won't Fix", "Duplicate", "Incomplete", "Cannot Reproduce", "Erledigt")
_ROLES = ("Administrators", "Developers", "Users", "Gäste")
SPRINT_STATES = ("closed", "active", "future")
_SIZES = {"48x48": "", "24x24": "size=small&", "16x16": "size=xsmall&", "32x32": "size=medium&"}


def project_keys(count: int) -> list[str]:
    """The keys of the site's projects in the order of their ids; one of them is a word that JQL reserves."""
    return [_PROJECT_KEYS[n] if n < len(_PROJECT_KEYS) else f"P{n}" for n in range(count)]


def user_name(number: int) -> str:
    """The log-in name of a user; the first two are the accounts that a tap is given."""
    if number < 2:
        return ("tap-reader", "plain-reader")[number]
    return f"{_FIRST[number % len(_FIRST)][0].lower()}.user{number}"


def user_key(number: int) -> str:
    """JIRAUSERnnnnn for users made since 8.4, the old log-in name for those from before."""
    return user_name(number) if number % 3 == 2 else f"JIRAUSER{10100 + number}"


def sprint_goal(number: int) -> str:
    """What a sprint is for: nothing, or words with all that ends words elsewhere."""
    return "" if number % 3 else f"Ship [{number}], a=b,\nthen rest"


class Tables:
    """Every object of the site that is not an issue, made when first asked for."""

    cloud = False
    """Whether issues are printed as on Cloud."""

    def __init__(self, *, seed: int, projects: int, users: int, base_url: str) -> None:
        self.seed, self.users, self.base_url = seed, users, base_url
        self.project_keys = project_keys(projects)
        self.api = base_url + "/rest/api/2"
        self._users: dict[int, Json] = {}

    def names_of(self, number: int) -> tuple[str, ...]:
        """What JQL may call a user, in small letters."""
        return user_name(number), user_key(number).lower()

    def prose(self, text: str) -> object:
        """A long text as a description or a comment carries it."""
        return text

    def sprint(self, number: int) -> object:
        """A sprint as issues carry it: Data Center prints the Java object."""
        members = {
            "id": number,
            "rapidViewId": number % 7,
            "state": SPRINT_STATES[number % 3].upper(),
            "name": f"Sprint {number}, Größe",
            "startDate": f"2024-02-{1 + number % 28:02d}T08:00:00.000Z" if number % 3 != 2 else "<null>",
            "endDate": "<null>",
            "completeDate": "<null>",
            "activatedDate": "<null>",
            "sequence": number,
            "goal": sprint_goal(number),
        }
        if number % 2:
            # Later versions print more, and by the alphabet.
            more = {"autoStartStop": "false", "incompleteIssuesDestinationId": "<null>", "synced": "false"}
            members = dict(sorted({**members, **more}.items()))
        printed = ",".join(f"{name}={value}" for name, value in members.items())
        return f"com.atlassian.greenhopper.service.sprint.Sprint@{number:x}f[{printed}]"

    def user(self, number: int) -> Json:
        """The short user object that issues carry; some accounts have no e-mail address."""
        found = self._users.get(number)
        if found is None:
            found = self._users[number] = self._make_user(number)
        return found

    def _make_user(self, number: int) -> Json:
        name, bits = user_name(number), mix(self.seed, 7, number)
        first, last = _FIRST[bits % len(_FIRST)], _LAST[(bits >> 8) % len(_LAST)]
        user: Json = {"self": f"{self.api}/user?username={name}", "name": name, "key": user_key(number)}
        if number % 5 != 4:
            user["emailAddress"] = f"{name}@example.com"
        user["avatarUrls"] = self._avatars("useravatar", 10100 + number)
        user["displayName"] = f"{first} {last}"
        user["active"] = number < 2 or number % 7 != 3
        user["timeZone"] = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "GMT")[number % 4]
        return user

    def full_user(self, number: int) -> Json:
        """The user object that the user resources answer."""
        return {**self.user(number), "deleted": False, "locale": "en_US"}

    def _avatars(self, kind: str, number: int) -> Json:
        return {size: f"{self.base_url}/secure/{kind}?{part}avatarId={number}" for size, part in _SIZES.items()}

    @cached_property
    def categories(self) -> list[Json]:
        """The project categories."""
        names = (("Products", "What we sell"), ("Internes", "Für uns selbst"), ("Old", ""))
        return [
            {"self": f"{self.api}/projectCategory/{10000 + n}", "id": str(10000 + n), "name": name, "description": text}
            for n, (name, text) in enumerate(names)
        ]

    @cached_property
    def projects(self) -> list[Json]:
        """The projects, with only what the list and an issue's ``project`` carry."""
        return [self._make_project(n, key) for n, key in enumerate(self.project_keys)]

    def _make_project(self, n: int, key: str) -> Json:
        project: Json = {"self": f"{self.api}/project/{10000 + n}", "id": str(10000 + n), "key": key}
        project["name"] = _PROJECT_NAMES[n] if n < len(_PROJECT_NAMES) else f"Project {key}"
        project["projectTypeKey"] = ("software", "business", "service_desk")[n % 3]
        project["avatarUrls"] = self._avatars("projectavatar", 10200 + n)
        if n % 3 != 2:
            category = self.categories[n % 3]
            project["projectCategory"] = category
        return project

    def listed_project(self, n: int, expand: frozenset[str]) -> Json:
        """A project of the list: the four expandable properties only when they are asked for."""
        project = {"expand": "description,lead,url,projectKeys", **self.projects[n], "archived": False}
        if "description" in expand:
            project["description"] = "" if n % 4 == 1 else f"Alles über {project['name']} — and more"
        if "lead" in expand:
            project["lead"] = self.user(n % self.users)
        if "url" in expand and n % 2:
            project["url"] = f"https://wiki.example.com/{n}"
        if "projectKeys" in expand:
            project["projectKeys"] = [project["key"]]
        return project

    def archived_project(self, expand: frozenset[str]) -> Json:
        """The one project that only ``includeArchived`` shows."""
        hidden = self._make_project(len(self.project_keys), "OLD")
        return {"expand": "description,lead,url,projectKeys", **hidden, "archived": True}

    @cached_property
    def roles(self) -> list[Json]:
        """The project roles: ids are integers here, and the second one has no ``actors``, as seen at Apache."""
        return [self._make_role(n, name) for n, name in enumerate(_ROLES)]

    def _make_role(self, n: int, name: str) -> Json:
        role: Json = {"self": f"{self.api}/role/{10002 + n}", "name": name, "id": 10002 + n, "description": name}
        if n != 1:
            actor = {"displayName": "jira-users", "type": "atlassian-group-role-actor", "name": "jira-users"}
            role["actors"] = [{"id": 10000 + n, **actor}]
        return role

    @cached_property
    def project_types(self) -> list[Json]:
        """The project types, each with its icon as base64 of an SVG of about 1.5 KB."""
        svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="{}"/></svg>'
        return [
            {
                "key": key,
                "formattedKey": formatted,
                "descriptionI18nKey": f"jira.project.type.{key}.description",
                "icon": base64.b64encode(svg.format("M1 2L3 4z" * 120).encode()).decode(),
                "color": color,
            }
            for key, formatted, color in (
                ("software", "Software", "#2684FF"),
                ("business", "Business", "#FFAB00"),
                ("service_desk", "Service Desk", "#36B37E"),
            )
        ]

    @cached_property
    def resolutions(self) -> list[Json]:
        """The resolutions."""
        return [
            {"self": f"{self.api}/resolution/{n}", "id": str(n), "description": f"It is {name}.", "name": name}
            for n, name in enumerate(_RESOLUTIONS, 1)
        ]

    @cached_property
    def statuses(self) -> list[Json]:
        """The statuses, each with its category."""
        return [self._make_status(n, name, category) for n, (name, category) in enumerate(_STATUSES, 1)]

    def _make_status(self, n: int, name: str, category: int) -> Json:
        key, color, title = _CATEGORIES[category]
        return {
            "self": f"{self.api}/status/{n}",
            "description": f"The issue is {name.lower()}.",
            "iconUrl": f"{self.base_url}/images/icons/statuses/open.png",
            "name": name,
            "id": str(n),
            "statusCategory": {
                "self": f"{self.api}/statuscategory/{category}",
                "id": category,
                "key": key,
                "colorName": color,
                "name": title,
            },
        }

    @cached_property
    def priorities(self) -> list[Json]:
        """The priorities."""
        icon = f"{self.base_url}/images/icons/priorities/"
        return [
            {"self": f"{self.api}/priority/{n}", "iconUrl": f"{icon}{name.lower()}.svg", "name": name, "id": str(n)}
            for n, name in enumerate(_PRIORITIES, 1)
        ]

    @cached_property
    def issue_types(self) -> list[Json]:
        """The issue types, the last of them a sub-task."""
        return [
            {
                "self": f"{self.api}/issuetype/{n}",
                "id": str(n),
                "description": f"{name}: something to do",
                "iconUrl": f"{self.base_url}/secure/viewavatar?size=xsmall&avatarId={10300 + n}&avatarType=issuetype",
                "name": name,
                "subtask": name == "Sub-task",
                "avatarId": 10300 + n,
            }
            for n, name in enumerate(_ISSUE_TYPES, 1)
        ]

    def place_of(self, project: str) -> int | None:
        """The place of the project of this id or key, an archived one too, or None."""
        archived = len(self.project_keys)
        if project in (*self.project_keys, "OLD"):
            return archived if project == "OLD" else self.project_keys.index(project)
        number = int(project) - 10000 if project.isdigit() and project.isascii() else -1
        return number if 0 <= number <= archived else None

    def versions(self, project: int) -> list[Json]:
        """The versions of a project as its own list has them: more than a page of the second project."""
        return [self._full_version(project, n) for n in range(130 if project == 1 else 4)]

    def _full_version(self, project: int, n: int) -> Json:
        version = {**self.version(project, n), "projectId": 10000 + project}
        if n % 4 == 1:
            version["description"] = "Größer und schöner"
        if "releaseDate" in version:
            version |= {"overdue": False, "userReleaseDate": f"15/0{n + 1}/23"}
        return version

    def components(self, project: int) -> list[Json]:
        """The components of a project as its own list has them; an archived one has none."""
        count = 3 if project < len(self.project_keys) else 0
        return [self._full_component(project, n) for n in range(count)]

    def _full_component(self, project: int, n: int) -> Json:
        lead, key = self.user((project + n) % self.users), (*self.project_keys, "OLD")[project]
        return {
            **self.component(project, n),
            "description": "" if n else "Was andere aufrufen",
            "lead": lead,
            "assigneeType": "COMPONENT_LEAD",
            "assignee": lead,
            "realAssigneeType": "COMPONENT_LEAD",
            "realAssignee": lead,
            "isAssigneeTypeValid": True,
            "project": key,
            "projectId": 10000 + project,
            **({} if self.cloud else {"archived": False}),
        }

    def version(self, project: int, n: int) -> Json:
        """A version of a project; release dates are days although the specification says date-time."""
        number = 10000 + project * 10 + n if n < 10 else 1_000_000 + project * 1000 + n
        version: Json = {"self": f"{self.api}/version/{number}", "id": str(number), "name": f"{n}.0.0"}
        version["archived"], version["released"] = False, n < 3
        if n < 3:
            version["releaseDate"] = f"2023-0{n + 1}-15"
        return version

    def component(self, project: int, n: int) -> Json:
        """A component of a project."""
        number = 10000 + project * 10 + n
        name = ("API", "Oberfläche", "Docs")[n % 3]
        return {"self": f"{self.api}/component/{number}", "id": str(number), "name": name}

    def server_time(self, now_millis: int) -> str:
        """The server's clock as ``serverInfo`` prints it, in the server's own zone."""
        return stamp(now_millis, 120)
