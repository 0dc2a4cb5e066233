"""Having a repair carried out, or stopped: in the audit trail with who said so, in the transaction that does it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal
from gateway.core.kinds import OPEN
from gateway.reconcile import store
from gateway.reconcile.values import Run, RunState
from gateway.storage.database import Database
from gateway.work.trail import note


async def start_repair(database: Database, who: Principal, run: Run, *, now: float) -> bool:
    """Has the gateway repair what a plan lists. A limit that lets more objects be gone than the guard does is an entry
    of its own. False: it is no plan any more.
    """
    count = await store.changes(database, run.id)
    wish = {name: each for name, each in asdict(run.wish).items() if each not in (None, (), "")}

    async def told(tx: AsyncConnection) -> None:
        said: dict[str, Any] = {"at": now, "actor": who.name, "cause": run.id}
        facts = {"by": who.id, "flow": run.flow, "run": run.id, "items": count, "wish": wish}
        await note(tx, kind="reconcile_started", detail=facts, outcome=OPEN, **said)
        if run.wish.most_gone is not None:
            beyond = {"by": who.id, "guard": "most_gone", "allows": run.wish.most_gone, "flow": run.flow}
            await note(tx, kind="guard_overridden", detail=beyond, **said)

    return await store.turn(database, run.id, [RunState.PLANNED], RunState.RUNNING, now=now, told=told)


async def stop_repair(database: Database, who: Principal, run: Run, *, now: float) -> bool:
    """Nothing more is handed over; what the lanes have goes on. False: it was over or stopping already."""

    async def told(tx: AsyncConnection) -> None:
        detail = {"by": who.id, "flow": run.flow, "run": run.id}
        await note(tx, at=now, kind="reconcile_stopped", actor=who.name, cause=run.id, detail=detail)

    before = [RunState.PLANNING, RunState.PLANNED, RunState.RUNNING]
    return await store.turn(database, run.id, before, RunState.STOPPING, now=now, told=told)
