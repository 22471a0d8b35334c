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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from tap_jira import __version__, log
from tap_jira.errors import ConfigError, OutputError, TapError, TargetGoneError
from tap_jira.pace import Clock
from tap_jira.redact import Redactor
from tap_jira.workers import Workers

if TYPE_CHECKING:
    from tap_jira.client import Client, Sends
    from tap_jira.config import Config

LOGGER = logging.getLogger("tap_jira")
GRACE_SECONDS = 5
"""A run that was told to stop and cannot write its last line ends after this."""


class Pool(Workers, Clock, Protocol):
    """Who does the requests of a run, keeps its time and hears its signals: ``workers.Threads``, or a test's own."""

    def interrupt(self, signal_number: int) -> None:
        """Stop the run as a signal does."""

    def close(self) -> None:
        """The run is over."""


@dataclass(frozen=True)
class Machine:
    """What a run takes from the machine it runs on; a test gives it another one."""

    out: BinaryIO
    environment: Mapping[str, str]
    pool: Callable[[int], Pool]
    transport: Callable[[Config], Sends]


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
        if arguments[:1] == ["simulate"]:
            return _simulate(arguments[1:])
        return _tap(_parser().parse_args(arguments), machine)
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


def _tap(options: argparse.Namespace, machine: Machine | None) -> int:
    # Imported late, here and below: --help and --version need neither HTTP nor cryptography.
    import singer  # noqa: F401

    from tap_jira import config as configuration

    # Again: singer sets up the root logger when it is imported, which undoes the redaction.
    log.set_up(Redactor())

    machine = machine or _this_machine()
    values = _json_object(options.config) if options.config else {}
    config = configuration.load(values, machine.environment, LOGGER.warning)
    redactor = Redactor(config.secrets)
    log.set_up(redactor)
    pool = machine.pool(config.concurrency)
    try:
        with _signals(pool), contextlib.ExitStack() as at_end:
            client = _client(config, machine, pool, redactor, at_end)
            if options.discover:
                return _discover(config, client, pool, machine.out)
            return _sync(config, client, pool, options, machine.out)
    finally:
        pool.close()


def _this_machine() -> Machine:
    from tap_jira.auth import signer
    from tap_jira.memory import share_one_heap
    from tap_jira.transport import Transport
    from tap_jira.workers import Threads

    def transport(config: Config) -> Transport:
        return Transport(
            signer(config),
            user_agent=config.user_agent,
            timeout=config.request_timeout,
            connections=config.concurrency,
            ca_bundle=config.ca_bundle,
        )

    if sys.stdout is None:
        raise OutputError("stdout is closed; the messages need a place to go")
    share_one_heap()
    return Machine(sys.stdout.buffer, os.environ, Threads, transport)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira",
        description="Copy a Jira site as Singer messages: discover its tables, then sync them into any Singer target.",
        epilog="Another command: tap-jira simulate serves a simulated Jira, for trying things out (--help tells more).",
    )
    for flags, about in {
        ("-c", "--config"): "configuration, JSON; every key may come from the environment instead, as TAP_JIRA_<KEY>",
        ("--catalog",): "what to sync, as --discover prints it; without it, all that is selected by default",
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


def _client(config: Config, machine: Machine, pool: Pool, redactor: Redactor, at_end: contextlib.ExitStack) -> Client:
    from tap_jira.client import Client
    from tap_jira.pace import Gate
    from tap_jira.retry import Retry

    retry = Retry(pool, Gate(pool, config.concurrency), on_wait=_log_wait)
    transport = machine.transport(config)
    if config.is_oauth2:
        from tap_jira.oauth2 import bearer

        transport = bearer(config, transport, retry, machine.environment, redactor.learn)
        at_end.callback(transport.close)
    return Client(transport, retry, config.base_url)


def _log_wait(reason: str, seconds: float) -> None:
    LOGGER.info("%s; again in %.1f s", reason, seconds)


def _discover(config: Config, client: Client, pool: Pool, out: BinaryIO) -> int:
    from tap_jira import discover, workers
    from tap_jira.entrance import enter
    from tap_jira.messages import write_whole

    client, found = workers.call(pool, lambda: enter(config, client))
    catalog = workers.call(pool, lambda: discover.discover(client, found))
    workers.call(pool, lambda: discover.warn_of_unreadable(client, found.kind, LOGGER.warning))
    write_whole(out, json.dumps(catalog, indent=2, ensure_ascii=False).encode() + b"\n")
    return 0


def _sync(config: Config, client: Client, pool: Pool, options: argparse.Namespace, out: BinaryIO) -> int:
    from tap_jira import catalog, discover, state, sync, workers
    from tap_jira.entrance import enter
    from tap_jira.messages import Writer
    from tap_jira.run import Run

    bookmarks = state.parse(_text(options.state), options.state) if options.state else state.State()
    if taken_over := bookmarks.take_over():
        LOGGER.info("%s", taken_over)
    given = catalog.parse(_text(options.catalog), options.catalog) if options.catalog else None
    selections = catalog.select(given, LOGGER.warning) if given else []
    client, found = workers.call(pool, lambda: enter(config, client))
    LOGGER.info("%s, Jira %s %s, as %s", client.base_url, found.kind, ".".join(map(str, found.version)), found.account)
    if given is None:
        selections = catalog.select(workers.call(pool, lambda: discover.discover(client, found)), LOGGER.warning)
    if not selections:
        LOGGER.warning("no stream is selected; set selected in the catalog's metadata")
    writer = Writer(out, pool.monotonic)
    code = sync.sync(Run(client, found, config, bookmarks, writer, pool), selections)
    if code:
        LOGGER.critical(
            "not everything could be read and sent, the lines above say what and why; what was sent is safe to keep, "
            "and the next run goes on from the last state"
        )
    return code


@contextlib.contextmanager
def _signals(pool: Pool) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM stop the run in good order; a second one, or five stuck seconds, at once."""

    def stop(number: int, frame: Any) -> None:
        signal.signal(number, lambda again, _: os._exit(128 + again))
        signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + number))
        signal.alarm(GRACE_SECONDS)
        pool.interrupt(number)

    try:
        before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
        before.append((signal.SIGALRM, signal.getsignal(signal.SIGALRM)))
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
    from tap_jira.simulator.command import run as simulate

    return simulate(arguments)


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
