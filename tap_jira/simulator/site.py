"""What every simulated site is to its callers, whichever Jira it plays."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tap_jira.simulator.world import World
from tap_jira.wire import Request, Response

AfterRequest = Callable[[Request, Response], None]


class BaseSite(ABC):
    """A site that takes one request at a time; ``answer`` may be called from several threads."""

    def __init__(self, world: World, *, base_url: str, after_request: AfterRequest | None = None) -> None:
        self.world, self.after_request = world, after_request
        self._lock = threading.RLock()
        self._requests = 0
        self._called(base_url)

    def _called(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.context = urlsplit(self.base_url).path

    def answer(self, request: Request) -> Response:
        """What the site answers, and whatever happens to the world after that."""
        with self._lock:
            self._requests += 1
            response = self._answer(request)
            if self.after_request is not None:
                self.after_request(request, response)
            return response

    send = answer

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While this lasts no request is answered, so the world may be changed from outside."""
        with self._lock:
            yield

    @abstractmethod
    def _answer(self, request: Request) -> Response: ...


def number_of(asked: dict[str, str], name: str, default: int) -> int:
    """The parameter as a number; the default if it is missing or is none."""
    text = asked.get(name, "")
    return int(text) if text.isdigit() and text.isascii() else default
