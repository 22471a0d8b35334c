"""Write the parts of the documents that follow from the code: ``python docs/generate.py tables`` or ``catalog``.

A test compares what stands in the documents with what this would write.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from tap_jira import schema
from tap_jira.config import Config
from tap_jira.streams import STREAMS, Place, Stream

PROJECT = Path(__file__).resolve().parent.parent
README, CONFIGURATION, STREAMS_PAGE, ARCHITECTURE = (
    PROJECT / name for name in ("README.md", "docs/configuration.md", "docs/streams.md", "docs/architecture.md")
)
CATALOG = PROJECT / "catalog.json"
MELTANO = PROJECT / "examples" / "meltano" / "meltano.yml"

TYPES = {"url": "address", "list": "list of texts", "jql": "JQL"}
"""How a kind of option is called in the table, where its own name would not do."""

MELTANO_KINDS = {"date-time": "date_iso8601", "list": "array"}
"""How Meltano calls a kind of option that is neither a number nor a text."""


def main(what: str) -> None:
    if what == "catalog":
        write_catalog()
    else:
        for path, text in documents().items():
            path.write_text(text, encoding="utf-8")


def documents() -> dict[Path, str]:
    """Each document with a generated part, as it should be."""
    return {
        README: _filled(README, streams=streams_table(), speed=speed_table()),
        CONFIGURATION: _filled(CONFIGURATION, config=config_table()),
        STREAMS_PAGE: "\n".join(streams_page()),
        ARCHITECTURE: _filled(ARCHITECTURE, modules=module_table(PROJECT / "tap_jira")),
        MELTANO: _filled(MELTANO, settings=meltano_settings()),
    }


def write_catalog() -> None:
    """Discover a simulated Jira with the real command."""
    tap = [sys.executable, "-m", "tap_jira"]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        jira = subprocess.Popen([*tap, "simulate", "--port", "0", "--write-config", config])
        try:
            while not config.exists() and jira.poll() is None:
                time.sleep(0.1)
            CATALOG.write_bytes(subprocess.check_output([*tap, "--config", config, "--discover"]))
        finally:
            jira.terminate()
            jira.wait()


def config_table() -> str:
    """Every key of the configuration."""
    rows = ["| key | type | default | secret | what it is |", "|---|---|---|---|---|"]
    for option in fields(Config):
        about = option.metadata
        kind = about["kind"].replace("-", " to ") if about["kind"][0].isdigit() else about["kind"]
        is_told = option.default not in (None, ()) and option.name != "base_url"
        default = about["usual"] or (f"`{_default(option.default)}`" if is_told else "")
        secret = "yes" if about["secret"] else ""
        rows.append(f"| `{option.name}` | {TYPES.get(kind, kind)} | {default} | {secret} | {about['sentence']} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as JSON has it
    # The version grows; the table should not change with it.
    return re.sub(r"^tap-jira/.*", "tap-jira/VERSION", f"{value:g}" if isinstance(value, float) else str(value))


def streams_table() -> str:
    """Every table with its key and how it is kept fresh."""
    rows = ["| table | key | each run sends | from, on Server and Data Center | on Cloud |", "|---|---|---|---|---|"]
    for stream in STREAMS:
        sends = f"what changed (`{stream.replication_key}`)" if stream.replication_key else "the whole table"
        sends += "" if stream.by_default else ", if it is selected"
        columns = f"[`{stream.name}`](docs/streams.md#{stream.name})"
        key = f"`{stream.key}`" + (f", on Cloud `{stream.cloud_key}`" if stream.cloud_key else "")
        rows.append(f"| {columns} | {key} | {sends} | {_place(stream.server)} | {_place(stream.place('cloud'))} |")
    return "\n".join(rows)


def speed_table() -> str:
    """What the last benchmark measured."""
    benchmarks = PROJECT / "benchmarks"
    results = json.loads((benchmarks / "results.json").read_text(encoding="utf-8"))
    table: str = runpy.run_path(str(benchmarks / "report.py"))["markdown"](results)
    return table


def meltano_settings() -> str:
    """Every key of the configuration as a setting of a plugin of Meltano, without defaults: those are the tap's."""
    lines = ["    settings:"]
    for option in fields(Config):
        lines += [f"    - name: {option.name}", f"      kind: {_meltano_kind(option.metadata['kind'])}"]
        lines += ["      sensitive: true"] if option.metadata["secret"] else []
        lines.append(f"      description: {json.dumps(option.metadata['sentence'])}")
    return "\n".join(lines)


