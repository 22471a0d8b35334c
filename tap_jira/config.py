"""Read the configuration from file and environment into one frozen object, and report every fault in it at once."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tap_jira import __version__
from tap_jira.dates import to_utc
from tap_jira.errors import ConfigError

ENVIRONMENT_PREFIX = "TAP_JIRA_"


def _option(
    kind: str, sentence: str, *, default: Any = None, secret: bool = False, example: Any = None, usual: str = ""
) -> Any:
    """A key of the configuration; ``usual`` says what holds without it where that depends on the site."""
    about = {"kind": kind, "sentence": sentence, "secret": secret, "example": example, "usual": usual}
    return field(default=default, metadata=about, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a user can set, each key declared once: the checks, the documents and the sample follow from it."""

    base_url: str = _option(
        "url",
        "Address of the Jira site, with its context path if it has one; https, except to a loopback address. Only "
        "where cloud_id is set may it be left out.",
        example="https://jira.example.com",
    )
    start_date: str | None = _option(
        "date-time",
        "Issues updated before this are not read; without it the first sync goes one year back.",
        example="2024-01-01T00:00:00Z",
    )
    oauth_consumer_key: str | None = _option(
        "text", "OAuth 1.0a: consumer key of the application link.", example="tap-jira"
    )
    oauth_private_key: str | None = _option(
        "text",
        "OAuth 1.0a: the RSA private key as PEM text.",
        secret=True,
        example="-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----\n",
    )
    oauth_private_key_file: str | None = _option(
        "text", "OAuth 1.0a: a file that holds the RSA private key, instead of its text.", example="jira.pem"
    )
    oauth_private_key_passphrase: str | None = _option(
        "text", "OAuth 1.0a: passphrase of the private key, if it is encrypted.", secret=True
    )
    oauth_token: str | None = _option("text", "OAuth 1.0a: access token.", secret=True, example="the access token")
    oauth_token_secret: str | None = _option(
        "text", "OAuth 1.0a: secret of the access token; RSA-SHA1 does not use it, so it may be left out.", secret=True
    )
    personal_access_token: str | None = _option(
        "line", "A personal access token (Jira Data Center 8.14 and later).", secret=True
    )
    username: str | None = _option(
        "text", "User name for basic authentication; Jira 11 has it switched off by default."
    )
    password: str | None = _option("text", "Password that goes with username.", secret=True)
    email: str | None = _option("text", "E-mail address of an Atlassian account, for an API token.")
    api_token: str | None = _option("text", "API token that goes with email.", secret=True)
    cloud_id: str | None = _option(
        "id",
        "Jira Cloud: id of the site; with it the tap goes through Atlassian's gateway, which OAuth 2.0 and API tokens "
        "with scopes need. If left out it is looked up where it is needed.",
    )
    oauth_client_id: str | None = _option("line", "OAuth 2.0: client id of the app in Atlassian's developer console.")
    oauth_client_secret: str | None = _option("line", "OAuth 2.0: secret of the app.", secret=True)
    refresh_token: str | None = _option(
        "line",
        "OAuth 2.0: refresh token as it was first given; the ones that follow are kept in token_file.",
        secret=True,
    )
    access_token: str | None = _option(
        "line",
        "OAuth 2.0: access token; alone it works until it expires, beside a refresh token it is not used.",
        secret=True,
    )
    token_file: str | None = _option(
        "text",
        "OAuth 2.0: file that the tap keeps its tokens in; if left out it lies in ~/.local/state/tap-jira, or below "
        "XDG_STATE_HOME.",
    )
    projects: tuple[str, ...] = _option(
        "list",
        "Keys of the projects whose issues are read, all if left out; the other tables come from all projects.",
        default=(),
    )
    jql: str | None = _option("jql", "A further JQL condition that issues must meet, without ORDER BY.")
    custom_field_names: str = _option(
        "id or name",
        "What the columns of custom fields are called by: the id (customfield_10016), or the name that people see "
        "(story_points).",
        default="id",
    )
    reread_for_new_columns: bool = _option(
        "boolean",
        "Whether all issues are read again once when a column is selected that earlier runs did not have; else it "
        "comes with the issues that change from then on.",
        default=False,
    )
    page_size: int = _option(
        "1-1000", "Issues asked for in the first request; later pages are sized to about 2.2 MB.", default=100
    )
    concurrency: int = _option("1-32", "Most requests under way at once.", default=4)
    lookback_seconds: int | None = _option(
        "0-2592000",
        "How far each run reaches back before the bookmark, for issues that the search index shows late.",
        usual="`1200`, on Cloud `600`",
    )
    full_table_hours: float = _option(
        "0.0-8760.0",
        "A table that is sent whole is not read again before so many hours have passed; with 0 it is read at each run.",
        default=0.0,
    )
    activate_version: bool = _option(
        "boolean",
        "Whether the rows of a table that is sent whole carry a version, activated once all of them are sent, so that "
        "targets which heed it drop the rows that are gone from Jira.",
        default=False,
    )
    request_timeout: float = _option(
        "1.0-3600.0", "Seconds of silence after which a request is given up and sent again.", default=300.0
    )
    ca_bundle: str | None = _option(
        "text", "A file with the certificates to trust instead of the system's, for a private certificate authority."
    )
    user_agent: str = _option(
        "line",
        "User-Agent header; put an address of yours here for Jira's administrators.",
        default=f"tap-jira/{__version__}",
    )

    @property
    def way_in(self) -> str:
        """How we authenticate: a key of ``WAYS_IN``."""
        return next(way for way, needed in WAYS_IN.items() if any(getattr(self, name) for name in needed[0]))

    @property
    def login_names(self) -> list[str]:
        """The keys that we authenticate with."""
        return [name for needed in WAYS_IN[self.way_in] for name in needed if getattr(self, name)]

    @property
    def login_keys(self) -> str:
        """The same, as an error names them."""
        *names, last = self.login_names
        return f"{', '.join(names)} and {last}" if names else last

    @property
    def is_oauth2(self) -> bool:
        """Whether we come with OAuth 2.0, which only Atlassian's gateway takes."""
        return self.way_in in ("oauth2", "access_token")

    @property
    def may_be_scoped(self) -> bool:
        """Whether these may be an Atlassian account's e-mail address and an API token, which may have scopes."""
        return self.way_in == "api_token" or (self.way_in == "basic" and "@" in str(self.username))

    @property
    def secrets(self) -> list[str]:
        """Every value that must not appear in a log."""
        values = [getattr(self, option.name) for option in fields(self) if option.metadata["secret"]]
        # As basic authentication joins them before they are put into base64.
        pairs = [(self.username, self.password), (self.email, self.api_token)]
        return [*(value for value in values if value), *(f"{user}:{secret}" for user, secret in pairs if secret)]


