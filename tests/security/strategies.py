"""JSON of any shape, and the files of a run with something in them that should not be there."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tap_jira import discover
from tap_jira.config import WAYS_IN, Config
from tap_jira.site import Site
from tests.fakes import BASE, Inline, Scripted, Time, client_of

WORDS = st.sampled_from(
    [
        "",
        "true",
        "FALSE",
        "null",
        "id",
        "jira_issues",
        "type",
        "\x00",
        "\ud800",
        "1" * 400,
        "2024-01-01",
        "a\nb",
        'a"b',
        "../x",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(2**63), 2**64])
    | st.floats()
    | st.text(max_size=5)
    | WORDS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with something else in one place."""
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(changed(value[place])), *value[place + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    if draw(st.integers(0, 9)) == 0:
        return {other: part for other, part in value.items() if other != name}
    return {**value, name: draw(changed(value[name]))}


GOOD_STATE = {
    "bookmarks": {
        "jira_issues": {
            "updated_at": "2023-11-14T22:13:20.000000Z",
            "dates": "number",
            "search": "server",
            "owed": ["10001"],
            "filter": "project = X",
        }
    },
    "currently_syncing": "jira_users",
}
GOOD_GRANTS = {"0" * 64: {"refresh_token": "r", "access_token": "a", "given_at": 1.0, "renew_at": 2.0}}
NAMES = st.sampled_from(sorted(Config.__dataclass_fields__))
CONFIGS = (
    st.dictionaries(NAMES | WORDS, JSON, max_size=5)
    | st.sampled_from(sorted(WAYS_IN)).flatmap(
        lambda way: changed({"base_url": BASE, "page_size": 5, **{names[0]: "text" for names in WAYS_IN[way]}})
    )
    | JSON
)


@cache
def good_catalog() -> dict[str, Any]:
    """A catalog as discovery prints it, of two tables and few columns."""
    client = client_of(Scripted(), Inline(Time()))
    site = Site("server", (9, 12), "somebody", "UTC", 0, 0.0)
    entries = {entry["stream"]: entry for entry in discover.discover(client, site, [])["streams"]}
    issues = entries["jira_issues"]
    fields = issues["schema"]["properties"]["fields"]["properties"]
    kept = {name: fields[name] for name in ("summary", "updated", "status", "labels", "comment")}
    issues["schema"]["properties"]["fields"]["properties"] = kept
    issues["metadata"] = issues["metadata"][:12]
    return {"streams": [issues, entries["jira_resolutions"]]}
