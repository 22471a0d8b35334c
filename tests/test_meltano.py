"""The example for Meltano says what the tap takes, and chooses what there is; `make meltano` runs it."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_jira.config import Config
from tests.conftest import Tap
from tests.test_selection import by_meltano, columns, doubts

EXAMPLES = Path(__file__).parent.parent / "examples"
PLUGINS: dict[str, Any] = yaml.safe_load((EXAMPLES / "meltano" / "meltano.yml").read_text(encoding="utf-8"))["plugins"]
(EXTRACTOR,), (LOADER,) = PLUGINS["extractors"], PLUGINS["loaders"]


def test_every_key_is_a_setting() -> None:
    """Meltano knows every key of the configuration, and no other."""
    assert [setting["name"] for setting in EXTRACTOR["settings"]] == [option.name for option in fields(Config)]


def test_secrets_are_hidden() -> None:
    """What is secret is told to Meltano as such, so that it does not print it."""
    hidden = {setting["name"] for setting in EXTRACTOR["settings"] if setting.get("sensitive")}

    assert hidden == {option.name for option in fields(Config) if option.metadata["secret"]}


def test_settings_have_their_kinds() -> None:
    """Numbers are numbers to Meltano, a list is a list, an instant an instant."""
    kinds = {setting["name"]: setting["kind"] for setting in EXTRACTOR["settings"]}

    assert {kinds[name] for name in ("page_size", "concurrency", "lookback_seconds")} == {"integer"}
    assert (kinds["request_timeout"], kinds["projects"], kinds["start_date"]) == ("decimal", "array", "date_iso8601")


@pytest.mark.parametrize("rule", EXTRACTOR["select"])
def test_rules_choose_what_there_is(tap: Tap, rule: str) -> None:
    """Each rule matches columns of the site."""
    catalog = by_meltano(json.loads(tap("--discover").output), rule.removeprefix("!"))
    marks = [entry["metadata"]["selected"] for stream in catalog["streams"] for entry in stream["metadata"][1:]]

    assert any(marks)


def test_rules_are_followed(tap: Tap) -> None:
    """With the rules together the tap sends what they choose, without a doubt."""
    outcome = tap(catalog=by_meltano(json.loads(tap("--discover").output), *EXTRACTOR["select"]))

    assert {message["stream"] for message in outcome.of_type("SCHEMA")} == {
        "jira_issues",
        "jira_projects",
        "jira_users",
    }
    assert {"key", "fields.status.name", "fields.assignee.displayName"} < columns(outcome)
    assert "fields.assignee.emailAddress" not in columns(outcome)
    assert doubts(outcome) == []


def test_pins_what_the_demo_pins() -> None:
    """The target and its database have the versions that were tried."""
    pinned = re.findall(r"^[\w-]+==\S+", (EXAMPLES / "target-duckdb.txt").read_text(encoding="utf-8"), re.M)

    assert LOADER["pip_url"].split() == pinned


def test_scheduling_installs_the_meltano_that_was_tried() -> None:
    """The page on scheduling names the version of Meltano that `make meltano` runs."""
    page = (EXAMPLES.parent / "docs" / "scheduling.md").read_text(encoding="utf-8")

    assert f"pip install {runpy.run_path(str(EXAMPLES / 'meltano' / 'run.py'))['MELTANO']}\n" in page
