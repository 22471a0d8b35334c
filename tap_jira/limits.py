"""Which of Jira Cloud's limits an answer speaks of, and when that one is lifted."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from tap_jira.wire import Headers

# https://developer.atlassian.com/cloud/jira/platform/rate-limiting/; the last two were in use before March 2026.
QUOTAS = {
    "jira-quota-global-based": "the hourly quota of points that this app has for all sites together",
    "jira-quota-tenant-based": "the hourly quota of points that this app has for this site",
    "jira-quota-based": "the quota of requests",
    "jira-cost-based": "the quota of what requests may cost",
}
BURST = "jira-burst-based"


def is_named(headers: Headers) -> bool:
    """Whether an answer names a limit that it has hit."""
    return bool(_reason(headers))


def is_near(headers: Headers) -> bool:
    """Whether less than a fifth of a limit is left."""
    return str(headers.get("X-RateLimit-NearLimit", "")).strip().lower() == "true"


def lifted_at(headers: Headers) -> float | None:
    """Epoch seconds at which the limit that was hit is lifted; None if the answer does not tell.

    ``X-RateLimit-Reset`` comes with a 429 alone, in UTC and without seconds: 2026-03-02T15:00Z.
    """
    text = str(headers.get("X-RateLimit-Reset", "")).strip()
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.\d+)?Z", text, re.ASCII)
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or ":00")) if match else None
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp() if moment else None


def describe(headers: Headers, until: float | None) -> str:
    """Which limit was hit, in words; '' if the answer names none. ``until`` is in epoch seconds."""
    reason = _reason(headers)
    if reason in QUOTAS:
        return f"{QUOTAS[reason]} is used up{_until(until)}"
    if reason == BURST:
        return "more requests at a time than Jira takes"
    return f"the limit {reason} is reached{_until(until)}" if reason else ""


def _reason(headers: Headers) -> str:
    return re.sub(r"[^\w.-]", "", str(headers.get("RateLimit-Reason", "")))[:60]


def _until(until: float | None) -> str:
    try:
        return "" if until is None else f" until {datetime.fromtimestamp(until, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""
