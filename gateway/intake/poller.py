"""Polling one connection: pages go into the stream, the cursor moves only after they are durable (P1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, MalformedError, Throttled
from connectors.contract.values import Change
from dead_letter.store import open_cases
from dead_letter.values import CaseClass, NewCase
from gateway.intake.fitting import entry, fit
from gateway.storage.database import Database, dumps, insert, loads
from gateway.streams.port import Stream
from gateway.sync import tables as t
from gateway.sync.bounds import DELIVERY_KEY, digest, label

SHOWN = 60
"""Characters shown of an identity that does not fit."""
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
            entries, unfit = _sorted(page.changes)
            await self.stream.append_many(entries)
            self.polled += len(entries)
            if not await self._move(page.cursor, unfit):
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
            over = or_(t.cursor.c.lease_until < now, t.cursor.c.lease_until > now + 2 * lease_s)  # a clock was set back
            free = or_(t.cursor.c.owner.in_(["", self.worker]), over)
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

    async def _move(self, cursor: Mapping[str, Any], unfit: Sequence[NewCase] = ()) -> bool:
        """Stores the cursor, and the cases of what was passed over, if the lease is still ours."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            moved = await tx.execute(
                update(t.cursor)
                .where(t.cursor.c.connection == self.name, t.cursor.c.owner == self.worker)
                .values(value=dumps(dict(cursor)), polled_at=now, lease_until=now + max(30.0, self.every_s * 3))
            )
            if moved.rowcount == 1 and unfit:
                await open_cases(tx, unfit, now=now)
        return moved.rowcount == 1


def _sorted(changes: Sequence[Change]) -> tuple[list[tuple[str, bytes]], list[NewCase]]:
    """What goes into the stream, and the cases of what cannot be stored at all: the cursor goes on either way."""
    entries, unfit = [], []
    for change in changes:
        try:
            fit(change)
            entries.append(entry(change))
        except MalformedError as error:
            log.error("a polled change cannot be stored", connection=change.connection, reason=error.reason)
            unfit.append(_case(change, error))
    return entries, unfit


def _case(change: Change, error: MalformedError) -> NewCase:
    shown = label(change.snapshot.key or change.snapshot.id, SHOWN)
    return NewCase(
        key=digest(f"poison:{change.connection}:{change.delivery_key}", DELIVERY_KEY),
        cls=CaseClass.POISON,
        cause="change.unfit",
        title=f"a change of {shown} in {change.connection} cannot be stored: {error.reason}",
        connection=change.connection,
        object=change.snapshot.object,
        object_key=shown,
        evidence={"reason": error.reason, "object_id": label(change.snapshot.id, SHOWN), "via": change.via},
        fingerprint=f"change.unfit:{change.connection}",
    )
