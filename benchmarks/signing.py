"""Print, as JSON, the CPU milliseconds that one OAuth 1.0a signature costs: with this tap's signer and without.

``requests_oauthlib`` parses the PEM text of the key anew for each request; the tap's signer parses it once. It runs in
the environment of this tap.
"""

from __future__ import annotations

import json
import statistics
import time

import requests
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from tap_jira import auth, config
from tap_jira.simulator import demo_credentials

TIMES = 100
URL = "https://jira.example.com/rest/api/2/search?jql=updated%20%3E%3D%200&startAt=0&maxResults=1000&fields=*all"


def main() -> None:
    values = demo_credentials().oauth
    plain = OAuth1(
        values["oauth_consumer_key"],
        resource_owner_key=values["oauth_token"],
        resource_owner_secret=values["oauth_token_secret"],
        rsa_key=values["oauth_private_key"],
        signature_method="RSA-SHA1",
    )
    ours = auth.signer(config.load(values, {}, print))
    print(json.dumps({"this tap": milliseconds(ours), "requests_oauthlib": milliseconds(plain)}))


def milliseconds(signer: AuthBase) -> float:
    """The median of what it takes to sign a request."""
    taken = []
    for _ in range(TIMES):
        request = requests.Request("GET", URL).prepare()
        begun = time.process_time()
        signer(request)
        taken.append(time.process_time() - begun)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
