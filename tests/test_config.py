"""The configuration: what is taken, what is refused, and in which words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from tap_jira import config as configuration
from tap_jira.config import Config
from tap_jira.errors import ConfigError

URL = "https://jira.example.com"
TOKEN = {"personal_access_token": "tok-secret-1"}
GOOD: Mapping[str, Any] = {"base_url": URL, **TOKEN}


def load(values: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """Load and let no warning pass."""
    warnings: list[str] = []
    config = configuration.load(values, environment or {}, warnings.append)
    assert warnings == []
    return config


def refusal(values: Mapping[str, Any]) -> str:
    """What is said of a configuration that is refused."""
    with pytest.raises(ConfigError) as caught:
        configuration.load(values, {}, lambda warning: None)
    return str(caught.value)


def test_the_least_that_works() -> None:
    """An address and one way to authenticate are enough."""
    config = load(GOOD)

    assert (config.base_url, config.way_in, config.start_date) == (URL, "token", None)
    assert (config.page_size, config.concurrency, config.lookback_seconds) == (100, 4, None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "base_url is missing"),
        ({"base_url": ""}, "base_url is missing"),
        ({"base_url": "ftp://jira.example.com"}, "base_url is not the address of a site"),
        ({"base_url": "https://"}, "base_url is not the address of a site"),
        ({"base_url": "https://[jira]"}, "base_url is not the address of a site"),
        ({"base_url": "https://jira.example.com:port"}, "base_url is not the address of a site"),
        ({"base_url": "https://jira example.com"}, "base_url is not the address of a site"),
        ({"base_url": {"a": 1}}, "base_url is not the address of a site"),
        ({"base_url": "http://jira.example.com"}, "base_url begins with http://, which would show the credentials"),
        ({"base_url": "http://10.0.0.1"}, "base_url begins with http://"),
        ({"base_url": "https://user:secret@jira.example.com"}, "base_url is not the address of a site"),
        ({"base_url": "https://:secret@jira.example.com"}, "base_url is not the address of a site"),
        ({"base_url": "https://jira.example.com?x=1"}, "base_url is not the address of a site"),
        ({"start_date": "last week"}, "start_date is not a date or date-time such as 2024-01-01T00:00:00Z"),
        ({"start_date": "2024-02-30"}, "start_date is not a date"),
        ({"start_date": 20240101}, "start_date is not a date"),
        ({"page_size": "many"}, "page_size must be a whole number from 1 to 1000"),
        ({"page_size": 0}, "page_size must be a whole number from 1 to 1000"),
        ({"page_size": 1001}, "page_size must be a whole number from 1 to 1000"),
        ({"page_size": 10.5}, "page_size must be a whole number from 1 to 1000"),
        ({"page_size": True}, "page_size must be a whole number"),
        ({"page_size": [1]}, "page_size must be a whole number"),
        ({"concurrency": 33}, "concurrency must be a whole number from 1 to 32"),
        ({"lookback_seconds": -1}, "lookback_seconds must be a whole number from 0 to 2592000"),
        ({"cloud_id": "../x"}, "cloud_id must be an id such as 11223344-"),
        ({"cloud_id": "a/b"}, "cloud_id must be an id such as 11223344-"),
        ({"lookback_seconds": 0.5}, "lookback_seconds must be a whole number from 0 to 2592000"),
        ({"request_timeout": 0.5}, "request_timeout must be a number from 1 to 3600"),
        ({"full_table_hours": -1}, "full_table_hours must be a number from 0 to 8760"),
        ({"activate_version": "yes"}, "activate_version must be true or false"),
        ({"activate_version": [True]}, "activate_version must be true or false"),
        ({"request_timeout": "nan"}, "request_timeout must be a number from 1 to 3600"),
        ({"request_timeout": "inf"}, "request_timeout must be a number from 1 to 3600"),
        ({"user_agent": ["a"]}, "user_agent must be text"),
        ({"user_agent": "tap\r\nX-Evil: 1"}, "user_agent must be one line of ASCII text"),
        ({"user_agent": "tap \N{SNOWMAN}"}, "user_agent must be one line of ASCII text"),
        ({"personal_access_token": "\N{LEFT DOUBLE QUOTATION MARK}x"}, "personal_access_token must be one line of"),
        ({"personal_access_token": "a\nb"}, "personal_access_token must be one line of ASCII text"),
        ({"personal_access_token": {"a": 1}}, "personal_access_token must be text"),
        ({"ca_bundle": "a\udcff"}, "ca_bundle is not valid text"),
        ({"projects": {"ABC": 1}}, 'projects must be a list such as ["ABC", "DEF"]'),
        ({"projects": 5}, 'projects must be a list such as ["ABC", "DEF"]'),
        ({"projects": ["A B"]}, 'projects must hold project keys such as "ABC"'),
        ({"projects": 'ABC") OR ("1'}, 'projects must hold project keys such as "ABC"'),
        ({"jql": "project = ABC ORDER BY created"}, "jql must not contain ORDER BY"),
        ({"jql": "project = ABC order\n by created"}, "jql must not contain ORDER BY"),
        ({"jql": "(a = 1"}, "jql has an unbalanced parenthesis or quotation mark"),
        ({"jql": "a = 1) OR (b = 2"}, "jql has an unbalanced parenthesis or quotation mark"),
        ({"jql": 'summary ~ "open'}, "jql has an unbalanced parenthesis or quotation mark"),
        ({"jql": "summary ~ 'open"}, "jql has an unbalanced parenthesis or quotation mark"),
        ({"jql": 'summary ~ "a\\") OR (b = 2'}, "jql has an unbalanced parenthesis or quotation mark"),
        ({"jql": ["a = 1"]}, "jql must be text"),
        (
            {"oauth_private_key": "a", "oauth_private_key_file": "b", "personal_access_token": None},
            "oauth_private_key and oauth_private_key_file are both given; keep one",
        ),
    ],
)
def test_each_fault_has_its_words(values: dict[str, Any], expected: str) -> None:
    """What is wrong with a key is said with the key's name and what would be right."""
    assert expected in refusal({**TOKEN, **({"base_url": URL} if values else {}), **values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "no way to authenticate is given"),
        ({"personal_access_token": ""}, "no way to authenticate is given"),
        ({"personal_access_token": " \n"}, "no way to authenticate is given"),
        ({"username": "u"}, "password is missing"),
        ({"password": "p"}, "username is missing"),
        ({"email": "e"}, "api_token is missing"),
        ({"api_token": "e"}, "email is missing"),
        ({"oauth_consumer_key": "c", "oauth_token": "t"}, "oauth_private_key or oauth_private_key_file is missing"),
        ({"oauth_private_key": "k", "oauth_token": "t"}, "oauth_consumer_key is missing"),
        ({"oauth_consumer_key": "c", "oauth_private_key_file": "f"}, "oauth_token is missing (run tap-jira authorize"),
        ({"oauth_client_id": "c", "oauth_client_secret": "s"}, "refresh_token is missing"),
        ({"oauth_client_id": "c", "refresh_token": "r"}, "oauth_client_secret is missing"),
        ({"refresh_token": "r", "access_token": "a"}, "oauth_client_id is missing"),
        (
            {"email": "e", "api_token": "t", "access_token": "a"},
            "more than one way to authenticate is given (email, api_token, access_token); keep one",
        ),
        (
            {"username": "u", "password": "p", "personal_access_token": "t"},
            "more than one way to authenticate is given (personal_access_token, username, password); keep one",
        ),
        (
            {"username": "u", "api_token": "t"},
            "more than one way to authenticate is given (username, api_token); keep one",
        ),
    ],
)
def test_exactly_one_way_to_authenticate(values: dict[str, str], expected: str) -> None:
    """None, two, or a half of one way to authenticate is a fault that names the keys in question."""
    assert expected in refusal({"base_url": URL, **values})


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (TOKEN, "token"),
        ({"username": "u", "password": "p"}, "basic"),
        ({"email": "u", "api_token": "p"}, "api_token"),
        ({"oauth_consumer_key": "c", "oauth_private_key": "k", "oauth_token": "t"}, "oauth1"),
        ({"oauth_consumer_key": "c", "oauth_private_key_file": "k", "oauth_token": "t"}, "oauth1"),
        ({"access_token": "a"}, "access_token"),
        ({"oauth_client_id": "c", "oauth_client_secret": "s", "refresh_token": "r"}, "oauth2"),
        ({"oauth_client_id": "c", "oauth_client_secret": "s", "refresh_token": "r", "access_token": "a"}, "oauth2"),
    ],
)
def test_each_way_to_authenticate(values: dict[str, str], way: str) -> None:
    """Every way to authenticate is recognised by its keys."""
    assert load({"base_url": URL, **values}).way_in == way


