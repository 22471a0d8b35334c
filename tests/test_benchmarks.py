"""The benchmark counts what it says it counts, and lays its figures out rightly; no test looks at a time."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import bench, cases, measure, memory, picture, report
from benchmarks.jira import simulated_jira
from benchmarks.peers import OURS

SVG = "{http://www.w3.org/2000/svg}"


def run(case: str, latency: float, wall: float, cpu: float, **more: Any) -> dict[str, Any]:
    """A row of results."""
    figures = {"rss": 50.0, "server_cpu": 0.5, "rows": 100, "bytes": 2_000_000, "requests": 7, "fetched": 9_000_000}
    place = {"site": "Data Center", "latency": latency, "case": case, "floor": "floor"}
    return {**place, "wall": wall, "cpu": cpu, **figures, **more}


RUNS = [
    run("floor", 0.0, 2.0, 1.0),
    run("this tap", 0.0, 3.0, 1.5),
    run("floor", 0.15, 4.0, 1.0),
    run("this tap", 0.15, 5.0, 3.0),
    run("a & b", 0.15, 40.0, 30.0, floor="another", server_cpu=None),
]
RESULTS = {
    "date": "2026-01-02",
    "machine": {"cores": 2, "python": "3.12.1", "system": "Linux x86_64"},
    "issues": 100,
    "rounds": 3,
    "runs": RUNS,
    "idle": [run("issues alone", 0.0, 0.25, 0.125)],
    "start": [{"case": "tap-jira --help", "wall": 0.08, "cpu": 0.07}],
    "signing": {"this tap": 0.5, "requests_oauthlib": 40.0},
}


def test_ratios_are_to_the_same_content() -> None:
    """CPU is compared with the floor beside it, the wall with the floor that no latency holds up."""
    assert report.ratios(RUNS[3], RUNS) == (2.5, 3.0)


def test_no_floor_no_ratio() -> None:
    """A run without a floor is shown without ratios."""
    assert report.ratios(RUNS[4], RUNS) == (None, None)


def test_text_shows_every_run_with_its_ratios() -> None:
    """The report for a terminal has a line for each run, with both ratios."""
    lines = report.text(RESULTS).splitlines()
    [line] = [line.split() for line in lines if line.startswith("this tap") and " 5.00 " in line]

    assert line == ["this", "tap", "5.00", "2.5", "x", "3.00", "3.0", "x", "50", "7", "9.0", "100", "2", "0.50", "10%"]


def test_text_shows_what_could_not_be_measured() -> None:
    """Where the system tells nothing of the server, a dash stands."""
    [line] = [line for line in report.text(RESULTS).splitlines() if line.startswith("a & b")]

    assert line.split()[-2:] == ["-", "-"]


def test_markdown_has_the_slow_site_and_the_fast_one_in_one_row() -> None:
    """The README's table has a row for each case: with latency, without, CPU, its ratio, memory, requests."""
    rows = report.markdown(RESULTS).splitlines()

    assert "| Data Center | this tap | 5.0 | 3.0 | 3.0 | 3.0 x | 50 | 7 |" in rows
    assert "| Data Center | a & b | 40.0 |  | 30.0 |  | 50 | 7 |" in rows


