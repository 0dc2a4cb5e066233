"""GitLab's answers: `{"message": text or block}` or `{"error": text}` (facts.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status, body=orjson.dumps(value), headers={"Content-Type": "application/json", **(headers or {})}
    )


def refused(status: int, said: Any, *, key: str = "message") -> Refusal:
    """A refusal."""
    return Refusal(body({key: said}, status))


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """429 comes as plain text, 5xx from the proxy in front."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    if status == 429:
        return web.Response(status=429, text="Retry later\n", headers=headers)
    if status >= 500:
        return web.Response(status=status, text=f"<h1>{status}</h1>", content_type="text/html", headers=headers)
    return body({"message": message or f"{status} refused"}, status, headers)
