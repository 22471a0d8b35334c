"""What each answer means: taken, asked for again, or an error in words that help."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_jira import verdict
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
from tap_jira.retry import Again
from tap_jira.wire import Headers, NetworkError, Response

NOW = 1_700_000_000.0
WHAT = "GET /rest/api/2/search"


def answer(status: int, body: Any = None, **headers: str) -> Response:
    """An answer with a JSON body; headers are written with underscores."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response.of_json({} if body is None else body, status, fields)


def page(status: int, html: bytes, **headers: str) -> Response:
    fields = {"Content-Type": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(status, Headers(fields), html)


def check(response: Response, now: float = NOW) -> None:
    verdict.check(response, WHAT, now=now)


def failure(response: Response, now: float = NOW) -> str:
    """The text of the error that ends the request."""
    with pytest.raises(TapError) as caught:
        check(response, now)
    return str(caught.value)


def again(response: Response, now: float = NOW) -> Again:
    """The wish for another try."""
    with pytest.raises(Again) as caught:
        check(response, now)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204])
def test_good_answers_pass(status: int) -> None:
    """An answer of the 200s with data is taken."""
    check(answer(status, X_AUSERNAME="tap-reader", X_Seraph_LoginReason="OK"))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status: int) -> None:
    """Overload and failure of the server may pass."""
    assert again(answer(status)).reason == f"{WHAT} was answered {status}"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, FailedAnswerError),
        (502, FailedAnswerError),
        (504, FailedAnswerError),
        (503, UnavailableError),
        (429, UnavailableError),
    ],
)
def test_failing_over_one_thing_is_told_from_being_away(status: int, error: type[TapError]) -> None:
    """What one issue that Jira cannot print looks like is not the same as a site that is down or too busy."""
    assert again(answer(status)).error is error


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (400, RefusedError, "does not accept the request as it is"),
        (401, AuthError, "Jira does not accept the credentials: correct"),
        (403, ForbiddenError, "the account lacks the permission"),
        (404, NothingFoundError, "it does not exist, or this account may not see it"),
        (405, RefusedError, "asking again would not help"),
        (410, NotFoundError, "check base_url"),
        (414, RefusedError, "asking again would not help"),
        (301, RefusedError, "asking again would not help"),
        (501, RefusedError, "asking again would not help"),
    ],
)
def test_what_will_not_pass_is_an_error(status: int, kind: type[TapError], remedy: str) -> None:
    """A refusal is an error of the kind that fits, which names the request, the status and what to do."""
    with pytest.raises(kind) as caught:
        check(answer(status, {"errorMessages": ["No."]}))

    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{WHAT} was answered {status}: No.; ")
    assert remedy in str(caught.value)


@pytest.mark.parametrize("body", [{"message": "null for uri"}, {"errorMessages": []}, [], "x"])
def test_a_path_that_is_not_there(body: Any) -> None:
    """A 404 that is not a resource's own word says that the path is missing, and what to check."""
    with pytest.raises(NotFoundError, match="check base_url") as caught:
        check(answer(404, body))

    assert type(caught.value) is NotFoundError


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_carries_its_status(status: int) -> None:
    """Who handles a refusal can ask for its status."""
    with pytest.raises(RefusedError) as caught:
        check(answer(status))

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("0", None),
        ("0.0", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("Wed, 99 Foo 2015", None),
        ("Mon, 99999999999999999999 Jan 2024 00:00:00 GMT", None),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), None),
        (formatdate(NOW, usegmt=True), None),
    ],
)
def test_retry_after(text: str, expected: float | None) -> None:
    """Retry-After is read as seconds or as a date; zero, the past and nonsense say nothing."""
    assert again(answer(429, Retry_After=text)).wait_seconds == expected


@given(st.text())
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    """Whatever stands in Retry-After, the request is asked again."""
    wait = again(answer(503, Retry_After=text)).wait_seconds

    assert wait is None or wait > 0


def test_a_date_in_retry_after_is_read_by_jiras_clock() -> None:
    """If our clock is an hour off, a date to come back at still means the seconds that Jira meant."""
    response = answer(429, Retry_After=formatdate(NOW + 30, usegmt=True), Date=formatdate(NOW, usegmt=True))

    assert again(response, now=NOW + 3600).wait_seconds == 30.0


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [(429, "7", True), (429, "0", True), (429, "", True), (503, "7", True), (503, "0", False), (500, "7", False)],
)
def test_throttling_is_told_from_failure(status: int, retry_after: str, expected: bool) -> None:
    """429 is throttling, and so is a 503 that says when to come back; everything else is a failure."""
    assert again(answer(status, Retry_After=retry_after)).throttled is expected


