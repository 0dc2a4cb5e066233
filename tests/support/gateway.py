"""The sync core on a real database, stepped by a test: nothing runs unless the test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from connectors.contract.values import Change
from dead_letter import store as cases
from dead_letter.values import Case
from gateway.config.leaver_guard import USUAL
from gateway.delivery.breaker import Gate
from gateway.delivery.released import Released
from gateway.delivery.runner import Runner
from gateway.delivery.scout import Scout
from gateway.storage.database import Database, loads
from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.backoff import Backoff
from gateway.sync.batch import Topology
from gateway.sync.decider import Decider
from gateway.sync.flow import Flow, Member, Merge, OnDelete, Policy
from gateway.sync.stage import Stage, newest_serial
from gateway.sync.state import Lane, MemberState, RecordState
from gateway.sync.steps import Idle
from gateway.sync.unit import Arrival
from gateway.sync.worker import Worker
from mappings.compiler import CompiledMapping
from mappings.loader import load_mapping
from tests.support.tables import make_tables
from tests.support.world import FakeClock, System

THINGS = Path(__file__).parent / "things"


@cache
def mapping_of(name: str) -> CompiledMapping:
    """A mapping of the test world, compiled once: it is immutable."""
    return load_mapping(f"{name}.yaml", THINGS)


class NoChance:
    """Jitter at its least."""

    def random(self) -> float:
        return 0.0


def flow_of(systems: Sequence[System], mappings: Mapping[str, str] | None = None, **options: Any) -> Flow:
    """A flow over all systems: x latest, y manual, status by authority of the first, tags union."""
    order = tuple(system.name for system in systems)
    members = {
        system.name: Member(
            connection=system.name,
            object="thing",
            mapping=mapping_of((mappings or {}).get(system.name, "plain")),
            spec=system.specs["thing"],
            settles_s=system.settles_s,
            read_before_write=options.get("read_before_write", not system.conditional),
            skew_s=options.get("skew_s", 0.0),
            where=options.get("where"),
        )
        for system in systems
    }
    policies = {
        "y": Policy(Merge.MANUAL, order),
        "status": Policy(Merge.AUTHORITY, order),
        "tags": Policy(Merge.UNION, order),
        **options.get("policies", {}),
    }
    return Flow(
        name="things",
        type="thing",
        members=members,
        policies=policies,
        default=Policy(Merge.LATEST, order),
        create_in=frozenset(options.get("create_in", order)),
        create_when=options.get("create_when"),
        natural=options.get("natural"),
        on_delete=OnDelete(options.get("on_delete", "close")),
        latest_only=frozenset(options.get("latest_only", ())),
        sets=frozenset(options.get("sets", {"tags"})),
        begins=Stage(options.get("begins", "live")),
    )


@dataclass
class Bench:
    """Gateway and world together."""

    database: Database
    clock: FakeClock
    systems: dict[str, System]
    flow: Flow
    decider: Decider
    runners: dict[str, Runner]
    scout: Scout
    arrivals: list[Arrival] = field(default_factory=list)
    work: set[tuple[str, str]] = field(default_factory=set)

    def noticed(self, lanes: Sequence[Lane]) -> None:
        self.work.update((lane.record, lane.connection) for lane in lanes)

    async def bring(self, changes: Sequence[Change]) -> list[Arrival]:
        """The stream hands these changes over."""
        arrivals = await self.decider.accept(changes)
        self.arrivals += arrivals
        if self.decider.unrouted.is_set():
            self.decider.unrouted.clear()
            await self.scout.once()
        return arrivals

    async def run(self, connection: str) -> Idle:
        """One turn of the only record's lane to a system."""
        return await self.runners[connection].run((await self.record()).id)

    async def drain(self, *, most: int = 200) -> None:
        """Works all lanes until nothing is due now."""
        for _ in range(most):
            due = [(lane.record, lane.connection) for lane in await self.lanes() if self._due(lane)]
            if not due:
                return
            for record, connection in due:
                await self.runners[connection].run(record)
        raise AssertionError(f"no quiescence: {await self.lanes()}")

    def _due(self, lane: Lane) -> bool:
        lost = lane.owner != "" and lane.lease_until <= self.clock.now()
        return (lane.has_work and lane.next_try_at <= self.clock.now() and not lane.owner) or lost

    async def settle(self, *, rounds: int = 40) -> None:
        """Brings every notice, works every lane, lets every wait pass, until all is quiet."""
        for _ in range(rounds):
            changes = [change for system in self.systems.values() for change in system.take()]
            if changes:
                await self.bring(changes)
            await self.drain()
            if not any(system.notices for system in self.systems.values()):
                waiting = [lane for lane in await self.lanes() if lane.has_work]
                if not waiting:
                    return
                self.clock.advance(max(1.0, max(lane.next_try_at for lane in waiting) - self.clock.now() + 0.01))
        raise AssertionError(f"no quiescence: {await self.lanes()}")

    async def move(self, stage: Stage, flow: str = "") -> None:
        """Somebody moves a flow, the only one if none is named; withheld lanes are let go as a worker does it."""
        async with self.database.begin() as tx:
            serial = await newest_serial(tx) + 1
            row = {"serial": serial, "flow": flow or self.flow.name, "stage": str(stage), "at": self.clock.now()}
            await tx.execute(t.flow_stage.insert().values(**row, actor="ann", human="user:ann", reason=""))
        while await Released(self.database, self.decider).once():
            """Again until none is left: each turn takes so many."""

    async def attempts(self) -> int:
        """How many were ever started."""
        async with self.database.read() as tx:
            return int((await tx.execute(select(func.count()).select_from(t.attempt))).scalar_one())

    async def records(self) -> list[RecordState]:
        async with self.database.read() as tx:
            ids = [row[0] for row in await tx.execute(select(t.record.c.id).order_by(t.record.c.id))]
            found = await store.load_records(tx, ids)
            return [found[each] for each in ids]

    async def record(self) -> RecordState:
        """The only record."""
        records = await self.records()
        assert len(records) == 1, [record.id for record in records]
        return records[0]

    async def member(self, connection: str) -> MemberState:
        return (await self.record()).members[connection]

    async def canonical(self, name: str) -> Any:
        return (await self.record()).fields[name].now.value

    async def lanes(self) -> list[Lane]:
        async with self.database.read() as tx:
            return [store.lane_of(row) for row in await tx.execute(select(t.lane))]

    async def lane(self, connection: str) -> Lane:
        return next(lane for lane in await self.lanes() if lane.connection == connection)

    async def ledger(self) -> list[dict[str, Any]]:
        async with self.database.read() as tx:
            rows = (await tx.execute(select(t.conflict_ledger).order_by(t.conflict_ledger.c.id))).mappings().all()
        return [{**row, "value": loads(row["value"])} for row in rows]

    async def lost(self, name: str) -> list[Any]:
        """Values of a field in the conflict ledger."""
        return [row["value"] for row in await self.ledger() if row["field"] == name]

    async def cases(self, *, cls: str = "") -> list[Case]:
        """Open cases."""
        async with self.database.read() as tx:
            page = await cases.list_cases(tx, cases_filter())
            read = [await cases.get_case(tx, entry.number) for entry in page.cases]
        found = [case for case in read if case is not None]
        return [case for case in found if not cls or str(case.cls) == cls]

    async def notices(self) -> list[Any]:
        async with self.database.read() as tx:
            return list((await tx.execute(select(t.notice).order_by(t.notice.c.received_at))).all())


def cases_filter() -> Any:
    from dead_letter.values import CaseFilter

    return CaseFilter()


@asynccontextmanager
async def bench(
    url: str, systems: Sequence[System], clock: FakeClock, mappings: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Bench]:
    """A gateway over `systems` on the database at `url`, or on the one given as `database`."""
    database: Database = options.get("database") or Database(url)
    if "database" not in options:
        await make_tables(database)
    flow = flow_of(systems, mappings, **options)
    decider = options.get("decider", Decider)(database, Topology.of([flow], options.get("assignments", USUAL)), clock)
    await decider.start()
    runners, gates = {}, {}
    for system in systems:
        gates[system.name] = Gate(clock)
        worker = Worker("tester", 30.0, 5.0, Backoff(NoChance()))
        runners[system.name] = Runner(system.name, system, gates[system.name], worker, decider, clock)
    by_name = {system.name: system for system in systems}
    scout = Scout(database, decider, by_name, gates, clock)
    made = Bench(database, clock, by_name, flow, decider, runners, scout)
    decider.on_work = made.noticed
    try:
        yield made
    finally:
        await decider.stop()
        await database.close()
