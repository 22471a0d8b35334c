"""How this process keeps its memory: small, and without looking through all of it for cycles again and again."""

from __future__ import annotations

import contextlib
import ctypes
import gc

HELD_BYTES = 16 * 1024 * 1024
"""Unused memory that is held for the next page: room for some pages, each of 2.2 MB and taken apart."""
_OPTIONS = {-8: 1, -1: HELD_BYTES, -3: HELD_BYTES}
"""M_ARENA_MAX, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, from glibc's malloc.h."""


def keep_one_heap() -> None:
    """Make all threads allocate from one heap, which keeps some of what they free; nothing where the C library cannot.

    By itself glibc gives each thread a heap, and keeps in it what a page of issues once took: with eight threads that
    is a quarter of the memory of a run. And it gives large pieces back to the kernel as soon as they are free, which
    has to make empty pages again for the next: a tenth of the CPU on Cloud.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        for option, value in _OPTIONS.items():
            library.mallopt(option, value)


def seldom_look_for_cycles() -> None:
    """Let Python look for unused cycles after 50,000 new lists instead of 700, and not among what was there before.

    Pages and records are freed without that; looking for cycles after every tenth issue takes a tenth of the CPU.
    """
    gc.freeze()
    gc.set_threshold(50_000)
