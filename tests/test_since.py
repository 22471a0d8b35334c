"""What a changed configuration or catalog makes incomplete is noticed, said, and read again where that is wanted."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tap_jira.dates import to_millis
from tap_jira.simulator import Site
from tests.conftest import Tap
from tests.fakes import Outcome, Time
from tests.stage import very_wide

EARLY, LATE = "2023-09-01T00:00:00Z", "2023-10-15T00:00:00Z"
AGAIN = "everything is read again"
COLUMN = "fields.description"
ADD = 'add "reread_for_new_columns": true to the configuration'


@pytest.fixture
def catalog(tap: Tap) -> dict[str, Any]:
    """The catalog of the site, with its issues alone."""
    return {"streams": json.loads(tap("--discover").output)["streams"][:1]}


def without(catalog: dict[str, Any], *columns: str) -> dict[str, Any]:
    """The catalog with these columns unselected."""
    crumbs = [[part for name in column.split(".") for part in ("properties", name)] for column in columns]
    changed = copy.deepcopy(catalog)
    for entry in changed["streams"][0]["metadata"]:
        if entry["breadcrumb"] in crumbs:
            entry["metadata"]["selected"] = False
    return changed


def ids(outcome: Outcome) -> set[str]:
    return {record["id"] for record in outcome.records("jira_issues")}


def since(site: Site, start: str) -> set[str]:
    """The ids of all issues updated from then on."""
    return {str(issue.id) for issue in site.world.issues() if issue.updated >= (to_millis(start) or 0)}


def everything(site: Site) -> set[str]:
    return {str(issue.id) for issue in site.world.issues()}


def kept(outcome: Outcome) -> dict[str, Any]:
    bookmark: dict[str, Any] = outcome.state["bookmarks"]["jira_issues"]
    return bookmark


def notices(outcome: Outcome) -> list[str]:
    return [line for line in outcome.logged("WARNING") if "jira_issues: " in line]


def cut_off(outcome: Outcome) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Each state that a run wrote, as if it had been killed then, with the issues that a target has by then."""
    stored: set[str] = set()
    for message in outcome.messages:
        if message["type"] == "RECORD" and message["stream"] == "jira_issues":
            stored.add(message["record"]["id"])
        elif message["type"] == "STATE":
            yield message["value"], set(stored)


# An earlier start_date.


