"""What a run with OAuth 2.0 sends its requests with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tap_jira.config import Config
from tap_jira.oauth2 import Bearer, bearer
from tap_jira.pace import Gate
from tap_jira.retry import Retry
from tap_jira.wire import Request
from tests.atlassian import GATEWAY
from tests.fakes import Inline, Time

MYSELF = Request("GET", f"{GATEWAY}/rest/api/2/myself")


def sender_of(atlassian: Any, config: dict[str, Any], time: Time) -> Bearer:
    """What a run sends its requests with."""
    pool = Inline(time)
    retry = Retry(pool, Gate(pool, 4), jitter=lambda seconds: seconds)
    return bearer(Config(**config), atlassian, retry, {}, lambda secret: None)


def grant(path: Path) -> dict[str, Any]:
    """The one grant that the file holds."""
    [found] = json.loads(path.read_text()).values()
    return dict(found)
