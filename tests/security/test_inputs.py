"""Whatever stands in a file or in an answer, it is taken, or refused in words: never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_jira import config, jql, limits
from tap_jira.errors import ConfigError
from tap_jira.search import Ask, Window
from tap_jira.simulator import Site
from tap_jira.token_file import Grant, TokenFile
from tap_jira.wire import Headers, Response
from tests.conftest import Tap
from tests.fakes import BASE, Scripted
from tests.security.checks import CHECKS, NOW, STATUSES, check_verdict, quietly
from tests.security.strategies import CONFIGS, GOOD_GRANTS, GOOD_STATE, JSON, changed, good_catalog

JSON_TEXTS = JSON.map(json.dumps).map(str.encode)
HEADERS = st.sampled_from(
    [
        "Retry-After",
        "Date",
        "X-RateLimit-Reset",
        "X-RateLimit-Remaining",
        "X-RateLimit-FillRate",
        "X-RateLimit-Interval-Seconds",
        "RateLimit-Reason",
        "X-Seraph-LoginReason",
        "WWW-Authenticate",
        "X-AREQUESTID",
    ]
)
ODD_VALUES = (
    st.text(max_size=20)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(
        [
            "1e9",
            "-1",
            "9" * 400,
            "0.0001",
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "Mon, 01 Jan 0001 00:00:00 +2359",
            "Mon, 99 Foo 2024 99:99:99 GMT",
            "9999-12-31T23:59Z",
            "0000-00-00T00:00Z",
            "9" * 60_000,
            "oauth_problem=" + "a" * 60_000,
        ]
    )
)
A_SEARCH = {
    "issues": [
        {
            "id": "1",
            "fields": {"updated": "2024-01-01T00:00:00.000+0000", "comment": {"comments": [{}], "total": 3}},
            "changelog": {"histories": [], "total": 0},
        }
    ],
    "total": 1,
}
AN_ISSUE = {
    "id": "1",
    "list": [{"a": "x", "n": 1.5, "t": "2024-01-01T00:00:00.000+0000"}],
    "fields": {"summary": "s", "duedate": "2024-01-01", "count": 1, "flag": True, "inner": {"a": "x", "new": 1}},
}


def texts(value: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON of such values, of any at all, and bytes that are none."""
    return value.map(json.dumps).map(str.encode) | JSON_TEXTS | st.binary(max_size=100)


@pytest.mark.parametrize("name", CHECKS)
@given(content=st.binary(max_size=200) | JSON_TEXTS)
def test_any_bytes(name: str, content: bytes) -> None:
    """Whatever reads a file or an answer takes any bytes, or refuses them in words."""
    CHECKS[name](content)


@settings(max_examples=200)
@given(texts(CONFIGS))
def test_any_configuration(content: bytes) -> None:
    """A configuration with something odd in it is one, or is refused in one line."""
    CHECKS["config"](content)


@settings(max_examples=200)
@given(texts(changed(GOOD_STATE)))
def test_any_state(content: bytes) -> None:
    """A state with something odd in it can be moved on and written, or is refused in one line."""
    CHECKS["state"](content)


@settings(max_examples=200)
@given(texts(st.deferred(lambda: changed(good_catalog()))))
def test_any_catalog(content: bytes) -> None:
    """A catalog with something odd in it gives tables that can be filled, or is refused in one line."""
    CHECKS["catalog"](content)


@settings(max_examples=200)
@given(texts(changed(GOOD_GRANTS)))
def test_any_file_of_tokens(content: bytes) -> None:
    """A file of tokens with something odd in it can be renewed, or is refused in one line."""
    CHECKS["tokens"](content)


@settings(max_examples=200)
@given(texts(changed(A_SEARCH)))
def test_any_answer(content: bytes) -> None:
    """An answer with something odd in it is a value, or is no JSON, and each of its issues has a head."""
    CHECKS["answer"](content)


@settings(max_examples=200)
@given(texts(changed(AN_ISSUE)))
def test_any_issue(content: bytes) -> None:
    """An issue with something odd in it is a valid record, the same by the fast way and by the careful one, or none."""
    CHECKS["record"](content)


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(STATUSES)),
    st.dictionaries(HEADERS, ODD_VALUES, max_size=4),
    st.binary(max_size=50) | JSON.map(lambda value: json.dumps({"errorMessages": value, "errors": value}).encode()),
)
def test_any_response(status: str, headers: dict[str, str], body: bytes) -> None:
    """An answer with odd headers is taken, asked for again or refused, and nobody waits for ever."""
    check_verdict(Response(int(status), Headers(headers), body))


@pytest.mark.parametrize("asked", ["999999999", "1e9", "-5", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 400])
@pytest.mark.parametrize("status", [429, 503])
def test_a_jira_that_would_be_waited_for_for_ever(tap: Tap, site: Site, asked: str, status: int) -> None:
    """Whatever Retry-After asks for, a run that is always sent away ends with 4, after an hour and a bit at most."""
    never = Scripted(Response(status, Headers({"Retry-After": asked}), b""))
    outcome = tap(to=never)

    assert outcome.code == 4
    assert sum(outcome.waits) < 4000
    assert len(never.asked) < 200


