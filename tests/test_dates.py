"""Dates and times as Jira writes them, and what leaves the tap."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira.dates import duration, format_millis, number_to_utc, to_day, to_millis, to_utc, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-05T12:34:56.789+0000", "2024-03-05T12:34:56.789000Z"),
        ("2024-03-05T12:34:56.789+01:00", "2024-03-05T11:34:56.789000Z"),
        ("2024-03-05T12:34:56.789-0330", "2024-03-05T16:04:56.789000Z"),
        ("2024-03-05T12:34:56.789-00:30", "2024-03-05T13:04:56.789000Z"),
        ("2024-03-05T12:34:56Z", "2024-03-05T12:34:56.000000Z"),
        ("2024-03-05T12:34:56", "2024-03-05T12:34:56.000000Z"),
        ("2024-03-05 12:34:56.7", "2024-03-05T12:34:56.700000Z"),
        ("2024-03-05T12:34:56.123456789Z", "2024-03-05T12:34:56.123456Z"),
        ("2024-12-31T23:30:00.000-0100", "2025-01-01T00:30:00.000000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ("0001-01-02T00:00:00.000+1400", "0001-01-01T10:00:00.000000Z"),
        ("9999-12-30T23:59:59.999-1200", "9999-12-31T11:59:59.999000Z"),
    ],
)
def test_every_form_becomes_utc(text: str, expected: str) -> None:
    """Whatever offset and precision a time comes with, it leaves as RFC 3339 in UTC with six digits."""
    assert to_utc(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2023-02-29",
        "2024-13-01T00:00:00Z",
        "2024-03-05T24:00:00Z",
        "2024-03-05T24:00:00.000+0000",
        "2024-03-05T12:60:00Z",
        "2024-03-05T12:34Z",
        "51502-03-05T12:34:56.000+0000",
        "0000-01-01T00:00:00Z",
        "2024-03-05T12:34:56.789+0000\n",
        "\u0662\u0660\u0662\u0664-03-05",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """A text that is no date-time of the years 1 to 9999 is recognised as none."""
    assert to_utc(text) is None


PRINTED = "2024-03-05T12:34:56.789"
CHANGES = st.lists(st.tuples(st.integers(0, 22), st.characters() | st.sampled_from("0123456789-:.TW ")), max_size=2)


@given(CHANGES, st.sampled_from(["+00", "+01", "-09", "+23"]))
def test_the_short_ways_take_what_the_long_one_takes(changes: list[tuple[int, str]], hours: str) -> None:
    """What looks like a time of UTC, or of whole hours off it, is read without much ado, and as any other is."""
    text = list(PRINTED)
    for place, character in changes:
        text[place] = character
    local = "".join(text)

    assert to_utc(f"{local}{hours}00") == to_utc(f"{local}{hours}:00")


@pytest.mark.parametrize("offset", ["+99:99", "-99:99", "+2400", "-0060"])
@pytest.mark.parametrize("day", ["0001-01-02", "2024-03-05", "9999-12-30"])
def test_an_impossible_offset_is_no_time(day: str, offset: str) -> None:
    """An offset of a day or more is no offset, even at the ends of the calendar."""
    assert to_utc(f"{day}T00:00:00.000{offset}") is None


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_an_instant_survives_any_offset(moment: datetime, minutes: int) -> None:
    """The instant that is read is the one that was written, whatever the offset."""
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{moment.isoformat(timespec='milliseconds')}{sign}{hours:02d}{rest:02d}"

    expected = (moment.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()
    assert to_millis(text) == pytest.approx((expected - minutes * 60) * 1000, abs=1.5)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text at all is either a time or none."""
    assert to_utc(text) is None or to_millis(text) is not None
    assert to_day(text) is None or to_utc(text) is not None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1492070429, "2017-04-13T08:00:29.000000Z"),
        (1492070429.5, "2017-04-13T08:00:29.500000Z"),
        (1759080993142, "2025-09-28T17:36:33.142000Z"),
        (-1, "1969-12-31T23:59:59.000000Z"),
        (9_223_372_036_854_775_807, None),
    ],
)
def test_numbers_are_seconds_or_milliseconds_by_size(number: float, expected: str | None) -> None:
    """Jira writes times as integers in seconds and in milliseconds; the size tells them apart."""
    assert number_to_utc(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05T00:00:00.000+0100", "2024-03-05"),
        ("2024-03-05T00:00:00Z", "2024-03-05"),
        ("2024-03-05T00:00:00.001Z", None),
        ("2024-03-05T12:00:00Z", None),
        ("2024-02-30", None),
        ("05/Mar/24", None),
    ],
)
def test_days_stay_days(text: str, expected: str | None) -> None:
    """A day stays the day it is; a time is a day only if nothing is lost by it."""
    assert to_day(text) == expected


@pytest.mark.parametrize("value", [None, 5, [], {}, "soon"])
def test_no_milliseconds_of_what_is_no_time(value: object) -> None:
    """What is no text of a time has no milliseconds."""
    assert to_millis(value) is None


def test_milliseconds_go_there_and_back() -> None:
    """Milliseconds are written so that they are read as the same."""
    assert to_millis(format_millis(1_700_000_000_123)) == 1_700_000_000_123


def test_milliseconds_out_of_range_have_no_text() -> None:
    """The year 51502, which Jira has shown, cannot be written."""
    assert format_millis(1_563_132_000_000_000) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (100, "2 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (12_000, "3 h 20 min"),
        (100_000, "27 h 47 min"),
        (1_000_000, "12 days"),
    ],
)
def test_spans_of_time_for_people(seconds: float, expected: str) -> None:
    """A span is told in the units that matter."""
    assert duration(seconds) == expected


def test_times_for_people() -> None:
    """A time is told to the minute, with its zone; one that no calendar has does no harm."""
    assert told(1_700_000_000.9) == "2023-11-14 22:13 UTC"
    assert told(10**15) == "a time beyond all calendars"
