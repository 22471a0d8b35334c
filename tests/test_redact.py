"""Secrets are blotted out of every text, in whatever shape they turn up."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from tap_jira.config import Config
from tap_jira.redact import Redactor

SECRET = "s3cr+t/with spaces&more="
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "shape",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        f"prefix{SECRET}suffix",
    ],
)
def test_every_shape_of_a_secret_is_blotted(shape: str) -> None:
    """A secret is blotted as it is, percent-encoded, and in base64, also within a word."""
    text = Redactor([SECRET])(f"before {shape} after")

    assert SECRET not in text
    assert shape not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("pem", [PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n")])
@pytest.mark.parametrize("shown", [PEM, repr(PEM), "MIIEvQIBADANBg", "kqhkiG9w0BAQEF"])
def test_a_key_is_blotted_line_by_line(pem: str, shown: str) -> None:
    """Of a private key no line is left, however it was given and however it is quoted."""
    text = Redactor([pem])(shown)

    assert "MIIEvQIBADANBg" not in text
    assert "kqhkiG9w0BAQEF" not in text


def test_the_longest_secret_goes_first() -> None:
    """Where one secret is a part of another, nothing of the longer one is left."""
    assert Redactor(["abcd", "abcdefgh"])("abcdefgh") == "[secret]"


def test_secrets_learned_during_the_run() -> None:
    """What becomes known later is blotted from then on, and what was known before still is."""
    redact = Redactor(["first-token"])
    redact.learn("second-token")

    assert redact("first-token second-token") == "[secret] [secret]"


@pytest.mark.parametrize("text", ["an apple a day", "they may be wrong, or expired", "wrongly, (wrong) and [wrong]"])
def test_a_short_word_is_left_alone_in_running_text(text: str) -> None:
    """A secret that is a plain word garbles none of our own sentences, nor is it marked out by them."""
    assert Redactor(["a", "wrong", ""])(text) == text


@pytest.mark.parametrize("secret", ["wrong", "Wrong", "ab", "1", "hunter2", "pa&s", "grün"])
@pytest.mark.parametrize(
    "text",
    [
        "password={}",
        "password: {}",
        "{{'password': '{}'}}",
        '{{"password":"{}"}}',
        "https://somebody:{}@jira.example.com",
        "os_password={}&os_username=x",
        "os_password%3D{}%26x",
        "user%3A{}",
        "Basic {}",
        "bearer {}",
        "first line\n{}\nlast line",
        "{}",
        "the password `{}` is wrong",
    ],
)
def test_a_short_secret_is_blotted_where_it_is_a_value(secret: str, text: str) -> None:
    """However short or plain a secret is, it is gone wherever a value can stand."""
    for shape in (secret, quote(secret, safe="")):
        assert Redactor([secret])(text.format(shape)) == text.format("[secret]")


@pytest.mark.parametrize("secret", ["hunter2", "4711", "pa&s", "x-y-z"])
def test_a_short_secret_that_is_no_word_is_blotted_in_running_text(secret: str) -> None:
    """A short secret that nobody takes for a word is blotted wherever it stands by itself, not within a word."""
    redact = Redactor([secret])

    assert redact(f"user somebody with {secret} is not known, ({secret}).") == (
        "user somebody with [secret] is not known, ([secret])."
    )
    assert redact(f"GET /id{secret}9") == f"GET /id{secret}9"


def test_a_secret_of_eight_characters_is_blotted_within_words() -> None:
    """From eight characters on a secret is gone wherever it stands."""
    assert Redactor(["password"])("mypasswords") == "my[secret]s"


def test_basic_authentication_is_blotted_as_it_is_sent() -> None:
    """User name and password in base64 are gone, whatever stands around them."""
    config = Config(base_url="https://jira.example.com", username="me", password="wrong")
    sent = base64.b64encode(b"me:wrong").decode()

    assert Redactor(config.secrets)(f"sent {sent} once") == "sent [secret] once"


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("Authorization: Bearer abc123", "Authorization: ", "abc123"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "Authorization", "dXNlcjpwYXNz"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', "authorization", "dXNlcjpwYXNz"),
        ("Set-Cookie: JSESSIONID=4F; Path=/", "Set-Cookie: ", "4F"),
        ("oauth_problem=x&oauth_token=tok123&a=b", "oauth_problem=x", "tok123"),
        ('OAuth oauth_consumer_key="ck123", oauth_signature="sig%2B123"', "OAuth ", "ck123"),
        ('OAuth oauth_nonce="1", oauth_signature="sig%2B123"', "OAuth ", "sig%2B123"),
        ("oauth_signature_base_string=GET%26https%3A%2F%2Fx%26oauth_consumer_key%3Dck", "oauth_", "GET%26"),
    ],
)
def test_what_others_quote_back_is_blotted(text: str, kept: str, gone: str) -> None:
    """Headers and OAuth parameters that a server quotes back are blotted even if we never knew their values."""
    redacted = Redactor()(text)

    assert gone not in redacted
    assert kept in redacted


def test_without_secrets_text_passes() -> None:
    """An ordinary message stays as it is."""
    message = "GET /rest/api/2/search was answered 404; check base_url"

    assert Redactor(["hunter22"])(message) == message
