"""One time for all workers: leases, waits and proofs compare times that different machines wrote, so on a shared
database its server's clock counts, whatever the machine's own says.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import text

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.storage.database import Database

ASK_EVERY_S = 10.0
"""Machines' clocks drift apart by well under a millisecond in this time."""
FIRST_ASKED = 5
"""Tries before anything runs; the quickest answer counts."""
SLOW_S = 0.5
"""An answer that took longer tells the time too vaguely: the last good one goes on counting."""
TOLD_FROM_S = 2.0
"""A difference that somebody should hear of."""

_NOW = text("SELECT extract(epoch FROM clock_timestamp())")
log = structlog.get_logger()


class DatabaseClock(Background):
    """The database server's time, carried on by this machine's monotonic clock between two askings, also while the
    database is away. Off by at most half of the asking's round trip. On SQLite nobody shares the store: its time is
    the machine's.
    """

    def __init__(self, database: Database, own: Clock) -> None:
        self._database, self._own = database, own
        self._ahead: float | None = None
        """Of the own monotonic clock; None until the first answer."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._own.now() if self._ahead is None else self._own.monotonic() + self._ahead

    def monotonic(self) -> float:
        """The machine's own."""
        return self._own.monotonic()

    async def start(self) -> None:
        """Returns when the time is known; keeps asking from then on. Raises StorageError."""
        if self._database.sqlite:
            return
        asked = [await self._ask() for _ in range(FIRST_ASKED)]
        self._set(min(asked)[1])
        self._keep("database-clock", self._loop())

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                took_s, ahead = await self._ask()
            except StorageError:
                continue
            if took_s <= SLOW_S:
                self._set(ahead)

    async def _ask(self) -> tuple[float, float]:
        """How long the answer took, and how far the server's time is ahead of our monotonic clock."""
        async with self._database.read() as tx:
            began = self._own.monotonic()
            told = float((await tx.execute(_NOW)).scalar_one())
            took_s = self._own.monotonic() - began
        return took_s, told - (began + took_s / 2)

    def _set(self, ahead: float) -> None:
        wrong_s = self._own.now() - (self._own.monotonic() + ahead)
        if self._ahead is None and abs(wrong_s) >= TOLD_FROM_S:
            log.warning("this machine's clock is wrong; the database's counts", ahead_s=round(wrong_s, 1))
        self._ahead = ahead