def _meltano_kind(kind: str) -> str:
    number = "decimal" if "." in kind else "integer"
    return number if kind[0].isdigit() else MELTANO_KINDS.get(kind, "string")


def _place(place: Place) -> str:
    otherwise = f" or {_place(place.otherwise)}" if place.otherwise else ""
    return f"`{place.path}`{otherwise}" + (f" (needs {place.needs})" if place.needs else "")


def streams_page() -> Iterator[str]:
    """A page with every column of every table."""
    yield "# Tables and columns"
    yield ""
    yield "<!-- Written by `make docs` from the schemas; change those. -->"
    yield ""
    yield "Names are Jira's own. A dot leads into an object: targets that flatten objects write `fields.status.name`"
    yield "as `fields__status__name`. `[]` leads into the entries of a list, which most targets keep as JSON in one"
    yield "column. Every column may be null but the keys. Date-times are in UTC."
    yield ""
    yield "`--discover` adds to `jira_issues` a column for each custom field of the site, `fields.customfield_10010`"
    yield "and so on, with the name that people see in Jira in its title and description, and on Cloud with what the"
    yield "site says of the field, where the account may know. `custom_field_names` has it"
    yield "[called by that name](configuration.md#names-of-custom-fields); `jira_fields` tells which column is which."
    yield "Its type is the one that Jira declares:"
    yield ""
    yield "| declared by Jira, alone or in a list | column, or entry of the list |"
    yield "|---|---|"
    yield "| `string`, `number`, `date`, `datetime` | string, number, date, date-time |"
    yield f"| {_object_kinds()} | object |"
    yield "| anything else | string: a text as it is, all else as JSON text |"
    yield ""
    yield "Where the origin of a field (`schema.custom`) tells more than that, it counts: a field of sprints is a list"
    yield "of objects on both kinds of site, though Data Center prints them as texts (`rapidViewId` is `boardId`, and"
    yield "`state` is in small letters, as on Cloud); epic links and ranks are texts; a parent link is an object, of"
    yield "which Data Center gives the `key`. What fits no column of its own is in `misfits`:"
    yield "[what a run does with odd data](guarantees.md#what-a-run-does-with-odd-data)."
    for stream in STREAMS:
        yield from _stream_section(stream)


def _object_kinds() -> str:
    return ", ".join(f"`{name}`" for name in schema.object_kinds())


def _stream_section(stream: Stream) -> Iterator[str]:
    node = schema.load(stream.name)
    rows = "only those of issues" if stream.parent else "only issues"
    bookmark = f"; {rows} changed since the bookmark, by `{stream.replication_key}`" if stream.replication_key else ""
    yield ""
    yield f"## {stream.name}"
    yield ""
    cloud_key = f", on Cloud `{stream.cloud_key}`" if stream.cloud_key else ""
    columns = f"{schema.leaf_count(node)} columns when objects are flattened"
    choice = "" if stream.by_default else "; not selected by default"
    yield f"Key `{stream.key}`{cloud_key}{bookmark}; {columns}{choice}."
    if stream.note:
        yield ""
        yield stream.note
    yield ""
    yield "| column | type | what it is |"
    yield "|---|---|---|"
    yield from _rows(node, "")
    if stream is STREAMS[-1]:
        yield ""


def _rows(node: dict[str, Any], path: str) -> Iterator[str]:
    for name, part in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        kind = next(kind for kind in part["type"] if kind != "null") if isinstance(part["type"], list) else part["type"]
        yield f"| `{here}` | {part.get('format', kind)} | {_cell(part.get('description', ''))} |"
        yield from _rows(part, here)
        yield from _rows(part.get("items", {}), f"{here}[]")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def module_table(package: Path) -> str:
    """Every module with the sentence it begins with."""
    rows = ["| module | what it does |", "|---|---|"]
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        sentence = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
        rows.append(f"| `{name}` | {_cell(sentence)} |")
    return "\n".join(rows)


def _filled(path: Path, **parts: str) -> str:
    """The document with each part between its markers replaced."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        opening, closing = ("    # ", "") if path.suffix == ".yml" else ("<!-- ", " -->")
        begin, end = f"{opening}{name}: written by `make docs`{closing}", f"{opening}end of {name}{closing}"
        head, rest = text.split(begin)
        text = f"{head}{begin}\n{part}\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    main(sys.argv[1])
