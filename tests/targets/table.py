"""The targets: what pip installs, what they must be told, and how to read back what they made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.targets.copies import Copy, Csv, DuckDb, JsonLines, Postgres, PostgresJson, Sqlite, joined, lowered
from tests.targets.jira import COLUMNS, Column
from tests.targets.postgres import USER, Server

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Place:
    """Where a target of one run keeps things: a folder, and a database of the server where it needs one."""

    folder: Path
    environment: Path
    keys: dict[str, str]
    server: Server | None
    database: str

    @property
    def postgres(self) -> Server:
        """The server; LookupError if there is none."""
        if self.server is None:
            raise LookupError("there is no PostgreSQL server")
        return self.server


@dataclass(frozen=True)
class Target:
    """A target as it is set up here."""

    name: str
    pins: tuple[str, ...]
    script: str
    settings: dict[str, Any]
    """What it must be told besides where to write."""
    where: Callable[[Place], dict[str, Any]]
    copy: Callable[[Place], Copy]
    updates: bool = True
    """Whether a row that comes again takes the place of the older one; else it is one more line in a file."""
    stores: Callable[[str], str | None] = lambda text: text
    """What becomes of a text, where a known fault of the target changes it."""
    newest_python: tuple[int, int] | None = None
    """The last Python that it runs on."""
    small_batches: dict[str, Any] | None = None
    """What makes it store often, so that it can be killed in between; None if that is not tried."""
    prepares: str | None = None
    """SQL for a new database of the server; None if the target needs no server."""


def _ml(place: Place) -> dict[str, Any]:
    server = place.postgres
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "password": server.password,
        "database": place.database,
        "default_target_schema": "jira",
    }


def _pipelinewise(place: Place) -> dict[str, Any]:
    told = _ml(place)
    return {**told, "dbname": told.pop("database")}


def _escaped(text: str) -> str | None:
    """pipelinewise writes texts as JSON and has PostgreSQL read them as CSV: line breaks and tabs stay escaped (its
    issue 131), and a text of no characters becomes null."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("\\\\", "\\") or None


def _or_null(text: str) -> str | None:
    return text or None


def _csv_columns() -> dict[str, str]:
    """Of each column that is compared the expression that finds it, and that tells the target its type."""
    columns = {"id": "id", "key": "key", "updated_at": "updated_at"}
    columns.update({joined(column.path): _expression(column) for column in COLUMNS if len(column.path) > 1})
    return columns


def _expression(column: Column) -> str:
    # Whatever may be null is looked at before something is taken out of it.
    parents = [_python(column.path[:length]) for length in range(2, len(column.path))]
    value = _python(column.path)
    if column.kind == "number":
        kind = "float" if "customfield" in value else "int"
        return f"{kind}({value}) if {value} is not None else None"
    if column.kind == "list":
        return f"str({value}) if {value} is not None else None"
    return value + (f" if {' and '.join(parents)} else None" if parents else "")


def _python(path: tuple[str, ...]) -> str:
    return path[0] + "".join(f"['{name}']" for name in path[1:])


def snaked(path: Sequence[str]) -> str:
    """The same with an underscore before what were capitals."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", joined(path)).lower()


# Its columns are timestamps without a zone, and PostgreSQL turns what has one into the time of the session's.
_IN_UTC = f"ALTER ROLE {USER} IN DATABASE {{database}} SET timezone TO 'UTC'"
_FLATTEN = {"flattening_enabled": True, "flattening_max_depth": 4}
_FLATTEN_PIPELINEWISE = {"data_flattening_max_level": 4}

TARGETS = (
    Target(
        "meltanolabs-target-postgres",
        ("meltanolabs-target-postgres==0.8.1",),
        "target-postgres",
        {"load_method": "upsert", **_FLATTEN},
        _ml,
        lambda place: Postgres(place.postgres, place.database, joined),
        small_batches={"batch_size_rows": 100},
        prepares=_IN_UTC,
    ),
    Target(
        "meltanolabs-target-postgres, not flattened",
        ("meltanolabs-target-postgres==0.8.1",),
        "target-postgres",
        {"load_method": "upsert"},
        _ml,
        lambda place: PostgresJson(place.postgres, place.database),
        prepares=_IN_UTC,
    ),
    Target(
        "pipelinewise-target-postgres",
        ("pipelinewise-target-postgres==2.1.2",),
        "target-postgres",
        _FLATTEN_PIPELINEWISE,
        _pipelinewise,
        lambda place: Postgres(place.postgres, place.database, lowered),
        stores=_escaped,
        small_batches={"batch_size_rows": 100},
        prepares="",
    ),
    Target(
        "target-duckdb",
        tuple((PROJECT / "examples" / "target-duckdb.txt").read_text().split("\n")[1:3]),
        "target-duckdb",
        {**_FLATTEN_PIPELINEWISE, "add_metadata_columns": True},
        lambda place: {"path": str(place.folder / "jira.duckdb"), "default_target_schema": "main"},
        lambda place: DuckDb(place.environment / "bin" / "python", place.folder / "jira.duckdb"),
    ),
    Target(
        "target-sqlite",
        ("target-sqlite==0.2.0",),
        "target-sqlite",
        {},
        lambda place: {"database": str(place.folder / "jira")},
        lambda place: Sqlite(place.folder / "jira.db", snaked),
        newest_python=(3, 9),
    ),
    Target(
        "meltanolabs-target-csv",
        ("meltanolabs-target-csv==0.5.0",),
        "target-csv",
        {
            "file_naming_scheme": "{stream_name}-{timestamp}.csv",
            "stream_maps": {"jira_issues": {**_csv_columns(), "__else__": None}},
            **_FLATTEN,
        },
        lambda place: {"output_path": str(place.folder)},
        lambda place: Csv(place.folder, place.keys),
        updates=False,
        stores=_or_null,
    ),
    Target(
        "target-jsonl",
        ("target-jsonl==0.1.4",),
        "target-jsonl",
        {"do_timestamp_file": False},
        lambda place: {"destination_path": str(place.folder)},
        lambda place: JsonLines(place.folder, place.keys),
        updates=False,
    ),
)
