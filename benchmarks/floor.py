"""The least that any tap of this kind does: fetch the issues page by page, and perhaps parse and print them.

    python floor.py CONFIG {fetch,dump} [--fields ...] [--expand ...] [--cloud]

One thread, one connection, no schema, no state, no retries, no order kept against changes. ``fetch`` throws each
answer away, ``dump`` parses it and writes every issue as a RECORD line. It runs in the environment of this tap, whose
libraries it uses.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import requests

OFFSET_PAGE = 1000
TOKEN_PAGE = 100
ORDER = "ORDER BY updated ASC, key ASC"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("what", choices=("fetch", "dump"))
    parser.add_argument("--fields", default="*all")
    parser.add_argument("--expand", default="")
    parser.add_argument("--cloud", action="store_true")
    options = parser.parse_args()
    config = json.loads(options.config.read_text())
    session = requests.Session()
    session.auth = (config.get("username") or config["email"], config.get("password") or config["api_token"])
    # Bundles and proxies that the environment names would come before this one.
    session.trust_env, session.verify = False, config["ca_bundle"]
    asked = {"fields": options.fields, **({"expand": options.expand} if options.expand else {})}
    pages = (token_pages if options.cloud else offset_pages)(session, config["base_url"], asked)
    for body in pages:
        if options.what == "dump":
            dump(body)


def dump(body: bytes) -> None:
    """Write each issue of a page as a RECORD line."""
    out = sys.stdout.buffer
    for issue in orjson.loads(body)["issues"]:
        out.write(
            orjson.dumps({"type": "RECORD", "stream": "issues", "record": issue}, option=orjson.OPT_APPEND_NEWLINE)
        )


def offset_pages(session: requests.Session, base_url: str, asked: dict[str, str]) -> Iterator[bytes]:
    """Every page of Data Center's search."""
    total, start = _total(session, f"{base_url}/rest/api/2/search"), 0
    while start < total:
        params = {"jql": ORDER, "startAt": start, "maxResults": OFFSET_PAGE, **asked}
        yield _get(session, f"{base_url}/rest/api/2/search", params)
        start += OFFSET_PAGE


def token_pages(session: requests.Session, base_url: str, asked: dict[str, str]) -> Iterator[bytes]:
    """Every page of Cloud's search, which wants a bound in the JQL and leads from page to page."""
    params: dict[str, Any] = {"jql": f"updated >= -365d {ORDER}", "maxResults": TOKEN_PAGE, **asked}
    while True:
        body = _get(session, f"{base_url}/rest/api/3/search/jql", params)
        yield body
        # The token stands outside of the issues: a search for its name is far cheaper than parsing the page twice.
        _, found, rest = body.rpartition(b'"nextPageToken":"')
        if not found:
            return
        params["nextPageToken"] = rest.partition(b'"')[0].decode()


def _total(session: requests.Session, url: str) -> int:
    return int(orjson.loads(_get(session, url, {"jql": ORDER, "maxResults": 0}))["total"])


def _get(session: requests.Session, url: str, params: dict[str, Any]) -> bytes:
    with session.get(url, params=params, stream=True) as answer:
        answer.raise_for_status()
        # At once and not by answer.content, which joins pieces of 10 KB.
        body: bytes = answer.raw.read(decode_content=True)
        return body


if __name__ == "__main__":
    main()
