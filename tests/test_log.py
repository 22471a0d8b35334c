"""The log: to stderr, without secrets, whoever writes it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from singer import metrics

from tap_jira import cli, log
from tap_jira.errors import ConfigError
from tap_jira.redact import Redactor
from tests.fakes import LOG_TIME

SECRET = "hunter-and-two"
CONF = """
[loggers]
keys=root,other
[handlers]
keys=out,apart
[formatters]
keys=own
[logger_root]
level=DEBUG
handlers=out
[logger_other]
level=DEBUG
handlers=apart
propagate=0
qualname=tests.other
[handler_out]
class=StreamHandler
formatter=own
args=(sys.stderr,)
[handler_apart]
class=StreamHandler
args=(sys.stderr,)
[formatter_own]
format=own %(levelname)s %(message)s
"""


@pytest.fixture(autouse=True)
def _other_logger_as_it_was() -> Iterator[None]:
    other = logging.getLogger("tests.other")
    yield
    other.handlers.clear()
    other.propagate = True


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "logging.conf"
    path.write_text(CONF)
    monkeypatch.setenv("LOGGING_CONF_FILE", str(path))
    return path


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """From INFO on a line goes to stderr, beginning with its level and the time in UTC; stdout stays empty."""
    log.set_up(Redactor())
    logging.getLogger("tap_jira").info("hello")
    logging.getLogger("tap_jira").debug("not this")

    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"INFO \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ hello\n", err)


def test_the_time_is_that_of_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    """The time of a line is when it was said, in UTC."""
    log.set_up(Redactor())
    said = {"name": "x", "levelno": logging.INFO, "levelname": "INFO", "msg": "hello", "created": 1_700_000_000.999}
    logging.getLogger("x").handle(logging.makeLogRecord(said))

    assert capsys.readouterr().err == "INFO 2023-11-14T22:13:20Z hello\n"


def test_singer_reads_the_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """A metric is written without a time, since singer-python reads it back only so."""
    point = metrics.Point("counter", "record_count", 3, {"endpoint": "jira_issues"})
    log.set_up(Redactor())
    metrics.log(logging.getLogger("tap_jira"), point)

    said = capsys.readouterr().err
    assert metrics.parse(said) == point
    assert json.loads(said.removeprefix("INFO METRIC: "))["value"] == 3


def test_secrets_are_blotted(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes a secret into the log, in a message, an argument or a traceback, it is not shown."""
    log.set_up(Redactor([SECRET]))
    logger = logging.getLogger("somebody.else")
    logger.warning("a %s b", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        logger.exception("failed with %s", SECRET)

    said = LOG_TIME.sub(r"\1 ", capsys.readouterr().err)
    assert SECRET not in said
    assert said.startswith("WARNING a [secret] b\nERROR failed with [secret]\n  Traceback")
    assert said.endswith("\n  ValueError: [secret]\n")


def test_a_second_set_up_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Once the secrets are known the log is set up again, and each line comes once."""
    log.set_up(Redactor())
    log.set_up(Redactor([SECRET]))
    logging.getLogger("x").warning(SECRET)

    assert LOG_TIME.sub(r"\1 ", capsys.readouterr().err) == "WARNING [secret]\n"


@pytest.mark.parametrize("name", ["oauthlib", "requests_oauthlib"])
def test_libraries_that_log_signatures_are_quiet(name: str) -> None:
    """Libraries that write base strings and tokens at DEBUG are held at WARNING."""
    log.set_up(Redactor())

    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("conf")
def test_a_logging_file_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    """The file that LOGGING_CONF_FILE names decides on form and level, and secrets are blotted all the same."""
    for _ in range(2):
        log.set_up(Redactor([SECRET]))
    logging.getLogger("x").debug("a %s", SECRET)

    assert capsys.readouterr().err == "own DEBUG a [secret]\n"


@pytest.mark.usefixtures("conf")
def test_a_handler_of_a_single_logger_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler that the file gives to one logger alone shows no secrets either."""
    log.set_up(Redactor([SECRET]))
    logging.getLogger("tests.other").warning("a %s", SECRET)

    assert "a [secret]\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [None, "", "no ini file", "[loggers]\nkeys=root\n", CONF.replace("StreamHandler", "No")]
)
def test_a_logging_file_that_cannot_be_used(
    conf: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A logging file that is missing or broken is a fault of configuration, told in one line."""
    conf.unlink()
    if content is not None:
        conf.write_text(content)
    with pytest.raises(ConfigError, match="LOGGING_CONF_FILE"):
        log.set_up(Redactor())
    assert cli.main(["--config", "none.json"]) == 2

    said = LOG_TIME.sub(r"\1 ", capsys.readouterr().err)
    assert said.count("CRITICAL") == 1
    assert said.startswith("CRITICAL the file that LOGGING_CONF_FILE names cannot be used (")
