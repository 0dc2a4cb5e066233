"""`/openapi.json`: the description of the API, for everybody; it tells nothing of what is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson
from aiohttp import web

from gateway.api.declare import Route
from gateway.api.describing import describe


class Description:
    """Made once."""

    def __init__(self, routes: Iterable[Route], release: str) -> None:
        self.body = orjson.dumps(describe(routes, release=release))
        self.tag = f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.get("/openapi.json", self.document)]

    async def document(self, request: web.Request) -> web.Response:
        """The document, or 304 where the caller has it."""
        headers = {"ETag": self.tag, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
        if self.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, content_type="application/json", headers=headers)