WAYS_IN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "oauth1": (("oauth_consumer_key",), ("oauth_private_key", "oauth_private_key_file"), ("oauth_token",)),
    "token": (("personal_access_token",),),
    "basic": (("username",), ("password",)),
    "api_token": (("email",), ("api_token",)),
    "oauth2": (("oauth_client_id",), ("oauth_client_secret",), ("refresh_token",)),
    "access_token": (("access_token",),),
}
"""Each way to authenticate and what it needs; of several names side by side one."""
CLOUD_ID = r"[A-Za-z0-9-]{1,64}"
"""What the id of a site may consist of; it becomes part of addresses."""


def load(
    values: Mapping[str, Any],
    environment: Mapping[str, str],
    warn: Callable[[str], None],
    *,
    authorizing: bool = False,
) -> Config:
    """The configuration of a file's ``values`` and of the environment, which wins; ConfigError naming all faults.

    Whoever is ``authorizing`` has no OAuth 1.0a token yet.
    """
    kinds = {option.name: str(option.metadata["kind"]) for option in fields(Config)}
    given = {name: value for name, value in values.items() if value is not None and str(value).strip()}
    if str(given.get("request_timeout")).strip() in ("0", "0.0"):
        # To tap-jira from singer-io it means the default.
        del given["request_timeout"]
    for name in sorted(given.keys() - kinds.keys()):
        warn(_unknown(name, list(kinds)))
    for name in sorted(name for name, text in environment.items() if text.strip() and _is_meant_for_us(name)):
        if name.removeprefix(ENVIRONMENT_PREFIX).lower() not in kinds:
            warn(_unknown(name, [ENVIRONMENT_PREFIX + known.upper() for known in kinds], "environment"))
    given.update(
        (name, text) for name in kinds if (text := environment.get(ENVIRONMENT_PREFIX + name.upper(), "")).strip()
    )
    faults = list((_faults_before_authorizing if authorizing else _authentication_faults)(given))
    if "oauth_private_key" in given and "oauth_private_key_file" in given:
        faults.append("oauth_private_key and oauth_private_key_file are both given; keep one")
    checked: dict[str, Any] = {"base_url": ""}
    for name, kind in kinds.items():
        if name in given:
            try:
                checked[name] = _reader(kind)(given[name], kind)
            except ValueError as error:
                faults.append(f"{name} {error}")
    if "base_url" not in given and ("cloud_id" not in given or authorizing):
        faults.append("base_url is missing")
    if faults:
        raise ConfigError("configuration: " + "; ".join(sorted(faults)))
    return Config(**checked)


