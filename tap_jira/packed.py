"""Keep the issues of a page as they travelled, packed, while they wait for their turn to be written.

Packed they take a fraction of the memory, so that many pages can be fetched ahead of a slow one.
"""

from __future__ import annotations

from typing import NamedTuple

from tap_jira import heads
from tap_jira.gzipped import unpack
from tap_jira.heads import Text


class Bundle:
    """The issues of one page, in JSON."""

    def __init__(self, texts: list[Text], packed: bytes | None = None) -> None:
        """``packed``: the answer as it travelled, in gzip's format; None if it travelled as it is."""
        self._came = texts if packed is None else packed
        self._instead: dict[int, Text] = {}

    def replace(self, place: int, text: Text) -> None:
        """Put an issue that was completed in the place of the one that came."""
        self._instead[place] = text

    @property
    def bytes(self) -> int:
        """What the issues weigh while they wait."""
        came = [self._came] if isinstance(self._came, bytes) else self._came
        return sum(memoryview(text).nbytes for text in (*came, *self._instead.values()))

    def texts(self) -> list[Text]:
        """The issues, unpacked if they were packed."""
        texts = heads.answer(unpack(self._came)).issues if isinstance(self._came, bytes) else self._came
        return [self._instead.get(place, text) for place, text in enumerate(texts)]


class Kept(NamedTuple):
    """One issue of a bundle, how many bytes its text has, and where lists lie of which Jira has failed to give all."""

    bundle: Bundle
    place: int
    size: int = 0
    lacking: frozenset[tuple[str, ...]] = frozenset()
