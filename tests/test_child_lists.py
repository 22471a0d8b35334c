"""Tables of comments, changes and worklogs where Jira gives their lists in part, not at all, or in an odd shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tap_jira.simulator import Faults, Site
from tap_jira.simulator.children import change_total, comment_total, worklog_total
from tap_jira.wire import Response
from tests.conftest import Tap
from tests.fakes import Time
from tests.test_child_tables import (
    CHANGES,
    CHILDREN,
    COMMENTS,
    DAY,
    ISSUES,
    MANY_COMMENTS,
    WORKLOGS,
    Catalog,
    Heard,
    ids,
    kept,
    made,
    only,
    refusing,
)


def test_lists_are_completed_once(tap: Tap, cutting: Site, everything: Catalog) -> None:
    """The rest of a long list is asked for once, for the issue and for the table."""
    alone, both = Heard(cutting), Heard(cutting)
    tap(to=alone, catalog=only(everything, ISSUES))
    tap(to=both, catalog=only(everything, ISSUES, *CHILDREN))

    assert len(both.of(f"issue/{MANY_COMMENTS}/comment")) == 1
    assert [path for path, _ in both.asked] == [path for path, _ in alone.asked]


def test_a_list_that_fails_is_owed_to_its_table(tap: Tap, cutting: Site, everything: Catalog) -> None:
    """What came of a list is sent; the rest is remembered for that table alone, and comes once Jira can give it."""
    catalog = only(everything, ISSUES, COMMENTS, WORKLOGS)
    first = tap(to=refusing(cutting, f"{MANY_COMMENTS}/comment", 500), catalog=catalog)
    second = tap(to=cutting, catalog=catalog, state=first.state)

    assert (first.code, second.code) == (4, 0)
    assert [kept(first, name).get("owed") for name in (ISSUES, COMMENTS, WORKLOGS)] == [None, [MANY_COMMENTS], None]
    assert len(made(cutting.world, comment_total)) - len(ids(first, COMMENTS)) == 110
    assert set(ids(second, COMMENTS)) == set(made(cutting.world, comment_total, [int(MANY_COMMENTS)]))
    assert [kept(second, name).get("owed") for name in (ISSUES, COMMENTS)] == [None, None]


def test_an_issue_deleted_meanwhile_owes_nothing(tap: Tap, cutting: Site, everything: Catalog) -> None:
    """An issue that is gone when the rest of its comments is asked for is no failure."""
    outcome = tap(to=refusing(cutting, f"{MANY_COMMENTS}/comment", 404), catalog=only(everything, COMMENTS))

    assert (outcome.code, kept(outcome, COMMENTS).get("owed")) == (0, None)


@pytest.mark.parametrize("names", [(ISSUES, *CHILDREN), (COMMENTS,)])
def test_children_of_an_issue_with_plain_fields(
    tap: Tap, site: Site, everything: Catalog, names: tuple[str, ...]
) -> None:
    """Of an issue that Jira cannot print whole, the lists are asked for by themselves, and come."""
    jira = Faults(site, poison=[10007, 10013], poison_fields=("description", "summary,comment"))
    outcome = tap(to=jira, catalog=only(everything, *names))

    assert outcome.code == 0
    assert {name: ids(outcome, name) for name in names if name != ISSUES} == {
        name: made(site.world, CHILDREN[name][1]) for name in names if name != ISSUES
    }


def test_a_list_that_cannot_be_printed(tap: Tap, site: Site, everything: Catalog) -> None:
    """An issue that Jira fails over because of its comments owes them, and nothing else."""
    jira = Faults(site, poison=[10007], poison_fields=("comment",))
    outcome = tap(to=jira, catalog=only(everything, ISSUES, *CHILDREN))

    assert outcome.code == 4
    assert [kept(outcome, name).get("owed") for name in (ISSUES, *CHILDREN)] == [None, ["10007"], None, None]
    assert len(outcome.records(ISSUES)) == 60
    assert ids(outcome, CHANGES) == made(site.world, change_total)
    assert ids(outcome, WORKLOGS) == made(site.world, worklog_total)


def test_a_debt_to_one_table_hides_nothing_from_another(tap: Tap, site: Site, time: Time, everything: Catalog) -> None:
    """An issue that was owed to the issues comes to a table that is selected later as well."""
    jira = Faults(site, poison=[10007], poison_fields=("summary", "description"))
    state = tap(to=jira, catalog=only(everything, ISSUES)).state
    time.seconds += DAY
    outcome = tap(catalog=only(everything, ISSUES, COMMENTS), state=state)

    assert state["bookmarks"][ISSUES]["owed"] == ["10007"]
    assert ids(outcome, ISSUES) == ["10007"]
    assert ids(outcome, COMMENTS) == made(site.world, comment_total)


@pytest.mark.parametrize("status", [403, 500])
def test_a_scan_that_fails(tap: Tap, site: Site, everything: Catalog, status: int) -> None:
    """Where the search is refused or fails, that is so for all tables that it feeds, and for no other."""
    outcome = tap(to=refusing(site, "search", status), catalog=only(everything, ISSUES, COMMENTS, "jira_resolutions"))
    table = {line.split()[1]: line for line in outcome.logged("INFO") if len(line.split()) > 8}

    word = "skipped" if status == 403 else "failed"
    assert outcome.code == (3 if status == 403 else 4)
    assert [word in table[name] for name in (ISSUES, COMMENTS, "jira_resolutions")] == [True, True, False]
    assert [line for line in outcome.logged("ERROR") if f"{ISSUES}, {COMMENTS} are " in line]
    assert len(outcome.records("jira_resolutions")) == 6


def odd(comment: Any) -> Callable[[str, Response], Response]:
    """The first issue of a page has this in the place of its comments."""

    def change(path: str, answer: Response) -> Response:
        if path != "search":
            return answer
        found = orjson.loads(answer.body)
        for issue in found["issues"][:1]:
            if "comment" in issue["fields"]:
                issue["fields"]["comment"] = comment
        return Response.of_json(found)

    return change


@pytest.mark.parametrize("entry", [{}, {"body": "x"}, {"id": None}, None, "text", 5, [1], []])
def test_a_child_without_its_id(tap: Tap, site: Site, everything: Catalog, entry: Any) -> None:
    """It is counted and left out, as a record without its key; those beside it come."""
    comments = {"comments": [{"id": "1"}, entry, {"id": "2"}], "total": 3}
    outcome = tap(to=Heard(site, odd(comments)), catalog=only(everything, COMMENTS))

    assert {"1", "2"} < set(ids(outcome, COMMENTS))
    assert outcome.code == 1
    assert f"{COMMENTS}: 1 records without their key were left out" in outcome.log


@pytest.mark.parametrize("comment", [None, "text", 5, [], {"comments": "text"}, {"comments": None}, {}])
def test_an_odd_list_hides_no_other(tap: Tap, site: Site, everything: Catalog, comment: Any) -> None:
    """An issue whose comments are no list has none, and its changes and worklogs come."""
    outcome = tap(to=Heard(site, odd(comment)), catalog=only(everything, *CHILDREN))

    assert outcome.code == 0
    assert ids(outcome, CHANGES) == made(site.world, change_total)
    assert ids(outcome, WORKLOGS) == made(site.world, worklog_total)


def test_odd_values_of_a_child(tap: Tap, site: Site, everything: Catalog) -> None:
    """A child's values are shaped as any: numbers become texts, times are in UTC, what does not fit becomes null.

    What a child says of the issue does not count, nor does an order of its members.
    """
    comment = {
        "issue_key": "NO-1",
        "id": 7,
        "created": "2024-01-01T10:00:00.000+0200",
        "author": True,
        "body": {"a": [1]},
    }
    outcome = tap(to=Heard(site, odd({"comments": [comment], "total": 1})), catalog=only(everything, COMMENTS))
    record = next(record for record in outcome.records(COMMENTS) if record["id"] == "7")

    assert (record["created"], record["author"], record["body"]) == ("2024-01-01T08:00:00.000000Z", None, '{"a":[1]}')
    assert record["issue_key"] != "NO-1"
    assert [line for line in outcome.logged("WARNING") if f"{COMMENTS} 7: author holds a boolean" in line]
