"""The search for lost rows finds nothing in the tap, and something in each broken copy of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import mutants, soak

SCHEDULES = 2000


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A process of its own: it forks, and the mutants change their process for good.
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)


def test_no_schedule_loses_a_row() -> None:
    """In two thousand schedules of edits, faults, kills and late answers every row comes out."""
    outcome = _python("tests.soak", str(SCHEDULES))

    assert (outcome.stdout, outcome.stderr) == (f"{SCHEDULES} schedules, 0 with a fault\n", "")


def test_the_search_finds_every_mutant() -> None:
    """For each way of breaking the reader the search reports a lost row."""
    outcome = _python("tests.mutants")

    assert (outcome.returncode, outcome.stdout.count("NOT FOUND")) == (0, 0)
    assert len(outcome.stdout.splitlines()) == len(mutants.MUTANTS)


@pytest.mark.parametrize("seed", range(0, 400, 10))
def test_schedule_replays_alone(seed: int) -> None:
    """A schedule can be played by itself, from its seed."""
    assert soak.play(seed) is None
