"""What Jira says cannot forge a line of the log, nor do anything to the terminal that shows it."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira import log
from tap_jira.redact import Redactor
from tap_jira.simulator import Site
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import LOG_TIME

EVIL = "x\nCRITICAL all is lost\r\x1b[31mred\x1b]0;title\x07\x9b2J\u2028INFO new\u2029\u202egnp.exe\u2066\x00\ud800"
FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}


def logged(message: str, *arguments: Any, redact: Redactor | None = None, **more: Any) -> str:
    """What stands in the log after this was logged, without the time."""
    stream = io.StringIO()
    logging.basicConfig(stream=stream, force=True)
    log.set_up(redact or Redactor())
    logging.getLogger().handlers[0].setStream(stream)  # type: ignore[attr-defined]
    logging.getLogger("x").error(message, *arguments, **more)
    return LOG_TIME.sub(r"\1 ", stream.getvalue())


def is_plain(line: str) -> bool:
    """Whether nothing in a line does more than show itself."""
    return not any(unicodedata.category(sign) in FORBIDDEN or sign in "\u202e\u2066" for sign in line)


def test_a_message_stays_on_its_line() -> None:
    """Line ends, escapes and marks of direction in an argument are shown as what they are."""
    said = logged("Jira said %s", EVIL)

    assert said.count("\n") == 1
    assert said.startswith("ERROR Jira said x\\nCRITICAL all is lost\\r\\x1b[31mred")
    assert is_plain(said.rstrip("\n"))


@given(st.text())
def test_any_text_stays_on_its_line(text: str) -> None:
    """Whatever is logged is one line of plain characters, which every encoding of Unicode can take."""
    said = logged("%s", text)

    assert said.endswith("\n")
    assert is_plain(said[:-1].replace("\t", " "))
    said.encode()


def test_lines_of_a_traceback_are_indented() -> None:
    """The text of an exception that came unexpected cannot look like a line of the log either."""
    try:
        raise ZeroDivisionError(EVIL)
    except ZeroDivisionError:
        said = logged("failed", exc_info=True)

    first, *others = said.rstrip("\n").split("\n")
    assert first == "ERROR failed"
    assert others
    assert all(line.startswith("  ") and is_plain(line) for line in others)


def test_ordinary_text_is_shown_as_it_is() -> None:
    """Letters of all scripts, signs and pictures are left alone."""
    assert logged("größer 日本語 עברית 😀\tx") == "ERROR größer 日本語 עברית 😀\tx\n"


def test_a_secret_of_several_lines_is_blotted_first() -> None:
    """What is made printable would not be found any more as the secret that it is."""
    said = logged("%s", "first-line\nsecond-line", redact=Redactor(["first-line\nsecond-line"]))

    assert said == "ERROR [secret]\n"


@pytest.mark.parametrize("arguments", [("surplus",), ({"a": 1},)])
def test_a_message_whose_arguments_do_not_fit(capsys: pytest.CaptureFixture[str], arguments: Any) -> None:
    """A fault of whoever logs shows neither a traceback nor the arguments, which may be secret."""
    assert logged("no place for it", *arguments) == "ERROR no place for it\n"
    assert capsys.readouterr().err == ""


def test_a_stream_that_cannot_take_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler that fails does not print what it failed at, secrets and all."""
    log.set_up(Redactor(["hunter-two"]))
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    logging.getLogger().handlers[0].setStream(narrow)  # type: ignore[attr-defined]
    logging.getLogger("x").error("größer than hunter-two")

    assert capsys.readouterr().err == ""


class Shouting:
    """A Jira whose errors, names and keys hold what should not reach a terminal."""

    def __init__(self, site: Site, status: int) -> None:
        self._site, self._status = site, status

    def send(self, request: Request) -> Response:
        response = self._site.send(request)
        if "/resolution" in request.url:
            return Response.of_json({"errorMessages": [_json_safe(EVIL)]}, self._status)
        if "/2/search" in request.url or "/2/myself" in request.url:
            value = json.loads(response.body)
            for issue in value.get("issues", ()):
                issue["key"] = EVIL
                issue["fields"] = {**issue.get("fields", {}), "duedate": EVIL}
            if "name" in value:
                value["name"] = EVIL
            return Response(200, response.headers, json.dumps(value).encode())
        return response


def _json_safe(text: str) -> str:
    return text.replace("\ud800", "")


@pytest.mark.parametrize("status", [400, 403, 404, 503])
def test_a_jira_that_shouts(tap: Tap, site: Site, status: int) -> None:
    """In a whole run no line of the log comes from Jira, and each begins with the level that the tap gave it."""
    outcome = tap(to=Shouting(site, status))
    lines = outcome.log.rstrip("\n").split("\n")

    assert all(is_plain(line) for line in lines)
    assert {line.split(" ")[0] for line in lines} <= {"INFO", "WARNING", "ERROR", "CRITICAL"}
    assert not any(line.startswith(("CRITICAL all is lost", "INFO new")) for line in lines)
    assert any("CRITICAL all is lost" in line for line in lines)


def test_no_value_breaks_a_message(tap: Tap, site: Site) -> None:
    """Line ends of any kind inside of values stay inside: each line of the output is one whole message."""
    outcome = tap(to=Shouting(site, 403))
    lines = outcome.output.split(b"\n")

    assert lines.pop() == b""
    assert {json.loads(line)["type"] for line in lines} == {"SCHEMA", "RECORD", "STATE"}
    assert outcome.records("jira_issues")[0]["key"].startswith("x\nCRITICAL")
    assert not any(sign in outcome.output for sign in (b"\x1b", b"\r", b"\x00", b"\x07"))
