"""After the drain: what people changed in the target while it could not be reached is found and repaired, by a drift
check of just that window, as `lockstep reconcile FLOW --since --until` asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.outage_report import Check
from benchmarks.outage_system import id_of
from benchmarks.outage_world import EARLIER, Settings, World
from gateway.reconcile import store
from gateway.reconcile.reconciler import Reconciler
from gateway.reconcile.values import RunState, Wish

FLOW = "tickets"


async def drift_check(w: World, settings: Settings, since: float, until: float, only: Sequence[int]) -> Check:
    """Plans, runs, waits until both systems are at rest. Times are the wall clock's.

    `only`: records that might have had a backlog and were edited in the target alone.
    """
    database, now = w.gateway.database, w.gateway.clock.now
    numbers = {*settings.apart[EARLIER:], *only}
    edited = {id_of("dst", number) for number in numbers}
    told, shown = w.source.held.remark, w.target.held.remark
    known_before = sum(told[number] == shown[number] for number in numbers)
    behind = [n for n in range(settings.backlogged) if told[n] != shown[n] and n not in numbers]
    began, requests = time.monotonic(), w.target.requests
    run = await store.ask(database, FLOW, Wish(since=since, until=until, by="outage"), now=now())
    await _worked(w)
    planned = await store.listed(database, run)
    planned_s, looked = time.monotonic() - began, w.target.requests - requests
    await store.turn(database, run, [RunState.PLANNED], RunState.RUNNING, now=now())
    await _worked(w)
    await w.quiet()
    found = {row["object_id"] for row in planned}
    return Check(
        edited=len(edited),
        known_before=known_before,
        backlog_behind=len(behind),
        found=len(found & edited),
        astray=[_named(row) for row in planned if row["object_id"] not in edited][:10],
        results=await store.results(database, run),
        requests=looked,
        planned_s=planned_s,
        repaired_s=time.monotonic() - began - planned_s,
        records=settings.records,
    )


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['kind']} {row['connection']} {row['object_id']} {row['field']}"


async def _worked(w: World) -> None:
    """The sweep of the whole gateway that works the runs, until it has nothing to do."""
    for sweeper in w.gateway.sweepers:
        if any(isinstance(kind, Reconciler) for kind in sweeper.kinds):
            await sweeper.once()