@given(st.text(max_size=300))
def test_any_reason_for_a_limit(text: str) -> None:
    """What an answer calls its limit is cut and cleaned before it is told."""
    said = limits.describe(Headers({"RateLimit-Reason": text}), None)

    assert len(said) < 120
    assert "\n" not in said


QUERY = Ask(Window(1, None), 0, 100)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1) OR (b = 2",
        'a = "x) OR (b = 2',
        "a = 'x\\') OR (b = 2",
        'a = \\" ) OR (b = "c',
        'a = \\" ) OR (b = "x" OR c = "y',
        "a = b\\",
        'a = "b\\"',
        "a = 1 ORDER BY key",
        "a = 1 order\n by key",
        'a = 1 \\" ORDER BY "x',
        ")(",
        "(",
    ],
)
def test_a_condition_cannot_leave_its_place(text: str) -> None:
    """JQL of the configuration that would change the meaning of what stands beside it is refused."""
    with pytest.raises(ConfigError, match="jql "):
        config.load({"base_url": BASE, "personal_access_token": "x", "jql": text}, {}, quietly)


@pytest.mark.parametrize("text", ['a = "b) OR (c" AND d in (1)', "labels = foo\\-bar", 'a ~ "\\"x\\""', "a = '(\\''"])
def test_a_condition_that_is_fine(text: str) -> None:
    """What stands in quotation marks, or behind a backslash, is no parenthesis."""
    loaded = config.load({"base_url": BASE, "personal_access_token": "x", "jql": text}, {}, quietly)

    assert jql.text(QUERY, jql.Numbers(), jql.condition((), loaded.jql)).startswith(f"({text}) AND updated >= ")


@given(st.lists(st.text(max_size=10), max_size=3) | st.text(max_size=20))
def test_any_projects(keys: Any) -> None:
    """Keys of projects are letters, digits and underscores in quotation marks, or a fault of the configuration."""
    try:
        loaded = config.load({"base_url": BASE, "personal_access_token": "x", "projects": keys}, {}, quietly)
    except ConfigError:
        return
    bare = jql.condition(loaded.projects, None).removeprefix("project in (").removesuffix(")")
    assert all(part.strip()[1:-1].replace("_", "").isalnum() for part in bare.split(",") if bare)


@pytest.mark.parametrize("name", ["personal_access_token", "user_agent", "oauth_client_id", "access_token", "cloud_id"])
@pytest.mark.parametrize("value", ["a\r\nX-Injected: yes", "a\nb", "a\x00b", "ä", "a\u2028b", "a\x7f"])
def test_what_goes_into_a_header_is_one_line(name: str, value: str) -> None:
    """A value that would begin another header is a fault of the configuration."""
    with pytest.raises(ConfigError, match=name):
        config.load({"base_url": BASE, "personal_access_token": "x", name: value}, {}, quietly)


@pytest.mark.parametrize(
    "address",
    [
        "https://user:password@jira.example.com",
        "https://jira.example.com\r\nHost: evil",
        "https://jira.example.com/x y",
        "https://jira.example.com?x=1",
        "https://jira.example.com#x",
        "ftp://jira.example.com",
        "http://127.0.0.1.evil.example.com",
        "http://localhost.evil.example.com",
        "http://jira.example.com@127.0.0.1",
        "http://[::ffff:8.8.8.8]",
        "file:///etc/passwd",
        "https://",
    ],
)
def test_an_address_that_is_none(address: str) -> None:
    """An address with a login, a query or line ends in it, or that only looks like this machine, is refused."""
    with pytest.raises(ConfigError, match="base_url"):
        config.load({"base_url": address, "personal_access_token": "x"}, {}, quietly)


def test_a_reader_who_holds_the_part_open(tmp_path: Path) -> None:
    """Whoever has made the file in which new tokens are prepared, and holds it open, does not read them there."""
    part = tmp_path / "tokens.json.part"
    part.write_text("")
    part.chmod(0o666)
    with part.open() as held:
        with TokenFile(tmp_path / "tokens.json").replacement("origin") as save:
            save(Grant("refresh", "access", NOW, NOW))
        assert held.read() == ""
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_links_in_the_place_of_locks(tmp_path: Path) -> None:
    """A link in the place of the lock or of the new file is not followed to what it leads to."""
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    (tmp_path / "tokens.json.part").symlink_to(victim)
    file = TokenFile(tmp_path / "tokens.json")
    with file.replacement("origin") as save:
        save(Grant("refresh", "access", NOW, NOW))
    (tmp_path / "tokens.json.lock").symlink_to(victim)
    with pytest.raises(ConfigError, match="token_file"), file.locked():
        pass

    assert victim.read_text() == "as it was"
