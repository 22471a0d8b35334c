"""Send the log to stderr, one redacted line an event, set up as Singer taps are."""

from __future__ import annotations

import copy
import logging
import logging.config
import os
import re
import sys

from tap_jira.errors import ConfigError
from tap_jira.redact import Redactor

FORMAT = "%(levelname)s %(message)s"


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


def set_up(redact: Redactor) -> None:
    """Log at INFO to stderr in singer-python's form, or as the file in LOGGING_CONF_FILE says; redacted either way."""
    # A handler that fails would print the record as it is, secrets and all.
    logging.raiseExceptions = False
    logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stderr, force=True)
    path = os.environ.get("LOGGING_CONF_FILE")
    if path:
        _follow(path)
    else:
        # These two write signature base strings, tokens and URLs at DEBUG.
        for name in ("oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
    for logger in (logging.getLogger(), *logging.getLogger().manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            handler.setFormatter(_RedactingFormatter(_bare(handler.formatter), redact))


def _follow(path: str) -> None:
    try:
        logging.config.fileConfig(path, disable_existing_loggers=False)
    except Exception as error:
        # The file names classes and calls them, so anything can go wrong.
        logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stderr, force=True)
        raise ConfigError(
            f"the file that LOGGING_CONF_FILE names cannot be used ({type(error).__name__}: {error}); correct it"
        ) from error


def _bare(formatter: logging.Formatter | None) -> logging.Formatter:
    if isinstance(formatter, _RedactingFormatter):
        return formatter._inner
    return formatter or logging.Formatter(FORMAT)
