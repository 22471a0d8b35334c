"""What a command takes from the machine it runs on, and the way from a configuration file to a client that is ready."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from tap_jira import log
from tap_jira.errors import ConfigError, OutputError
from tap_jira.jsontext import parse
from tap_jira.pace import Clock
from tap_jira.redact import Redactor, of_proxies
from tap_jira.workers import Workers

if TYPE_CHECKING:
    from tap_jira.auth import Signer
    from tap_jira.client import Client, Sends
    from tap_jira.config import Config
    from tap_jira.state import State

# Modules that need HTTP, singer or cryptography are imported where they are used: --help needs none of them.

LOGGER = logging.getLogger(__name__)
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
    transport: Callable[[Config, Signer], Sends]
    tell: Callable[[str], None]
    """Shows a person a piece of text, as it is and at once; a line ends where the text has a line end."""
    answer: Callable[[], str]
    """The line that the person, or a pipe, gives next, with its line end; '' where nothing can come any more."""


@dataclass(frozen=True)
class Session:
    """A configuration that was checked, and the client that it describes, not yet used."""

    config: Config
    client: Client
    pool: Pool
    redactor: Redactor
    """Keeps secrets out of the log; those that are only given to us during the run it must be told."""
    show: log.Show | None = None
    """Shows a live line, where the log goes to a terminal."""


def this_machine() -> Machine:
    """The process's own stdout, environment, threads and network; OutputError without a stdout."""
    from tap_jira.memory import keep_one_heap, seldom_look_for_cycles
    from tap_jira.transport import Transport
    from tap_jira.workers import Threads

    def transport(config: Config, auth: Signer) -> Transport:
        return Transport(
            auth,
            user_agent=config.user_agent,
            timeout=config.request_timeout,
            connections=config.concurrency,
            monotonic=Threads.monotonic,
            ca_bundle=config.ca_bundle,
        )

    if sys.stdout is None:
        raise OutputError("stdout is closed; the messages need a place to go")
    keep_one_heap()
    seldom_look_for_cycles()
    return Machine(sys.stdout.buffer, os.environ, Threads, transport, _tell, _answer)


def _tell(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _answer() -> str:
    # Not by sys.stdin: a thread that still waits in it when the process ends would bring the interpreter down.
    line = b""
    while sys.stdin is not None and not line.endswith(b"\n"):
        try:
            byte = os.read(0, 1)
        except OSError:
            byte = b""
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")


@contextlib.contextmanager
def session(path: str | None, machine: Machine, *, authorizing: bool = False) -> Iterator[Session]:
    """While inside, the configuration of this file and the environment holds, its secrets stay out of the log, and
    signals stop the run in good order; ConfigError if it cannot be used.

    Whoever is ``authorizing`` has no OAuth 1.0a token yet.
    """
    import singer  # noqa: F401

    from tap_jira import config as configuration

    # singer sets up the root logger when it is imported, which undoes the redaction.
    log.set_up(Redactor())
    if not path and not any(name.startswith(configuration.ENVIRONMENT_PREFIX) for name in machine.environment):
        raise ConfigError(
            "no configuration is given: name its file with --config FILE, or set TAP_JIRA_BASE_URL and the like in the "
            "environment; tap-jira --help tells more"
        )
    values = json_object(path) if path else {}
    if path and (secrets := configuration.secret_keys(values)):
        _warn_of_readers(path, secrets)
    config = configuration.load(values, machine.environment, LOGGER.warning, authorizing=authorizing)
    redactor = Redactor([*config.secrets, *of_proxies(machine.environment)])
    show = log.set_up(redactor)
    pool = machine.pool(config.concurrency)
    try:
        with _signals(pool), contextlib.ExitStack() as at_end:
            yield Session(config, _client(config, machine, pool, redactor, at_end), pool, redactor, show)
    finally:
        pool.close()


def _client(config: Config, machine: Machine, pool: Pool, redactor: Redactor, at_end: contextlib.ExitStack) -> Client:
    from tap_jira.auth import signer
    from tap_jira.client import Client
    from tap_jira.pace import Gate
    from tap_jira.retry import Retry

    retry = Retry(pool, Gate(pool, config.concurrency), on_wait=_log_wait)
    transport = machine.transport(config, signer(config))
    if config.is_oauth2:
        from tap_jira.oauth2 import bearer

        transport = bearer(config, transport, retry, machine.environment, redactor.learn)
        at_end.callback(transport.close)
    return Client(transport, retry, config.base_url, config.login_keys)


def _log_wait(reason: str, seconds: float) -> None:
    LOGGER.info("%s; again in %.1f s", reason, seconds)


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


def _warn_of_readers(path: str, secrets: list[str]) -> None:
    """Say so if a file with secrets can be read by others than its owner, on systems that know such a thing."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        # Gone once it was read.
        return
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        LOGGER.warning(
            "%s holds %s and can be read by others on this machine; run: chmod 600 %s",
            path,
            " and ".join(secrets),
            shlex.quote(path),
        )


def json_object(path: str) -> dict[str, Any]:
    """The configuration in a file; ConfigError if it holds none."""
    try:
        value = parse(text(path, "--config"))
    except ValueError as error:
        raise ConfigError(f"configuration file {path} is not JSON ({error}); correct it there") from None
    if not isinstance(value, dict):
        raise ConfigError(f'configuration file {path} must hold an object, such as {{"base_url": …}}')
    return value


def given_files(catalog_path: str | None, state_path: str | None) -> tuple[dict[str, Any] | None, State]:
    """The catalog in a file, if one is named, and the state, an empty one if none is named."""
    from tap_jira import catalog, state

    bookmarks = state.parse(text(state_path, "--state"), state_path) if state_path else state.State()
    given = catalog.parse(text(catalog_path, "--catalog"), catalog_path) if catalog_path else None
    return given, bookmarks


def text(path: str, option: str) -> str:
    """The text of the file that an option names; ConfigError if there is none to be had."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{option}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{option}: {path} is not UTF-8 text") from None
