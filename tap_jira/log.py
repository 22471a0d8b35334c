"""Send the log to stderr, one redacted line an event, set up as Singer taps are."""

from __future__ import annotations

import logging
import logging.config
import os
import sys

from tap_jira.errors import ConfigError
from tap_jira.redact import Redactor

FORMAT = "%(levelname)s %(message)s"


class _RedactingFormatter(logging.Formatter):
    """Whatever the inner formatter makes of a record, tracebacks included, without the secrets and on one line each."""

    def __init__(self, inner: logging.Formatter, redact: Redactor) -> None:
        super().__init__()
        self._inner, self._redact = inner, redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._inner.format(record))


def set_up(redact: Redactor) -> None:
    """Log at INFO to stderr in singer-python's form, or as the file in LOGGING_CONF_FILE says; redacted either way."""
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
