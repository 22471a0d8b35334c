"""Copy a simulated Jira into a DuckDB file, change some issues, copy again, and show what is in the tables.

Needs Python 3.10 and PyPI, nothing else. Everything is made in the folder .demo beside this project. The steps are
those of a real pipeline: the tap and the target each have a virtual environment, the state is kept between two runs.
With --cloud the simulated Jira is a Jira Cloud, else a Data Center.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DEMO = PROJECT / ".demo"
TAP, TARGET = DEMO / "tap", DEMO / "target"
CONFIG, CATALOG, STATE = DEMO / "config.json", DEMO / "catalog.json", DEMO / "state.json"
DATABASE, TARGET_CONFIG = DEMO / "jira.duckdb", DEMO / "target.json"
ISSUES, EDITED = 500, 25


def main(*, cloud: bool) -> None:
    start_clean()
    say("Installing the tap and target-duckdb, each in its own environment")
    install(TAP, str(PROJECT))
    install(TARGET, "--requirement", str(PROJECT / "examples" / "target-duckdb.txt"))
    write_target_config()
    with simulated_jira("--cloud" if cloud else "--auth=oauth"):
        say("Discovering what this Jira has")
        discover()
        say("First sync: everything")
        sync("first")
        say(f"Editing {EDITED} issues in Jira, then a second sync with the state of the first")
        edit_issues(EDITED)
        sync("second")
        print_report(list_issues())


def start_clean() -> None:
    """Remove what an earlier demo left, but for the environments."""
    DEMO.mkdir(exist_ok=True)
    for path in DEMO.iterdir():
        if path not in (TAP, TARGET):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def install(environment: Path, *what: str) -> None:
    """Install with pip into a virtual environment, made if need be."""
    if not (environment / "bin" / "python").exists():
        venv.create(environment, with_pip=True, clear=True)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *what], check=True)


def write_target_config() -> None:
    """Rows are updated by key; objects become columns, so that fields.status.name is fields__status__name.

    The metadata columns (_sdc_extracted_at and so on) are not for show: a table of texts alone would lose the first
    row of each batch, which DuckDB takes for a header when every column of it could be one.
    """
    config = {
        "path": str(DATABASE),
        "default_target_schema": "main",
        "data_flattening_max_level": 4,
        "add_metadata_columns": True,
    }
    TARGET_CONFIG.write_text(json.dumps(config, indent=2))


@contextlib.contextmanager
def simulated_jira(kind: str) -> Iterator[None]:
    """A Jira to copy from; as soon as it is ready it writes a configuration that logs in.

    That is with OAuth 1.0a at Data Center, and with an API token at Cloud.
    """
    command = [TAP / "bin" / "tap-jira", "simulate", kind, "--port", "0", "--issues", str(ISSUES)]
    command += ["--write-config", CONFIG]
    jira = subprocess.Popen(command)
    try:
        for _ in range(300):
            if CONFIG.exists():
                break
            if jira.poll() is not None:
                sys.exit("the simulated Jira did not start")
            time.sleep(0.1)
        yield
    finally:
        jira.terminate()
        jira.wait(timeout=10)


def discover() -> None:
    """tap-jira --config config.json --discover > catalog.json"""
    with CATALOG.open("wb") as out:
        subprocess.run([TAP / "bin" / "tap-jira", "--config", CONFIG, "--discover"], stdout=out, check=True)


def sync(name: str) -> None:
    """tap-jira --config … --catalog … --state … | target-duckdb --config … > states

    The target prints a state whenever what came before it is in the database; the last one is kept.
    """
    state = ["--state", STATE] if STATE.exists() else []
    tap_command = [TAP / "bin" / "tap-jira", "--config", CONFIG, "--catalog", CATALOG, *state]
    target_command = [TARGET / "bin" / "target-duckdb", "--config", TARGET_CONFIG]
    states = DEMO / f"{name}.states"
    with (
        states.open("wb") as out,
        tap_log(name).open("wb") as log,
        (DEMO / f"{name}.target.log").open("wb") as target_log,
    ):
        tap = subprocess.Popen(tap_command, stdout=subprocess.PIPE, stderr=log)
        target = subprocess.Popen(target_command, stdin=tap.stdout, stdout=out, stderr=target_log)
        assert tap.stdout is not None
        tap.stdout.close()  # only the target reads it: should that end early, the tap notices
        codes = tap.wait(), target.wait()
    keep_state(states)
    if codes != (0, 0):
        sys.exit(f"the tap ended with {codes[0]}, the target with {codes[1]}; see {DEMO}/{name}.*")


def tap_log(name: str) -> Path:
    return DEMO / f"{name}.tap.log"


def keep_state(states: Path) -> None:
    """Put the last state that the target printed in the place of the old one, at once and whole."""
    lines = states.read_text().splitlines()
    if lines:
        aside = STATE.with_suffix(".part")
        aside.write_text(json.dumps(json.loads(lines[-1])))
        aside.replace(STATE)


def edit_issues(count: int) -> None:
    """Let somebody work in the simulated Jira."""
    request = urllib.request.Request(f"{base_url()}/simulate/edit?count={count}", method="POST")
    urllib.request.urlopen(request).close()


def list_issues() -> Path:
    """A file of what the simulated Jira says of its issues: id and ``updated`` of each."""
    path = DEMO / "issues.json"
    with urllib.request.urlopen(f"{base_url()}/simulate/issues") as answer:
        path.write_bytes(answer.read())
    return path


def base_url() -> str:
    return str(json.loads(CONFIG.read_text())["base_url"])


def print_report(issues: Path) -> None:
    """Show the tables, by the duckdb of the target's environment, and compare them with Jira."""
    print(
        f"\nissue records sent: first sync {records_sent('first')}, second sync {records_sent('second')}\n", flush=True
    )
    report = PROJECT / "examples" / "report.py"
    outcome = subprocess.run([TARGET / "bin" / "python", report, DATABASE, issues])
    print(f"\nThe database is {os.path.relpath(DATABASE)}, the logs are beside it.")
    sys.exit(outcome.returncode)


def records_sent(name: str) -> int:
    """How many issues a run has sent, from the metrics in its log."""
    metrics = [line.split("METRIC: ", 1)[1] for line in tap_log(name).read_text().splitlines() if "METRIC: " in line]
    points = [json.loads(metric) for metric in metrics]
    return sum(p["value"] for p in points if p["metric"] == "record_count" and p["tags"]["endpoint"] == "jira_issues")


def say(step: str) -> None:
    print(f"\n== {step}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Copy a simulated Jira into a DuckDB file, twice.")
    parser.add_argument("--cloud", action="store_true", help="copy a Jira Cloud, not a Data Center")
    main(cloud=parser.parse_args().cloud)
