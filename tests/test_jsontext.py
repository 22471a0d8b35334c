"""JSON that parsers and targets refuse, and that Jira sends all the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tap_jira.jsontext import load, load_anyhow


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


def test_not_a_number_is_read() -> None:
    """NaN, which is no JSON but which some plug-ins write, does not cost the page it stands in."""
    assert math.isnan(load(b'{"a": NaN}')["a"])


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'"\xff"', b"[" * 200_000, b"1" * 5000], ids=str)
def test_no_json_is_refused(body: bytes) -> None:
    """Whatever is no JSON is a ValueError, however it is broken."""
    with pytest.raises(ValueError):  # noqa: PT011  (which one depends on what is broken)
        load(body)


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Of a text known to be whole, what is no UTF-8 becomes the replacement character."""
    assert load_anyhow(b'["a\xffb", 1]') == ["a\ufffdb", 1]
