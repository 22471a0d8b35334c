"""JSON that parsers and targets refuse, and that Jira sends all the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tap_jira import heads
from tap_jira.jsontext import dump, load, load_anyhow, parse


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'"\\ud800"', "\ud800"),
        (b'"a\\u0000b"', "a\x00b"),
        (b"18446744073709551616", 2**64),
        (b"9223372036854775808", 2**63),
        (b'[{"a": ' * 127 + b"1" + b"}]" * 127, None),
        (b"\xef\xbb\xbf[1]", [1]),
    ],
    ids=["plain", "surrogate", "nul", "2**64", "2**63", "deep", "bom"],
)
def test_odd_json_is_read(body: bytes, expected: Any) -> None:
    """JSON with lone surrogates, NUL, large numbers or deep nesting is read all the same."""
    value = load(body)

    assert value if expected is None else value == expected


@pytest.mark.parametrize("body", [b"1e400", b"1" * 5000], ids=["exponent", "digits"])
def test_a_number_beyond_all_measure_is_read(body: bytes) -> None:
    """A number that no computer holds is read as infinite, and written as null."""
    assert load(b'{"a": %b}' % body) == {"a": math.inf}
    assert dump(load(body)) == b"null"


@pytest.mark.parametrize("depth", [301, 900, 1_000_000])
def test_nesting_that_nobody_can_write(depth: int) -> None:
    """JSON that is nested deeper than it could be written again is refused, by the reader and by the writer."""
    text = b"[" * depth + b"]" * depth
    with pytest.raises(ValueError, match="nested too deep"):
        load(text)
    if depth < 1000:
        with pytest.raises(ValueError, match="nested too deep"):
            dump(load_anyhow(text))


@pytest.mark.parametrize("text", [b"[" + b"{}," * 6_000_000 + b"1]", b"[" + b"1," * 11_000_000 + b"1]"])
def test_more_values_than_memory_may_hold(text: bytes) -> None:
    """A text of some megabytes that would become gigabytes of values is refused before it is parsed."""
    with pytest.raises(ValueError, match="too many values"):
        load(text)
    with pytest.raises(ValueError, match="too many values"):
        heads.answer(b'{"issues": %b, "total": 1}' % text)


def test_files_are_read_as_answers_are_not() -> None:
    """What is wrong in a file is told with its place, and nesting that makes no sense there is refused."""
    with pytest.raises(ValueError, match="line 2 column 1"):
        parse("[1,\n}")
    with pytest.raises(ValueError, match="nested too deep"):
        parse("[" * 101 + "]" * 101)
    assert parse("[" * 100 + "]" * 100) is not None


def test_not_a_number_is_read() -> None:
    """NaN, which is no JSON but which some plug-ins write, does not cost the page it stands in."""
    assert math.isnan(load(b'{"a": NaN}')["a"])


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'"\xff"', b"[" * 200_000], ids=str)
def test_no_json_is_refused(body: bytes) -> None:
    """Whatever is no JSON is a ValueError, however it is broken."""
    with pytest.raises(ValueError):  # noqa: PT011  (which one depends on what is broken)
        load(body)


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Of a text known to be whole, what is no UTF-8 becomes the replacement character."""
    assert load_anyhow(b'["a\xffb", 1]') == ["a\ufffdb", 1]
