"""Polling one connection: pages go into the stream, the cursor moves only after they are durable (P1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, Throttled
from gateway.storage.database import Database, dumps, insert, loads
from gateway.streams.port import Stream
from gateway.sync import tables as t

_encode = msgspec.json.Encoder().encode
log = structlog.get_logger()


@dataclass(slots=True)
class Poller:
    """One connection. Of several workers one polls at a time, by a lease on the cursor's row."""

    name: str
    connector: Connector
    stream: Stream
    database: Database
    clock: Clock
    worker: str
    every_s: float
    task: asyncio.Task[None] | None = None
    failures: int = 0
    polled: int = 0

    async def start(self) -> None:
        """Begins to poll."""
        self.task = asyncio.create_task(self._loop(), name=f"poll-{self.name}")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Runs until `stop`; one that ends by itself is a defect."""
        return [self.task] if self.task else []

    async def stop(self) -> None:
        """Ends at once; a page that was not recorded is read again."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            wait_s = self.every_s
            try:
                wait_s = await self._turn()
                self.failures = 0
            except Throttled as error:
                wait_s = max(self.every_s, error.retry_after_s or self.every_s * 2)
            except LockstepError as error:
                wait_s = self._failed()
                if self.failures in (1, 10, 100):
                    log.warning("poll failed", connection=self.name, failures=self.failures, error=str(error))
            except Exception as error:  # an answer our code trips over must not end polling
                wait_s = self._failed()
                log.error("poll stopped by a defect", connection=self.name, failures=self.failures, exc_info=error)
            await asyncio.sleep(wait_s)

    def _failed(self) -> float:
        """Seconds until the next turn after one more failure."""
        self.failures += 1
        return min(self.every_s * 2.0 ** min(self.failures, 6), max(60.0, self.every_s))

    async def _turn(self) -> float:
        """Reads pages until there are no more. Returns seconds until the next turn."""
        claimed = await self._claim()
        if claimed is None:
            return self.every_s
        cursor: Mapping[str, Any] | None = claimed or None
        while True:
            page = await self.connector.changes(cursor)
            await self.stream.append_many([(change.stream_key, _encode(change)) for change in page.changes])
            self.polled += len(page.changes)
            if not await self._move(page.cursor):
                return self.every_s
            cursor = page.cursor
            if not page.more:
                return self.every_s

    async def _claim(self) -> dict[str, Any] | None:
        """The cursor ({} at the very first), or None while another worker polls."""
        now, lease_s = self.clock.now(), max(30.0, self.every_s * 3)
        async with self.database.begin() as tx:
            await tx.execute(
                insert(tx, t.cursor)
                .values(connection=self.name, value="{}", owner="", lease_until=0.0, polled_at=0.0)
                .on_conflict_do_nothing()
            )
            free = or_(t.cursor.c.owner.in_(["", self.worker]), t.cursor.c.lease_until < now)
            mine = t.cursor.c.connection == self.name
            taken = await tx.execute(
                update(t.cursor).where(mine, free).values(owner=self.worker, lease_until=now + lease_s)
            )
            if taken.rowcount != 1:
                return None
            return await self._value(tx)

    async def _value(self, tx: AsyncConnection) -> dict[str, Any]:
        row = (await tx.execute(select(t.cursor.c.value).where(t.cursor.c.connection == self.name))).one()
        return dict(loads(row[0]) or {})

    async def _move(self, cursor: Mapping[str, Any]) -> bool:
        """Stores the cursor, if the lease is still ours."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            moved = await tx.execute(
                update(t.cursor)
                .where(t.cursor.c.connection == self.name, t.cursor.c.owner == self.worker)
                .values(value=dumps(dict(cursor)), polled_at=now, lease_until=now + max(30.0, self.every_s * 3))
            )
        return moved.rowcount == 1
