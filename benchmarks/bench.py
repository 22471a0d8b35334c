"""Measure what it costs to copy the issues of a site, beside the least that any tap must do and beside other taps.

    python3 -m benchmarks.bench [--issues 20000] [--rounds 3]

A simulated Jira serves over TLS, once at once and once with a delay on each request. It remembers what it has printed,
so each case runs once uncounted; then all take turns, round by round, and the medians are kept in
benchmarks/results.json. The output goes to /dev/null for all alike. Needs Python 3.10 and PyPI; works in the folder
.bench beside this project.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import cases, measure, picture, report
from benchmarks.cases import Case
from benchmarks.jira import Jira, has_cloud, simulated_jira
from benchmarks.peers import AIRBYTE, BENCH, OURS, PROJECT, SINGER_IO, Tap

RESULTS = PROJECT / "benchmarks" / "results.json"
IDLE_ROUNDS = 5
START_ROUNDS = 15


class Sent(NamedTuple):
    """What an uncounted run wrote: rows, bytes, the last state; and its requests and the bytes that they brought."""

    rows: int
    bytes: int
    state: Any
    requests: int = 0
    fetched: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds for each request of the slower site")
    parser.add_argument("--alone", action="store_true", help="this tap and the floors, without other taps")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    BENCH.mkdir(exist_ok=True)
    print("installing", flush=True)
    OURS.install()
    peers = [] if options.alone else [tap for tap in (SINGER_IO, AIRBYTE) if installed(tap)]
    results = everything(OURS, peers, BENCH, options.issues, options.rounds, options.latency)
    options.results.write_text(json.dumps(results, indent=1) + "\n")
    print(report.text(results))
    print(f"\n{options.results} is written", end="")
    if options.results == RESULTS:
        picture.draw_all()
        print(", and the pictures in docs; make docs writes the table of README.md", end="")
    print()


def installed(tap: Tap) -> bool:
    """Whether the tap could be installed; says why if not."""
    try:
        tap.install()
    except subprocess.CalledProcessError as error:
        told = (error.stderr or "").strip().splitlines()
        print(f"{tap.requirement} is left out: pip could not install it: {told[-1] if told else error}", flush=True)
        return False
    return True


def everything(
    ours: Tap, peers: Sequence[Tap], folder: Path, issues: int, rounds: int, latency: float
) -> dict[str, Any]:
    """All measurements, as they go into the file of results."""
    runs: list[dict[str, Any]] = []
    idle: list[dict[str, Any]] = []
    sites = {"Data Center": False, "Cloud": True}
    if not has_cloud(ours.command):
        print("Cloud is left out: this simulated Jira has none", flush=True)
        del sites["Cloud"]
    for seconds in (0.0, latency):
        for name, cloud in sites.items():
            more = ["--latency", str(seconds), *(["--cloud"] if cloud else [])]
            place = {"site": name, "latency": seconds}
            if cloud and peers:
                print(
                    "\nOther taps are left out on Cloud: they ask for a search that Atlassian has removed", flush=True
                )
            with simulated_jira(ours.command, folder, issues, *more) as jira:
                found, state = compare(jira, cases.cases(cloud, ours, peers), folder, issues, rounds, place)
                runs += found
                if state is not None:
                    idle += [{**place, **row} for row in idle_runs(jira, ours, folder, state)]
    return {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "machine": machine(),
        "issues": issues,
        "rounds": rounds,
        "runs": runs,
        "idle": idle,
        "start": start_costs(ours, folder),
        "signing": signing_costs(ours),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def compare(
    jira: Jira, candidates: Sequence[Case], folder: Path, issues: int, rounds: int, place: dict[str, Any]
) -> tuple[list[dict[str, Any]], Any]:
    """Medians for each case that copies all issues of the site, and the state that this tap ended with."""
    print(f"\n{place['site']}, {place['latency'] * 1000:.0f} ms a request", flush=True)
    warm: dict[str, tuple[Case, Sequence[str | Path], Sent]] = {}
    for case in candidates:
        try:
            argv = case.command(jira, folder)
            sent = uncounted(jira, argv, folder)
        except (RuntimeError, OSError, ValueError, LookupError) as error:
            print(f"  {case.name} is left out: {error}", flush=True)
            continue
        if case.writes and sent.rows < issues:
            print(f"  {case.name} is left out: it sent {sent.rows} of {issues} issues", flush=True)
            continue
        warm[case.name] = (case, argv, sent)
    measured: dict[str, list[measure.Usage]] = {name: [] for name in warm}
    for number in range(1, rounds + 1):
        for name, (_, argv, _) in warm.items():
            usage = measure.run(argv, log=folder / "run.log", server=jira.pid)
            measured[name].append(usage)
            print(f"  round {number}  {name:40} {usage.wall:8.2f} s {usage.cpu:8.2f} s CPU", flush=True)
    rows = [
        {**place, "case": name, "floor": case.floor, **medians(measured[name]), **counts(sent)}
        for name, (case, _, sent) in warm.items()
    ]
    state = warm["this tap"][2].state if "this tap" in warm else None
    return rows, state


def uncounted(jira: Jira, argv: Sequence[str | Path], folder: Path) -> Sent:
    """Run a case once, look at what it writes, and throw that away."""
    out, before = folder / "messages", jira.traffic()
    measure.run(argv, log=folder / "run.log", out=out)
    requests, fetched = (now - then for now, then in zip(jira.traffic(), before, strict=True))
    try:
        with out.open("rb") as lines:
            return looked_at(lines, out.stat().st_size)._replace(requests=requests, fetched=fetched)
    finally:
        out.unlink()


def looked_at(lines: Iterable[bytes], size: int) -> Sent:
    """Rows and the last state among the messages of a tap, whichever way it lays out its JSON."""
    rows, state = 0, None
    for line in lines:
        start = line[:24].replace(b" ", b"")
        if start.startswith(b'{"type":"RECORD"'):
            rows += 1
        elif start.startswith(b'{"type":"STATE"'):
            state = json.loads(line).get("value")
    return Sent(rows, size, state)


def counts(sent: Sent) -> dict[str, int]:
    """Of what was sent, that which goes into the results."""
    return {"rows": sent.rows, "bytes": sent.bytes, "requests": sent.requests, "fetched": sent.fetched}


def medians(usages: Sequence[measure.Usage]) -> dict[str, float | None]:
    """The median of each figure by itself; None where it could not be measured."""
    found: dict[str, float | None] = {}
    for figure in ("wall", "cpu", "rss", "server_cpu"):
        values = [value for usage in usages if (value := getattr(usage, figure)) is not None]
        found[figure] = round(statistics.median(values), 3) if values else None
    return found


def idle_runs(jira: Jira, ours: Tap, folder: Path, state: Any) -> list[dict[str, Any]]:
    """What a run costs when nothing has changed since ``state``: without a catalog, with all tables, with issues."""
    (folder / "state.json").write_text(json.dumps(state))
    catalog = folder / "catalog-discovered.json"
    catalog.write_text(json.dumps(cases.discovered(ours, jira, folder)))
    issues_alone = cases.this_tap(ours, jira, folder, None)
    plain = cases.with_config(ours, jira, folder)
    ways = {"without a catalog": plain, "all tables": [*plain, "--catalog", catalog], "issues alone": issues_alone}
    found = []
    for name, argv in ways.items():
        whole = [*argv, "--state", folder / "state.json"]
        sent = uncounted(jira, whole, folder)
        usages = [measure.run(whole, log=folder / "run.log", server=jira.pid) for _ in range(IDLE_ROUNDS)]
        found.append({"case": name, **medians(usages), **counts(sent)})
    return found


def start_costs(ours: Tap, folder: Path) -> list[dict[str, Any]]:
    """What it costs to start Python, to import the command line, and to be told the version and the help."""
    ways: dict[str, Sequence[str | Path]] = {
        "python, nothing else": [ours.python, "-I", "-c", "pass"],
        "import tap_jira.cli": [ours.python, "-I", "-c", "import tap_jira.cli"],
        "tap-jira --version": [ours.command, "--version"],
        "tap-jira --help": [ours.command, "--help"],
    }
    found = []
    for name, argv in ways.items():
        measure.run(argv, log=folder / "run.log")
        usages = [measure.run(argv, log=folder / "run.log") for _ in range(START_ROUNDS)]
        found.append({"case": name, **medians(usages)})
    return found


def signing_costs(ours: Tap) -> dict[str, float]:
    """CPU milliseconds for one OAuth 1.0a signature, by way."""
    script = Path(__file__).with_name("signing.py")
    told = subprocess.run([ours.python, script], capture_output=True, check=True).stdout
    return {name: round(value, 3) for name, value in json.loads(told).items()}


if __name__ == "__main__":
    main()
