"""Parse the command line, run one command, and turn the outcome into an exit code."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from tap_jira import __version__, log
from tap_jira.errors import ConfigError, TapError, TargetGoneError
from tap_jira.machine import Machine, Session, given_files, session, this_machine
from tap_jira.redact import Redactor

LOGGER = logging.getLogger("tap_jira")


def run() -> None:
    """The console command: run ``main`` on the arguments of this process and exit."""
    code = main(sys.argv[1:])
    if code == TargetGoneError.exit_code:
        # The interpreter flushes stdout at its end and would complain about the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def main(argv: Sequence[str], machine: Machine | None = None) -> int:
    """Run one command and return its exit code; messages go to stdout, everything else to stderr."""
    arguments = list(argv)
    try:
        log.set_up(Redactor())
        command = COMMANDS.get(arguments[0]) if arguments else None
        if command:
            return command(arguments[1:], machine)
        if arguments and not arguments[0].startswith("-"):
            raise ConfigError(
                f"{arguments[0]!r} is no command: there are {', '.join(COMMANDS)}; discovery is tap-jira --config FILE "
                "--discover, and a sync is the same without --discover"
            )
        return _tap(_parser().parse_args(arguments), machine or this_machine())
    except TapError as error:
        LOGGER.critical("%s", error)
        return error.exit_code
    except SystemExit as done:
        # So argparse ends after --help and after a mistake that it has explained.
        return int(done.code or 0)
    except KeyboardInterrupt:
        # Before the signal handlers were in place.
        LOGGER.critical("stopped before anything was read")
        return 130
    except Exception:
        LOGGER.critical("unexpected failure; please report it with these lines", exc_info=True)
        return 1


def _tap(options: argparse.Namespace, machine: Machine) -> int:
    with session(options.config, machine) as opened:
        if options.discover:
            return _discover(opened, options, machine.out)
        return _sync(opened, options, machine.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira",
        # An option that is cut short today may mean another one tomorrow.
        allow_abbrev=False,
        description="Copy a Jira site as Singer messages: discover its tables, then sync them into any Singer target.",
        epilog="Other commands, each with a --help of its own: tap-jira keygen makes a key for OAuth 1.0a, tap-jira "
        "authorize gets a token for it, tap-jira check tells whether a sync would work, tap-jira simulate serves a "
        "simulated Jira, for trying things out.",
    )
    for flags, about in {
        ("-c", "--config"): "configuration, JSON; every key may come from the environment instead, as TAP_JIRA_<KEY>",
        ("--catalog",): "what to sync, as --discover prints it; without it, all that is selected by default; with "
        "--discover, names of columns are kept from there",
        ("-s", "--state"): "where the last sync ended; without it, all since start_date is read, or of one year",
    }.items():
        parser.add_argument(*flags, metavar="FILE", help=about)
    parser.add_argument("-p", "--properties", metavar="FILE", dest="catalog", help="--catalog by its old name")
    parser.add_argument(
        "-d",
        "--discover",
        action="store_true",
        help="print the catalog to stdout, and stop",
    )
    parser.add_argument("--version", action="version", version=f"tap-jira {__version__}")
    return parser


def _discover(opened: Session, options: argparse.Namespace, out: BinaryIO) -> int:
    from tap_jira import catalog, discover, workers
    from tap_jira.entrance import enter
    from tap_jira.messages import write_whole

    config, pool = opened.config, opened.pool
    old, _ = given_files(options.catalog, None)
    kept = catalog.names(old) if old else None
    client, found = workers.call(pool, lambda: enter(config, opened.client))
    naming = config.custom_field_names
    fields = workers.call(pool, lambda: discover.fields_of(client))
    made = workers.call(pool, lambda: discover.discover(client, found, fields, naming, kept, pool.together))
    workers.call(pool, lambda: discover.warn_of_unreadable(client, found, LOGGER.warning))
    LOGGER.info("%s", discover.extent(made))
    write_whole(out, json.dumps(made, indent=2, ensure_ascii=False).encode() + b"\n")
    return 0


def _sync(opened: Session, options: argparse.Namespace, out: BinaryIO) -> int:
    from tap_jira import catalog, discover, sync, workers
    from tap_jira.entrance import enter
    from tap_jira.messages import Writer
    from tap_jira.run import Run

    config, pool = opened.config, opened.pool
    given, bookmarks = given_files(options.catalog, options.state)
    if taken_over := bookmarks.take_over():
        LOGGER.info("%s", taken_over)
    selections = catalog.select(given, LOGGER.warning) if given else []
    client, found = workers.call(pool, lambda: enter(config, opened.client))
    LOGGER.info("%s, Jira %s %s, as %s", client.base_url, found.kind, ".".join(map(str, found.version)), found.account)
    fields = None
    if given is None:
        fields = workers.call(pool, lambda: discover.fields_of(client))
        made = discover.discover(client, found, fields, config.custom_field_names)
        selections = catalog.select(made, LOGGER.warning)
    if not selections:
        LOGGER.warning("no stream is selected; set selected in the catalog's metadata")
    writer = Writer(out, pool.monotonic)
    run = Run(client, found, config, bookmarks, writer, pool, opened.show, fields)
    code = sync.sync(run, selections)
    if code:
        others = f" (and {len(run.failures) - 1} more, in the lines above)" if run.failures[1:] else ""
        LOGGER.critical(
            "%s%s; what was sent is safe to keep, and the next run goes on from the last state", run.failures[0], others
        )
    return code


def _check(arguments: list[str], machine: Machine | None) -> int:
    from tap_jira.check import run as check

    return check(arguments, machine)


def _simulate(arguments: list[str], machine: Machine | None) -> int:
    from tap_jira.simulator.command import run as simulate

    return simulate(arguments)


def _keygen(arguments: list[str], machine: Machine | None) -> int:
    from tap_jira.keygen import run as keygen

    return keygen(arguments, machine)


def _authorize(arguments: list[str], machine: Machine | None) -> int:
    from tap_jira.authorize import run as authorize

    return authorize(arguments, machine)


COMMANDS: Mapping[str, Callable[[list[str], Machine | None], int]] = {
    "keygen": _keygen,
    "authorize": _authorize,
    "check": _check,
    "simulate": _simulate,
}
"""The commands beside discovery and sync, which Singer has as options; each returns the exit code."""
