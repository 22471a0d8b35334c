"""Credentials on a request, and private keys in every form in which people have them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from requests_oauthlib import OAuth1

from tap_jira.auth import load_private_key, signer
from tap_jira.config import Config
from tap_jira.errors import ConfigError
from tap_jira.simulator import Account, Accounts, Credentials, Site, World
from tap_jira.wire import Headers, Request
from tests.conftest import PASSWORD, TOKEN
from tests.fakes import BASE, InProcess, Time

PASSPHRASE = "a passphrase"
WHOLE = f"{BASE}/rest/api/2/myself"


@pytest.fixture(scope="module")
def key(credentials: Credentials) -> rsa.RSAPrivateKey:
    loaded = pem.load_pem_private_key(credentials.oauth["oauth_private_key"].encode(), None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded


def text_of(key: Any, form: str = "PKCS8", passphrase: str | None = None) -> str:
    protection = pem.BestAvailableEncryption(passphrase.encode()) if passphrase else pem.NoEncryption()
    return str(key.private_bytes(pem.Encoding.PEM, getattr(pem.PrivateFormat, form), protection).decode())


def oauth(credentials: Credentials, **changes: Any) -> Config:
    return Config(**{**credentials.oauth, **changes})


@pytest.fixture
def living(credentials: Credentials) -> Site:
    """A site whose clock is this machine's, by which signatures are made."""
    return Site(World(issues=1), accounts=credentials.accounts, base_url=BASE)


def status(site: Site, config: Config, time: Time, url: str = WHOLE) -> int:
    return InProcess(site, signer(config), time).send(Request("GET", url)).status


@pytest.mark.parametrize("form", ["TraditionalOpenSSL", "PKCS8"])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_every_form_of_a_key_is_read(
    credentials: Credentials, key: rsa.RSAPrivateKey, form: str, passphrase: str | None
) -> None:
    """PKCS#1 and PKCS#8, encrypted or not, are the same key."""
    config = oauth(
        credentials, oauth_private_key=text_of(key, form, passphrase), oauth_private_key_passphrase=passphrase
    )

    assert load_private_key(config).private_numbers() == key.private_numbers()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\n\n  {text}\n  ",
        lambda text: text.strip(),
    ],
    ids=["literal", "windows", "blanks", "bare"],
)
def test_a_key_survives_its_journey(credentials: Credentials, key: rsa.RSAPrivateKey, change: Any) -> None:
    """Line ends written as a backslash and an n, as .env files have them, and blanks around do no harm."""
    config = oauth(credentials, oauth_private_key=change(text_of(key)))

    assert load_private_key(config).private_numbers() == key.private_numbers()


def test_a_key_in_a_file(
    credentials: Credentials, key: rsa.RSAPrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key may lie in a file, also below the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "jira.pem").write_text(text_of(key))

    for path in (str(tmp_path / "jira.pem"), "~/jira.pem"):
        config = oauth(credentials, oauth_private_key=None, oauth_private_key_file=path)
        assert load_private_key(config).private_numbers() == key.private_numbers()


@pytest.mark.parametrize(
    ("given", "passphrase", "expected"),
    [
        ("encrypted", None, "oauth_private_key is encrypted; set oauth_private_key_passphrase"),
        (
            "encrypted",
            "wrong",
            "oauth_private_key holds no private key that can be read or oauth_private_key_passphrase",
        ),
        ("plain", "needless", "oauth_private_key is not encrypted, but oauth_private_key_passphrase is set; remove it"),
        ("ec", None, "oauth_private_key is no RSA key"),
        ("public", None, "oauth_private_key holds no private key that can be read; it must be the whole PEM text"),
        ("garbage", None, "oauth_private_key holds no private key that can be read; it must be the whole PEM text"),
        ("cut", None, "oauth_private_key holds no private key that can be read"),
    ],
)
def test_a_key_that_cannot_be_used(
    credentials: Credentials, key: rsa.RSAPrivateKey, given: str, passphrase: str | None, expected: str
) -> None:
    """What is wrong with a key is said without quoting any of it."""
    spki = pem.PublicFormat.SubjectPublicKeyInfo
    text = {
        "encrypted": text_of(key, passphrase=PASSPHRASE),
        "plain": text_of(key),
        "ec": text_of(ec.generate_private_key(ec.SECP256R1())),
        "public": key.public_key().public_bytes(pem.Encoding.PEM, spki).decode(),
        "garbage": "garbage-in-here",
        "cut": text_of(key)[:400],
    }[given]
    with pytest.raises(ConfigError) as caught:
        signer(oauth(credentials, oauth_private_key=text, oauth_private_key_passphrase=passphrase))

    assert str(caught.value).startswith(expected)
    assert "garbage-in-here" not in str(caught.value)
    assert text.splitlines()[-2 if len(text.splitlines()) > 2 else 0] not in str(caught.value)


