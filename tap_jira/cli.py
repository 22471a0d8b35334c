"""Parse the command line, build every object once, run one mode, and turn the outcome into an exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tap_jira import __version__, log
from tap_jira.errors import ConfigError, TapError
from tap_jira.redact import Redactor

if TYPE_CHECKING:
    from tap_jira.client import Client
    from tap_jira.config import Config
    from tap_jira.workers import Threads

LOGGER = logging.getLogger("tap_jira")
GRACE_SECONDS = 5
"""A run that was told to stop and cannot write its last line ends after this."""


def run() -> None:
    """The console command: run ``main`` on the arguments of this process and exit."""
    code = main(sys.argv[1:])
    if code == 141:
        # The interpreter flushes stdout at its end and would complain about the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def main(argv: Sequence[str], *, out: BinaryIO | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit code; messages go to ``out`` (stdout), everything else to stderr."""
    arguments = list(argv)
    log.set_up(Redactor())
    try:
        if arguments[:1] == ["simulate"]:
            return _simulate(arguments[1:])
        return _tap(arguments, out or sys.stdout.buffer, os.environ if environment is None else environment)
    except TapError as error:
        LOGGER.critical("%s", error)
        return error.exit_code
    except Exception:
        LOGGER.critical("unexpected failure; please report it with these lines", exc_info=True)
        return 1


def _tap(arguments: list[str], out: BinaryIO, environment: Mapping[str, str]) -> int:
    options = _parser().parse_args(arguments)
    # Imported late: --help and --version need neither HTTP nor cryptography.
    from tap_jira import config as configuration

    values = _json_object(options.config) if options.config else {}
    config = configuration.load(values, environment, LOGGER.warning)
    log.set_up(Redactor(config.secrets))
    from tap_jira.workers import Threads

    threads = Threads(config.concurrency)
    try:
        with _signals(threads):
            client = _client(config, threads)
            return _discover(client, threads, out) if options.discover else _sync(config, client, threads, options, out)
    finally:
        threads.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira",
        description="Copy a Jira site as Singer messages: discover its tables, then sync them into any Singer target.",
        epilog="Another command: tap-jira simulate serves a simulated Jira, for trying things out (--help tells more).",
    )
    for flags, about in {
        ("-c", "--config"): "configuration, JSON; every key may come from the environment instead, as TAP_JIRA_<KEY>",
        ("--catalog",): "what to sync, as --discover prints it; without it, all that is selected by default",
        ("-s", "--state"): "where the last sync ended; without it, everything is read",
    }.items():
        parser.add_argument(*flags, metavar="FILE", help=about)
    parser.add_argument("-p", "--properties", metavar="FILE", dest="catalog", help="--catalog by its old name")
    parser.add_argument("-d", "--discover", action="store_true", help="print the catalog and stop")
    parser.add_argument("--version", action="version", version=f"tap-jira {__version__}")
    return parser


def _client(config: Config, threads: Threads) -> Client:
    from tap_jira.auth import signer
    from tap_jira.client import Client
    from tap_jira.pace import Gate
    from tap_jira.retry import Retry
    from tap_jira.transport import Transport

    transport = Transport(
        signer(config),
        user_agent=config.user_agent,
        timeout=config.request_timeout,
        connections=config.concurrency,
        ca_bundle=config.ca_bundle,
    )
    retry = Retry(threads, Gate(threads, config.concurrency), on_wait=_log_wait)
    return Client(transport, retry, config.base_url)


def _log_wait(reason: str, seconds: float) -> None:
    LOGGER.info("%s; again in %.1f s", reason, seconds)


def _discover(client: Client, threads: Threads, out: BinaryIO) -> int:
    from tap_jira import discover, site, workers

    found = workers.call(threads, lambda: site.meet(client))
    catalog = workers.call(threads, lambda: discover.discover(client, found))
    workers.call(threads, lambda: discover.warn_of_unreadable(client, LOGGER.warning))
    out.write(json.dumps(catalog, indent=2, ensure_ascii=False).encode() + b"\n")
    out.flush()
    return 0


def _sync(config: Config, client: Client, threads: Threads, options: argparse.Namespace, out: BinaryIO) -> int:
    from tap_jira import catalog, discover, site, state, sync, workers
    from tap_jira.messages import Writer

    bookmarks = state.parse(_text(options.state), options.state) if options.state else state.State()
    given = catalog.parse(_text(options.catalog), options.catalog) if options.catalog else None
    selections = catalog.select(given, LOGGER.warning) if given else []
    found = workers.call(threads, lambda: site.meet(client))
    LOGGER.info("%s, Jira %s %s, as %s", config.base_url, found.kind, ".".join(map(str, found.version)), found.account)
    if given is None:
        selections = catalog.select(workers.call(threads, lambda: discover.discover(client, found)), LOGGER.warning)
    if not selections:
        LOGGER.warning("no stream is selected; set selected in the catalog's metadata")
    writer = Writer(out, threads.monotonic)
    return sync.sync(sync.Run(client, found, config, bookmarks, writer, threads), selections)


@contextlib.contextmanager
def _signals(threads: Threads) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM stop the run in good order; a second one, or five stuck seconds, at once."""

    def stop(number: int, frame: Any) -> None:
        signal.signal(number, lambda again, _: os._exit(128 + again))
        signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + number))
        signal.alarm(GRACE_SECONDS)
        threads.interrupt(number)

    try:
        before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
    except ValueError:
        # Not the main thread: whoever called us there handles signals.
        yield
        return
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before:
            signal.signal(number, handler)


def _simulate(arguments: list[str]) -> int:
    from tap_jira.simulator import command

    runner: Callable[[list[str]], int] = command.run
    return runner(arguments)


def _json_object(path: str) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except ValueError as error:
        raise ConfigError(f"configuration file {path} is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ConfigError(f'configuration file {path} must hold an object, such as {{"base_url": …}}')
    return value


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
