"""What the scenes of the page for operations are played with: a tap, a Jira of each kind, and sites that are odd."""

from __future__ import annotations

import contextlib
import io
import json
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization as pem

from tap_jira import cli
from tap_jira.client import Sends
from tap_jira.simulator import Account, Accounts, Caps, CloudCredentials, CloudSite, Credentials, Faults, Site, World
from tap_jira.wire import NetworkError, Request, Response
from tests.atlassian import OAUTH2, Atlassian
from tests.conftest import PASSWORD, TOKEN, Tap
from tests.fakes import BASE, LOG_TIME, Outcome, Person, Scripted, Time

CLOUD = "https://example.atlassian.net"
SCOPED = {"base_url": BASE, "email": "me@example.com", "api_token": "scoped"}
UNSCOPED = {"base_url": BASE, "email": "tap-reader", "api_token": PASSWORD}
Change = Callable[[Any], Any]


@dataclass
class Stage:
    """What a scene is played with."""

    tap: Tap
    site: Site
    cloud: CloudSite
    time: Time
    config: dict[str, Any]
    credentials: Credentials
    cloud_keys: CloudCredentials
    folder: Path
    patch: pytest.MonkeyPatch

    def run(self, to: Sends | None = None, **changes: Any) -> Outcome:
        """A sync with a configuration that works but for these changes."""
        return self.tap(to=to, config={**self.config, **changes})

    def login(self, **keys: Any) -> Outcome:
        """A sync that logs in so."""
        return self.tap(config={"base_url": BASE, **keys})

    def oauth(self, **changes: Any) -> Outcome:
        """A sync with OAuth 1.0a, by this machine's clock."""
        self.time.seconds = clock.time()
        return self.tap(config={**self.credentials.oauth, **changes})

    def oauth_problem(self, problem: str) -> Outcome:
        """A sync with OAuth 1.0a that Jira refuses with this code."""
        said = Response.of_json({}, 401, {"WWW-Authenticate": f'OAuth oauth_problem="{problem}"'})
        return self.tap(to=Answering(self.site, "/myself", said), config=self.credentials.oauth)

    def authorize(self, *argv: str, to: Sends | None = None, **options: Any) -> Outcome:
        """``tap-jira authorize`` with a person at the terminal."""
        self.time.seconds = clock.time()
        config = {name: value for name, value in self.credentials.oauth.items() if not name.startswith("oauth_token")}
        return self.tap("authorize", *argv, to=to, **{"config": config, **options})

    def atlassian(self, config: Mapping[str, Any], **changes: Any) -> Outcome:
        """A sync at a site of the cloud, with its gateway and issuer of tokens; ``changes`` are made to that."""
        there = Atlassian(self.site, self.time)
        for name, value in changes.items():
            setattr(there, name, value)
        return self.tap(to=there, config=config, environment={"HOME": str(self.folder)})

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """A configuration for OAuth 2.0, with its tokens in the folder of the scene."""
        return {**OAUTH2, "token_file": str(self.folder / "tokens.json"), **changes}

    def over_network(self, **changes: Any) -> Outcome:
        """A sync that takes the network as it is."""
        path = self.file("network.json", json.dumps({**self.config, **changes}))
        log = io.StringIO()
        with contextlib.redirect_stderr(log):
            code = cli.main(["--config", path])
        return Outcome(code, b"", log=LOG_TIME.sub(r"\1 ", log.getvalue()))

    def at_cloud(self, to: Sends | None = None, **keys: Any) -> Outcome:
        """A sync at a simulated Jira Cloud."""
        return self.tap(to=to or self.cloud, config={"base_url": CLOUD, **(keys or self.cloud_keys.basic)})

    def catalog(self, change: Change, **changes: Any) -> Outcome:
        """A sync with the catalog of this site, changed."""
        catalog = json.loads(self.tap("--discover").output)
        change(catalog)
        return self.tap(catalog=catalog, config={**self.config, **changes})

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        """The path of a file with this text."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)


class Answering:
    """A site that gives another answer where this is in the address; a function makes one of what it would say."""

    def __init__(self, site: Sends, part: str, answer: Response | Change) -> None:
        self._site, self._part, self._answer = site, part, answer

    def send(self, request: Request) -> Response:
        if self._part not in request.url:
            return self._site.send(request)
        if isinstance(self._answer, Response):
            return self._answer
        real = self._site.send(request)
        return real if real.status >= 400 else Response.of_json(self._answer(orjson.loads(real.body)))


class Sender:
    """A site that is one function."""

    def __init__(self, send: Callable[[Request], Response]) -> None:
        self.send = send


class Typing(Person):
    """Types this, whatever is shown."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def answer(self) -> str:
        return f"{self._line}\n"


