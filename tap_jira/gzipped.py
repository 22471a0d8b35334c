"""Unpack what travelled in gzip's format (RFC 1952), no further than is wanted."""

from __future__ import annotations

from zlib_ng import zlib_ng

GZIP = 16 + zlib_ng.MAX_WBITS
"""What zlib calls the format. zlib-ng is the same interface, and takes a third of the time."""
UNBOUNDED = 2**62
MOST_MEMBERS = 1000
"""Texts that one may be put together from: each costs a copy of what is left."""


class TooLargeError(ValueError):
    """The text is longer than anybody wants to hold."""


def unpack(packed: bytes, largest: int = UNBOUNDED) -> bytes:
    """The bytes that gzip packed; ValueError if a part is missing or damaged, or if they are more than ``largest``."""
    texts: list[bytes] = []
    # Several members in a row are one text (RFC 1952, section 2.2).
    for _ in range(MOST_MEMBERS):
        if not packed:
            return b"".join(texts)
        # By one call: to put a page together from pieces takes three quarters of what unpacking it does.
        member = zlib_ng.decompressobj(GZIP)
        try:
            text = member.decompress(packed, largest + 1)
        except zlib_ng.error as error:  # type: ignore[misc]  # its stub takes the class for an instance
            raise ValueError(str(error)) from None
        largest -= len(text)
        if largest < 0:
            raise TooLargeError("more than is wanted")
        if not member.eof:
            raise ValueError("the end is missing")
        texts.append(text)
        packed = member.unused_data
    raise ValueError("too many members")
