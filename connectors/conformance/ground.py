"""What every test stands on: the system, and connectors on it, each through a cutting proxy of its own."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from connectors.conformance.elsewhere import Elsewhere, Visit
from connectors.conformance.proxy import CuttingProxy
from connectors.contract.connector import ConnectionSettings, Connector

Make = Callable[[ConnectionSettings], Connector]


@dataclass(kw_only=True)
class Client:
    """A connector and the proxy it goes through."""

    connector: Connector
    proxy: CuttingProxy
    led_away: Callable[[], list[Visit]]
    """Visits at the other host that came by a redirect of this proxy."""


@dataclass(kw_only=True)
class Ground:
    """One system, and how to get a connector on it."""

    settings: ConnectionSettings
    """Of the integration user, straight to the system."""
    make: Make
    http: aiohttp.ClientSession
    elsewhere: Elsewhere

    @property
    def reading(self) -> tuple[str, ...]:
        """Regular expressions on "METHOD /path" of requests that change nothing although they are no GET."""
        return ()

    @asynccontextmanager
    async def client(self, **changed: Any) -> AsyncIterator[Client]:
        """A fresh connector behind a proxy of its own; `changed` are settings."""
        away = f"/{uuid.uuid4().hex}"
        proxy = CuttingProxy(self.settings.url, self.http, self.is_write, f"{self.elsewhere.url}{away}")
        await proxy.start()
        settings = msgspec.structs.replace(self.settings, url=proxy.url, **changed)
        connector = self.make(settings)
        try:
            yield Client(connector=connector, proxy=proxy, led_away=lambda: self.elsewhere.visited(away))
        finally:
            await connector.close()
            await proxy.close()

    def is_write(self, method: str, path: str) -> bool:
        """By method, but for what the fixture knows better."""
        reads = re.search("|".join(self.reading) or r"(?!)", f"{method} {path}")
        return method not in {"GET", "HEAD", "OPTIONS"} and not reads