def says(status: int, text: str = "No.", **headers: str) -> Response:
    """A refusal of Jira's; headers are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response.of_json({"errorMessages": [text]}, status, named)


def lost(kind: str, detail: str = "") -> Scripted:
    """A network on which every request fails so."""
    return Scripted(NetworkError(kind, detail))


def encrypted(text: str) -> str:
    key = pem.load_pem_private_key(text.encode(), None)
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"right")).decode()


def unknown_stream(catalog: dict[str, Any]) -> None:
    about = [{"breadcrumb": [], "metadata": {"selected": True}}]
    catalog["streams"].append({"tap_stream_id": "boards", "schema": {"properties": {}}, "metadata": about})


def key_of_cloud(catalog: dict[str, Any]) -> None:
    entry = next(entry for entry in catalog["streams"] if entry["stream"] == "jira_users")
    entry["key_properties"] = entry["metadata"][0]["metadata"]["table-key-properties"] = ["accountId"]


def without_key(catalog: dict[str, Any]) -> None:
    del catalog["streams"][0]["schema"]["properties"]["id"]


def selecting_nothing(catalog: dict[str, Any]) -> None:
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = False


def very_wide(catalog: dict[str, Any]) -> None:
    columns = catalog["streams"][0]["schema"]["properties"]["fields"]["properties"]
    columns.update({f"customfield_{n}": {"type": ["null", "string"]} for n in range(20_000, 21_100)})


def each(**members: Any) -> Change:
    """A list of objects, each with these members instead of its own."""
    return lambda rows: [{**row, **members} for row in rows]


def with_fields(*ids: str, **fields: Any) -> Change:
    """A page of issues of which these, or all if none is named, have these fields instead of their own."""

    def change(page: dict[str, Any]) -> dict[str, Any]:
        for issue in page["issues"]:
            if not ids or issue["id"] in ids:
                issue["fields"].update(fields)
        return page

    return change


def cut(stage: Stage, **caps: int) -> Site:
    account = Account("tap-reader", tokens={TOKEN: None})
    world = World(seed=1, issues=60, now=stage.time)
    return Site(world, accounts=Accounts((account,)), base_url=BASE, caps=Caps(**caps))


def poisoned(stage: Stage, *fields: str) -> Outcome:
    return stage.run(to=Faults(stage.site, poison=[10020], poison_fields=fields))


def later(stage: Stage, hours: int, **changes: Any) -> Outcome:
    """A second run, by a Jira whose clock has gone so far."""
    state = stage.tap().state
    stage.time.seconds += hours * 3600
    return stage.tap(state=state, config={**stage.config, **changes})


def marked(path: str, catalog: dict[str, Any], selected: bool = True) -> None:
    """Select a column of issues, given by its dotted path, or unselect it."""
    crumb = [part for name in path.split(".") for part in ("properties", name)]
    about = catalog["streams"][0]["metadata"]
    about.append({"breadcrumb": crumb, "metadata": {"selected": selected}})


def marked_twice(path: str, catalog: dict[str, Any]) -> None:
    """Select a column, and then unselect it."""
    marked(path, catalog)
    marked(path, catalog, selected=False)


def no_column(catalog: dict[str, Any]) -> None:
    for about in catalog["streams"][0]["metadata"][1:]:
        about["metadata"]["selected"] = False


def only_the_object(catalog: dict[str, Any]) -> None:
    no_column(catalog)
    marked("fields", catalog)
    marked("fields.status", catalog)


def only_a_part(catalog: dict[str, Any]) -> None:
    no_column(catalog)
    marked("fields.status.name", catalog)