def test_a_503_that_names_a_limit_is_throttling() -> None:
    """Cloud throttles with 503 too, and may name the limit without saying when to come back."""
    assert again(answer(503, RateLimit_Reason="jira-burst-based")).throttled


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X_RateLimit_Reset": "2023-11-14T22:14:20Z"}, 60.0),
        ({"X_RateLimit_Reset": "2023-11-14T22:14:20Z", "Retry_After": "7"}, 7.0),
        ({"X_RateLimit_Reset": "2023-11-14T22:14:20Z", "Date": formatdate(NOW + 50, usegmt=True)}, 10.0),
        ({"X_RateLimit_Reset": "2023-11-14T22:12:20Z"}, None),
    ],
)
def test_when_the_limit_is_lifted(headers: dict[str, str], expected: float | None) -> None:
    """Without Retry-After the time at which the limit is lifted says how long to wait, by Jira's clock."""
    assert again(answer(429, **headers)).wait_seconds == expected


def test_a_quota_is_named_with_its_end() -> None:
    """Which quota is used up is said, and until when: as Jira tells, or by Retry-After."""
    quota = {"RateLimit_Reason": "jira-quota-tenant-based", "Retry_After": "60"}
    told = again(answer(429, X_RateLimit_Reset="2023-11-14T23:00Z", **quota)).reason
    reckoned = again(answer(429, **quota)).reason

    assert told.endswith("that this app has for this site is used up until 2023-11-14 23:00:00 UTC")
    assert reckoned.endswith("is used up until 2023-11-14 22:14:20 UTC")


@pytest.mark.parametrize("problem", sorted(verdict.OAUTH_PROBLEMS))
def test_each_oauth_problem_has_its_remedy(problem: str) -> None:
    """Each problem that OAuth 1.0a knows is named, with its likely cause and what to do."""
    said = failure(answer(401, WWW_Authenticate=f'OAuth realm="https%3A%2F%2Fx", oauth_problem="{problem}"'))

    assert f"{problem}: {verdict.OAUTH_PROBLEMS[problem]}" in said


@pytest.mark.parametrize("problem", ["signature_method_rejected", "parameter_absent"])
def test_an_oauth_problem_with_400_is_an_error_of_log_in(problem: str) -> None:
    """Jira answers some OAuth problems with 400: they are explained all the same."""
    response = answer(400, WWW_Authenticate=f'OAuth realm="x", oauth_problem="{problem}"')

    with pytest.raises(AuthError, match=f"{problem}: "):
        check(response)


def test_an_oauth_problem_in_the_body() -> None:
    """The addresses of the OAuth dance tell the problem in a form-encoded body."""
    body = b"oauth_problem=token_rejected&oauth_signature_base_string=GET%26https"

    assert "token_rejected: " in failure(Response(401, Headers(), body))


def test_an_oauth_problem_is_said_once() -> None:
    """Where Jira's own words are the problem's name, they are not repeated beside its explanation."""
    title = b"<html><title>OAuth problem: token_rejected</title></html>"
    said = failure(page(401, title, WWW_Authenticate='OAuth oauth_problem="token_rejected"', X_AREQUESTID="7x1"))

    assert said.startswith(f"{WHAT} was answered 401 (request 7x1); Jira says token_rejected: Jira does not")
    assert said.count("token_rejected") == 1


def test_a_stranger_may_be_answered_as_one() -> None:
    """A request without credentials is answered as to an anonymous visitor, which is no fault."""
    verdict.check(answer(200, X_AUSERNAME="anonymous"), WHAT, now=NOW, login=None)


def test_an_unknown_oauth_problem_is_named() -> None:
    """A problem we have no words for is named as Jira names it."""
    said = failure(answer(401, WWW_Authenticate='OAuth oauth_problem="verifier_invalid"'))

    assert "verifier_invalid: run tap-jira authorize again" in said


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(("ahead", "expected"), [(600, "+600 s"), (-600, "-600 s")])
def test_the_clocks_are_compared(status: int, ahead: int, expected: str) -> None:
    """A refused timestamp says by how much Jira's clock differs from ours, whatever its status."""
    response = answer(
        status,
        WWW_Authenticate='OAuth oauth_problem="timestamp_refused"',
        Date=formatdate(NOW + ahead, usegmt=True),
        X_Seraph_LoginReason="AUTHENTICATED_FAILED",
    )

    assert f"(Jira's clock is {expected} from ours)" in failure(response)


