"""Decide from one answer, or from its absence, whether to take it, ask again, or fail, and in which words."""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from tap_jira import limits
from tap_jira.errors import (
    AuthError,
    FailedAnswerError,
    ForbiddenError,
    NotFoundError,
    NothingFoundError,
    RefusedError,
    TapError,
    UnavailableError,
)
from tap_jira.jsontext import load
from tap_jira.retry import Again
from tap_jira.wire import Headers, NetworkError, Response

RETRIED = {408, 425, 429, 500, 502, 503, 504}
OWN_FAILURES = {500, 502, 504}
"""What one issue that Jira cannot print looks like, by itself or through a proxy that lost patience."""
REQUEST_IDS = ("X-AREQUESTID", "Atl-Traceid")
"""Where Data Center and Cloud name the request for their own logs and for support."""
BASIC_IS_OFF = b"Basic Authentication has been disabled"
"""In the 403 of a Data Center (8.16 and later) whose administrator has switched off, or in Jira 11 not switched on,
"Allow basic authentication on API calls"; shown in https://codeclou.io/blog/2021/03/
disabling-basic-auth-in-jira-and-allowlisting-customfield-editor-rest-api/."""
LONGEST_QUOTE = 300
"""Characters of what Jira said that an error repeats."""

# What X-Seraph-LoginReason says when the credentials were not taken; absent or OK on a good answer. Where several
# filters look at the request it comes several times, as in "OUT, OK" (a stale cookie, then a good password).
DENIALS = {"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED", "OUT"}

# https://confluence.atlassian.com/kb/oauth-troubleshooting-guide-719095274.html
OAUTH_PROBLEMS = {
    "consumer_key_unknown": "Jira has no application link with this oauth_consumer_key; compare it letter by letter "
    "(case counts) with the link's incoming authentication, or create the link",
    "signature_invalid": "the signature does not fit: the public key in the application link is not the other half of "
    "oauth_private_key, or base_url is not the address Jira itself believes to have (a proxy changing scheme, host, "
    "port or path)",
    "signature_method_rejected": "Jira wants RSA-SHA1 from an application link with a public key; check the link",
    "timestamp_refused": "the clocks differ too much; synchronise this machine's clock (NTP)",
    "nonce_used": "the same signed request reached Jira twice; look for a proxy that repeats requests",
    "token_rejected": "Jira does not accept this oauth_token: it was revoked, has expired, belongs to another site or "
    "to a link that was created anew; run tap-jira authorize, which puts a new one into the configuration",
    "token_expired": "the oauth_token has expired; run tap-jira authorize, which puts a new one into the configuration",
    "token_revoked": "the oauth_token was revoked; run tap-jira authorize, which puts a new one into the configuration",
    "token_used": "the oauth_token is a request token that was used before; run tap-jira authorize again",
    "permission_denied": "access was denied in the browser; run tap-jira authorize again and choose Allow",
    "permission_unknown": "nobody has chosen Allow in the browser yet; run tap-jira authorize again and do that first",
}


class Login(NamedTuple):
    """What a request logs in with, as errors name it: keys of the configuration, and the host that is to take it."""

    keys: str = "the credentials"
    host: str = "Jira"


UNNAMED = Login()


def check_network(error: NetworkError, what: str, host: str = UNNAMED.host) -> None:
    """Raise what a missing answer means: ``Again`` where it may pass, otherwise the error for the user."""
    if error.kind in ("connect", "proxy"):
        raise _unreached(error, what, host)
    if error.kind == "no_tls":
        raise RefusedError(
            f"{what}: the port at {host} speaks no TLS ({error.detail}); correct base_url: https:// is port 443 "
            "unless it says otherwise, and a Jira on this machine may need http:// before it"
        ) from error
    if error.kind == "redirect":
        raise AuthError(
            f"{what} was redirected to {error.detail}, where credentials are not sent: base_url is not Jira's own "
            "address, or single sign-on stands before it; use the address shown in Jira's general configuration"
        ) from error
    if error.kind == "tls":
        raise RefusedError(
            f"{what}: no trusted connection to {host} ({error.detail}); {_trust_remedy(error.detail)}"
        ) from error
    if error.kind == "too_large":
        # One thing in it may be to blame, and a smaller page can do.
        raise FailedAnswerError(
            f"{what}: the answer is larger than {error.detail}; select fewer fields or lower page_size"
        ) from error
    said = f": {error.detail}" if error.detail else ""
    raise Again(f"{what}: no answer ({error.kind}{said})") from error


