"""Tables that are sent whole: how often, and how a target learns which rows are gone. Whole runs in virtual time."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tap_jira.simulator import Account, Accounts, Fault, Faults, Site, UserLimits, World
from tap_jira.streams import STREAMS
from tap_jira.wire import Request, Response
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, START, Outcome, Time

HOUR = 3600
WHOLE = len([stream for stream in STREAMS if stream.by_default and stream.replication_key is None])
CATEGORIES = "jira_project_categories"
CATALOG_BREADCRUMB = ["properties", "description"]


class Changed:
    """A site one of whose lists is another one."""

    def __init__(self, site: Site, path: str, rows: list[dict[str, Any]]) -> None:
        self._site, self._path, self._rows = site, path, rows

    def send(self, request: Request) -> Response:
        if request.url.split("?")[0].endswith(self._path):
            return Response.of_json(self._rows)
        return self._site.send(request)


@pytest.fixture
def daily(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "full_table_hours": 24}


@pytest.fixture
def versioned(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "activate_version": True}


def tables(outcome: Outcome) -> set[str]:
    """The tables of which rows came, but for the issues."""
    return {message["stream"] for message in outcome.of_type("RECORD")} - {"jira_issues"}


def activated(outcome: Outcome) -> dict[str, int]:
    return {message["stream"]: message["version"] for message in outcome.of_type("ACTIVATE_VERSION")}


def versions(outcome: Outcome) -> dict[str, set[int | None]]:
    """The versions that the records of each table carry."""
    found: dict[str, set[int | None]] = {}
    for message in outcome.of_type("RECORD"):
        found.setdefault(message["stream"], set()).add(message.get("version"))
    return found


def rows_of(target: dict[str, dict[str, int]], outcome: Outcome) -> dict[str, dict[str, int]]:
    """What a target holds that drops the rows of other versions once one is activated: keys with their version."""
    for message in outcome.messages:
        if message["type"] == "RECORD" and message["stream"] != "jira_issues":
            record = message["record"]
            key = record["key"] if message["stream"] in ("jira_users", "jira_project_types") else record["id"]
            target.setdefault(message["stream"], {})[key] = message.get("version") or 0
        if message["type"] == "ACTIVATE_VERSION":
            held = target.get(message["stream"], {})
            target[message["stream"]] = {k: v for k, v in held.items() if v >= message["version"]}
    return target


def test_by_default_each_run_reads_every_table(tap: Tap, time: Time) -> None:
    """Without full_table_hours every run sends every table, and the state has nothing of them."""
    first = tap()
    time.seconds += 60

    assert len(tables(tap(state=first.state))) == WHOLE
    assert set(first.state["bookmarks"]) == {"jira_issues"}


def test_a_table_that_is_young_is_not_read(tap: Tap, time: Time, daily: dict[str, Any], site: Site) -> None:
    """Until full_table_hours have passed a table is asked for no more, after them it is."""
    state = tap(config=daily).state
    asked: list[str] = []
    site.after_request = lambda request, response: asked.append(request.url.split("?")[0].rpartition("/2/")[2])

    time.seconds += 24 * HOUR - 10
    young = tap(config=daily, state=state)
    assert tables(young) == set()
    assert not {"project", "projectCategory", "role", "user/search"} & set(asked)

    time.seconds += 20
    assert len(tables(tap(config=daily, state=young.state))) == WHOLE


def test_the_hours_count_from_the_last_reading(tap: Tap, time: Time, daily: dict[str, Any]) -> None:
    """A run that does not read a table does not make it younger."""
    state = tap(config=daily).state
    for _ in range(4):
        time.seconds += 7 * HOUR
        outcome = tap(config=daily, state=state)
        state = outcome.state

    assert len(tables(outcome)) == WHOLE


def test_a_table_that_is_not_read_is_announced_and_named(tap: Tap, time: Time, daily: dict[str, Any]) -> None:
    """All schemas come first as ever, the log and the summary say why there are no rows, and the run is good."""
    first = tap(config=daily)
    time.seconds += 3 * HOUR
    second = tap(config=daily, state=first.state)

    assert second.code == 0
    assert second.of_type("SCHEMA") == first.of_type("SCHEMA")
    why = "read whole 3.0 h ago, and full_table_hours is 24"
    assert f"INFO {CATEGORIES} is not read in this run: {why}" in second.logged("INFO")
    assert any(line.startswith(f"INFO {CATEGORIES} ") and f"not due: {why}" in line for line in second.logged("INFO"))


def test_other_columns_are_read_at_once(tap: Tap, time: Time, daily: dict[str, Any]) -> None:
    """A table of which another column is selected is read again, the others are not."""
    catalog = json.loads(tap("--discover").output)
    state = tap(config=daily, catalog=catalog).state
    entry = next(entry for entry in catalog["streams"] if entry["stream"] == CATEGORIES)
    about = next(about for about in entry["metadata"] if about["breadcrumb"] == CATALOG_BREADCRUMB)
    about["metadata"]["selected"] = False
    time.seconds += HOUR

    assert tables(tap(config=daily, catalog=catalog, state=state)) == {CATEGORIES}


def test_a_table_that_failed_is_read_at_once(tap: Tap, time: Time, daily: dict[str, Any], site: Site) -> None:
    """A table that could not be read is read by the next run, also if the reading before that would do by now."""
    state = tap(config=daily).state
    time.seconds += 25 * HOUR
    failed = tap(config=daily, state=state, to=Faults(site, [Fault("500", url="/projectCategory")] * 8))
    time.seconds += HOUR

    assert failed.code == 4
    assert tables(tap(config={**daily, "full_table_hours": 48}, state=failed.state)) == {CATEGORIES}


def test_a_table_with_rows_left_out_is_read_at_once(tap: Tap, time: Time, daily: dict[str, Any], site: Site) -> None:
    """A table of which a record had no key was not read whole."""
    odd = Changed(site, "/projectCategory", [{"id": "1"}, {"name": "nameless"}])
    state = tap(config=daily, to=odd).state
    time.seconds += HOUR

    assert tables(tap(config=daily, state=state)) == {CATEGORIES}


def test_an_interrupted_table_is_read_at_once(tap: Tap, time: Time, daily: dict[str, Any], site: Site) -> None:
    """What was not read to its end, or not reached, is read by the next run, and what was is not."""

    def interrupt(request: Any, response: Any) -> None:
        if "/projectCategory" in request.url:
            os.kill(os.getpid(), signal.SIGTERM)

    site.after_request = interrupt
    stopped = tap(config=daily)
    site.after_request = None
    time.seconds += HOUR
    later = tables(tap(config=daily, state=stopped.state))

    assert stopped.code == 143
    assert "jira_projects" not in later
    assert len(later) == WHOLE - 1


def test_a_clock_that_was_set_back(tap: Tap, time: Time, daily: dict[str, Any]) -> None:
    """A table that was read in what is now the future is read again."""
    state = tap(config=daily).state
    time.seconds -= HOUR

    assert len(tables(tap(config=daily, state=state))) == WHOLE


@pytest.mark.parametrize("kept", [{}, {"read_at": 5, "columns": None}, {"read_at": "yesterday"}, "odd", None])
def test_states_of_other_versions(tap: Tap, daily: dict[str, Any], kept: Any) -> None:
    """A state that says nothing of a table, or nothing that can be understood, lets it be read."""
    state = tap(config=daily).state
    state["bookmarks"][CATEGORIES] = kept

    assert tables(tap(config=daily, state=state)) == {CATEGORIES}


def test_without_being_asked_nothing_has_a_version(tap: Tap) -> None:
    """By default there are no versions, and no message but those of the Singer specification."""
    outcome = tap()

    assert {message["type"] for message in outcome.messages} == {"SCHEMA", "STATE", "RECORD"}
    assert set().union(*versions(outcome).values()) == {None}


def test_whole_tables_have_a_version(tap: Tap, versioned: dict[str, Any]) -> None:
    """Each row of a table that is sent whole carries its version, an epoch in milliseconds; issues have none."""
    outcome = tap(config=versioned)

    carried = versions(outcome)
    assert carried.pop("jira_issues") == {None}
    assert carried == {stream: {version} for stream, version in activated(outcome).items()}
    assert set(activated(outcome).values()) == {int(START * 1000)}
    assert len(carried) == WHOLE


def test_a_version_is_activated_after_its_rows(tap: Tap, versioned: dict[str, Any]) -> None:
    """The version of a table is activated once, behind its last row and before the next table."""
    kinds = [(m["type"], m["stream"]) for m in tap(config=versioned).messages if m["type"] not in ("STATE", "SCHEMA")]

    for place, (kind, stream) in enumerate(kinds):
        if kind == "ACTIVATE_VERSION":
            assert kinds[place - 1] == ("RECORD", stream)
            assert (kind, stream) not in kinds[place + 1 :]
            assert ("RECORD", stream) not in kinds[place:]


def test_what_is_gone_from_jira_leaves_the_target(tap: Tap, time: Time, versioned: dict[str, Any], site: Site) -> None:
    """A row that Jira does not show any more is dropped by a target that heeds versions, and all others stay."""
    first = tap(config=versioned)
    target = rows_of({}, first)
    before = {stream: set(rows) for stream, rows in target.items()}
    time.seconds += HOUR
    left = first.records(CATEGORIES)[1:]
    second = tap(config=versioned, state=first.state, to=Changed(site, "/projectCategory", left))

    after = {stream: set(rows) for stream, rows in rows_of(target, second).items()}
    assert after.pop(CATEGORIES) == before.pop(CATEGORIES) - {first.records(CATEGORIES)[0]["id"]}
    assert after == before


@pytest.mark.parametrize("fault", ["500", "reset", "truncated"])
def test_a_table_that_failed_keeps_its_rows(
    tap: Tap, time: Time, versioned: dict[str, Any], site: Site, fault: str
) -> None:
    """No version is activated of a table that could not be read, of the others it is."""
    first = tap(config=versioned)
    time.seconds += HOUR
    failed = tap(config=versioned, state=first.state, to=Faults(site, [Fault(fault, url="/projectCategory")] * 8))

    assert failed.code == 4
    assert set(activated(failed)) == set(activated(first)) - {CATEGORIES}


def test_a_table_that_was_cut_keeps_its_rows(tap: Tap, time: Time, versioned: dict[str, Any], site: Site) -> None:
    """No version is activated of a table that failed after some of its rows, though these carry it."""
    failing = Faults(site, [Fault("ok", url="/user/search"), *[Fault("500", url="/user/search")] * 8])
    outcome = tap(config=versioned, to=failing)

    assert outcome.code == 4
    assert outcome.records("jira_users")
    assert "jira_users" not in activated(outcome)


def test_a_run_that_was_stopped_keeps_the_rows(tap: Tap, versioned: dict[str, Any], site: Site) -> None:
    """A signal in the midst of a table activates nothing of it."""

    def interrupt(request: Any, response: Any) -> None:
        if "/user/search" in request.url:
            os.kill(os.getpid(), signal.SIGTERM)

    site.after_request = interrupt
    outcome = tap(config=versioned)

    assert outcome.code == 143
    assert "jira_users" not in activated(outcome)
    assert len(activated(outcome)) == 5


def test_a_table_that_is_skipped_keeps_its_rows(tap: Tap, versioned: dict[str, Any]) -> None:
    """A table that the account may not read any more stays as it is in the target."""
    outcome = tap(config={**versioned, "personal_access_token": f"{TOKEN}-plain"})

    assert outcome.code == 0
    assert "jira_project_roles" not in activated(outcome)
    assert len(activated(outcome)) == WHOLE - 1


def test_rows_that_were_left_out_keep_the_others(tap: Tap, versioned: dict[str, Any], site: Site) -> None:
    """No version is activated of a table in which a record had no key: it may be one that the target has."""
    outcome = tap(config=versioned, to=Changed(site, "/projectCategory", [{"id": "1"}, {"name": "nameless"}]))

    assert CATEGORIES not in activated(outcome)


def test_an_empty_list_empties_no_table(tap: Tap, versioned: dict[str, Any], site: Site) -> None:
    """A list without a row, as an account sees that has lost a permission, deletes nothing, and the log says so."""
    outcome = tap(config=versioned, to=Changed(site, "/2/project", []))

    assert (outcome.code, "jira_projects" in activated(outcome)) == (0, False)
    assert any(
        "jira_projects: rows that are gone from Jira stay in the target" in line for line in outcome.logged("INFO")
    )


def test_users_that_may_be_missing_are_not_dropped(tap: Tap, time: Time, versioned: dict[str, Any]) -> None:
    """Where Jira's search of users may have hidden somebody, nobody is dropped from the target."""
    world = World(issues=1, users=350, now=time)
    who = Accounts((Account("tap-reader", admin=False, tokens={TOKEN: None}),))
    limits = UserLimits(in_all=100, groups=20, per_page=1000)
    hiding = Site(world, accounts=who, base_url=BASE, version=(10, 0, 1), user_limits=limits)
    outcome = tap(config=versioned, to=hiding)

    assert len(outcome.records("jira_users")) == 350
    assert "jira_users" not in activated(outcome)


