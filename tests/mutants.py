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

from tap_jira import incremental, issues, jql, site
from tap_jira.client import Client, Sends
from tap_jira.errors import UnavailableError
from tap_jira.offsets import OffsetWalk
from tap_jira.run import Run
from tap_jira.search import Chunk, Page, PageSize, Plan, Span, Walk, Window
from tap_jira.streams import Stream
from tap_jira.tokens import TokenWalk
from tests import soak

MOST_SCHEDULES = 2000

Change = Callable[[soak.Schedule], soak.Schedule]


def no_overlap() -> None:
    """Pages follow each other without overlap, and nobody checks that they join."""
    OffsetWalk._overlap = staticmethod(lambda rows: 0)  # type: ignore[method-assign]
    OffsetWalk._joins = lambda self, page: True  # type: ignore[method-assign]


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

    def mutated(scene: soak.Scene, wire: Sends, out: soak.Out, tables: tuple[Stream, ...]) -> tuple[int, int]:
        scene.schedule = replace(scene.schedule, lookback=0)
        return run_issues(scene, wire, out, tables)

    soak.run_issues = mutated


def upper_bound_a_second_early() -> None:
    """Windows end a second before the next one begins."""
    where = jql.where

    def mutated(window: Window, dialect: jql.Dialect, condition: str = "") -> str:
        high = None if window.high is None else window.high - 1
        return where(replace(window, high=high), dialect, condition)

    jql.where = mutated


def local_clock() -> None:
    """S is the time of the machine that the tap runs on."""
    meet = site.meet

    def mutated(client: Client) -> site.Site:
        return replace(meet(client), now=int(client.retry.clock.now()))

    site.meet = mutated


def s_from_the_first_search() -> None:
    """S is the Date of the first search's own answer."""
    feed, page = Plan.feed, issues.Issues.page

    def dated(self: issues.Issues, ask: Any) -> Page:
        answer = page(self, ask)
        dates.append(int(self.client.transport._time.seconds))  # type: ignore[attr-defined]
        return answer

    def mutated(self: Plan, walk: Walk, asked: Any, page: Page) -> None:
        if walk._pages == 0 and len(self._walks) == 1:
            now = dates[-1]
            lookback = self._span.now - self._span.settled
            self._span = walk._span = replace(self._span, now=now, settled=max(self._span.low, now - lookback))
        feed(self, walk, asked, page)

    dates: list[int] = []
    issues.Issues.page = dated  # type: ignore[method-assign]
    Plan.feed = mutated  # type: ignore[method-assign]


def no_open_end() -> None:
    """The last request ends at S like the others."""
    begin = Plan.__init__

    def mutated(self: Plan, walk: Callable[..., Walk], span: Span, size: PageSize, sent: Any = None) -> None:
        begin(self, walk, span, size, sent)
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
        if len(answer.rows) >= ask.size:
            return answer
        return replace(answer, total=ask.start + len(answer.rows), token=None, is_lost=False)

    issues.Issues.page = mutated  # type: ignore[method-assign]


def no_closing_question() -> None:
    """A page without a token is taken for the last."""
    TokenWalk._end = lambda self, page: setattr(self, "done", True)  # type: ignore[method-assign]


def repeated_token_is_the_end() -> None:
    """A token that comes twice is taken for the end."""
    TokenWalk._begin_again = lambda self: setattr(self, "done", True)  # type: ignore[method-assign]


def count_is_the_end() -> None:
    """A list is taken to be as long as the approximate count says."""
    take = TokenWalk.take

    def mutated(self: TokenWalk, asked: Any, page: Page) -> list[Window]:
        pieces = take(self, asked, page)
        self.done = self.done or 0 < self.length <= len(self.rows)
        return pieces

    TokenWalk.take = mutated  # type: ignore[method-assign]


def one_bookmark_for_all() -> None:
    """All tables of a scan begin where the first does."""
    reader = incremental.reader

    def mutated(run: Run, selections: Any) -> Any:
        source, lows = reader(run, selections)
        return source, lows[:1] * len(lows)

    incremental.reader = mutated


