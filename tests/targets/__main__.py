"""Run the tap into each target twice, from a simulated Data Center and a simulated Cloud, and compare with SQL.

    python -m tests.targets [NAME ...] [--issues 500] [--site cloud]

Targets are installed with pip, each into an environment of its own below .targets; PostgreSQL is a server of our own,
in a temporary folder. Exit code 1 if a claim fails, or a target does not run for a reason that is not known.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.jira import simulated_jira
from tests.targets import postgres
from tests.targets.checks import Check, first_sync, judge, second_sync
from tests.targets.jira import GO_LIVE, POINTS, UPDATED, Jira
from tests.targets.killed import kill_and_go_on
from tests.targets.pipeline import TAP, NotRunError, Pipeline, discover, install
from tests.targets.table import PROJECT, TARGETS, Place, Target

WORK = PROJECT / ".targets"
SITES = {"data-center": [], "cloud": ["--cloud"]}
EDITED = 25
FIGURES = ("rows", "seconds", "columns", "nested", "types")
ISSUES_TO_KILL = 800
KNOWN = {"target-sqlite": "its last release is of 2019 and uses what Python 3.10 removed"}
"""Targets that need not run everywhere, and why."""


@dataclass
class Result:
    """What became of a target at a site."""

    target: Target
    site: str
    checks: list[Check] = field(default_factory=list)
    not_run: str = ""
    figures: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether that must not be."""
        return bool(self.not_run and self.target.name not in KNOWN) or any(not check.holds for check in self.checks)


@dataclass(frozen=True)
class Site:
    """A simulated Jira that has been discovered."""

    name: str
    jira: Jira
    config: Path
    catalog: Path


def main() -> int:
    options = _options()
    chosen = [target for target in TARGETS if not options.names or target.name in options.names]
    WORK.mkdir(exist_ok=True)
    results: list[Result] = []
    with _server(any(target.prepares is not None for target in chosen)) as server:
        for name in options.site or SITES:
            with _site(name, options.issues) as site:
                results += [_judged(target, site, server) for target in chosen]
        mortal = [target for target in chosen if target.small_batches is not None]
        if mortal and (not options.site or "cloud" in options.site):
            with _site("cloud", ISSUES_TO_KILL, "kills") as site:
                results += [_killed(target, site, server) for target in mortal]
        version = server.version if server else "no PostgreSQL"
    _print_table(results, version)
    failed = [result for result in results if result.failed]
    checks = [check for result in results for check in result.checks]
    print(f"\n{len(checks)} claims, {sum(not check.holds for check in checks)} of them fail")
    return 1 if failed or not checks else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [target.name for target in TARGETS]
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(names))
    parser.add_argument("--issues", type=int, default=500)
    parser.add_argument("--site", action="append", choices=SITES)
    options = parser.parse_args()
    unknown = sorted({*options.names} - {*names})
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    return options


@contextlib.contextmanager
def _server(needed: bool) -> Iterator[postgres.Server | None]:
    """A PostgreSQL server, or None where there can be none."""
    with contextlib.ExitStack() as stack:
        server = None
        if needed:
            try:
                server = stack.enter_context(postgres.server())
            except (LookupError, OSError, RuntimeError) as error:
                print(f"PostgreSQL does not run here: {error}", flush=True)
        yield server


@contextlib.contextmanager
def _site(name: str, issues: int, folder: str = "") -> Iterator[Site]:
    place = WORK / (folder or name)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    with simulated_jira(TAP, place, issues, "--odd", *SITES[name]) as simulated:
        site = Site(folder or name, Jira(simulated.config), place / "config.json", place / "catalog.json")
        discover(site.config, site.catalog)
        yield site


