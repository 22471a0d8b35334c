"""What must hold of any bytes, wherever the tap reads some: each check takes bytes, and fails if it does not hold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tap_jira import catalog, config, heads, limits, pace, state, verdict
from tap_jira.dates import to_day, to_millis, to_utc
from tap_jira.errors import ConfigError, TapError
from tap_jira.jsontext import dump, load, load_anyhow
from tap_jira.machine import json_object
from tap_jira.records import Oddities
from tap_jira.retry import Again
from tap_jira.token_file import Grant, TokenFile
from tap_jira.typed import Shaper
from tap_jira.wire import Headers, Response
from tests.test_records import is_valid

NOW = 1_700_000_000.0
FOLDER = tempfile.TemporaryDirectory(prefix="tap-jira-checks-")
TEXT, NUMBER = ({"type": ["null", kind]} for kind in ("string", "number"))
TIME = {**TEXT, "format": "date-time"}
INNER = {"type": ["null", "object"], "properties": {"a": TEXT, "n": NUMBER, "t": TIME}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "updated_at": TIME,
        "list": {"type": ["null", "array"], "items": INNER},
        "fields": {
            "type": ["null", "object"],
            "properties": {
                "updated": TIME,
                "summary": TEXT,
                "duedate": {"type": ["null", "string"], "format": "date"},
                "count": {"type": ["null", "integer"]},
                "flag": {"type": ["null", "boolean"]},
                "inner": INNER,
            },
        },
    },
}


def quietly(said: str) -> None:
    """A warning that nobody reads."""


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the fault of a file that it tells, which is one line."""
    try:
        return call()
    except ConfigError as error:
        if "\n" in str(error):
            raise AssertionError("more than one line") from error
        return error


def file_of(content: bytes) -> Path:
    path = Path(FOLDER.name) / "file.json"
    path.write_bytes(content)
    return path


def check_config(content: bytes) -> None:
    """Any bytes are a configuration, or a ConfigError."""
    loaded = outcome(lambda: config.load(json_object(str(file_of(content))), {}, quietly))

    assert isinstance(loaded, ConfigError) or loaded.way_in in config.WAYS_IN


def check_state(content: bytes) -> None:
    """Any text is a state whose bookmark can be read, moved and written, or a ConfigError."""

    def read() -> state.State:
        kept = state.parse(content.decode(errors="replace"), "state")
        kept.take_over()
        kept.seconds("jira_issues", "updated_at")
        kept.advance("jira_issues", "updated_at", int(NOW))
        return kept

    kept = outcome(read)
    if not isinstance(kept, ConfigError):
        kept.syncing("jira_issues")
        assert json.loads(dump(kept.value))["currently_syncing"] == "jira_issues"


def check_catalog(content: bytes) -> None:
    """Any text is a catalog whose tables can be announced and filled, or a ConfigError."""
    text = content.decode(errors="replace")
    selections = outcome(lambda: catalog.select(catalog.parse(text, "catalog"), quietly))
    for chosen in () if isinstance(selections, ConfigError) else selections:
        dump({"schema": chosen.schema})
        oddities = Oddities(chosen.stream.name, quietly, quietly)
        shaper = Shaper(chosen.schema, chosen.full, chosen.keys, oddities, chosen.stream.fill, patience=0)
        issue = {"id": "1", "key": "A-1", "fields": {"summary": "s", "labels": ["a"], "status": {"id": "1"}}}
        line = shaper.of_text(json.dumps(issue).encode())
        assert line is None or isinstance(json.loads(line), dict)


def check_tokens(content: bytes) -> None:
    """Any bytes are a file of tokens that can be renewed, or a ConfigError."""
    file = TokenFile(file_of(content))

    def renew() -> Grant | None:
        file.read("origin")
        with file.replacement("origin") as save:
            save(Grant("r2", "a2", NOW, NOW))
        return file.read("origin")

    kept = outcome(renew)
    assert isinstance(kept, ConfigError) or kept.access_token == "a2"


def check_answer(content: bytes) -> None:
    """Any bytes are a value or a ValueError; what is read can be written, and each issue of a search has a head."""
    for read in (load, load_anyhow, heads.answer):
        try:
            value = read(content)
        except ValueError:
            continue
        if isinstance(value, heads.Answer):
            assert len(value.heads) == len(heads.texts(content))
        elif read is load:
            json.loads(dump(value))


def check_record(content: bytes) -> None:
    """Any bytes are no record, or one that fits its schema, and the same by the fast way and by the careful one."""
    lines, told = [], []
    for way in ("fast", "careful"):
        oddities = Oddities("jira_issues", quietly, quietly)
        shaper = Shaper(SCHEMA, SCHEMA, ["id"], oddities, {"updated_at": ("fields", "updated")}, patience=0)
        # Once and again: what was odd the first time is expected from then on.
        for _ in range(3):
            try:
                line = shaper.of_text(content) if way == "fast" else shaper.of_value(load_anyhow(content))
            except ValueError:
                line = None
        lines.append(line and json.loads(line))
        told.append((oddities.nulled, oddities.unknown.keys()))
        assert line is None or b"\n" not in line
    assert lines[0] == lines[1]
    assert lines[0] is None or (told[0] == told[1] and is_valid(lines[0], SCHEMA))


def check_dates(content: bytes) -> None:
    """Any text is a time that can be written as one, or none."""
    text = content.decode(errors="replace")
    utc = to_utc(text)

    assert utc is None or (to_utc(utc) == utc and to_millis(text) is not None)
    assert to_day(text) is None or utc is not None


class Still:
    """A clock that stands, and on which nobody waits."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def wait(self, seconds: float) -> None:
        raise AssertionError


def check_response(content: bytes) -> None:
    """Any status, headers (a line each) and body are taken, asked for again or refused in a short text."""
    head, _, body = content.partition(b"\n\n")
    status, *fields = head.decode("latin-1").split("\n")
    pairs = (field.partition(":")[::2] for field in fields)
    headers = Headers({name: value.strip() for name, value in pairs})
    check_verdict(Response(int(status) if status in STATUSES else 200, headers, body))


STATUSES = {"200", "204", "302", "400", "401", "403", "404", "409", "418", "429", "500", "503"}


def check_verdict(response: Response) -> None:
    """The answer is taken, asked for again or refused in a short text, and holds nobody back beyond a minute."""
    said, wait = "", None
    try:
        verdict.check(response, "GET /x", now=NOW)
    except Again as again:
        said, wait = again.reason, again.wait_seconds
    except TapError as error:
        said = str(error)
    gate = pace.Gate(Still(), 4)
    gate.saw(response)
    limits.describe(response.headers, limits.lifted_at(response.headers))

    assert len(said) < 2000
    assert wait is None or wait > 0
    assert gate.held_for() <= 60


CHECKS: Mapping[str, Callable[[bytes], None]] = {
    "config": check_config,
    "state": check_state,
    "catalog": check_catalog,
    "tokens": check_tokens,
    "answer": check_answer,
    "record": check_record,
    "dates": check_dates,
    "response": check_response,
}
"""By the name of what is read."""
