"""`/openapi.json` and `/problems/...`: what the API is and what its problems mean, for everybody; nothing of what is
stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson
from aiohttp import web

from gateway.api.declare import Route
from gateway.api.describing import describe
from gateway.core.problem_types import PROBLEMS
from gateway.core.problems import BASE, problem


class Description:
    """Made once."""

    def __init__(self, routes: Iterable[Route], release: str) -> None:
        self.body = orjson.dumps(describe(routes, release=release))
        self.tag = f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.get("/openapi.json", self.document), web.get(f"{BASE}{{code}}", meaning)]

    async def document(self, request: web.Request) -> web.Response:
        """The document, or 304 where the caller has it."""
        headers = {"ETag": self.tag, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
        if self.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, content_type="application/json", headers=headers)


async def meaning(request: web.Request) -> web.Response:
    """What a problem of this type means and what to do about it: where its `type` leads."""
    code = request.match_info["code"]
    if code not in PROBLEMS:
        return problem(404, "not-found", "no problem of this gateway's version has this code")
    kind = PROBLEMS[code]
    text = f"{kind.title}\n\n{kind.meaning}\n\nStatus {kind.status}, code {code}. The API: /openapi.json\n"
    return web.Response(text=text, content_type="text/plain", headers={"Cache-Control": "public, max-age=300"})
