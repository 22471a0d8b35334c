"""Page tokens: opaque to the caller, and good for one query and some days only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson

_MARK = 12


class Cursors:
    """Makes tokens that say where a page ended, and reads its own again."""

    def __init__(self, seed: int, lifetime: float) -> None:
        self._key, self._lifetime = str(seed).encode(), lifetime
        self._made = 0

    def make(self, query: str, place: Any, now: float) -> str:
        """A token for ``place`` in this query; no two are alike."""
        self._made += 1
        held = orjson.dumps([_digest(query), place, now, self._made])
        return base64.urlsafe_b64encode(self._mark(held) + held).decode().rstrip("=")

    def read(self, token: str, query: str, now: float) -> Any:
        """The place that the token stands for; None if it is not ours, of another query, or too old."""
        try:
            packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        mark, held = packed[:_MARK], packed[_MARK:]
        if not hmac.compare_digest(mark, self._mark(held)):
            return None
        digest, place, made, _ = orjson.loads(held)
        return place if digest == _digest(query) and now - made <= self._lifetime else None

    def _mark(self, held: bytes) -> bytes:
        return hashlib.blake2b(held, digest_size=_MARK, key=self._key).digest()


def _digest(query: str) -> str:
    return hashlib.blake2b(query.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
