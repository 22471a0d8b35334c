"""A machine for the tap without network or waiting: virtual time, requests done in place, a simulated Jira."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, BinaryIO

import requests
from requests.auth import AuthBase

from tap_jira import cli
from tap_jira.client import Client, Sends
from tap_jira.errors import InterruptedByError
from tap_jira.machine import Machine
from tap_jira.pace import Gate
from tap_jira.retry import Retry
from tap_jira.wire import Headers, NetworkError, Request, Response

START = 1_700_000_000.0
BASE = "https://jira.example.com"
CLOUD = "https://example.atlassian.net"
LOG_TIME = re.compile(r"(?m)^([A-Z]+) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")


class Time:
    """Time that moves only when somebody waits or turns it."""

    def __init__(self, start: float = START) -> None:
        self.seconds = start

    def __call__(self) -> float:
        return self.seconds


class Inline:
    """A pool that does each call in the caller's thread, in the order of submission or in one that a seed settles."""

    def __init__(self, time: Time, random: Random | None = None, skew: float = 0.0) -> None:
        self._time, self._random, self._skew = time, random, skew
        self._pending: list[tuple[Any, Callable[[], Any]]] = []
        self._signal: int | None = None
        self.waits: list[float] = []

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        self._pending.append((tag, call))

    def next(self, tick: Callable[[], None]) -> tuple[Any, Any]:
        self._check_signal()
        place = self._random.randrange(len(self._pending)) if self._random else 0
        tag, call = self._pending.pop(place)
        result = call()
        self._check_signal()
        return tag, result

    def poll(self) -> tuple[Any, Any] | None:
        self._check_signal()
        has_come = self._pending and self._random and self._random.random() < 0.5
        return self.next(lambda: None) if has_come else None

    def together(self, calls: Sequence[Callable[[], Any]], most: int) -> list[Any]:
        order = self._random.sample(range(len(calls)), len(calls)) if self._random else range(len(calls))
        results = {place: calls[place]() for place in order}
        return [results[place] for place in range(len(calls))]

    def interrupt(self, signal_number: int) -> None:
        self._signal = signal_number

    def forget(self) -> None:
        self._pending.clear()

    def close(self) -> None:
        self.forget()

    def now(self) -> float:
        return self._time.seconds + self._skew

    def monotonic(self) -> float:
        return self._time.seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._time.seconds += seconds

    def _check_signal(self) -> None:
        if self._signal is not None:
            raise InterruptedByError(self._signal)


def in_turn(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of calls that are made one after the other."""
    return [call() for call in calls]


class InProcess:
    """The network between the tap and a simulated site: signs as over HTTP, takes ``seconds`` for each request."""

    def __init__(self, site: Sends, auth: AuthBase, time: Time, seconds: float = 0.0) -> None:
        self._site, self._auth, self._time, self._seconds = site, auth, time, seconds

    def send(self, request: Request) -> Response:
        self._time.seconds += self._seconds
        auth = self._auth if request.signed else (lambda unsigned: unsigned)
        prepared = requests.Request(request.method, request.url, dict(request.headers), auth=auth).prepare()
        headers = Headers({name: _native(value) for name, value in prepared.headers.items()})
        response = self._site.send(Request(request.method, _native(prepared.url), headers, request.body))
        return replace(response, packed=gzip.compress(response.body, 1))


class Scripted:
    """Gives the answers of a list in turn, the last one for ever, and remembers what was asked."""

    def __init__(self, *answers: Response | NetworkError) -> None:
        self._answers = list(answers)
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, NetworkError):
            raise answer
        return answer


def client_of(sender: Sends, clock: Inline, most: int = 4) -> Client:
    """A client as the command line builds it, without chance in its waits."""
    return Client(sender, Retry(clock, Gate(clock, most), jitter=lambda seconds: seconds), BASE)


def _native(text: Any) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else str(text)


class Person:
    """Whoever sits at the terminal: reads what is told there, and has nothing to say."""

    def __init__(self) -> None:
        self.told = ""

    def tell(self, text: str) -> None:
        self.told += text

    def answer(self) -> str:
        return ""


@dataclass
class Outcome:
    """What a run left behind: exit code, stdout, waits, the log without its times, and what a person was told."""

    code: int
    output: bytes
    waits: list[float] = field(default_factory=list)
    log: str = ""
    told: str = ""

    def logged(self, level: str) -> list[str]:
        """The lines of the log that begin with this level."""
        return [line for line in self.log.splitlines() if line.startswith(level)]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines()]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of_type("RECORD") if message["stream"] == stream]

    @property
    def state(self) -> dict[str, Any]:
        """The value of the last STATE."""
        value: dict[str, Any] = self.of_type("STATE")[-1]["value"]
        return value


def run_tap(
    argv: list[str],
    site: Sends,
    time: Time,
    *,
    environment: Mapping[str, str] | None = None,
    out: BinaryIO | None = None,
    random: Random | None = None,
    seconds_a_request: float = 0.0,
    person: Person | None = None,
    stderr: io.StringIO | None = None,
) -> Outcome:
    """Run the command in this process against ``site``."""
    output = io.BytesIO()
    pool, person = Inline(time, random), person or Person()
    machine = Machine(
        out=out or output,
        environment=environment or {},
        pool=lambda count: pool,
        transport=lambda config, auth: InProcess(site, auth, time, seconds_a_request),
        tell=person.tell,
        answer=person.answer,
    )
    log = stderr or io.StringIO()
    with contextlib.redirect_stderr(log):
        code = cli.main(argv, machine)
    sys.stderr.write(log.getvalue())
    return Outcome(code, output.getvalue(), pool.waits, LOG_TIME.sub(r"\1 ", log.getvalue()), person.told)
