"""The command ``tap-jira authorize``: get an OAuth 1.0a token that a person allows, for the configuration."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_jira.errors import AuthError, OutputError
from tap_jira.machine import Machine, Session, json_object, session, text, this_machine

if TYPE_CHECKING:
    from tap_jira.oauth1 import Dance, Token

WAIT_SECONDS = 600
"""How long a browser may take to come back: as long as Jira keeps a request token."""
OPEN = "Open this address in a browser{}, log in to Jira as the account that shall read, and choose Allow:\n\n  {}\n\n"


def run(arguments: list[str], machine: Machine | None) -> int:
    """Get a token, save it, say whose it is, and return the exit code."""
    options = _parser().parse_args(arguments)
    machine = machine or this_machine()
    path = Path(options.config)
    with session(options.config, machine, authorizing=True) as opened:
        # Before a person is asked: a file that cannot be replaced by itself will not take a token either.
        _replace(path, path.read_bytes(), machine)
        _authorize(path, options.callback, opened, machine)
    return 0


def _authorize(path: Path, port: int | None, opened: Session, machine: Machine) -> None:
    from tap_jira import site, workers
    from tap_jira.config import ENVIRONMENT_PREFIX
    from tap_jira.oauth1 import Dance

    dance = Dance(opened.config, opened.client, partial(machine.transport, opened.config), opened.redactor)
    token = _by_code(dance, opened, machine) if port is None else _by_callback(dance, port, opened, machine)
    account, me = workers.call(opened.pool, lambda: site.whoami(dance.client_with(token)))
    machine.tell(f"Jira lets the tap in as {_named(account, me)}{_until(token)}.\n")
    values = {"oauth_token": token.key, "oauth_token_secret": token.secret}
    before = json_object(str(path))
    _save(path, values, machine)
    replaced = ", in the place of those that it had" if any(before.get(name) for name in values) else ""
    machine.tell(f"{path} has oauth_token and oauth_token_secret now{replaced}.\n")
    for name in (ENVIRONMENT_PREFIX + name.upper() for name in values):
        if machine.environment.get(name, "").strip():
            machine.tell(f"But {name} is set in the environment, which wins over the file: remove it there.\n")
    machine.tell(f"Next: tap-jira --config {path} --discover > catalog.json\n")


def _by_code(dance: Dance, opened: Session, machine: Machine) -> Token:
    """The token by way of a code that Jira shows and a person types."""
    from tap_jira import workers
    from tap_jira.oauth1 import OUT_OF_BAND

    request_token, address = workers.call(opened.pool, lambda: dance.begin(OUT_OF_BAND))
    machine.tell(OPEN.format("", address))
    machine.tell("Jira then shows a verification code. Type it here, and press Enter:\n")
    # Not in the main thread, which a signal could not free from waiting for a line.
    code = workers.call(opened.pool, lambda: _typed(machine))
    return workers.call(opened.pool, lambda: dance.finish(request_token, code))


def _typed(machine: Machine) -> str:
    while line := machine.answer():
        # Jira's page puts it between quotation marks.
        if code := line.strip(" \t\r\n'\""):
            return code
    raise AuthError("no verification code came on stdin; run tap-jira authorize again, and type or pipe it there")


def _by_callback(dance: Dance, port: int, opened: Session, machine: Machine) -> Token:
    """The token by way of a browser on this machine that Jira sends back to us."""
    from tap_jira import workers
    from tap_jira.callback import Callback

    with Callback(port) as callback:
        request_token, address = workers.call(opened.pool, lambda: dance.begin(callback.address))
        machine.tell(OPEN.format(" on this machine", address))
        machine.tell(f"Waiting for it to come back to {callback.address} ({WAIT_SECONDS // 60} minutes at most).\n")
        verifier = workers.call(opened.pool, lambda: callback.verifier(request_token.key, opened.pool, WAIT_SECONDS))
    if verifier is None:
        raise AuthError(
            f"no browser came back within {WAIT_SECONDS // 60} minutes; run tap-jira authorize again, without "
            "--callback if the browser runs on another machine"
        )
    return workers.call(opened.pool, lambda: dance.finish(request_token, verifier))


def _save(path: Path, values: Mapping[str, str], machine: Machine) -> None:
    """Put these values into the configuration file as it is by now, and leave the rest in its place."""
    before = text(str(path), "--config")
    indent = re.match(r"\s*\{\s*\n([ \t]+)", before)
    merged = {**json_object(str(path)), **values}
    after = json.dumps(merged, indent=indent[1] if indent else 2, ensure_ascii=before.isascii())
    _replace(path, f"{after}\n".encode(), machine)


def _replace(path: Path, data: bytes, machine: Machine) -> None:
    """Put ``data`` in the place of the file; OutputError if that cannot be, and it is as it was."""
    from tap_jira import files

    try:
        narrowed = files.replace(path, data)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be replaced ({error.strerror}) and is as it was; see to that file and to its folder, and "
            "run tap-jira authorize again"
        ) from error
    if narrowed:
        machine.tell(f"{path} could be read by others; it is for its owner alone now (mode 0600).\n")


def _named(account: str, me: Mapping[str, Any]) -> str:
    shown = "".join(sign for sign in str(me.get("displayName") or "") if sign.isprintable())
    return f"{shown} ({account})" if shown else account


def _until(token: Token) -> str:
    from tap_jira.dates import number_to_utc

    end = number_to_utc(token.ends) if token.ends else None
    return f" until {end[:10]}" if end else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira authorize",
        description="Get an access token for OAuth 1.0a from a Jira Data Center or Server: prints an address to open "
        "in a browser, where you log in as the account that shall read and choose Allow, and takes the code that Jira "
        "shows there. Needs base_url, oauth_consumer_key and oauth_private_key_file (or oauth_private_key) in the "
        "configuration, and puts oauth_token and oauth_token_secret there.",
        epilog="tap-jira keygen makes the key and tells what to fill in in Jira. The code may be piped into stdin.",
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", required=True, help="configuration, JSON; the token is written into it"
    )
    parser.add_argument(
        "--callback",
        metavar="PORT",
        nargs="?",
        const=0,
        type=_port,
        help="instead of asking for a code, wait on 127.0.0.1 for the browser to come back, at this port or any that "
        "is free; the browser must run on this machine, or reach the port by ssh -L PORT:127.0.0.1:PORT",
    )
    return parser


def _port(given: str) -> int:
    if not (given.isascii() and given.isdigit() and int(given) <= 65_535):
        raise argparse.ArgumentTypeError(f"{given} is no number from 0 to 65535")
    return int(given)
