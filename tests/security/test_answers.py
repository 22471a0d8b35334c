"""Answers that are meant to exhaust the tap: each ends within bounds of bytes, of memory and of its clock."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections.abc import Iterator

import pytest

from tap_jira.transport import LONGEST_ANSWER_SECONDS
from tap_jira.wire import Request
from tests.test_transport import Answer, Handler, Host, ended, fault, transport

MB = 1024**2
ZEROS = bytes(16 * MB)


@pytest.fixture
def host() -> Iterator[Host]:
    it = Host()
    it._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # the tap hangs up on it
    yield it
    it.close()


def begin(it: Handler, **headers: str) -> None:
    it.close_connection = True
    it.send_response(200)
    for name, value in headers.items():
        it.send_header(name.replace("_", "-"), value)
    it.end_headers()


def endless(it: Handler) -> None:
    begin(it)
    while True:
        it.wfile.write(ZEROS)


def endless_chunks(it: Handler) -> None:
    begin(it, Transfer_Encoding="chunked")
    while True:
        it.wfile.write(b"100000\r\n%b\r\n" % ZEROS[:MB])


def endless_line_between_chunks(it: Handler) -> None:
    begin(it, Transfer_Encoding="chunked")
    while True:
        it.wfile.write(b"0" * MB)


def endless_trailers(it: Handler) -> None:
    begin(it, Transfer_Encoding="chunked")
    it.wfile.write(b"0\r\n")
    while True:
        it.wfile.write(b"X: y\r\n" * 10_000)


def endless_headers(it: Handler) -> None:
    it.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        it.wfile.write(b"X: %b\r\n" % (b"y" * 60_000))


def endless_hints(it: Handler) -> None:
    while True:
        it.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)


def bomb(it: Handler) -> None:
    body = gzip.compress(ZEROS) * 64
    it.say(body=body, Content_Encoding="gzip")


def nested_bomb(it: Handler) -> None:
    body = gzip.compress(gzip.compress(ZEROS) * 64)
    it.say(body=body, Content_Encoding="gzip, gzip")


def deflate_bomb(it: Handler) -> None:
    it.say(body=zlib.compress(ZEROS * 8), Content_Encoding="deflate")


def many_codings(it: Handler) -> None:
    it.say(body=b"{}", Content_Encoding=", ".join(["gzip"] * 1000))


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (endless, {"too_large"}),
        (endless_chunks, {"too_large"}),
        (endless_line_between_chunks, {"too_large", "reset"}),
        (endless_trailers, {"too_large"}),
        (endless_headers, {"too_large", "reset"}),
        (endless_hints, {"too_large"}),
        (bomb, {"too_large"}),
        (nested_bomb, {"too_large"}),
        (deflate_bomb, {"too_large"}),
        (many_codings, {"truncated", "request"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_answer_without_end(host: Host, answer: Answer, kinds: set[str]) -> None:
    """Whatever of an answer has no end, packed or not, is not read further than the limit, in little more memory."""
    host.on("/x", answer)
    program = (
        "import resource, sys\n"
        "from tests.test_transport import transport\n"
        "from tap_jira.wire import NetworkError, Request\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try:\n"
        "    transport(largest_body=16 * 1024**2).send(Request('GET', sys.argv[1]))\n"
        "except NetworkError as error:\n"
        "    print(error.kind, peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, f"{host.url}/x"], capture_output=True, text=True, check=True)

    kind, kilobytes = done.stdout.split()
    assert kind in kinds
    assert int(kilobytes) < 64 * 1024


class Clock:
    """A clock that goes on by ten minutes at each look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 600
        return self.seconds


def dripping_headers(it: Handler) -> None:
    it.close_connection = True
    it.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        it.wfile.write(b"y")


def dripping_body(it: Handler) -> None:
    begin(it)
    while True:
        it.wfile.write(b" ")


@pytest.mark.parametrize("answer", [dripping_headers, dripping_body, endless_hints])
def test_an_answer_that_drips(host: Host, answer: Answer) -> None:
    """An answer of which there is always a little more, so that no read times out, is given up by the clock."""
    host.on("/x", answer)
    clock = Clock()
    error = fault(f"{host.url}/x", monotonic=clock)

    assert (error.kind, error.detail) == ("timeout", f"the answer was not whole after {LONGEST_ANSWER_SECONDS + 5} s")
    assert clock.seconds <= LONGEST_ANSWER_SECONDS + 5 + 1200


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "5, 6"])
def test_a_length_that_is_none(host: Host, length: str) -> None:
    """A length that cannot be one is a fault, or the body ends with the connection."""

    def answer(it: Handler) -> None:
        begin(it, Content_Length=length)
        it.wfile.write(b"[1]")

    host.on("/x", answer)
    assert ended(f"{host.url}/x") in ("200", "reset", "request", "truncated")


def promised_more(it: Handler) -> None:
    it.say(body=b"[1]", length=10**15)
    it.close_connection = True


def test_a_length_that_is_too_long(host: Host) -> None:
    """A body of which more was promised than comes is never taken for whole."""
    host.on("/x", promised_more)

    assert fault(f"{host.url}/x").kind == "truncated"


def test_a_length_that_is_too_short(host: Host) -> None:
    """What comes behind the promised length is not taken for the next answer."""
    host.on("/x", lambda it: it.say(body=b"[1]HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[2]", length=3))
    host.on("/y", lambda it: it.say(body=b"[3]"))
    sender = transport()

    bodies = [sender.send(Request("GET", f"{host.url}/{path}")).body for path in ("x", "y", "x", "y")]
    assert bodies == [b"[1]", b"[3]", b"[1]", b"[3]"]