def test_a_personal_access_token_at_cloud() -> None:
    """Cloud takes a bearer token for an app's; the error says which login Cloud has instead."""
    answer = Response.of_json({"error": "Failed to parse Connect Session Auth Token"}, 403)
    with pytest.raises(AuthError, match="no personal access tokens: use email and api_token"):
        verdict.check(answer, "GET it", now=0)


def test_a_captcha_needs_a_person() -> None:
    """Once Jira wants a CAPTCHA, only a log-in through a browser helps, and we do not ask again."""
    denied = "CAPTCHA_CHALLENGE; login-url=https://jira.example.com/login.jsp"
    said = failure(page(403, b"<html></html>", X_Authentication_Denied_Reason=denied))

    assert "log in once through a browser" in said


@pytest.mark.parametrize("reason", sorted(verdict.DENIALS))
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_denied_log_in_is_never_taken_for_data(status: int, reason: str) -> None:
    """X-Seraph-LoginReason tells that we were not let in, whatever the status."""
    with pytest.raises(AuthError):
        check(answer(status, [], X_Seraph_LoginReason=reason.lower()))


def test_an_anonymous_answer_is_an_error() -> None:
    """200 with what the public may see is no answer to us."""
    assert "as to an anonymous visitor" in failure(answer(200, [], X_AUSERNAME="anonymous"))


def test_several_reasons_the_last_of_which_is_good() -> None:
    """Behind some proxies the header comes twice, first for the stranger and then for us."""
    check(answer(200, X_Seraph_LoginReason="OUT, OK", X_AUSERNAME="tap-reader"))


@pytest.mark.parametrize(
    "reasons", ["OUT, AUTHENTICATED_FAILED", "AUTHENTICATED_FAILED,OUT", "out,authenticated_failed"]
)
@pytest.mark.parametrize("status", [200, 403])
def test_several_reasons_none_of_which_is_good(status: int, reasons: str) -> None:
    """A denial is seen among several reasons: so Jira Cloud answers an expired API token, with 200 and empty lists."""
    with pytest.raises(AuthError):
        check(answer(status, [], X_Seraph_LoginReason=reasons))


def test_basic_authentication_that_is_switched_off() -> None:
    """Where Jira takes no passwords, the error says so and what to use instead."""
    with pytest.raises(AuthError, match="switched off on this Jira: use a personal access token"):
        check(answer(403, {"message": "Basic Authentication has been disabled on this instance."}))


@pytest.mark.parametrize("status", [401, 403])
def test_a_scope_that_is_missing(status: int) -> None:
    """A token without the scope for one thing is good for others, and the error names the scopes."""
    with pytest.raises(ForbiddenError, match="manage:jira-configuration for project roles"):
        check(answer(status, {"code": status, "message": "Unauthorized; scope does not match"}))


