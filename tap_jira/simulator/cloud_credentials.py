"""Credentials for a demonstration of Cloud: made at run time, kept nowhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tap_jira.simulator.cloud_door import CloudAccount, CloudAccounts
from tap_jira.simulator.cloud_tables import email_of
from tap_jira.simulator.tokens import App


@dataclass(frozen=True)
class CloudCredentials:
    """What the site must know, and the same as the tap's config keys: one dict for each way to log in.

    The two ways through the gateway also need the site's ``cloud_id``.
    """

    accounts: CloudAccounts
    basic: dict[str, str]
    scoped: dict[str, str]
    oauth2: dict[str, str]


def cloud_credentials(*, admin: bool = True, zone: str = "Europe/Berlin") -> CloudCredentials:
    """An API token, one with scopes, and an OAuth 2.0 app with a grant of one account; another account is no admin."""
    token, scoped, plain, secret, refresh = (secrets.token_urlsafe(140) for _ in range(5))
    email, client_id = email_of(0), secrets.token_urlsafe(24)
    account = CloudAccount(email, admin, zone, {token: None}, {scoped: None})
    other = CloudAccount(email_of(1), False, zone, {plain: None}, {plain + "-scoped": None})
    app = App(client_id, secret, refresh_tokens={refresh: email})
    return CloudCredentials(
        accounts=CloudAccounts((account, other), (app,)),
        basic={"email": email, "api_token": token},
        scoped={"email": email, "api_token": scoped},
        oauth2={"oauth_client_id": client_id, "oauth_client_secret": secret, "refresh_token": refresh},
    )
