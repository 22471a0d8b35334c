"""Count the issues that a tap loses while they change under its hands, for this tap and for tap-jira from PyPI.

    python3 -m benchmarks.loss [--issues 5000] [--share 0.02]

A simulated Data Center changes a share of its issues after each page of search results. The tap syncs once, the site
falls quiet, the tap syncs again from its state; then every issue must have come out as the site has it. Below that,
this tap alone meets a site whose requests fail in every way there is, and is compared with itself undisturbed.
Needs Python 3.10 and PyPI; works in the folder .bench beside this project.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.cases import select
from benchmarks.jira import Jira, simulated_jira
from benchmarks.peers import BENCH, OURS, SINGER_IO, Tap

FAULTS = ("429", "500", "503", "reset", "truncated", "bad-json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=5000)
    parser.add_argument("--share", type=float, default=0.02, help="of the issues that change after each page")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    BENCH.mkdir(exist_ok=True)
    for tap in (OURS, SINGER_IO):
        tap.install()
    print(f"{options.issues} issues, {options.share:.0%} of them changed after each page of search results")
    print(f"{'tap':12} {'seconds':>8} {'records':>8} {'lost after the next run':>24}")
    for seed in range(1, options.rounds + 1):
        for tap in (OURS, SINGER_IO):
            print_churn(tap, options, seed)
    print(f"\n{options.issues} issues, 5 % of the requests fail, each in one of: {', '.join(FAULTS)}")
    print(f"{'requests':14} {'seconds':>8} {'records':>8} {'lost':>8}")
    for seed in range(1, options.rounds + 1):
        print_faults("undisturbed", options, seed)
        print_faults("5 % fail", options, seed, "--faults", "0.05", "--fault-kinds", ",".join(FAULTS))


def print_churn(tap: Tap, options: argparse.Namespace, seed: int) -> None:
    with simulated_jira(
        OURS.command, BENCH, options.issues, "--seed", str(seed), "--churn", str(options.share)
    ) as jira:
        seconds, seen = sync(tap, jira, None)
        jira.post("quiet")
        _, again = sync(tap, jira, state_of(tap))
        lost = jira.missing({**seen, **again})
        print(f"{tap.name:12} {seconds:8.1f} {len(seen) + len(again):8} {lost:24}", flush=True)


def print_faults(name: str, options: argparse.Namespace, seed: int, *faults: str) -> None:
    with simulated_jira(OURS.command, BENCH, options.issues, "--seed", str(seed), *faults) as jira:
        seconds, seen = sync(OURS, jira, None)
        print(f"{name:14} {seconds:8.1f} {len(seen):8} {jira.missing(seen):8}", flush=True)


def sync(tap: Tap, jira: Jira, state: Any) -> tuple[float, dict[str, int]]:
    """Seconds that a sync of the issues took, and the last ``updated`` (milliseconds) of each issue it sent."""
    catalog = BENCH / "catalog.json"
    config = BENCH / f"{tap.name}.json"
    config.write_text(json.dumps({**jira.config, "start_date": "2020-01-01T00:00:00Z", "user_agent": "benchmark"}))
    tap.trust(jira.certificate)
    with catalog.open("wb") as out:
        subprocess.run([tap.command, "--config", config, "--discover"], stdout=out, stderr=log(tap, "ab"), check=True)
    catalog.write_text(json.dumps(select(json.loads(catalog.read_text()), tap.stream)))
    # tap-jira of singer-io takes --catalog and does not read it.
    argv: list[str | Path] = [tap.command, "--config", config, "--properties", catalog]
    if state is not None:
        (BENCH / "state.json").write_text(json.dumps(state))
        argv += ["--state", BENCH / "state.json"]
    begun = time.monotonic()
    with (BENCH / f"{tap.name}.messages").open("wb") as out:
        subprocess.run(argv, stdout=out, stderr=log(tap, "ab"), check=False)
    seconds = time.monotonic() - begun
    return seconds, dict(sent(tap))


def sent(tap: Tap) -> Iterator[tuple[str, int]]:
    for message in messages(tap):
        if message["type"] == "RECORD" and message["stream"] == tap.stream:
            value = message["record"]
            for name in tap.updated:
                value = value[name]
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            yield message["record"]["id"], round(moment.timestamp() * 1000)


def messages(tap: Tap) -> Iterator[dict[str, Any]]:
    with (BENCH / f"{tap.name}.messages").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def state_of(tap: Tap) -> Any:
    """The last state of a run."""
    return [message["value"] for message in messages(tap) if message["type"] == "STATE"][-1]


def log(tap: Tap, mode: str) -> Any:
    return (BENCH / f"{tap.name}.log").open(mode)


if __name__ == "__main__":
    main()
