"""A Jira that means harm: it answers as the simulated one does, but for a place or two in the JSON of its answers."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

from tap_jira.client import Sends
from tap_jira.wire import NetworkError, Request, Response

NESTED: Any = "nested"
for _ in range(350):
    NESTED = [NESTED]

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e300,
    2**31,
    2**63,
    -(10**400),
    float("nan"),
    float("inf"),
    "",
    "\x00",
    "\ud800",
    "a\n\x1b[2J\u2028b",
    "../../../secure/x?y=z#",
    '1) OR project = "X" OR id in (2',
    "9999-12-31T23:59:59.999+0000",
    "0001-01-01T00:00:00.000+2359",
    "1" * 4000,
    [],
    [None],
    [[]],
    {},
    {"id": []},
    {"": {"\x00": ["a"]}},
    {"total": -1, "maxResults": 10**30, "startAt": "x"},
    {str(n): n for n in range(300)},
    NESTED,
)


class Hostile:
    """Puts odd values into the answers of another Jira; ``share`` is how many of its answers are left as they are."""

    def __init__(self, inner: Sends, random: Random, share: float = 0.9, path: str = "") -> None:
        self._inner, self._random, self._share, self._path = inner, random, share, path
        self.asked = 0

    def send(self, request: Request) -> Response:
        self.asked += 1
        response = self._inner.send(request)
        if self._path not in request.url or self._random.random() < self._share:
            return response
        try:
            value = json.loads(response.body)
        except ValueError:
            return response
        for _ in range(self._random.randint(1, 3)):
            value = changed(value, self._random)
        return replace(response, body=json.dumps(value).encode())


def changed(value: Any, random: Random) -> Any:
    """``value`` with one part replaced, left out, doubled or added."""
    if not isinstance(value, (dict, list)) or not value or random.random() < 0.2:
        return random.choice(ODD)
    if isinstance(value, list):
        place = random.randrange(len(value))
        if random.random() < 0.2:
            return [*value, value[place]] if random.random() < 0.5 else [*value[:place], *value[place + 1 :]]
        return [*value[:place], changed(value[place], random), *value[place + 1 :]]
    name = random.choice(sorted(value))
    if random.random() < 0.2:
        return {other: part for other, part in value.items() if other != name}
    if random.random() < 0.1:
        return {**value, random.choice(["id", "total", "\x00", 'a"b', "x" * 300]): random.choice(ODD)}
    return {**value, name: changed(value[name], random)}


class Spoiled:
    """Gives one issue a description in JSON that the test has written, as often as somebody asks for descriptions."""

    def __init__(self, inner: Sends, issue_id: str, text: bytes) -> None:
        self._inner, self._id, self._text = inner, issue_id, text

    def send(self, request: Request) -> Response:
        response = self._inner.send(request)
        if b'"description"' not in response.body:
            return response
        value = json.loads(response.body)
        for issue in [value, *value.get("issues", ())] if isinstance(value, dict) else ():
            if issue.get("id") == self._id and "description" in issue.get("fields", ()):
                issue["fields"]["description"] = "in place of this"
        return replace(response, body=json.dumps(value).encode().replace(b'"in place of this"', self._text))


class Narrow:
    """A way to a Jira that lets no answer of more than so many bytes through; it notes the sizes of the others.

    With a ``path`` only answers to requests of that are meant.
    """

    def __init__(self, inner: Sends, most: int, path: str = "") -> None:
        self._inner, self._most, self._path = inner, most, path
        self.refused = 0
        self.sizes: list[int] = []

    def send(self, request: Request) -> Response:
        response = self._inner.send(request)
        if len(response.body) > self._most and self._path in request.url:
            self.refused += 1
            raise NetworkError("too_large", f"{self._most} bytes")
        self.sizes.append(len(response.body))
        return response
