"""The filters of the configuration: they narrow what is read, and can neither widen nor narrow a window of time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tap_jira import config as configuration
from tap_jira import jql
from tap_jira.config import Config
from tap_jira.errors import ConfigError
from tap_jira.search import Ask, Window
from tap_jira.simulator import CloudSite, Site
from tap_jira.simulator.jql import RESERVED, Both, Clause, JqlError, parse
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import BASE, CLOUD, Outcome

WINDOW = Window(1_700_000_000, 1_700_003_600)
ORDER = (("updated", True), ("key", True))
BOUNDS = parse(jql.where(WINDOW, jql.Numbers())).where

CLAUSES = ["labels = a", "labels in (a, 'b)')", 'labels = "a', 'b"', "labels = 'a\\'", "b'"]
SIGNS = ["", "(", ")"]


def loaded(**filters: Any) -> Config:
    return configuration.load({"base_url": BASE, "personal_access_token": "t", **filters}, {}, lambda warning: None)


def sent(config: Config) -> str:
    """The JQL of a window under these filters, as it is sent."""
    return jql.text(Ask(WINDOW, 0, 100), jql.Numbers(), jql.condition(config.projects, config.jql))


@pytest.mark.parametrize(("one", "other"), list(itertools.product(CLAUSES, CLAUSES)))
def test_no_jql_changes_the_window(one: str, other: str) -> None:
    """However parentheses stand around two clauses, whole or torn: what Jira takes has the window beside it."""
    for before, between, then, after in itertools.product(SIGNS, repeat=4):
        text = f"{before}{one}{between} OR {then}{other}{after}"
        try:
            query = parse(sent(loaded(jql=text)))
        except (ConfigError, JqlError):
            continue
        assert isinstance(query.where, Both), text
        assert isinstance(BOUNDS, Both)
        assert (query.where.parts[1:], query.order) == (BOUNDS.parts, ORDER), text


@pytest.mark.parametrize(
    "text",
    [
        "project = A) OR (1 = 1",
        "project = A) OR (project = B",
        ") OR (",
        "project = A)",
        "(project = A",
        "project = A OR (status = Done))",
        'summary ~ "open',
        "summary ~ 'open",
        "summary ~ \"it's) OR (project = B",
        "summary ~ 'say \"x') OR (\"",
        'summary ~ "a\\") OR (project = "B"',
        'summary ~ "a\\\\") OR (project = "B"',
        "project = A\\",
        "project = A ORDER BY key",
        "project = A) ORDER BY (key",
    ],
)
def test_what_would_leave_its_parentheses(tap: Tap, config: dict[str, Any], text: str) -> None:
    """A jql that closes what it has not opened, or leaves something open, is refused before anything is asked."""

    class Silent:
        def send(self, request: Request) -> Response:
            raise AssertionError(request.url)

    outcome = tap(to=Silent(), config={**config, "jql": text})

    assert (outcome.code, outcome.output) == (2, b"")
    assert "jql has an unbalanced" in outcome.log or "jql must not contain ORDER BY" in outcome.log


def keys(outcome: Outcome) -> set[str]:
    return {record["key"] for record in outcome.records("jira_issues")}


def of(site: Site | CloudSite, *projects: str) -> set[str]:
    return {key for issue in site.world.issues() if (key := site.world.key(issue)).split("-")[0] in projects}


def all_projects(site: Site | CloudSite) -> list[str]:
    return sorted({site.world.key(issue).split("-")[0] for issue in site.world.issues()})


def test_an_or_does_not_leave_the_window(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """With alternatives in the jql, with and without parentheses, a second run brings only what has changed."""
    one, other, *_ = all_projects(site)
    for text in (f"project = {one} OR project = {other}", f"(project = {one}) OR (project = '{other}')"):
        first = tap(config={**config, "jql": text})
        second = tap(state=first.state, config={**config, "jql": text})

        assert keys(first) == of(site, one, other)
        assert keys(second) == set()


def test_projects_and_jql_together(tap: Tap, site: Site, config: dict[str, Any]) -> None:
    """Both hold, whatever alternatives the jql has."""
    one, other, *_ = all_projects(site)
    outcome = tap(config={**config, "projects": [one], "jql": f"project = {other} OR project = {one}"})

    assert keys(outcome) == of(site, one)


class Anywhere:
    """A site that notes the queries which name projects, and answers as if they had named none."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.queries: list[str] = []

    def send(self, request: Request) -> Response:
        address, _, params = request.url.partition("?")
        asked = dict(parse_qsl(params))
        if "project in" in asked.get("jql", ""):
            self.queries.append(asked["jql"])
            asked["jql"] = asked["jql"].partition(" AND ")[2]
        return self._site.send(replace(request, url=f"{address}?{urlencode(asked)}"))


