"""Find the address at which Jira takes the credentials, the site's own or the gateway's, and meet it there."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from tap_jira import atlassian, site
from tap_jira.client import Client
from tap_jira.config import CLOUD_ID, Config
from tap_jira.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    TapError,
    UnavailableError,
)
from tap_jira.site import Site
from tap_jira.wire import Request

LOGGER = logging.getLogger(__name__)


def enter(config: Config, client: Client) -> tuple[Client, Site]:
    """The client for the address that takes us, and what was found there; AuthError if none does.

    The gateway takes OAuth 2.0 and API tokens with scopes, a site's own address all others. Whether an API token has
    scopes cannot be seen, so without ``cloud_id`` the site's own address is tried first.
    """
    if config.is_oauth2 or config.cloud_id:
        try:
            return _through(config, client, config.cloud_id or _granted(config, client))
        except (AuthError, NotFoundError) as refused:
            raise _explained(config, client, refused) from refused
    try:
        return client, site.meet(client)
    except (AuthError, ForbiddenError) as refused:
        looked_up = _looked_up(client) if config.may_be_scoped else None
        if not looked_up:
            raise
        try:
            found = _through(config, client, looked_up)
        except ForbiddenError:
            # There the token is known, and lacks a scope: what the site said of it does not matter.
            raise
        except (AuthError, RefusedError) as again:
            raise AuthError(
                f"{refused}; Atlassian's gateway, which takes API tokens with scopes, does not accept them either"
            ) from again
        LOGGER.info("set cloud_id to %s in the configuration, and each run saves looking it up", looked_up)
        return found


def _through(config: Config, client: Client, cloud_id: str) -> tuple[Client, Site]:
    there = replace(client, base_url=atlassian.gateway(config.base_url, cloud_id))
    LOGGER.info("Jira is asked through Atlassian's gateway, %s", there.base_url)
    return there, site.meet(there)


def _explained(config: Config, client: Client, refused: AuthError | NotFoundError) -> TapError:
    """Why the gateway did not let us in, as far as the site's own address can tell."""
    own = _looked_up(client) if config.base_url else None
    given = "cloud_id" if config.cloud_id else config.login_keys
    if own == "":
        return AuthError(
            f"{config.base_url} does not tell that it is in Atlassian's cloud, and {given} is for that alone: correct "
            "base_url, or log in to a Data Center in another way, such as personal_access_token; if it is in the cloud "
            f"all the same: {refused}"
        )
    if isinstance(refused, NotFoundError):
        said = f"GET /rest/api/2/myself was answered {refused.status} by Atlassian's gateway"
        if own and config.cloud_id and own != config.cloud_id:
            return AuthError(f"{said}: cloud_id is not the id of {config.base_url}, which is {own}; correct cloud_id")
        return AuthError(
            f"{said}: it shows {config.login_keys} no site with this cloud_id; correct cloud_id, or authorise for that "
            "site; an access token that has expired is answered so as well"
        )
    if not config.is_oauth2:
        return AuthError(
            f"{refused}; Atlassian's gateway takes only API tokens with scopes: leave out cloud_id if this one has none"
        )
    return refused


def _granted(config: Config, client: Client) -> str:
    """The cloud id of the site among those that the OAuth 2.0 token may see; a token may see several."""
    sites = client.fetch(
        Request("GET", atlassian.granted_sites(config.base_url)),
        "GET /oauth/token/accessible-resources",
        lambda answer: isinstance(answer, list) and all(isinstance(one, dict) for one in answer),
    )
    ids = [str(one.get("id")) for one in sites if _plain(one.get("url")) == _plain(config.base_url)]
    if not ids or not _is_id(ids[0]):
        named = ", ".join(sorted({str(one.get("url")) for one in sites})) or "no site at all"
        raise ConfigError(
            f"the OAuth 2.0 token may see {named}, but not base_url; correct base_url, or authorise for that site, or "
            "set cloud_id if the site goes by another address"
        )
    return ids[0]


def _looked_up(client: Client) -> str | None:
    """The cloud id that the site tells; '' from a site that is not in Atlassian's cloud, None if it does not answer."""
    request = Request("GET", atlassian.tenant_info(client.base_url), signed=False)
    try:
        answer = client.hasty().fetch(request, "GET /_edge/tenant_info")
    except (AuthError, RefusedError):
        return ""
    except UnavailableError:
        return None
    cloud_id = answer.get("cloudId") if isinstance(answer, dict) else None
    return cloud_id if _is_id(cloud_id) else ""


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(CLOUD_ID, value) is not None


def _plain(url: Any) -> str:
    return str(url).rstrip("/").lower()
