"""A configuration whose mappings are files of the test, over a database: edited, loaded again, started again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract.clock import SystemClock
from connectors.contract.values import Change, ChangeKind, Snapshot
from gateway.access.rights import Principal, Role
from gateway.app.compose import connectors_of, topology_of
from gateway.audit.tables import audit
from gateway.config import load
from gateway.storage.database import Database, insert_all, loads
from gateway.sync.tables import notice
from gateway.work import mapping_versions
from gateway.work.workplace import Workplace
from mappings.loader import LIBRARY
from tests.support.migrated import migrated
from tests.support.running import ENVIRONMENT, FLOW, write_config
from tests.support.tables import make_tables

Facts = dict[str, Any]
NAMES = {"servicenow-incident": "snow.yaml", "jira-issue": "jira.yaml"}


def who(name: str, *roles: Role, **scope: Any) -> Principal:
    return Principal(id=f"user:{name}", name=name, roles=frozenset(roles), person=f"user:{name}", **scope)


ADA = who("ada", Role.ADMIN)
INES, IVAN = who("ines", Role.INTEGRATOR), who("ivan", Role.INTEGRATOR)
OMAR = who("omar", Role.APPROVER)


@dataclass
class Shelf:
    """`at`: the time, which stands still until it is told to go on."""

    folder: Path
    file: Path
    database: Database
    at: float = 1_800_000_000.0
    count: int = 0

    def now(self) -> float:
        return self.at

    @property
    def place(self) -> Workplace:
        """As a gateway that starts now would have it."""
        config = load(self.file, ENVIRONMENT)
        topology = topology_of(config, connectors_of(config, SystemClock()))
        return Workplace(database=self.database, config=config, topology=topology, now=self.now)

    def edit(self, file: str, *changes: tuple[str, str]) -> str:
        """The mapping's text after each `(before, after)` of `changes` was replaced in it."""
        text = (self.folder / file).read_text()
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        (self.folder / file).write_text(text)
        return text

    async def start(self, by: str = "worker-1") -> list[str]:
        """A gateway starts; gives what came into use."""
        self.at += 60
        return [version.label for version in await mapping_versions.remember(self.place, by=by)]

    async def bring(self, *raws: Facts, connection: str = "snow", every_s: float = 1.0) -> list[str]:
        """Changes of the past, as they were accepted, the last one now; their ids."""
        object = {"snow": "incident", "jira": "issue"}[connection]
        rows = []
        for at, raw in enumerate(raws):
            self.count += 1
            when = self.at - (len(raws) - 1 - at) * every_s
            shown = Snapshot(object=object, id=f"o{self.count}", key=f"INC{self.count:07}", exists=bool(raw), raw=raw)
            kind = ChangeKind.SNAPSHOT if raw else ChangeKind.DELETED
            change = Change(
                connection=connection, delivery_key=f"d{self.count}", kind=kind, received_at=when, snapshot=shown
            )
            rows.append(
                {
                    "id": f"n{self.count:08}",
                    "connection": connection,
                    "delivery_key": change.delivery_key,
                    "object": object,
                    "object_id": shown.id,
                    "record": None,
                    "version": None,
                    "rev": 0,
                    "received_at": when,
                    "state": "done",
                    "disposition": "applied",
                    "reason": "",
                    "payload": msgspec.json.encode(change).decode(),
                }
            )
        async with self.database.begin() as tx:
            await insert_all(tx, notice, rows)
        return [str(row["id"]) for row in rows]

    async def audited(self, kind: str) -> list[Facts]:
        async with self.database.read() as tx:
            rows = (await tx.execute(select(audit).where(audit.c.kind == kind).order_by(audit.c.at))).mappings()
            return [{**row, "detail": loads(row["detail"])} for row in rows]


@asynccontextmanager
async def shelf(url: str, folder: Path, *, extra: str = "") -> AsyncIterator[Shelf]:
    """Both mappings of the library as files of the test, and their tests beside them."""
    flow = FLOW
    for name, beside in NAMES.items():
        for kind in (".yaml", ".test.yaml"):
            text = (LIBRARY / f"{name}{kind}").read_text()
            (folder / beside.replace(".yaml", kind)).write_text(text)
        flow = flow.replace(f"mapping: {name}", f"mapping: {beside}")
    file, _ = write_config(folder, snow="http://127.0.0.1:9", jira="http://127.0.0.1:9", flow=flow, extra=extra)
    database = Database(url)
    try:
        await (migrated if database.sqlite else make_tables)(database)  # commands look into a file by themselves
        yield Shelf(folder, file, database)
    finally:
        await database.close()