def _trust_remedy(detail: str) -> str:
    if "expired" in detail:
        return "tell those who look after Jira, and see that this machine's date is right"
    if "mismatch" in detail or "not valid for" in detail:
        return "base_url must name the host as its certificate does"
    return "if your network has its own certificate authority, set ca_bundle"


def _unreached(error: NetworkError, what: str, host: str) -> Again:
    if error.kind == "proxy":
        return Again(
            f"{what}: the proxy did not connect us to {host} ({error.detail})",
            remedy="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment",
            is_unreached=True,
        )
    # No key of the configuration names Atlassian's own hosts.
    address = "" if host.endswith(".atlassian.com") else "base_url, and "
    return Again(
        f"{what}: {host} could not be reached ({error.detail})",
        remedy=f"check {address}whether this machine must go through a proxy (HTTPS_PROXY, NO_PROXY)",
        is_unreached=True,
    )


def check(response: Response, what: str, *, now: float, login: Login | None = UNNAMED) -> None:
    """Return if the answer can be used; raise ``Again`` if another try may bring one, or the error for the user.

    ``what`` names the request for the message; ``now`` is this machine's clock in epoch seconds; ``login`` is None for
    a request that carries no credentials, and is answered as to a stranger by right.
    """
    status, headers = response.status, response.headers
    if 200 <= status < 300:
        if login is not None:
            _check_identity(headers, what, login)
        if _is_page(response):
            raise AuthError(
                f"{what} was answered with a web page instead of data: a log-in or maintenance page stands before "
                "Jira; check base_url and how single sign-on treats the REST API"
            )
        return
    said = f"{what} was answered {status}{quote(response)}"
    if status in RETRIED:
        raise _again(status, said, headers, now)
    raise _failure(status, what, response, now, login or UNNAMED)


def seconds_ahead(headers: Headers, now: float) -> float | None:
    """How far Jira's clock (the ``Date`` header) is ahead of ``now`` in seconds; None if it does not tell."""
    server = http_date(headers.get("Date"))
    return None if server is None else server - now


def _again(status: int, said: str, headers: Headers, now: float) -> Again:
    wait, lifted = _retry_after(headers, now), limits.lifted_at(headers)
    server = _server_time(headers, now)
    if status == 429 and wait is None and lifted is not None:
        wait = max(lifted - server, 0.0) or None
    throttled = status == 429 or (status == 503 and (bool(wait) or limits.is_named(headers)))
    until = server + wait if lifted is None and wait else lifted
    limit = limits.describe(headers, until) if throttled else ""
    error = FailedAnswerError if status in OWN_FAILURES else UnavailableError
    return Again(f"{said}; {limit}" if limit else said, throttled=throttled, wait_seconds=wait, error=error)


def _failure(status: int, what: str, response: Response, now: float, login: Login) -> TapError:
    said = f"{what} was answered {status}{quote(response)}"
    if lacks_scope(response):
        return ForbiddenError(
            f"{said}; the token was not given the scope for this: read:jira-work and read:jira-user are needed, and "
            "manage:jira-configuration for project roles",
            status,
        )
    # Some OAuth problems come with 400.
    if status == 401 or oauth_problem(response):
        return _not_accepted(what, response, now, login)
    if status == 403:
        return _forbidden(what, response, now, login)
    if status in (404, 410):
        if status == 404 and _is_jiras_own(response):
            return NothingFoundError(f"{said}; it does not exist, or this account may not see it", status)
        return NotFoundError(
            f"{said}; check base_url: it is what stands before /browse in the browser, with a context path such as "
            "/jira only if there is one",
            status,
        )
    if status == 400:
        return RefusedError(f"{said}; Jira does not accept the request as it is", status, words(response))
    return RefusedError(f"{said}; asking again would not help", status)


def _forbidden(what: str, response: Response, now: float, login: Login) -> TapError:
    said = f"{what} was answered {response.status}{quote(response)}"
    denied = response.headers.get("X-Authentication-Denied-Reason", "")
    if "CAPTCHA" in denied.upper():
        return AuthError(
            f"{said}; Jira wants a CAPTCHA after failed log-ins: log in once through a browser, then correct the "
            "password"
        )
    if BASIC_IS_OFF in response.body:
        return AuthError(
            f"{said}; basic authentication is switched off on this Jira: use a personal access token "
            "(personal_access_token instead of username and password)"
        )
    if b"Connect Session Auth Token" in response.body:
        return AuthError(f"{said}; Jira Cloud knows no personal access tokens: use email and api_token")
    if _is_denied(response.headers):
        return _not_accepted(what, response, now, login)
    return ForbiddenError(f"{said}; the account lacks the permission", 403)