def test_before_authorizing() -> None:
    """Whoever is about to get an OAuth 1.0a token has none yet, or an old one, and nobody else is let off."""
    link = {"base_url": URL, "oauth_consumer_key": "c", "oauth_private_key": "k"}
    for more in ({}, {"oauth_token": "old"}):
        assert configuration.load({**link, **more}, {}, pytest.fail, authorizing=True).way_in == "oauth1"

    with pytest.raises(ConfigError, match=r"another way to log in is given \(username\)"):
        configuration.load({**link, "username": "u"}, {}, pytest.fail, authorizing=True)


def test_the_cloud_id_is_address_enough() -> None:
    """With cloud_id, base_url may be left out."""
    assert load({"email": "u", "api_token": "p", "cloud_id": "an-id"}).base_url == ""


SINGER_IO = [
    {
        "start_date": "2010-01-01",
        "username": "u",
        "password": "p",
        "base_url": "https://your-jira-domain",
        "user_agent": "a",
        "request_timeout": 300,
        "groups": "jira-administrators, site-admins",
    },
    {
        "oauth_client_secret": "s",
        "user_agent": "a",
        "oauth_client_id": "c",
        "access_token": "t",
        "cloud_id": "an-id",
        "refresh_token": "r",
        "start_date": "2017-12-04T19:19:32Z",
        "request_timeout": "0",
        "groups": "jira-administrators, site-admins",
    },
]
"""The two forms of configuration of tap-jira 2.6.0 by singer-io, by the names in its README."""


