"""Requests on threads, answers and signals in one place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from operator import mul

import pytest

from tap_jira.errors import InterruptedByError
from tap_jira.workers import Stopped, Threads, call


def no_tick() -> None:
    """Nothing to do while waiting."""


@pytest.fixture
def pool() -> Iterator[Threads]:
    it = Threads(3)
    yield it
    it.close()


def test_every_answer_comes_under_its_tag(pool: Threads) -> None:
    """Each call's result arrives once, with the tag it was given."""
    for number in range(20):
        pool.submit(number, partial(mul, number, number))

    assert dict(pool.next(no_tick) for _ in range(20)) == {number: number * number for number in range(20)}


def test_calls_run_side_by_side(pool: Threads) -> None:
    """As many calls as there are threads wait for each other without harm."""
    meeting = threading.Barrier(3, timeout=10)
    for number in range(3):
        pool.submit(number, meeting.wait)

    assert sorted(pool.next(no_tick)[1] for _ in range(3)) == [0, 1, 2]


def test_no_more_at_once_than_allowed() -> None:
    """A pool of one does one call after the other, all on the same thread."""
    pool = Threads(1)
    for number in range(5):
        pool.submit(number, threading.get_ident)

    answers = [pool.next(no_tick) for _ in range(5)]
    assert [tag for tag, _ in answers] == [0, 1, 2, 3, 4]
    assert len({ident for _, ident in answers}) == 1
    pool.close()