def test_an_earlier_start_date(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """A start_date before the one that the table begins with makes the run read all from there, and say so."""
    first = tap(config={**config, "start_date": LATE})
    second = tap(state=first.state, config={**config, "start_date": EARLY})

    assert ids(first) == since(site, LATE) < ids(second) == since(site, EARLY)
    assert notices(second) == [
        "WARNING jira_issues: start_date is 2023-09-01 00:00 UTC now, and what was read begins with "
        f"2023-10-15 00:00 UTC; {AGAIN}"
    ]
    assert kept(second)["complete_since"] == "2023-09-01T00:00:00.000000Z"


def test_an_earlier_start_date_counts_once(tap: Tap, config: dict[str, Any]) -> None:
    """The run after that goes on from the bookmark without a word."""
    first = tap(config={**config, "start_date": LATE})
    second = tap(state=first.state, config={**config, "start_date": EARLY})
    third = tap(state=second.state, config={**config, "start_date": EARLY})

    assert (ids(third), notices(third)) == (set(), [])


def test_killed_while_it_reads_from_an_earlier_start_date(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """From each state of such a run the next one brings what is missing; from the first with a word, later without."""
    first = tap(config={**config, "start_date": LATE})
    early = {**config, "start_date": EARLY, "page_size": 1}
    again = tap(state=first.state, config=early)
    resumed = [(tap(state=state, config=early), stored) for state, stored in cut_off(again)]

    assert len(resumed) > 3
    assert [ids(outcome) | stored for outcome, stored in resumed] == [since(site, EARLY)] * len(resumed)
    assert [bool(notices(outcome)) for outcome, _ in resumed] == [True] + [False] * (len(resumed) - 1)
    # What was read before the kill is not read for ever.
    assert len(ids(resumed[2][0])) < len(since(site, EARLY))


def test_a_later_start_date(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """A later start_date changes nothing for what is there: neither does it read again, nor the way back from it."""
    first = tap(config={**config, "start_date": EARLY})
    second = tap(state=first.state, config={**config, "start_date": LATE})
    third = tap(state=second.state, config={**config, "start_date": EARLY})

    assert [ids(second), ids(third), notices(second), notices(third)] == [set(), set(), [], []]
    assert kept(third)["complete_since"] == "2023-09-01T00:00:00.000000Z"


def test_no_start_date(tap: Tap, time: Time) -> None:
    """Without a start_date the first sync goes a year back, and that this moves makes no run read again."""
    first = tap()
    time.seconds += 40 * 24 * 3600
    second = tap(state=first.state)

    assert (ids(second), notices(second)) == (set(), [])
    assert kept(second)["complete_since"] == kept(first)["complete_since"] == "2022-11-14T22:13:20.000000Z"


def test_a_start_date_that_is_removed(tap: Tap, config: dict[str, Any]) -> None:
    """The year that holds without a start_date asks for nothing: only a start_date makes a run read again."""
    first = tap(config={**config, "start_date": LATE})
    second = tap(state=first.state)

    assert (ids(second), notices(second)) == (set(), [])
    assert kept(second)["complete_since"] == kept(first)["complete_since"]


def test_a_start_date_after_none(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """A start_date more than a year back is earlier than none; one within the year is not."""
    first = tap()
    within = tap(state=first.state, config={**config, "start_date": EARLY})
    before = tap(state=first.state, config={**config, "start_date": "2022-11-01"})

    assert (ids(within), ids(before)) == (set(), everything(site))


def test_a_start_date_after_the_bookmark(tap: Tap, site: Site, time: Time, config: dict[str, Any]) -> None:
    """What a run passed over because of its start_date is read once an earlier one asks for it."""
    first = tap(config={**config, "start_date": EARLY})
    time.seconds += 10 * 24 * 3600
    site.world.edit(10010)
    time.seconds += 10 * 24 * 3600
    over = tap(state=first.state, config={**config, "start_date": "2023-12-01"})
    back = tap(state=over.state, config={**config, "start_date": EARLY})

    assert (ids(over), notices(over)) == (set(), [])
    assert "10010" in ids(back) == since(site, EARLY)


def test_a_start_date_in_the_future(tap: Tap, config: dict[str, Any]) -> None:
    """A start_date that is yet to come passes over nothing, so correcting it reads nothing again."""
    first = tap(config={**config, "start_date": EARLY})
    typo = tap(state=first.state, config={**config, "start_date": "2203-09-01"})
    corrected = tap(state=typo.state, config={**config, "start_date": EARLY})

    assert [ids(typo), ids(corrected), notices(corrected)] == [set(), set(), []]


@pytest.mark.parametrize("odd", [None, "soon", 5, []])
def test_a_state_that_does_not_tell_since_when(tap: Tap, config: dict[str, Any], odd: object) -> None:
    """A state of an earlier version is taken as complete from what is configured: no word, and remembered from now."""
    state = tap(config={**config, "start_date": LATE}).state
    state["bookmarks"]["jira_issues"]["complete_since"] = odd
    outcome = tap(state=state, config={**config, "start_date": EARLY})

    assert (ids(outcome), notices(outcome)) == (set(), [])
    assert kept(outcome)["complete_since"] == "2023-09-01T00:00:00.000000Z"


# Columns that are selected later.


def test_a_new_column(tap: Tap, site: Site, catalog: dict[str, Any]) -> None:
    """A column selected later comes with what changes; one warning names it, what it lacks, and the line to add."""
    first = tap(catalog=without(catalog, COLUMN))
    site.world.edit(10010)
    second = tap(catalog=catalog, state=first.state)

    assert ids(second) == {"10010"}
    assert notices(second) == [
        f"WARNING jira_issues: 1 column is selected since an earlier run ({COLUMN}), null in rows that have not "
        f"changed since; to have everything read again for them, {ADD}"
    ]


def test_a_new_column_is_told_once(tap: Tap, catalog: dict[str, Any]) -> None:
    """The runs after that say nothing more of it, and name only what is new to them."""
    first = tap(catalog=without(catalog, COLUMN, "key"))
    second = tap(catalog=without(catalog, "key"), state=first.state)
    third = tap(catalog=without(catalog, "key"), state=second.state)
    fourth = tap(catalog=catalog, state=third.state)

    assert notices(third) == []
    assert "(key)" in notices(fourth)[0]


def test_columns_with_other_names_are_new(tap: Tap, config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """Where custom fields go by their names from now on, those columns are new to the table."""
    first = tap(catalog=catalog)
    by_name = {**config, "custom_field_names": "name"}
    renamed = {"streams": json.loads(tap("--discover", config=by_name).output)["streams"][:1]}
    second = tap(catalog=renamed, state=first.state, config=by_name)

    assert "columns are selected since an earlier run (fields.story_points" in notices(second)[0]


@pytest.mark.parametrize("is_told", [False, True])
def test_reading_again_for_a_new_column(
    tap: Tap, site: Site, catalog: dict[str, Any], config: dict[str, Any], is_told: bool
) -> None:
    """With the key all is read again, once, also if the warning that named the key came before."""
    config = {**config, "reread_for_new_columns": True}
    state = tap(catalog=without(catalog, COLUMN)).state
    if is_told:
        state = tap(catalog=catalog, state=state).state
    again = tap(catalog=catalog, state=state, config=config)
    after = tap(catalog=catalog, state=again.state, config=config)

    assert ids(again) == everything(site)
    assert notices(again) == [f"WARNING jira_issues: 1 column is selected since an earlier run ({COLUMN}); {AGAIN}"]
    assert (ids(after), notices(after)) == (set(), [])
    assert "new_columns" not in kept(again)


def test_killed_while_it_reads_again_for_a_new_column(
    tap: Tap, site: Site, catalog: dict[str, Any], config: dict[str, Any]
) -> None:
    """From each state of such a run the next brings the column where it is missing, and what was read is kept."""
    config = {**config, "reread_for_new_columns": True, "page_size": 1}
    first = tap(catalog=without(catalog, COLUMN))
    again = tap(catalog=catalog, state=first.state, config=config)
    resumed = [(tap(catalog=catalog, state=state, config=config), stored) for state, stored in cut_off(again)]

    assert len(resumed) > 3
    assert [ids(outcome) | stored for outcome, stored in resumed] == [everything(site)] * len(resumed)
    assert [bool(notices(outcome)) for outcome, _ in resumed] == [True] + [False] * (len(resumed) - 1)
    assert len(ids(resumed[2][0])) < len(everything(site))


def test_killed_before_it_is_remembered(tap: Tap, site: Site, catalog: dict[str, Any]) -> None:
    """A run killed before its second state has remembered nothing, and the next one says the same again."""
    first = tap(catalog=without(catalog, COLUMN))
    site.world.edit(10010)
    second = tap(catalog=catalog, state=first.state)
    states = [state for state, _ in cut_off(second)]

    assert notices(tap(catalog=catalog, state=states[0])) == notices(second)
    assert notices(tap(catalog=catalog, state=states[1])) == []


def test_another_column_while_it_reads_again(
    tap: Tap, site: Site, catalog: dict[str, Any], config: dict[str, Any]
) -> None:
    """If a further column is selected after such a run was killed, the rows that it has sent come once more."""
    config = {**config, "reread_for_new_columns": True, "page_size": 1}
    first = tap(catalog=without(catalog, COLUMN, "key"))
    again = tap(catalog=without(catalog, "key"), state=first.state, config=config)
    half = [state for state, _ in cut_off(again)][3]

    assert "updated_at" in half["bookmarks"]["jira_issues"]
    assert ids(tap(catalog=catalog, state=half, config=config)) == everything(site)


def test_unselected_and_selected_again(tap: Tap, catalog: dict[str, Any]) -> None:
    """Unselecting a column is worth no word; selected again it is new, as rows have changed without it."""
    first = tap(catalog=catalog)
    second = tap(catalog=without(catalog, COLUMN), state=first.state)
    third = tap(catalog=catalog, state=second.state)

    assert notices(second) == []
    assert COLUMN in notices(third)[0]


def test_unselected_after_it_was_told(tap: Tap, catalog: dict[str, Any], config: dict[str, Any]) -> None:
    """A column that is no longer selected is no reason to read again."""
    first = tap(catalog=without(catalog, COLUMN))
    second = tap(catalog=catalog, state=first.state)
    third = tap(catalog=without(catalog, COLUMN), state=second.state, config={**config, "reread_for_new_columns": True})

    assert (ids(third), notices(third)) == (set(), [])


@pytest.mark.parametrize("odd", [None, 5, []])
def test_a_state_without_columns(tap: Tap, catalog: dict[str, Any], odd: object) -> None:
    """A state of an earlier version does not tell its columns: no word, and they are remembered from now on."""
    state = tap(catalog=without(catalog, COLUMN)).state
    state["bookmarks"]["jira_issues"]["columns"] = odd
    second = tap(catalog=without(catalog, "key"), state=state)
    third = tap(catalog=catalog, state=second.state)

    assert (ids(second), notices(second)) == (set(), [])
    assert "(key)" in notices(third)[0]


def test_many_new_columns(tap: Tap, catalog: dict[str, Any]) -> None:
    """A warning names ten columns at most, and counts the others."""
    few = without(catalog, "fields.assignee", "fields.reporter", "fields.creator")
    (notice,) = notices(tap(catalog=catalog, state=tap(catalog=few).state))

    assert "39 columns are selected" in notice
    assert notice.count("fields.") == 10
    assert "and 29 more)" in notice


def test_the_state_of_a_wide_table(tap: Tap, catalog: dict[str, Any]) -> None:
    """A thousand columns, all that a table can have, take less than 6 KB of the state, new ones or old."""
    few = tap(catalog=without(catalog, "fields.summary"))
    very_wide(catalog)
    wide = tap(catalog=catalog, state=few.state)

    assert {"columns", "new_columns"} < kept(wide).keys()
    assert len(kept(wide)["columns"] + kept(wide)["new_columns"]) == 5 * 1000
    assert len(json.dumps(wide.state)) < 6000


def test_one_reason_is_enough(tap: Tap, site: Site, catalog: dict[str, Any], config: dict[str, Any]) -> None:
    """Where all is read again for another reason, new columns are complete, and nothing is said of them."""
    first = tap(catalog=without(catalog, COLUMN))
    second = tap(catalog=catalog, state=first.state, config={**config, "jql": "project is not EMPTY"})

    assert ids(second) == everything(site)
    assert notices(second) == [f"WARNING jira_issues: projects or jql have changed since the last run; {AGAIN}"]
    assert "new_columns" not in kept(second)


def test_a_refused_run_remembers_nothing(tap: Tap, catalog: dict[str, Any], config: dict[str, Any]) -> None:
    """A run whose jql Jira refuses leaves the state as it was, and the next one tells of the new column."""
    first = tap(catalog=without(catalog, COLUMN))
    refused = tap(catalog=catalog, state=first.state, config={**config, "jql": "nonsense = 1"})

    assert (refused.code, refused.state) == (2, first.state)
    assert COLUMN in notices(tap(catalog=catalog, state=refused.state))[0]


# A stream that is selected later.


@pytest.mark.parametrize("added", ["jira_issues", "jira_projects", "jira_users"])
def test_an_added_stream(tap: Tap, config: dict[str, Any], added: str) -> None:
    """A stream that is selected later has nothing in the state, and comes as a whole, without a warning."""
    config = {**config, "full_table_hours": 24}
    catalog = json.loads(tap("--discover").output)
    others = {"streams": [entry for entry in catalog["streams"] if entry["stream"] != added]}
    first = tap(catalog=others, config=config)
    second = tap(catalog=catalog, state=first.state, config=config)

    assert first.records(added) == []
    assert second.records(added) == tap(catalog=catalog, config=config).records(added) != []
    assert second.logged("WARNING") == []


def test_a_stream_that_was_away(tap: Tap, site: Site) -> None:
    """Issues that were not selected for a while go on from where they ended: nothing is missing or comes again."""
    catalog = json.loads(tap("--discover").output)
    first = tap(catalog=catalog)
    second = tap(catalog={"streams": catalog["streams"][1:]}, state=first.state)
    site.world.edit(10010)
    third = tap(catalog=catalog, state=second.state)

    assert (ids(third), notices(third)) == ({"10010"}, [])
