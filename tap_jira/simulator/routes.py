"""The site: a request value in, the response value that Jira Data Center would send out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tap_jira.simulator import of_projects
from tap_jira.simulator.accounts import Account, Accounts, Door
from tap_jira.simulator.answers import log_in_first, refusal, rest_refusal
from tap_jira.simulator.custom import declarations
from tap_jira.simulator.facts import Issue, stamp
from tap_jira.simulator.fields import Caps
from tap_jira.simulator.people import UserLimits, list_members, list_users, pick_groups, search_users
from tap_jira.simulator.printed import Printed
from tap_jira.simulator.render import EXPANSIONS, Renderer
from tap_jira.simulator.search import JSON_TYPE, Limits, Search, ask_of_body, ask_of_query
from tap_jira.simulator.servlets import SERVLETS, Servlets
from tap_jira.simulator.site import AfterRequest, BaseSite, number_of
from tap_jira.simulator.tables import Tables, user_name
from tap_jira.simulator.world import World
from tap_jira.wire import Headers, Request, Response

Asked = dict[str, str]
Route = Callable[[Request, Asked, "Account | None"], Response]


class Site(BaseSite):
    """A simulated Jira Data Center."""

    def __init__(
        self,
        world: World,
        *,
        accounts: Accounts | None = None,
        base_url: str = "https://jira.example.com",
        version: tuple[int, int, int] = (9, 12, 5),
        limits: Limits | None = None,
        caps: Caps | None = None,
        user_limits: UserLimits | None = None,
        offset_minutes: int = 0,
        cache_bytes: int = 400_000_000,
        after_request: AfterRequest | None = None,
    ) -> None:
        super().__init__(world, base_url=base_url, after_request=after_request)
        self.version = version
        self._limits, self._user_limits, self._caps = limits or Limits(), user_limits or UserLimits(), caps or Caps()
        self._offset_minutes, self._cache_bytes = offset_minutes, cache_bytes
        self.admit(accounts or Accounts(), base_url=base_url)
        self._routes: Mapping[str, Route] = {
            "serverInfo": self._server_info,
            "myself": self._myself,
            "search": self._searched,
            "field": lambda *_: Response.of_json(declarations()),
            "project": self._projects,
            "projectCategory": _for_users(lambda *_: Response.of_json(self.tables.categories)),
            "role": _for_users(self._roles),
            "project/type": lambda *_: Response.of_json(self.tables.project_types),
            "resolution": lambda *_: Response.of_json(self.tables.resolutions),
            "user/search": _for_users(self._user_search),
            "user/list": _for_users(self._user_list),
            "groups/picker": _for_users(self._groups),
            "group/member": _for_users(self._members),
        }

    def admit(self, accounts: Accounts, *, base_url: str) -> None:
        """Let these accounts in and no others from now on, and call the site by this address in what it prints."""
        with self._lock:
            self._called(base_url)
            world = self.world
            projects = len(world.project_keys)
            self.tables = Tables(seed=world.seed, projects=projects, users=world.users, base_url=self.base_url)
            self.renderer = Renderer(
                world,
                self.tables,
                caps=self._caps,
                offset_minutes=self._offset_minutes,
                cache_bytes=self._cache_bytes,
            )
            self._search = Search(world, self.tables, self.renderer, self._limits)
            self._door = Door(accounts, base_url=self.base_url, now=world.now)
            usernames = [user.username for user in accounts.users]
            self._servlets = Servlets(self._door.oauth, usernames, base_url=self.base_url, now=world.now)

    def _answer(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        if parts.path.startswith(self.context + SERVLETS):
            return self._signed(self._servlets.answer(request, parts.path[len(self.context) :]), None, request)
        account = self._door.identify(request)
        if isinstance(account, Response):
            return self._signed(account, None, request)
        if parts.path == self.context + "/rest/pat/latest/tokens":
            return self._signed(self._tokens(account), account, request)
        prefix = self.context + "/rest/api/"
        if not parts.path.startswith((prefix + "2/", prefix + "latest/")):
            return self._signed(rest_refusal(404, f"null for uri: {request.url.split('?')[0]}"), account, request)
        path = unquote(parts.path[len(prefix) :].partition("/")[2]).rstrip("/")
        response = self._route(path, request, dict(parse_qsl(parts.query, keep_blank_values=True)), account)
        return self._signed(response, account, request)

    def _route(self, path: str, request: Request, asked: Asked, account: Account | None) -> Response:
        if path == "user/list" and self.version < (10, 3, 20):
            return rest_refusal(404, "null for uri: user/list")
        route: Route | None = self._routes.get(path)
        if path.startswith("issue/"):
            issue_path = path.split("/")[1:]
            route = lambda *_: self._issue(issue_path, asked, account)  # noqa: E731
        elif route is None and path.startswith("project/"):
            route = lambda *_: of_projects.answer(self.tables, path, asked, visible=account is not None)  # noqa: E731
        if route is None:
            return rest_refusal(404, f"null for uri: {request.url.split('?')[0]}")
        if request.method != "GET" and not (path == "search" and request.method == "POST"):
            return rest_refusal(405, "Method Not Allowed")
        return route(request, asked, account)

    def _signed(self, response: Response, account: Account | None, request: Request) -> Response:
        minute = int(self.world.now()) // 60 % 1440
        headers = {
            **response.headers,
            "Date": formatdate(self.world.now(), usegmt=True),
            "X-AREQUESTID": f"{minute}x{self._requests}x1",
            "X-ANODEID": f"node{self._node(request) + 1}",
        }
        if response.status not in (401, 403) or account is not None:
            headers["X-AUSERNAME"] = quote(account.username, safe="") if account else "anonymous"
        if "node=" not in request.headers.get("Cookie", ""):
            headers["Set-Cookie"] = f"node={self._node(request)}; Path=/; HttpOnly"
        return replace(response, headers=Headers(headers))

    def _node(self, request: Request) -> int:
        # The load balancer's affinity cookie; without it, requests go round.
        held = request.headers.get("Cookie", "").partition("node=")[2].partition(";")[0]
        return (int(held) if held.isdigit() else self._requests) % len(self.world.nodes)

    def _server_info(self, request: Request, asked: Asked, account: Account | None) -> Response:
        return Response.of_json(
            {
                "baseUrl": self.base_url,
                "version": ".".join(map(str, self.version)),
                "versionNumbers": list(self.version),
                "deploymentType": "Server",
                "buildNumber": 912005,
                "buildDate": "2024-02-20T00:00:00.000+0100",
                "serverTime": self.tables.server_time(int(self.world.now() * 1000)),
                "scmInfo": "0000000000000000000000000000000000000000",
                "serverTitle": "Jira Übung",
            }
        )

    def _myself(self, request: Request, asked: Asked, account: Account | None) -> Response:
        if account is None:
            return log_in_first()
        names = (user_name(n) for n in range(self.world.users))
        number = next((n for n, name in enumerate(names) if name == account.username), 0)
        its = {"name": account.username, "timeZone": account.zone, "expand": "groups,applicationRoles"}
        return Response.of_json({**self.tables.full_user(number), **its})

    def _tokens(self, account: Account | None) -> Response:
        if account is None:
            return log_in_first()
        return Response.of_json(
            [
                {
                    "id": number,
                    "name": f"token {number}",
                    "lastAccessedAt": None if used is None else stamp(int(used * 1000)),
                    "expiringAt": None if end is None else stamp(int(end * 1000)),
                }
                for number, (used, end) in enumerate(self._door.tokens_of(account), 1)
            ]
        )

    def _searched(self, request: Request, asked: Asked, account: Account | None) -> Response:
        ask = ask_of_body(request.body) if request.method == "POST" else ask_of_query(asked)
        if isinstance(ask, Response):
            return ask
        zone = account.zone if account else "UTC"
        return self._search.answer(ask, zone=zone, node=self._node(request), visible=account is not None)

    def _projects(self, request: Request, asked: Asked, account: Account | None) -> Response:
        if account is None:
            return Response.of_json([])
        expand = frozenset(asked.get("expand", "").split(","))
        projects = [self.tables.listed_project(n, expand) for n in range(len(self.world.project_keys))]
        if asked.get("includeArchived") == "true":
            projects.append(self.tables.archived_project(expand))
        return Response.of_json(projects)

    def _roles(self, request: Request, asked: Asked, account: Account | None) -> Response:
        if account is None or not account.admin:
            return refusal(403, "You must have global administrator permission to view project roles.")
        return Response.of_json(self.tables.roles)

    def _user_search(self, request: Request, asked: Asked, account: Account | None) -> Response:
        return search_users(self.tables, asked, self._user_limits)

    def _groups(self, request: Request, asked: Asked, account: Account | None) -> Response:
        return pick_groups(self.tables, request, self._user_limits)

    def _members(self, request: Request, asked: Asked, account: Account | None) -> Response:
        if account is None or not account.admin:
            return refusal(403, "You must be an administrator to see who is in a group.")
        return list_members(self.tables, asked)

    def _user_list(self, request: Request, asked: Asked, account: Account | None) -> Response:
        return list_users(self.tables, asked)

    def _issue(self, path: list[str], asked: Asked, account: Account | None) -> Response:
        issue = self.world.find(path[0]) if account else None
        if issue is None:
            return refusal(404, "Issue Does Not Exist")
        if len(path) == 1:
            expand = EXPANSIONS.intersection(asked.get("expand", "").split(","))
            printed = self.renderer.issue(issue, asked.get("fields") or "*all", expand)
            return Printed.of([printed], Headers(JSON_TYPE))
        child = {"comment": self._comments, "worklog": self._worklogs}.get("/".join(path[1:]))
        return child(issue, asked) if child else rest_refusal(404, "null for uri: issue/" + "/".join(path))

    def _comments(self, issue: Issue, asked: Asked) -> Response:
        found = self.renderer.children.comments(issue)
        if asked.get("orderBy", "created") == "-created":
            found.reverse()
        start, total = number_of(asked, "startAt", 0), len(found)
        # Without a limit Data Center gives all of them (pycontribs/jira#1938).
        count = number_of(asked, "maxResults", total)
        page = {"startAt": start, "maxResults": count, "total": total, "comments": found[start : start + count]}
        return Response.of_json(page)

    def _worklogs(self, issue: Issue, asked: Asked) -> Response:
        found = self.renderer.children.worklogs(issue)
        return Response.of_json({"startAt": 0, "maxResults": len(found), "total": len(found), "worklogs": found})


def _for_users(route: Route) -> Route:
    def guarded(request: Request, asked: Asked, account: Account | None) -> Response:
        return log_in_first() if account is None else route(request, asked, account)

    return guarded
