"""Watch how much memory this tap holds while it copies a large site.

    python3 -m benchmarks.memory [--sizes 200000,1000000] [--limit 900]

The simulated Jira prints what it cannot remember anew each time, so this takes long and says nothing of speed. After
``--limit`` seconds a run is cut off, and the results say so. They are kept in benchmarks/memory.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from benchmarks import cases, measure, picture
from benchmarks.bench import machine
from benchmarks.jira import simulated_jira
from benchmarks.peers import BENCH, OURS, PROJECT, Tap

RESULTS = PROJECT / "benchmarks" / "memory.json"
POINTS = 120
"""As many points of a series are kept at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="200000,1000000", help="numbers of issues, separated by commas")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a run is cut off")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    BENCH.mkdir(exist_ok=True)
    OURS.install()
    runs = []
    for size in map(int, options.sizes.split(",")):
        print(f"{size:,} issues", flush=True)
        runs.append(watched(OURS, BENCH, size, options.limit))
        print(told(runs[-1]), flush=True)
    results = {"date": f"{datetime.now(timezone.utc):%Y-%m-%d}", "machine": machine(), "runs": runs}
    options.results.write_text(json.dumps(results, indent=None) + "\n")
    if options.results == RESULTS:
        picture.draw_all()


def watched(ours: Tap, folder: Path, issues: int, limit: float, every: float = 1.0) -> dict[str, Any]:
    """The megabytes that the tap holds while it copies so many issues, looked at every so many seconds."""
    # Nobody asks twice here, so it need not remember much.
    with simulated_jira(ours.command, folder, issues, "--cache", "500") as jira, (folder / "run.log").open("wb") as log:
        argv = cases.this_tap(ours, jira, folder, None)
        begun = time.monotonic()
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, env=measure.environment())
        assert process.stdout is not None
        reader = _Reader(process.stdout)
        series: list[tuple[float, float]] = []
        while reader.is_alive() and time.monotonic() - begun < limit:
            held = measure.resident_megabytes(process.pid)
            if held is not None:
                series.append((round(time.monotonic() - begun, 1), round(held, 1)))
            reader.join(timeout=every)
        cut = reader.is_alive()
        if cut:
            process.terminate()
        reader.join()
        code = process.wait()
    if code != 0 and not cut:
        raise RuntimeError(f"exit code {code}: {(folder / 'run.log').read_text()[-300:]}")
    return {
        "issues": issues,
        "rows": reader.rows,
        "seconds": round(time.monotonic() - begun, 1),
        "cut": cut,
        "peak": max((held for _, held in series), default=0.0),
        "series": thinned(series),
    }


class _Reader(threading.Thread):
    """Takes what the tap writes and counts its rows; ends with it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream, self.rows = stream, 0
        self.start()

    def run(self) -> None:
        for line in self._stream:
            self.rows += line.startswith(b'{"type":"RECORD"')


def thinned(series: Sequence[tuple[float, float]], points: int = POINTS) -> list[tuple[float, float]]:
    """At most so many points, each the highest of its stretch."""
    stretch = -(-len(series) // points) or 1
    return [max(series[n : n + stretch], key=lambda point: point[1]) for n in range(0, len(series), stretch)]


def told(run: dict[str, Any]) -> str:
    """A run in two lines."""
    short = ", ".join(f"{second:.0f} s {held:.0f}" for second, held in thinned(run["series"], 12))
    end = f"cut off after {run['seconds']:.0f} s" if run["cut"] else f"done after {run['seconds']:.0f} s"
    return f"  {end}, {run['rows']:,} rows; peak {run['peak']:.0f} MB\n  MB by time: {short}"


if __name__ == "__main__":
    main()
