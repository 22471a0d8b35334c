"""A PostgreSQL server of our own for a while: in a temporary folder, on the loopback address, gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER = "jira"
_SECONDS_TO_START = 30


class Server:
    """A running server; every query is made by psql."""

    def __init__(self, programs: Path, port: int, password: str) -> None:
        self.port, self.password = port, password
        self._psql = programs / "psql"

    @property
    def version(self) -> str:
        """Such as PostgreSQL 15.18."""
        return " ".join(self.run("postgres", "SELECT version()").split()[:2])

    def create(self, database: str) -> None:
        """Make a database, in place of one of the same name."""
        self.run("postgres", f'DROP DATABASE IF EXISTS "{database}"')
        self.run("postgres", f'CREATE DATABASE "{database}"')

    def rows(self, database: str, sql: str) -> list[list[Any]]:
        """What a SELECT finds, through JSON, so that null, text and number are told apart."""
        # The rows as arrays: names of columns do not matter, and may be too many to be told apart.
        asked = f"SELECT coalesce(json_agg(to_json(r)), '[]') FROM ({sql}) r"
        return [list(row.values()) for row in json.loads(self.run(database, asked))]

    def run(self, database: str, sql: str) -> str:
        """What psql prints; CalledProcessError, with what it said, if it fails."""
        argv: list[str | Path] = [
            self._psql,
            "--no-psqlrc",
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        password = {"PGPASSWORD": self.password, "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(
            [*argv, "-U", USER, "-d", database, "-f", "-"],
            input=sql.encode(),
            env={**os.environ, **password},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"psql: {done.stderr.decode().strip()}")
        return done.stdout.decode()


def programs() -> Path:
    """The folder of initdb and postgres, the newest where there are several; LookupError if there is none."""
    # Debian keeps them off the PATH, in a folder for each version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    elsewhere = shutil.which("initdb")
    if not found and not elsewhere:
        raise LookupError("the server programs of PostgreSQL are not installed (Debian: apt-get install postgresql)")
    return (found[-1] if found else Path(elsewhere or "").resolve()).parent


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server that knows one user with a password of its own; RuntimeError if it does not start."""
    where, password, port = programs(), secrets.token_hex(16), _free_port()
    folder = Path(tempfile.mkdtemp(prefix="targets-"))
    account = _account()
    try:
        (folder / "password").write_text(password)
        if account:
            for path in (folder, folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        _initialise(where, folder, account)
        with _running(where, folder, port, account):
            running = Server(where, port, password)
            _wait(running, folder)
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(where: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    argv: list[str | Path] = [
        where / "initdb",
        "-D",
        folder / "data",
        "-U",
        USER,
        "--auth=scram-sha-256",
        "--pwfile",
        folder / "password",
    ]
    argv += ["--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, **_as(account))
    if done.returncode:
        raise RuntimeError(f"initdb: {done.stderr.strip()}")


@contextlib.contextmanager
def _running(where: Path, folder: Path, port: int, account: pwd.struct_passwd | None) -> Iterator[None]:
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
    # Not UTC: whoever takes a time for one of the session's zone is found out.
    settings += ["timezone=America/New_York"]
    argv: list[str | Path] = [
        where / "postgres",
        "-D",
        folder / "data",
        *(part for setting in settings for part in ("-c", setting)),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, **_as(account))
    try:
        yield
    finally:
        # SIGINT ends the sessions, then the server.
        process.send_signal(2)
        process.wait(timeout=30)


def _wait(running: Server, folder: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            running.run("postgres", "SELECT 1")
            return
        except RuntimeError as error:
            if time.monotonic() > end:
                raise RuntimeError(f"the server did not start: {(folder / 'log').read_text()[-2000:]}") from error
            time.sleep(0.1)


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as if we are root, whom it refuses to serve."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def _free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])
