"""Find out which Jira answers: its kind and version, who we are there, and what time it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tap_jira import verdict
from tap_jira.client import Client
from tap_jira.dates import to_millis
from tap_jira.errors import AuthError, RefusedError
from tap_jira.wire import Response


@dataclass(frozen=True)
class Site:
    """What the run needs to know of the other side."""

    kind: str
    """``server`` (Server and Data Center) or ``cloud``."""
    version: tuple[int, ...]
    account: str
    zone: str | None
    """Time zone of the account's profile, in which Jira reads dates in JQL."""
    now: int
    """The server's time in epoch seconds, from an answer that came before any search."""
    ahead: float | None
    """Seconds by which Jira's clock is ahead of this machine's."""
    name: str = ""
    """The account as people know it."""
    edition: str = ""
    """The kind of site in the words of its owner."""


@dataclass(frozen=True)
class Stranger:
    """What a site tells even to those whom it does not let in."""

    version: tuple[int, ...]
    edition: str
    ahead: float | None


def look(client: Client) -> Stranger:
    """What the site tells without a log-in; a TapError if it tells nothing."""
    info, response = client.answer("serverInfo", is_whole=_is_info, signed=False)
    return Stranger(_version(info.get("versionNumbers")), _edition(info), _ahead(client, response))


def whoami(client: Client) -> tuple[str, Mapping[str, Any]]:
    """The name, key or id of our account, and all that Jira tells of it; AuthError if it takes us for nobody.

    /serverInfo proves nothing, it answers strangers too; /myself answers them 401 everywhere.
    """
    me = client.get("myself")
    account = (
        next((str(me[name]) for name in ("name", "key", "accountId") if me.get(name)), "")
        if isinstance(me, dict)
        else ""
    )
    if not account:
        raise AuthError("GET /rest/api/2/myself does not say who we are; check the credentials")
    return account, me


def meet(client: Client) -> Site:
    """Prove who we are and ask the server for its kind and time; AuthError if it takes us for nobody."""
    account, me = whoami(client)
    # Its first answer after a start may be an empty object (JRASERVER-59676).
    info, response = client.answer("serverInfo", is_whole=_is_info)
    printed = to_millis(info.get("serverTime"))
    date = verdict.http_date(response.headers.get("Date"))
    times = [seconds for seconds in (printed and printed / 1000, date) if seconds is not None]
    if not times:
        raise RefusedError(
            "GET /rest/api/2/serverInfo tells no time, neither serverTime nor a Date header; without it no row is safe"
        )
    return Site(
        kind="cloud" if str(info.get("deploymentType")).lower() == "cloud" else "server",
        version=_version(info.get("versionNumbers")),
        account=account,
        zone=_zone(me.get("timeZone")),
        now=int(min(times)),
        ahead=_ahead(client, response),
        name=str(me.get("displayName") or ""),
        edition=_edition(info),
    )


def _is_info(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer.get("baseUrl"))


def _ahead(client: Client, response: Response) -> float | None:
    return verdict.seconds_ahead(response.headers, client.retry.clock.now())


def _edition(info: Any) -> str:
    said = str(info.get("deploymentType")).lower().replace(" ", "")
    if said == "cloud":
        return "Cloud"
    # Data Center mostly says that it is a Server; from Jira 10 on there is no other.
    is_sure = said == "datacenter" or _version(info.get("versionNumbers")) >= (10,)
    return "Data Center" if is_sure else "Server or Data Center"


def _version(numbers: Any) -> tuple[int, ...]:
    return tuple(n for n in numbers if isinstance(n, int)) if isinstance(numbers, list) else ()


def _zone(name: Any) -> str | None:
    try:
        return str(ZoneInfo(name).key)
    except (OSError, ValueError, TypeError):
        # OSError covers a zone that the data base lacks (ZoneInfoNotFoundError is a KeyError) and odd paths.
        return None
    except KeyError:
        return None