@pytest.mark.parametrize(("values", "way"), [(SINGER_IO[0], "basic"), (SINGER_IO[1], "oauth2")])
def test_configurations_of_singer_io(values: dict[str, Any], way: str) -> None:
    """What works with tap-jira by singer-io is taken as it is; only its list of groups has no use, and is named."""
    warnings: list[str] = []
    config = configuration.load(values, {}, warnings.append)

    assert (config.way_in, config.request_timeout) == (way, 300)
    assert [warning.split()[1] for warning in warnings] == ["groups"]


def test_all_faults_at_once() -> None:
    """One run tells every fault there is, so that nobody mends them one by one."""
    said = refusal({"base_url": "http://jira.example.com", "page_size": 0, "start_date": "x", "jql": "("})

    parts = ("base_url begins", "page_size must", "start_date is not", "jql has", "no way to authenticate")
    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Config)])
@pytest.mark.parametrize("value", ["hunter\n22(", {"hunter": "hunter22("}, "https://x:hunter22(@[:hunter22("])
def test_values_are_never_echoed(name: str, value: Any) -> None:
    """A refusal names keys, never what stood in them."""
    said = refusal({"page_size": 0, name: value})

    assert "hunter" not in said


def test_the_environment_wins() -> None:
    """A value from the environment replaces the one in the file, and an empty one does not."""
    environment = {"TAP_JIRA_PAGE_SIZE": "7", "TAP_JIRA_USER_AGENT": "", "TAP_JIRA_PERSONAL_ACCESS_TOKEN": "env-token"}
    config = load({**GOOD, "page_size": 50, "user_agent": "mine"}, environment)

    assert (config.page_size, config.user_agent, config.personal_access_token) == (7, "mine", "env-token")


