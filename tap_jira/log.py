"""Send the log to stderr, one redacted line an event, set up as Singer taps are."""

from __future__ import annotations

import copy
import logging
import logging.config
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from tap_jira.errors import ConfigError
from tap_jira.redact import Redactor

FORMAT = "%(levelname)s %(asctime)s %(message)s"
METRIC = "METRIC: "
"""How singer-python begins a metric."""
CLEAR = "\r\x1b[K"
USUAL_WIDTH = 80

Show = Callable[[str], None]
"""Puts a text into the live line of a terminal; an empty one takes it away."""


class _Line(logging.Formatter):
    """``INFO 2026-11-24T21:00:00Z …``: the level first, as singer-python has it, then the time in UTC.

    A metric has no time, because ``singer.metrics.parse`` takes nothing but ``INFO METRIC: `` before it.
    """

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:
        if record.message.startswith(METRIC):
            return f"{record.levelname} {record.message}"
        return super().formatMessage(record)


# What would end a line, move a terminal's cursor, or turn the direction of writing; and halves of surrogate pairs,
# which no file can take.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class _RedactingFormatter(logging.Formatter):
    """Whatever the inner formatter makes of a record, without the secrets, and with the message on one line.

    Much of what is told was said by Jira or typed by its users. So it cannot look like another line of the log, nor do
    anything to a terminal; the lines of a traceback are indented.
    """

    def __init__(self, inner: logging.Formatter, redact: Redactor) -> None:
        super().__init__()
        self._inner, self._redact = inner, redact

    def format(self, record: logging.LogRecord) -> str:
        plain = copy.copy(record)
        plain.msg, plain.args = _printable(self._redact(_message(record))), None
        lines = self._redact(self._inner.format(plain)).split("\n")
        return "\n  ".join(map(_printable, lines))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit are a fault of whoever logs; logging itself would print them, secrets and all.
        return str(record.msg)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda sign: sign[0].encode("unicode_escape", "surrogatepass").decode(), text)


class _Terminal(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes the log to a terminal, and below it one live line, which is never mixed into the log's."""

    # No type argument above: Python 3.10 cannot subscript the class.

    _live = ""

    def show(self, text: str) -> None:
        """Make ``text`` the live line."""
        self.acquire()
        # A terminal that was closed is no reason to end a run.
        with suppress(OSError, ValueError):
            if text or self._live:
                self.stream.write(CLEAR + self._cut(text))
                self.stream.flush()
        self._live = text
        self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the log where the live line stood, and that below it."""
        live = self._live
        self.show("")
        super().emit(record)
        self.show(live)

    def _cut(self, text: str) -> str:
        """What fits into one line; a terminal wraps what is as wide as itself."""
        try:
            width = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            width = 0
        return text[: (width or USUAL_WIDTH) - 1]


def set_up(redact: Redactor) -> Show | None:
    """Log at INFO to stderr, or as the file in LOGGING_CONF_FILE says; redacted either way.

    Where that is a terminal, what shows a live line there.
    """
    # A handler that fails would print the record as it is, secrets and all.
    logging.raiseExceptions = False
    path = os.environ.get("LOGGING_CONF_FILE")
    terminal = _Terminal(sys.stderr) if not path and _is_terminal() else None
    _begin(terminal or logging.StreamHandler(sys.stderr))
    if path:
        _follow(path)
    else:
        # These two write signature base strings, tokens and URLs at DEBUG.
        for name in ("oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
    for logger in (logging.getLogger(), *logging.getLogger().manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            handler.setFormatter(_RedactingFormatter(_bare(handler.formatter), redact))
    return terminal.show if terminal else None


def _is_terminal() -> bool:
    # A dumb terminal cannot take a line back.
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _begin(handler: logging.Handler) -> None:
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _follow(path: str) -> None:
    try:
        logging.config.fileConfig(path, disable_existing_loggers=False)
    except Exception as error:
        # The file names classes and calls them, so anything can go wrong.
        _begin(logging.StreamHandler(sys.stderr))
        raise ConfigError(
            f"the file that LOGGING_CONF_FILE names cannot be used ({type(error).__name__}: {error}); correct it"
        ) from error


def _bare(formatter: logging.Formatter | None) -> logging.Formatter:
    if isinstance(formatter, _RedactingFormatter):
        return formatter._inner
    return formatter or _Line()
