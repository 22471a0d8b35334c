"""The shapes in which Jira says no."""

from __future__ import annotations

from collections.abc import Mapping

from tap_jira.wire import Headers, Response

_TOMCAT = (
    "<html>\n<head>\n<title>{title} ({status})</title>\n</head>\n<body>\n<h1>{title} ({status})</h1>\n"
    "<p>Encountered a <code>&quot;{title}&quot;</code> error while loading this page.</p>\n"
    "<p>Basic Authentication Failure - Reason : {reason}</p>\n</body>\n</html>\n"
)


def refusal(status: int, *messages: str, headers: Mapping[str, str] | None = None) -> Response:
    """``{"errorMessages": [...], "errors": {}}``, the usual shape."""
    return Response.of_json({"errorMessages": list(messages), "errors": {}}, status, headers)


def rest_refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """``{"message": ..., "status-code": ...}``, the shape of Data Center's REST filter."""
    return Response.of_json({"message": message, "status-code": status}, status, headers)


def html(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page meant for a browser."""
    return Response(status, Headers({"Content-Type": "text/html;charset=UTF-8", **(headers or {})}), body.encode())


def log_in_page(status: int, title: str, reason: str, headers: Mapping[str, str]) -> Response:
    """The Tomcat page that a failed log-in gets."""
    return html(status, _TOMCAT.format(status=status, title=title, reason=reason), headers)


def log_in_first() -> Response:
    """What an anonymous caller gets from a resource that is not for everyone."""
    return rest_refusal(401, "Client must be authenticated to access this resource.")


def beyond_window(window: int) -> Response:
    """What Jira with a result window answers when a page reaches past it: XML-like, with status 500."""
    # KB "Handling JQL REST API searching exceeding MAX_RESULT_WINDOW in Jira".
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><status><status-code>500</status-code><message>Search limit exceeded: '
        f"startAt + maxResults must not be over {window} (jira.search.platform.max.result.window)</message></status>"
    )
    return Response(500, Headers({"Content-Type": "application/xml;charset=UTF-8"}), body.encode())
