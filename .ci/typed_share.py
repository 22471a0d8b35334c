"""Say how many values of custom fields get a column of their own type, by answers recorded from real sites.

Usage: python .ci/typed_share.py FOLDER, with the Python of the project's tests (jsonschema comes with them).

FOLDER holds answers of Jira's REST interface, one JSON file each, in any folders below it: lists of fields
(/rest/api/2/field), single issues, pages of issues; other files are passed over. Beside them may lie INDEX.tsv, whose
columns ``path``, ``repository`` and ``flavor`` tell which files are of one site, and of which kind that is; without it
a site is a folder. An issue is read with the lists of its own site. Where those have none of its custom fields it is
read with all lists of sites of its kind, the first that declares a field counts: that shows what happens to values of
which the wrong thing is declared, since the ids of custom fields mean something else at each site.

Exit 1 if a record does not fit its schema, or if less than 95 of 100 values are typed of those that their own site has
declared. A value is typed if it lands, not null, as number, boolean, date, date-time, object, list of objects, or as a
text that was one and was meant to be one. JSON text is not.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft4Validator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tap_jira import schema as schemas
from tap_jira.records import Oddities
from tap_jira.typed import Shaper

LEAST = 0.95
KINDS = {"server": "server", "dc": "server", "cloud": "cloud"}
MOST_TOLD = 15
FALLBACK = "as JSON text unless"
"""What the description of a column says that takes anything, because nobody knows what its field holds."""


@dataclass
class Share:
    """How many values were set, of those how many were declared, and of those how many typed."""

    issues: int = 0
    values: int = 0
    declared: int = 0
    typed: int = 0

    def __str__(self) -> str:
        share = f"{self.typed / self.declared:.1%}" if self.declared else "none"
        counts = f"{self.issues:>5} issues, {self.values:>6} values, {self.declared:>6} declared, {self.typed:>6} typed"
        return f"{counts}: {share}"


class Site(NamedTuple):
    """A site: what names it, and its kind, '' if that is not known."""

    name: str
    kind: str

    def is_like(self, other: Site) -> bool:
        """Whether the sites may be of one kind."""
        return self.kind == other.kind or not (self.kind and other.kind)


@dataclass
class Corpus:
    """The lists of fields and the issues of each site."""

    lists: dict[Site, list[Any]] = field(default_factory=lambda: defaultdict(list))
    issues: dict[Site, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def main(folder: str) -> int:
    corpus = read(Path(folder))
    own, others = Share(), Share()
    missed: Counter[str] = Counter()
    faults: list[str] = []
    for site, issues in sorted(corpus.issues.items()):
        listed = corpus.lists.get(site, [])
        is_own = not {entry["id"] for entry in listed}.isdisjoint(name for issue in issues for name in custom(issue))
        everything = [entry for other, fields in corpus.lists.items() if other.is_like(site) for entry in fields]
        judge = Judge(listed, own, missed) if is_own else Judge(everything, others, Counter())
        for issue in issues:
            faults += [f"{site.name}, issue {issue.get('id')}: {fault}" for fault in judge.faults(issue)]
    print(f"{len(corpus.lists)} sites with a list of fields, {len(corpus.issues)} with issues")
    print(f"with the list of their site: {own}\nwith lists of other sites:   {others}")
    print("\n".join(f"not typed: {count} x {what}" for what, count in missed.most_common(MOST_TOLD)))
    print("\n".join(faults[:MOST_TOLD]) if faults else "each record fits its schema")
    return 1 if faults or not own.declared or own.typed < LEAST * own.declared else 0


class Judge:
    """Makes records with the columns of one list of fields, and holds them against the schema and what came."""

    def __init__(self, fields: list[Any], share: Share, missed: Counter[str]) -> None:
        self._share, self._missed = share, missed
        schema = schemas.add_custom_fields(schemas.load("jira_issues"), fields)
        self._columns = schema["properties"]["fields"]["properties"]
        self._declared = {entry["id"]: entry.get("schema") or {} for entry in reversed(fields)}
        self._valid = Draft4Validator(schema)
        oddities = Oddities("jira_issues", lambda said: None, lambda said: None)
        self._shaper = Shaper(schema, schema, ["id"], oddities, {"updated_at": ("fields", "updated")})

    def faults(self, issue: dict[str, Any]) -> Iterator[str]:
        """Count the values of an issue; what is wrong with its record."""
        line = self._shaper.of_text(json.dumps(issue).encode())
        if line is None:
            yield "no record"
            return
        record = json.loads(line)
        yield from (
            f"{'.'.join(map(str, error.path))}: {error.message[:200]}" for error in self._valid.iter_errors(record)
        )
        self._share.issues += 1
        for name, value in custom(issue).items():
            self._share.values += 1
            if name in self._columns:
                self._share.declared += 1
                if is_typed(value, record["fields"].get(name), self._columns[name]):
                    self._share.typed += 1
                else:
                    told = self._declared[name]
                    kind = f"{told.get('type')} of {told.get('items')} ({told.get('custom')})"
                    self._missed[f"{kind}: {shape(value)}"] += 1


def is_typed(value: Any, landed: Any, column: Mapping[str, Any]) -> bool:
    """Whether a value landed in a column of its own type."""
    kind = next(name for name in column["type"] if name != "null")
    if landed is None:
        return False
    if kind == "object":
        return any(part is not None for part in landed.values())
    if kind == "array":
        values = value if isinstance(value, list) else [value]
        items = [part for part in values if part is not None]
        fallback = {**column["items"], "description": column["description"]}
        return len(items) == len(landed) and all(map(is_typed, items, landed, [fallback] * len(items)))
    if kind == "string" and "format" not in column:
        return isinstance(value, str) and FALLBACK not in column["description"]
    return True


def custom(issue: Mapping[str, Any]) -> dict[str, Any]:
    """The custom fields that an issue has set."""
    return {n: v for n, v in issue["fields"].items() if n.startswith("customfield_") and v is not None}


def shape(value: Any) -> str:
    """What a value looks like, without its content."""
    if isinstance(value, dict):
        return f"{{{', '.join(sorted(value))}}}"
    if isinstance(value, list):
        return f"[{', '.join(sorted({shape(part) for part in value}))}]"
    return type(value).__name__


def is_list_of_fields(answer: Any) -> bool:
    """Whether an answer is one of ``/rest/api/2/field``."""
    if not isinstance(answer, list) or not answer:
        return False
    return all(isinstance(entry, dict) and "id" in entry and "navigable" in entry for entry in answer)


def issues_in(answer: Any) -> Iterator[dict[str, Any]]:
    """The issues of an answer that is one, or a page of them."""
    parts = answer if isinstance(answer, list) else answer.get("issues") if isinstance(answer, dict) else ()
    for issue in [answer, *(parts if isinstance(parts, list) else ())]:
        if isinstance(issue, dict) and isinstance(issue.get("fields"), dict) and issue.get("id"):
            yield issue


def read(folder: Path) -> Corpus:
    """What lies in the folder, by site."""
    sites: dict[str, Site] = {}
    if (folder / "INDEX.tsv").exists():
        with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
            rows = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
            sites = {row["path"]: Site(row["repository"], KINDS.get(row["flavor"], "")) for row in rows}
    corpus = Corpus()
    for path in sorted(folder.rglob("*.json")):
        site = sites.get(path.relative_to(folder).as_posix(), Site(path.parent.as_posix(), ""))
        answer = json.loads(path.read_text(encoding="utf-8"))
        if is_list_of_fields(answer):
            corpus.lists[site] += answer
        elif issues := list(issues_in(answer)):
            corpus.issues[site] += issues
    return corpus


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
