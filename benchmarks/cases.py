"""What is run in the comparison: each tap and each floor, as a command that copies all issues of a site."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.jira import Jira
from benchmarks.measure import environment
from benchmarks.peers import AIRBYTE, OURS, SINGER_IO, Tap

CONCURRENCY = 8
FEW = ("id", "key", "updated_at", "fields.summary", "fields.status", "fields.updated")
ASKED_FOR_FEW = "created,status,summary,updated"
"""What this tap asks of Jira for those columns; the floor for them asks the same."""


@dataclass(frozen=True)
class Case:
    """A name, the name of the floor with the same content, whether it writes rows, and how its command is made."""

    name: str
    floor: str
    writes: bool
    command: Callable[[Jira, Path], Sequence[str | Path]]


ALL_FLOOR, FEW_FLOOR = "floor: parse and write", "floor: parse and write, few columns"


def cases(cloud: bool, ours: Tap = OURS, peers: Sequence[Tap] = (SINGER_IO, AIRBYTE)) -> list[Case]:
    """Everything that can copy such a site, in the order of the tables."""
    found = [
        Case("fetch and throw away", ALL_FLOOR, False, _floor(ours, cloud, "fetch", "*all", "changelog")),
        Case(ALL_FLOOR, ALL_FLOOR, True, _floor(ours, cloud, "dump", "*all", "changelog")),
        Case("this tap", ALL_FLOOR, True, lambda jira, folder: this_tap(ours, jira, folder, None)),
        Case(FEW_FLOOR, FEW_FLOOR, True, _floor(ours, cloud, "dump", ASKED_FOR_FEW, "")),
        Case("this tap, few columns", FEW_FLOOR, True, lambda jira, folder: this_tap(ours, jira, folder, FEW)),
    ]
    if SINGER_IO in peers and not cloud:
        found.append(Case("tap-jira 2.6.0 (singer-io)", ALL_FLOOR, True, _singer_io))
    if AIRBYTE in peers and not cloud:
        found.append(Case("airbyte-source-jira 4.0.0", ALL_FLOOR, True, _airbyte))
    return found


def this_tap(ours: Tap, jira: Jira, folder: Path, columns: Sequence[str] | None) -> list[str | Path]:
    """This tap, copying the issues with all columns or with these."""
    catalog = select(discovered(ours, jira, folder), ours.stream, columns)
    file = _written(folder / f"catalog-{'few' if columns else 'all'}.json", catalog)
    return [*with_config(ours, jira, folder), "--catalog", file]


def with_config(ours: Tap, jira: Jira, folder: Path) -> list[str | Path]:
    """This tap and its configuration, without a catalog."""
    config = _written(folder / "this-tap.json", {**jira.config, "concurrency": CONCURRENCY})
    return [ours.command, "--config", config]


def discovered(tap: Tap, jira: Jira, folder: Path) -> dict[str, Any]:
    """The catalog that a Singer tap prints for the site."""
    config = _written(folder / f"{tap.name}-discover.json", _singer_config(jira))
    argv: list[str | Path] = [tap.command, "--config", config, "--discover"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise RuntimeError(f"discovery ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def select(catalog: dict[str, Any], wanted: str, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """The catalog with one stream selected, and of that one all columns or these."""
    for stream in catalog["streams"]:
        if not any(entry["breadcrumb"] == [] for entry in stream["metadata"]):
            stream["metadata"].append({"breadcrumb": [], "metadata": {}})
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == wanted
            elif columns is not None:
                path = ".".join(word for word in entry["breadcrumb"] if word not in ("properties", "items"))
                entry["metadata"]["selected"] = any(_on_one_line(path, column) for column in columns)
    return catalog


def _on_one_line(path: str, column: str) -> bool:
    """Whether one of the two is the other or holds it."""
    return path == column or path.startswith(column + ".") or column.startswith(path + ".")


def _floor(ours: Tap, cloud: bool, what: str, fields: str, expand: str) -> Callable[[Jira, Path], Sequence[str | Path]]:
    def command(jira: Jira, folder: Path) -> Sequence[str | Path]:
        config = _written(folder / "floor.json", jira.config)
        script = Path(__file__).with_name("floor.py")
        asked = ["--fields", fields, "--expand", expand, *(["--cloud"] if cloud else [])]
        return [ours.python, script, config, what, *asked]

    return command


def _singer_io(jira: Jira, folder: Path) -> Sequence[str | Path]:
    SINGER_IO.trust(jira.certificate)
    config = _written(folder / "singer-io.json", _singer_config(jira))
    catalog = select(discovered(SINGER_IO, jira, folder), SINGER_IO.stream)
    # It takes --catalog and does not read it.
    return [SINGER_IO.command, "--config", config, "--properties", _written(folder / "singer-io-catalog.json", catalog)]


def _singer_config(jira: Jira) -> dict[str, Any]:
    return {**jira.config, "start_date": "2020-01-01T00:00:00Z", "user_agent": "benchmark"}


def _airbyte(jira: Jira, folder: Path) -> Sequence[str | Path]:
    AIRBYTE.trust(jira.certificate)
    for manifest in AIRBYTE.environment.glob("lib/python*/site-packages/source_jira/manifest.yaml"):
        # It asks Cloud's /rest/api/3/search, which Atlassian has removed. Data Center answers the same under API 2.
        # https://developer.atlassian.com/changelog/#CHANGE-2046
        manifest.write_text(manifest.read_text().replace("/rest/api/3/", "/rest/api/2/"))
    config = {
        "domain": jira.config["base_url"].removeprefix("https://"),
        "email": jira.config["username"],
        "api_token": jira.config["password"],
        "start_date": "2020-01-01T00:00:00Z",
    }
    stream = {"name": AIRBYTE.stream, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    chosen = {"sync_mode": "incremental", "cursor_field": ["updated"], "destination_sync_mode": "append"}
    catalog = {"streams": [{"stream": {**stream, "source_defined_cursor": True}, **chosen}]}
    files = (_written(folder / "airbyte.json", config), _written(folder / "airbyte-catalog.json", catalog))
    return [AIRBYTE.command, "read", "--config", files[0], "--catalog", files[1]]


def _written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path
