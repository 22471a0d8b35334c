"""What goes to stdout, in which order and when."""

from __future__ import annotations

import errno
import io
import json
from typing import Any

import pytest
import singer

from tap_jira.errors import OutputError, TargetGoneError
from tap_jira.jsontext import dump
from tap_jira.messages import LARGEST_BUFFER, Writer
from tests.fakes import Time

EXTRACTED = "2024-03-05T12:34:56.789000Z"
SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}}


class Pipe(io.BytesIO):
    """Keeps what was written, and how often it was flushed."""

    flushed = 0

    def flush(self) -> None:
        self.flushed += 1

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


class ClosedPipe(io.BytesIO):
    def write(self, data: Any) -> int:
        raise BrokenPipeError


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def test_the_messages(pipe: Pipe, time: Time) -> None:
    """Each message has the form that the Singer specification gives it, as singer-python reads it."""
    writer = Writer(pipe, time)
    writer.schema("jira_issues", SCHEMA, ["id"], ["updated_at"])
    writer.schema("jira_users", SCHEMA, ["key"], [])
    writer.record("jira_issues", dump({"id": "1", "ü": None}), EXTRACTED)
    writer.state({"bookmarks": {}})

    assert pipe.lines == [
        {
            "type": "SCHEMA",
            "stream": "jira_issues",
            "schema": SCHEMA,
            "key_properties": ["id"],
            "bookmark_properties": ["updated_at"],
        },
        {"type": "SCHEMA", "stream": "jira_users", "schema": SCHEMA, "key_properties": ["key"]},
        {
            "type": "RECORD",
            "stream": "jira_issues",
            "time_extracted": EXTRACTED,
            "record": {"id": "1", "ü": None},
        },
        {"type": "STATE", "value": {"bookmarks": {}}},
    ]
    read = [singer.parse_message(line.decode()) for line in pipe.getvalue().splitlines()]
    assert [type(message).__name__ for message in read] == [
        "SchemaMessage",
        "SchemaMessage",
        "RecordMessage",
        "StateMessage",
    ]


def test_versions(pipe: Pipe, time: Time) -> None:
    """A record carries the version of its table if that has one, and a version is activated in singer-python's form."""
    writer = Writer(pipe, time)
    writer.record("jira_users", dump({"key": "a"}), EXTRACTED, 1_700_000_000_000)
    writer.activate_version("jira_users", 1_700_000_000_000)
    writer.flush()

    record, activated = map(singer.parse_message, pipe.getvalue().splitlines())
    assert (record.version, record.record) == (1_700_000_000_000, {"key": "a"})
    assert activated == singer.ActivateVersionMessage("jira_users", 1_700_000_000_000)


def test_a_state_sends_everything_on_its_way(pipe: Pipe, time: Time) -> None:
    """Records wait to be sent in large pieces, and a STATE takes them along."""
    writer = Writer(pipe, time)
    writer.record("s", dump({}), EXTRACTED)
    assert (pipe.getvalue(), pipe.flushed) == (b"", 0)
    writer.state({})

    assert [message["type"] for message in pipe.lines] == ["RECORD", "STATE"]
    assert pipe.flushed == 1


def test_records_do_not_wait_for_ever(pipe: Pipe, time: Time) -> None:
    """After a second the target gets what there is."""
    writer = Writer(pipe, time)
    writer.record("s", dump({}), EXTRACTED)
    time.seconds += 1.5
    writer.record("s", dump({}), EXTRACTED)

    assert len(pipe.lines) == 2


def test_a_megabyte_is_sent_at_once(pipe: Pipe, time: Time) -> None:
    """Memory for lines that wait is bounded."""
    writer = Writer(pipe, time)
    writer.record("s", dump({"text": "x" * LARGEST_BUFFER}), EXTRACTED)

    assert len(pipe.lines) == 1


def test_whatever_is_in_a_record_it_stays_one_line(pipe: Pipe, time: Time) -> None:
    """Line ends, NUL characters and lone surrogates inside a record break no line."""
    writer = Writer(pipe, time)
    writer.record("s", dump({"a": "1\n2\r\u2028\x00\ud800", "b": 2**70}), EXTRACTED)
    writer.state({})

    assert pipe.lines[0]["record"] == {"a": "1\n2\r\u2028\ufffd\ufffd", "b": 2**70}
    assert pipe.getvalue().count(b"\n") == 2
    assert b"\r" not in pipe.getvalue()


def test_a_target_that_has_gone_away(time: Time) -> None:
    """A closed pipe is told as what it is, once: nothing is tried after that."""
    writer = Writer(ClosedPipe(), time)
    with pytest.raises(TargetGoneError, match="gone away"):
        writer.state({})

    writer.state({})


class Sipping(io.RawIOBase):
    """An unbuffered stdout that takes a few bytes at a time, and is full after ``room``."""

    def __init__(self, room: int = 10**9) -> None:
        self.taken, self.room = b"", room

    def write(self, data: Any) -> int:
        if len(self.taken) >= self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[:7]
        self.taken += part
        return len(part)


def test_an_unbuffered_stdout_gets_everything(time: Time) -> None:
    """An output that takes only a part at a time gets whole lines all the same."""
    out = Sipping()
    writer = Writer(out, time)  # type: ignore[arg-type]
    writer.record("s", dump({"n": 1}), EXTRACTED)
    writer.state({"bookmarks": {}})

    assert [json.loads(line)["type"] for line in out.taken.splitlines()] == ["RECORD", "STATE"]


def test_nothing_follows_a_line_that_was_cut(time: Time) -> None:
    """When the disk is full in the middle of a line, no STATE is written behind it, even if there is room again."""
    out = Sipping(room=30)
    writer = Writer(out, time)  # type: ignore[arg-type]
    writer.record("s", dump({"n": 1}), EXTRACTED)
    with pytest.raises(OutputError, match="No space left on device"):
        writer.state({"bookmarks": {}})
    out.room = 10**9
    writer.state({"bookmarks": {}})

    assert b"\n" not in out.taken
