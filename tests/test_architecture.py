"""The shape of the package: who may know whom, and which module does what to the outside."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

import tap_jira

ROOT = Path(tap_jira.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("*.py"))}
SIMULATOR = {
    path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "simulator").glob("*.py"))
}

LAYERS = (
    {"__main__"},
    {"cli"},
    {"check"},
    {"sync"},
    {"authorize", "dictionary", "full_table", "incremental", "keygen"},
    {"discover", "entrance", "issues", "machine", "projects", "run", "users"},
    {"children", "oauth1", "oauth2", "pagination", "site"},
    {"client"},
    {"verdict"},
    {"callback", "progress", "retry"},
    {"atlassian", "auth", "inside", "jql", "offsets", "pace", "packed", "since", "tokens", "transport", "typed"},
    {
        "catalog",
        "config",
        "heads",
        "limits",
        "log",
        "messages",
        "names",
        "records",
        "screen",
        "search",
        "state",
        "token_file",
        "workers",
    },
    {
        "__init__",
        "dates",
        "errors",
        "files",
        "gzipped",
        "jsontext",
        "memory",
        "redact",
        "schema",
        "sprints",
        "streams",
        "wire",
        "words",
    },
)
"""From the top down. A module knows only modules of layers below its own, never one beside it or above."""

HOMES = {
    "requests": {"transport", "auth"},
    "urllib3": {"transport"},
    "socket": set(),
    "ssl": set(),
    "http": {"callback", "transport"},
    "requests_oauthlib": {"auth"},
    "oauthlib": {"auth"},
    "cryptography": {"auth"},
    "threading": {"workers", "pace", "oauth2"},
    "queue": {"workers"},
    "time": {"workers"},
    "random": set(),
    "signal": {"machine"},
    "argparse": {"check", "cli", "authorize", "keygen"},
    "os": {"cli", "files", "log", "machine", "token_file"},
    "fcntl": {"token_file"},
    "sys": {"callback", "cli", "log", "machine"},
    "subprocess": set(),
    "shutil": set(),
    "tempfile": set(),
    "backoff": {"retry"},
    "singer": {"machine", "progress"},
    "ctypes": {"memory"},
    "sqlite3": set(),
}
"""Each way to the outside, and the only modules that may take it."""


def imports(tree: ast.AST) -> set[str]:
    """The modules that a module imports anywhere, also late; names out of the package in full."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "tap_jira":
            found |= {f"tap_jira.{a.name}" if a.name in MODULES else "tap_jira.__init__" for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def known(tree: ast.AST) -> set[str]:
    """Our own modules that a module imports."""
    ours = {name.split(".")[1] for name in imports(tree) if name.startswith("tap_jira.")}
    return ours - {"simulator"}


def names(tree: ast.AST) -> set[str]:
    """Every bare and dotted name in a module: ``print``, ``sys.stdout``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found


def who(test: str) -> set[str]:
    """The modules in which a name occurs."""
    return {module for module, tree in MODULES.items() if test in names(tree)}


def test_every_module_has_its_layer() -> None:
    """No module is without a place, and no place without a module."""
    placed = [module for layer in LAYERS for module in layer]

    assert sorted(placed) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module: str) -> None:
    """A module imports only from layers below its own."""
    place = next(number for number, layer in enumerate(LAYERS) if module in layer)
    below = {name for layer in LAYERS[place + 1 :] for name in layer}

    assert known(MODULES[module]) - below == set()


def test_layers_are_as_low_as_they_can_be() -> None:
    """In each layer some module needs one of the layer right below: the list tells the truth."""
    idle = [
        sorted(layer)
        for above, layer in itertools.pairwise(LAYERS)
        if not any(known(MODULES[module]) & layer for module in above)
    ]

    assert idle == []


@pytest.mark.parametrize("way", HOMES)
def test_each_way_to_the_outside_has_its_home(way: str) -> None:
    """Sockets, threads, time, files of the system and other libraries are used where they belong, and nowhere else."""
    users = {module for module, tree in MODULES.items() if any(name.split(".")[0] == way for name in imports(tree))}

    assert users == HOMES[way]


@pytest.mark.parametrize(
    ("name", "homes"),
    [
        ("print", set()),
        ("input", set()),
        ("eval", set()),
        ("exec", set()),
        ("open", set()),
        ("sys.stdout", {"cli", "machine"}),
        ("sys.stderr", {"log", "machine"}),
        ("sys.argv", {"cli"}),
        ("sys.exit", {"cli"}),
        ("os.environ", {"log", "machine"}),
        ("os.getenv", set()),
        ("os._exit", {"machine"}),
        ("time.sleep", set()),
        ("time.time", {"workers"}),
        ("datetime.now", set()),
        ("datetime.utcnow", set()),
        ("date.today", set()),
    ],
)
def test_side_effects_have_one_home(name: str, homes: set[str]) -> None:
    """stdout, the environment, the clock and the end of the process are touched in one place each."""
    assert who(name) == homes


@pytest.mark.parametrize("module", MODULES)
def test_no_state_in_modules(module: str) -> None:
    """No function writes to a variable of its module."""
    assert [node for node in ast.walk(MODULES[module]) if isinstance(node, ast.Global)] == []


@pytest.mark.parametrize("name", [*MODULES, *(f"simulator/{name}" for name in SIMULATOR)])
def test_every_module_says_what_it_is_for(name: str) -> None:
    """Each module begins with one sentence on one line."""
    tree = SIMULATOR[name.removeprefix("simulator/")] if "/" in name else MODULES[name]
    first = (ast.get_docstring(tree) or "").split("\n\n")[0]

    assert first.endswith(".")
    assert "\n" not in first


def test_the_simulated_jira_stands_alone() -> None:
    """The simulated Jira shares with the tap only the values of a request and an answer, so it proves something."""
    ours = {name for tree in SIMULATOR.values() for name in imports(tree) if name.split(".")[0] == "tap_jira"}
    shared = {name for name in ours if not name.startswith("tap_jira.simulator")}

    assert shared <= {"tap_jira.wire", "tap_jira.dates"}


def test_the_tap_does_not_know_the_simulated_jira() -> None:
    """Only the command line, which serves it, knows that there is a simulated Jira."""
    users = {
        module
        for module, tree in MODULES.items()
        if any(name.startswith("tap_jira.simulator") for name in imports(tree))
    }

    assert users == {"cli"}


def test_every_test_makes_a_claim() -> None:
    """Each test says in a sentence what it claims."""
    mute = []
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node):
                mute.append(f"{path.name}: {node.name}")

    assert mute == []


def test_no_mocks() -> None:
    """The tests use fakes that are themselves tested, never a mock of the lines in question."""
    users = [
        path.name
        for path in sorted(Path(__file__).parent.rglob("*.py"))
        if any("mock" in name for name in imports(ast.parse(path.read_text(encoding="utf-8"))))
    ]

    assert users == []
