"""Sites with thousands of custom fields: what is sent fits into a table, and is asked for by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
import pytest

from tap_jira.schema import DEFAULT_LEAVES, LONGEST_NAME, MOST_LEAVES
from tap_jira.simulator import Site
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import Time

USUAL = ("number", "string", "option", "user", "any", "date")
VALUES: dict[str, Any] = {
    "number": 1.5,
    "string": "a",
    "option": {"id": "1", "value": "Rot"},
    "user": {"name": "me", "displayName": "I"},
    "any": {"a": [1]},
    "date": "2024-03-05",
}
FIRST = 20_000


class Wide:
    """A site that has ``count`` more custom fields, of which each issue has all that were asked for, ``set_`` set."""

    def __init__(self, site: Site, count: int, set_: int = 20) -> None:
        self._site, self._set = site, set_
        self.kinds = {f"customfield_{FIRST + n}": USUAL[n % len(USUAL)] for n in range(count)}
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        response = self._site.send(request)
        if request.url.endswith("/rest/api/2/field"):
            return Response.of_json(orjson.loads(response.body) + list(map(self._declare, self.kinds)))
        if "/rest/api/2/search" in request.url and (wanted := self._wanted(request)):
            answer = orjson.loads(response.body)
            for issue in answer["issues"]:
                values = {name: VALUES[self.kinds[name]] for name in wanted[: self._set]}
                issue["fields"].update({**dict.fromkeys(wanted), **values})
            return Response.of_json(answer)
        return response

    def _wanted(self, request: Request) -> list[str]:
        named = re.findall(rb"-?customfield_2\d{4}", request.body or request.url.encode())
        text = {name.decode() for name in named}
        every = b"*all" in (request.body or b"") or "*all" in request.url or "%2Aall" in request.url
        return [name for name in self.kinds if name in text or (every and f"-{name}" not in text)]

    def _declare(self, name: str) -> dict[str, Any]:
        declared = {"type": self.kinds[name], "custom": "an.app:kind"}
        return {"id": name, "name": f"Field {name}", "custom": True, "schema": declared}


def selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with everything selected."""
    for entry in catalog["streams"]:
        for about in entry["metadata"]:
            about["metadata"]["selected"] = True
    return catalog


def leaves(node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, part in node["properties"].items():
        yield from leaves(part, f"{prefix}{name}__") if "properties" in part else [prefix + name]


def issues_schema(outcome: Any) -> dict[str, Any]:
    schema: dict[str, Any] = next(m["schema"] for m in outcome.of_type("SCHEMA") if m["stream"] == "jira_issues")
    return schema


@pytest.fixture
def wide(site: Site) -> Wide:
    return Wide(site, 5000)


def test_by_default_the_budget_is_kept(tap: Tap, wide: Wide) -> None:
    """Without a catalog a site of 5,000 fields gives at most 900 columns, with names of at most 63 bytes."""
    outcome = tap(to=wide)
    names = list(leaves(issues_schema(outcome)))

    assert (outcome.code, len(outcome.records("jira_issues"))) == (0, 60)
    assert DEFAULT_LEAVES - 20 < len(names) <= DEFAULT_LEAVES
    assert max(len(name.encode()) for name in names) <= LONGEST_NAME


def test_whatever_is_selected_a_table_can_hold_it(tap: Tap, wide: Wide, site: Site) -> None:
    """With all of 5,000 fields selected 1,000 columns are sent, in a SCHEMA that the records fit, and a warning."""
    catalog = selected(json.loads(tap("--discover", to=wide).output))
    outcome = tap(to=wide, catalog=catalog)
    schema = issues_schema(outcome)
    columns = schema["properties"]["fields"]["properties"]

    assert (outcome.code, len(list(leaves(schema)))) == (0, MOST_LEAVES)
    records = outcome.records("jira_issues")
    assert len(records) == len(list(site.world.issues()))
    assert [record["id"] for record in records if record["fields"].keys() - columns.keys()] == []
    (warning,) = [line for line in outcome.logged("WARNING") if "columns are selected" in line]
    assert re.search(r"\d+ are sent as JSON text \(customfield_.* and 4\d+ are left out \(customfield_", warning)


def test_what_is_left_out_is_not_asked_for(tap: Tap, wide: Wide) -> None:
    """A field that found no place is not asked of Jira either."""
    catalog = selected(json.loads(tap("--discover", to=wide).output))
    wide.asked.clear()
    outcome = tap(to=wide, catalog=catalog)
    sent = issues_schema(outcome)["properties"]["fields"]["properties"]

    search = max((request for request in wide.asked if "/search" in request.url), key=lambda r: len(r.body or b""))
    asked = orjson.loads(search.body or b"")["fields"]
    assert set(asked) == {*sent, "updated", "created"}


def test_no_more_is_folded_than_must_be(tap: Tap, site: Site) -> None:
    """When folding some objects makes room enough, each field is there, and the first ones are as they were."""
    wide = Wide(site, 100)
    outcome = tap(to=wide, catalog=selected(json.loads(tap("--discover", to=wide).output)))
    columns = issues_schema(outcome)["properties"]["fields"]["properties"]
    objects = [name for name in columns if name.startswith("customfield") and "properties" in columns[name]]

    assert wide.kinds.keys() <= columns.keys()
    assert MOST_LEAVES - 20 < len(list(leaves(issues_schema(outcome)))) <= MOST_LEAVES
    folded = [name for name, kind in wide.kinds.items() if kind in ("user", "option") and name not in objects]
    assert folded
    assert max(objects) < min(folded)
    (warning,) = [line for line in outcome.logged("WARNING") if "columns are selected" in line]
    assert "left out" not in warning


def test_a_folded_object_is_json_text(tap: Tap, site: Site) -> None:
    """The text of a folded field is what Jira gave, in JSON."""
    wide = Wide(site, 5000)
    outcome = tap(to=wide, catalog=selected(json.loads(tap("--discover", to=wide).output)))
    record = outcome.records("jira_issues")[0]["fields"]
    name = next(name for name, kind in wide.kinds.items() if kind == "user")

    assert json.loads(record[name]) == VALUES["user"]
    assert outcome.logged("WARNING") == [line for line in outcome.logged("WARNING") if "columns are selected" in line]


def test_a_run_without_changes_builds_no_types(
    tap: Tap, wide: Wide, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The types of a thousand columns are made for the first issue, so a run without issues does not pay for them."""
    state = tap(to=wide).state
    time.seconds += 7200
    state = tap(to=wide, state=state).state
    time.seconds += 7200
    made: list[Any] = []
    monkeypatch.setattr(msgspec, "defstruct", lambda *given, **more: made.append(given))

    outcome = tap(to=wide, state=state)

    assert (outcome.code, outcome.records("jira_issues"), made) == (0, [], [])
