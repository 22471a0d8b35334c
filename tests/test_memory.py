"""One heap for all threads, where the C library lets a process choose; and few searches for cycles."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tap_jira.memory import keep_one_heap, seldom_look_for_cycles

M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -8, -1, -3


class Library:
    """A C library that has ``mallopt`` and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def mallopt(self, option: int, value: int) -> int:
        self.told.append((option, value))
        return 1


def load_nothing(name: object) -> Any:
    raise OSError("no such library")


def load_by_name_alone(name: object) -> Any:
    raise TypeError("expected a name, not None")


def test_one_heap_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library of this process is told to make no more than one heap, and to keep some pages' worth of it."""
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", {None: library}.__getitem__)

    keep_one_heap()

    assert dict(library.told) == {M_ARENA_MAX: 1, M_TRIM_THRESHOLD: 2**24, M_MMAP_THRESHOLD: 2**24}


@pytest.mark.parametrize("load", [lambda name: object(), load_nothing, load_by_name_alone])
def test_without_the_option_nothing_happens(monkeypatch: pytest.MonkeyPatch, load: Callable[[object], Any]) -> None:
    """Without ``mallopt`` (musl, macOS), or where the process's own library has no name to load it by (Windows)."""
    monkeypatch.setattr(ctypes, "CDLL", load)

    keep_one_heap()


def test_it_can_be_done_here_and_twice() -> None:
    """With the real library it is done without complaint, as often as one likes."""
    keep_one_heap()
    keep_one_heap()


@pytest.fixture
def collector() -> Iterator[None]:
    """Puts Python's collector back to how it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_cycles_are_looked_for_less_often_and_still_found() -> None:
    """The collector leaves alone what was there before, waits for many lists, and is not switched off."""
    seldom_look_for_cycles()

    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == 50_000
    assert gc.isenabled()
