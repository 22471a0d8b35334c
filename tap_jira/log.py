"""Send the log to stderr, one redacted line an event, set up as Singer taps are."""

from __future__ import annotations

import logging
import logging.config
import os
import sys

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
    path = os.environ.get("LOGGING_CONF_FILE")
    if path:
        logging.config.fileConfig(path, disable_existing_loggers=False)
    else:
        logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stderr, force=True)
        # These two write signature base strings, tokens and URLs at DEBUG.
        for name in ("oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_RedactingFormatter(_bare(handler.formatter), redact))


def _bare(formatter: logging.Formatter | None) -> logging.Formatter:
    if isinstance(formatter, _RedactingFormatter):
        return formatter._inner
    return formatter or logging.Formatter(FORMAT)
