"""What was pushed to one connection, for its connector and for the poll that tells what the stream may lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.contract.pushed import Resource
from connectors.contract.values import Change
from connectors.directory import TYPES
from gateway.intake.scim import store
from gateway.storage.database import Database


@dataclass(frozen=True, slots=True)
class DatabaseShelf:
    """`connectors.contract.pushed.Shelf` on the database."""

    database: Database
    connection: str

    async def resource(self, object: str, id: str) -> Resource | None:
        """One; None: there is none, or not any more."""
        async with self.database.read() as tx:
            row = await store.one(tx, self.connection, TYPES[object], id)
        return None if row is None else store.resource_of(row)

    async def after(self, object: str, id: str, most: int) -> Sequence[Resource]:
        """Those behind this id, in the order of their ids."""
        async with self.database.read() as tx:
            rows = await store.page(tx, self.connection, TYPES[object], id, most)
        return [store.resource_of(row) for row in rows]

    async def untold(self, after: int, most: int) -> Sequence[tuple[int, Change]]:
        """Changes that the stream may not have, behind those of which the caller knows that it has them."""
        async with self.database.read() as tx:
            kept = after > 0 and await store.waits(tx, self.connection, after)
            found = await store.untold(tx, self.connection, after, most)
        if kept:
            async with self.database.begin("scim.told") as tx:
                await store.forget(tx, self.connection, up_to=after)
        return found

    async def pushed_at(self) -> float:
        """When something was last accepted; 0: never."""
        async with self.database.read() as tx:
            return await store.pushed_at(tx, self.connection)
