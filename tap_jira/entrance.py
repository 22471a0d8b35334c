"""Find the address at which Jira takes the credentials, the site's own or the gateway's, and meet it there."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from tap_jira import atlassian, site
from tap_jira.client import Client
from tap_jira.config import CLOUD_ID, Config
from tap_jira.errors import AuthError, ConfigError, ForbiddenError, NotFoundError, RefusedError, UnavailableError
from tap_jira.site import Site
from tap_jira.wire import Request

LOGGER = logging.getLogger(__name__)


def enter(config: Config, client: Client) -> tuple[Client, Site]:
    """The client for the address that takes us, and what was found there; AuthError if none does.

    The gateway takes OAuth 2.0 and API tokens with scopes, a site's own address all others. Whether an API token has
    scopes cannot be seen, so without ``cloud_id`` the site's own address is tried first.
    """
    if config.is_oauth2:
        cloud_id = config.cloud_id or _granted(config, client)
        return _through(config, client, cloud_id)
    if config.cloud_id:
        return _through(config, client, config.cloud_id)
    try:
        return client, site.meet(client)
    except (AuthError, ForbiddenError) as refused:
        looked_up = _looked_up(client) if config.may_be_scoped else None
        if looked_up is None:
            raise
        try:
            found = _through(config, client, looked_up)
        except (AuthError, RefusedError) as again:
            raise AuthError(
                f"{refused}; nor through Atlassian's gateway, which takes tokens with scopes: {again}"
            ) from again
        LOGGER.info("set cloud_id to %s in the configuration, and each run saves looking it up", looked_up)
        return found


def _through(config: Config, client: Client, cloud_id: str) -> tuple[Client, Site]:
    there = replace(client, base_url=atlassian.gateway(config.base_url, cloud_id))
    LOGGER.info("Jira is asked through Atlassian's gateway, %s", there.base_url)
    try:
        return there, site.meet(there)
    except NotFoundError as error:
        raise AuthError(
            f"Atlassian's gateway does not show these credentials a site {cloud_id}: that is not the id of your site, "
            f"or an access token has expired ({error})"
        ) from error


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
    """The cloud id that the site tells; None from a site that is not in Atlassian's cloud."""
    request = Request("GET", atlassian.tenant_info(client.base_url), signed=False)
    try:
        answer = client.hasty().fetch(request, "GET /_edge/tenant_info")
    except (AuthError, RefusedError, UnavailableError):
        return None
    cloud_id = answer.get("cloudId") if isinstance(answer, dict) else None
    return cloud_id if _is_id(cloud_id) else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(CLOUD_ID, value) is not None


def _plain(url: Any) -> str:
    return str(url).rstrip("/").lower()
