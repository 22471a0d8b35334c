"""What gets installed: the wheel holds what the tap needs, and declares what it imports."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "tap_jira"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the project, so that nothing is left in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    shutil.copytree(PACKAGE, source / "tap_jira", ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    return zipfile.ZipFile(next((source / "dist").glob("*.whl")))


def test_wheel_holds_the_whole_package(wheel: zipfile.ZipFile) -> None:
    """Every module, every schema and the mark for type checkers are in the wheel."""
    kinds = ("*.py", "*.json", "py.typed")
    expected = {str(path.relative_to(PROJECT)) for kind in kinds for path in PACKAGE.rglob(kind)}

    assert expected - set(wheel.namelist()) == set()


def test_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Tests and documents are not installed."""
    folders = {name.split("/")[0] for name in wheel.namelist()}

    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"tap_jira"}


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    """Installing gives the command tap-jira."""
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert "tap-jira = tap_jira.cli:run" in wheel.read(name).decode()


def _imported() -> set[str]:
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split(".")[0])
    return names - set(sys.stdlib_module_names) - {"tap_jira"}


def _declared() -> set[str]:
    lines = [line for line in metadata.requires("tap-jira") or [] if "extra ==" not in line]
    return {re.split(r"[^\w-]", line)[0].lower() for line in lines}


def _providers() -> dict[str, set[str]]:
    """Which distributions bring each module that can be imported; read from their files, as 3.10 does not."""
    found: dict[str, set[str]] = {}
    for distribution in metadata.distributions():
        for file in distribution.files or []:
            found.setdefault(file.parts[0].split(".")[0], set()).add(distribution.metadata["Name"].lower())
    return found


def test_every_import_is_declared() -> None:
    """Whatever the package imports is among its own dependencies, not only somebody else's."""
    providers = _providers()

    assert {name for name in _imported() if not _declared() & providers.get(name, set())} == set()


def test_verifying_signatures_is_declared() -> None:
    """oauthlib is asked for with what it verifies RSA signatures by; it imports that late."""
    assert any(line.startswith("oauthlib[signedtoken]") for line in metadata.requires("tap-jira") or [])
