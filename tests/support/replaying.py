"""Replays over the small world: many records whose writes were refused, and a runner that is stepped by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from connectors.contract.errors import Refused
from connectors.contract.values import Write
from dead_letter.values import Case
from gateway.access.rights import Principal, Role
from gateway.config import Config
from gateway.config.replay import Replays
from gateway.sync.batch import Topology
from gateway.work import replays
from gateway.work.replay_carrying import Porter
from gateway.work.workplace import Workplace
from replay.running import Runner
from replay.values import Wish
from tests.scenarios.world_of_two import START
from tests.support.gateway import Bench, bench
from tests.support.world import FakeClock, System

Facts = dict[str, Any]


def principal(name: str, *roles: Role, **scope: Any) -> Principal:
    return Principal(id=f"user:{name}", name=name, roles=frozenset(roles), person=f"user:{name}", **scope)


NADIA = principal("nadia", Role.OPERATOR)
OMAR = principal("omar", Role.APPROVER)


def refuse(write: Write) -> str | None:
    raise Refused("400: project OPS is archived", status=400, said="project OPS is archived")


NOWHERE = Path("/nowhere/lockstep.yaml")
"""These stages have no file: there is no configuration to have a digest of."""


@dataclass
class Stage:
    """A bench with its workplace. `ids`: the objects in system a."""

    g: Bench
    a: System
    b: System
    place: Workplace
    ids: list[str] = field(default_factory=list)
    workers: int = 0

    async def trouble(self, count: int, *, linked: bool = True, value: str = "1") -> list[Case]:
        """`count` records whose lane to b is parked: linked ones lack a new x, others their object."""
        if linked:
            self.ids += [self.a.create(**START) for _ in range(count)]
            await self.g.settle()
            self.b.writes.clear()
        self.b.answer = refuse
        if not linked:
            self.ids += [self.a.create(**START) for _ in range(count)]
        else:
            for each in self.ids[-count:]:
                self.g.clock.advance(0.01)
                self.a.edit(each, x=value)
        await self.g.settle()
        return sorted(await self.g.cases(), key=lambda case: case.first_seen)

    def mend(self, answer: Callable[[Write], str | None] = lambda write: None) -> None:
        """System b works again."""
        self.b.answer = answer
        self.b.tries.clear()
        self.b.writes.clear()

    async def planned(self, who: Principal = NADIA, wish: Wish | None = None, **said: Any) -> Facts:
        selected = await replays.select(self.place, who, wish or Wish(cause="target.refused"))
        return await replays.plan(self.place, who, selected["selection"], **said)

    def runner(self) -> Runner:
        """Of a new worker."""
        self.workers += 1
        return Runner(self.g.database, Porter(self.place), f"worker-{self.workers}")

    async def started(self, **said: Any) -> Facts:
        plan = await self.planned(**said)
        return await replays.run(self.place, NADIA, plan["plan"], plan["digest"])

    async def carried(self, run: str, runner: Runner | None = None, *, steps: int = 2000, until: Any = None) -> Facts:
        """Steps the run and works the lanes, until it is over or `until` says so of its facts."""
        runner = runner or self.runner()
        for _ in range(steps):
            self.g.clock.advance(0.3)
            await runner.take(self.g.clock.now())
            over = await runner.step(run, self.g.clock.now())
            changes = [change for system in self.g.systems.values() for change in system.take()]
            if changes:
                await self.g.bring(changes)
            await self.g.scout.once()
            await self.g.drain()
            found = await self.shown(run)
            if (until is not None and until(found)) or (over is None and found["ended_at"]):
                return found
        raise AssertionError(f"no end: {await self.shown(run)}")

    async def shown(self, run: str) -> Facts:
        found = await replays.run_show(self.place, NADIA, run)
        assert found is not None
        return found

    async def outcomes(self, run: str) -> list[Facts]:
        found = await replays.run_items(self.place, NADIA, run, limit=200)
        assert found is not None
        return list(found["items"])

    def effects(self, name: str = "x") -> dict[str, list[Any]]:
        """Object in b -> values of a field that were written to it and took effect."""
        found: dict[str, list[Any]] = {}
        for each, raw in self.b.writes:
            if name in raw:
                found.setdefault(each, []).append(raw[name])
        return found


def config_of(systems: Sequence[System], **settings: Any) -> Config:
    """As much of a configuration as replays ask for."""
    fields = {
        "x": SimpleNamespace(kind="text", personal=False),
        "y": SimpleNamespace(kind="user", personal=True),
    }
    flow = SimpleNamespace(type=SimpleNamespace(type="thing", fields=fields))
    connections = {
        system.name: SimpleNamespace(per_s=None, maintenance=(), settings=SimpleNamespace(connector="fake"))
        for system in systems
    }
    wanted = Replays(**{"rate": 60_000.0, **settings})
    told = SimpleNamespace(rules=())
    return cast(
        Config,
        SimpleNamespace(
            flows={"things": flow}, connections=connections, replay=wanted, notifications=told, file=NOWHERE
        ),
    )


@asynccontextmanager
async def staged(
    url: str,
    *,
    a: Facts | None = None,
    b: Facts | None = None,
    settings: Facts | None = None,
    before: Stage | None = None,
    **options: Any,
) -> AsyncIterator[Stage]:
    """Two systems and a gateway between them, with replays configured by `settings`. `before`: the same systems on,
    with a gateway that was configured otherwise.
    """
    clock = before.g.clock if before else FakeClock()
    first = before.a if before else System("a", clock, **(a or {}))
    second = before.b if before else System("b", clock, **(b or {}))
    async with bench(url, [first, second], clock, **options) as made:
        place = Workplace(
            database=made.database,
            config=config_of([first, second], **(settings or {})),
            topology=Topology.of([made.flow]),
            now=clock.now,
        )
        yield Stage(made, first, second, place)
