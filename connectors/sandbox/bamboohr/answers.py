"""BambooHR's answers: JSON where it is asked for, else XML; a refusal has an empty body and its reason in a header
(facts.md 4.1 [HAR-BB]).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal

REASON = "X-BambooHR-Error-Message"


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status, body=orjson.dumps(value), headers={"Content-Type": "application/json", **(headers or {})}
    )


def employee(shown: Mapping[str, Any], request: web.Request) -> web.Response:
    """One employee: XML unless JSON is asked for [M]."""
    if "json" in request.headers.get("Accept", ""):
        return body(shown)
    fields = "".join(
        f"<field id={quoteattr(name)}>{escape(str(value or ''))}</field>"
        for name, value in shown.items()
        if name != "id"
    )
    return web.Response(text=f'<employee id="{shown["id"]}">{fields}</employee>', content_type="text/xml")


def empty(status: int, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An empty body; the reason stands in the header."""
    return web.Response(
        status=status, headers={"Content-Type": "text/html; charset=UTF-8", REASON: reason, **(headers or {})}
    )


def refused(status: int, reason: str) -> Refusal:
    """A refusal."""
    return Refusal(empty(status, reason))
