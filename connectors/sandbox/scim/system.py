"""A SCIM 2.0 server as a whole: people sign in by bearer token, scim2-server answers below `/scim/v2`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from scim2_models import Error, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from scim2_server.utils import load_default_provider

from connectors import directory
from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import Person, by_token
from connectors.sandbox.scim.storage import FileStorage
from connectors.sandbox.site import Delivery, Refusal, Site

PATH = "/scim/v2"


class ScimServer:
    """Implements `site.System`."""

    name = "scim"

    def __init__(self, site: Site) -> None:
        provider = load_default_provider()
        self._site, self._service = site, ScimService(provider)
        self._storage = FileStorage(site, provider)
        self._handler = ScimHandler(self._service, self._storage)

    def routes(self) -> list[web.RouteDef]:
        """All below `/scim/v2`."""
        return [web.route("*", PATH + "{path:(/.*)?}", self.serve)]

    async def serve(self, request: web.Request) -> web.Response:
        """What scim2-server answers."""
        asked = ScimRequest(
            method=request.method,
            base_url=f"{self._site.base_url}{PATH}",
            path=request.match_info["path"] or "/",
            query=dict(request.query),
            headers=list(request.headers.items()),
            body=await request.read(),
        )
        self._storage.person = signed_in(request)
        try:
            return _response(self._handler.handle(asked))
        except SCIMException as refusal:
            return _response(self._service.error_response(refusal))

    def sign_in(self, request: web.Request) -> Person | None:
        """A bearer token (facts.md 4.3 [RFC])."""
        person = self._site.bearer(request.headers.get("Authorization", ""))
        if person is None:
            raise Refusal(self.unauthorised())
        return person

    def actor(self, request: web.Request) -> str:
        """By the token given."""
        person = by_token(request.headers.get("Authorization", ""))
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET and searches by POST."""
        return request.method != "GET" and not request.path.endswith("/.search")

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """None of its own."""
        return {}

    def unauthorised(self) -> web.Response:
        """401."""
        return _error(401, "the token is not accepted", {"WWW-Authenticate": 'Bearer realm="SCIM"'})

    def no_route(self, status: int) -> web.Response:
        """404 or 405."""
        return _error(status, "there is nothing here")

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 or 5xx, or a refusal."""
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
        return _error(status, message or "in trouble", headers)

    def truncate(self, body: bytes) -> bytes:
        """What arrives of a document."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Users and groups."""
        return len(self._storage.resources)

    def objects(self) -> list[dict[str, Any]]:
        """All of them."""
        return [_shown(each.model_dump()) for each in self._storage.resources]

    def reset(self) -> None:
        """Forgets them."""
        self._storage.forget()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """SCIM has no webhooks."""
        return {}


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    external = str(document.get("externalId") or "")
    return {
        "object": str(document["meta"]["resourceType"]).lower(),
        "id": document["id"],
        "key": document.get("userName") or document.get("displayName") or "",
        "correlation": external.removeprefix("lockstep-") if external.startswith("lockstep-") else None,
        "raw": directory.shown(document),
        "comments": [],
    }


def _error(status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = orjson.dumps(Error(status=status, detail=detail).model_dump())
    return web.Response(status=status, body=body, headers={"Content-Type": "application/scim+json", **(headers or {})})


def _response(answer: ScimResponse) -> web.Response:
    body = None if answer.body is None else orjson.dumps(answer.body)
    return web.Response(status=int(answer.status), body=body, headers=answer.headers)
