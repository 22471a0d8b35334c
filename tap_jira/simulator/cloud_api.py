"""Cloud's REST API by resource: who may ask for it, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tap_jira.simulator import cloud_lists as lists
from tap_jira.simulator import of_projects
from tap_jira.simulator.answers import log_in_first, refusal, rest_refusal
from tap_jira.simulator.cloud_asks import ask_of_body, ask_of_query, body_of
from tap_jira.simulator.cloud_door import CloudAccount
from tap_jira.simulator.cloud_issues import CloudIssues, Edition
from tap_jira.simulator.cloud_search import CloudLimits, CloudSearch
from tap_jira.simulator.cloud_tables import number_of_email
from tap_jira.simulator.cursors import Cursors
from tap_jira.simulator.custom import declarations
from tap_jira.simulator.facts import stamp
from tap_jira.simulator.world import World
from tap_jira.wire import Request, Response

GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_POSTS = frozenset({"search/approximate-count", "issue/bulkfetch", "changelog/bulkfetch"})
_BOTH = frozenset({"search", "search/jql"})
_USER_SCOPE = frozenset({"myself", "users", "users/search", "user/search"})


@dataclass(frozen=True)
class Call:
    """A request to the API: what it asks, as whom, and in which version."""

    request: Request
    asked: dict[str, str]
    account: CloudAccount | None
    edition: Edition

    @property
    def visible(self) -> bool:
        """Whether the caller sees anything."""
        return self.account is not None

    @property
    def sees_users(self) -> bool:
        """Whether the caller may list users."""
        return self.account is not None and self.account.browse_users

    @property
    def zone(self) -> str:
        """The time zone that the caller's date literals are in."""
        return self.account.zone if self.account else "UTC"


Route = Callable[[Call], Response]


class CloudApi:
    """Both versions of the API, which differ in what they print alone."""

    def __init__(self, world: World, limits: CloudLimits, *, resolution_search: bool, offset_minutes: int) -> None:
        self._world, self._offset_minutes = world, offset_minutes
        self._search = CloudSearch(world, limits)
        self._issues = CloudIssues(world, Cursors(world.seed + 1, limits.token_seconds))
        self._routes: Mapping[str, Route] = {
            "serverInfo": self._server_info,
            "myself": _for_users(self._myself),
            "search": lambda call: refusal(410, GONE),
            "search/jql": self._searched,
            "search/approximate-count": self._counted,
            "issue/bulkfetch": lambda c: self._issues.fetch(c.request.body, c.edition, visible=c.visible),
            "changelog/bulkfetch": _for_users(lambda c: self._issues.changes(c.request.body, c.edition)),
            "field": lambda call: Response.of_json(declarations(cloud=True)),
            "field/search": _for_admins(
                lambda c: lists.search_fields(c.edition.tables, c.asked), "Only Jira administrators can access fields."
            ),
            "project": lambda c: lists.list_projects(c.edition.tables, c.asked, visible=c.visible),
            "project/search": lambda c: lists.search_projects(c.edition.tables, c.asked, visible=c.visible),
            "project/type": lambda c: Response.of_json(c.edition.tables.project_types),
            "projectCategory": _for_users(lambda c: Response.of_json(c.edition.tables.categories)),
            "role": _for_admins(lambda c: Response.of_json(c.edition.tables.roles)),
            "resolution": lambda c: Response.of_json(c.edition.tables.resolutions if c.visible else []),
            "users": _list_users,
            "users/search": _list_users,
            # Without the permission this one finds nobody and says nothing.
            "user/search": lambda c: lists.search_users(c.edition.tables, c.asked, visible=c.sees_users),
        }
        if resolution_search:
            route = _for_users(lambda c: lists.search_resolutions(c.edition.tables, c.asked))
            self._routes = {**self._routes, "resolution/search": route}

    def answer(self, name: str, call: Call) -> Response:
        """What the resource of this name answers."""
        route = self._routes.get(name)
        if route is None and name.startswith("issue/"):
            path = name.split("/")[1:]
            route = lambda c: self._issues.answer(path, c.asked, c.edition, visible=c.visible)  # noqa: E731
        elif route is None and name.startswith("project/"):
            route = lambda c: of_projects.answer_of_cloud(c.edition.tables, name, c.asked, visible=c.visible)  # noqa: E731
        if route is None:
            return rest_refusal(404, f"null for uri: {call.request.url.split('?')[0]}")
        if name not in _BOTH and (call.request.method == "POST") != (name in _POSTS):
            return rest_refusal(405, "Method Not Allowed")
        return route(call)

    def _server_info(self, call: Call) -> Response:
        return Response.of_json(
            {
                "baseUrl": call.edition.tables.base_url,
                "displayUrl": call.edition.tables.base_url,
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "buildNumber": 100300,
                "buildDate": "2024-02-20T00:00:00.000+0000",
                "serverTime": stamp(int(self._world.now() * 1000), self._offset_minutes),
                "scmInfo": "0000000000000000000000000000000000000000",
                "serverTitle": "Jira Übung",
                "defaultLocale": {"locale": "en_US"},
                "serverTimeZone": "America/New_York",
            }
        )

    def _myself(self, call: Call) -> Response:
        if call.account is None:
            return log_in_first()
        its = {"emailAddress": call.account.email, "timeZone": call.account.zone, "expand": "groups,applicationRoles"}
        return Response.of_json(
            {**call.edition.tables.full_user(number_of_email(call.account.email, self._world.users)), **its}
        )

    def _searched(self, call: Call) -> Response:
        ask = ask_of_body(call.request.body) if call.request.method == "POST" else ask_of_query(call.asked)
        if isinstance(ask, Response):
            return ask
        edition = call.edition
        return self._search.page(ask, edition.tables, edition.among_others, zone=call.zone, visible=call.visible)

    def _counted(self, call: Call) -> Response:
        asked = body_of(call.request.body, {"jql": str})
        if isinstance(asked, Response):
            return asked
        return self._search.count(asked.get("jql", ""), call.edition.tables, zone=call.zone, visible=call.visible)


def scope_of(name: str) -> str | None:
    """The classic scope that a token needs for the resource of this name."""
    if name == "serverInfo":
        return None
    if name == "role":
        return "manage:jira-configuration"
    return "read:jira-user" if name in _USER_SCOPE else "read:jira-work"


def _list_users(call: Call) -> Response:
    if call.visible and not call.sees_users:
        return refusal(403, "You do not have permission to browse users.")
    return lists.list_users(call.edition.tables, call.asked, visible=call.visible)


def _for_users(route: Route) -> Route:
    return lambda call: route(call) if call.visible else log_in_first()


def _for_admins(route: Route, words: str = "Only Jira administrators can do this.") -> Route:
    def guarded(call: Call) -> Response:
        if call.account is None:
            return log_in_first()
        return route(call) if call.account.admin else refusal(403, words)

    return guarded
