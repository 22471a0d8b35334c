"""The Cloud site: a request value in, the response value that Jira Cloud or Atlassian's gateway would send out."""

from __future__ import annotations

import uuid
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tap_jira.simulator.answers import rest_refusal
from tap_jira.simulator.cloud_api import Call, CloudApi, scope_of
from tap_jira.simulator.cloud_door import CloudAccounts, CloudDoor, Visitor, unauthorized
from tap_jira.simulator.cloud_issues import Edition
from tap_jira.simulator.cloud_search import CloudLimits
from tap_jira.simulator.cloud_tables import CloudTables, account_id, number_of_email
from tap_jira.simulator.facts import mix
from tap_jira.simulator.fields import Caps
from tap_jira.simulator.printed import Printed
from tap_jira.simulator.quota import Quota
from tap_jira.simulator.render import Renderer
from tap_jira.simulator.site import AfterRequest, BaseSite
from tap_jira.simulator.tokens import Issuer
from tap_jira.simulator.world import World
from tap_jira.wire import Headers, Request, Response

SEARCH_CAPS = Caps(comments=20, changes=40, worklogs=20)
"""What Cloud's specification says of changes, and what was seen of the other two."""
_ALONE_CAPS = Caps(comments=100, changes=100, worklogs=20)
_SMALL_CACHE = 10_000_000


class CloudSite(BaseSite):
    """A simulated Jira Cloud with its gateway and its token endpoint, which answer by path under whatever host."""

    def __init__(
        self,
        world: World,
        *,
        accounts: CloudAccounts | None = None,
        base_url: str = "https://example.atlassian.net",
        limits: CloudLimits | None = None,
        caps: Caps = SEARCH_CAPS,
        quota: Quota | None = None,
        leeway: float = 600.0,
        revokes: bool = False,
        resolution_search: bool = True,
        offset_minutes: int = 0,
        cache_bytes: int = 400_000_000,
        after_request: AfterRequest | None = None,
    ) -> None:
        super().__init__(world, base_url=base_url, after_request=after_request)
        self._limits, self._caps, self._quota = limits or CloudLimits(), caps, quota
        self._leeway, self._revokes = leeway, revokes
        self._offset_minutes, self._cache_bytes = offset_minutes, cache_bytes
        self.cloud_id = str(uuid.UUID(int=mix(world.seed, 51) << 64 | mix(world.seed, 52)))
        self.admit(accounts or CloudAccounts(), base_url=base_url)
        self._api = CloudApi(world, self._limits, resolution_search=resolution_search, offset_minutes=offset_minutes)

    def admit(self, accounts: CloudAccounts, *, base_url: str) -> None:
        """Let these accounts in and no others from now on, and call the site by this address in what it prints."""
        with self._lock:
            self._issuer = Issuer(accounts.apps, now=self.world.now, leeway=self._leeway, revokes=self._revokes)
            self._door = CloudDoor(accounts, self._issuer, now=self.world.now)
            self.call_it(base_url)

    def call_it(self, base_url: str) -> None:
        """Call the site by this address from now on in what it prints."""
        with self._lock:
            self._called(base_url)
            self._editions = {"2": self._edition(2), "3": self._edition(3)}

    def _edition(self, version: int) -> Edition:
        world, projects = self.world, len(self.world.project_keys)
        tables = CloudTables(
            api_version=version, seed=world.seed, projects=projects, users=world.users, base_url=self.base_url
        )

        def renderer(caps: Caps, cache_bytes: int) -> Renderer:
            minutes = self._offset_minutes
            return Renderer(world, tables, caps=caps, offset_minutes=minutes, cache_bytes=cache_bytes)

        return Edition(tables, renderer(self._caps, self._cache_bytes), renderer(_ALONE_CAPS, _SMALL_CACHE))

    def _answer(self, request: Request) -> Response:
        path = urlsplit(request.url).path
        if path == "/oauth/token":
            return self._traced(self._issuer.answer(request))
        if path == "/oauth/token/accessible-resources":
            return self._traced(self._resources(request))
        if path == "/_edge/tenant_info":
            return self._traced(Response.of_json({"cloudId": self.cloud_id}))
        if path.startswith("/ex/jira/"):
            cloud_id, _, rest = path.removeprefix("/ex/jira/").partition("/")
            if cloud_id != self.cloud_id:
                return self._traced(Response.of_json({"code": 404, "message": "Not Found"}, 404))
            return self._of_the_api(request, "/" + rest, gateway=True)
        return self._of_the_api(request, path.removeprefix(self.context), gateway=False)

    def _of_the_api(self, request: Request, path: str, *, gateway: bool) -> Response:
        version, _, name = path.removeprefix("/rest/api/").partition("/")
        edition = self._editions.get("2" if version == "latest" else version)
        if not path.startswith("/rest/api/") or edition is None:
            return self._traced(rest_refusal(404, f"null for uri: {request.url.split('?')[0]}"))
        name = unquote(name).rstrip("/")
        at = self._door.at_the_gateway(request, scope_of(name)) if gateway else self._door.at_the_site(request)
        if isinstance(at, Response):
            return self._traced(at)
        refused = self._quota.refuse() if self._quota else None
        if refused is not None:
            return self._traced(refused, at)
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        # A list may be given in one parameter or in several.
        call = Call(request, {key: ",".join(values) for key, values in query.items()}, at.account, edition)
        return self._traced(self._paid(self._api.answer(name, call)), at)

    def _paid(self, response: Response) -> Response:
        if self._quota is None:
            return response
        objects = (len(response.pieces) - 1) // 2 if isinstance(response, Printed) else 0
        return replace(response, headers=Headers({**response.headers, **self._quota.pay(objects)}))

    def _traced(self, response: Response, visitor: Visitor | None = None) -> Response:
        headers = {
            **response.headers,
            "Date": formatdate(self.world.now(), usegmt=True),
            "Atl-Traceid": f"{mix(self._requests, 53):016x}{mix(self._requests, 54):016x}",
        }
        if visitor is not None and visitor.account is not None:
            headers["X-AACCOUNTID"] = quote(
                account_id(number_of_email(visitor.account.email, self.world.users)), safe=""
            )
        if visitor is not None and visitor.refused:
            headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
            headers["Set-Cookie"] = "atlassian.xsrf.token=00000000_lout; Path=/; Secure"
        return replace(response, headers=Headers(headers))

    def _resources(self, request: Request) -> Response:
        grant = self._issuer.holder(request.headers.get("Authorization", "").partition(" ")[2].strip())
        if grant is None:
            return unauthorized("Unauthorized")
        scopes = [scope for scope in grant.scope.split() if scope != "offline_access"]
        # Ours is not the first: an account may be at home in several sites.
        sites = (
            (str(uuid.UUID(int=mix(55) << 64 | mix(56))), "https://other-site.atlassian.net"),
            (self.cloud_id, self.base_url),
        )
        return Response.of_json(
            [
                {"id": cloud_id, "url": url, "name": (urlsplit(url).hostname or "").split(".")[0], "scopes": scopes}
                for cloud_id, url in sites
            ]
        )
