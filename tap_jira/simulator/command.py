"""The command ``tap-jira simulate``: serve a simulated Jira on the loopback address until it is stopped."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from tap_jira.simulator.churn import Churn
from tap_jira.simulator.credentials import Credentials, demo_credentials
from tap_jira.simulator.faults import KINDS, Faults
from tap_jira.simulator.routes import Site
from tap_jira.simulator.search import Limits
from tap_jira.simulator.server import Server, serve
from tap_jira.simulator.world import World


def run(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM, and return the exit code."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    credentials = demo_credentials(admin=not options.no_admin)
    with _serve(options, credentials) as server:
        if options.write_config:
            _write_config(Path(options.write_config), credentials, server, options.auth)
        print(f"simulated Jira at {server.url}: {options.issues} issues; stop it with Ctrl-C", file=sys.stderr)  # noqa: T201
        # In pieces: an Event waited for without end does not let a signal's handler run on every platform.
        while not stopped.wait(0.5):
            pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-jira simulate", description="Serve a simulated Jira Data Center on 127.0.0.1."
    )
    parser.add_argument("--port", type=int, default=8080, help="0 for any that is free")
    parser.add_argument("--issues", type=int, default=500, help="how many issues the site has")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same site")
    parser.add_argument("--days", type=float, default=300, help="over how many days the issues were updated")
    parser.add_argument("--write-config", metavar="FILE", help="write a configuration of the tap that logs in here")
    parser.add_argument("--auth", choices=("oauth", "token", "basic"), default="oauth", help="how that one logs in")
    parser.add_argument("--no-admin", action="store_true", help="log in as somebody who may not read project roles")
    parser.add_argument("--page-cap", type=int, default=1000, help="most issues in one answer, whatever is asked for")
    parser.add_argument(
        "--churn", type=float, default=0.0, help="share of the issues changed after each page, such as 0.02"
    )
    parser.add_argument("--lag", type=float, default=0.0, help="seconds until the search index knows of a change")
    parser.add_argument("--faults", type=float, default=0.0, help="share of the requests that fail, such as 0.05")
    parser.add_argument("--fault-kinds", default=",".join(KINDS), help="which ways to fail, separated by commas")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each request")
    parser.add_argument(
        "--tls", action="store_true", help="https, with a certificate of its own that the configuration names"
    )
    return parser


def _serve(options: argparse.Namespace, credentials: Credentials) -> Server:
    lag = (lambda random: random.random() * options.lag) if options.lag else None
    world = World(seed=options.seed, issues=options.issues, days=options.days, lag=lag)
    site = Site(world, accounts=credentials.accounts, limits=Limits(page_cap=options.page_cap))
    if options.churn:
        site.after_request = Churn(world, share=options.churn, seed=options.seed)
    kinds = [kind for kind in options.fault_kinds.split(",") if kind]
    sender = Faults(site, share=options.faults, kinds=kinds, seed=options.seed) if options.faults else site
    return serve(sender, port=options.port, tls=options.tls, latency=options.latency)


def _write_config(path: Path, credentials: Credentials, server: Server, way: str) -> None:
    ways = {"oauth": credentials.oauth, "token": credentials.personal_access_token, "basic": credentials.basic}
    config = {**ways[way], "base_url": server.url}
    if server.certificate:
        config["ca_bundle"] = str(server.certificate)
    # Written aside and renamed: whoever waits for the file finds it whole. For its owner alone: it holds a key.
    aside = path.with_name(path.name + ".part")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(config, file, indent=2)
    aside.replace(path)
