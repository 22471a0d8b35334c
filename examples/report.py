"""Print what the demo's database holds, and whether its issues are as Jira has them; exit 1 if they are not.

Usage: python report.py DATABASE ISSUES, where ISSUES is a JSON list of [id, updated in milliseconds].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY table_name"
BY_STATUS = "SELECT fields__status__name, count(*) FROM jira_issues GROUP BY 1 ORDER BY 2 DESC, 1"
UPDATED = "SELECT id, epoch_ms(updated_at) FROM jira_issues"


def main(database: str, issues: str) -> int:
    connection = duckdb.connect(database, read_only=True)
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    counts = [(name, connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]) for name in tables]
    print_table(("table", "rows"), counts)
    print_table(("fields__status__name", "issues"), connection.execute(BY_STATUS).fetchall())
    expected = {str(issue): updated for issue, updated in json.loads(Path(issues).read_text())}
    actual = dict(connection.execute(UPDATED).fetchall())
    same = sum(actual.get(issue) == updated for issue, updated in expected.items())
    print(f"{same} of {len(expected)} issues are in the table as Jira has them")
    return 0 if actual == expected else 1


def print_table(head: tuple[str, str], rows: list[tuple[str, int]]) -> None:
    width = max(len(str(name)) for name, _ in [head, *rows])
    for name, count in [head, ("-" * width, "-" * 6), *rows]:
        print(f"{name!s:<{width}}  {count:>6}")
    print()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
