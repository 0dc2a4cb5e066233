"""What the handlers of this stand-in share: who asks, for which repository, with which body."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.github import answers
from connectors.sandbox.github.views import OWNER, REPO
from connectors.sandbox.people import Person

REPO_PATH = "/repos/{owner}/{repo}"


def person_of(request: web.Request) -> Person:
    """Who asks."""
    person = signed_in(request)
    assert person is not None, "every path needs somebody"
    return person


def known_repository(request: web.Request) -> None:
    """Raises Refusal with 404, which also hides what one may not see (facts.md 3.1)."""
    if (request.match_info["owner"].lower(), request.match_info["repo"].lower()) != (OWNER, REPO):
        raise answers.refused(404, "Not Found")


def known_organisation(request: web.Request) -> None:
    """Raises Refusal with 404."""
    if request.match_info["org"].lower() != OWNER:
        raise answers.refused(404, "Not Found")


async def given_to(request: web.Request) -> dict[str, Any]:
    """The body. Raises Refusal with 400."""
    content = await request.read()
    try:
        given = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        raise answers.refused(400, "Problems parsing JSON") from None
    if not isinstance(given, dict):
        raise answers.refused(400, "Body should be a JSON object")
    return given


def text_of(given: dict[str, Any], name: str, resource: str) -> str:
    """A text that has to be there. Raises Refusal with 422."""
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise answers.invalid(resource, name)
    return value