def test_a_table_that_is_not_due_keeps_its_version(
    tap: Tap, time: Time, versioned: dict[str, Any], daily: dict[str, Any]
) -> None:
    """A table that is not read is not activated either, and has the next version when it is."""
    both = {**versioned, **daily}
    first = tap(config=both)
    time.seconds += HOUR
    second = tap(config=both, state=first.state)
    time.seconds += 24 * HOUR
    third = tap(config=both, state=second.state)

    assert activated(second) == {}
    assert set(activated(third).values()) == {int(START * 1000) + 25 * HOUR * 1000}


def test_versions_grow_though_a_clock_goes_back(tap: Tap, time: Time, versioned: dict[str, Any], site: Site) -> None:
    """The next version is larger than any that was used, also by a run that failed, and whatever the clock says."""
    failed = tap(config=versioned, to=Faults(site, [Fault("500", url="/projectCategory")] * 8))
    time.seconds = START - 100
    second = tap(config=versioned, state=failed.state)

    assert activated(second)[CATEGORIES] == int(START * 1000) + 1


@pytest.mark.parametrize("kept", ["5", None, True, -1, 2**70, 1.5])
def test_a_version_in_the_state_that_is_none(tap: Tap, versioned: dict[str, Any], kept: Any) -> None:
    """A version that cannot be one is not counted on from."""
    outcome = tap(config=versioned, state={"bookmarks": {CATEGORIES: {"version": kept}}})

    assert activated(outcome)[CATEGORIES] == int(START * 1000)
