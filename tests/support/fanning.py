"""A system with jobs and one with the tasks that are made of them; a gateway that can be killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from connectors.contract.clock import Clock
from gateway.core.points import listen
from gateway.delivery.waker import Waker
from gateway.storage.database import Database
from gateway.sync.batch import Topology
from gateway.sync.decider import Decider
from gateway.sync.flow import FanOut, Flow, Member, Merge, OnDelete, Policy
from mappings.task_lint import read_tasks
from mappings.tasks import TaskPlan
from tests.support.gateway import THINGS, Bench, bench, mapping_of
from tests.support.tables import make_tables
from tests.support.world import FakeClock, System, Thing

THINGS_OF = {"thing": "plain", "duty": "duty"}
"""Record type of tasks -> the mapping of the system that has them."""
JOB = {"x": "job", "y": "both", "status": "new", "tags": ["go"], "active": True}


def plan_of(name: str = "chores") -> TaskPlan:
    """A template of the test world."""
    loaded = read_tasks(THINGS / f"{name}.tasks.yaml")
    assert loaded.plan is not None, [str(each) for each in loaded.problems]
    return loaded.plan


def flows_of(jobs: System, chores: System, plan: TaskPlan) -> list[Flow]:
    """Jobs live in one system, what is made of them in the other."""

    def flow(name: str, system: System, mapping: str, **more: Any) -> Flow:
        member = Member(system.name, "thing", mapping_of(mapping), system.specs["thing"], system.settles_s, skew_s=0.0)
        return Flow(
            name=name,
            type=member.mapping.type,
            members={system.name: member},
            policies={},
            default=Policy(Merge.LATEST, (system.name,)),
            on_delete=OnDelete.CLOSE,
            sets=frozenset({"tags"}),
            **more,
        )

    return [
        flow("jobs", jobs, "job", fan_out=(FanOut(plan, "chores"),)),
        flow("chores", chores, THINGS_OF[plan.type], create_in=frozenset({chores.name})),
    ]


@dataclass
class Fanned:
    """`a` has the jobs, `b` the chores."""

    g: Bench
    a: System
    b: System
    waker: Waker

    def chore(self, beginning: str) -> Thing:
        """The only object in B whose text begins so."""
        found = [each for each in self.b.things.values() if str(each.raw["x"]).startswith(beginning)]
        assert len(found) == 1, self.names()
        return found[0]

    def names(self) -> list[str]:
        """What was made in B, in order."""
        return [str(each.raw["x"]).partition(" ")[0] for each in self.b.things.values()]

    async def end(self, beginning: str, status: str = "done") -> None:
        """A person comes to an end with a chore, and everybody hears of it."""
        self.g.clock.advance(1)
        self.b.edit(self.chore(beginning).id, status=status)
        await self.settle()

    async def settle(self) -> None:
        """All is quiet, also for the clock."""
        await self.g.settle()
        while await self.waker.once():
            await self.g.settle()


@dataclass
class Places:
    """What outlives a gateway: the systems, the clock, the database."""

    url: str
    plan: TaskPlan = field(default_factory=plan_of)
    clock: FakeClock = field(default_factory=FakeClock)
    systems: dict[str, System] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.systems = {name: System(name, self.clock) for name in ("a", "b")}

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Fanned]:
        """One life of a gateway."""
        a, b = self.systems["a"], self.systems["b"]
        flows = flows_of(a, b, self.plan)
        database = Database(self.url)
        try:
            await make_tables(database)
            own = partial(_decider, flows)
            async with bench(self.url, [a, b], self.clock, database=database, decider=own) as gateway:
                waker = Waker(gateway.database, gateway.decider, self.clock, ["jobs", "chores"])
                yield Fanned(gateway, a, b, waker)
        finally:
            await database.close()  # a killed decider keeps the bench from it


def _decider(flows: list[Flow], database: Database, topology: Topology, clock: Clock) -> Decider:
    return Decider(database, Topology.of(flows), clock)


@asynccontextmanager
async def fanned(url: str, *, plan: TaskPlan | None = None, **system: Mapping[str, Any]) -> AsyncIterator[Fanned]:
    """A gateway that lives once."""
    places = Places(url, plan or plan_of())
    for name, settings in system.items():
        places.systems[name] = System(name, places.clock, **settings)
    async with places.life() as life:
        yield life


class Killed(BaseException):
    """Nothing of ours may catch it, as nothing catches SIGKILL."""


async def until_killed(places: Places, point: str, passing: int, act: Callable[[Fanned], Any]) -> bool:
    """Lives and acts until `point` is reached for the `passing`th time, and dies there. False: it never came so far."""
    died, seen = asyncio.Event(), 0
    loop = asyncio.get_running_loop()

    def kill(reached: str) -> None:
        nonlocal seen
        seen += reached == point
        if died.is_set() or (reached == point and seen == passing):
            loop.call_soon_threadsafe(died.set)
            raise Killed(point)

    async def live() -> None:
        async with places.life() as life:
            listen(kill)
            await act(life)
            listen(None)

    living, dying = asyncio.create_task(live()), asyncio.create_task(died.wait())
    await asyncio.wait({living, dying}, return_when=asyncio.FIRST_COMPLETED)
    listen(None)
    living.cancel()
    dying.cancel()
    (ended, _) = await asyncio.gather(living, dying, return_exceptions=True)
    if not died.is_set() and ended is not None:
        raise ended
    places.clock.advance(60)
    return died.is_set()