def test_bars_are_as_long_as_their_values() -> None:
    """The picture is XML, and a bar of half the value is half as long."""
    root = ElementTree.fromstring(picture.bar_chart([("a < b", [("x & y", 4.0, "ours"), ("z", 2.0, "floor")])]))
    long, short = (int(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect"))

    assert long == 2 * short
    assert [text.text for text in root.iter(f"{SVG}text")] == ["a < b", "x & y", "4.0", "z", "2.0"]


def test_speed_picture_colours_this_tap() -> None:
    """Wall at the slower site and CPU are drawn, this tap in its own colour."""
    root = ElementTree.fromstring(picture.speed_picture(RESULTS))

    assert [bar.attrib["class"] for bar in root.iter(f"{SVG}rect")] == ["floor", "ours", "other"] * 2


def test_memory_picture_stays_in_its_frame() -> None:
    """Each size is a line within the frame, and a run that was cut off says so."""
    series = [[0.0, 20.0], [5.0, 200.0], [10.0, 100.0]]
    runs = [{"issues": n, "peak": 200.0, "cut": n > 1000, "series": series} for n in (1000, 2000)]
    root = ElementTree.fromstring(picture.memory_picture({"runs": runs}))
    lines = [
        [tuple(map(int, p.split(","))) for p in line.attrib["points"].split()] for line in root.iter(f"{SVG}polyline")
    ]

    assert len(lines) == 2
    assert all(60 <= x <= picture.WIDTH and 44 <= y <= 280 for points in lines for x, y in points)
    assert [text.text for text in root.iter(f"{SVG}text") if "cut off" in str(text.text)] == [
        "2,000 issues: peak 200 MB; cut off"
    ]


@pytest.mark.parametrize("path", picture.PICTURES, ids=lambda path: path.name)
def test_pictures_are_fresh(path: Path) -> None:
    """The pictures show the results that are kept."""
    assert path.read_text(encoding="utf-8") == picture.drawn(path), "run python3 -m benchmarks.picture"


def test_thinning_keeps_the_peak() -> None:
    """A long series is cut to so many points, and its peak is one of them."""
    series = [(float(n), 500.0 if n == 777 else 100.0) for n in range(1000)]
    thin = memory.thinned(series, 10)

    assert len(thin) == 10
    assert (777.0, 500.0) in thin


def test_rows_are_counted_however_json_is_laid_out() -> None:
    """Records and the last state are found with and without blanks after the colons."""
    lines = [
        b'{"type": "SCHEMA", "stream": "issues"}\n',
        b'{"type": "RECORD", "stream": "issues", "record": {}}\n',
        b'{"type":"RECORD","stream":"issues","record":{"type":"STATE"}}\n',
        b'{"type": "STATE", "value": {"n": 1}}\n',
        b'{"type":"STATE","value":{"n":2}}\n',
    ]

    assert bench.looked_at(lines, 5) == bench.Sent(rows=2, bytes=5, state={"n": 2})


def test_medians_leave_out_what_is_missing() -> None:
    """Each figure has its own median; one that no run could measure is None."""
    usages = [measure.Usage(wall, 10 - wall, 5.0, None) for wall in (1.0, 3.0, 2.0)]

    assert bench.medians(usages) == {"wall": 2.0, "cpu": 8.0, "rss": 5.0, "server_cpu": None}


def test_few_columns_are_selected_with_what_holds_them() -> None:
    """Of the chosen stream the wanted columns are selected, with all inside of them and the objects around them."""
    catalog = json.loads((Path(__file__).parent.parent / "catalog.json").read_text(encoding="utf-8"))
    chosen = cases.select(catalog, "jira_issues", cases.FEW)
    [issues] = [stream for stream in chosen["streams"] if stream["metadata"][0]["metadata"]["selected"]]
    selected = {".".join(e["breadcrumb"][1::2]) for e in issues["metadata"] if e["metadata"]["selected"]}

    assert issues["tap_stream_id"] == "jira_issues"
    assert {*cases.FEW, "fields", "fields.status.name"} <= selected
    assert not any(path.startswith(("fields.comment", "changelog")) for path in selected)


def test_a_command_that_fails_is_no_result(tmp_path: Path) -> None:
    """A run that ends badly is reported with the last line that it said."""
    with pytest.raises(RuntimeError, match="exit code 3: the reason"):
        measure.run(
            [sys.executable, "-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"],
            log=tmp_path / "log",
        )


def test_this_tap_and_the_floors_run(tmp_path: Path) -> None:
    """On a small site this tap and both floors copy all issues, and every figure is there."""
    ours = replace(OURS, environment=Path(sys.prefix))
    if not ours.command.exists():
        pytest.skip("the tap is not installed in an environment")
    place = {"site": "Data Center", "latency": 0.0}
    with simulated_jira(ours.command, tmp_path, 50) as jira:
        rows, state = bench.compare(jira, cases.cases(False, ours, ()), tmp_path, 50, 1, place)

    assert [(row["case"], row["rows"]) for row in rows] == [
        ("fetch and throw away", 0),
        (cases.ALL_FLOOR, 50),
        ("this tap", 50),
        (cases.FEW_FLOOR, 50),
        ("this tap, few columns", 50),
    ]
    assert all(row[figure] > 0 for row in rows for figure in ("wall", "cpu", "rss", "requests", "fetched"))
    assert "jira_issues" in state["bookmarks"]
