"""Whether more can be taken in: disk left, entries that nobody handled yet, bodies under way. Whoever brings changes
asks here first; what is refused with 503, or not polled yet, is still at its source (P1).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import delete

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.config.values import Limits
from gateway.core.background import Background
from gateway.intake.tables import intake_pressure
from gateway.storage.database import Database, insert
from gateway.streams.port import Stream

LOOK_S = 0.2
"""An answer is believed for so long."""
WRITE_S = 10.0
"""A worker that refuses says so again in its row after this."""
STALE_S = 3 * WRITE_S
"""An older row is of a worker that died."""
LEAST = 4096
"""Bytes that the smallest request counts for: its headers and what we make of it."""
_MB = 1 << 20

log = structlog.get_logger()


class Full(Exception):
    """No room for more bodies now."""


@dataclass(slots=True)
class _Body:
    """What one request holds of the room."""

    room: Room
    held: int = 0

    def grow(self, size: int) -> None:
        """So many bytes more were received. Raises Full."""
        self.room.take(size)
        self.held += size


@dataclass(slots=True)
class Room:
    """Bytes of bodies that are received, parsed or stored at this moment."""

    most: int
    used: int = 0

    def take(self, size: int) -> None:
        """Raises Full. One body alone always fits: `limits.body` is what bounds it."""
        if self.used and self.used + size > self.most:
            raise Full
        self.used += size

    @contextmanager
    def body(self) -> Iterator[_Body]:
        """For one request, until it is answered. Raises Full."""
        mine = _Body(self)
        mine.grow(LEAST)
        try:
            yield mine
        finally:
            self.used -= mine.held


def free_bytes(directory: Path) -> int:
    """What a process may still write there. A directory that is not there yet has the room of the one above it."""
    place = directory
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def disk_reason(directory: Path, reserve: int, free: Callable[[Path], int] = free_bytes) -> str:
    """Why the disk is too full, or ""."""
    left = free(directory)
    if left >= reserve:
        return ""
    return f"{left // _MB} MB are free in {directory}, less than the reserve of {reserve // _MB} MB"


class Pressure(Background):
    """Of one worker. `room` bounds the bodies; `reason()` says why nothing is taken in now."""

    def __init__(
        self,
        stream: Stream,
        database: Database,
        clock: Clock,
        *,
        data: Path,
        limits: Limits,
        worker: str,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.stream, self.database, self.clock = stream, database, clock
        self.data, self.limits, self.worker, self.free = data, limits, worker, free
        self.room = Room(limits.in_flight)
        self._reason, self._looked_at = "", float("-inf")
        self._since = self._told_at = 0.0

    def reason(self) -> str:
        """Why changes are refused now, in one sentence; "" while they are taken in. Never waits."""
        if (at := self.clock.monotonic()) - self._looked_at >= LOOK_S:
            self._reason, self._looked_at = self._look(), at
        return self._reason

    def _look(self) -> str:
        waiting = sum(self.stream.health().lag.values())
        if waiting > self.limits.unhandled:
            return f"{waiting} entries of the stream are not handled yet; the bound is {self.limits.unhandled}"
        return disk_reason(self.data, self.limits.disk_reserve, self.free)

    async def start(self) -> None:
        """Begins to write down what `reason` says, for people."""
        self._keep("pressure", self._loop())

    async def _loop(self) -> None:
        while True:
            try:
                await self.tell()
            except StorageError as error:
                log.warning("that changes are refused could not be written down", error=str(error))
            await asyncio.sleep(1.0)

    async def tell(self) -> None:
        """Brings the worker's row up to date. Raises StorageError, as on the full disk that it tells of."""
        reason, now = self.reason(), self.clock.now()
        if reason and (not self._since or now - self._told_at >= WRITE_S):
            if not self._since:
                self._since = now
                log.warning("changes are refused until there is room", reason=reason)
            self._told_at = now
            row = {"worker": self.worker, "at": now, "since": self._since, "reason": reason}
            async with self.database.begin("pressure.begins") as tx:
                statement = insert(tx, intake_pressure).values(row)
                await tx.execute(statement.on_conflict_do_update(index_elements=["worker"], set_=row))
        elif not reason and self._since:
            async with self.database.begin("pressure.ends") as tx:
                stale = intake_pressure.c.at < now - STALE_S
                await tx.execute(delete(intake_pressure).where((intake_pressure.c.worker == self.worker) | stale))
            self._since = 0.0
            log.info("changes are taken in again")
