"""Pages that are compressed piece by piece."""

from __future__ import annotations

import gzip

import pytest

from tap_jira.simulator.printed import Piece, gzipped
from tap_jira.wire import Response


@pytest.mark.parametrize("count", [0, 1, 60])
@pytest.mark.parametrize("fields", ["*all", "id"])
def test_pages(jira, count, fields):
    """A page of any number of issues decompresses to its body, the first time and when its issues are kept."""
    caller = jira()
    for _ in range(2):
        response = caller.get("search", fields=fields, maxResults=count)

        assert gzip.decompress(gzipped(response)) == response.body


def test_one_issue(jira):
    """So does a single issue, which shares its piece with the pages that print it."""
    caller = jira()
    response = caller.get("issue/10003", fields="summary")
    page = caller.get("search", jql="id = 10003", fields="summary")

    assert gzip.decompress(gzipped(response)) == response.body
    assert response.pieces[0] in page.pieces


def test_not_of_pieces():
    """An answer that is not made of pieces is compressed as a whole."""
    response = Response.of_json({"a": "b" * 1000})

    assert gzip.decompress(gzipped(response)) == response.body


def test_packed_once():
    """A piece is compressed once."""
    piece = Piece(b"x" * 1000)

    assert piece.packed is piece.packed
    assert len(piece.packed) < 100
