"""Let the site live while it is read: some issues change after each page of search results."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

from tap_jira.simulator.world import World
from tap_jira.wire import Request, Response

_KINDS = ("edit", "create", "delete", "move", "bulk_edit")


class Churn:
    """Changes a share of all issues after each search, by a schedule that only the seed and the requests settle.

    ``weights`` say how often each kind of change is made, in the order edit, create, delete, move, bulk edit.
    """

    def __init__(
        self, world: World, *, share: float = 0.02, seed: int = 1, weights: tuple[float, ...] = (12, 2, 1, 1, 0.5)
    ) -> None:
        self._world, self._share, self._weights = world, share, weights
        self._random = Random(seed)
        self.changes = 0

    def __call__(self, request: Request, response: Response) -> None:
        """Make the changes that follow this request."""
        if response.status == 200 and urlsplit(request.url).path.endswith(("/search", "/search/jql")):
            self.change(self._world_share())

    def _world_share(self) -> int:
        expected = self._share * len(self._world)
        return int(expected) + (self._random.random() < expected % 1)

    def change(self, count: int) -> None:
        """Make this many changes now."""
        for kind in self._random.choices(_KINDS, self._weights, k=count):
            self.changes += 1
            if kind == "create":
                self._world.create()
                continue
            chosen = self._world.some_ids(5 if kind == "bulk_edit" else 1, self._random)
            if kind == "bulk_edit":
                self._world.bulk_edit(chosen)
            for issue_id in chosen if kind != "bulk_edit" else ():
                {"edit": self._world.edit, "delete": self._world.delete, "move": self._world.move}[kind](issue_id)
