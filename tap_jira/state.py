"""Read bookmarks from a state in any of the forms that orchestrators pass, and move them on."""

from __future__ import annotations

import copy
from typing import Any

from tap_jira import jsontext
from tap_jira.dates import format_millis, to_millis
from tap_jira.errors import ConfigError

# Tools store the state bare, or wrapped as in a STATE message, or under Meltano's name for it.
WRAPPERS = ("value", "singer_state")
OURS, THEIRS = ("jira_issues", "updated_at"), ("issues", "updated")
"""The stream and the bookmark of issues, here and in tap-jira by singer-io, whose users may come with its state."""


class State:
    """The state of one run: whatever was read, with our bookmarks moved on; parts that are not ours are kept."""

    def __init__(self, value: dict[str, Any] | None = None) -> None:
        self._value: dict[str, Any] = copy.deepcopy(value) if value else {}
        self._value.setdefault("bookmarks", {})

    @property
    def value(self) -> dict[str, Any]:
        """The state as it goes into a STATE message."""
        return self._value

    def bookmark(self, stream: str) -> dict[str, Any]:
        """What is kept for a stream; empty if nothing is."""
        kept = self._value["bookmarks"].get(stream)
        return kept if isinstance(kept, dict) else {}

    def seconds(self, stream: str, key: str) -> int | None:
        """A stream's bookmark in epoch seconds, rounded down; None if there is none; ConfigError if it is no time."""
        kept = self.bookmark(stream).get(key)
        if kept is None:
            return None
        millis = to_millis(kept)
        if millis is None:
            raise ConfigError(
                f"state: the bookmark {stream}.{key} is no date-time; correct it, or remove it to read everything again"
            )
        return millis // 1000

    def keep(self, stream: str, **values: Any) -> None:
        """Put ``values`` into a stream's bookmark; None removes one."""
        kept = {**self.bookmark(stream), **values}
        self._value["bookmarks"][stream] = {name: value for name, value in kept.items() if value is not None}

    def advance(self, stream: str, key: str, seconds: int) -> bool:
        """Set a bookmark (epoch seconds) unless it stands there or further on; whether it has moved."""
        before = self.seconds(stream, key)
        if before is not None and before >= seconds:
            return False
        self.keep(stream, **{key: format_millis(seconds * 1000)})
        return True

    def take_over(self) -> str:
        """Let a bookmark of tap-jira by singer-io become ours; what to tell of it, '' if there is none.

        An offset that it left in the midst of a run counts from its bookmark, so nothing before that is missing.
        """
        stream, key = THEIRS
        seconds = None if OURS[0] in self._value["bookmarks"] else self.seconds(stream, key)
        if seconds is None:
            return ""
        del self._value["bookmarks"][stream]
        others = ", ".join(sorted(self._value["bookmarks"]))
        self.advance(*OURS, seconds)
        return (
            f"the state is one of tap-jira by singer-io: its {stream}.{key} is taken over as {OURS[0]}.{OURS[1]}, "
            f"{self.bookmark(OURS[0])[OURS[1]]}" + (f"; what it says of {others} is not used" if others else "")
        )

    def syncing(self, stream: str | None) -> None:
        """Name the stream being read, by convention, or none."""
        self._value.pop("currently_syncing", None)
        if stream:
            self._value["currently_syncing"] = stream


def parse(text: str, name: str) -> State:
    """The state in a file's text; empty, ``null`` and ``{}`` are a first run; ConfigError if it is anything else."""
    if not text.strip():
        return State()
    try:
        value = jsontext.parse(text)
    except ValueError as error:
        raise ConfigError(
            f"state file {name} is not JSON ({error}); a run may have been cut off while it was written: restore the "
            "last whole state, or start with an empty file to read everything again"
        ) from None
    for wrapper in WRAPPERS:
        if (
            isinstance(value, dict)
            and "bookmarks" not in value
            and isinstance(value.get(wrapper), (dict, type(None)))
            and wrapper in value
        ):
            value = value[wrapper]
    if value is None:
        return State()
    if not isinstance(value, dict) or not isinstance(value.get("bookmarks", {}), dict):
        raise ConfigError(f"state file {name} holds no Singer state; it must be an object with bookmarks, such as {{}}")
    return State(value)
