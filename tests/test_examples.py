"""The examples without a file of tests of their own do what they say."""

from __future__ import annotations

import io
import json
import runpy
from pathlib import Path
from urllib.parse import parse_qs

import oauthlib.oauth1.rfc5849.signature as signatures
import pytest
import requests
import responses
from oauthlib.common import Request as SignedRequest

from tap_jira.simulator.credentials import key_pair

EXAMPLES = Path(__file__).parent.parent / "examples"
BASE = "https://jira.example.com/jira"


@responses.activate
def test_access_token_dance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script signs both requests with the private key, shows where to allow access, and prints the token."""
    private, public = key_pair()
    (tmp_path / "jira.pem").write_text(private)
    config = {"base_url": BASE, "oauth_consumer_key": "tap", "oauth_private_key_file": str(tmp_path / "jira.pem")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    servlet = f"{BASE}/plugins/servlet/oauth"
    temporary = "oauth_token=temporary&oauth_token_secret=one&oauth_callback_confirmed=true"
    responses.post(f"{servlet}/request-token", body=temporary)
    responses.post(
        f"{servlet}/access-token", body="oauth_token=lasting&oauth_token_secret=two&oauth_expires_in=157680000"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("the-code\n"))

    runpy.run_path(str(EXAMPLES / "get_access_token.py"))["main"](str(tmp_path / "config.json"))

    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"oauth_token": "lasting", "oauth_token_secret": "two"}
    assert f"{servlet}/authorize?oauth_token=temporary" in printed.err
    first, second = (_signed(call.request, public) for call in responses.calls)
    assert (first["oauth_callback"], first["oauth_consumer_key"]) == ("oob", "tap")
    assert (second["oauth_token"], second["oauth_verifier"]) == ("temporary", "the-code")


def _signed(request: requests.PreparedRequest, public_key: str) -> dict[str, str]:
    """The OAuth parameters of a request whose signature the public key verifies."""
    header = request.headers["Authorization"]
    text = header.decode() if isinstance(header, bytes) else header
    parameters = dict(signatures.collect_parameters(headers={"Authorization": text}, exclude_oauth_signature=False))
    signed = SignedRequest(str(request.url), "POST")
    signed.params = [(name, value) for name, value in parameters.items() if name != "oauth_signature"]
    signed.signature = parameters["oauth_signature"]
    assert parameters["oauth_signature_method"] == "RSA-SHA1"
    assert signatures.verify_rsa_sha1(signed, public_key)
    assert not parse_qs(str(request.body or ""))
    return parameters