def debts_for_creditors_alone() -> None:
    """An issue that can be printed again goes to the tables that it was owed to, and to no other."""
    settle = incremental._settle_debts

    def mutated(run: Run, consumers: Any, source: Any) -> dict[str, int | None]:
        return settle(run, [replace(consumer, since_millis=2**62) for consumer in consumers], source)

    incremental._settle_debts = mutated


def _rewrite_jql(rewrite: Callable[[str], str]) -> None:
    text = jql.text
    jql.text = lambda ask, dialect, condition="": rewrite(text(ask, dialect, condition))


def _on_cloud(schedule: soak.Schedule) -> soak.Schedule:
    return replace(schedule, cloud=True)


def _with_bad_tokens(schedule: soak.Schedule) -> soak.Schedule:
    return replace(schedule, cloud=True, repeats=0.1, drops=0.1, miscount=0.3)


def _few_tries(schedule: soak.Schedule) -> soak.Schedule:
    return replace(schedule, faults=max(schedule.faults, 0.5))


def _with_comments(schedule: soak.Schedule) -> soak.Schedule:
    runs = (*[(soak.ISSUES, soak.COMMENTS)] * (schedule.runs - 1), (soak.COMMENTS,))
    return replace(schedule, tables=runs, by_table=True)


def _with_late_comments(schedule: soak.Schedule) -> soak.Schedule:
    runs = (*[(soak.ISSUES,)] * (schedule.runs - 1), (soak.ISSUES, soak.COMMENTS))
    return replace(schedule, tables=runs, by_table=False, poison=0.3)


MUTANTS: tuple[tuple[Callable[[], None], Change | None], ...] = (
    (no_overlap, None),
    (bookmark_from_last_row, None),
    (no_key_in_order, None),
    (bookmark_before_the_write, None),
    (greater_than, None),
    (no_lookback, None),
    (upper_bound_a_second_early, None),
    (local_clock, None),
    (s_from_the_first_search, None),
    (no_open_end, None),
    # Seven tries rarely fail in a row: half of all requests must.
    (swallowed_500, _few_tries),
    (short_page_is_the_last, None),
    # Again where pages come by token; these have no overlap, and an order that the site itself completes by key.
    (bookmark_from_last_row, _on_cloud),
    (bookmark_before_the_write, _on_cloud),
    (greater_than, _on_cloud),
    (no_lookback, _on_cloud),
    (upper_bound_a_second_early, _on_cloud),
    (local_clock, _on_cloud),
    (s_from_the_first_search, _on_cloud),
    (no_open_end, _on_cloud),
    (swallowed_500, lambda schedule: _on_cloud(_few_tries(schedule))),
    (short_page_is_the_last, _on_cloud),
    (no_closing_question, _with_bad_tokens),
    (repeated_token_is_the_end, _with_bad_tokens),
    (count_is_the_end, _with_bad_tokens),
    # With a table of comments beside the issues.
    (one_bookmark_for_all, _with_comments),
    (debts_for_creditors_alone, _with_late_comments),
)
"""Each way of breaking the reader, and on what kind of schedules it is looked for."""


def hunt(number: int) -> str | None:
    """What the search says of a mutant, None if it did not notice. Changes this process for good."""
    logging.disable(logging.CRITICAL)
    # Only lost rows count here; a mutant that does other harm as well is played on until it loses one.
    soak.Target._check_bookmarks = staticmethod(lambda states: None)  # type: ignore[method-assign]
    mutant, change = MUTANTS[number]
    mutant()
    found = (soak.play(seed, change) for seed in range(MOST_SCHEDULES))
    return next((line for line in found if line and ("was not sent" in line or "the target has" in line)), None)


def hunt_all() -> list[tuple[str, str | None]]:
    """Each mutant's name and what the search says of it."""
    workers = min(os.cpu_count() or 1, len(MUTANTS))
    with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1) as pool:
        said = pool.map(hunt, range(len(MUTANTS)), chunksize=1)
    return [(mutant.__name__, line) for (mutant, _), line in zip(MUTANTS, said, strict=True)]


def main() -> int:
    """Print what became of each mutant."""
    found = hunt_all()
    for name, line in found:
        soak.say(f"{name:30} {line or 'NOT FOUND'}")
    return 0 if all(line for _, line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
