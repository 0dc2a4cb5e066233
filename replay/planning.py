"""Making a plan: what the product's planner foresees of each item, in an order for people, bound by a digest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.picking import Picked, picked
from replay import store
from replay.ids import short_id
from replay.ports import Books, Foresight
from replay.values import (
    RANK,
    SENDS,
    Action,
    Foreseen,
    Limits,
    Person,
    Pins,
    Plan,
    PlanState,
    Selection,
    Source,
)

GOOD_S = 1800.0
"""How long a plan may be run after it was begun."""

_canonical = msgspec.json.Encoder(order="deterministic").encode

LimitsFor = Callable[[Collection[str], int, int], tuple[Limits, bool]]
"""Of the connections of a plan, its items that send and the calls these take; and whether that is bolder than one
person may go.
"""
Told = Callable[[AsyncConnection, Plan], Awaitable[None]]
"""Called in the transaction that makes a plan whole."""


async def make_plan(
    books: Books,
    foresight: Foresight,
    selection: Selection,
    by: Person,
    limits_for: LimitsFor,
    *,
    now: Callable[[], float],
    told: Told,
    again: str = "",
) -> Plan:
    """Plans a selection on the present state. Reads and writes in batches: it keeps nobody waiting, and if it is killed
    nothing but an unfinished plan is left, which nobody sees.
    """
    began = now()
    foreseen = await _foresee_all(books, foresight, selection)
    foreseen.sort(key=lambda each: RANK[each.action])
    sending = [each for each in foreseen if each.action in SENDS]
    calls = sum(each.calls for each in sending)
    mappings, connectors = foresight.pins()
    limits, bolder = limits_for({each.connection for each in sending if each.connection}, len(sending), calls)
    plan = Plan(
        id=short_id("rp"),
        selection=selection.id,
        state=PlanState.MAKING,
        digest="",
        at=began,
        by=by,
        pins=Pins(mappings=dict(mappings), connectors=dict(connectors), good_until=began + GOOD_S),
        limits=limits,
        totals=dict.fromkeys(Action, 0),
        count=len(foreseen),
        calls=calls,
        again=again,
    )
    totals = dict(plan.totals)
    for each in foreseen:
        totals[each.action] += 1
    plan = msgspec.structs.replace(plan, totals=totals, needs_approval=approval_needed(limits, totals, bolder=bolder))
    plan = msgspec.structs.replace(plan, digest=digest_of(plan, foreseen))
    await _store(books, plan, foreseen, told)
    return msgspec.structs.replace(plan, state=PlanState.READY)


async def _foresee_all(books: Books, foresight: Foresight, selection: Selection) -> list[Foreseen]:
    foreseen: list[Foreseen] = []
    for part in store.batches(selection.items):
        async with books.read() as tx:
            foreseen += await foresee(tx, foresight, selection.wish.source, part)
        await asyncio.sleep(0)
    return foreseen


async def foresee(
    tx: AsyncConnection, foresight: Foresight, source: Source, subjects: Sequence[str], *, mine: str = ""
) -> list[Foreseen]:
    """What would come of each item now. `mine`: the run whose own hold of a record hinders nothing."""
    if source is Source.JOURNAL:
        found = {each.subject: each for each in await foresight.notices(tx, subjects)}
    else:
        found = {each.subject: each for each in await _of_cases(tx, foresight, subjects)}
    gone = {subject: _forgotten(subject) for subject in subjects if subject not in found}
    foreseen = [found.get(subject) or gone[subject] for subject in subjects]
    held = await store.held_records(tx, {store.held_key(each) for each in foreseen if each.action in SENDS})
    return [_blocked(each, held.get(store.held_key(each), ""), mine) for each in foreseen]


async def _of_cases(tx: AsyncConnection, foresight: Foresight, numbers: Sequence[str]) -> list[Foreseen]:
    cases = await picked(tx, numbers)
    return await foresight.cases(tx, [each for each in cases if each.closed_at is None]) + [
        _closed(each) for each in cases if each.closed_at is not None
    ]


def _closed(case: Picked) -> Foreseen:
    return Foreseen(
        subject=case.number,
        action=Action.GONE,
        reason=f"the case is closed ({case.ending.replace('_', ' ')})",
        record=case.record,
        flow=case.flow,
        connection=case.connection,
        object=case.object,
        object_key=case.object_key,
        cause=case.cause,
        version=case.version,
    )


def _forgotten(subject: str) -> Foreseen:
    return Foreseen(subject=subject, action=Action.GONE, reason="it is not kept any more")


def _blocked(each: Foreseen, run: str, mine: str) -> Foreseen:
    if each.action not in SENDS or run in ("", mine):
        return each
    return msgspec.structs.replace(
        each, action=Action.BLOCKED, decision="", reason=f"its record is in run {run}", diffs=(), calls=0
    )


def approval_needed(limits: Limits, totals: dict[str, int], *, bolder: bool = False) -> str:
    """Why a second person has to look at a plan; empty: nobody has to."""
    sends = sum(n for action, n in totals.items() if action in SENDS)
    creates, deletes = totals[Action.CREATE], totals[Action.DELETE]
    if deletes > limits.most_deletes:
        return f"it closes {deletes} objects of {limits.most_deletes} that one person may"
    if creates > limits.most_creates:
        return f"it creates {creates} objects of {limits.most_creates} that one person may"
    if sends > limits.approve_above:
        return f"it sends {sends} items, one person may send {limits.approve_above}"
    if bolder and sends:
        return "its limits are bolder than the configuration's"
    return ""


def digest_of(plan: Plan, foreseen: Iterable[Foreseen]) -> str:
    """`sha-256:` over what the plan holds on and all that it would do, item by item, in its order."""
    digest = hashlib.sha256()
    head = (plan.id, plan.selection, plan.pins, plan.limits)
    digest.update(_canonical(head))
    for each in foreseen:
        digest.update(
            _canonical((each.subject, each.action, each.decision, each.change, each.version, each.revision)) + b"\n"
        )
    return f"sha-256:{digest.hexdigest()}"


async def _store(books: Books, plan: Plan, foreseen: Sequence[Foreseen], told: Told) -> None:
    async with books.begin("replay.plan") as tx:
        await store.add_plan(tx, plan)
    seq = 1
    for part in store.batches(foreseen, 2 * store.BATCH):
        async with books.begin("replay.items") as tx:
            await store.add_items(tx, plan.id, seq, part)
        seq += len(part)
        await asyncio.sleep(0)
    async with books.begin("replay.planned") as tx:
        await store.finish_plan(tx, plan, {(each.connection, each.flow) for each in foreseen})
        await told(tx, plan)
