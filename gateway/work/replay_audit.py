"""Replays in the audit trail: what was started, on which versions, and what four eyes refused."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal
from gateway.core.kinds import OPEN
from gateway.work.case_audit import configuration_of
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from replay.errors import NeedsApproval
from replay.running import check_runnable
from replay.values import Limits, Plan, Run


async def note_started(
    tx: AsyncConnection, place: Workplace, who: Principal, plan: Plan, run: Run, reason: str
) -> None:
    """Open until the run has ended."""
    detail = {**_facts(place, who, plan), "run": run.id, "items": run.count, "reason": reason}
    await note(tx, at=run.at, kind="replay_started", actor=who.name, cause=plan.id, detail=detail, outcome=OPEN)


async def lacks_approval(tx: AsyncConnection, plan: Plan, digest: str, limits: Limits) -> NeedsApproval | None:
    """`replay.running.check_runnable`, with the refusal that the trail keeps given back: `tx` only reads."""
    try:
        await check_runnable(tx, plan, digest, limits)
    except NeedsApproval as error:
        return error
    return None


async def tried(place: Workplace, who: Principal, kind: str, plan: Plan) -> None:
    """What four eyes refuse stays in the trail, whoever tried."""
    async with place.database.begin("replay.refused") as tx:
        detail = _facts(place, who, plan)
        await note(tx, at=place.now(), kind=kind, actor=who.name, cause=plan.id, detail=detail)


def _facts(place: Workplace, who: Principal, plan: Plan) -> dict[str, Any]:
    """What a plan is, bound by its digest."""
    found = {"by": who.id, "digest": plan.digest, "asked_by": plan.by.name, "approved_by": plan.approved_by}
    return {**found, "versions": {"configuration": configuration_of(place)}, "sends": plan.sends}
