"""What tests of signing in use: a workplace with access tables, people, and an app in front of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web

from gateway.access.asking import NotSignedIn, principal_of
from gateway.access.entrance import Entrance, Provider
from gateway.access.headers import add_security_headers
from gateway.access.rights import Principal, Role, local
from gateway.access.routes import routes
from gateway.access.signin import csrf_token, sign_in
from gateway.access.tables import metadata as access
from gateway.audit.tables import audit
from gateway.audit.tables import metadata as trail
from gateway.config import Config
from gateway.config.access import Access
from gateway.core.problems import problem
from gateway.storage.database import Database, loads
from gateway.sync.batch import Topology
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.support.tables import make_tables

ROOT = local("root")
GOOD = "four score and seven years"
START = 1_800_000_000.0


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


def configured(**access_changes: Any) -> Config:
    """As much of a configuration as access asks for: two connections, one record type with a personal field."""
    fields = {"summary": SimpleNamespace(personal=False), "caller": SimpleNamespace(personal=True)}
    flow = SimpleNamespace(type=SimpleNamespace(type="incident", fields=fields))
    made = SimpleNamespace(
        file=Path("lockstep.yaml"),
        access=Access(**{"url": "http://127.0.0.1:8080", **access_changes}),
        connections={"snow": None, "jira": None},
        flows={"incidents": flow},
    )
    return cast(Config, made)


async def workplace(database: Database, now: Callable[[], float], **access_changes: Any) -> Workplace:
    """A workplace whose database has the tables of access and audit, and nothing else."""
    await make_tables(database, (access, trail))
    return Workplace(database=database, config=configured(**access_changes), topology=Topology.of([]), now=now)


def application(place: Workplace, provider: Provider | None = None) -> web.Application:
    """Signing in, and three routes behind it: who asks, something that changes, a stream."""
    entrance = Entrance(place.database, place.config.access, now=place.now, trail=note, provider=provider)

    async def who(request: web.Request) -> web.Response:
        try:
            found = principal_of(request)
        except NotSignedIn as error:
            return problem(401, "not-signed-in", str(error))
        return web.json_response({"id": found.id, "roles": sorted(found.roles), "csrf": csrf_token(request)})

    async def change(request: web.Request) -> web.Response:
        try:
            return web.json_response({"changed_by": principal_of(request).id})
        except NotSignedIn as error:
            return problem(401, "not-signed-in", str(error))

    app = web.Application(middlewares=[sign_in(entrance)])
    add_security_headers(app, entrance)
    app.add_routes([*routes(entrance), web.get("/who", who), web.post("/change", change), web.post("/hooks/snow", who)])
    return app


async def audited(database: Database) -> list[tuple[str, str]]:
    """Kind and actor of every row of the trail, in their order."""
    async with database.read() as tx:
        rows = await tx.execute(audit.select().order_by(audit.c.at, audit.c.id))
        return [(row.kind, row.actor) for row in rows]


async def details(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Kind and detail of every entry of the trail, in their order."""
    async with database.read() as tx:
        rows = await tx.execute(audit.select().order_by(audit.c.seq))
        return [(row.kind, loads(row.detail)) for row in rows]


async def everything(database: Database) -> str:
    """All that the database holds, as one text, to look for what must not be in it."""
    async with database.read() as tx:
        tables = [table for part in (access, trail) for table in part.sorted_tables]
        return "\n".join([repr(row) for table in tables for row in await tx.execute(table.select())])


def principal(name: str, *roles: Role, connections: frozenset[str] | None = None) -> Principal:
    """A person with these roles."""
    return Principal(
        id=f"user:{name}", name=name, roles=frozenset(roles), connections=connections, person=f"user:{name}"
    )
