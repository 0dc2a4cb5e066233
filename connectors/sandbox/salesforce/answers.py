"""Salesforce's answers: an error is a list of `{message, errorCode, fields}` (facts.md 5.1 [HAR-SF])."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    return web.Response(status=status, body=orjson.dumps(value), headers={**kind, **(headers or {})})


def error(status: int, code: str, message: str, fields: Sequence[str] = ()) -> web.Response:
    """One error, in its list."""
    said: dict[str, object] = {"message": message, "errorCode": code}
    return body([said | ({"fields": list(fields)} if fields else {})], status)


def refused(status: int, code: str, message: str, fields: Sequence[str] = ()) -> Refusal:
    """A refusal."""
    return Refusal(error(status, code, message, fields))


def expired() -> web.Response:
    """As recorded: the header says Token, the body a list."""
    answer = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    answer.headers["WWW-Authenticate"] = "Token"
    return answer


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """Too much is a 403 (429 comes from the network in front), an instance in trouble a 503 [M]."""
    codes = {403: "REQUEST_LIMIT_EXCEEDED", 503: "SERVER_UNAVAILABLE", 400: "UNABLE_TO_LOCK_ROW"}
    answer = error(status, codes.get(status, "UNKNOWN_EXCEPTION"), message or "An unexpected error occurred")
    if retry_after_s is not None:
        answer.headers["Retry-After"] = f"{retry_after_s:g}"
    return answer