@pytest.mark.parametrize("key", ["ПРОЕКТ", "プロジェクト", "ΕΡΓΟ_2", "ÄRGER", "AND", "EMPTY", "Order", "a1"])
def test_keys_in_any_script(tap: Tap, site: Site, config: dict[str, Any], key: str) -> None:
    """Keys of any script, and those that are words of JQL, are sent quoted and are what Jira understands."""
    jira = Anywhere(site)
    outcome = tap(to=jira, config={**config, "projects": [key]})
    where = parse(jira.queries[-1]).where
    assert isinstance(where, Both)
    condition = where.parts[0]
    assert isinstance(condition, Clause)

    assert outcome.code == 0
    assert (condition.field, condition.operator) == ("project", "in")
    assert [(value.kind, value.text) for value in condition.values] == [("string", key)]


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_word_of_jql_needs_care(word: str) -> None:
    """A project may have any word of JQL for its key."""
    assert isinstance(parse(sent(loaded(projects=[word.upper()]))).where, Both)


@pytest.mark.parametrize(
    "text",
    [
        'project = "Web \\"Shop\\" (old)"',
        "project = 'It\\'s (x'",
        'project in ("a)b", \'c"(d\')',
        "status = \"r\\u00e9solu\"",
        "labels = 'оранжевый (1'",
    ],
)  # fmt: skip
def test_names_that_need_quotation_marks(text: str) -> None:
    """Quotation marks of both kinds, escaped ones, and parentheses within them are taken as JQL has them."""
    whole = parse(sent(loaded(jql=text))).where

    assert isinstance(whole, Both)
    assert whole.parts[0] == parse(text).where


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"jql": "nonsense = 1"}, "jql of the configuration is refused by Jira: Field 'nonsense' does not exist"),
        ({"jql": "project = AND"}, "jql of the configuration is refused by Jira: "),
        ({"jql": "project = WEB // mine"}, "jql of the configuration is refused by Jira: "),
        ({"jql": "()"}, "jql of the configuration is refused by Jira: "),
        ({"projects": ["NOPE"]}, "projects of the configuration is refused by Jira: The value 'NOPE' does not exist"),
        (
            {"projects": ["NOPE"], "jql": "nonsense = 1"},
            "projects of the configuration is refused by Jira: The value 'NOPE' does not exist for the field "
            "'project'; jql of the configuration is refused by Jira: Field 'nonsense'",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["server", "cloud"])
def test_what_jira_refuses(
    tap: Tap,
    site: Site,
    cloud: CloudSite,
    config: dict[str, Any],
    keys: Any,
    kind: str,
    filters: dict[str, Any],
    expected: str,
) -> None:
    """What Jira answers with 400 is told with the key of the configuration and with Jira's words, at both kinds."""
    to, given = (site, config) if kind == "server" else (cloud, {"base_url": CLOUD, **keys.basic})
    outcome = tap(to=to, config={**given, **filters})

    assert (outcome.code, outcome.state["bookmarks"]["jira_issues"]) == (2, {})
    assert expected in outcome.logged("CRITICAL")[0]
