"""The SCIM endpoint alone, over a database of its own, with a stream that remembers or is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connectors.contract.clock import SystemClock
from connectors.contract.errors import StorageError
from connectors.contract.values import Change
from connectors.scim_push.connector import PushedTo
from gateway.access.asking import set_principal
from gateway.access.rights import Principal, Role
from gateway.intake.pressure import Pressure
from gateway.intake.scim.door import ScimDoor
from gateway.intake.scim.shelf import DatabaseShelf
from gateway.intake.scim.tables import metadata
from gateway.storage.database import Database
from tests.support.tables import make_tables
from tests.support.unpressed import Idle, unpressed

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TOKEN = {"Authorization": "Bearer of-the-provider"}


@dataclass
class Kept(Idle):
    """A stream that keeps what it was given; while `away` it takes nothing."""

    changes: list[Change] = field(default_factory=list)
    away: bool = False

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        if self.away:
            raise StorageError("the stream is away")
        self.changes += [msgspec.json.decode(value, type=Change) for _, value in entries]


@dataclass
class Provider:
    """What an identity provider does, and what came of it."""

    base: str
    http: ClientSession
    database: Database
    stream: Kept
    door: ScimDoor
    connector: PushedTo
    who: list[Principal]
    """The one that asks; what the token would say in a whole gateway."""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, document and headers of the answer. `body`: a document, or bytes as they are sent."""
        heard = {**TOKEN, "Content-Type": "application/scim+json", **headers}
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.http.request(method, self.base + path, headers=heard, **sent) as answer:
            said = await answer.json(content_type=None) if await answer.read() else None
            return answer.status, said, answer.headers

    async def patch(self, path: str, *operations: Any) -> Any:
        """The resource after these operations."""
        status, said, _ = await self.ask("PATCH", path, {"schemas": [PATCH], "Operations": operations})
        assert status == 200, said
        return said


@asynccontextmanager
async def pushing(directory: Path, *, url: str = "", pressure: Pressure | None = None) -> AsyncIterator[Provider]:
    """The endpoint of the connection `okta`, on SQLite unless a `url` says otherwise."""
    database, stream = Database(url or f"sqlite+aiosqlite:///{directory}/store.db"), Kept()
    await make_tables(database, (metadata,))
    connector = PushedTo("okta", DatabaseShelf(database, "okta"), SystemClock())
    who = [Principal(id="token:okta", name="okta", roles=frozenset({Role.PROVISIONER}))]

    @web.middleware
    async def known(request: web.Request, handler: Any) -> web.StreamResponse:
        set_principal(request, who[0])
        answer: web.StreamResponse = await handler(request)
        return answer

    pressed = pressure or unpressed()
    door = ScimDoor({"okta": connector}, database, stream, SystemClock(), pressed, "https://gateway.example")  # type: ignore[arg-type]
    app = web.Application(middlewares=[known])
    app.add_routes(door.routes())
    server = TestServer(app)
    await server.start_server()
    try:
        async with ClientSession() as http:
            base = str(server.make_url("/scim/v2/okta"))
            door.address = base.removesuffix("/scim/v2/okta")
            yield Provider(base, http, database, stream, door, connector, who)
    finally:
        await server.close()
        await database.close()
