"""Sprints come as the same objects from both kinds of site, whatever Data Center prints."""

from __future__ import annotations

from typing import Any

import pytest

from tap_jira.sprints import parse
from tests.conftest import Tap
from tests.test_columns import issues_schema
from tests.test_schema import columns, issues_with
from tests.test_typed import Shape

CLASS = "com.atlassian.greenhopper.service.sprint.Sprint"
OLD = (
    "id=12,rapidViewId=3,state=ACTIVE,name={name},startDate=2019-01-01T10:00:00.000+01:00,endDate=<null>,"
    "completeDate=<null>,activatedDate=<null>,sequence=12,goal={goal}"
)
NEW = (
    "activatedDate=<null>,autoStartStop=false,completeDate=<null>,endDate=<null>,goal={goal},id=12,"
    "incompleteIssuesDestinationId=<null>,name={name},rapidViewId=3,sequence=12,startDate=2019-01-01T10:00:00.000+01:00,"
    "state=ACTIVE,synced=false"
)
READ = {"id": 12, "boardId": 3, "state": "active", "sequence": 12, "startDate": "2019-01-01T10:00:00.000+01:00"}
READ |= dict.fromkeys(["endDate", "completeDate", "activatedDate"])
TEXTS = [
    "",
    "S 1",
    "Sprint, 5 [x]",
    "a,b=c",
    "]",
    "[",
    "a=b",
    "x\ny,\r\nz",
    "Größe ⚙",
    "1,id=",
    "a,state=b c",
    ",",
    "@[id=5]",
]


def printed(body: str) -> str:
    return f"{CLASS}@1c2b[{body}]"


@pytest.mark.parametrize("layout", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("goal", TEXTS)
def test_names_and_goals(layout: str, name: str, goal: str) -> None:
    """A name and a goal may hold all that ends a value elsewhere, in each order in which sprints are printed."""
    assert parse(printed(layout.format(name=name, goal=goal))) == {**READ, "name": name, "goal": goal}


def test_members_that_were_there_already() -> None:
    """A text that looks like a member printed before is part of the name or the goal it stands in."""
    made = parse(printed(OLD.format(name="a,state=CLOSED,id=7", goal="b,sequence=3")))
    assert made == {**READ, "name": "a,state=CLOSED,id=7", "goal": "b,sequence=3"}


def test_null_is_null() -> None:
    """What is printed as <null> is null, also as a text or a number."""
    made = parse(printed("id=1,rapidViewId=<null>,state=<null>,name=<null>,goal=<null>,sequence=<null>,endDate="))
    assert made == {"id": 1, **dict.fromkeys(["boardId", "state", "name", "goal", "sequence", "endDate"])}


def test_members_that_are_not_known() -> None:
    """A member that nobody knows is ignored where it stands behind one that is no free text."""
    assert parse(printed("new=1,id=1,other=x y,rapidViewId=2,name=S")) == {"id": 1, "boardId": 2, "name": "S"}


@pytest.mark.parametrize(
    "text", ["", "Sprint 5", CLASS, f"{CLASS}@1[", printed(""), printed("x"), f"x{printed('id=1')}"]
)
def test_what_is_no_sprint(text: str) -> None:
    """Any other text is no sprint."""
    assert parse(text) is None


def sprint_column(items: str) -> dict[str, Any]:
    declared = {"type": "array", "items": items, "custom": "com.pyxis.greenhopper.jira:gh-sprint", "customId": 7}
    found = columns(issues_with({"id": "customfield_7", "name": "Sprint", "schema": declared}))
    column: dict[str, Any] = found["customfield_7"]
    return column


def test_both_kinds_of_site_have_one_column() -> None:
    """Declared as texts or as json, the field becomes a list of sprints with a board, dates and numbers."""
    assert sprint_column("string") == sprint_column("json")
    node = sprint_column("json")["items"]["properties"]
    assert node["boardId"]["type"] == node["sequence"]["type"] == ["null", "integer"]
    assert {name for name, part in node.items() if part.get("format") == "date-time"} == {
        "createdDate", "startDate", "activatedDate", "endDate", "completeDate",
    }  # fmt: skip


SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "fields": {"type": ["null", "object"], "properties": {"customfield_7": sprint_column("string")}},
    },
}
OBJECT = {"id": 12, "name": "S", "state": "active", "boardId": 3, "startDate": "2019-01-01T10:00:00.000+01:00"}
TEXT = printed("id=12,rapidViewId=3,state=ACTIVE,name=S,startDate=2019-01-01T10:00:00.000+01:00")


@pytest.mark.parametrize("value", [[OBJECT], [TEXT], OBJECT, TEXT], ids=["objects", "texts", "object", "text"])
def test_a_sprint_in_any_shape(value: Any) -> None:
    """A list of objects, of texts, a single object and a single text become the same list, with times in UTC."""
    shape = Shape(SCHEMA, SCHEMA)
    for _ in range(3):
        record = shape.text({"id": "1", "fields": {"customfield_7": value}})
        assert record["fields"]["customfield_7"] == [{**OBJECT, "startDate": "2019-01-01T09:00:00.000000Z"}]
    assert shape.warnings == []


def test_a_text_that_is_no_sprint() -> None:
    """It becomes the name of a sprint of which nothing else is known."""
    assert Shape(SCHEMA, SCHEMA).text({"id": "1", "fields": {"customfield_7": ["S 1"]}})["fields"] == {
        "customfield_7": [{"name": "S 1"}]
    }


def test_printed_sprints_cost_no_second_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first printed sprint issues are read the fast way again."""
    shape = Shape(SCHEMA, SCHEMA)
    shape.text({"id": "1", "fields": {"customfield_7": [TEXT]}})

    def refuse(text: bytes) -> Any:
        raise AssertionError("read the slow way")

    monkeypatch.setattr("tap_jira.typed.load_anyhow", refuse)
    for n in range(5):
        assert shape.text({"id": str(n), "fields": {"customfield_7": [TEXT]}})["fields"]["customfield_7"][0]["id"] == 12


def sprints_of(outcome: Any) -> dict[int, dict[str, Any]]:
    """The sprints of a run by id, as the issues have them."""
    fields = issues_schema(outcome)["properties"]["fields"]["properties"]
    names = [name for name, node in fields.items() if str(node.get("title", "")).startswith("Sprint")]
    found = [
        sprint for issue in outcome.records("jira_issues") for name in names for sprint in issue["fields"][name] or []
    ]
    assert len(names) > 1
    return {sprint["id"]: sprint for sprint in found}


def test_both_kinds_of_site_give_the_same_sprints(tap: Tap, cloud: Any, keys: Any) -> None:
    """The simulated Data Center prints its sprints in two ways, the Cloud gives objects: the records are the same."""
    center = tap()
    other = tap(to=cloud, config={"base_url": "https://example.atlassian.net", **keys.basic})
    printed, given = sprints_of(center), sprints_of(other)
    common = printed.keys() & given.keys()

    assert (center.code, other.code) == (0, 0)
    assert len(common) > 5
    assert any("\n" in sprint["goal"] for sprint in printed.values())
    for number in common:
        said = {name: value for name, value in printed[number].items() if name in given[number]}
        assert said == given[number]
    assert not [line for line in (*center.logged("WARNING"), *other.logged("WARNING")) if "became null" in line]