@pytest.mark.parametrize(("name", "expected"), [("none.pem", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read(credentials: Credentials, tmp_path: Path, name: str, expected: str) -> None:
    """A missing key file is named by its configuration key, its path and the system's reason."""
    config = oauth(credentials, oauth_private_key=None, oauth_private_key_file=str(tmp_path / name))
    with pytest.raises(ConfigError, match=f"oauth_private_key_file, '{tmp_path}.*', cannot be read: {expected}"):
        signer(config)


@pytest.mark.parametrize("query", ["", "?jql=a%20%3D%20%22%C3%BC%20b%22&startAt=0", "?x=1&x=%2B&y"])
def test_the_signature_verifies(living: Site, credentials: Credentials, time: Time, query: str) -> None:
    """The site finds the RSA-SHA1 signature good, whatever the query."""
    assert status(living, oauth(credentials), time, WHOLE + query) == 200


def test_a_post_is_signed_without_its_body(living: Site, credentials: Credentials, time: Time) -> None:
    """The signature covers a JSON body in no way, and the site still finds it good."""
    headers = Headers({"Content-Type": "application/json"})
    request = Request("POST", f"{BASE}/rest/api/2/search", headers, b'{"jql": "order by updated, key"}')

    assert InProcess(living, signer(oauth(credentials)), time).send(request).status == 200


def test_two_requests_have_two_signatures(credentials: Credentials) -> None:
    """Each request has a nonce and a signature of its own, as Jira refuses one that it has seen."""
    auth = signer(oauth(credentials))
    signed = {requests.Request("GET", WHOLE, auth=auth).prepare().headers["Authorization"] for _ in range(3)}

    assert len(signed) == 3


def test_the_key_is_parsed_once(credentials: Credentials, tmp_path: Path) -> None:
    """After the signer is made the key is not read again: requests are signed although its file is gone."""
    file = tmp_path / "jira.pem"
    file.write_text(credentials.oauth["oauth_private_key"])
    auth = signer(oauth(credentials, oauth_private_key=None, oauth_private_key_file=str(file)))
    file.unlink()

    prepared = [requests.Request("GET", WHOLE, auth=auth).prepare() for _ in range(2)]
    assert all("oauth_signature=" in str(request.headers["Authorization"]) for request in prepared)
    assert isinstance(auth, OAuth1)
    assert isinstance(auth.client.rsa_key, rsa.RSAPrivateKey)


def test_the_secret_of_the_token_may_be_left_out(living: Site, credentials: Credentials, time: Time) -> None:
    """RSA-SHA1 does not use the token's secret."""
    assert status(living, oauth(credentials, oauth_token_secret=None), time) == 200


def test_other_clients_of_the_process_are_left_alone(credentials: Credentials) -> None:
    """Our way of signing is not put into oauthlib's own table."""
    from oauthlib.oauth1 import SIGNATURE_RSA, Client

    before = dict(Client.SIGNATURE_METHODS)
    signer(oauth(credentials))

    assert before == Client.SIGNATURE_METHODS
    assert Client.SIGNATURE_METHODS[SIGNATURE_RSA].__module__.startswith("oauthlib")


def test_a_personal_access_token(site: Site, time: Time) -> None:
    """A personal access token goes as a bearer token and lets us in."""
    config = Config(base_url=BASE, personal_access_token=TOKEN)

    assert requests.Request("GET", WHOLE, auth=signer(config)).prepare().headers["Authorization"] == f"Bearer {TOKEN}"
    assert status(site, config, time) == 200


def test_a_password(site: Site, time: Time) -> None:
    """User name and password let us in."""
    assert status(site, Config(base_url=BASE, username="tap-reader", password=PASSWORD), time) == 200


def test_a_password_beyond_ascii(time: Time) -> None:
    """A name and a password with letters beyond ASCII are sent as UTF-8, which Jira reads."""
    accounts = Accounts((Account("jürgen", "pässwörd€"),))
    site = Site(World(issues=1, now=time), accounts=accounts, base_url=BASE)

    assert status(site, Config(base_url=BASE, username="jürgen", password="pässwörd€"), time) == 200


def test_an_api_token() -> None:
    """An e-mail address and an API token go as basic authentication."""
    auth = signer(Config(base_url=BASE, email="me@example.com", api_token="abc"))

    prepared = requests.Request("GET", WHOLE, auth=auth).prepare()
    assert prepared.headers["Authorization"] == "Basic " + base64.b64encode(b"me@example.com:abc").decode()
