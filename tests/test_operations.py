"""Every error and warning on the page for operations is met by a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tap_jira.simulator import CloudCredentials, CloudSite, Credentials, Site, World, cloud_credentials
from tests.conftest import Tap
from tests.fakes import Time
from tests.scenes import SCENES
from tests.stage import CLOUD, Stage

PAGE = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
TABLES = PAGE.split("## Errors and warnings")[1]


class Row(NamedTuple):
    """What is printed, with … for what differs, the exit code, the meaning and the remedy."""

    printed: str
    code: int
    means: str
    remedy: str


ROWS = [
    Row(printed, int(code), means, remedy)
    for printed, code, means, remedy in re.findall(r"^\| `([^`]+)` \| (\d+) \| (.+) \| (.+) \|$", TABLES, re.M)
]


@pytest.fixture(scope="module")
def cloud_keys() -> CloudCredentials:
    """Credentials made for this run of the tests."""
    return cloud_credentials()


@pytest.fixture
def stage(
    tap: Tap,
    site: Site,
    time: Time,
    config: dict[str, str],
    credentials: Credentials,
    cloud_keys: CloudCredentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    """A simulated Jira of each kind, and a tap."""
    cloud = CloudSite(World(seed=1, issues=60, now=time), accounts=cloud_keys.accounts, base_url=CLOUD)
    return Stage(tap, site, cloud, time, config, credentials, cloud_keys, tmp_path, monkeypatch)


def test_every_row_has_a_scene() -> None:
    """The page and the scenes have the same errors and warnings, in the same order."""
    assert [row.printed for row in ROWS] == list(SCENES)


def test_every_line_of_the_tables_is_a_row() -> None:
    """No line of a table is passed over because it is laid out in another way."""
    lines = [line for line in TABLES.splitlines() if line.startswith("|")]

    assert len([line for line in lines if not line.startswith(("| printed |", "|---|"))]) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.printed.replace("…", "_"))
def test_a_run_prints_it(row: Row, stage: Stage) -> None:
    """The scene of a row ends with its code, and its words are in a line of the log above INFO."""
    outcome = SCENES[row.printed](stage)
    words = re.compile(".*".join(map(re.escape, row.printed.split("…"))))
    lines = [line for line in outcome.log.splitlines() if re.match("CRITICAL |ERROR |WARNING ", line)]

    assert outcome.code == row.code, outcome.log
    assert [line for line in lines if words.search(line)], outcome.log
