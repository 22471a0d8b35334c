"""Pages wait packed, and come out as they went in."""

from __future__ import annotations

import gzip
import tracemalloc

import orjson
import pytest

from tap_jira.gzipped import TooLargeError, unpack
from tap_jira.packed import Bundle

ANY = 10_000_000
BODY = orjson.dumps({"issues": [{"id": "1", "fields": {"summary": "x" * 1000}}, {"id": "2"}], "total": 2})


def test_issues_come_out_as_they_came_in() -> None:
    """What was packed is read again, in order, but for what was put in its place."""
    bundle = Bundle(BODY, gzip.compress(BODY))
    bundle.replace(1, b'{"id":"2","changelog":{}}')
    read = [orjson.loads(bytes(text)) for text in bundle.texts()]

    assert read == [{"id": "1", "fields": {"summary": "x" * 1000}}, {"id": "2", "changelog": {}}]


def test_issues_of_an_answer_that_was_not_packed() -> None:
    """They are kept as they are."""
    body = b'{"issues":[{"id":"1"},{"id":"2"}]}'
    bundle = Bundle(body)

    assert list(map(bytes, bundle.texts())) == [b'{"id":"1"}', b'{"id":"2"}']
    assert bundle.bytes == len(body)


def test_what_waits_weighs_what_it_takes() -> None:
    """A packed page weighs what travelled, and what was put in place of its issues."""
    packed = gzip.compress(BODY)
    bundle = Bundle(b"a text that is not kept" * 100, packed)
    bundle.replace(0, b"0123456789")

    assert bundle.bytes == len(packed) + 10


@pytest.mark.parametrize("size", [0, 1, 100_000, 2_000_000])
def test_unpacking_is_the_inverse_of_packing(size: int) -> None:
    """Whatever the length is, also of several members in a row (RFC 1952, section 2.2)."""
    text = bytes(n * n % 251 for n in range(size))

    assert unpack(gzip.compress(text), ANY) == text
    assert unpack(gzip.compress(text) + gzip.compress(b"!"), ANY) == text + b"!"


@pytest.mark.parametrize("left_out", [1, 8, 100])
def test_a_missing_end_is_noticed(left_out: int) -> None:
    """A body that was cut is never taken for a shorter one."""
    with pytest.raises(ValueError, match="the end is missing"):
        unpack(gzip.compress(BODY * 100)[:-left_out], ANY)


def test_what_is_not_gzip_is_noticed() -> None:
    """Other bytes are refused in the words of zlib."""
    with pytest.raises(ValueError, match="incorrect header"):
        unpack(b"<html>", ANY)


@pytest.mark.parametrize("told", [50_000_000, 99_999, 0])
def test_a_bomb_is_not_unpacked(told: int) -> None:
    """A few bytes that stand for very many are unpacked no further than the limit, however long they say they are."""
    bomb = gzip.compress(bytes(50_000_000))[:-4] + told.to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpack(bomb, 100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize("told", [0, len(BODY) - 1, len(BODY) + 1, 2**32 - 1])
def test_a_length_that_is_none(told: int) -> None:
    """A text that is not as long as it says is not taken."""
    with pytest.raises(ValueError, match="incorrect length"):
        unpack(gzip.compress(BODY)[:-4] + told.to_bytes(4, "little"), ANY)


@pytest.mark.parametrize("behind", [b"\0\0\0\0", (9000).to_bytes(4, "little")])
def test_what_stands_behind_a_text_is_noticed(behind: bytes) -> None:
    """Nothing may follow a text but another one."""
    with pytest.raises(ValueError, match=r"incorrect header|the end is missing"):
        unpack(gzip.compress(BODY) + behind, ANY)


def test_members_without_end() -> None:
    """What consists of very many texts is refused before that takes long."""
    with pytest.raises(ValueError, match="too many members"):
        unpack(gzip.compress(b"") * 100_000, ANY)


@pytest.mark.parametrize("members", [1, 3])
def test_exactly_as_much_as_is_wanted(members: int) -> None:
    """A text of the largest size is unpacked, one of a byte more is not, whatever the members it comes in."""
    packed = gzip.compress(BODY) * members
    assert unpack(packed, len(BODY) * members) == BODY * members
    with pytest.raises(TooLargeError):
        unpack(packed, len(BODY) * members - 1)