def _authentication_faults(given: Mapping[str, Any]) -> Iterator[str]:
    # An access token may come with what renews it.
    started = [way for way, needed in WAYS_IN.items() if any(name in given for names in needed for name in names)]
    if "oauth2" in started and "access_token" in started:
        started.remove("access_token")
    if not started:
        yield (
            "no way to authenticate is given; set oauth_consumer_key, oauth_private_key and oauth_token, or "
            "personal_access_token, or username and password, or email and api_token, or oauth_client_id, "
            "oauth_client_secret and refresh_token, or access_token"
        )
    if len(started) > 1:
        yield f"more than one way to authenticate is given ({', '.join(_given_of(started, given))}); keep one"
    elif started:
        yield from _missing(WAYS_IN[started[0]], given)


def _faults_before_authorizing(given: Mapping[str, Any]) -> Iterator[str]:
    others = _given_of([way for way in WAYS_IN if way != "oauth1"], given)
    if others:
        yield (
            "tap-jira authorize is for OAuth 1.0a at Data Center and Server, and another way to log in is given "
            f"({', '.join(others)}): remove that, or see docs/connect.md, where OAuth 2.0 is under Jira Cloud"
        )
    else:
        yield from _missing([names for names in WAYS_IN["oauth1"] if names != ("oauth_token",)], given)


def _given_of(ways: Iterable[str], given: Mapping[str, Any]) -> list[str]:
    return [name for way in ways for names in WAYS_IN[way] for name in names if name in given]


def _missing(needed: Iterable[tuple[str, ...]], given: Mapping[str, Any]) -> Iterator[str]:
    for names in needed:
        if not any(name in given for name in names):
            how = " (run tap-jira authorize --config FILE, which gets it from Jira)" if "oauth_token" in names else ""
            yield f"{' or '.join(names)} is missing{how}"


def secret_keys(values: Mapping[str, Any]) -> list[str]:
    """Which of the keys in a configuration file hold secrets."""
    return [option.name for option in fields(Config) if option.metadata["secret"] and values.get(option.name)]


def _is_meant_for_us(name: str) -> bool:
    # With two underscores come settings of Meltano's own (https://docs.meltano.com/concepts/plugins#plugin-extras).
    return name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(ENVIRONMENT_PREFIX + "_")


def _unknown(name: str, known: list[str], where: str = "configuration") -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"{where}: {name} is not a key of this tap and is ignored" + (f"; did you mean {near[0]}?" if near else "")


