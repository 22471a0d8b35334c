"""The images are built from what is in the source tree, by a user without rights, and hold no secret."""

from __future__ import annotations

import re
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tap_jira import __version__
from tap_jira.config import Config

PROJECT = Path(__file__).parent.parent
FILES = [PROJECT / "Dockerfile", PROJECT / "examples" / "kubernetes" / "Dockerfile"]
IGNORED = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()

pytestmark = pytest.mark.parametrize("path", FILES, ids=["tap", "kubernetes"])


def instructions(path: Path) -> list[tuple[str, list[str]]]:
    """The instructions of a Dockerfile: the word, and its arguments without options."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return [(line[0], [word for word in line[1:] if not word.startswith("--")]) for line in lines]


def sources(path: Path) -> list[str]:
    """What is copied from the source tree."""
    copies = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", path.read_text(encoding="utf-8"), re.M)
    return [source for copy in copies for source in copy.split()]


def test_what_is_copied_is_there(path: Path) -> None:
    """Every file that an image takes exists, and .dockerignore lets it through."""
    assert [source for source in sources(path) if not (PROJECT / source).exists()] == []
    assert [source for source in sources(path) if f"!{source}" not in IGNORED] == []


def test_nothing_else_gets_in(path: Path) -> None:
    """Whatever is not named stays out: a configuration, tokens, the history."""
    assert IGNORED[1] == "*"
    through = [rule[1:] for rule in IGNORED if rule.startswith("!")]
    assert not [
        name for name in ("config.json", ".git", ".env", "tokens.json") if any(fnmatch(name, r) for r in through)
    ]


def test_base_images_are_pinned(path: Path) -> None:
    """A base image has a tag with a version, and our own has the tap's."""
    bases = [arguments[0] for word, arguments in instructions(path) if word == "FROM"]

    assert bases
    assert all(base == "python:3.12-slim" or base == f"tap-jira:{__version__}" for base in bases)


def test_nobody_runs_as_root(path: Path) -> None:
    """The last user is one without rights, by number, so that an orchestrator can see it."""
    users = [arguments[0] for word, arguments in instructions(path) if word == "USER"]

    assert users[-1] == "10001"


def test_no_secret_is_built_in(path: Path) -> None:
    """No key of the configuration is set in an image."""
    text = path.read_text(encoding="utf-8")
    built_in = "\n".join(line for line in text.splitlines() if line.startswith(("ENV", "ARG")))

    assert not [option.name for option in fields(Config) if option.name in built_in.lower()]
