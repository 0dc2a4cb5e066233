"""The end of a schedule: everything on its way arrives, everything due is done, without further failures, until all is
quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.contract.errors import StorageError
from gateway.delivery.due import due_lanes, urgent_lanes
from gateway.sync.starting import Nobody
from gateway.sync.state import Lane

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
        await _work_all(told)
        told.gather()
        for system in told.systems.values():
            system.landed.clear()
        waiting = await _waiting(told)
        if before == told.truth.writes and not told.network and not waiting:
            return
        if waiting:
            now = told.bench.clock.now()
            told.bench.clock.advance(max(0.0, min(_when(told, lane) for lane in waiting) - now) + 0.001)
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


async def _waiting(told: Story) -> list[Lane]:
    return [lane for lane in await told.view.lanes() if lane.has_work or lane.owner]


def _when(told: Story, lane: Lane) -> float:
    """When somebody comes by for a lane."""
    gate_s = told.runners[(lane.connection, "one")].gate.wait_s() if told.troubles is not None else 0.0
    return max(lane.lease_until if lane.owner else lane.next_try_at, told.bench.clock.now() + gate_s)


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
