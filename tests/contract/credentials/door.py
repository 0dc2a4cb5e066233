"""A real server with a door, and everything that signs in at it: two workers with their keepers on one database."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.credentials import Material
from connectors.contract.errors import DeliveryError
from connectors.contract.values import Finding
from connectors.rest import RestClient
from connectors.rest.auth import Fixed
from connectors.rest.prove import prove
from gateway.config.auth import CredentialRules, Origin
from gateway.credentials.keeper import Keeper
from gateway.credentials.keyring import LiveKeyring
from gateway.credentials.parts import Part
from gateway.credentials.renewals import Renewals
from gateway.credentials.sources import Sources
from gateway.credentials.tokens import DatabaseTokens
from gateway.credentials.vault import Vault
from gateway.storage.clock import DatabaseClock
from gateway.storage.database import Database


def basic(password: str) -> str:
    """What stands in the header."""
    return "Basic " + b64encode(f"us:{password}".encode()).decode()


@dataclass
class Door:
    """Lets in who shows what it accepts. `tokens` and `clients` are of its OAuth endpoint, refresh tokens good once."""

    url: str = ""
    accepts: set[str] = field(default_factory=set)
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    """What was shown, and what it was answered."""
    may_write: set[str] = field(default_factory=set)
    """Who may do more than read; empty: all."""
    refresh: str = "first"
    given: int = 0
    came: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def things(self, request: web.Request) -> web.Response:
        """Anything but the token endpoint."""
        shown = request.headers.get("Authorization", "")
        if request.path == "/held":
            self.came.release()
            await self.held.wait()
        status = 200 if shown in self.accepts else 401
        if status == 200 and request.path == "/rights" and self.may_write and shown not in self.may_write:
            status = 403
        self.seen[shown, status] += 1
        return web.json_response({}, status=status)

    async def token(self, request: web.Request) -> web.Response:
        """A new pair for the one refresh token that is good."""
        form = await request.post()
        if form.get("refresh_token") != self.refresh:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.given += 1
        self.refresh = f"{self.refresh.partition('-')[0]}-{self.given}"
        self.accepts.add(f"Bearer t{self.given}")
        told = {"access_token": f"t{self.given}", "refresh_token": self.refresh, "expires_in": 3600}
        return web.json_response(told)

    @property
    def refused(self) -> int:
        return sum(count for (_, status), count in self.seen.items() if status == 401)


@asynccontextmanager
async def opened_door() -> AsyncIterator[Door]:
    """Served on this machine."""
    door = Door()
    app = web.Application()
    app.router.add_post("/oauth/token", door.token)
    app.router.add_route("*", "/{tail:.*}", door.things)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


class Worker:
    """One gateway's way to the door: its keeper, and a client that makes calls."""

    def __init__(
        self,
        name: str,
        door: Door,
        database: Database,
        vault: Vault,
        auth: dict[str, Any],
        origins: dict[str, Origin],
        *,
        overlap_s: float = 3600.0,
        ends_at: float | None = None,
    ) -> None:
        self.clock = DatabaseClock(database, SystemClock())
        (kind,) = auth
        rules = CredentialRules(kind, origins, overlap_s, ends_at, 86_400.0)
        settings = ConnectionSettings(name="door", connector="x", url=door.url, auth=auth, timeout_s=10.0)
        tokens = DatabaseTokens(Renewals(database, self.clock, vault, "door", name), self.clock)
        keyring = LiveKeyring("door", self.clock)
        self.part = Part(settings, rules, keyring, Sources("door", auth, rules), tokens if rules.needs_vault else None)
        self.part.texts = dict(self.part.sources.texts)
        self.client = RestClient(self.part.live, clock=self.clock)
        self.changes = 0
        self.keeper = Keeper(
            database, self.clock, vault, {"door": self.part}, check=self.check, changed=lambda name: self.changed()
        )
        self.failed: list[str] = []
        self.calls = 0
        self.under_way: Counter[str] = Counter()
        """Calls that have not ended, by the version of the credential that they began with."""

    def changed(self) -> None:
        self.changes += 1

    async def check(self, name: str, material: Material | None) -> Sequence[Finding]:
        """Signs in, and looks at the rights."""
        if material is None:
            return await self._proofs(self.client)
        given = {"auth": material.auth, "keyring": Fixed(material), "tokens": self.part.tokens}
        client = RestClient(msgspec.structs.replace(self.part.settings, **given), clock=self.clock)
        try:
            return await self._proofs(client)
        finally:
            await client.close()

    async def _proofs(self, client: RestClient) -> list[Finding]:
        async def read(path: str) -> str:
            await client.read(path)
            return ""

        return [await prove(proves, partial(read, path), self.clock) for proves, path in PROOFS]

    async def call(self) -> None:
        """One request, as delivery would make it."""
        self.calls += 1
        version = self.part.keyring.version
        self.under_way[version] += 1
        try:
            await self.client.write("POST", "/things", {"n": self.calls})
        except DeliveryError as error:
            self.failed.append(f"{type(error).__name__}: {error}")
        finally:
            self.under_way[version] -= 1

    async def busy(self, until: asyncio.Event) -> None:
        """One call after the other."""
        while not until.is_set():
            await self.call()

    async def close(self) -> None:
        await self.keeper.stop()
        await self.client.close()


PROOFS = (("sign-in", "/me"), ("write", "/rights"))


@asynccontextmanager
async def crew(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Their keepers run."""
    for worker in workers:
        await worker.keeper.start()
    try:
        yield
    finally:
        for worker in workers:
            await worker.close()
