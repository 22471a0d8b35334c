"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tap_jira import config as configuration
from tap_jira import errors
from tap_jira.config import Config
from tap_jira.streams import STREAMS
from tests.conftest import Tap
from tests.targets.table import TARGETS

PROJECT = Path(__file__).parent.parent
README, CONNECT, CONFIGURATION, OPERATIONS = (
    (PROJECT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/connect.md", "docs/configuration.md", "docs/operations.md")
)
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]
GENERATE: dict[str, Any] = runpy.run_path(str(PROJECT / "docs" / "generate.py"))


@pytest.mark.parametrize("path", GENERATE["documents"](), ids=lambda path: path.name)
def test_generated_parts_are_fresh(path: Path) -> None:
    """What `make docs` writes stands in the documents already."""
    expected = GENERATE["documents"]()[path]

    assert path.read_text(encoding="utf-8") == expected, "run make docs"


@pytest.mark.parametrize("name", [stream.name for stream in STREAMS])
def test_readme_names_every_table(name: str) -> None:
    """Every table is in the README."""
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", [option.name for option in fields(Config)])
def test_every_config_key_is_named(name: str) -> None:
    """Every key of the configuration is in the table of its page."""
    assert f"\n| `{name}` |" in CONFIGURATION


def _exit_codes() -> list[int]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TapError)]
    return sorted({kind.exit_code for kind in kinds} | {128 + 2, 128 + 15, 0})


@pytest.mark.parametrize("code", _exit_codes())
def test_every_exit_code_is_explained(code: int) -> None:
    """Every exit code has a line in the table of the page for operations."""
    table = OPERATIONS.split("## Exit codes")[1].split("\n## ")[0]
    explained = {int(number) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.M) for number in row.split(",")}

    assert code in explained


def test_sample_config_loads() -> None:
    """The sample configuration is accepted as it stands, without a warning."""
    warnings: list[str] = []
    sample = json.loads((PROJECT / "sample_config.json").read_text(encoding="utf-8"))

    loaded = configuration.load(sample, {}, warnings.append)

    assert (loaded.way_in, warnings) == ("oauth1", [])


@pytest.mark.parametrize(
    ("page", "expected"),
    [(README, ["token", "api_token"]), (CONNECT, ["token", "basic", "api_token", "oauth2"])],
    ids=["README", "connect"],
)
def test_configurations_load(page: str, expected: list[str]) -> None:
    """Each whole configuration that a page shows is accepted."""
    shown = [json.loads(text) for text in re.findall(r"^ *```json\n(.*?)```", page, re.M | re.S)]
    whole = [config for config in shown if "base_url" in config and "oauth_consumer_key" not in config]

    ways = [configuration.load(config, {}, pytest.fail).way_in for config in whole]

    assert ways == expected


def test_catalog_is_fresh(tap: Tap) -> None:
    """catalog.json is what discovery prints for the simulated Jira, whatever its number of issues."""
    outcome = tap("--discover")

    assert (PROJECT / "catalog.json").read_bytes() == outcome.output, "run make catalog"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project leads to one, and to a heading that it has."""
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            broken.append(target)

    assert broken == []


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_commands_exist() -> None:
    """Every make command that the documents name is one."""
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.M)}
    defined = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M))

    assert named - defined == set()


def test_every_command_of_make_is_explained() -> None:
    """The page for development has a line for each make command."""
    page = (PROJECT / "docs" / "development.md").read_text(encoding="utf-8")
    defined = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M)) - {"help"}

    assert {name for name in defined if f"| `make {name}` |" not in page} == set()


def test_demo_pins_what_readme_tells_to_install() -> None:
    """The demo and the README install the same versions of the target and of its database."""
    pinned = re.findall(r"^[\w-]+==\S+", (PROJECT / "examples" / "target-duckdb.txt").read_text(), re.M)

    assert f"pip install {' '.join(pinned)}" in README


@pytest.mark.parametrize("pin", sorted({pin for target in TARGETS for pin in target.pins}))
def test_targets_page_names_what_was_tried(pin: str) -> None:
    """The page about targets names each of them in the version that `make targets` installs."""
    name, version = pin.split("==")
    rows = (PROJECT / "docs" / "targets.md").read_text(encoding="utf-8").split("\n")

    assert any(name in row and version in row for row in rows if row.startswith("|"))


def test_postgres_recipe_is_what_was_tried() -> None:
    """README and the page about targets show the settings that `make targets` uses for PostgreSQL."""
    for page in (README, (PROJECT / "docs" / "targets.md").read_text(encoding="utf-8")):
        shown = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.S) if '"load_method"' in text]

        assert [TARGETS[0].settings.items() <= config.items() for config in shown] == [True]
        assert str(TARGETS[0].prepares).format(database="warehouse") in page
