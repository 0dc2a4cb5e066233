"""What people paused, as every worker knows it: held at the gate on the way out, not polled or accepted on the way in.

The rows are in the database; a worker reads them before it starts and then once a second, so a pause holds at all
workers a second after it was made. While the database is away the last known pauses hold until they end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.config.hours import Maintenance, holding
from gateway.core.background import Background
from gateway.delivery.breaker import Gate
from gateway.delivery.tables import connection_pause
from gateway.storage.database import Database

EVERY_S = 1.0
IN, OUT = "in", "out"
OFF = "off"
"""Both ways, without an end: the connection is disabled. No request is made to it; what its webhooks tell is kept."""
PLANNED = "the configuration"
"""Who makes the pauses of a maintenance."""

log = structlog.get_logger()


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of a connection, held by a person."""

    connection: str
    direction: str
    """in or out."""
    since: float
    until: float
    actor: str
    reason: str


async def pauses_at(tx: AsyncConnection, now: float) -> list[Pause]:
    """Those that hold at that time, by connection and direction; disabled connections are not among them."""
    return [each for each in await _held(tx, now) if each.direction != OFF]


async def disabled(tx: AsyncConnection) -> dict[str, Pause]:
    """The connections that are disabled."""
    return {each.connection: each for each in await _held(tx, 0.0) if each.direction == OFF}


async def _held(tx: AsyncConnection, now: float) -> list[Pause]:
    row = connection_pause.c
    query = select(connection_pause).where(row.until > now).order_by(row.connection, row.direction)
    return [Pause(**each) for each in (await tx.execute(query)).mappings()]


def maintained_at(planned: Mapping[str, Sequence[Maintenance]], now: float) -> list[Pause]:
    """Pauses that the configuration makes at that time, by connection and direction."""
    found = []
    for name in sorted(planned):
        for way in (IN, OUT):
            stretch = holding([each.hours for each in planned[name] if way in each.directions], now)
            if stretch is not None:
                since, until = stretch
                pause = Pause(
                    connection=name, direction=way, since=since, until=until, actor=PLANNED, reason="maintenance"
                )
                found.append(pause)
    return found


class Pauses(Background):
    """Of one worker."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gates: Mapping[str, Gate],
        planned: Mapping[str, Sequence[Maintenance]] | None = None,
    ) -> None:
        """`planned`: maintenance by connection, as the configuration has it."""
        self.database, self.clock, self.gates, self.planned = database, clock, gates, planned or {}
        self._held: dict[tuple[str, str], Pause] = {}

    async def start(self) -> None:
        """Returns when the pauses that hold now are known. Raises StorageError."""
        await self.look()
        self._keep("pauses", self._loop())

    def taking_in(self, connection: str) -> str:
        """Why nothing is taken in from a connection now; "" if it is."""
        now = self.clock.now()
        found = self._held.get((connection, IN))
        if found and found.until > now:
            return f"{found.actor} paused it: {found.reason}"
        planned = maintained_at({connection: self.planned.get(connection, ())}, now)
        return "it is maintained" if any(each.direction == IN for each in planned) else ""

    def polling(self, connection: str) -> str:
        """Why it is not asked for changes now; "" if it is."""
        off = self._held.get((connection, OFF))
        return f"{off.actor} disabled it: {off.reason}" if off else self.taking_in(connection)

    async def look(self) -> None:
        """Reads the rows and sets the gates. Raises StorageError."""
        async with self.database.read() as tx:
            found = await _held(tx, self.clock.now())
        self._held = {(each.connection, each.direction): each for each in found}
        self._apply()

    def _apply(self) -> None:
        now = self.clock.now()
        maintained = {each.connection for each in maintained_at(self.planned, now) if each.direction == OUT}
        for name, gate in self.gates.items():
            held = self._held.get((name, OUT))
            gate.maintained = name in maintained
            off = gate.maintained or (name, OFF) in self._held
            gate.paused = off or (held is not None and held.until > now)

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except StorageError as error:
                log.warning("pauses wait for the database", error=str(error))
                self._apply()