def test_an_exception_arrives_where_it_is_waited_for(pool: Threads) -> None:
    """What a call raises is raised where its answer is fetched, and the pool goes on."""
    pool.submit("bad", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        pool.next(no_tick)

    assert call(pool, lambda: "good") == "good"


def test_a_signal_wakes_who_waits(pool: Threads) -> None:
    """A signal is not held up by a request that takes long."""
    never = threading.Event()
    pool.submit("slow", never.wait)
    threading.Thread(target=pool.interrupt, args=(15,)).start()
    with pytest.raises(InterruptedByError) as caught:
        pool.next(no_tick)

    assert caught.value.exit_code == 143
    never.set()


def test_a_signal_before_the_waiting_is_not_lost(pool: Threads) -> None:
    """A signal that comes while nobody waits stops the next who does, before answers that are there."""
    pool.submit("done", lambda: 1)
    pool.interrupt(2)
    for _ in range(2):
        with pytest.raises(InterruptedByError):
            pool.next(no_tick)


def done_one_by_one(pool: Threads, *tags: str) -> None:
    """Let a pool of one thread do calls, whose outcomes are there once a further one has begun."""
    for tag in tags:
        pool.submit(tag, tag.upper)
    began = threading.Event()
    pool.submit("further", began.set)
    assert began.wait(10)


def test_what_is_there_is_had_without_waiting() -> None:
    """Who polls gets what has come, in order, and nothing while a call is under way."""
    pool, go_on = Threads(1), threading.Event()
    done_one_by_one(pool, "a", "b")
    assert [pool.poll(), pool.poll()] == [("a", "A"), ("b", "B")]
    assert pool.next(no_tick) == ("further", None)
    pool.submit("slow", go_on.wait)

    assert pool.poll() is None
    go_on.set()
    pool.close()


def test_who_polls_hears_of_signals_and_failures() -> None:
    """What a call raised is raised, and a signal comes before what is there."""
    pool = Threads(1)
    pool.submit("bad", lambda: 1 // 0)
    done_one_by_one(pool, "good")
    with pytest.raises(ZeroDivisionError):
        pool.poll()
    pool.interrupt(15)
    with pytest.raises(InterruptedByError):
        pool.poll()
    pool.close()


def test_who_polls_gets_nothing_that_was_forgotten() -> None:
    """What came for a stream that has failed is passed over."""
    pool = Threads(1)
    done_one_by_one(pool, "old")
    pool.forget()
    done_one_by_one(pool, "new")

    assert pool.poll() == ("new", "NEW")
    pool.close()


def test_a_wait_ends_with_the_run(pool: Threads) -> None:
    """A worker in the midst of a long wait is let go when the run is over."""
    began, ended = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        try:
            pool.wait(3600)
        except Stopped:
            ended.set()
            raise

    pool.submit("waiting", wait)
    assert began.wait(10)
    pool.close()

    assert ended.wait(10)


def test_what_is_forgotten_never_arrives(pool: Threads) -> None:
    """After a failed stream its calls are dropped: what they bring is not taken for an answer of the next one."""
    began, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go_on.wait(10)
        return "late"

    pool.submit("old", slow)
    assert began.wait(10)
    pool.forget()
    go_on.set()
    pool.submit("new", lambda: "fresh")

    assert pool.next(no_tick) == ("new", "fresh")


def test_the_times(pool: Threads) -> None:
    """The pool tells this machine's time, and one that only grows."""
    assert pool.now() == pytest.approx(time.time(), abs=60)
    first = pool.monotonic()
    pool.wait(0)

    assert pool.monotonic() >= first


def test_the_main_thread_looks_up_while_it_waits() -> None:
    """While no answer comes, the tick is called; here it lets the call end that is waited for."""
    pool = Threads(1, tick_seconds=0.001)
    released = threading.Event()
    pool.submit("slow", lambda: released.wait(timeout=10))

    assert pool.next(released.set) == ("slow", True)
    pool.close()


def test_idle_threads_help(pool: Threads) -> None:
    """Calls that a call makes together run side by side, and their results come in the order of the calls."""
    meeting = threading.Barrier(3, timeout=10)

    def several(number: int) -> int:
        meeting.wait()
        return number * 10

    calls = [partial(several, number) for number in range(3)]

    assert call(pool, lambda: pool.together(calls, most=3)) == [0, 10, 20]


def test_together_is_done_alone_where_nobody_is_idle() -> None:
    """A pool of one does such calls itself, one after the other."""
    pool = Threads(1)
    idents = call(pool, lambda: pool.together([threading.get_ident] * 4, most=8))

    assert len(set(idents)) == 1
    pool.close()


def test_help_keeps_the_pace() -> None:
    """While no more than one request may be under way, nobody helps."""
    pool = Threads(4)
    idents = call(pool, lambda: pool.together([threading.get_ident] * 8, most=1))

    assert len(set(idents)) == 1
    pool.close()


def test_help_counts_what_others_do() -> None:
    """Where as many calls are at work as may be, an idle thread that was invited stays away."""
    pool, at_work, go_on, came_by = Threads(3), threading.Event(), threading.Event(), threading.Event()
    helped: list[int] = []

    def busy() -> None:
        at_work.set()
        go_on.wait(10)

    def first() -> None:
        # Queued behind the invitation, so the idle thread has decided about that before it comes by.
        pool.submit("probe", came_by.set)
        assert came_by.wait(10)

    pool.submit("busy", busy)
    assert at_work.wait(10)
    calls = [first, *[lambda: helped.append(threading.get_ident())] * 3]
    pool.submit("page", lambda: (pool.together(calls, most=2), threading.get_ident())[1])
    results = dict(pool.next(no_tick) for _ in range(2))
    go_on.set()

    assert set(helped) == {results["page"]}
    pool.close()


def test_the_first_failure_ends_what_is_done_together() -> None:
    """What one call raises is raised, and those that have not begun are left: a login must not fail eight times."""
    pool, begun = Threads(1), []

    def fail(number: int) -> None:
        begun.append(number)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(pool, lambda: pool.together([partial(fail, number) for number in range(8)], most=8))

    assert begun == [0]
    pool.close()


def test_helpers_end_with_the_run(pool: Threads) -> None:
    """A helper in the midst of a long wait is let go when its batch is forgotten, as its caller is."""
    waiting, ended = threading.Semaphore(0), threading.Semaphore(0)

    def wait() -> None:
        waiting.release()
        try:
            pool.wait(3600)
        except Stopped:
            ended.release()
            raise

    pool.submit("page", lambda: pool.together([wait, wait], most=3))
    assert all(waiting.acquire(timeout=10) for _ in range(2))
    pool.forget()

    assert all(ended.acquire(timeout=10) for _ in range(2))
