"""Do requests on a few threads while the main thread waits for answers and signals in one place.

The main thread plans, joins and writes; a worker only runs the call it was given. Answers and signals arrive in one
mailbox, a SimpleQueue, because its ``put`` may be called from a signal handler (an Event or a Queue can deadlock).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from tap_jira.errors import InterruptedByError

T = TypeVar("T")


class Workers(Protocol):
    """Who runs calls: threads, or a test that decides in which order answers come."""

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        """Start ``call``; its outcome arrives under ``tag``."""

    def next(self) -> tuple[Any, Any]:
        """The tag and the result of a call that is done; raises what the call raised, or that a signal came."""


class Stopped(Exception):
    """The run is over; this worker's result is not wanted any more."""


class Threads:
    """A pool of daemon threads, started as they are needed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._tasks: queue.SimpleQueue[tuple[Any, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._mailbox: queue.SimpleQueue[tuple[Any, Any, BaseException | None]] = queue.SimpleQueue()
        self._signal: int | None = None
        self._stopped = threading.Event()
        self._under_way = 0

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        """Queue ``call`` for the next idle thread."""
        self._under_way += 1
        if len(self._threads) < min(self._under_way, self._most):
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        self._tasks.put((tag, call))

    def next(self) -> tuple[Any, Any]:
        """Wait for whatever comes first."""
        self._check_signal()
        tag, result, error = self._mailbox.get()
        self._check_signal()
        self._under_way -= 1
        if error is not None:
            raise error
        return tag, result

    def interrupt(self, signal_number: int) -> None:
        """Make ``next`` raise InterruptedByError; may be called from a signal handler."""
        self._signal = signal_number
        self._mailbox.put((None, None, None))

    def close(self) -> None:
        """Let the threads end; those in the midst of a request end after it, unheard."""
        self._stopped.set()
        for _ in self._threads:
            self._tasks.put(None)

    def now(self) -> float:
        """Epoch seconds by this machine's clock."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep in a worker thread; raises Stopped as soon as the run is over."""
        if self._stopped.wait(seconds):
            raise Stopped

    def _check_signal(self) -> None:
        if self._signal is not None:
            raise InterruptedByError(self._signal)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None and not self._stopped.is_set():
            tag, call = task
            try:
                self._mailbox.put((tag, call(), None))
            except BaseException as error:  # noqa: BLE001  (carried to the main thread, which raises it)
                self._mailbox.put((tag, None, error))


def call(workers: Workers, task: Callable[[], T]) -> T:
    """The result of ``task``, run by a worker when nothing else is under way, so that a signal need not wait for it."""
    workers.submit(None, task)
    result: T = workers.next()[1]
    return result
