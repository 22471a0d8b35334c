"""Unpack what travelled in gzip's format (RFC 1952), no further than is wanted."""

from __future__ import annotations

import contextlib
import zlib

import deflate

GZIP = 16 + zlib.MAX_WBITS
"""What zlib calls the format."""
BEGIN = b"\x1f\x8b\x08"
"""How a text begins in gzip's format. It ends with its length, modulo 2**32, in four bytes."""
MOST_MEMBERS = 1000
"""Texts that one may be put together from: each costs a copy of what is left."""


class TooLargeError(ValueError):
    """The text is longer than anybody wants to hold."""


def unpack(packed: bytes, largest: int) -> bytes | bytearray:
    """The bytes that gzip packed; ValueError if a part is missing or damaged, or if they are more than ``largest``.

    In one piece, of the length that stands at the end. zlib, which believes no length, makes a page piece by piece and
    takes the interpreter lock again for each: beside a thread that computes that was ten times the unpacking itself.
    """
    size = int.from_bytes(packed[-4:], "little")
    # Several members in a row are one text (RFC 1952, section 2.2), of which deflate would give the first.
    if 0 < size <= largest and packed.rfind(BEGIN) <= 0:
        with contextlib.suppress(deflate.DeflateError):
            text = deflate.gzip_decompress(packed, size)
            if len(text) == size:
                return text
    return _by_members(packed, largest)


def _by_members(packed: bytes, largest: int) -> bytes:
    texts: list[bytes] = []
    for _ in range(MOST_MEMBERS):
        if not packed:
            return b"".join(texts)
        member = zlib.decompressobj(GZIP)
        try:
            text = member.decompress(packed, largest + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        largest -= len(text)
        if largest < 0:
            raise TooLargeError("more than is wanted")
        if not member.eof:
            raise ValueError("the end is missing")
        texts.append(text)
        packed = member.unused_data
    raise ValueError("too many members")
