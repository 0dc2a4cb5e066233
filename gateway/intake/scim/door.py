"""`/scim/v2/{connection}`: who pushes and whether there is room is asked here; the protocol answers the rest.

What changes something is accepted when the database has it, together with the change for the stream. The stream gets it
before the answer; where it cannot, the connection's poll brings it later (ADR 0172).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from aiohttp import web
from scim2_models import Error, SCIMException
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import StorageError
from connectors.contract.pushed import TakesPushes
from connectors.contract.values import Change
from gateway.access.asking import NotSignedIn, principal_of
from gateway.access.rights import Right
from gateway.intake.bodies import BODY_S, body_of
from gateway.intake.fitting import entry
from gateway.intake.pressure import Full, Pressure
from gateway.intake.scim import store
from gateway.intake.scim.place import PATH
from gateway.intake.scim.protocol import Protocol, protocol
from gateway.intake.scim.storage import Resources
from gateway.storage.database import Database
from gateway.streams.port import Stream

RETRY_AFTER_S = 5
PRESSED_S = 30
READS = frozenset({"GET", "HEAD"})

log = structlog.get_logger()


class Answered(Exception):
    """What is answered instead of going on; `code` is counted."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, dict(headers or {})


@dataclass(slots=True)
class ScimDoor:
    """The endpoint of all connections that are pushed to. `refused` and `accepted` count as those of webhooks do."""

    connectors: Mapping[str, Connector]
    database: Database
    stream: Stream
    clock: Clock
    pressure: Pressure
    address: str
    """Scheme, host and port that providers push to."""
    paused: Callable[[str], str] = lambda connection: ""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    protocol: Protocol = field(default_factory=protocol)

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [
            web.route("*", f"{PATH}/{{connection}}", self.serve),
            web.route("*", f"{PATH}/{{connection}}/{{path:.*}}", self.serve),
        ]

    async def serve(self, request: web.Request) -> web.Response:
        """One SCIM request; every answer, errors too, is a SCIM message."""
        name = request.match_info["connection"]
        try:
            connector = self._entered(name, request)
            if request.method not in READS:
                self._room(name)
            with self.pressure.room.body() as room:
                return await self._served(name, connector, request, room.grow)
        except Full:
            busy = Answered(503, "busy", "too many bodies are being received", _later(RETRY_AFTER_S))
            return self._refusal(name, busy)
        except Answered as refusal:
            return self._refusal(name, refusal)
        except StorageError as error:
            log.warning("a push cannot be stored", connection=name, error=str(error))
            away = "nothing was accepted; send it again"
            return self._refusal(name, Answered(503, "not_durable", away, _later(RETRY_AFTER_S)))

    def _entered(self, name: str, request: web.Request) -> TakesPushes:
        """Raises Answered: 401 without a token, 403 without the right, 404 for what is not in the token's scope."""
        try:
            if "Authorization" not in request.headers:
                raise NotSignedIn("send the connection's token: Authorization: Bearer ...")
            who = principal_of(request)
        except NotSignedIn as error:
            challenge = {"WWW-Authenticate": 'Bearer realm="SCIM"'}
            raise Answered(401, "not_signed_in", str(error), challenge) from error
        connector = self.connectors.get(name)
        if connector is None or not isinstance(connector, TakesPushes) or not who.covers(connection=name):
            raise Answered(404, "unknown_connection", f"nobody pushes to a connection {name[:40]!r} here")
        if not who.may(Right.PUSH, connection=name):
            raise Answered(403, "no_right", "the token may not push; make one with the role provisioner")
        return connector

    def _room(self, name: str) -> None:
        """Raises Answered while nothing can be taken in."""
        if reason := self.pressure.reason():
            raise Answered(503, "pressed", f"{reason}; nothing was accepted, send it again", _later(PRESSED_S))
        if reason := self.paused(name):
            raise Answered(503, "paused", f"{reason}; nothing was accepted, send it again", _later(PRESSED_S))

    async def _served(
        self, name: str, connector: TakesPushes, request: web.Request, grow: Callable[[int], None]
    ) -> web.Response:
        asked = self._asked(name, request, await self._body(request, grow))
        resources = Resources(
            self.database,
            name,
            connector,
            now=self.clock.now,
            model=self.protocol.get_model,
            writes=request.method not in READS and not asked.path.endswith(".search"),
            traceparent=request.headers.get("traceparent", ""),
        )
        try:
            answer = await AsyncScimHandler(self.protocol, resources).handle(asked)
        except SCIMException as error:
            self.refused[(name, error.scim_type or str(error.status))] += 1
            answer = self.protocol.error_response(error)
        finally:
            await self._tell(name, resources.accepted)
        return _response(answer)

    def _asked(self, name: str, request: web.Request, body: bytes) -> ScimRequest:
        return ScimRequest(
            method=request.method,
            base_url=f"{self.address}{PATH}/{name}",
            path="/" + request.match_info.get("path", ""),
            query=dict(request.query),
            headers=list(request.headers.items()),
            body=body,
        )

    async def _body(self, request: web.Request, grow: Callable[[int], None]) -> bytes:
        longest = self.pressure.limits.body
        try:
            async with asyncio.timeout(BODY_S):
                return await body_of(request, longest, grow)
        except TimeoutError as error:
            raise Answered(408, "slow", f"the body did not end within {BODY_S:g} seconds") from error
        except web.HTTPRequestEntityTooLarge as error:
            raise Answered(413, "too_large", f"bodies may have {longest} bytes") from error
        except web.RequestPayloadError as error:
            raise Answered(400, "unreadable", "the body is not encoded as its headers say, or was cut off") from error

    async def _tell(self, name: str, accepted: list[tuple[int, Change]]) -> None:
        """Gives the stream what the database has. What does not get there is brought by the connection's poll."""
        if not accepted:
            return
        self.accepted[name] += len(accepted)
        try:
            await self.stream.append_many([entry(change) for _, change in accepted])
            async with self.database.begin("scim.told") as tx:
                await store.forget(tx, name, [number for number, _ in accepted])
        except StorageError as error:
            log.warning("what was pushed gets into the stream later", connection=name, error=str(error))

    def _refusal(self, name: str, why: Answered) -> web.Response:
        key = name if name in self.connectors else "-"
        self.refused[(key, why.code)] += 1
        body: Any = Error(status=why.status, detail=why.detail).model_dump()
        return _response(ScimResponse(HTTPStatus(why.status), body, why.headers))


def _later(after_s: int) -> dict[str, str]:
    return {"Retry-After": str(after_s)}


def _response(answer: ScimResponse) -> web.Response:
    body = None if answer.body is None else orjson.dumps(answer.body)
    headers = {"Content-Type": "application/scim+json", **answer.headers, "Cache-Control": "no-store"}
    return web.Response(status=int(answer.status), body=body, headers=headers)
