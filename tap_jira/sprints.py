"""Read the sprints that Server and Data Center print as Java objects into what Cloud gives for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_PRINTED = re.compile(r"com\.atlassian\.greenhopper\.service\.sprint\.Sprint@\w+\[(.*)\]\s*", re.ASCII | re.DOTALL)
_MEMBER = re.compile(r"(?:^|,)([A-Za-z]+)=")
_TEXT = re.compile("")
_WORD = re.compile(r"(?:<null>|\w+)(?=,|\Z)")
_NUMBER = re.compile(r"(?:<null>|-?\d{1,18})(?=,|\Z)", re.ASCII)
_DATE = re.compile(r"[^,]*")
_LOOKS = {
    "name": _TEXT,
    "goal": _TEXT,
    "id": _NUMBER,
    "rapidViewId": _NUMBER,
    "sequence": _NUMBER,
    "incompleteIssuesDestinationId": _NUMBER,
    "state": _WORD,
    "closed": _WORD,
    "autoStartStop": _WORD,
    "synced": _WORD,
    "startDate": _DATE,
    "endDate": _DATE,
    "completeDate": _DATE,
    "activatedDate": _DATE,
}
"""What is printed, in an order that has changed from version to version, and how the value of each begins."""
_AS_ON_CLOUD = {"rapidViewId": "boardId"}
_UNSAID = frozenset({"incompleteIssuesDestinationId", "closed", "autoStartStop", "synced"})
"""What Cloud does not tell of a sprint."""


def parse(text: str) -> Mapping[str, Any] | None:
    """The sprint in a text as Cloud gives it, with the names of its columns; None if the text is no printed sprint.

    Nothing is escaped in such a text. So a name or a goal ends where a member begins that was not there before and
    looks as it should; all else (commas, brackets, equals signs, lines) is part of it.
    """
    printed = _PRINTED.fullmatch(text)
    return _sprint(printed[1]) if printed else None


@lru_cache(maxsize=1024)  # A sprint has many issues, and each prints it.
def _sprint(body: str) -> Mapping[str, Any] | None:
    found: dict[str, tuple[int, int]] = {}
    for member in _MEMBER.finditer(body):
        name = member[1]
        if name in _LOOKS and name not in found and _LOOKS[name].match(body, member.end()):
            found[name] = member.span()
    ends = [*(start for start, _ in found.values()), len(body)][1:]
    values = zip(found.items(), ends, strict=False)
    sprint = {_AS_ON_CLOUD.get(name, name): _value(name, body[at:end]) for (name, (_, at)), end in values}
    return {name: value for name, value in sprint.items() if name not in _UNSAID} or None


def _value(name: str, text: str) -> Any:
    if _LOOKS[name] is _TEXT:
        return None if text == "<null>" else text
    # What follows a comma here belongs to a member that is not known.
    plain = text.partition(",")[0]
    if plain in ("", "<null>"):
        return None
    if _LOOKS[name] is _NUMBER:
        return int(plain)
    return plain.lower() if name == "state" else plain