def test_the_environment_alone_is_enough() -> None:
    """Without a file everything may come from the environment."""
    environment = {"TAP_JIRA_BASE_URL": URL, "TAP_JIRA_USERNAME": "u", "TAP_JIRA_PASSWORD": "p"}

    assert load({}, environment).way_in == "basic"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("page_size", "50", 50),
        ("page_size", " 50 ", 50),
        ("page_size", 50.0, 50),
        ("page_size", "50.0", 50),
        ("lookback_seconds", "0", 0),
        ("request_timeout", "2.5", 2.5),
        ("full_table_hours", "12", 12),
        ("full_table_hours", 0.5, 0.5),
        ("activate_version", True, True),
        ("activate_version", "False", False),
        ("activate_version", "1", True),
        ("request_timeout", 60, 60),
        ("projects", ["ABC", "DEF"], ("ABC", "DEF")),
        ("projects", "ABC", ("ABC",)),
        ("projects", ["KÜCHE"], ("KÜCHE",)),
        ("projects", "ABC,DEF", ("ABC", "DEF")),
        ("projects", " ABC  DEF ", ("ABC", "DEF")),
        ("projects", '["ABC", "DEF"]', ("ABC", "DEF")),
        ("projects", "[]", ()),
        ("projects", [], ()),
        ("start_date", "2024-03-05", "2024-03-05T00:00:00.000000Z"),
        ("start_date", "2024-03-05T01:00:00+01:00", "2024-03-05T00:00:00.000000Z"),
        ("start_date", None, None),
        ("jql", "  status = Done  ", "status = Done"),
        ("jql", "summary ~ \"order by (\" AND text ~ ')'", "summary ~ \"order by (\" AND text ~ ')'"),
        ("jql", '(summary ~ "a \\" ( b")', '(summary ~ "a \\" ( b")'),
        ("jql", "border = bypass AND reorder = by", "border = bypass AND reorder = by"),
        ("personal_access_token", "token\n", "token"),
        ("personal_access_token", 12345678, "12345678"),
    ],
)
def test_values_as_orchestrators_pass_them(name: str, value: Any, expected: Any) -> None:
    """Numbers, lists and dates are taken as text too, dates without a time, tokens with a line end."""
    assert getattr(load({**GOOD, name: value}), name) == expected


def test_a_password_keeps_its_blanks() -> None:
    """Blanks around a password may be meant; a line end behind it is not."""
    assert load({"base_url": URL, "username": "u", "password": " p\n"}).password == " p"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://jira.example.com", "https://jira.example.com"),
        (" https://jira.example.com/ ", "https://jira.example.com"),
        ("jira.example.com", "https://jira.example.com"),
        ("jira.example.com:8443/jira/", "https://jira.example.com:8443/jira"),
        ("HTTPS://Jira.Example.com/Jira", "https://Jira.Example.com/Jira"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/jira/", "http://localhost:8080/jira"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses(given: str, expected: str) -> None:
    """An address may lack its scheme and end in a slash; plain http goes to a loopback address only."""
    assert load({**GOOD, "base_url": given}).base_url == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("LOCALHOST", True), ("10.0.0.1", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    """This machine talking to itself is recognised by name and by number."""
    assert configuration.is_loopback(host) is expected


def test_a_name_that_only_looks_like_loopback() -> None:
    """A host whose name begins with localhost or 127 is another machine."""
    assert "http://" in refusal({**GOOD, "base_url": "http://localhost.example.com"})
    assert "http://" in refusal({**GOOD, "base_url": "http://127.0.0.1.example.com"})


def test_an_unknown_key_is_named_with_the_nearest() -> None:
    """A key that does not exist is a warning, with the key that was probably meant."""
    warnings: list[str] = []
    configuration.load({**GOOD, "pagesize": 5, "zzz": 1}, {}, warnings.append)

    assert warnings == [
        "configuration: pagesize is not a key of this tap and is ignored; did you mean page_size?",
        "configuration: zzz is not a key of this tap and is ignored",
    ]


def test_the_configuration_is_read_only() -> None:
    """Nothing changes the configuration during a run."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(GOOD).page_size = 5  # type: ignore[misc]


def test_secrets_are_known_as_such() -> None:
    """Everything that would let somebody else in is in the list of what the log must not show."""
    config = load(
        {
            "base_url": URL,
            "oauth_consumer_key": "c",
            "oauth_private_key": "key-1",
            "oauth_private_key_passphrase": "pass-1",
            "oauth_token": "token-1",
            "oauth_token_secret": "secret-1",
        }
    )

    assert sorted(config.secrets) == ["key-1", "pass-1", "secret-1", "token-1"]
    assert load({"base_url": URL, "username": "u", "password": "pw-1"}).secrets == ["pw-1", "u:pw-1"]
    assert load({"base_url": URL, "email": "u", "api_token": "at-1"}).secrets == ["at-1", "u:at-1"]
    oauth2 = {"oauth_client_id": "c", "oauth_client_secret": "cs-1", "refresh_token": "rt-1", "access_token": "at-1"}
    assert sorted(load({"base_url": URL, **oauth2}).secrets) == ["at-1", "cs-1", "rt-1"]
    assert load(GOOD).secrets == ["tok-secret-1"]


def test_every_key_is_declared_with_a_sentence() -> None:
    """Each key says in a sentence what it is for."""
    sentences = {field.name: field.metadata["sentence"] for field in dataclasses.fields(Config)}

    assert [name for name, sentence in sentences.items() if not sentence.endswith(".")] == []
