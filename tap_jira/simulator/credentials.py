"""Credentials for a demonstration: made at run time, kept nowhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tap_jira.simulator.accounts import Account, Accounts
from tap_jira.simulator.oauth import AccessToken, Consumer


@dataclass(frozen=True)
class Credentials:
    """What the site must know, and the same as the tap's config keys: one dict for each way to log in."""

    accounts: Accounts
    oauth: dict[str, str]
    personal_access_token: dict[str, str]
    basic: dict[str, str]


def demo_credentials(
    *, base_url: str = "https://jira.example.com", admin: bool = True, zone: str = "Europe/Berlin"
) -> Credentials:
    """A key pair, an OAuth token, a personal access token and a password for one account; another one is no admin."""
    private, public = key_pair()
    consumer_key, token, secret, pat, password = "tap-jira-demo", *(secrets.token_hex(16) for _ in range(4))
    account = Account("tap-reader", password, admin, zone, {pat: None})
    plain = Account("plain-reader", password, False, zone, {pat + "-plain": None})
    consumer = Consumer(consumer_key, public, {token: AccessToken("tap-reader", secret)})
    oauth = {
        "base_url": base_url,
        "oauth_consumer_key": consumer_key,
        "oauth_private_key": private,
        "oauth_token": token,
        "oauth_token_secret": secret,
    }
    return Credentials(
        accounts=Accounts((account, plain), (consumer,)),
        oauth=oauth,
        personal_access_token={"base_url": base_url, "personal_access_token": pat},
        basic={"base_url": base_url, "username": account.username, "password": password},
    )


def key_pair() -> tuple[str, str]:
    """A new RSA key of 2048 bits as PEM: private (PKCS#8), public."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
