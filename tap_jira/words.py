"""Lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many there are besides: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(count: int, what: str) -> str:
    """``1 column is``, ``2 columns are``."""
    return f"1 {what} is" if count == 1 else f"{count} {what}s are"
