"""Read with SQL what a target has written, in one way for all of them, whatever it called and made of the columns."""

from __future__ import annotations

import ast
import csv
import json
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.targets.jira import COLUMNS, UPDATED, Column
from tests.targets.postgres import Server

Namer = Callable[[Sequence[str]], str]


def joined(path: Sequence[str]) -> str:
    """The name of a flattened column, as it comes: ``fields__status__statusCategory``."""
    return "__".join(path)


def lowered(path: Sequence[str]) -> str:
    """The same in small letters."""
    return joined(path).lower()


class Copy(ABC):
    """The tables of one target."""

    time_type: str
    """How the type of a time begins."""

    def issues(self) -> list[tuple[str, list[Any]]]:
        """For each row of the issues its id and the columns, as Jira's are: times in epoch milliseconds, lists."""
        expressions = [self.value(("id",)), *(self._comparable(column) for column in COLUMNS)]
        return [
            (row[0], [_plain(value, column) for value, column in zip(row[1:], COLUMNS, strict=True)])
            for row in self.select(expressions, self.table("jira_issues"))
        ]

    def count(self, table: str, key: str) -> tuple[int, int]:
        """How many rows the table has, and how many keys that differ."""
        [[rows, keys]] = self.select(["count(*)", f"count(DISTINCT {self.value((key,))})"], self.table(table))
        return rows, keys

    def between(self, first: int, last: int) -> int:
        """How many issues were updated between two times in epoch milliseconds, by the column as the target made it."""
        where = f"WHERE {self.value(UPDATED.path)} BETWEEN {self.moment(first)} AND {self.moment(last)}"
        [[found]] = self.select(["count(*)"], f"{self.table('jira_issues')} {where}")
        return int(found)

    def ids_by(self, *columns: Column) -> list[str]:
        """The ids of the issues that have these columns, in the order of those and of the id."""
        values = [self.value(column.path) for column in columns]
        present = " AND ".join(f"{value} IS NOT NULL" for value in values)
        order = ", ".join([*values, self.value(("id",))])
        rows = self.select([self.value(("id",))], f"{self.table('jira_issues')} WHERE {present} ORDER BY {order}")
        return [row[0] for row in rows]

    def sum(self, column: Column) -> float | None:
        """The sum of a column of numbers."""
        [[found]] = self.select([f"sum({self.number(column.path)})"], self.table("jira_issues"))
        return None if found is None else float(found)

    def groups(self, path: Sequence[str], member: str) -> dict[str, int] | None:
        """How many entries of a list of objects have which ``member``; None where SQL does not look into lists."""
        return None

    def select(self, expressions: Iterable[str], rest: str) -> list[list[Any]]:
        """The rows of ``SELECT expressions FROM rest``."""
        named = ", ".join(f"{expression} AS c{n}" for n, expression in enumerate(expressions))
        return self.rows(f"SELECT {named} FROM {rest}")

    def number(self, path: Sequence[str]) -> str:
        """SQL of a value as a number."""
        return self.value(path)

    def nested(self) -> str:
        """What became of objects and lists, in words."""
        return f"objects are columns, lists are {self.type_of(('fields', 'labels'))}"

    def _comparable(self, column: Column) -> str:
        if column.kind == "time":
            return self.millis(self.value(column.path))
        return self.number(column.path) if column.kind == "number" else self.value(column.path)

    @abstractmethod
    def rows(self, sql: str) -> list[list[Any]]:
        """What a SELECT finds."""

    @abstractmethod
    def table(self, name: str) -> str:
        """SQL of a table."""

    @abstractmethod
    def value(self, path: Sequence[str]) -> str:
        """SQL of a value as the target has stored it."""

    @abstractmethod
    def millis(self, value: str) -> str:
        """SQL of a time in epoch milliseconds."""

    @abstractmethod
    def moment(self, millis: int) -> str:
        """SQL of a time that can be compared with a stored one."""

    @abstractmethod
    def types(self) -> Counter[str]:
        """How many columns of the issues have which type."""

    @abstractmethod
    def type_of(self, path: Sequence[str]) -> str:
        """The type of a column of the issues."""


class _Catalogued(Copy):
    """A database that has an information_schema."""

    schema: str
    time_type = "timestamp"

    def __init__(self, name: Namer) -> None:
        self._name = name

    def table(self, name: str) -> str:
        return f'{self.schema}."{name}"'

    def value(self, path: Sequence[str]) -> str:
        return f'"{self._name(path)}"'

    def moment(self, millis: int) -> str:
        return f"TIMESTAMP '{_utc(millis).isoformat(sep=' ')}'"

    def types(self) -> Counter[str]:
        return Counter(self._types().values())

    def type_of(self, path: Sequence[str]) -> str:
        return self._types()[self._name(path)]

    def _types(self) -> dict[str, str]:
        where = f"table_schema = '{self.schema}' AND table_name = 'jira_issues'"
        found = self.select(["column_name", "lower(data_type)"], f"information_schema.columns WHERE {where}")
        return dict(map(tuple, found))


class Postgres(_Catalogued):
    """A database of a PostgreSQL server, with flattened columns."""

    schema = "jira"

    def __init__(self, server: Server, database: str, name: Namer) -> None:
        super().__init__(name)
        self._server, self._database = server, database

    def rows(self, sql: str) -> list[list[Any]]:
        return self._server.rows(self._database, sql)

    def groups(self, path: Sequence[str], member: str) -> dict[str, int]:
        entries = f"jsonb_array_elements(nullif({self.value(path)}::text, '')::jsonb) AS entry"
        rest = f"{self.table('jira_issues')}, {entries} GROUP BY 1"
        return dict(map(tuple, self.select([f"entry ->> '{member}'", "count(*)"], rest)))

    def millis(self, value: str) -> str:
        return f"(extract(epoch FROM {value}) * 1000)::bigint"


