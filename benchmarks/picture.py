"""Draw the figures: docs/benchmark.svg from results.json, docs/memory.svg from memory.json.

python3 -m benchmarks.picture
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
PICTURES = {DOCS / "benchmark.svg": HERE / "results.json", DOCS / "memory.svg": HERE / "memory.json"}

WIDTH, LABELS, BAR, GAP, TOP = 860, 300, 18, 8, 34
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.quiet { fill: #6e7781 }
.ours { fill: #0969da } .other { fill: #8c959f } .floor { fill: #c8d1da }
.line { fill: none; stroke-width: 2 } .axis { stroke: #8c959f; stroke-width: 1 }
.first { stroke: #0969da } .second { stroke: #bc4c00 } .third { stroke: #1a7f37 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 }
.ours { fill: #4493f8 } .other { fill: #767e88 } .floor { fill: #3d444d }
.first { stroke: #4493f8 } .second { stroke: #f0883e } .third { stroke: #3fb950 }
}
"""

Bar = tuple[str, float, str]


def draw_all() -> None:
    """Draw every picture whose figures are there."""
    for path in PICTURES:
        if PICTURES[path].exists():
            path.write_text(drawn(path), encoding="utf-8")


def drawn(path: Path) -> str:
    """A picture as it should be by the figures that are there."""
    figures = json.loads(PICTURES[path].read_text(encoding="utf-8"))
    return memory_picture(figures) if path.name == "memory.svg" else speed_picture(figures)


def speed_picture(results: dict[str, Any]) -> str:
    """Bars of the seconds on the clock at the slower site, and of the seconds of CPU, for each site."""
    latency = max(run["latency"] for run in results["runs"])
    groups = []
    for site in dict.fromkeys(run["site"] for run in results["runs"]):
        runs = [run for run in results["runs"] if (run["site"], run["latency"]) == (site, latency)]
        for title, figure in ((f"seconds, {latency * 1000:.0f} ms a request", "wall"), ("seconds of CPU", "cpu")):
            bars = [(run["case"], run[figure], _kind(run["case"])) for run in runs]
            groups.append((f"Jira {site}, {results['issues']:,} issues: {title}", bars))
    return bar_chart(groups)


def _kind(case: str) -> str:
    if case.startswith("this tap"):
        return "ours"
    return "floor" if case.startswith(("floor", "fetch")) else "other"


def bar_chart(groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Horizontal bars under a title for each group; a bar is its label, its length in seconds and its colour's name."""
    shapes, y = [], 0
    for title, bars in groups:
        shapes.append(f'<text class="title" x="0" y="{y + 20}">{escape(title)}</text>')
        y += TOP
        longest = max((value for _, value, _ in bars), default=0) or 1
        for label, value, kind in bars:
            length = max(1, round((WIDTH - LABELS - 70) * value / longest))
            middle = y + BAR - 5
            shapes += [
                f'<text x="{LABELS - 10}" y="{middle}" text-anchor="end">{escape(label)}</text>',
                f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length}" height="{BAR}" rx="2"/>',
                f'<text class="quiet" x="{LABELS + length + 6}" y="{middle}">{value:.1f}</text>',
            ]
            y += BAR + GAP
        y += GAP
    return _svg(y, shapes)


def memory_picture(memory: dict[str, Any]) -> str:
    """The megabytes that this tap holds, over the time that it takes, one line for each number of issues."""
    left, top, right, bottom = 60, 44, WIDTH - 20, 280
    series = [run["series"] for run in memory["runs"]]
    last = max((point[0] for points in series for point in points), default=0) or 1
    most = max((point[1] for points in series for point in points), default=0) or 1
    shapes = [
        '<text class="title" x="0" y="20">This tap: megabytes held (upwards), seconds (to the right)</text>',
        f'<path class="line axis" d="M{left} {top}V{bottom}H{right}"/>',
        f'<text class="quiet" x="{left - 6}" y="{top + 5}" text-anchor="end">{most:.0f} MB</text>',
        f'<text class="quiet" x="{left - 6}" y="{bottom + 4}" text-anchor="end">0</text>',
        f'<text class="quiet" x="{right}" y="{bottom + 18}" text-anchor="end">{last:.0f} s</text>',
    ]
    for place, run in enumerate(memory["runs"]):
        points = [
            f"{left + (right - left) * second / last:.0f},{bottom - (bottom - top) * held / most:.0f}"
            for second, held in run["series"]
        ]
        name = ("first", "second", "third")[place % 3]
        y = bottom + 40 + 20 * place
        told = f"{run['issues']:,} issues: peak {run['peak']:.0f} MB" + ("; cut off" if run["cut"] else "")
        shapes += [
            f'<polyline class="line {name}" points="{" ".join(points)}"/>',
            f'<path class="line {name}" d="M{left} {y - 4}h24"/>',
            f'<text x="{left + 32}" y="{y}">{escape(told)}</text>',
        ]
    return _svg(bottom + 40 + 20 * len(series), shapes)


def _svg(height: int, shapes: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *shapes, "</svg>", ""])


if __name__ == "__main__":
    draw_all()