@pytest.mark.parametrize(
    "response",
    [
        page(200, b"<!DOCTYPE html><title>Sign in</title>"),
        Response(200, Headers({"Content-Type": "application/json"}), b"  \n<html>"),
        Response(200, Headers(), b"<?xml version='1.0'?><a/>"),
    ],
)
def test_a_web_page_is_not_data(response: Response) -> None:
    """A page for people with status 200 is a log-in page that stands before Jira, and the error says so."""
    assert "web page instead of data: a log-in or maintenance page" in failure(response)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errorMessages": ["One.", "Two."], "errors": {}}, ": One.; Two.;"),
        ({"errorMessages": [], "errors": {"jql": "bad", "fields": "worse"}}, ": jql: bad; fields: worse;"),
        ({"errorMessages": [], "errors": {}}, "answered 400;"),
        ({"message": "Client must be authenticated.", "status-code": 401}, ": Client must be authenticated.;"),
        ({"errorMessage": "Service desk."}, ": Service desk.;"),
        ({"error": "invalid_grant", "error_description": "Unknown token"}, ": invalid_grant; Unknown token;"),
        ({"errorMessages": "text", "errors": ["list"]}, "answered 400;"),
        ({"errorMessages": [{"a": 1}, None, 5]}, ": {'a': 1}; 5;"),
        (["list"], "answered 400;"),
        (None, "answered 400;"),
        ({"message": "several\n  lines\tof text"}, ": several lines of text;"),
    ],
)
def test_what_jira_said_is_quoted(body: Any, expected: str) -> None:
    """The text is found in each of the shapes that Jira's errors have, and quoted on one line."""
    assert expected in failure(answer(400, body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html><head><title>Unauthorized (401)</title></head></html>", ": Unauthorized (401);"),
        (b"<status><message>Search limit exceeded</message></status>", ": Search limit exceeded;"),
        (b"<html><head><title>Method Not Allowed (405)</title></head></html>", "answered 405;"),
        (b"<html><body><h1>nginx</h1></body></html>", "answered 405;"),
        (b"\xff\xfe\x00", "answered 405;"),
        (b"", "answered 405;"),
        (b"[" * 100_000, "answered 405;"),
    ],
)
def test_of_a_page_the_title_is_quoted(body: bytes, expected: str) -> None:
    """Of an answer that is no JSON, its title or message is quoted, or nothing."""
    assert expected in failure(page(405, body))


def test_a_gateway_page_is_a_failure_that_may_pass() -> None:
    """A proxy's page with 502 is asked again."""
    assert again(page(502, b"<html><title>Bad gateway</title>")).reason == f"{WHAT} was answered 502: Bad gateway"


def test_long_texts_are_cut() -> None:
    """Of a long text the beginning is quoted."""
    said = failure(answer(400, {"errorMessages": ["x" * 5000]}))

    assert "x" * verdict.LONGEST_QUOTE + "…" in said
    assert "x" * (verdict.LONGEST_QUOTE + 1) not in said


@pytest.mark.parametrize(
    ("kind", "error", "expected"),
    [
        ("redirect", AuthError, "was redirected to d, where credentials are not sent"),
        ("tls", RefusedError, "to Jira (d); if your network has its own certificate authority, set ca_bundle"),
        ("no_tls", RefusedError, "the port at Jira speaks no TLS (d); correct base_url"),
        ("too_large", FailedAnswerError, "the answer is larger than d; select fewer fields or lower page_size"),
        ("connect", Again, "Jira could not be reached (d)"),
        ("proxy", Again, "the proxy did not connect us to Jira (d)"),
        ("timeout", Again, "no answer (timeout: d)"),
        ("reset", Again, "no answer (reset: d)"),
        ("truncated", Again, "no answer (truncated: d)"),
    ],
)
def test_missing_answers(kind: str, error: type[Exception], expected: str) -> None:
    """No answer at all is asked for again, unless it was refused for a reason that stays."""
    with pytest.raises(error) as caught:
        verdict.check_network(NetworkError(kind, "d"), WHAT)

    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("detail", "remedy"),
    [
        ("certificate verify failed: certificate has expired", "see that this machine's date is right"),
        ("certificate is not valid for 'jira'", "base_url must name the host as its certificate does"),
        ("IP address mismatch", "base_url must name the host as its certificate does"),
        ("certificate verify failed: self-signed certificate", "set ca_bundle"),
    ],
)
def test_why_a_certificate_is_not_trusted(detail: str, remedy: str) -> None:
    """A bundle of certificates is advised where one would help, and nowhere else."""
    with pytest.raises(RefusedError) as caught:
        verdict.check_network(NetworkError("tls", detail), WHAT)

    assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", NOW),
        ("Tue, 14 Nov 2023 22:13:20 -0000", NOW),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", NOW),
        (None, None),
        ("", None),
        ("no date", None),
        ("Tue, 14 Nov 2023 22:13:20 +99999999", None),
    ],
)
def test_dates_of_http(text: str | None, expected: float | None) -> None:
    """Dates in headers are read in the forms HTTP allows; nonsense is no date."""
    assert verdict.http_date(text) == expected


def test_how_far_the_clocks_are_apart() -> None:
    """The Date header tells how far Jira's clock is ahead; without it nobody knows."""
    assert verdict.seconds_ahead(Headers({"Date": formatdate(NOW + 5, usegmt=True)}), NOW) == 5.0
    assert verdict.seconds_ahead(Headers(), NOW) is None
