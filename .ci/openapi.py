"""Hold what the tap sends, and what it can read, against Atlassian's OpenAPI files.

Usage: python .ci/openapi.py CLOUD DATA_CENTER, where CLOUD is the specification of the Jira Cloud platform (version 3)
and DATA_CENTER the one of Jira Software Data Center. Exit 1 if something that was sent is not specified, if a run
fails, or if an example of an answer does not become a record.

The tap runs in this process against the simulated Jira in as many situations as lead to requests of their own; each
request is recorded as method, path, names of parameters and members of its body.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tap_jira import catalog
from tap_jira.client import Sends
from tap_jira.records import Oddities
from tap_jira.simulator import (
    Account,
    Accounts,
    Caps,
    CloudLimits,
    CloudSite,
    Faults,
    Limits,
    Site,
    UserLimits,
    World,
    cloud_credentials,
)
from tap_jira.typed import Shaper
from tap_jira.wire import Request, Response
from tests.fakes import Time, run_tap

BASE, CLOUD_BASE, TOKEN = "https://jira.example.com", "https://example.atlassian.net", "a-token-of-this-check"
LONG_JQL = " AND ".join(["created >= 0"] * 150)
FEW = Caps(comments=2, changes=2, worklogs=2)

UNSPECIFIED_PATHS = {
    "/oauth/token": "auth.atlassian.com: OAuth 2.0 (3LO), not part of Jira",
    "/oauth/token/accessible-resources": "api.atlassian.com: OAuth 2.0 (3LO), not part of Jira",
    "/_edge/tenant_info": "Atlassian's edge: tells the cloud id of a site",
}
UNSPECIFIED_NAMES = {
    ("Data Center", "/api/2/user/list", "includeActive"): "said of Jira 11; ignored by 10.3",
    ("Data Center", "/api/2/user/list", "includeInactive"): "said of Jira 11; ignored by 10.3",
    ("Data Center", "/api/2/issue/{issueIdOrKey}/worklog", "startAt"): "answers everything; ignored",
    ("Data Center", "/api/2/issue/{issueIdOrKey}/worklog", "maxResults"): "answers everything; ignored",
    ("Data Center", "/api/2/issue/{issueIdOrKey}/worklog", "orderBy"): "answers everything; ignored",
}
"""What is sent although it is not specified: the kind of site, the path, the name, and why it does no harm."""


DEPRECATED = {("Cloud", "/rest/api/3/resolution"): "asked where there is no resolution/search"}


@dataclass(frozen=True)
class Sent:
    """The shape of one request."""

    kind: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: tuple[tuple[str, Any], ...]


class Recording:
    """A site that remembers what it was asked."""

    def __init__(self, kind: str, site: Sends, sent: list[Sent]) -> None:
        self._kind, self._site, self._sent = kind, site, sent

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        body = json.loads(request.body) if request.body else {}
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        self._sent.append(Sent(self._kind, request.method, parts.path, query, tuple(body.items())))
        return self._site.send(request)


def _everything(discovered: bytes) -> dict[str, Any]:
    """The catalog with every table selected."""
    found: dict[str, Any] = json.loads(discovered)
    return {"streams": [{**entry, "selected": True} for entry in found["streams"]]}


@dataclass
class Bench:
    """Runs the tap and collects what it sent, and which runs failed."""

    folder: Path
    sent: list[Sent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    runs: int = 0

    def run(self, kind: str, name: str, site: Sends, time: Time, config: Mapping[str, Any]) -> None:
        """Discover, and copy everything that was found."""
        there = Recording(kind, site, self.sent)
        config_file, catalog_file = self.folder / "config.json", self.folder / "catalog.json"
        config_file.write_text(json.dumps({**config, "start_date": "2000-01-01T00:00:00Z"}))
        arguments = ["--config", str(config_file)]
        with contextlib.redirect_stderr(io.StringIO()):
            found = run_tap([*arguments, "--discover"], there, time)
            catalog_file.write_text(json.dumps(_everything(found.output)))
            copied = run_tap([*arguments, "--catalog", str(catalog_file)], there, time)
        self.runs += 1
        if found.code or copied.code:
            why = [
                *found.logged("ERROR"),
                *found.logged("CRITICAL"),
                *copied.logged("ERROR"),
                *copied.logged("CRITICAL"),
            ]
            ends = f"discovery ended with {found.code}, the sync with {copied.code}"
            self.faults.append(f"{kind}, {name}: {ends}: {why[0][:200] if why else 'nothing in the log'}")

    def run_data_center(self) -> None:
        """Data Center of several versions, with the limits they had."""
        account = Account("tap-reader", "a-password", True, "Europe/Berlin", {TOKEN: None})
        situations: dict[str, dict[str, Any]] = {
            "children cut short": {"caps": FEW},
            "a long search": {"jql": LONG_JQL},
            "an issue that cannot be printed": {"poison": [10020]},
            "numbers that are misread": {"limits": Limits(epoch_numbers="misread")},
            "users by cursor": {"version": (10, 3, 24)},
            "users by a search that shows a few": {"version": (10, 0, 0), "user_limits": UserLimits(in_all=100)},
        }
        for name, options in situations.items():
            time = Time()
            jql, poison = options.pop("jql", ""), options.pop("poison", ())
            world = World(seed=1, issues=150, users=140, now=time)
            site = Site(world, accounts=Accounts((account,)), base_url=BASE, **options)
            config = {"base_url": BASE, "personal_access_token": TOKEN, "jql": jql, "page_size": 40}
            self.run("Data Center", name, Faults(site, poison=poison), time, config)

    def run_cloud(self) -> None:
        """Cloud by each way in."""
        situations: dict[str, dict[str, Any]] = {
            "children cut short": {"caps": FEW},
            "a long search": {"jql": LONG_JQL},
            "an issue that cannot be printed": {"poison": [10020]},
            "numbers that are misread": {"limits": CloudLimits(epoch_numbers="misread")},
            "resolutions as one list": {"resolution_search": False},
            "a token with scopes": {"way": "scoped"},
            "OAuth 2.0": {"way": "oauth2"},
        }
        for name, options in situations.items():
            time = Time()
            credentials = cloud_credentials()
            jql, poison, way = options.pop("jql", ""), options.pop("poison", ()), options.pop("way", "basic")
            world = World(seed=1, issues=150, now=time)
            site = CloudSite(world, accounts=credentials.accounts, base_url=CLOUD_BASE, **options)
            config = {"base_url": CLOUD_BASE, **getattr(credentials, way), "jql": jql, "page_size": 40}
            if way == "oauth2":
                config["token_file"] = str(self.folder / "tokens.json")
            self.run("Cloud", name, Faults(site, poison=poison), time, config)


class Specification:
    """An OpenAPI file; ``prefix`` is what the tap's paths have before those of the file, and what stands there."""

    def __init__(self, path: str, prefix: str, instead: str) -> None:
        self._all = json.loads(Path(path).read_text(encoding="utf-8"))
        self._prefix, self._instead = prefix, instead
        # Literal names win over templates: /user/list over /user/{id}.
        self._paths = sorted(self._all["paths"], key=lambda template: template.count("{"))

    def template(self, path: str) -> str | None:
        """The specified path that a path is one of."""
        path = re.sub(r"^/ex/jira/[\w-]+", "", path)
        path = path.replace(self._prefix, self._instead, 1)
        fitting = (t for t in self._paths if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(t)), path))
        return next(fitting, None)

    def operation(self, template: str, method: str) -> Mapping[str, Any] | None:
        """What is specified of a method."""
        found: Mapping[str, Any] | None = self._all["paths"][template].get(method.lower())
        return found

    def parameters(self, template: str, method: str) -> dict[str, Mapping[str, Any]]:
        """The schema of each parameter by name. Some of Data Center's are said to be in the path, and are not."""
        both = [
            *self._all["paths"][template].get("parameters", []),
            *self._operation(template, method, "parameters", []),
        ]
        named = [self._resolved(parameter) for parameter in both]
        return {p["name"]: self._resolved(p.get("schema", {})) for p in named if f"{{{p['name']}}}" not in template}

    def members(self, template: str, method: str) -> dict[str, Mapping[str, Any]]:
        """The schema of each member of the body by name."""
        body = self._resolved(self._operation(template, method, "requestBody", {}))
        return self._members(body.get("content", {}).get("application/json", {}).get("schema", {}))

    def example(self, template: str) -> Any:
        """The example of what a GET or POST answers; None if there is none."""
        for method in ("get", "post"):
            answers = self._operation(template, method, "responses", {})
            text = answers.get("200", {}).get("content", {}).get("application/json", {}).get("example")
            if text is not None:
                return json.loads(text) if isinstance(text, str) else text
        return None

    def _operation(self, template: str, method: str, part: str, otherwise: Any) -> Any:
        return (self.operation(template, method) or {}).get(part, otherwise)

    def _members(self, schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        whole = self._resolved(schema)
        found = {name: self._resolved(part) for name, part in whole.get("properties", {}).items()}
        for part in whole.get("allOf", []):
            found |= self._members(part)
        return found

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            found: Any = self._all
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found
        return node


TYPES: Mapping[str, Any] = {
    "string": str,
    "array": list,
    "object": dict,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def judge(sent: Sent, specification: Specification) -> Iterator[str]:
    """What in a request is not specified."""
    if sent.path in UNSPECIFIED_PATHS:
        return
    template = specification.template(sent.path)
    operation = specification.operation(template, sent.method) if template else None
    if template is None or operation is None:
        yield f"{sent.kind}: {sent.method} {sent.path} is not specified"
        return
    where = f"{sent.kind}: {sent.method} {template}"
    if operation.get("deprecated") and (sent.kind, template) not in DEPRECATED:
        yield f"{where} is deprecated"
    parameters, members = (getattr(specification, part)(template, sent.method) for part in ("parameters", "members"))
    for name, value in sent.query:
        schema = parameters.get(name)
        if schema is None:
            if (sent.kind, template, name) not in UNSPECIFIED_NAMES:
                yield f"{where}: no parameter {name}"
            continue
        allowed = schema.get("enum") or schema.get("items", {}).get("enum")
        if allowed and value not in allowed:
            yield f"{where}: {name} is {value}, not one of {', '.join(map(str, allowed))}"
    for name, value in sent.body:
        if name not in members:
            yield f"{where}: no member {name}"
        elif not isinstance(value, TYPES.get(members[name].get("type", ""), object)):
            yield f"{where}: {name} is a {type(value).__name__}, not a {members[name]['type']}"


def table_of(sent: list[Sent], specifications: Mapping[str, Specification]) -> Iterator[str]:
    """A line for each operation that was asked: how often, and with which names."""
    counts: Counter[tuple[str, str, str]] = Counter()
    names: dict[tuple[str, str, str], set[str]] = {}
    for one in sent:
        where = (one.kind, one.method, specifications[one.kind].template(one.path) or one.path)
        counts[where] += 1
        names.setdefault(where, set()).update(name for name, _ in (*one.query, *one.body))
    for (kind, method, path), count in sorted(counts.items()):
        operation = {} if path in UNSPECIFIED_PATHS else specifications[kind].operation(path, method) or {}
        old = "  (deprecated)" if operation.get("deprecated") else ""
        said = ", ".join(
            name + ("*" if (kind, path, name) in UNSPECIFIED_NAMES else "")
            for name in sorted(names[kind, method, path])
        )
        yield f"{kind:<11} {count:>5}  {method:<4} {path}{old}  {said}"


EXAMPLES = (
    ("jira_issues", "search/jql", "issues"),
    ("jira_issues", "issue/bulkfetch", "issues"),
    ("jira_issues", "issue/{issueIdOrKey}", ""),
    ("jira_projects", "project/search", "values"),
    ("jira_projects", "project", ""),
    ("jira_project_categories", "projectCategory", ""),
    ("jira_project_roles", "role", ""),
    ("jira_project_types", "project/type", ""),
    ("jira_resolutions", "resolution/search", "values"),
    ("jira_resolutions", "resolution", ""),
    ("jira_users", "users/search", ""),
    ("jira_users", "users", ""),
    ("jira_fields", "field", ""),
    ("jira_versions", "project/{projectIdOrKey}/version", "values"),
    ("jira_versions", "project/{projectIdOrKey}/versions", ""),
    ("jira_components", "project/{projectIdOrKey}/component", "values"),
    ("jira_components", "project/{projectIdOrKey}/components", ""),
)
"""The tables, the paths that answer their rows, and the member in which the rows lie ('': the answer is the rows)."""
CHILDREN = {"comment": "comment", "worklog": "worklog"}


def examples(specification: Specification) -> Iterator[tuple[str, str, list[Any]]]:
    """Table, path and rows of each example of an answer."""
    for table, path, member in EXAMPLES:
        example = specification.example(f"/rest/api/3/{path}")
        rows = example[member] if member and example else example
        yield table, path, rows if isinstance(rows, list) else [] if rows is None else [rows]
    children = {name: specification.example(f"/rest/api/3/issue/{{issueIdOrKey}}/{name}") for name in CHILDREN}
    changes = specification.example("/rest/api/3/issue/{issueIdOrKey}/changelog") or {}
    histories = {"histories": changes.get("values", []), "total": changes.get("total")}
    yield (
        "jira_issues",
        "issue/{issueIdOrKey}/…",
        [{"id": "1", "key": "EX-1", "fields": children, "changelog": histories}],
    )


def read_examples(specification: Specification, folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each example a line on what became of it, and what is wrong with that."""
    time, credentials = Time(), cloud_credentials()
    site = CloudSite(World(seed=1, issues=10, now=time), accounts=credentials.accounts, base_url=CLOUD_BASE)
    config = folder / "config.json"
    config.write_text(json.dumps({"base_url": CLOUD_BASE, **credentials.basic}))
    with contextlib.redirect_stderr(io.StringIO()):
        found = run_tap(["--config", str(config), "--discover"], site, time).output
    selections = {one.stream.name: one for one in catalog.select(_everything(found), lambda said: None)}
    for table, path, rows in examples(specification):
        selection = selections[table]
        oddities = Oddities(table, lambda said: None, lambda said: None)
        shaper = Shaper(selection.schema, selection.full, selection.keys, oddities, selection.stream.fill)
        wrong = None if rows else "no example"
        for row in rows:
            text = json.dumps(row).encode()
            for record in (shaper.of_text(text), shaper.of_value(json.loads(text))):
                written = json.loads(record or b"{}")
                lost = [key for key in selection.keys if written.get(key) is None or str(written[key]) != str(row[key])]
                wrong = f"lost its key ({', '.join(lost)})" if lost else wrong
        nulls = ", ".join(sorted(oddities.nulled))
        yield f"{table:<24} {len(rows):>2}  {path}" + (f"  null: {nulls}" if nulls else ""), wrong


def main(cloud: str, data_center: str) -> int:
    specifications = {
        "Cloud": Specification(cloud, "/rest/api/2/", "/rest/api/3/"),
        "Data Center": Specification(data_center, "/rest/api/2/", "/api/2/"),
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.run_data_center()
        bench.run_cloud()
        read = list(read_examples(specifications["Cloud"], Path(folder)))
    faults = dict.fromkeys(bench.faults)
    for sent in bench.sent:
        faults |= dict.fromkeys(judge(sent, specifications[sent.kind]))
    faults |= {f"example: {line}: {wrong}": None for line, wrong in read if wrong}
    print(f"{len(bench.sent)} requests of {bench.runs} runs (* not specified, on purpose):\n")
    print("\n".join(table_of(bench.sent, specifications)))
    print("\non purpose:")
    print("\n".join(f"  {path}: {why}" for path, why in UNSPECIFIED_PATHS.items()))
    print("\n".join(f"  {kind}: {path}, {name}: {why}" for (kind, path, name), why in UNSPECIFIED_NAMES.items()))
    print("\n".join(f"  {kind}: {path} is deprecated: {why}" for (kind, path), why in DEPRECATED.items()))
    print("\nexamples of the Cloud specification that became records, twice each:\n")
    print("\n".join(line for line, _ in read))
    print("\n" + ("\n".join(["WRONG:", *faults]) if faults else "all of it is specified"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
