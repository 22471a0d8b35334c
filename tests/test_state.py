"""States in every form that orchestrators pass, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_jira.errors import ConfigError
from tap_jira.simulator import Site
from tap_jira.state import State, parse
from tests.conftest import Tap
from tests.fakes import START

OURS = {"bookmarks": {"jira_issues": {"updated_at": "2023-11-14T22:13:20.000000Z"}}}


@pytest.mark.parametrize("text", ["", "  \n", "null", "{}", '{"value": null}', '{"value": {}}', '{"bookmarks": {}}'])
def test_a_first_run(text: str) -> None:
    """Nothing, null and every kind of emptiness are a first run."""
    assert parse(text, "state.json").value == {"bookmarks": {}}


@pytest.mark.parametrize(
    "value",
    [
        OURS,
        {"value": OURS},
        {"type": "STATE", "value": OURS},
        {"singer_state": OURS},
        {"completed": {}, "singer_state": OURS},
        {"value": {"singer_state": OURS}},
    ],
)
def test_wrapped_states(value: dict[str, Any]) -> None:
    """A state is found bare, as a STATE message holds it, and in Meltano's wrapping."""
    assert parse(json.dumps(value), "state.json").value == OURS


@pytest.mark.parametrize(
    "text", ["[]", "5", '"x"', '{"bookmarks": []}', '{"bookmarks": "x"}', '{"value": {"bookmarks": 1}}']
)
def test_what_is_no_state(text: str) -> None:
    """Something else than a state is refused, so that no bookmark is lost unnoticed."""
    with pytest.raises(ConfigError, match=r"state file state.json holds no Singer state"):
        parse(text, "state.json")


@pytest.mark.parametrize("text", ['{"bookmarks": {"jira_iss', "STATE", '{}\n{"a": 1}'])
def test_a_state_that_is_cut_off(text: str) -> None:
    """A state that is no JSON is refused, with what may have happened and what to do."""
    with pytest.raises(ConfigError, match="restore the last whole state"):
        parse(text, "state.json")


def test_what_is_not_ours_is_kept() -> None:
    """Bookmarks of other streams and keys we do not know stay as they are."""
    value = {"bookmarks": {"issues": {"updated": "x"}, "jira_issues": {"mine": 1}}, "note": [1]}
    state = parse(json.dumps(value), "state.json")
    state.advance("jira_issues", "updated_at", 1_700_000_000)

    assert state.value == {
        "bookmarks": {
            "issues": {"updated": "x"},
            "jira_issues": {"mine": 1, "updated_at": "2023-11-14T22:13:20.000000Z"},
        },
        "note": [1],
    }


def test_what_was_read_is_not_changed() -> None:
    """The value a state was made from stays as it was."""
    value: dict[str, Any] = {"bookmarks": {"jira_issues": {"mine": [1]}}}
    State(value).keep("jira_issues", mine=None, other=2)

    assert value == {"bookmarks": {"jira_issues": {"mine": [1]}}}


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("2023-11-14T22:13:20.999000Z", START),
        ("2023-11-14T23:13:20.000+0100", START),
        ("2023-11-14", 1_699_920_000),
        (None, None),
    ],
)
def test_a_bookmark_in_seconds(kept: str | None, expected: float | None) -> None:
    """A bookmark is read in any form of date-time, rounded down to the second."""
    state = State({"bookmarks": {"s": {"k": kept}}})

    assert state.seconds("s", "k") == (None if expected is None else int(expected))


@pytest.mark.parametrize("kept", ["", "soon", 1_700_000_000, {}, True])
def test_a_bookmark_that_is_no_time(kept: Any) -> None:
    """A bookmark that cannot be read is an error, never a fresh start without a word."""
    with pytest.raises(ConfigError, match=r"the bookmark s.k is no date-time; correct it, or remove it"):
        State({"bookmarks": {"s": {"k": kept}}}).seconds("s", "k")


@pytest.mark.parametrize("kept", [None, "text", 5, []])
def test_a_streams_bookmark_in_another_form(kept: Any) -> None:
    """A stream's bookmark that is no object holds nothing, and is replaced."""
    state = State({"bookmarks": {"s": kept}})
    assert state.seconds("s", "k") is None
    state.keep("s", k="v")

    assert state.bookmark("s") == {"k": "v"}


