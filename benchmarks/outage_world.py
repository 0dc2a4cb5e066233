"""What the long outage is played in: a gateway without its doors, and the two systems."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmarks.outage_clock import RunningClock
from benchmarks.outage_system import Source, Target
from connectors.contract.values import Change
from connectors.contract.written.units import per_second
from gateway.app.compose import Gateway, compose
from gateway.config import load
from gateway.delivery.due import depths
from gateway.storage.migrate import migrate

CONFIG = Path(__file__).parent / "config" / "outage.yaml"
PER_RECORD = 5
"""Changes to each record, on average."""
EARLIER = 2
"""Records that somebody edited in the target before the outage: outside of the window that is looked at."""
_PAGE = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class Settings:
    """`drain`: writes after which the drain is broken off."""

    changes: int = 100_000
    seed: int = 1
    drain: int | None = None
    rate: str = ""
    look_s: float = 1.0
    answer_s: float = 0.0
    """Simulated seconds that each answer of the target takes: the drain then takes as long on any machine."""
    cloned: bool = False
    """The queue is made of copies of one record: only what the drain costs is measured."""

    @property
    def backlogged(self) -> int:
        """Records that change during the outage."""
        return max(20, self.changes // PER_RECORD)

    @property
    def others(self) -> int:
        """Records that change before it, or for the first time after it."""
        return max(200, min(5_000, self.changes // 20))

    @property
    def remarks(self) -> int:
        """Edits that people make in the target while it is away, in records with a backlog, and as many in others."""
        return 0 if self.cloned else max(5, min(500, self.changes // 200))

    @property
    def apart(self) -> range:
        """Records of which only the target changes."""
        start = self.backlogged + self.others
        return range(start, start + EARLIER + self.remarks)

    @property
    def records(self) -> int:
        """All there are."""
        return self.apart.stop


class World:
    """A gateway without its doors, and the two systems."""

    def __init__(self, gateway: Gateway, clock: RunningClock, place: Path) -> None:
        self.gateway, self.clock, self.place = gateway, clock, place
        self.source = cast(Source, gateway.connectors["src"])
        self.target = cast(Target, gateway.connectors["dst"])

    async def bring(self, changes: list[Change]) -> None:
        """The stream hands these changes over."""
        await self.gateway.decider.accept(changes)

    async def left(self, connection: str = "dst") -> tuple[int, int]:
        """Lanes and writes that wait for a system."""
        async with self.gateway.database.read() as tx:
            found = await depths(tx, connection)
        return (found[0].lanes, found[0].writes) if found else (0, 0)

    async def quiet(self) -> None:
        """Returns when nothing waits any more."""
        queues = self.gateway.dispatcher.queues
        while True:
            waiting = [name for name, queue in queues.items() if (await self.left(name))[0] or queue.running]
            if not waiting:
                return
            await asyncio.sleep(0.02)

    @property
    def store_mb(self) -> int:
        """Megabytes of the store, if it is in files of its own."""
        return sum(each.stat().st_size for each in self.place.glob("outage.db*")) >> 20


@asynccontextmanager
async def world(place: Path, database: str | None, settings: Settings) -> AsyncIterator[World]:
    """A started world on an empty store."""
    url = database or f"sqlite+aiosqlite:///{place / 'outage.db'}"
    clock = RunningClock()
    gateway = compose(load(CONFIG, {"OUTAGE_DATA": str(place), "OUTAGE_DATABASE": url}), clock=clock)
    if settings.rate:
        gateway.dispatcher.queues["dst"].pace.per_s = per_second(settings.rate)
    await migrate(gateway.database)
    parts = (gateway.decider, gateway.dispatcher, gateway.keeper)
    for part in parts:
        await part.start()
    made = World(gateway, clock, place)
    if settings.answer_s:
        made.target.takes = lambda: clock.advance(settings.answer_s)
    try:
        yield made
    finally:
        for stopped in reversed(parts):
            await stopped.stop()
        await gateway.database.close()


def resident() -> int:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE // (1 << 20)
