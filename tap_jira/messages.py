"""Write SCHEMA, RECORD, STATE and ACTIVATE_VERSION messages; the only module that touches stdout."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO

from tap_jira.errors import OutputError, TargetGoneError
from tap_jira.jsontext import dump

LARGEST_BUFFER = 1_000_000
LONGEST_DELAY_SECONDS = 1.0


def write_whole(out: BinaryIO, data: bytes) -> None:
    """Write all of ``data``; OutputError, or TargetGoneError, if that cannot be.

    In a loop, because an unbuffered stdout (PYTHONUNBUFFERED, usual in containers) may take a part at a time.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[out.write(view) or 0 :]
        out.flush()
    except BrokenPipeError as error:
        raise TargetGoneError("whoever read our output has gone away; look at the target's log") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"stdout cannot be written: {reason}; the states written before are safe to keep") from error


class Writer:
    """Writes whole lines to ``out`` in large pieces: at each STATE, after a megabyte, or after a second."""

    def __init__(self, out: BinaryIO, monotonic: Callable[[], float]) -> None:
        self._out, self._monotonic = out, monotonic
        self._parts: list[bytes] = []
        self._size = 0
        self._broken = False
        self._flushed_at = monotonic()

    def schema(self, stream: str, schema: dict[str, Any], keys: list[str], bookmarks: list[str]) -> None:
        """Announce a stream; once, before its records."""
        message: dict[str, Any] = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": keys}
        if bookmarks:
            message["bookmark_properties"] = bookmarks
        self._add(dump(message))

    def record(self, stream: str, record: bytes, time_extracted: str, version: int | None = None) -> None:
        """Send one record, given as JSON, extracted at ``time_extracted`` (RFC 3339); ``version``: of its table."""
        self._add(_before(stream, time_extracted, version), record, b"}")

    def activate_version(self, stream: str, version: int) -> None:
        """Say that the records of this version are the whole table, so that the target may drop all others."""
        self._add(dump({"type": "ACTIVATE_VERSION", "stream": stream, "version": version}))

    def state(self, value: dict[str, Any]) -> None:
        """Send the state, and everything before it, on their way."""
        self._add(dump({"type": "STATE", "value": value}))
        self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system; OutputError if that fails, and nothing is written after that."""
        data, self._parts, self._size = b"".join(self._parts), [], 0
        if self._broken:
            return
        # Until it is known to be whole: a STATE behind a line that was cut off would speak of rows that are not there.
        self._broken = True
        write_whole(self._out, data)
        self._broken = False
        self._flushed_at = self._monotonic()

    def _add(self, *parts: bytes) -> None:
        """Add a line, which is put together when it is written: records are large."""
        self._parts += parts
        self._parts.append(b"\n")
        self._size += sum(map(len, parts))
        if self._size > LARGEST_BUFFER or self._monotonic() - self._flushed_at > LONGEST_DELAY_SECONDS:
            self.flush()


@lru_cache(maxsize=16)
def _before(stream: str, time_extracted: str, version: int | None) -> bytes:
    """What stands before a record: the same for all that are sent together."""
    versioned = "" if version is None else f'"version":{version},'
    return f'{{"type":"RECORD","stream":"{stream}",{versioned}"time_extracted":"{time_extracted}","record":'.encode()