def test_a_bookmark_only_moves_forward() -> None:
    """The same bookmark again, or an earlier one, is no change."""
    state = State()

    assert [state.advance("s", "k", seconds) for seconds in (5, 5, 6, 4)] == [True, False, True, False]
    assert state.seconds("s", "k") == 6


THEIRS = {"issues": {"updated": "2023-11-14T22:13:20.000000Z"}}


@pytest.mark.parametrize("offset", [{}, {"offset": {"page_num": None}}, {"offset": {"page_num": "a-token"}}])
def test_a_bookmark_of_singer_io_is_taken_over(offset: dict[str, Any]) -> None:
    """The bookmark of issues of tap-jira by singer-io becomes ours, wherever its run ended."""
    state = State({"bookmarks": {"issues": {**THEIRS["issues"], **offset}}, "currently_syncing": None})

    assert (
        "its issues.updated is taken over as jira_issues.updated_at, 2023-11-14T22:13:20.000000Z" in state.take_over()
    )
    assert state.value["bookmarks"] == OURS["bookmarks"]


def test_what_singer_io_keeps_of_others_is_not_used() -> None:
    """Its other bookmarks stay as they are, and are said not to be used."""
    state = State({"bookmarks": {**THEIRS, "worklogs": {"updated": "2023-01-01T00:00:00Z"}}})

    assert state.take_over().endswith("; what it says of worklogs is not used")
    assert state.bookmark("worklogs") == {"updated": "2023-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "bookmarks",
    [
        {},
        OURS["bookmarks"],
        {**THEIRS, "jira_issues": {}},
        {"issues": {"a": 1}},
        {"issues": {"updated": "x"}, **OURS["bookmarks"]},
    ],
)
def test_there_is_nothing_to_take_over(bookmarks: dict[str, Any]) -> None:
    """A state of ours, or one without their bookmark, stays as it is."""
    state = State({"bookmarks": bookmarks})

    assert state.take_over() == ""
    assert state.value == {"bookmarks": bookmarks}


def test_a_bookmark_of_singer_io_that_is_no_time() -> None:
    """A bookmark that cannot be read is an error under the name it has in the file."""
    with pytest.raises(ConfigError, match=r"the bookmark issues.updated is no date-time"):
        State({"bookmarks": {"issues": {"updated": "x"}}}).take_over()


def test_a_run_goes_on_where_singer_io_ended(tap: Tap, site: Site) -> None:
    """A sync with its state sends only what changed since then, and says so in one line."""
    first = tap()
    site.world.edit(10010)
    theirs = {"bookmarks": {"issues": {"updated": first.state["bookmarks"]["jira_issues"]["updated_at"]}}}
    second = tap(state=theirs)

    assert [record["id"] for record in second.records("jira_issues")] == ["10010"]
    assert len([line for line in second.logged("INFO") if "tap-jira by singer-io" in line]) == 1


def test_syncing_names_a_stream() -> None:
    """The stream being read is named by convention, and none afterwards."""
    state = State()
    state.syncing("jira_users")
    assert state.value["currently_syncing"] == "jira_users"
    state.syncing(None)

    assert state.value == {"bookmarks": {}}


@pytest.mark.parametrize("wrapping", ["bare", "value", "singer_state"])
def test_every_form_goes_on_where_it_ended(tap: Tap, site: Site, wrapping: str) -> None:
    """However an orchestrator wraps the state, the second run sends only what changed."""
    first = tap()
    site.world.edit(10010)
    second = tap(state=first.state if wrapping == "bare" else {wrapping: first.state})

    assert second.code == 0
    assert [record["id"] for record in second.records("jira_issues")] == ["10010"]


def test_the_first_state_is_the_one_that_was_read(tap: Tap) -> None:
    """The STATE before all records equals the state read in, as targets take it for written already."""
    state = {"bookmarks": {"jira_issues": {"updated_at": "2023-11-14T20:00:00.000000Z"}, "x": {"y": 1}}, "z": 2}

    assert tap(state=state).of_type("STATE")[0]["value"] == state
    assert tap().of_type("STATE")[0]["value"] == {"bookmarks": {}}
