"""Answers put together from pieces that are kept, so that gzip need not compress the same issue for each page anew."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tap_jira.wire import Headers, Response

_LEVEL = 6
_SMALL = 500
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"


@dataclass(frozen=True)
class Piece:
    """A part of a body; its compressed form is made when first asked for."""

    plain: bytes

    @cached_property
    def packed(self) -> bytes:
        """Whole blocks of a raw deflate stream that refer to nothing before them, so that any others may go first."""
        press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return press.compress(self.plain) + press.flush(zlib.Z_FULL_FLUSH)


@dataclass(frozen=True)
class Printed(Response):
    """An answer whose body is its pieces, one after the other."""

    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, pieces: Sequence[Piece], headers: Headers) -> Printed:
        """A 200 with the pieces as its body."""
        return cls(200, headers, b"".join([piece.plain for piece in pieces]), pieces=tuple(pieces))


def gzipped(response: Response) -> bytes:
    """The body as a gzip member (RFC 1952)."""
    if not isinstance(response, Printed) or len(response.body) < _SMALL * len(response.pieces):
        # So short a piece would grow by being compressed.
        return gzip.compress(response.body, 1, mtime=0)
    size = len(response.body) & 0xFFFFFFFF
    tail = struct.pack("<II", zlib.crc32(response.body), size)
    return b"".join([_HEAD, *[piece.packed for piece in response.pieces], _LAST_BLOCK, tail])
