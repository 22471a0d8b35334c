"""What some issues carry where a world is odd: texts and numbers over which targets have stumbled."""

from __future__ import annotations

from typing import Any

from tap_jira.simulator.custom import custom_id
from tap_jira.simulator.facts import Issue

EVERY = 20
"""One issue in so many is odd; the first of them comes early, so that small worlds have one as well."""
_PLACE = 3

# A composed emoji, combining marks, two scripts from right to left with marks of direction, a character outside the
# basic plane.
_GOOD = "👩‍👩‍👧🏽 Zoe\u0301 a\u0323\u0308 שלום \u200f\u0645\u0631\u062d\u0628\u0627\u200e 𠮷"
# What a file of lines or of commas must quote.
_QUOTED = "\t\"'\\N,\u2028\r\n%s \\u0000 $1"
# JSON can carry both, NUL and half of a surrogate pair, and PostgreSQL can store neither. Never in one issue: a reader
# that notices one must notice the other as well.
TEXTS = (f"{_GOOD}\x00|{_QUOTED}", f"{_GOOD}\ud83d|{_QUOTED}")
"""What is added to the texts of odd issues, in turn."""

# Nobody has worked for so long, but Jira keeps these times as a Java long: the largest of those, and the first whole
# number that a double cannot tell from its neighbour. Then what is lost where decimals become text or integers.
NUMBERS = {
    "timeoriginalestimate": 2**53 + 1,
    "aggregatetimeoriginalestimate": 2**63 - 1,
    custom_id(0): 10**12 + 0.125,
    custom_id(20): 0.1,
    custom_id(40): -1e17,
}


def is_odd(issue: Issue) -> bool:
    """Whether the issue is one of the odd ones."""
    return issue.row % EVERY == _PLACE


def oddly(printed: dict[str, Any], issue: Issue) -> dict[str, Any]:
    """An odd issue's fields: those of them that were asked for, with what is odd in its place."""
    text = TEXTS[issue.row // EVERY % len(TEXTS)]
    texts: dict[str, Any] = {
        name: f"{printed[name]} {text}"
        for name in ("summary", "description", "environment")
        if isinstance(printed.get(name), str)
    }
    return {**printed, **texts, **{name: number for name, number in NUMBERS.items() if name in printed}}
