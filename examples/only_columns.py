"""Print a catalog in which only the named columns are selected: only_columns.py catalog.json COLUMN...

A column is named by its table and its path, such as jira_issues.fields.summary; * stands for any text, so that
jira_issues.fields.status.* is all of the status. Keys are always sent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


def main(path: str, *patterns: str) -> None:
    json.dump(only(json.loads(Path(path).read_text(encoding="utf-8")), patterns), sys.stdout, indent=2)


def only(catalog: dict[str, Any], patterns: Sequence[str]) -> dict[str, Any]:
    """The catalog with these columns selected, with what they lie in, and all else unselected."""
    unmatched = set(patterns)
    for stream in catalog["streams"]:
        chosen: set[str] = set()
        for entry in stream["metadata"]:
            names = _names(stream, entry)
            matching = {pattern for pattern in patterns if names[1:] and fnmatchcase(".".join(names), pattern)}
            if matching:
                unmatched -= matching
                chosen |= {".".join(names[:length]) for length in range(1, len(names) + 1)}
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = ".".join(_names(stream, entry)) in chosen
    if unmatched:
        sys.exit(f"{sorted(unmatched)[0]} matches no column")
    return catalog


def _names(stream: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    return [stream["tap_stream_id"], *entry["breadcrumb"][1::2]]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
