"""Get an OAuth 1.0a access token: ask Jira for a request token, let a person allow it in a browser, exchange it.

Usage: python get_access_token.py config.json, where config.json holds base_url, oauth_consumer_key and
oauth_private_key_file. Prints the two keys that are still missing there. Runs in the environment of the tap.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from requests_oauthlib import OAuth1Session


def main(config_file: str) -> None:
    config = json.loads(Path(config_file).read_text())
    session = OAuth1Session(
        config["oauth_consumer_key"],
        signature_method="RSA-SHA1",
        rsa_key=Path(config["oauth_private_key_file"]).expanduser().read_text(),
        callback_uri="oob",  # no address to come back to: Jira shows a code instead
    )
    servlet = config["base_url"].rstrip("/") + "/plugins/servlet/oauth"
    session.fetch_request_token(f"{servlet}/request-token")
    print("Log in to Jira as the account that shall read, open this address and choose Allow:", file=sys.stderr)
    print(session.authorization_url(f"{servlet}/authorize"), file=sys.stderr)
    print("Verification code: ", end="", file=sys.stderr, flush=True)
    token = session.fetch_access_token(f"{servlet}/access-token", verifier=sys.stdin.readline().strip())
    print(json.dumps({name: token[name] for name in ("oauth_token", "oauth_token_secret")}, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
