"""Keep the issues of a page as they travelled, packed, while they wait for their turn to be written.

Packed they take a fraction of the memory, so that many pages can be fetched ahead of a slow one.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from tap_jira import heads
from tap_jira.gzipped import unpack
from tap_jira.heads import Text


class Bundle:
    """The issues of one page, in JSON."""

    def __init__(self, body: bytes | bytearray, packed: bytes | None = None) -> None:
        """``body``: the answer that has them; ``packed``: as it travelled, in gzip's format, None if not so."""
        self._came = body if packed is None else packed
        self._unpack = None if packed is None else partial(unpack, packed, len(body))
        self._instead: dict[int, Text] = {}

    def replace(self, place: int, text: Text) -> None:
        """Put an issue that was completed in the place of the one that came."""
        self._instead[place] = text

    @property
    def bytes(self) -> int:
        """What the issues weigh while they wait."""
        return len(self._came) + sum(memoryview(text).nbytes for text in self._instead.values())

    def texts(self) -> list[Text]:
        """The issues, unpacked if they were packed."""
        came = heads.texts(self._unpack() if self._unpack else self._came)
        return [self._instead.get(place, text) for place, text in enumerate(came)]


class Kept(NamedTuple):
    """One issue of a bundle, and where lists lie in it of which Jira has failed to give all."""

    bundle: Bundle
    place: int
    lacking: frozenset[tuple[str, ...]] = frozenset()