def _judged(target: Target, site: Site, server: postgres.Server | None) -> Result:
    """Sync, look, let somebody work in Jira, sync again, look again."""
    result = _begun(target, site)
    try:
        place, pipeline = _prepared(target, site, server, target.settings)
        first = pipeline.sync()
        if first.codes != (0, 0):
            raise NotRunError(f"exit codes {first.codes} of tap and target; {pipeline.fault()}")
        copy = target.copy(place)
        before = dict(copy.issues())
        _note(result, first_sync(copy, first, len(site.jira.rows())))
        _note(result, judge(copy, site.jira, target))
        edited = site.jira.edit(EDITED)
        second = pipeline.sync()
        if second.codes != (0, 0):
            raise NotRunError(f"second sync: exit codes {second.codes} of tap and target; {pipeline.fault()}")
        copy = target.copy(place)
        _note(result, second_sync(copy, before, edited, second, first.sent))
        _note(result, judge(copy, site.jira, target))
        sizes = {table: copy.count(table, key)[0] for table, key in site.jira.keys.items()}
        result.figures += [
            f"{sizes['jira_issues']} issues, {sum(sizes.values())} in all",
            f"{first.seconds:.1f} + {second.seconds:.1f}",
            ", ".join(f"{count} {kind}" for kind, count in copy.types().most_common()) or "a file",
            copy.nested(),
            ", ".join(f"{column.name} {copy.type_of(column.path)}" for column in (UPDATED, GO_LIVE, POINTS)),
        ]
    except (NotRunError, LookupError, RuntimeError, OSError) as error:
        _give_up(result, error)
    return result


def _killed(target: Target, site: Site, server: postgres.Server | None) -> Result:
    """Kill the target in the middle of a sync and go on."""
    result = _begun(target, site)
    try:
        place, pipeline = _prepared(target, site, server, {**target.settings, **(target.small_batches or {})})
        _note(result, kill_and_go_on(pipeline, target.copy(place), site.jira))
    except (NotRunError, LookupError, RuntimeError, OSError) as error:
        _give_up(result, error)
    return result


def _begun(target: Target, site: Site) -> Result:
    print(f"\n== {target.name}, {site.name}", flush=True)
    return Result(target, site.name)


def _prepared(
    target: Target, site: Site, server: postgres.Server | None, settings: dict[str, object]
) -> tuple[Place, Pipeline]:
    environment = install(WORK / "environments", target.pins, target.newest_python)
    folder = site.config.parent / target.name.replace(", ", "-").replace(" ", "-")
    folder.mkdir()
    place = Place(folder, environment, site.jira.keys, server, f"{site.name}-{folder.name}"[:63])
    if target.prepares is not None:
        place.postgres.create(place.database)
        place.postgres.run(place.database, target.prepares.format(database=f'"{place.database}"'))
    script = environment / "bin" / target.script
    return place, Pipeline(site.config, site.catalog, script, {**target.where(place), **settings}, folder)


def _note(result: Result, checks: Iterable[Check]) -> None:
    for check in checks:
        result.checks.append(check)
        print(f"{'ok  ' if check.holds else 'FAIL'}  {check.claim}: {check.figures}", flush=True)


def _give_up(result: Result, error: Exception) -> None:
    known = KNOWN.get(result.target.name)
    result.not_run = f"{error}" + (f" (known: {known})" if known else "")
    print(f"not run: {result.not_run}", flush=True)


def _print_table(results: list[Result], version: str) -> None:
    print(f"\n{version}, Python {sys.version.split()[0]}")
    for result in results:
        target = result.target
        held = sum(check.holds for check in result.checks)
        print(f"\n{target.name}, {result.site}: {', '.join(target.pins)}")
        maps = {"stream_maps": "the columns compared"} if "stream_maps" in target.settings else {}
        rows = {"settings": {**target.settings, **maps}, "claims": f"{held} of {len(result.checks)} hold"}
        if target.prepares:
            rows["prepared"] = target.prepares
        rows |= dict(zip(FIGURES, result.figures, strict=False))
        if result.not_run:
            rows["not run"] = result.not_run
        for name, value in rows.items():
            print(f"  {name:8}  {value}")


if __name__ == "__main__":
    sys.exit(main())
