"""The desk's answers: JSON, and refusals that name the field."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status, body=orjson.dumps(value), headers={"Content-Type": "application/json", **(headers or {})}
    )


def refused(status: int, text: str, *, field: str = "") -> Refusal:
    """`{"errors": [{"text", "field"}], "fields": {field: text}}`."""
    told = {"errors": [{"text": text, "field": field or None}], "fields": {field: text} if field else {}}
    return Refusal(body(told, status))


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """A desk in trouble: 5xx come from the proxy in front of it and are no JSON."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    if status >= 500:
        return web.Response(status=status, text=f"<h1>{status}</h1>", content_type="text/html", headers=headers)
    told = {"errors": [{"text": message or f"refused with {status}", "field": None}], "fields": {}}
    return body(told, status, headers)
