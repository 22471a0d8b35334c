"""The handles of a served simulation, under /simulate: change issues, stop the churn, tell its traffic, list issues."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from urllib.parse import parse_qs, urlsplit

from tap_jira.simulator.site import BaseSite
from tap_jira.wire import Request, Response


class Control:
    """Answers the requests that are for the simulation and not for the site, and counts the others."""

    def __init__(self, site: BaseSite) -> None:
        self._site, self._random = site, Random(site.world.seed)
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self._bytes = 0

    def answer(self, request: Request) -> Response | None:
        """What the handle answers; None if the request is for the site."""
        parts = urlsplit(request.url)
        if not _is_ours(parts.path):
            with self._lock:
                self.counts[parts.path] += 1
            return None
        count = int(parse_qs(parts.query).get("count", ["1"])[0])
        with self._site.paused():
            return self._handle(request.method, parts.path.removeprefix("/simulate/"), count)

    def sent(self, path: str, count: int) -> None:
        """Count the bytes of a body on its way out, unless a handle has answered."""
        if not _is_ours(path):
            with self._lock:
                self._bytes += count

    def _handle(self, method: str, name: str, count: int) -> Response:
        world = self._site.world
        if method == "GET" and name == "stats":
            return Response.of_json({"issues": len(world), "requests": dict(self.counts), "bytes": self._bytes})
        if method == "GET" and name == "issues":
            return Response.of_json([[issue.id, issue.updated] for issue in world.issues()])
        if method == "POST" and name == "quiet":
            self._site.after_request = None
            return Response.of_json({"issues": len(world)})
        if method == "POST" and name == "create":
            return Response.of_json([world.create() for _ in range(count)])
        if method == "POST" and name in ("edit", "delete", "move"):
            chosen = world.some_ids(count, self._random)
            for issue_id in chosen:
                {"edit": world.edit, "delete": world.delete, "move": world.move}[name](issue_id)
            return Response.of_json(chosen)
        return Response.of_json({"message": "try POST edit, create, delete, move, quiet; GET stats, issues"}, 404)


def _is_ours(path: str) -> bool:
    return path.startswith("/simulate/")
