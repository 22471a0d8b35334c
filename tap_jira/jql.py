"""Write the JQL of a window of issues, in numbers or, where a site misreads those, in dates of the account's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Protocol
from zoneinfo import ZoneInfo

from tap_jira.search import Ask, Window


class Dialect(Protocol):
    """How a bound of a window is written."""

    @property
    def name(self) -> str:
        """What the state calls it."""

    def aligned(self, seconds: int) -> int:
        """The latest instant at or before ``seconds`` that can be written without doubt."""

    def bound(self, seconds: int) -> str:
        """An aligned instant (epoch seconds) as JQL."""


@dataclass(frozen=True)
class Numbers:
    """Unquoted epoch milliseconds: no time zone, no daylight saving. Documented for date fields since JIRA 5.2."""

    name: str = "number"

    def aligned(self, seconds: int) -> int:
        """Any whole second can be written."""
        return seconds

    def bound(self, seconds: int) -> str:
        """Milliseconds; quoted they would be read as the text of a date."""
        return str(seconds * 1000)


@dataclass(frozen=True)
class Literals:
    """Dates to the minute, which Jira reads in the zone of the account's profile."""

    zone: str
    name: str = "literal"

    def aligned(self, seconds: int) -> int:
        """A whole minute, before the hour that occurs twice when summer time ends."""
        seconds -= seconds % 60
        while self._is_doubtful(seconds):
            seconds -= 1800
        return seconds

    def bound(self, seconds: int) -> str:
        """The minute, quoted."""
        return f'"{self._local(seconds):%Y-%m-%d %H:%M}"'

    def _local(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, timezone.utc).astimezone(ZoneInfo(self.zone))

    def _is_doubtful(self, seconds: int) -> bool:
        local = self._local(seconds)
        return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def text(ask: Ask, dialect: Dialect, condition: str = "") -> str:
    """The JQL that finds a window's issues in the order that its pages are joined by; ``condition`` narrows it."""
    direction = "DESC" if ask.backwards else "ASC"
    return f"{where(ask.window, dialect, condition)} ORDER BY updated {direction}, key {direction}"


def condition(projects: tuple[str, ...], jql: str | None) -> str:
    """The user's filters as one condition, '' if there are none; keys are quoted, as some are reserved words."""
    parts = []
    if projects:
        parts.append("project in ({})".format(", ".join(f'"{key}"' for key in projects)))
    if jql:
        parts.append(f"({jql})")
    return " AND ".join(parts)


def where(window: Window, dialect: Dialect, condition: str = "") -> str:
    """The JQL that finds a window's issues in no order: enough to count them."""
    parts = [condition] if condition else []
    parts.append(f"updated >= {dialect.bound(window.low)}")
    if window.high is not None:
        parts.append(f"updated < {dialect.bound(window.high)}")
    if window.created is not None:
        low, high = window.created
        parts.append(f"created >= {dialect.bound(low)}")
        if high is not None:
            parts.append(f"created < {dialect.bound(high)}")
    return " AND ".join(parts)
