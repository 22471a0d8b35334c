"""How this process keeps its memory: small, and without looking through all of it for cycles again and again."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def share_one_heap() -> None:
    """Make all threads allocate from one heap; does nothing where the C library has no such option.

    glibc gives each thread an arena, and keeps in it what a page of issues once took: with eight threads that is a
    quarter of the memory of a run.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def seldom_look_for_cycles() -> None:
    """Let Python look for unused cycles after 50,000 new lists instead of 700, and not among what was there before.

    Pages and records are freed without that; looking for cycles after every tenth issue takes a tenth of the CPU.
    """
    gc.freeze()
    gc.set_threshold(50_000)