_ADDRESS = re.compile(r"(?i:(https?)://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[^\s?#]*)?")


def _url(value: Any, kind: str) -> str:
    address = _ADDRESS.fullmatch(str(value).strip().rstrip("/"))
    if address is None:
        raise ValueError(
            "is not the address of a site, such as https://jira.example.com, without user name, query or fragment"
        )
    scheme, host, port, path = (part or "" for part in address.groups())
    if scheme.lower() == "http" and not is_loopback(host.strip("[]")):
        raise ValueError("begins with http://, which would show the credentials to the network; use https://")
    return f"{scheme.lower() or 'https'}://{host}{port}{path}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine talking to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _date_time(value: Any, kind: str) -> str:
    utc = to_utc(str(value))
    if utc is None:
        raise ValueError("is not a date or date-time such as 2024-01-01T00:00:00Z")
    return utc


_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


def _text(value: Any, kind: str) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError("must be text")
    text = str(value).strip("\r\n")
    if _UNWRITABLE.search(text):
        raise ValueError("is not valid text")
    return text


def _line(value: Any, kind: str) -> str:
    """Text that goes into a header as it is."""
    text = _text(value, kind).strip()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be one line of ASCII text")
    return text


def _id(value: Any, kind: str) -> str:
    text = _text(value, kind).strip()
    if not re.fullmatch(CLOUD_ID, text):
        raise ValueError("must be an id such as 11223344-a1b2-3c4d-5e6f-aabbccddeeff")
    return text


def _list(value: Any, kind: str) -> tuple[str, ...]:
    """A list, or the text of one as orchestrators pass it: JSON or separated by commas."""
    items: Any = re.split(r"[,\s]+", value.strip(' []"')) if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise ValueError('must be a list such as ["ABC", "DEF"]')
    keys = tuple(str(item).strip(" \"'") for item in items if str(item).strip(" \"'"))
    # Data Center lets an administrator change the pattern of keys, so letters of any script.
    if not all(re.fullmatch(r"[^\W\d_]\w*", key) for key in keys):
        raise ValueError('must hold project keys such as "ABC"')
    return keys


def _boolean(value: Any, kind: str) -> bool:
    """A truth, in any of the ways in which orchestrators and environments write one."""
    text = str(value).strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return text in ("true", "1")


def _choice(value: Any, kind: str) -> str:
    """One of the words that ``kind`` spells out."""
    text = str(value).strip().lower()
    if text not in kind.split(" or "):
        raise ValueError(f"must be {kind}")
    return text


def _jql(value: Any, kind: str) -> str:
    text = _text(value, kind).strip()
    depth = 0
    # A sign behind a backslash is none, inside quotation marks and outside.
    bare = re.sub(r"\\.|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", " ", text, flags=re.DOTALL)
    for sign in re.findall(r"[()\"']", bare):
        depth += {"(": 1, ")": -1}.get(sign, -1000)
        if depth < 0:
            break
    if depth or bare.endswith("\\"):
        raise ValueError("has an unbalanced parenthesis or quotation mark")
    if re.search(r"\border\s+by\b", bare, re.IGNORECASE):
        raise ValueError("must not contain ORDER BY; the tap sets the order")
    return text


def _number(value: Any, kind: str) -> float:
    """A number within the limits that ``kind`` spells out, whole if they are; as text too, as orchestrators pass it."""
    low, high = map(float, kind.split("-"))
    is_whole = "." not in kind
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not low <= number <= high or (is_whole and number != int(number)):
        raise ValueError(f"must be a {'whole ' if is_whole else ''}number from {low:.0f} to {high:.0f}")
    return int(number) if number == int(number) else number


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "url": _url,
    "date-time": _date_time,
    "text": _text,
    "line": _line,
    "id": _id,
    "list": _list,
    "boolean": _boolean,
    "jql": _jql,
    "id or name": _choice,
}


def _reader(kind: str) -> Callable[[Any, str], Any]:
    return _READERS.get(kind, _number)
