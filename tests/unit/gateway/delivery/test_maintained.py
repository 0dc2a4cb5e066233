"""While a system is maintained nothing is begun, polled or swept; it ends by itself, also without the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config.hours import Hours, Maintenance
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.pauses import Pauses
from gateway.sweeps.sweeper import Sweeper
from tests.support.world import FakeClock

UTC = ZoneInfo("UTC")
SUNDAY = datetime(2026, 3, 22, 22, tzinfo=UTC).timestamp()


class Nothing:
    """A database in which nobody paused anything."""

    @asynccontextmanager
    async def read(self) -> Any:
        yield self

    async def execute(self, _: Any) -> Any:
        return self

    def mappings(self) -> list[Any]:
        return []


async def test_a_maintenance_holds_both_ways_and_ends_by_itself() -> None:
    clock, database, book = FakeClock(SUNDAY - 1), Nothing(), None
    gate = Gate(clock)
    planned = {"snow": (Maintenance(Hours(frozenset({6}), 22 * 3600.0, 7200.0, UTC), frozenset({"in", "out"})),)}
    pauses = Pauses(database, clock, {"snow": gate}, planned)  # type: ignore[arg-type]
    sweeper = Sweeper("snow", [], book, gate)  # type: ignore[arg-type]
    await pauses.look()
    assert gate.admits() and not pauses.taking_in("snow") and not sweeper._hindered()
    clock.advance(1)
    await pauses.look()
    assert (gate.admits(), pauses.taking_in("snow"), sweeper._hindered()) == (False, "it is maintained", True)
    assert gate.state is GateState.CLOSED, "nothing is wrong with it, and no case or try follows"
    clock.advance(7200)
    pauses._apply()
    assert gate.admits() and not pauses.taking_in("snow")
