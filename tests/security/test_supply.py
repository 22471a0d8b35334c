"""What the tap is made of: few libraries, none older than has been looked at, and nothing that is run as code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_architecture import MODULES, imports, names

PROJECT = Path(__file__).parent.parent.parent
DEPENDENCIES = re.findall(
    r'^    "([^"]+)",$',
    (PROJECT / "pyproject.toml").read_text(encoding="utf-8").partition("\ndependencies = [")[2].partition("\n]")[0],
    re.M,
)


def test_dependencies_are_few() -> None:
    """The tap itself needs eleven libraries; a further one is a decision and not an accident."""
    assert sorted(re.split(r"[\[><=]", line)[0] for line in DEPENDENCIES) == [
        "backoff",
        "cryptography",
        "deflate",
        "msgspec",
        "oauthlib",
        "orjson",
        "requests",
        "requests-oauthlib",
        "singer-python",
        "tzdata",
        "urllib3",
    ]


@pytest.mark.parametrize("line", DEPENDENCIES)
def test_dependencies_have_a_lowest_version(line: str) -> None:
    """No library may be older than a version that is named, nor urllib3 than its bounds on what it unpacks."""
    name, _, lowest = line.partition(">=")
    version = tuple(map(int, lowest.split(".")))

    assert version >= ((2, 6, 3) if name == "urllib3" else (0, 1))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_run_that_was_read(module: str) -> None:
    """No module evaluates text, unpickles, reads YAML, imports by name, or starts another program."""
    tree = MODULES[module]
    runs = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "importlib.import_module"}
    reads = {"pickle", "marshal", "shelve", "yaml", "subprocess", "runpy", "code", "xml", "dbm", "copyreg"}

    assert names(tree) & runs == set()
    assert {name.split(".")[0] for name in imports(tree)} & reads == set()
