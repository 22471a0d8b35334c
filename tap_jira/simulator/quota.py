"""Cloud's two limits: points in an hour and requests in a second."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from random import Random

from tap_jira.simulator.answers import refusal
from tap_jira.wire import Response

_HOUR = 3600
_NEAR = 0.2


class Quota:
    """Lets requests through while there are points left in this hour and room in this second of the world's clock.

    A request costs a point and one more for each object it answers. Atlassian counts points for apps alone
    (https://developer.atlassian.com/cloud/jira/platform/rate-limiting/); here everybody pays, to try each way in.
    A ``busy_share`` of the requests is a 503 with Retry-After whatever is left.
    """

    def __init__(
        self,
        *,
        points: int = 65_000,
        burst: int = 100,
        busy_share: float = 0.0,
        seed: int = 1,
        now: Callable[[], float],
    ) -> None:
        self._points, self._burst, self._busy_share, self._now = points, burst, busy_share, now
        self._random = Random(seed)
        self._hour, self._spent = 0, 0
        self._second, self._requests = 0, 0

    def refuse(self) -> Response | None:
        """The answer to a request that comes too soon; None for one that may pass."""
        now = self._now()
        if int(now) != self._second:
            self._second, self._requests = int(now), 0
        if int(now) // _HOUR != self._hour:
            self._hour, self._spent = int(now) // _HOUR, 0
        self._requests += 1
        if self._busy_share and self._random.random() < self._busy_share:
            return refusal(503, "Service temporarily unavailable.", headers={"Retry-After": "1"})
        if self._spent >= self._points:
            return self._too_many("jira-quota-global-based", (self._hour + 1) * _HOUR)
        if self._requests > self._burst:
            return self._too_many("jira-burst-based", self._second + 1)
        return None

    def pay(self, objects: int) -> dict[str, str]:
        """Charge for an answer of so many objects; the headers that say what is left."""
        self._spent += 1 + objects
        left = max(0, self._points - self._spent)
        headers = {"X-RateLimit-Limit": str(self._points), "X-RateLimit-Remaining": str(left)}
        return {**headers, "X-RateLimit-NearLimit": "true"} if left < self._points * _NEAR else headers

    def _too_many(self, reason: str, reset: int) -> Response:
        limit = self._burst if "burst" in reason else self._points
        headers = {
            # Rounded up: whoever waits so long finds the door open.
            "Retry-After": str(max(1, math.ceil(reset - self._now()))),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": datetime.fromtimestamp(reset, timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
            "X-RateLimit-NearLimit": "true",
            "RateLimit-Reason": reason,
        }
        return refusal(429, "Rate limit exceeded.", headers=headers)
