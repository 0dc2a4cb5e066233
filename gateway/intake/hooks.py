"""`POST /hooks/{connection}`: verified, read, appended; answered 2xx only when durable (P1)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import InputError, SignatureError, StorageError
from connectors.contract.values import Received, Webhook
from gateway.intake.fitting import entry, fit
from gateway.intake.problems import problem
from gateway.streams.port import Stream

RETRY_AFTER_S = 5

log = structlog.get_logger()


@dataclass(slots=True)
class Hooks:
    """Receives webhooks. `refused` counts refusals by (connection, reason); of a refused body only a digest is logged.

    `accepted` counts changes, `ignored` webhooks that were understood and carry nothing for any flow.
    """

    connectors: Mapping[str, Connector]
    stream: Stream
    clock: Clock
    max_body: int
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.post("/hooks/{connection}", self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """200 with the number of changes; 4xx tells the sender not to repeat; 503 asks it to."""
        name = request.match_info["connection"]
        connector = self.connectors.get(name)
        if connector is None:
            return problem(404, "unknown-connection", f"there is no connection {name!r} here")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            self.refused[(name, "too_large")] += 1
            return problem(413, "too-large", f"bodies may have {self.max_body} bytes")
        except web.RequestPayloadError:
            self.refused[(name, "unreadable")] += 1
            return problem(400, "unreadable", "the body is not encoded as its headers say, or was cut off")
        return await self._take(name, connector, request, body)

    async def _take(self, name: str, connector: Connector, request: web.Request, body: bytes) -> web.Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        webhook = Webhook(headers=headers, body=body, query=dict(request.query), received_at=self.clock.now())
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
