"""Run a command to its end and tell what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Seconds on the clock and of CPU, peak resident MB, and seconds of CPU that the server took meanwhile."""

    wall: float
    cpu: float
    rss: float
    server_cpu: float | None


def run(
    argv: Sequence[str | Path],
    *,
    log: Path,
    out: Path = Path(os.devnull),
    server: int | None = None,
    limit: float = 3600,
) -> Usage:
    """What a command and its children cost from start to exit; RuntimeError, quoting its log, if it fails.

    ``server`` is the process that answers it; after ``limit`` seconds the command is killed.
    """
    with out.open("wb") as stdout, log.open("wb") as stderr:
        before, begun = cpu_seconds(server), time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment())
        killer = threading.Timer(limit, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}: {_last_line(log)}")
    after = cpu_seconds(server)
    return Usage(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        # Kilobytes on Linux, bytes on macOS.
        rss=usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024),
        server_cpu=None if before is None or after is None else after - before,
    )


def environment() -> dict[str, str]:
    """Ours without PYTHONPATH: two of the taps are packages of the same name."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def cpu_seconds(pid: int | None) -> float | None:
    """Seconds of CPU that a process has taken so far; None where the system has no /proc."""
    try:
        # The name, in parentheses, may hold blanks; utime and stime are fields 14 and 15 (proc_pid_stat(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float | None:
    """What a process holds in memory now; None where the system has no /proc, or the process is over."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")[:300]
