"""GitHub's answers: errors as `{"message", ...}`, lists with `Link` and an etag (facts.md 3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal

_DOCS = "https://docs.github.com/rest"
_MOST = 100


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    given = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(value), headers=given)


def refused(status: int, said: str, errors: Sequence[Mapping[str, str]] = ()) -> Refusal:
    """A refusal."""
    told: dict[str, Any] = {"message": said, "documentation_url": _DOCS, "status": str(status)}
    return Refusal(body({**told, "errors": list(errors)} if errors else told, status))


def invalid(resource: str, field: str, code: str = "missing_field") -> Refusal:
    """422 that blames a field."""
    return refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": code}])


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """403 and 429 are limits, 5xx comes from the proxy in front."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    if status >= 500:
        return web.Response(status=status, text=f"<h1>{status}</h1>", content_type="text/html", headers=headers)
    said = message or ("You have exceeded a secondary rate limit." if status in (403, 429) else f"{status}")
    return body({"message": said, "documentation_url": _DOCS, "status": str(status)}, status, headers)


def page(request: web.Request, found: Sequence[Any], *, inside: str = "") -> web.Response:
    """One page of a list, counted; 304 without a body to who names it as it is. `inside`: its key, beside a total."""
    number, size = _number(request, "page", 1), min(_number(request, "per_page", 30), _MOST)
    shown = list(found[(number - 1) * size : number * size])
    content = orjson.dumps({"total_count": len(found), inside: shown} if inside else shown)
    headers = {
        "ETag": f'W/"{hashlib.sha256(content).hexdigest()}"',
        "Cache-Control": "private, max-age=60, s-maxage=60",
    }
    last = max(1, -(-len(found) // size))
    links = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        del links["next"], links["last"]
    if number <= 1:
        del links["prev"], links["first"]
    if links:
        headers["Link"] = ", ".join(f'<{_at(request, to)}>; rel="{rel}"' for rel, to in links.items())
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, headers={"Content-Type": "application/json; charset=utf-8", **headers})


def _at(request: web.Request, number: int) -> str:
    return f"{request.url.origin()}{request.path}?{urlencode({**request.query, 'page': str(number)})}"


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else usual
