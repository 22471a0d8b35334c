"""Break the reading of issues on purpose, one way at a time: the search for lost rows must notice each.

``python -m tests.mutants`` tries all of them, each in a process of its own, and says which seed found it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tap_jira import issues, jql
from tap_jira.errors import UnavailableError
from tap_jira.search import Chunk, Page, Plan, Span, Walk, Window
from tests import soak

MOST_SCHEDULES = 2000

Change = Callable[[soak.Schedule], soak.Schedule]


def no_overlap() -> None:
    """Pages follow each other without overlap, and nobody checks that they join."""
    Walk._overlap = staticmethod(lambda rows: 0)  # type: ignore[method-assign]
    Walk._joins = lambda self, page: True  # type: ignore[method-assign]


def bookmark_from_last_row() -> None:
    """The bookmark is the newest ``updated`` that was written."""
    ready = Plan.ready

    def mutated(self: Plan) -> Iterator[Chunk]:
        for chunk in ready(self):
            newest = max((row.updated // 1000 for row in chunk.rows if row.updated), default=chunk.bookmark)
            yield Chunk(chunk.rows, newest)

    Plan.ready = mutated  # type: ignore[method-assign]


def no_key_in_order() -> None:
    """Rows are ordered by ``updated`` alone."""
    _rewrite_jql(lambda text: text.replace(", key ASC", "").replace(", key DESC", ""))


def bookmark_before_the_write() -> None:
    """STATE goes out before the rows it speaks of."""
    ready = Plan.ready

    def mutated(self: Plan) -> Iterator[Chunk]:
        held: list[Any] = []
        for chunk in ready(self):
            yield Chunk(held, chunk.bookmark)
            held = chunk.rows
        if held:
            yield Chunk(held, self._walks[0].window.low if self._walks else self._span.now)

    Plan.ready = mutated  # type: ignore[method-assign]


def greater_than() -> None:
    """The lower bound excludes its own second."""
    _rewrite_jql(lambda text: text.replace("updated >= ", "updated > "))


def no_lookback() -> None:
    """Each run begins at the bookmark itself, though the index lags."""
    run_issues = soak.run_issues

    def mutated(scene: soak.Scene, wire: Any, out: Any) -> tuple[int, int]:
        scene.schedule = replace(scene.schedule, lookback=0)
        return run_issues(scene, wire, out)

    soak.run_issues = mutated


def upper_bound_a_second_early() -> None:
    """Windows end a second before the next one begins."""
    where = jql._where

    def mutated(window: Window, dialect: jql.Dialect, condition: str) -> str:
        high = None if window.high is None else window.high - 1
        return where(replace(window, high=high), dialect, condition)

    jql._where = mutated


def local_clock() -> None:
    """S is the time of the machine that the tap runs on."""
    meet = soak.meet

    def mutated(client: Any) -> Any:
        return replace(meet(client), now=int(client.retry.clock.now()))

    soak.meet = mutated


def s_from_the_first_search() -> None:
    """S is the Date of the first search's own answer."""
    feed, page = Plan.feed, issues.Issues.page

    def dated(self: issues.Issues, ask: Any) -> Page:
        answer = page(self, ask)
        dates.append(int(self.client.transport._time.seconds))  # type: ignore[attr-defined]
        return answer

    def mutated(self: Plan, walk: Walk, asked: Any, answer: Page) -> None:
        if walk._pages == 0 and len(self._walks) == 1:
            now = dates[-1]
            lookback = self._span.now - self._span.settled
            self._span = walk._span = replace(self._span, now=now, settled=max(self._span.low, now - lookback))
        feed(self, walk, asked, answer)

    dates: list[int] = []
    issues.Issues.page = dated  # type: ignore[method-assign]
    Plan.feed = mutated  # type: ignore[method-assign]


def no_open_end() -> None:
    """The last request ends at S like the others."""
    begin = Plan.__init__

    def mutated(self: Plan, span: Span, *rest: Any) -> None:
        begin(self, span, *rest)
        first = self._walks[0]
        first.window = replace(first.window, high=max(span.now, first.window.low + 1))

    Plan.__init__ = mutated  # type: ignore[method-assign]


def swallowed_500() -> None:
    """A page that Jira keeps failing to give is taken for an empty one."""
    page = issues.Issues.page

    def mutated(self: issues.Issues, ask: Any) -> Page:
        try:
            return page(self, ask)
        except UnavailableError:
            return Page([], 0, ask.size, 0)

    issues.Issues.page = mutated  # type: ignore[method-assign]


def short_page_is_the_last() -> None:
    """A page shorter than asked for is taken for the end."""
    page = issues.Issues.page

    def mutated(self: issues.Issues, ask: Any) -> Page:
        answer = page(self, ask)
        return replace(answer, total=ask.start + len(answer.rows)) if len(answer.rows) < ask.size else answer

    issues.Issues.page = mutated  # type: ignore[method-assign]


def _rewrite_jql(rewrite: Callable[[str], str]) -> None:
    text = jql.text
    jql.text = lambda ask, dialect, condition="": rewrite(text(ask, dialect, condition))


def _few_tries(schedule: soak.Schedule) -> soak.Schedule:
    return replace(schedule, faults=max(schedule.faults, 0.5))


MUTANTS: dict[Callable[[], None], Change | None] = {
    no_overlap: None,
    bookmark_from_last_row: None,
    no_key_in_order: None,
    bookmark_before_the_write: None,
    greater_than: None,
    no_lookback: None,
    upper_bound_a_second_early: None,
    local_clock: None,
    s_from_the_first_search: None,
    no_open_end: None,
    # Seven tries rarely fail in a row: half of all requests must.
    swallowed_500: _few_tries,
    short_page_is_the_last: None,
}


def hunt(mutant: Callable[[], None]) -> str | None:
    """What the search says of a mutant, None if it did not notice. Changes this process for good."""
    logging.disable(logging.CRITICAL)
    # Only lost rows count here; a mutant that does other harm as well is played on until it loses one.
    soak.Target._check_bookmarks = staticmethod(lambda states: None)  # type: ignore[method-assign]
    mutant()
    change = MUTANTS[mutant]
    found = (soak.play(seed, change) for seed in range(MOST_SCHEDULES))
    return next((line for line in found if line and ("was not sent" in line or "the target has" in line)), None)


def hunt_all() -> dict[str, str | None]:
    """Each mutant's name and what the search says of it."""
    workers = min(os.cpu_count() or 1, len(MUTANTS))
    with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1) as pool:
        return dict(zip((mutant.__name__ for mutant in MUTANTS), pool.map(hunt, MUTANTS, chunksize=1), strict=True))


def main() -> int:
    """Print what became of each mutant."""
    found = hunt_all()
    for name, line in found.items():
        soak.say(f"{name:30} {line or 'NOT FOUND'}")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
