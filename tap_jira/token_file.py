"""Keep OAuth 2.0 tokens between runs: in a file that one run at a time may change, and only as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tap_jira import files
from tap_jira.errors import ConfigError
from tap_jira.jsontext import parse

try:
    import fcntl
except ImportError:  # pragma: no cover  (not a POSIX system)
    fcntl = None  # type: ignore[assignment]

LOGGER = logging.getLogger(__name__)

RESERVE = 64 * 1024
"""Bytes written before a refresh token is spent, so that a full disk is found out while nothing is lost."""
UNUSED_SECONDS = 90 * 24 * 3600
"""A refresh token that nobody used for so long is dead (https://developer.atlassian.com/cloud/oauth/getting-started/
refresh-tokens/), and what is kept of it may go."""


@dataclass(frozen=True)
class Grant:
    """Tokens as they were given: ``given_at`` and ``renew_at`` are seconds since 1970 by this machine's clock."""

    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    given_at: float
    renew_at: float


Save = Callable[[Grant], None]


class TokenFile:
    """The grants that grew from refresh tokens of configurations, each found by the hash of that first token.

    So a configuration that comes with another refresh token, because somebody authorised again, starts anew, and two
    authorisations that share a file do not disturb each other.
    """

    def __init__(self, path: Path) -> None:
        # Through a link, so that what is replaced is the file it leads to and not the link.
        self._path = Path(os.path.realpath(path.expanduser()))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While inside, every other run that comes here waits; ConfigError if the folder cannot be used."""
        with self._told():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(
                self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600
            )
        try:
            with self._told():
                _lock(lock)
            yield
        finally:
            os.close(lock)

    def read(self, origin: str) -> Grant | None:
        """What has grown from the refresh token ``origin``; None if nothing is kept; ConfigError for a broken file."""
        kept = self._read().get(_hash(origin))
        return Grant(**kept) if kept is not None else None

    @contextlib.contextmanager
    def replacement(self, origin: str) -> Iterator[Save]:
        """How to save a grant, proved to work by then; what is not saved leaves the file as it was."""
        others = self._read()
        part = self._path.with_name(self._path.name + ".part")
        with self._told():
            # What lies there is left of a run that was killed, or somebody else holds it open to read along.
            part.unlink(missing_ok=True)
            file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with self._told():
                os.fchmod(file, 0o600)
                files.write(file, b" " * RESERVE)
            yield lambda grant: self._save(file, part, {**others, _hash(origin): asdict(grant)}, grant.given_at)
        finally:
            os.close(file)
            part.unlink(missing_ok=True)

    def _save(self, file: int, part: Path, grants: Mapping[str, Any], now: float) -> None:
        alive = {key: kept for key, kept in grants.items() if now - kept["given_at"] < UNUSED_SECONDS}
        try:
            files.write(file, json.dumps(alive, indent=1).encode())
            part.replace(self._path)
        except OSError as error:
            raise ConfigError(
                f"the new refresh token could not be saved in {self._path} ({error.strerror}); Atlassian takes the old "
                "one for another ten minutes: make room and run again by then, or authorise again"
            ) from error
        files.sync_folder(self._path)

    def _read(self) -> dict[str, dict[str, Any]]:
        with self._told():
            try:
                text = self._path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return {}
            except UnicodeDecodeError:
                raise self._broken() from None
        if not text.strip():
            return {}
        try:
            grants = parse(text)
        except ValueError:
            raise self._broken() from None
        if not isinstance(grants, dict) or not all(_is_grant(kept) for kept in grants.values()):
            raise self._broken()
        return grants

    def _broken(self) -> ConfigError:
        return ConfigError(
            f"token_file {self._path} is not as this tap writes it; restore it, or delete it, authorise again and put "
            "the new refresh_token into the configuration"
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say what to do where the file system refuses."""
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f"token_file {self._path} cannot be read and written ({error.strerror}), and each new refresh token "
                "must be kept there; set token_file to a path in a folder that this account may write, and that is "
                "still there at the next run"
            ) from error


def default_path(client_id: str, environment: Mapping[str, str]) -> Path:
    """Where tokens are kept if nobody says so: a file for each client in the user's folder for state (XDG).

    It is not one for each site: an authorisation may cover several, and two runs must not spend its token twice.
    """
    state, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    if not Path(state).is_absolute() and not home:
        raise ConfigError("no home folder is known in which to keep the refresh token; set token_file")
    folder = Path(state) if Path(state).is_absolute() else Path(home) / ".local" / "state"
    return folder / "tap-jira" / f"oauth-{_hash(client_id)[:16]}.json"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_grant(kept: Any) -> bool:
    return (
        isinstance(kept, dict)
        and kept.keys() == {"refresh_token", "access_token", "given_at", "renew_at"}
        and all(is_token(kept[name]) for name in ("refresh_token", "access_token"))
        and all(isinstance(kept[name], (int, float)) and abs(kept[name]) < 1e12 for name in ("given_at", "renew_at"))
    )


def is_token(value: object) -> bool:
    """Whether it can go into a header as it is."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value.strip())


def _lock(file: int) -> None:
    if fcntl is None:  # pragma: no cover
        LOGGER.warning("this system has no file locks: never let two runs use the same token_file at a time")
        return
    # Until the descriptor is closed, also by the end of the process.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        LOGGER.info("waiting for another run, which is renewing the OAuth 2.0 token")
        fcntl.flock(file, fcntl.LOCK_EX)
