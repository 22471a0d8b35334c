"""Pages wait packed, and come out as they went in."""

from __future__ import annotations

import gzip
import sys

import orjson
import pytest

from tap_jira.gzipped import PIECE, TooLargeError, unpack
from tap_jira.packed import Bundle

BODY = orjson.dumps({"issues": [{"id": "1", "fields": {"summary": "x" * 1000}}, {"id": "2"}], "total": 2})


def test_issues_come_out_as_they_came_in() -> None:
    """What was packed is read again, in order, but for what was put in its place."""
    bundle = Bundle([], gzip.compress(BODY))
    bundle.replace(1, b'{"id":"2","changelog":{}}')
    read = [orjson.loads(bytes(text)) for text in bundle.texts()]

    assert read == [{"id": "1", "fields": {"summary": "x" * 1000}}, {"id": "2", "changelog": {}}]


def test_issues_of_an_answer_that_was_not_packed() -> None:
    """They are kept as they are."""
    bundle = Bundle([b'{"id":"1"}', b'{"id":"2"}'])

    assert bundle.texts() == [b'{"id":"1"}', b'{"id":"2"}']
    assert bundle.bytes == 20


def test_what_waits_weighs_what_it_takes() -> None:
    """A packed page weighs what travelled, and what was put in place of its issues."""
    packed = gzip.compress(BODY)
    bundle = Bundle([b"a text that is not kept" * 100], packed)
    bundle.replace(0, b"0123456789")

    assert bundle.bytes == len(packed) + 10


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 5 * PIECE])
def test_unpacking_is_the_inverse_of_packing(size: int) -> None:
    """Whatever the length is, also of several members in a row (RFC 1952, section 2.2)."""
    text = bytes(n * n % 251 for n in range(size))

    assert unpack(gzip.compress(text)) == text
    assert unpack(gzip.compress(text) + gzip.compress(b"!")) == text + b"!"


@pytest.mark.parametrize("left_out", [1, 8, 100])
def test_a_missing_end_is_noticed(left_out: int) -> None:
    """A body that was cut is never taken for a shorter one."""
    with pytest.raises(ValueError, match="the end is missing"):
        unpack(gzip.compress(BODY * 100)[:-left_out])


def test_what_is_not_gzip_is_noticed() -> None:
    """Other bytes are refused in the words of zlib."""
    with pytest.raises(ValueError, match="incorrect header"):
        unpack(b"<html>")


def test_a_bomb_is_not_unpacked() -> None:
    """A few bytes that stand for very many are unpacked no further than the limit."""
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(TooLargeError):
        unpack(bomb, PIECE)

    assert sys.getsizeof(bomb) < PIECE
