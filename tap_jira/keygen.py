"""The command ``tap-jira keygen``: make an RSA key for an application link, and say what to do with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tap_jira.errors import ConfigError, OutputError
from tap_jira.machine import Machine, this_machine

GUIDE = """
The private key is in {path}, for you alone. The public key is the text on stdout.

Somebody who administers Jira makes the link: Administration (the cog), Applications, Application links.
  Older dialog          Enter any address, such as https://tap-jira.example.com, and Create new link. Jira says that it
                        got no response from there: Continue. Application Name: {name}. Tick Create incoming link,
                        and Continue.
  Jira 8.22 and later,  Create link, and choose Atlassian product, although the tap is none (External application is
  10 and 11             OAuth 2.0). Enter any address, and go on as in the older dialog.
  The link is there     Its pencil (Edit), Incoming Authentication.

Then these fields:
  Consumer Key          {key}
  Consumer Name         {name}
  Public Key            the text on stdout, with its BEGIN and END lines
  Consumer Callback URL leave it empty
  Allow 2-Legged OAuth  leave it off

Put these three keys into config.json, with the address of your Jira:
  {{
    "base_url": "https://jira.example.com",
    "oauth_consumer_key": {json_key},
    "oauth_private_key_file": {json_path}
  }}

And then get the token: tap-jira authorize --config config.json
"""


def run(arguments: list[str], machine: Machine | None) -> int:
    """Make the key, print its public half, and return the exit code."""
    options = _parser().parse_args(arguments)
    # cryptography takes a while to import, and --help needs it not.
    from tap_jira import files
    from tap_jira.auth import new_key_pair
    from tap_jira.messages import write_whole

    machine = machine or this_machine()
    path = Path(options.out)
    private, public = new_key_pair(options.bits)
    try:
        files.create(path, private)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists, and a key is never overwritten; choose another name, or see its public key with "
            f"openssl rsa -in {path} -pubout"
        ) from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; no key was made") from None
    try:
        write_whole(machine.out, public)
    except OutputError as error:
        raise type(error)(
            f"the public key could not be printed; the key is made, see it with openssl rsa -in {path} -pubout"
        ) from error
    machine.tell(_guide(options.consumer_key, path.absolute()))
    return 0


def _guide(key: str, path: Path) -> str:
    return GUIDE.format(path=path, key=key, name=key, json_key=json.dumps(key), json_path=json.dumps(str(path)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira keygen",
        description="Make an RSA key pair for OAuth 1.0a with an application link of Jira Data Center or Server. The "
        "private key goes into a file that only you can read, the public key to stdout, and what to fill in where in "
        "Jira to stderr.",
        epilog="Next: make the link in Jira, write the configuration, and run tap-jira authorize --config config.json.",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="where the private key goes; never overwritten")
    parser.add_argument(
        "--bits", type=int, choices=(2048, 3072, 4096), default=2048, help="size of the key (default: %(default)s)"
    )
    parser.add_argument(
        "--consumer-key",
        metavar="KEY",
        type=_consumer_key,
        default="tap-jira",
        help="the name by which Jira shall know the link (default: %(default)s)",
    )
    return parser


def _consumer_key(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("must be a name such as tap-jira")
    return text.strip()
