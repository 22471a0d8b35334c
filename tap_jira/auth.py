"""Turn the configured credentials into what signs each request for ``requests``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from oauthlib.oauth1 import SIGNATURE_RSA, Client
from requests import PreparedRequest
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from tap_jira.config import Config
from tap_jira.errors import ConfigError

LONGEST_PATH = 500
"""Characters; the key itself has more, with its BEGIN and END lines or without."""
Signer: TypeAlias = AuthBase
"""What puts credentials on a request, as ``requests`` has it done."""


class BearerAuth(AuthBase):
    """A personal access token, or any other bearer token, in the Authorization header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class NoAuth(AuthBase):
    """Nothing: OAuth 2.0 tokens change during a run, and are put on each request before it comes here."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


def signer(config: Config) -> Signer:
    """What puts the credentials of ``config`` on a request; ConfigError if the private key cannot be used."""
    if config.way_in == "oauth1":
        return link_signer(config, token=config.oauth_token, token_secret=config.oauth_token_secret)
    if config.is_oauth2:
        return NoAuth()
    if config.way_in == "token":
        return BearerAuth(str(config.personal_access_token))
    user, secret = config.username or config.email, config.password or config.api_token
    # As bytes: requests encodes text as Latin-1, Jira reads UTF-8 (RFC 7617).
    return HTTPBasicAuth(str(user).encode(), str(secret).encode())


def link_signer(
    config: Config,
    *,
    token: str | None = None,
    token_secret: str | None = None,
    callback: str | None = None,
    verifier: str | None = None,
) -> Signer:
    """What signs a request for the application link of ``config``; ConfigError if its private key cannot be used.

    Without a token it is the link itself that asks, for a request token (RFC 5849, section 2.1), which needs a
    ``callback``; to exchange that token needs the ``verifier`` (section 2.3).
    """
    auth: Signer = OAuth1(
        config.oauth_consumer_key,
        resource_owner_key=token,
        resource_owner_secret=token_secret,
        callback_uri=callback,
        verifier=verifier,
        rsa_key=load_private_key(config),
        signature_method=SIGNATURE_RSA,
        client_class=_RsaClient,
    )
    return auth


def _sign(base_string: str, client: Any) -> str:
    try:
        signature = client.rsa_key.sign(base_string.encode(), PKCS1v15(), SHA1())
    except UnsupportedAlgorithm as error:
        raise ConfigError(
            "this system's cryptographic policy forbids SHA-1 signatures, and OAuth 1.0a at Jira knows no other; "
            "allow them for this process, or use personal_access_token"
        ) from error
    return base64.b64encode(signature).decode()


class _RsaClient(Client):  # type: ignore[misc]  # oauthlib is untyped
    """oauthlib's client, signing with a key that was parsed once.

    oauthlib parses and checks the PEM text at every request: 50 ms with 2048 bits where the signature takes 1 ms. Its
    ``register_signature_method`` would change the table of every client in the process, so this one has its own.
    """

    SIGNATURE_METHODS = {**Client.SIGNATURE_METHODS, SIGNATURE_RSA: _sign}  # noqa: RUF012  (a constant by oauthlib's design)


def load_private_key(config: Config) -> RSAPrivateKey:
    """The RSA key of ``config``, from its text or its file; ConfigError, never quoting the key, if it is none."""
    name, text = _key_text(config)
    passphrase = config.oauth_private_key_passphrase
    try:
        key = load_pem_private_key(text, passphrase.encode() if passphrase else None)
    except TypeError:
        raise ConfigError(_passphrase_fault(name, given=bool(passphrase))) from None
    except (ValueError, UnsupportedAlgorithm):
        wrong = " or oauth_private_key_passphrase is wrong" if passphrase else ""
        raise ConfigError(
            f"{name} holds no private key that can be read{wrong}; it must be the whole PEM text, from "
            "-----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY----- to the END line"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{name} is no RSA key, and OAuth 1.0a at Jira needs one; tap-jira keygen makes one")
    return key


def _passphrase_fault(name: str, *, given: bool) -> str:
    if given:
        return f"{name} is not encrypted, but oauth_private_key_passphrase is set; remove it"
    return f"{name} is encrypted; set oauth_private_key_passphrase"


def _key_text(config: Config) -> tuple[str, bytes]:
    if config.oauth_private_key:
        # Environment variables and .env files often hold line ends as a backslash and an n.
        return "oauth_private_key", config.oauth_private_key.replace("\\n", "\n").strip().encode()
    path = str(config.oauth_private_key_file)
    if "\n" in path or "-----BEGIN" in path or len(path) > LONGEST_PATH:
        # An error that names the path would show it.
        raise ConfigError("oauth_private_key_file holds no path; the key itself goes into oauth_private_key")
    try:
        return "oauth_private_key_file", Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"oauth_private_key_file, {path!r}, cannot be read: {error.strerror}") from None


def new_key_pair(bits: int) -> tuple[bytes, bytes]:
    """A new RSA key as PEM: the private half (PKCS#8, not encrypted) and the public one."""
    key = generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
