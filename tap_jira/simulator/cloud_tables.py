"""The site around the issues as Cloud prints it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tap_jira.simulator.adf import document
from tap_jira.simulator.facts import day, mix, stamp
from tap_jira.simulator.tables import SPRINT_STATES, Tables, sprint_goal

Json = dict[str, Any]

_ENDED = {"archived": "OLD", "deleted": "GONE"}
_HIERARCHY = {"Epic": 1, "Sub-task": -1}


def account_id(number: int) -> str:
    """The Atlassian account of a user: older ones are 24 hexadecimal digits, newer ones a number and a UUID."""
    bits = f"{mix(number, 41):016x}{mix(number, 42):016x}"
    if number % 2:
        return f"712020:{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"
    return f"5b{bits[:22]}"


def email_of(number: int) -> str:
    """The address that a user logs in with."""
    return f"{('tap-reader', 'plain-reader')[number] if number < 2 else f'user{number}'}@example.com"


def number_of_email(email: str, users: int) -> int:
    """The user who logs in with this address; the first one for an address that none has."""
    return next((n for n in range(users) if email_of(n) == email), 0)


class CloudTables(Tables):
    """Every object of a Cloud site that is not an issue, as version 2 or 3 of the API prints it."""

    cloud = True

    def __init__(self, *, api_version: int, seed: int, projects: int, users: int, base_url: str) -> None:
        super().__init__(seed=seed, projects=projects, users=users, base_url=base_url)
        self.api_version = api_version
        self.api = f"{base_url}/rest/api/{api_version}"

    def names_of(self, number: int) -> tuple[str, ...]:
        """JQL knows a user by the account."""
        return (account_id(number).lower(),)

    def prose(self, text: str) -> object:
        """Wiki text in version 2, a document in version 3."""
        return text if self.api_version == 2 else document(text)

    def sprint(self, number: int) -> object:
        """A sprint is an object here, with times that end in Z."""
        sprint = {
            "id": number,
            "name": f"Sprint {number}, Größe",
            "state": SPRINT_STATES[number % 3],
            "boardId": number % 7,
            "goal": sprint_goal(number),
        }
        if number % 3 != 2:
            sprint["startDate"] = f"2024-02-{1 + number % 28:02d}T08:00:00.000Z"
        return sprint

    def account_type(self, number: int) -> str:
        """``atlassian`` for people, ``app``, or ``customer`` for those of a service desk."""
        return {8: "app", 9: "customer"}.get(number % 10, "atlassian")

    def _make_user(self, number: int) -> Json:
        made, account = super()._make_user(number), account_id(number)
        user: Json = {"self": f"{self.api}/user?accountId={account}", "accountId": account}
        # By the profile's settings the address is there, empty, or missing.
        if number < 2 or number % 5 != 4:
            user["emailAddress"] = "" if number % 11 == 10 else email_of(number)
        user["avatarUrls"] = self._avatars("useravatar", 10100 + number)
        former = number % 13 == 12
        user["displayName"] = "Former user" if former else made["displayName"]
        user["active"] = made["active"] and not former
        user["timeZone"], user["accountType"] = made["timeZone"], self.account_type(number)
        return user

    def full_user(self, number: int) -> Json:
        """The user object that the user resources answer."""
        return {**self.user(number), "locale": "en_US"}

    def _make_project(self, n: int, key: str) -> Json:
        project = super()._make_project(n, key)
        return {**project, "simplified": n % 4 == 3}

    @cached_property
    def issue_types(self) -> list[Json]:
        """The issue types, with their level: epics above the others, sub-tasks below."""
        return [{**kind, "hierarchyLevel": _HIERARCHY.get(kind["name"], 0)} for kind in super().issue_types]

    def found_projects(self, statuses: frozenset[str], expand: frozenset[str]) -> list[Json]:
        """The projects of these statuses: those that issues are in are live, one is archived, one in the trash."""
        live = len(self.projects)
        places = [(n, "live") for n in range(live)] + [(live + n, status) for n, status in enumerate(_ENDED)]
        return [self._found_project(n, status, expand) for n, status in places if status in statuses]

    def _found_project(self, n: int, status: str, expand: frozenset[str]) -> Json:
        project = self.projects[n] if status == "live" else self._make_project(n, _ENDED[status])
        team_managed = bool(project["simplified"])
        found: Json = {
            "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
            **project,
            "style": "next-gen" if team_managed else "classic",
            "isPrivate": False,
            "properties": {},
        }
        if team_managed:
            found["entityId"] = found["uuid"] = f"{mix(n, 43):016x}"
        return {**found, **self._ended(status, n), **self._expanded(n, project, expand)}

    def _ended(self, status: str, n: int) -> Json:
        when = stamp(1_650_000_000_000)
        if status == "archived":
            return {"archived": True, "archivedDate": when, "archivedBy": self.user(n % self.users)}
        if status == "deleted":
            return {"deleted": True, "deletedDate": when, "retentionTillDate": stamp(1_655_000_000_000)}
        return {}

    def _expanded(self, n: int, project: Json, expand: frozenset[str]) -> Json:
        made: Json = {
            "description": "" if n % 4 == 1 else f"Alles über {project['name']} — and more",
            "lead": self.user(n % self.users),
            "projectKeys": [project["key"]],
            "issueTypes": self.issue_types,
            "insight": {"totalIssueCount": 10 * n, "lastIssueUpdateTime": stamp(1_690_000_000_000)},
        }
        if n % 2:
            made["url"] = f"https://wiki.example.com/{day(1_650_000_000_000)}/{n}"
        return {name: value for name, value in made.items() if name in expand}

    @cached_property
    def roles(self) -> list[Json]:
        """The project roles; a team-managed project has roles of its own."""
        group = {"name": "jira-users", "displayName": "jira-users", "groupId": "952d12c3-5b5b-4d04-bb32-44d383afc4b2"}
        roles: list[Json] = []
        for n, role in enumerate(super().roles):
            roles.append({**role, "translatedName": role["name"], "admin": n == 0, "default": n == 2})
            if "actors" in role:
                person = {"id": 10100 + n, "displayName": self.user(n)["displayName"]}
                person |= {"type": "atlassian-user-role-actor", "actorUser": {"accountId": account_id(n)}}
                roles[-1]["actors"] = [{**role["actors"][0], "actorGroup": group}, person]
            if n == 3:
                project = {"id": self.projects[0]["id"], "key": self.projects[0]["key"]}
                roles[-1]["scope"] = {"type": "PROJECT", "project": project}
        return roles
