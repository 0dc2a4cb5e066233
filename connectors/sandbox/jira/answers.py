"""Jira's answers: JSON with its headers, and its refusals (facts.md 2.1, 2.3)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal

CONTENT_TYPE = "application/json;charset=UTF-8"
NOT_SEEN = "Issue does not exist or you do not have permission to see it."


def body(value: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=orjson.dumps(value), headers={"Content-Type": CONTENT_TYPE})


def refused(*messages: str, status: int = 400, errors: Mapping[str, str] | None = None) -> Refusal:
    """The error envelope: general messages and one per field."""
    return Refusal(body({"errorMessages": list(messages), "errors": dict(errors or {})}, status))


def not_found(message: str = NOT_SEEN) -> Refusal:
    """404, which also stands for "no permission"."""
    return refused(message, status=404)


def password_refused() -> web.Response:
    """Recorded: 401 in plain text, not JSON (facts.md 2.1 [HAR-JIRA])."""
    return web.Response(
        status=401,
        text="Basic authentication with passwords is deprecated.  For more information, see: "
        "https://developer.atlassian.com/cloud/confluence/deprecation-notice-basic-auth/\n",
        headers={
            "WWW-Authenticate": 'OAuth realm="https%3A%2F%2Fexample.atlassian.net"',
            "X-Seraph-LoginReason": "AUTHENTICATED_FAILED",
        },
    )


def anonymous_refused() -> Refusal:
    """401 for whoever did not sign in."""
    message = "Client must be authenticated to access this resource."
    return Refusal(body({"message": message, "status-code": 401}, 401))


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """429 may carry Retry-After; a proxy's 5xx is not JSON; others say `message`, or something that fits."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    if status == 429:
        headers |= {"X-RateLimit-NearLimit": "true", "RateLimit-Reason": "jira-burst-based"}
        response = body({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429)
    elif status >= 500:
        response = web.Response(
            status=status, text=f"<html><body><h1>{status}</h1></body></html>", content_type="text/html"
        )
    else:
        usual = "The issue was changed by someone else meanwhile." if status == 409 else f"Refused with {status}."
        response = body({"errorMessages": [message or usual], "errors": {}}, status)
    response.headers.update(headers)
    return response
