"""Lay out the figures of a benchmark: as text for a terminal, and as the table of the README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]


def text(results: Row) -> str:
    """Every figure, with its ratio to the floor."""
    parts = [about(results)]
    for site, latency in dict.fromkeys((run["site"], run["latency"]) for run in results["runs"]):
        runs = [run for run in results["runs"] if (run["site"], run["latency"]) == (site, latency)]
        parts.append(f"{site}, {_milliseconds(latency)} a request")
        parts.append(_aligned(_HEAD, [_cells(run, results["runs"]) for run in runs]))
        parts.extend(_server_share(runs))
    parts.append("A run when nothing has changed")
    parts.append(
        _aligned(
            ("site", "request", "catalog", "wall s", "CPU s", "peak MB", "requests", "rows"),
            [_idle_cells(row) for row in results["idle"]],
        )
    )
    parts.append("To start, in seconds")
    parts.append(
        _aligned(
            ("what", "wall", "CPU"), [(r["case"], _seconds(r["wall"]), _seconds(r["cpu"])) for r in results["start"]]
        )
    )
    signed = ", ".join(f"{name} {value:.2f} ms" for name, value in results["signing"].items())
    parts.append(f"CPU for one OAuth 1.0a signature, RSA of 2048 bits: {signed}")
    return "\n\n".join(parts)


def about(results: Row) -> str:
    """What was measured, and on what."""
    machine = results["machine"]
    return (
        f"{results['issues']:,} issues, medians of {results['rounds']} rounds, {machine['cores']} cores, "
        f"Python {machine['python']}, {machine['system']}, {results['date']}"
    )


_HEAD = (
    "what",
    "wall s",
    "of the floor",
    "CPU s",
    "of the floor",
    "peak MB",
    "requests",
    "MB in",
    "rows",
    "MB out",
    "server CPU s",
    "of wall",
)


def _cells(run: Row, runs: Sequence[Row]) -> tuple[str, ...]:
    wall_ratio, cpu_ratio = ratios(run, runs)
    server, fetched = run["server_cpu"], run.get("fetched")
    return (
        run["case"],
        _seconds(run["wall"]),
        _times(wall_ratio),
        _seconds(run["cpu"]),
        _times(cpu_ratio),
        f"{run['rss']:.0f}",
        str(run["requests"]),
        "-" if fetched is None else f"{fetched / 1e6:.1f}",
        str(run["rows"]),
        f"{run['bytes'] / 1e6:.0f}",
        "-" if server is None else _seconds(server),
        "-" if server is None else f"{server / run['wall']:.0%}",
    )


def ratios(run: Row, runs: Sequence[Row]) -> tuple[float | None, float | None]:
    """A run's wall to that of its floor without latency, and its CPU to that of its floor beside it; None without."""
    beside, at_once = (floor_of(run, runs, latency) for latency in (run["latency"], 0.0))
    return (
        run["wall"] / at_once["wall"] if at_once and at_once["wall"] else None,
        run["cpu"] / beside["cpu"] if beside and beside["cpu"] else None,
    )


def floor_of(run: Row, runs: Iterable[Row], latency: float) -> Row | None:
    """The run of the floor with the same content at the same site, with this latency."""
    wanted = (run["site"], latency, run["floor"])
    return next((other for other in runs if (other["site"], other["latency"], other["case"]) == wanted), None)


def _server_share(runs: Sequence[Row]) -> list[str]:
    """How fast the server can be, as the one who does nothing else than fetch sees it."""
    bare = next((run for run in runs if run["case"] == "fetch and throw away"), None)
    if bare is None:
        return []
    return [f"One who only fetches is done after {bare['wall']:.2f} s; what another takes longer is not the server's."]


def _idle_cells(row: Row) -> tuple[str, ...]:
    return (
        row["site"],
        _milliseconds(row["latency"]),
        row["case"],
        _seconds(row["wall"]),
        _seconds(row["cpu"]),
        f"{row['rss']:.0f}",
        str(row["requests"]),
        str(row["rows"]),
    )


def markdown(results: Row) -> str:
    """The table of the README."""
    runs = results["runs"]
    latency = max(run["latency"] for run in runs)
    lines = [
        about(results) + ":",
        "",
        f"| Jira | what | seconds, {_milliseconds(latency)} a request | seconds, no delay | CPU seconds "
        "| CPU, of the floor | peak MB | requests |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        if run["latency"] == latency:
            at_once = next(
                (r for r in runs if (r["site"], r["case"], r["latency"]) == (run["site"], run["case"], 0)), None
            )
            cells = [
                run["site"],
                run["case"],
                f"{run['wall']:.1f}",
                f"{at_once['wall']:.1f}" if at_once else "",
                f"{run['cpu']:.1f}",
                _times(ratios(run, runs)[1]),
                f"{run['rss']:.0f}",
                f"{run['requests']:,}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be, the first to the left and figures to the right."""
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not _is_figure(rows, place) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    )


def _is_figure(rows: Sequence[Sequence[str]], place: int) -> bool:
    return all(row[place][:1].isdigit() or row[place] in ("-", "") for row in rows)


def _seconds(value: float) -> str:
    return f"{value:.2f}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f} x"
