"""Copy a simulated Jira with Meltano, as meltano.yml says, change some issues, copy again, and check what came.

Needs Python 3.10 and PyPI, nothing else. Everything is made in the folder .demo/meltano beside this project: Meltano in
an environment of its own, and by Meltano those of the tap, from this source tree, and of the target.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

MELTANO = "meltano==4.4.1"
HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".demo" / "meltano"
ENVIRONMENT = FOLDER.with_name("meltano-environment")
PLUGINS = FOLDER / ".meltano"
ISSUES, EDITED = 500, 25


def main() -> None:
    say(f"Installing {MELTANO} in an environment of its own")
    install_meltano()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shutil.copy(HERE / "meltano.yml", FOLDER)
    say("meltano install")
    meltano("install")
    with simulated_jira() as jira:
        say("meltano select tap-jira --list")
        columns = selected_columns(meltano("select", "tap-jira", "--list", **jira))
        print(
            f"{len(columns)} columns are selected, {sum(name.startswith('jira_issues.') for name in columns)} of issues"
        )
        say("meltano run tap-jira target-duckdb")
        first = issues_sent(meltano("run", "tap-jira", "target-duckdb", **jira))
        say(f"Editing {EDITED} issues in Jira, then meltano run tap-jira target-duckdb again")
        ask(jira, f"edit?count={EDITED}", method="POST")
        second = issues_sent(meltano("run", "tap-jira", "target-duckdb", **jira))
        (FOLDER / "issues.json").write_bytes(ask(jira, "issues"))
    print(f"\nissue records sent: first run {first}, second run {second}\n", flush=True)
    if (first, second) != (ISSUES, EDITED):
        sys.exit(f"they should be {ISSUES} and {EDITED}")
    check_columns(columns)
    print_report()


def install_meltano() -> None:
    if not (ENVIRONMENT / "bin" / "python").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = [ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, MELTANO], check=True)


def meltano(*arguments: str, **names: str) -> str:
    """What a command of Meltano prints, log included; the process ends if it fails."""
    outcome = subprocess.run(
        [ENVIRONMENT / "bin" / "meltano", *arguments],
        cwd=FOLDER,
        env={**os.environ, "NO_COLOR": "1", **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode:
        sys.exit(f"{outcome.stdout}\nmeltano {' '.join(arguments)} ended with {outcome.returncode}")
    return outcome.stdout


@contextlib.contextmanager
def simulated_jira() -> Iterator[dict[str, str]]:
    """A Jira to copy from, and the environment that tells Meltano where it is and how to log in."""
    config = FOLDER / "config.json"
    tap = PLUGINS / "extractors" / "tap-jira" / "venv" / "bin" / "tap-jira"
    command = [tap, "simulate", "--port", "0", "--issues", str(ISSUES), "--auth", "token", "--write-config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as jira:
        try:
            assert jira.stderr is not None
            print(jira.stderr.readline(), end="")  # it is ready
            yield {f"TAP_JIRA_{name.upper()}": value for name, value in json.loads(config.read_text()).items()}
        finally:
            jira.terminate()


def ask(jira: Mapping[str, str], handle: str, method: str = "GET") -> bytes:
    """The answer of a handle of the simulated Jira."""
    request = urllib.request.Request(f"{jira['TAP_JIRA_BASE_URL']}/simulate/{handle}", method=method)
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
    return body


def selected_columns(listed: str) -> set[str]:
    """The columns that Meltano lists as selected, without the objects that they lie in."""
    names = set(re.findall(r"^\s*\[(?:selected|automatic) *\] (\S+)$", listed, re.M))
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def issues_sent(log: str) -> int:
    """How many issues a run has sent, from the tap's metrics in Meltano's log."""
    points = [json.loads(metric) for metric in re.findall(r"METRIC: (\{.*\})", log)]
    return sum(p["value"] for p in points if p["metric"] == "record_count" and p["tags"]["endpoint"] == "jira_issues")


def check_columns(selected: set[str]) -> None:
    """End the process unless the tables have the selected columns and no other, but for the target's own."""
    names = "SELECT lower(table_name || '.' || column_name) FROM information_schema.columns"
    program = f'import duckdb, json; print(json.dumps(duckdb.connect("jira.duckdb").execute("{names}").fetchall()))'
    found = json.loads(subprocess.check_output([target_python(), "-c", program], cwd=FOLDER))
    actual = {name for (name,) in found if "._sdc_" not in name}
    expected = {f"{table}.{path.replace('.', '__')}".lower() for table, path in (n.split(".", 1) for n in selected)}
    if actual != expected:
        sys.exit(f"missing columns: {sorted(expected - actual)}; not selected: {sorted(actual - expected)}")
    print(f"the tables have the {len(expected)} selected columns and no other\n", flush=True)


def print_report() -> None:
    """Show the tables, by the duckdb of the target's environment, and compare them with Jira."""
    report = HERE.parent / "report.py"
    outcome = subprocess.run([target_python(), report, FOLDER / "jira.duckdb", FOLDER / "issues.json"])
    sys.exit(outcome.returncode)


def target_python() -> Path:
    return PLUGINS / "loaders" / "target-duckdb" / "venv" / "bin" / "python"


def say(step: str) -> None:
    print(f"\n== {step}", flush=True)


if __name__ == "__main__":
    main()
