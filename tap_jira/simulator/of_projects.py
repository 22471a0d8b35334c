"""What belongs to one project, at ``project/{id or key}/...``: its versions and components, on both kinds of site."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tap_jira.simulator.answers import refusal, rest_refusal
from tap_jira.simulator.cloud_lists import page_of_values
from tap_jira.simulator.cloud_tables import CloudTables, account_id
from tap_jira.simulator.facts import mix
from tap_jira.simulator.tables import Json, Tables
from tap_jira.wire import Response

Asked = dict[str, str]
_MOST = 100
_SOURCES = ("jira", "compass", "auto")


def answer(tables: Tables, path: str, asked: Asked, *, visible: bool) -> Response:
    """The answer of Server and Data Center."""
    lists: Mapping[str, Callable[[int, str], Response]] = {
        "versions": lambda project, where: Response.of_json(tables.versions(project)),
        "version": lambda project, where: page_of_values(tables.versions(project), asked, where, most=_MOST),
        "components": lambda project, where: Response.of_json(tables.components(project)),
    }
    return _answer(tables, path, lists, visible=visible)


def answer_of_cloud(tables: CloudTables, path: str, asked: Asked, *, visible: bool) -> Response:
    """The answer of Cloud, where both lists come whole or in pages, and a project may use components of Compass."""
    expand = asked.get("expand", "").split(",")
    source = asked.get("componentSource", "jira")
    if source not in _SOURCES:
        return refusal(400, f"Unknown source of components: {source}")

    def versions(project: int, where: str) -> Response:
        found = [_expanded(version, expand) for version in tables.versions(project)]
        return page_of_values(found, asked, where, most=_MOST)

    def components(project: int, where: str) -> Response:
        found = _components(tables, project, source)
        # The whole list is one of pages there; so says the specification.
        return page_of_values(found, {}, where, most=_MOST) if _has_compass(project) else Response.of_json(found)

    def component(project: int, where: str) -> Response:
        found = [_counted(it) for it in _components(tables, project, source)]
        return page_of_values(found, asked, where, most=_MOST)

    lists: Mapping[str, Callable[[int, str], Response]] = {
        "versions": lambda project, where: Response.of_json(tables.versions(project)),
        "version": versions,
        "components": components,
        "component": component,
    }
    return _answer(tables, path, lists, visible=visible)


def _answer(
    tables: Tables, path: str, lists: Mapping[str, Callable[[int, str], Response]], *, visible: bool
) -> Response:
    name, _, rest = path.removeprefix("project/").partition("/")
    if rest not in lists:
        return rest_refusal(404, f"null for uri: {path}")
    project = tables.place_of(name) if visible else None
    if project is None:
        return refusal(404, f"No project could be found with {'id' if name.isdigit() else 'key'} '{name}'.")
    return lists[rest](project, f"{tables.api}/{path}")


def _expanded(version: Json, expand: list[str]) -> Json:
    number = int(version["id"])
    more: Json = {}
    if "issuesstatus" in expand:
        more["issuesStatusForFixVersion"] = {"unmapped": 0, "toDo": number % 7, "inProgress": 1, "done": number % 11}
    if "driver" in expand and number % 3 == 0:
        more["driver"] = account_id(number % 20)
    if "approvers" in expand and number % 4 == 0:
        more["approvers"] = [{"accountId": account_id(1), "status": "PENDING", "description": "Läuft es?"}]
    return {**version, **more}


def _has_compass(project: int) -> bool:
    return project % 5 == 2


def _components(tables: CloudTables, project: int, source: str) -> list[Json]:
    found = tables.components(project)
    if not _has_compass(project):
        return [] if source == "compass" else found
    if source == "jira":
        return []
    return [
        {**it, "ari": f"ari:cloud:compass:{mix(project):016x}:component/{it['id']}", "metadata": {"icon": "box.png"}}
        for it in found
    ]


def _counted(component: Json) -> Json:
    inner = ("ari", "metadata")
    count = {name: value for name, value in component.items() if name not in inner}
    return {"componentBean": component, "issueCount": int(component["id"]) % 9, **count}