class PostgresJson(Postgres):
    """The same where ``fields`` is one column of JSONB."""

    def __init__(self, server: Server, database: str) -> None:
        super().__init__(server, database, joined)

    def nested(self) -> str:
        return f"fields is {self.type_of(('fields',))}"

    def type_of(self, path: Sequence[str]) -> str:
        return super().type_of(path[:1])

    def value(self, path: Sequence[str]) -> str:
        return f"({path[0]} #>> '{{{','.join(path[1:])}}}')" if len(path) > 1 else super().value(path)

    def number(self, path: Sequence[str]) -> str:
        return f"{self.value(path)}::numeric"

    def millis(self, value: str) -> str:
        # Inside of JSONB a time is a text, and says itself that it is in UTC.
        return super().millis(f"{value}::timestamptz" if "#>>" in value else value)


class DuckDb(_Catalogued):
    """A DuckDB file, read by the duckdb of the target's environment."""

    schema = "main"
    _READ = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(connection.execute(sys.stdin.read()).fetchall()))
"""

    def __init__(self, python: Path, file: Path) -> None:
        super().__init__(lowered)
        self._python, self._file = python, file

    def rows(self, sql: str) -> list[list[Any]]:
        argv: list[str | Path] = [self._python, "-c", self._READ, self._file]
        done = subprocess.run(argv, input=sql.encode(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode().strip().splitlines()[-1])
        return list(json.loads(done.stdout))

    def millis(self, value: str) -> str:
        return f"epoch_ms({value})"


class Sqlite(Copy):
    """A SQLite file with flattened columns; times are texts there."""

    time_type = "varchar"
    layout = "%Y-%m-%dT%H:%M:%S.%fZ"
    """How a time is written."""

    def __init__(self, file: Path | str, name: Namer) -> None:
        self._name = name
        self._connection = sqlite3.connect(file)

    def rows(self, sql: str) -> list[list[Any]]:
        return [list(row) for row in self._connection.execute(sql)]

    def table(self, name: str) -> str:
        return f'"{name}"'

    def value(self, path: Sequence[str]) -> str:
        return f'"{self._name(path)}"'

    def millis(self, value: str) -> str:
        return f"CAST(round((julianday({value}) - 2440587.5) * 86400000) AS INTEGER)"

    def moment(self, millis: int) -> str:
        return f"'{_utc(millis).strftime(self.layout)}'"

    def types(self) -> Counter[str]:
        return Counter(self._types().values())

    def type_of(self, path: Sequence[str]) -> str:
        return self._types()[self._name(path)]

    def _types(self) -> dict[str, str]:
        return dict(map(tuple, self.select(["name", "lower(type)"], "pragma_table_info('jira_issues')")))


class Files(Sqlite):
    """Files to which each run adds its records, as JSON in a table of SQLite; the newest row of each key counts."""

    time_type = "text"

    def __init__(self, keys: dict[str, str], records: Callable[[str], Iterator[dict[str, Any]]]) -> None:
        super().__init__(":memory:", joined)
        for table, key in keys.items():
            self._connection.execute(f'CREATE TABLE "{table} appended" (key TEXT, record TEXT)')
            rows = ((str(record[key]), json.dumps(record)) for record in records(table))
            self._connection.executemany(f'INSERT INTO "{table} appended" VALUES (?, ?)', rows)
            # max() takes the whole row with it.
            self._connection.execute(
                f'CREATE VIEW "{table}" AS SELECT key, record, max(rowid) FROM "{table} appended" GROUP BY key'
            )

    def appended(self, table: str) -> int:
        """How many rows there are of all runs."""
        [[found]] = self.rows(f'SELECT count(*) FROM "{table} appended"')
        return int(found)

    def value(self, path: Sequence[str]) -> str:
        return f"json_extract(record, '$.{'.'.join(path)}')"

    def types(self) -> Counter[str]:
        return Counter()

    def type_of(self, path: Sequence[str]) -> str:
        return self.time_type


class JsonLines(Files):
    """What target-jsonl writes."""

    def __init__(self, folder: Path, keys: dict[str, str]) -> None:
        super().__init__(keys, lambda table: map(json.loads, (folder / f"{table}.jsonl").open(encoding="utf-8")))

    def nested(self) -> str:
        return "as it came"


class Csv(Files):
    """What a target of comma-separated values writes, a file a run: all of it text, a null as nothing."""

    layout = "%Y-%m-%d %H:%M:%S.%f+00:00"

    def __init__(self, folder: Path, keys: dict[str, str]) -> None:
        def records(table: str) -> Iterator[dict[str, Any]]:
            for path in sorted(folder.glob(f"{table}-*.csv")):
                with path.open(encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        yield {name: value or None for name, value in row.items()}

        super().__init__(keys, records)

    def nested(self) -> str:
        return "columns are chosen by stream_maps, lists are as Python prints them"

    def value(self, path: Sequence[str]) -> str:
        return f"json_extract(record, '$.{joined(path)}')"

    def number(self, path: Sequence[str]) -> str:
        value = self.value(path)
        return f"CASE WHEN {value} GLOB '*[.eE]*' THEN CAST({value} AS REAL) ELSE CAST({value} AS INTEGER) END"


def _utc(millis: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=millis)


def _plain(value: Any, column: Column) -> Any:
    """A list as one, whether the target kept it as JSON or as Python prints it."""
    if column.kind != "list" or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return ast.literal_eval(value)
