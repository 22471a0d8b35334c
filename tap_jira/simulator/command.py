"""The command ``tap-jira simulate``: serve a simulated Jira on the loopback address until it is stopped."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tap_jira.simulator.churn import Churn
from tap_jira.simulator.cloud import CloudSite
from tap_jira.simulator.cloud_credentials import cloud_credentials
from tap_jira.simulator.cloud_search import CloudLimits
from tap_jira.simulator.credentials import demo_credentials
from tap_jira.simulator.faults import KINDS, Faults
from tap_jira.simulator.quota import Quota
from tap_jira.simulator.routes import Site
from tap_jira.simulator.search import Limits
from tap_jira.simulator.server import Server, serve
from tap_jira.simulator.servlets import APPLINKS
from tap_jira.simulator.site import BaseSite
from tap_jira.simulator.world import World

_WAYS = {False: ("oauth", "token", "basic", "none"), True: ("basic", "scoped", "oauth2")}
"""How the configuration logs in at Data Center and at Cloud; the first of each if nothing is said."""


def run(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM, and return the exit code."""
    options = _options(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    site, config = (_cloud if options.cloud else _data_center)(options)
    try:
        server = _serve(options, site)
    except OSError as error:
        return _failed(f"cannot listen on port {options.port}: {error.strerror}")
    with server:
        if options.write_config:
            path = Path(options.write_config)
            try:
                _write_config(path, config | _place(path, config, server))
            except OSError as error:
                return _failed(f"cannot write {path}: {error.strerror}")
        print(f"simulated Jira at {server.url}: {options.issues} issues; stop it with Ctrl-C", file=sys.stderr)  # noqa: T201
        # In pieces: an Event waited for without end does not let a signal's handler run on every platform.
        while not stopped.wait(0.5):
            pass
    return 0


def _failed(reason: str) -> int:
    print(f"tap-jira simulate: error: {reason}", file=sys.stderr)  # noqa: T201
    return 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tap-jira simulate",
        allow_abbrev=False,
        description="Serve a simulated Jira, Data Center or Cloud, on 127.0.0.1.",
        epilog=f"Data Center takes keys of tap-jira keygen at {APPLINKS}, by browser or by curl.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    # An option that is absent has no default for the help to print: what holds then depends on others.
    unset: Any = argparse.SUPPRESS
    add = parser.add_argument
    add("--cloud", action="store_true", default=unset, help="be Jira Cloud, with Atlassian's gateway and its OAuth 2.0")
    add("--port", type=_port, default=8080, help="0 for any that is free")
    add("--issues", type=int, default=500, help="how many issues the site has")
    add("--seed", type=int, default=1, help="the same seed makes the same site")
    add("--days", type=float, default=300, help="over how many days the issues were updated")
    add("--write-config", metavar="FILE", default=unset, help="write a configuration of the tap that logs in here")
    add(
        "--auth",
        choices=sorted({way for ways in _WAYS.values() for way in ways}),
        default=unset,
        help="how that one logs in: oauth (the default), token, basic, or none (for tap-jira authorize); with --cloud, "
        "basic (the default: e-mail and API token), scoped (the same through the gateway) or oauth2",
    )
    add("--no-admin", action="store_true", default=unset, help="log in as somebody who may not read project roles")
    add(
        "--page-cap",
        type=int,
        default=unset,
        help="most issues in one answer, whatever is asked for (default: 1000; with --cloud 100)",
    )
    add("--quota", type=int, default=unset, help="with --cloud: how many points an hour has, a point for each object")
    add(
        "--odd",
        action="store_true",
        default=unset,
        help="some issues carry texts and numbers that targets stumble over",
    )
    add("--churn", type=float, default=0.0, help="share of the issues changed after each page, such as 0.02")
    add("--lag", type=float, default=0.0, help="seconds until the search index knows of a change")
    add("--faults", type=float, default=0.0, help="share of the requests that fail, such as 0.05")
    add("--fault-kinds", default=",".join(KINDS), help="which ways to fail, separated by commas")
    add("--latency", type=float, default=0.0, help="seconds added to each request")
    add("--cache", type=int, default=400, metavar="MB", help="how much of what it has printed it remembers")
    add(
        "--tls",
        action="store_true",
        default=unset,
        help="https, with a certificate of its own that the configuration names",
    )
    absent = argparse.Namespace(
        cloud=False, write_config=None, auth=None, no_admin=False, page_cap=None, quota=None, odd=False, tls=False
    )
    options = parser.parse_args(arguments, absent)
    ways = _WAYS[options.cloud]
    options.auth = options.auth or ways[0]
    if options.auth not in ways:
        parser.error(f"argument --auth: choose from {', '.join(ways)}" + (" with --cloud" if options.cloud else ""))
    unknown = sorted(set(options.fault_kinds.split(",")) - {*KINDS, ""})
    if unknown:
        parser.error(f"argument --fault-kinds: no such fault: {', '.join(unknown)}")
    if options.quota is not None and not options.cloud:
        parser.error("argument --quota: only with --cloud")
    return options


def _port(text: str) -> int:
    if not (text.isdigit() and text.isascii() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 65535")
    return int(text)


def _world(options: argparse.Namespace) -> World:
    lag = (lambda random: random.random() * options.lag) if options.lag else None
    return World(seed=options.seed, issues=options.issues, days=options.days, lag=lag, odd=options.odd)


def _data_center(options: argparse.Namespace) -> tuple[Site, dict[str, str]]:
    credentials = demo_credentials(admin=not options.no_admin)
    ways = {
        "oauth": credentials.oauth,
        "token": credentials.personal_access_token,
        "basic": credentials.basic,
        "none": {},
    }
    limits = Limits() if options.page_cap is None else Limits(page_cap=options.page_cap)
    site = Site(_world(options), accounts=credentials.accounts, limits=limits, cache_bytes=options.cache * 1_000_000)
    return site, ways[options.auth]


def _cloud(options: argparse.Namespace) -> tuple[CloudSite, dict[str, str]]:
    credentials, world = cloud_credentials(admin=not options.no_admin), _world(options)
    limits = CloudLimits() if options.page_cap is None else CloudLimits(page_cap=options.page_cap)
    quota = None if options.quota is None else Quota(points=options.quota, now=world.now)
    site = CloudSite(
        world, accounts=credentials.accounts, limits=limits, quota=quota, cache_bytes=options.cache * 1_000_000
    )
    gateway = {"cloud_id": site.cloud_id}
    ways = {
        "basic": credentials.basic,
        "scoped": credentials.scoped | gateway,
        "oauth2": credentials.oauth2 | gateway,
    }
    return site, ways[options.auth]


def _serve(options: argparse.Namespace, site: BaseSite) -> Server:
    if options.churn:
        site.after_request = Churn(site.world, share=options.churn, seed=options.seed)
    kinds = [kind for kind in options.fault_kinds.split(",") if kind]
    sender = Faults(site, share=options.faults, kinds=kinds, seed=options.seed) if options.faults else site
    server = serve(sender, port=options.port, tls=options.tls, latency=options.latency)
    if isinstance(site, CloudSite):
        # Whoever may see several sites finds this one by its address.
        site.call_it(server.url)
    return server


def _place(path: Path, config: dict[str, str], server: Server) -> dict[str, str]:
    place = {"base_url": server.url}
    if "refresh_token" in config:
        place["token_file"] = str(path.absolute().with_suffix(".tokens.json"))
    if server.certificate:
        place["ca_bundle"] = str(server.certificate)
    return place


def _write_config(path: Path, config: dict[str, str]) -> None:
    # Written aside and renamed: whoever waits for the file finds it whole. For its owner alone: it holds a key.
    aside = path.with_name(path.name + ".part")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps(config, indent=2) + "\n")
    aside.replace(path)
