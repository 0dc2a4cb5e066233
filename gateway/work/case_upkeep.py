"""What the gateway does for cases by itself, now and then: see `dead_letter.upkeep`. Run it as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence, Sized

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import approvals, upkeep, work
from dead_letter.approvals import Actor
from dead_letter.priority import Known, rank
from dead_letter.store import GATEWAY, get_case
from dead_letter.values import CaseSummary
from dead_letter.work import Work, WorkName
from gateway.sync import tables as t
from gateway.sync.retried import end_retried, reconsider
from gateway.sync.store import load_records
from gateway.work import case_tally
from gateway.work.case_marks import marks_of
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOST_ROUNDS = 40
"""Batches of one upkeep; the rest waits for the next one, so that no worker is busy with priorities alone."""

log = structlog.get_logger()
_BY = Actor(name=GATEWAY, person=GATEWAY)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What one upkeep did."""

    unparked: list[str]
    ended: list[str]
    """Cases whose notice a person had read again, and which is done now."""
    told: list[tuple[str, str]]
    """(number, `due_soon` or `overdue`)."""
    escalated: list[str]
    """Given to whom the configuration names, because their due time passed."""
    requests: int
    """Requests for approval that ended, because their time was over or their case moved."""
    ranked: int


async def keep_up(place: Workplace) -> Kept:
    """Unparks, ends requests and cases whose notice is done, computes priorities and due times, notes what is nearly
    due, escalates what is overdue, and counts what was done. Raises StorageError.
    """
    async with place.database.begin("upkeep") as tx:
        unparked = await upkeep.unpark_over(tx, await marks_of(tx, place), place.now())
    async with place.database.begin("upkeep") as tx:
        ended = await end_retried(tx, place.topology, now=place.now())
    async with place.database.read() as tx:
        over = await approvals.over(tx, place.now())
    for id_ in over:  # one by one: whoever holds several cases must not wait for another
        async with place.database.begin("upkeep") as tx:
            await approvals.end_over(tx, id_, by=_BY, now=place.now())
    ranked = 0
    for _ in range(MOST_ROUNDS):
        async with place.database.begin("upkeep") as tx:
            done = await rank_some(tx, place)
        ranked += done
        if not done:
            break
    async with place.database.begin("upkeep") as tx:
        told = await upkeep.tell_due(tx, place.now())
        escalated = await _escalate(tx, place, [number for number, name in told if name == "overdue"])
    await case_tally.count(place)
    kept = Kept(unparked=unparked, ended=ended, told=told, escalated=escalated, requests=len(over), ranked=ranked)
    if unparked or ended or told or over:
        lists: dict[str, Sized] = {"unparked": unparked, "ended": ended, "told": told, "requests": over}
        lists["escalated"] = escalated
        log.info("cases kept up", **{name: len(each) for name, each in lists.items()}, ranked=ranked)
    return kept


async def begin(place: Workplace) -> list[str]:
    """Once, when a process starts: its configuration may read otherwise than the one that cases were asked by.

    Gives the cases that ended, or whose object is read again. Raises StorageError.
    """
    found = await reconsider(place.database, place.topology, now=place.now)
    if found:
        log.info("filters read otherwise now", cases=len(found))
    return found


async def _escalate(tx: AsyncConnection, place: Workplace, numbers: Sequence[str]) -> list[str]:
    """Hands cases that are told to be overdue to whom the configuration names; being told, each comes here once."""
    to = place.config.cases.escalate_to
    for number in numbers if to else ():
        why, now = "its due time passed", place.now()
        wanted = Work(name=WorkName.ESCALATE, to=to, text=why)
        await work.do(tx, number, wanted, by=_BY, expected=None, marks={}, now=now)
        case = await get_case(tx, number)
        await note(
            tx,
            at=now,
            kind="case_worked",
            actor=GATEWAY,
            record=(case.record or None) if case else None,
            connection=(case.connection or None) if case else None,
            cause=number,
            detail={"action": str(WorkName.ESCALATE), "reason": why, "to": to},
        )
    return list(numbers) if to else []


async def rank_some(tx: AsyncConnection, place: Workplace) -> int:
    """Computes the priorities of one batch. Gives how many."""
    now = place.now()
    batch = await upkeep.to_rank(tx, now)
    if batch:
        known = await _known(tx, place, batch)
        ranks = [(case, rank(case, known[case.number], now=now)) for case in batch]
        await upkeep.store_ranks(tx, ranks, place.config.cases.deadlines, now)
    return len(batch)


async def _known(tx: AsyncConnection, place: Workplace, batch: Sequence[CaseSummary]) -> dict[str, Known]:
    sizes = await upkeep.group_sizes(tx, sorted({case.group for case in batch}))
    waiting = await _waiting(tx, batch)
    urgent = await _urgent(tx, place, batch)
    return {
        case.number: Known(
            group=sizes.get(case.group, 1),
            waiting=waiting.get((case.record, case.connection), 0),
            own=urgent.get(case.record, ""),
        )
        for case in batch
    }


async def _waiting(tx: AsyncConnection, batch: Sequence[CaseSummary]) -> dict[tuple[str, str], int]:
    """Writes that wait in lanes which stand still because of these cases."""
    lane = t.lane.c
    records, keys = sorted({case.record for case in batch if case.record}), {case.key for case in batch}
    query = select(lane.record, lane.connection, lane.case_key, lane.writes_left).where(
        lane.record.in_(records), lane.dirty, lane.state.in_(("parked", "unknown"))
    )
    unknown = {(case.record, case.connection) for case in batch if case.cls == "unknown_outcome"}
    found = {}
    for row in await tx.execute(query):
        if row.case_key in keys or (row.record, row.connection) in unknown:
            found[row.record, row.connection] = max(1, row.writes_left)
    return found


async def _urgent(tx: AsyncConnection, place: Workplace, batch: Sequence[CaseSummary]) -> dict[str, str]:
    """Records whose own field says that they are urgent."""
    field, values = place.config.cases.urgent_field, place.config.cases.urgent_values
    records = sorted({case.record for case in batch if case.record}) if field else []
    found = {}
    for name, state in (await load_records(tx, records)).items() if records else ():
        known = state.fields.get(field)
        if known is not None and str(known.now.value) in values:
            found[name] = f"{field} {known.now.value}"
    return found
