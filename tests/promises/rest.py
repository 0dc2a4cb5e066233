"""The end of a schedule: everything on its way arrives, everything due is done, without further failures, until all is
quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from connectors.contract.errors import StorageError
from gateway.delivery.due import due_lanes, urgent_lanes
from gateway.delivery.tables import scouting
from gateway.sync import tables as t
from gateway.sync.starting import Nobody
from gateway.sync.state import Lane, LaneState

if TYPE_CHECKING:
    from tests.promises.story import Story

ROUNDS = 60
TURNS = 30
MOST_DUE = 100
MOST_WRITES = 300
"""More than any schedule needs: somebody answers to himself."""


async def quiesce(told: Story) -> None:
    """Flags P6 where the writes do not end, STUCK where something waits and nobody comes for it."""
    told.bench.decider.starter = Nobody()
    for system in told.systems.values():
        for write in system.late_ones(float("inf")):
            system.arrive_late(write)
    if told.troubles is not None:
        await told.troubles.end()
    for _ in range(3):
        for key in list(told.tasks):
            while key in told.tasks:
                await told.go_on(key)
    for _ in range(ROUNDS):
        before = told.truth.writes
        await _bring_all(told)
        await _scout(told)
        await _work_all(told)
        told.gather()
        for system in told.systems.values():
            system.landed.clear()
        waiting, unknown = await _waiting(told), await _unknown(told)
        if before == told.truth.writes and not told.network and not waiting and not unknown:
            return
        if waiting or unknown:
            now = told.bench.clock.now()
            told.bench.clock.advance(max(0.0, min([*(_when(told, lane) for lane in waiting), *unknown]) - now) + 0.001)
        if told.truth.writes > MOST_WRITES:
            break
    promise = "P6" if told.truth.writes > MOST_WRITES else "STUCK"
    edits = len(told.truth.edits)
    told.truth.flag(promise, f"no quiescence: {told.truth.writes} writes for {edits} edits; {await _waiting(told)}")


async def _bring_all(told: Story) -> None:
    told.gather()
    changes, told.network = told.network, []
    changes += [s.poll(i) for s in told.systems.values() if s.probes for i, thing in s.things.items() if thing.exists]
    await told.bring(changes)


async def _scout(told: Story) -> None:
    """The scout looks by itself every two seconds: nobody has to remind it of an object that it could not read."""
    if await _unknown(told):
        await told.bench.scout.once()


async def _unknown(told: Story) -> list[float]:
    """When the scout comes by for each object that it could not read before, or does not know what to make of."""
    clock, gates = told.bench.clock, told.bench.scout.gates
    query = (
        select(t.notice.c.connection, scouting.c.next_at)
        .select_from(
            t.notice.outerjoin(
                scouting,
                and_(scouting.c.connection == t.notice.c.connection, scouting.c.object_id == t.notice.c.object_id),
            )
        )
        .where(t.notice.c.state == "hint", t.notice.c.record.is_(None))
    )
    async with told.bench.database.read() as tx:
        rows = (await tx.execute(query)).all()
    now = clock.now()
    return [max(next_at or now, now + gates[name].wait_s()) for name, next_at in rows]


async def _waiting(told: Story) -> list[Lane]:
    return [lane for lane in await told.view.lanes() if lane.has_work or lane.owner]


def _when(told: Story, lane: Lane) -> float:
    """When somebody comes by for a lane."""
    gate_s = told.runners[(lane.connection, "one")].gate.wait_s() if told.troubles is not None else 0.0
    lease = lane.lease_until if lane.owner else 0.0
    due = lane.next_try_at if lane.state not in (LaneState.READING, LaneState.OPEN) else 0.0
    return max(lease, due, told.bench.clock.now() + gate_s)


async def _due(told: Story) -> list[Lane]:
    """As the dispatcher's own sweep finds them."""
    now, lanes = told.bench.clock.now(), await told.view.lanes()
    waited_for = {lane.connection for lane in lanes if lane.has_work or lane.owner}
    found: set[tuple[str, str]] = set()
    for name, system in told.systems.items():
        runner = told.runners[(name, "one")]
        if name not in waited_for or (told.troubles is not None and runner.gate.wait_s() > 0):
            continue
        async with told.bench.database.read() as tx:
            urgent = await urgent_lanes(tx, name, now, runner.worker, system.settles_s, MOST_DUE)
            rows = [*urgent, *await due_lanes(tx, name, now, MOST_DUE)]
        found.update((row.record, name) for row in rows)
    return [lane for lane in lanes if (lane.record, lane.connection) in found]


async def _work_all(told: Story) -> None:
    for _ in range(TURNS):
        due = await _due(told)
        if not due:
            return
        for lane in due:
            runner = told.runners[(lane.connection, "one")]
            if told.troubles is not None and not runner.gate.admits():
                continue
            try:
                await runner.run(lane.record)
            except StorageError:
                pass
            except Exception as error:  # noqa: BLE001
                told.truth.flag("DEFECT", repr(error))
                return
            finally:
                runner.gate.released()
