"""The world of two with sweeps: systems that list their ids, and a stream that hands over when the test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from connectors.contract.values import Change, IdPage, Listed
from gateway.streams.port import Stream
from gateway.sweeps.book import Book, ask, states
from gateway.sweeps.expiry import Expiry
from gateway.sweeps.ids import Guard, IdSweep
from gateway.sweeps.leavers import LeaverSweep
from gateway.sweeps.readback import Readback
from gateway.sweeps.sweeper import Kind, Sweeper
from tests.support.gateway import Bench, bench
from tests.support.world import FakeClock, System

START = {"x": "0", "y": "0", "status": "new", "tags": ["p"], "active": True}
DAY_S = 86400.0


@dataclass
class Listing(System):
    """A system that lists its ids. `shows` says which of them the list has; it may differ from what is there."""

    page: int = 2
    shows: Callable[[str], bool] = lambda _: True
    lists: int = 0
    clock_offset_s: float = 0.0
    """Its clock minus ours, as a connector measures it."""

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        self.lists += 1
        start = int(cursor["start"]) if cursor else 0
        there = [each for each in self.things.values() if each.exists and self.shows(each.id)]
        listed = tuple(Listed(id=t.id, key=t.id, updated_at=t.updated_at) for t in there[start : start + self.page])
        following = start + self.page
        return IdPage(listed=listed, cursor={"start": following} if following < len(there) else None)


@dataclass
class Pipe:
    """What was appended and not yet handed over."""

    changes: list[Change] = field(default_factory=list)

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        self.changes += [msgspec.json.decode(value, type=Change) for _, value in entries]

    def take(self) -> list[Change]:
        taken, self.changes = self.changes, []
        return taken


@dataclass
class Swept:
    """`g` the gateway, `a` and `b` the systems."""

    g: Bench
    a: Listing
    b: Listing
    pipe: Pipe
    guard: Guard = field(default_factory=Guard)

    def kind(self, name: str, system: System) -> Kind:
        g, stream, every_s = self.g, cast(Stream, self.pipe), DAY_S
        topology = g.decider.topology
        kinds: dict[str, Callable[[], Kind]] = {
            "ids": lambda: IdSweep(system.name, ["thing"], system, stream, g.database, g.clock, every_s, self.guard),
            "leavers": lambda: LeaverSweep(
                system.name, system, topology, stream, g.database, g.clock, every_s, 7 * DAY_S
            ),
            "readback": lambda: Readback(system.name, ["thing"], system, g.decider, stream, g.database, g.clock, 0.01),
            "expiry": lambda: Expiry(g.decider, g.database, g.clock, every_s, 7 * DAY_S),
        }
        return kinds[name]()

    def sweeper(self, name: str, system: System, worker: str = "tester") -> Sweeper:
        gate = None if name == "expiry" else self.g.runners[system.name].gate
        connection = "" if name == "expiry" else system.name
        return Sweeper(connection, [self.kind(name, system)], Book(self.g.database, self.g.clock, worker), gate)

    async def sweep(self, name: str, system: System, **wishes: Any) -> dict[str, int]:
        """One whole round of one kind, asked for; what it found is taken in and worked. Returns its counts."""
        self.g.clock.advance(1)  # no two rounds begin at the same moment
        sweeper = self.sweeper(name, system)
        await ask(self.g.database, sweeper.connection, [name], {"by": "test", **wishes}, now=self.g.clock.now())
        await sweeper.once()
        await self.take_in()
        return await self.found(name, system)

    async def found(self, name: str, system: System) -> dict[str, int]:
        connection = "" if name == "expiry" else system.name
        (row,) = [each for each in await states(self.g.database, connection) if each["kind"] == name]
        return dict(row["found"])

    async def take_in(self) -> None:
        await self.g.bring(self.pipe.take())
        await self.g.settle()

    async def lost(self, *systems: System) -> None:
        """Nobody is told of what happened since, on either way."""
        for system in systems or (self.a, self.b):
            system.take()

    async def linked(self, count: int, **more: Any) -> list[str]:
        """So many things made in A, known to both, and at rest. Returns their ids in A."""
        made = [self.a.create(**{**START, "x": f"thing {n}", **more}) for n in range(count)]
        await self.g.settle()
        return made


@asynccontextmanager
async def swept(
    url: str, *, a: Mapping[str, Any] | None = None, b: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Swept]:
    """Systems A and B, nothing in them; sweeps know of them from the first moment on."""
    clock = FakeClock()
    first, second = Listing("a", clock, **(a or {})), Listing("b", clock, **(b or {}))
    async with bench(url, [first, second], clock, **options) as gateway:
        made = Swept(gateway, first, second, Pipe())
        for system in (first, second):
            for name in ("ids", "leavers", "readback"):
                assert await made.sweeper(name, system).once() == [], "nothing is due at the first sight"
        yield made


def other(w: Swept, thing_id: str) -> str:
    """The id in B of what A calls `thing_id`."""
    return next(each.id for each in w.b.things.values() if each.raw["x"] == w.a.things[thing_id].raw["x"])
