"""What the handlers of this stand-in share: who asks, for which project, for which page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

import orjson
from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.issues import PATH, PROJECT
from connectors.sandbox.people import Person

API = "/api/v4"


def known_project(request: web.Request) -> None:
    """By number or by encoded path. Raises Refusal with 404."""
    if unquote(request.match_info["project"]) not in (str(PROJECT), PATH):
        raise answers.refused(404, "404 Project Not Found")


def person_of(request: web.Request) -> Person:
    """Who asks."""
    person = signed_in(request)
    assert person is not None, "every path needs somebody"
    return person


def page_of(request: web.Request, found: list[dict[str, Any]]) -> web.Response:
    """One page of a list, counted."""
    number, size = int(request.query.get("page", "1")), min(int(request.query.get("per_page", "20")), 100)
    shown = found[(number - 1) * size : number * size]
    more = number * size < len(found)
    headers = {"X-Page": str(number), "X-Per-Page": str(size), "X-Next-Page": str(number + 1) if more else ""}
    if more:
        asked = {**request.query, "page": str(number + 1)}
        headers["Link"] = f'<{request.url.origin()}{request.path}?{urlencode(asked)}>; rel="next"'
    return answers.body(shown, headers=headers)


async def given_to(request: web.Request) -> dict[str, Any]:
    """The body. Raises Refusal with 400."""
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise answers.refused(400, "the body is not JSON", key="error")
    return given


def since_of(request: web.Request) -> int:
    """`updated_after` in milliseconds. Raises Refusal with 400."""
    text = request.query.get("updated_after")
    if text is None:
        return 0
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise answers.refused(400, "updated_after is invalid", key="error") from None
