"""The JQL that is sent, word for word."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira import jql
from tap_jira.search import Ask, Window

LOW, HIGH = 1_700_000_000, 1_700_003_600
BERLIN = jql.Literals("Europe/Berlin")


def ask(window: Window, *, backwards: bool = False) -> Ask:
    return Ask(window, 0, 100, backwards)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(LOW, None), "updated >= 1700000000000"),
        (Window(LOW, HIGH), "updated >= 1700000000000 AND updated < 1700003600000"),
        (
            Window(LOW, HIGH, (5, 7)),
            "updated >= 1700000000000 AND updated < 1700003600000 AND created >= 5000 AND created < 7000",
        ),
        (
            Window(LOW, HIGH, (5, None)),
            "updated >= 1700000000000 AND updated < 1700003600000 AND created >= 5000",
        ),
    ],
)
def test_windows_in_numbers(window: Window, expected: str) -> None:
    """Bounds are unquoted milliseconds, the lower inclusive, the upper not, in the one order that pages join by."""
    assert jql.text(ask(window), jql.Numbers()) == f"{expected} ORDER BY updated ASC, key ASC"


def test_windows_in_literals() -> None:
    """Where numbers are misread, bounds are quoted minutes in the account's own zone."""
    expected = 'updated >= "2023-11-14 23:13" AND updated < "2023-11-15 00:13" ORDER BY updated ASC, key ASC'

    assert jql.text(ask(Window(LOW, HIGH)), BERLIN) == expected


def test_backwards_turns_both_keys() -> None:
    """From its other end a list is read in exactly the opposite order."""
    assert jql.text(ask(Window(LOW, None), backwards=True), jql.Numbers()).endswith("ORDER BY updated DESC, key DESC")


@pytest.mark.parametrize(
    ("projects", "own", "expected"),
    [
        ((), None, ""),
        (("ABC",), None, 'project in ("ABC")'),
        (("ABC", "AND"), None, 'project in ("ABC", "AND")'),
        ((), "a = 1 OR b = 2", "(a = 1 OR b = 2)"),
        (("ABC",), "a = 1 OR b = 2", 'project in ("ABC") AND (a = 1 OR b = 2)'),
    ],
)
def test_the_users_filters(projects: tuple[str, ...], own: str | None, expected: str) -> None:
    """Project keys are quoted, as some are reserved words, and the user's own JQL stands in parentheses."""
    assert jql.condition(projects, own) == expected


def test_a_filter_narrows_every_window() -> None:
    """The filter stands before the bounds, joined by AND."""
    assert jql.text(ask(Window(LOW, None)), jql.Numbers(), "(a = 1)").startswith("(a = 1) AND updated >= ")


@given(st.integers(min_value=0, max_value=4_000_000_000), st.sampled_from(["Europe/Berlin", "America/St_Johns", "UTC"]))
def test_a_literal_never_begins_later_than_meant(seconds: int, zone: str) -> None:
    """The minute that is written is read as an instant at or before the one meant, with one reading only."""
    dialect = jql.Literals(zone)
    aligned = dialect.aligned(seconds)

    local = datetime.strptime(dialect.bound(aligned), '"%Y-%m-%d %H:%M"')
    readings = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() for fold in (0, 1)}
    assert readings == {float(aligned)}
    assert 0 <= seconds - aligned <= 3 * 3600


def test_the_hour_that_occurs_twice_is_avoided() -> None:
    """In the night when summer time ends, a bound in the doubled hour moves back before it."""
    doubled = int(datetime(2023, 10, 29, 1, 30, tzinfo=timezone.utc).timestamp())

    assert BERLIN.bound(BERLIN.aligned(doubled)) == '"2023-10-29 01:30"'


def test_numbers_need_no_alignment() -> None:
    """Any second can be written as a number."""
    assert jql.Numbers().aligned(LOW + 1) == LOW + 1
