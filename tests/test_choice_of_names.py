"""Which name the column of a custom field gets: plain letters, nobody else's, and the same for ever."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira.names import choose, plain
from tap_jira.schema import LONGEST_NAME, add_custom_fields, is_plain, load
from tests.test_schema import DECLARED, columns, field, leaves


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Story Points", "story_points"),
        ("  Go-live / (planned)  ", "go_live_planned"),
        ("Störung seit", "storung_seit"),
        ("Straße", "strasse"),
        ("Budget €", "budget"),
        ("Ship\u2014it", "ship_it"),
        ("№ 5", "no_5"),
        ("2nd reviewer", "field_2nd_reviewer"),
        ("snake__case_", "snake_case"),
        ("Статус", ""),
        ("Статус X", "x"),
        ("★ ★", ""),
        ("हिन्दी a", "a"),
        ("", ""),
    ],
)
def test_a_name_in_plain_letters(text: str, name: str) -> None:
    """Accents go, other scripts are dropped, all else parts words, and no name begins with a digit."""
    assert plain(text) == name


def named(*fields: dict[str, Any], kept: dict[str, str] | None = None) -> dict[str, str]:
    return choose(columns(add_custom_fields(load("jira_issues"), fields)), kept or {})


def test_the_oldest_of_one_name_has_it_plain() -> None:
    """Of several fields with one name, in any case, the lowest number keeps it, whatever the order of the list."""
    made = named(field(10020, "number", name="points"), field(9016, "number", name="Points"))
    assert made == {"customfield_9016": "points", "customfield_10020": "points_10020"}


def test_a_name_of_jira_itself_gets_the_number() -> None:
    """A custom field that is called like one of Jira's own never takes its name, in no case of letters."""
    made = named(field(7, "number", name="Labels"), field(8, "string", name="fixversions"))
    assert made == {"customfield_7": "labels_7", "customfield_8": "fixversions_8"}


def test_a_name_that_looks_like_another_with_its_number() -> None:
    """Where even the name with the number is taken, the id is the name."""
    made = named(*(field(n, "number", name=name) for n, name in [(5, "X 8"), (6, "X"), (8, "x")]))
    assert made == {"customfield_5": "x_8", "customfield_6": "x", "customfield_8": "customfield_8"}


def test_nobody_takes_the_id_of_another() -> None:
    """A field that is called like an id, its own or another's, leaves that for the field that has it."""
    made = named(field(7, "number", name="customfield_8"), field(8, "number", name="★"))
    assert made == {"customfield_7": "customfield_8_7", "customfield_8": "customfield_8"}


def test_a_long_name_is_cut() -> None:
    """A name is cut so that the longest of its parts still fits, and two that are cut alike differ."""
    long = "many words " * 20
    made = named(field(7, "user", name=long), field(8, "user", name=long), field(9, "number", name=long))
    user = columns(add_custom_fields(load("jira_issues"), [field(7, "user")]))["customfield_7"]
    longest = max(len(f"fields__{made['customfield_7']}__{name}") for name in leaves(user))
    assert LONGEST_NAME - 1 <= longest <= LONGEST_NAME
    assert made["customfield_8"] == made["customfield_7"][:-2] + "_8"
    assert len(made["customfield_9"]) > 50


def test_what_was_named_stays() -> None:
    """Names that are kept stay with their fields, also if the fields are renamed or an older one comes up."""
    fields = [field(5, "number", name="Effort"), field(9, "number", name="Anything"), field(11, "number", name="gone")]
    made = named(*fields, kept={"customfield_9": "effort", "customfield_10": "gone"})
    assert made == {"customfield_5": "effort_5", "customfield_9": "effort", "customfield_11": "gone_11"}


@pytest.mark.parametrize("name", ["", "a b", "a__b", "9a", "ä", "x" * 60, "Labels", "customfield_8", "twice"])
def test_a_kept_name_that_cannot_be(name: str) -> None:
    """A name that no target could hold, or that is another column's, is not kept."""
    fields = [field(6, "number", name="A"), field(7, "number", name="B"), field(8, "number", name="★")]
    made = named(*fields, kept={"customfield_6": "Twice", "customfield_7": name})
    assert made == {"customfield_6": "Twice", "customfield_7": "b", "customfield_8": "customfield_8"}


WORDS = st.sampled_from(
    ["Labels", "fix Versions", "X", "X 1", "X 12", "customfield_1", "customfield 12", "★", "Статус"]
)
TITLES = WORDS | st.text(max_size=80) | st.text("aB _1", max_size=80) | st.none()
SITE = st.lists(
    st.builds(
        lambda number, kind, items, name: field(number, *(("array", kind) if items else (kind,)), name=name),
        st.integers(0, 30) | st.integers(0, 10**25),
        st.sampled_from(DECLARED),
        st.booleans(),
        TITLES,
    ),
    max_size=12,
)
KEPT = st.dictionaries(
    st.integers(0, 30).map("customfield_{}".format),
    WORDS.map(plain) | st.text("aB_1", max_size=60) | st.integers(0, 30).map("customfield_{}".format),
)


@given(fields=SITE, kept=KEPT)
def test_names_are_always_good(fields: list[dict[str, Any]], kept: dict[str, str]) -> None:
    """Whatever fields are called and whatever was kept, each has a name that is plain, short and its own."""
    schema = add_custom_fields(load("jira_issues"), fields)
    names = choose(columns(schema), kept)
    renamed = {names.get(name, name): node for name, node in columns(schema).items()}
    flat = [f"fields__{name}" for name in leaves({"properties": renamed})]

    assert names.keys() == {name for name in columns(schema) if name.startswith("customfield_")}
    assert [name for name in names.values() if not is_plain(name)] == []
    assert len(renamed) == len(columns(schema))
    assert len({name.lower() for name in flat}) == len(flat)
    assert max(map(len, flat)) <= LONGEST_NAME


@given(fields=SITE, newer=SITE)
def test_names_are_kept_whatever_comes(fields: list[dict[str, Any]], newer: list[dict[str, Any]]) -> None:
    """Fields that come later, and new names of old fields, change no name that was kept."""
    before = named(*fields)
    after = named(*(one for one in newer if one["id"] not in before), *fields, kept=before)

    assert {field_id: after[field_id] for field_id in before} == before


@given(fields=SITE, newer=SITE)
def test_a_younger_field_renames_none(fields: list[dict[str, Any]], newer: list[dict[str, Any]]) -> None:
    """Even where nothing is kept, a field with a higher number changes no name of those before it."""
    before = named(*fields)
    youngest = max((int(one["id"][12:]) for one in fields), default=0)
    after = named(*fields, *(one for one in newer if int(one["id"][12:]) > youngest))

    assert {field_id: after[field_id] for field_id in before} == before
