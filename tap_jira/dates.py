"""Read the dates and times that Jira writes, and write them as targets want them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

# 2016-03-03T14:32:47.000+0000, an offset with or without a colon, Z, or none; no milliseconds in some answers
# (users' lastLoginTime), more than three digits never seen but harmless.
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?\s?"
    r"(?:Z|([+-](?:[01]\d|2[0-3])):?([0-5]\d))?",
    re.ASCII,
)
_WHOLE_HOURS = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}[+-](?:[01]\d|2[0-3])00", re.ASCII)
"""As most other sites print it, in a zone that is whole hours off UTC."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_EPOCH = datetime(1970, 1, 1)  # in UTC, as all that is counted from it
SECONDS_BELOW = 10**11
"""An epoch number under this is in seconds (it would be 1973 in milliseconds); Jira's integers come in both."""


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return text >= "0001-01-02" and text <= "9999-12-30"  # one day of room for any offset


@lru_cache(maxsize=8192)
def _utc_hour(hour: str, offset: str) -> str | None:
    """The same hour in UTC, which is so many hours off; None if there is no such day."""
    if not _is_day(hour[:10]):
        return None
    return (datetime.fromisoformat(hour) - timedelta(hours=int(offset))).isoformat(timespec="hours")


def to_utc(text: str) -> str | None:
    """The same instant as ``2024-03-05T12:34:56.789000Z``; None if ``text`` is no date-time of the years 1 to 9999.

    A date alone is its midnight, and a time without an offset is taken as UTC.
    """
    if text[23:] == "+0000" and text[4:20:3] == "--T::." and text[11:13] != "24":
        # As nearly every site prints it; what stands between these marks is for the fastest parser to judge, which
        # takes the end of a day for an hour from Python 3.14 on.
        try:
            datetime.fromisoformat(text[:23])
        except ValueError:
            return None
        return f"{text[:23]}000Z"
    if _WHOLE_HOURS.fullmatch(text):
        hour = _utc_hour(text[:13], text[23:26])
        return hour and f"{hour}{text[13:23]}000Z"
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return text + "T00:00:00.000000Z" if _DATE.fullmatch(text) and _is_day(text) else None
    day, hour, minute, second, fraction, offset_hours, offset_minutes = match.groups()
    if not _is_day(day):
        return None
    micros = (fraction or "")[:6].ljust(6, "0")
    if offset_hours is None or (offset_hours[1:] == "00" and offset_minutes == "00"):
        return f"{day}T{hour}:{minute}:{second}.{micros}Z"
    offset = timedelta(hours=int(offset_hours[1:]), minutes=int(offset_minutes))
    local = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}.{micros}")
    shifted = local - offset if offset_hours[0] == "+" else local + offset
    return shifted.isoformat(timespec="microseconds") + "Z"


def number_to_utc(number: float) -> str | None:
    """The instant an epoch number means, in seconds or milliseconds by its size, as ``to_utc`` writes it."""
    millis = number * 1000 if abs(number) < SECONDS_BELOW else number
    return format_millis(int(millis))


def format_millis(millis: int) -> str | None:
    """Epoch milliseconds as ``2024-03-05T12:34:56.789000Z``; None outside the years 1 to 9999."""
    try:
        return (_EPOCH + timedelta(milliseconds=millis)).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        return None


def to_millis(text: object) -> int | None:
    """Epoch milliseconds (rounded down) of a date-time as Jira or ``to_utc`` writes it; None if it is none."""
    utc = to_utc(text) if isinstance(text, str) else None
    if utc is None:
        return None
    # Python 3.10 does not read the Z; and to divide by a timedelta takes longer than all the rest.
    since = datetime.fromisoformat(utc[:-1]) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def to_day(text: str) -> str | None:
    """``YYYY-MM-DD`` of a date, or of a date-time that is a midnight; None for anything that would lose by it."""
    if _DATE.fullmatch(text):
        return text if _is_day(text) else None
    match = _DATE_TIME.fullmatch(text)
    if match is None or not _is_day(match[1]):
        return None
    midnight = match[2] == match[3] == match[4] == "00" and not (match[5] or "").strip("0")
    return match[1] if midnight else None


def told(seconds: float) -> str:
    """Epoch seconds for people: ``2024-03-05 12:34 UTC``."""
    text = format_millis(int(seconds) * 1000)
    return f"{text[:16].replace('T', ' ')} UTC" if text else "a time beyond all calendars"


def duration(seconds: float) -> str:
    """A span of time for people, in the one or two units that matter: ``45 s``, ``3 h 20 min``, ``12 days``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    return f"{round(seconds / 86_400)} days"