def _check_identity(headers: Headers, what: str, login: Login) -> None:
    """Jira answers 200 with what the public may see when it does not know us; only headers tell."""
    reason = headers.get("X-Seraph-LoginReason", "")
    if headers.get("X-AUSERNAME", "").lower() == "anonymous" or _is_denied(headers):
        raise AuthError(
            f"{what} was answered as to an anonymous visitor{f' ({reason})' if reason else ''}: {login.host} does not "
            f"accept {login.keys}, which may have expired or been revoked"
        )


def _is_denied(headers: Headers) -> bool:
    reasons = {reason.strip().upper() for reason in headers.get("X-Seraph-LoginReason", "").split(",")}
    return bool(reasons & DENIALS) and "OK" not in reasons


def lacks_scope(response: Response) -> bool:
    """Whether Atlassian's gateway knows the token and says that it does not reach so far."""
    return response.status in (401, 403) and b"scope does not match" in response.body


def _not_accepted(what: str, response: Response, now: float, login: Login) -> AuthError:
    problem = oauth_problem(response)
    # The words of Jira may be the name of the problem and no more.
    said = f"{what} was answered {response.status}{quote(response, unless=problem)}"
    if not problem:
        return AuthError(
            f"{said}; {login.host} does not accept {login.keys}: correct the configuration, make new ones if they have "
            "expired or were revoked, or find out whether this way to log in is switched off there"
        )
    remedy = OAUTH_PROBLEMS.get(problem, "run tap-jira authorize again")
    ahead = seconds_ahead(response.headers, now)
    clocks = (
        f" (Jira's clock is {round(ahead):+d} s from ours)"
        if problem == "timestamp_refused" and ahead is not None
        else ""
    )
    return AuthError(f"{said}; {login.host} says {problem}: {remedy}{clocks}")


def oauth_problem(response: Response) -> str:
    """The OAuth 1.0a problem code in an answer, from its header or its form-encoded body; '' if there is none."""
    text = response.headers.get("WWW-Authenticate", "") + "&" + response.body[:2000].decode(errors="replace")
    match = re.search(r'oauth_problem="?([a-z_]+)', text)
    return match[1] if match else ""


def quote(response: Response, unless: str = "") -> str:
    """What the answer says of itself, as the end of a sentence: its own words, if these do not contain what is said
    anyhow, and the name of the request.
    """
    said = words(response)
    said = "" if unless and unless in said else said
    request_id = next((response.headers[name] for name in REQUEST_IDS if name in response.headers), "")
    return (f": {said}" if said else "") + (f" (request {request_id[:80]})" if request_id else "")


def words(response: Response) -> str:
    """What the answer says of itself, on one line and not too long."""
    said = " ".join(_said(response).split())
    if said.endswith(f"({response.status})") and said[: -len("(401)")].replace(" ", "").isalpha():
        # A page's title that is the status again.
        return ""
    return said[:LONGEST_QUOTE] + ("…" if len(said) > LONGEST_QUOTE else "")


def _said(response: Response) -> str:
    """The text of an error in any of Jira's shapes; of a web page, its title."""
    try:
        body = load(response.body)
    except ValueError:
        title = re.search(rb"<(?:title|message)[^>]*>([^<]*)", response.body[:20_000], re.IGNORECASE)
        return title[1].decode(errors="replace") if title else ""
    return "; ".join(_texts(body)) if isinstance(body, dict) else ""


def _texts(body: dict[str, Any]) -> list[str]:
    messages, errors = body.get("errorMessages"), body.get("errors")
    messages = messages if isinstance(messages, list) else []
    named = [f"{field}: {text}" for field, text in errors.items()] if isinstance(errors, dict) else []
    plain = [body.get(name) for name in ("message", "errorMessage", "error", "error_description")]
    return [str(text) for text in [*messages, *named, *plain] if text]


def _is_jiras_own(response: Response) -> bool:
    """Whether it is a resource of Jira that says no, not the server before it that knows no such path."""
    try:
        body = load(response.body)
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("errorMessages"), list) and bool(body["errorMessages"])


def _is_page(response: Response) -> bool:
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.body[:200].lstrip()[:1] == b"<"


def _retry_after(headers: Headers, now: float) -> float | None:
    """Seconds of ``Retry-After``, given as a number or a date; None if absent, zero, past or not understood."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,7}(\.\d+)?", text):
        return float(text) or None
    until = http_date(text)
    if until is None:
        return None
    return max(until - _server_time(headers, now), 0.0) or None


def _server_time(headers: Headers, now: float) -> float:
    server = http_date(headers.get("Date"))
    return now if server is None else server


def http_date(text: str | None) -> float | None:
    """Epoch seconds of an HTTP date; None if it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
