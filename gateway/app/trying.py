"""A connector for a connection that nothing works by yet: it signs in as it would, and what it asks is written down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from connectors import registry
from connectors.contract.connector import Connector
from connectors.rest.transport import aiohttp_transport
from gateway.app.credentials import read_once
from gateway.config import Config
from gateway.config.values import Connection
from gateway.credentials.parts import part_of, vault_of
from gateway.storage.clock import DatabaseClock
from gateway.storage.database import Database

AT_ONCE = 4
WAIT_S = 10.0
"""Patience with one answer: somebody waits."""
MOST = 40
"""Requests that are written down."""


class Tryout:
    """Makes them. What they get for signing in is kept where the gateway looks for it later, so that a token which can
    be used once is not lost.
    """

    def __init__(
        self, config: Config, database: Database, clock: DatabaseClock, transports: Mapping[str, Any] | None = None
    ) -> None:
        self.config, self.database, self.clock = config, database, clock
        self.transports = transports or {}

    @asynccontextmanager
    async def __call__(self, connection: Connection, asked: list[dict[str, Any]]) -> AsyncIterator[Connector]:
        """A connector, closed afterwards; every request is added to `asked`. Raises StorageError, ConfigError."""
        vault = vault_of(self.config) if connection.credentials.needs_vault else None
        part = part_of(connection, self.database, self.clock, vault, f"trying-{connection.name}")
        if vault is not None:
            await read_once(self.database, vault, {connection.name: part}, self.clock.now())
        transport = _Written(self.transports.get(connection.name) or aiohttp_transport(AT_ONCE), asked)
        settings = msgspec.structs.replace(part.live, timeout_s=min(WAIT_S, part.live.timeout_s))
        connector = registry.create(settings, clock=self.clock, transport=transport)
        try:
            yield connector
        finally:
            await connector.close()
            if part.tokens is not None:
                await part.tokens.close()


class _Written(httpx.AsyncBaseTransport):
    """Writes down what is asked and what comes back: never a header, a body or the value of a parameter."""

    def __init__(self, inner: httpx.AsyncBaseTransport, asked: list[dict[str, Any]]) -> None:
        self.inner, self.asked = inner, asked

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        began = time.perf_counter()
        names = "&".join(dict.fromkeys(request.url.params.keys()))
        line = f"{request.method} {request.url.copy_with(query=None)}{f'?{names}' if names else ''}"
        answer = "no answer"
        try:
            response = await self.inner.handle_async_request(request)
            answer = str(response.status_code)
            return response
        finally:
            if len(self.asked) < MOST:
                spent = (time.perf_counter() - began) * 1000
                self.asked.append({"line": line, "answer": answer, "elapsed_ms": round(spent, 1)})

    async def aclose(self) -> None:
        """See httpx."""
        await self.inner.aclose()
