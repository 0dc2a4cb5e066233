"""`POST /hooks/{connection}`: verified, read, appended; answered 2xx only when durable (P1)."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import InputError, SignatureError, StorageError
from connectors.contract.values import Received, Webhook
from gateway.core.problems import problem
from gateway.intake.bodies import BODY_S, body_of
from gateway.intake.fitting import entry, fit
from gateway.intake.pressure import Full, Pressure
from gateway.streams.port import Stream

RETRY_AFTER_S = 5
PRESSED_S = 30
"""Retry-After while a disk or a database has to be seen to."""
UNKNOWN = ("-", "unknown_connection")
"""Key of `refused` for webhooks to a connection that is not configured."""
UNKNOWN_EVERY_S = 60.0
"""Such a webhook is logged so often at most."""
NAME_SHOWN = 40
"""Characters of a name that somebody sent; a connection's has no more."""

log = structlog.get_logger()


@dataclass(slots=True)
class Hooks:
    """Receives webhooks. `refused` counts refusals by (connection, reason); of a refused body only a digest is logged.

    `accepted` counts changes, `ignored` webhooks that were understood and carry nothing for any flow.
    """

    connectors: Mapping[str, Connector]
    stream: Stream
    clock: Clock
    pressure: Pressure
    paused: Callable[[str], str] = lambda connection: ""
    """Why a person wants nothing taken in from a connection now, if so; its sender is asked to come again."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    _told_unknown: float | None = None

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.post("/hooks/{connection}", self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """200 with the number of changes; 4xx tells the sender not to repeat; 503 asks it to."""
        name = request.match_info["connection"]
        connector = self.connectors.get(name)
        if connector is None:
            return self._unknown(name)
        if reason := self.pressure.reason():
            return self._later(name, "pressed", reason, PRESSED_S)
        if reason := self.paused(name):
            return self._later(name, "paused", reason, PRESSED_S)
        try:
            with self.pressure.room.body() as room:
                return await self._received(name, connector, request, room.grow)
        except Full:
            return self._later(name, "busy", "too many bodies are being received", RETRY_AFTER_S)

    def _later(self, name: str, code: str, reason: str, after_s: int) -> web.Response:
        self.refused[(name, code)] += 1
        detail = f"{reason}; nothing was accepted, send it again"
        return problem(503, code, detail, headers={"Retry-After": str(after_s)})

    async def _received(
        self, name: str, connector: Connector, request: web.Request, grow: Callable[[int], None]
    ) -> web.Response:
        longest = self.pressure.limits.body
        try:
            async with asyncio.timeout(BODY_S):
                body = await body_of(request, longest, grow)
        except TimeoutError:
            self.refused[(name, "slow")] += 1
            return problem(408, "slow", f"the body did not end within {BODY_S:g} seconds")
        except web.HTTPRequestEntityTooLarge:
            self.refused[(name, "too_large")] += 1
            return problem(413, "too-large", f"bodies may have {longest} bytes")
        except web.RequestPayloadError:
            self.refused[(name, "unreadable")] += 1
            return problem(400, "unreadable", "the body is not encoded as its headers say, or was cut off")
        return await self._take(name, connector, request, body)

    def _unknown(self, name: str) -> web.Response:
        """Nobody signed for it, so anybody may send any name: one count for all, and a line in the log now and then."""
        self.refused[UNKNOWN] += 1
        now = self.clock.monotonic()
        if self._told_unknown is None or now - self._told_unknown >= UNKNOWN_EVERY_S:
            self._told_unknown = now
            log.warning(
                "webhook for an unknown connection",
                connection=name[:NAME_SHOWN],
                known=sorted(self.connectors),
                so_far=self.refused[UNKNOWN],
            )
        return problem(404, "unknown-connection", f"there is no connection {name[:NAME_SHOWN]!r} here")

    async def _take(self, name: str, connector: Connector, request: web.Request, body: bytes) -> web.Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        webhook = Webhook(
            headers=headers,
            body=body,
            query=dict(request.query),
            url=str(request.url),
            received_at=self.clock.now(),
        )
        try:
            received = connector.receive(webhook)
            for change in received.changes:
                fit(change)
            await self._append(received)
        except InputError as error:
            return self._refuse(name, body, error)
        except StorageError as error:
            log.warning("intake cannot store", connection=name, error=str(error))
            detail = "nothing was accepted; send it again"
            return problem(503, "not-durable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
        self.accepted[name] += len(received.changes)
        self.ignored[name] += not received.changes
        return web.json_response({"accepted": len(received.changes), "ignored": received.ignored or None})

    async def _append(self, received: Received) -> None:
        await self.stream.append_many([entry(change) for change in received.changes])

    def _refuse(self, name: str, body: bytes, error: InputError) -> web.Response:
        self.refused[(name, error.code)] += 1
        digest = hashlib.sha256(body).hexdigest()
        log.warning(
            "webhook refused", connection=name, code=error.code, reason=error.reason, sha256=digest, size=len(body)
        )
        detail = "the signature is missing or wrong" if isinstance(error, SignatureError) else error.reason
        return problem(error.status, error.code.replace("_", "-"), detail)
