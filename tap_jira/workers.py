"""Do requests on a few threads while the main thread waits for answers and signals in one place.

The main thread plans, joins and writes; a worker only runs the call it was given. Answers and signals arrive in one
mailbox, a SimpleQueue, because its ``put`` may be called from a signal handler (an Event or a Queue can deadlock).
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from tap_jira.errors import InterruptedByError

T = TypeVar("T")

Tick = Callable[[], None]
TICK_SECONDS = 1.0
"""How often a main thread that waits looks up from it."""


class Workers(Protocol):
    """Who runs calls: threads, or a test that decides in which order answers come."""

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        """Start ``call``; its outcome arrives under ``tag``."""

    def next(self, tick: Tick) -> tuple[Any, Any]:
        """The tag and the result of a call that is done; raises what the call raised, or that a signal came.

        ``tick`` is called about once a second while there is nothing.
        """

    def poll(self) -> tuple[Any, Any] | None:
        """What ``next`` would give, or raise, if that is there already; None if not."""

    def together(self, calls: Sequence[Callable[[], T]], most: int) -> list[T]:
        """The results of ``calls``, made by a call that is running here, side by side where workers are idle.

        At most ``most`` calls run at once, whoever made them. Raises what the first of them raised.
        """

    def forget(self) -> None:
        """Drop what is under way: waiting calls end at once, and no result of theirs arrives any more."""


class Stopped(Exception):
    """Nobody wants the result of this call any more."""


class _Task(NamedTuple):
    batch: threading.Event  # set once the batch that this belongs to is forgotten
    tag: Any
    call: Callable[[], Any]
    most: int | None = None  # help with what another thread is busy with, unless so many are busy already


class Threads:
    """A pool of daemon threads."""

    def __init__(self, most: int, tick_seconds: float = TICK_SECONDS) -> None:
        self._most, self._tick_seconds = most, tick_seconds
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._mailbox: queue.SimpleQueue[tuple[_Task, Any, BaseException | None] | None] = queue.SimpleQueue()
        self._batch = threading.Event()
        self._mine = threading.local()
        self._signal: int | None = None
        self._counting = threading.Lock()
        self._busy = 0
        for _ in range(most):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        """Queue ``call`` for the next idle thread."""
        self._tasks.put(_Task(self._batch, tag, call))

    def together(self, calls: Sequence[Callable[[], T]], most: int) -> list[T]:
        """Do the calls on this thread, and invite idle ones to take some: who is busy owes no help."""
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
        failed = threading.Event()
        for number in range(len(calls)):
            todo.put(number)

        def help_out() -> None:
            with contextlib.suppress(queue.Empty):
                while not failed.is_set():
                    number = todo.get_nowait()
                    result, error = _outcome(calls[number])
                    if error is not None:
                        failed.set()
                    done.put((number, result, error))

        batch: threading.Event = getattr(self._mine, "batch", self._batch)
        for _ in range(min(len(calls), most, self._most) - 1):
            self._tasks.put(_Task(batch, None, help_out, most))
        help_out()
        outcomes = dict[int, Any]()
        while len(outcomes) < len(calls):
            number, result, error = done.get()
            if error is not None:
                raise error
            outcomes[number] = result
        return [outcomes[number] for number in range(len(calls))]

    def next(self, tick: Tick) -> tuple[Any, Any]:
        """Wait for whatever comes first."""
        while True:
            self._check_signal()
            try:
                come = self._mailbox.get(timeout=self._tick_seconds)
            except queue.Empty:
                tick()
                continue
            if wanted := self._wanted(come):
                return wanted

    def poll(self) -> tuple[Any, Any] | None:
        """Look into the mailbox, out of which nobody else takes."""
        while not self._mailbox.empty():
            if wanted := self._wanted(self._mailbox.get()):
                return wanted
        return None

    def forget(self) -> None:
        """Start a new batch; a thread in the midst of a request finishes it, unheard."""
        self._batch.set()
        self._batch = threading.Event()

    def interrupt(self, signal_number: int) -> None:
        """Make ``next`` raise InterruptedByError; may be called from a signal handler."""
        self._signal = signal_number
        self._mailbox.put(None)

    def close(self) -> None:
        """Let the threads end; those in the midst of a request end after it."""
        self.forget()
        for _ in range(self._most):
            self._tasks.put(None)

    def now(self) -> float:
        """Epoch seconds by this machine's clock."""
        return time.time()

    @staticmethod
    def monotonic() -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep in a worker's call; raises Stopped as soon as its batch is forgotten."""
        batch: threading.Event = getattr(self._mine, "batch", self._batch)
        if batch.wait(seconds):
            raise Stopped

    def _wanted(self, come: tuple[_Task, Any, BaseException | None] | None) -> tuple[Any, Any] | None:
        """The tag and the result of what came; None if nobody wants it any more."""
        self._check_signal()
        if come is None or come[0].batch is not self._batch:
            return None
        task, result, error = come
        if error is not None:
            raise error
        return task.tag, result

    def _check_signal(self) -> None:
        if self._signal is not None:
            raise InterruptedByError(self._signal)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if task.batch.is_set():
                continue
            self._mine.batch = task.batch
            with self._counting:
                self._busy += 1
                is_wanted = task.most is None or self._busy <= task.most
            if task.most is None:
                self._mailbox.put((task, *_outcome(task.call)))
            elif is_wanted:
                task.call()
            with self._counting:
                self._busy -= 1


def _outcome(call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What a call gives, or what it raises, to be raised where it is waited for."""
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001
        return None, error


def call(workers: Workers, task: Callable[[], T], tick: Tick = lambda: None) -> T:
    """The result of ``task``, run by a worker while nothing else is, so that a signal need not wait for it."""
    workers.submit(None, task)
    result: T = workers.next(tick)[1]
    return result
