"""Shared by the tests of OAuth 2.0: Atlassian, and a configuration that it lets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tap_jira.oauth2 import Bearer
from tap_jira.simulator import Site
from tests.atlassian import OAUTH2, Atlassian
from tests.fakes import Time
from tests.oauth2.runs import sender_of


@pytest.fixture
def atlassian(site: Site, time: Time) -> Atlassian:
    return Atlassian(site, time)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the tokens are kept: a folder that does not exist yet."""
    return tmp_path / "state" / "tokens.json"


@pytest.fixture
def config(kept: Path) -> dict[str, Any]:
    return {**OAUTH2, "token_file": str(kept)}


@pytest.fixture
def sender(atlassian: Atlassian, config: dict[str, Any], time: Time) -> Bearer:
    return sender_of(atlassian, config, time)


@pytest.fixture
def unwritable(kept: Path) -> Path:
    """A folder in which the file cannot be made, even by root: something else has its name."""
    kept.parent.mkdir()
    (kept.parent / "tokens.json.part").mkdir()
    return kept
