"""Making a plan, as something that takes a while: begun by whoever asks, made by a worker, taken up when that one dies.

A worker holds it by a lease, renewed with all that it stores. Another takes it up after that and begins at the first
item again, with nothing left of what the one before had stored: both would have looked at different moments, maybe by
different mappings. Nothing of it can be seen or run before its last transaction makes it whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from replay import makings, store
from replay.errors import NotFound, PlanIsOver
from replay.ids import short_id
from replay.makings import Claim
from replay.planning import Digest, approval_needed, foresee
from replay.ports import Books, Foresight
from replay.selecting import load_selection
from replay.values import RANK, SENDS, Action, Foreseen, Limits, Making, Person, Pins, Plan, PlanState, Selection

GOOD_S = 1800.0
"""How long a plan may be run after its items began to be looked at."""
TELL_S = 0.3
"""How often a worker says how far it is, and hears that it was cancelled."""
MOST_TRIES = 3
"""So many workers begin a plan: one that takes each of them down must not go on to the next."""
INTERRUPTED = f"interrupted {MOST_TRIES} times"

LimitsFor = Callable[[Limits | None, Collection[str], int, int], tuple[Limits, bool]]
"""Of the limits asked for, the connections of a plan, its items that send and the calls these take; and whether that is
bolder than one person may go.
"""
Told = Callable[[AsyncConnection, Plan], Awaitable[None]]
"""Called in the transaction that makes a plan whole."""
Heard = Callable[[int, int], None]
"""Called with how many of how many were looked at."""


async def begin_plan(
    books: Books, selection: Selection, by: Person, *, limits: Limits | None, again: str, now: float, owner: str = ""
) -> Making:
    """Asks for a plan of a selection. `owner`: the worker that makes it at once; empty: any worker does."""
    wanted = Making(
        plan=short_id("rp"),
        selection=selection.id,
        state=PlanState.MAKING,
        at=now,
        by=by,
        again=again,
        limits=limits,
        total=selection.count,
        looked=0,
        tries=1 if owner else 0,
        owner=owner,
        ended_at=0.0,
        reason="",
    )
    async with books.begin("replay.plan") as tx:
        await makings.add_making(tx, wanted)
    return wanted


async def cancel_plan(books: Books, wanted: Making, reason: str, now: float, told: Callable[..., Any]) -> None:
    """Gives a plan in the making up: its worker stops at its next word. Raises PlanIsOver for one that is whole; said
    again it is no error. `told` is called in the transaction that ends it.
    """
    async with books.begin("replay.cancel") as tx:
        if await makings.end_making(tx, wanted.plan, PlanState.CANCELLED, reason, now):
            await told(tx)
            return
        there = await makings.load_making(tx, wanted.plan)
    if there is not None and there.state is PlanState.READY:
        raise PlanIsOver(wanted.plan)


class _Lost(Exception):
    """It was cancelled, or another worker has it."""


@dataclass(slots=True)
class Maker:
    """Makes plans, for one worker. Several may: each plan has one at a time, by its lease."""

    books: Books
    foresight: Foresight
    limits_for: LimitsFor
    told: Told
    worker: str
    now: Callable[[], float]

    async def take(self) -> Claim | None:
        """A plan that nobody makes now; one that took too many workers down is ended instead."""
        async with self.books.read() as tx:
            if not await makings.unclaimed(tx, self.now()):
                return None
        async with self.books.begin("replay.making") as tx:
            claim = await makings.claim(tx, self.worker, self.now())
            if claim is not None and claim.tries > MOST_TRIES:
                await makings.end_making(tx, claim.plan, PlanState.FAILED, INTERRUPTED, self.now())
                return None
            return claim

    async def leave(self, claim: Claim) -> None:
        """Gives it back, for another worker to begin at once; that counts as no try."""
        async with self.books.begin("replay.making") as tx:
            await makings.let_go(tx, claim)

    async def make(self, claim: Claim, heard: Heard = lambda looked, total: None) -> Plan | None:
        """The whole plan. None: it was cancelled, or another worker has it. A defect ends it as failed and is raised;
        so is StorageError, after which it can be taken up again.
        """
        try:
            return await self._make(claim, heard)
        except _Lost:
            return None
        except StorageError:
            raise
        except Exception as error:
            async with self.books.begin("replay.making") as tx:
                why = str(error) if isinstance(error, NotFound) else f"a defect ({type(error).__name__}), see the log"
                await makings.end_making(tx, claim.plan, PlanState.FAILED, why, self.now())
            raise

    async def _make(self, claim: Claim, heard: Heard) -> Plan:
        began = self.now()
        async with self.books.read() as tx:
            wanted = await makings.load_making(tx, claim.plan)
            selection = await load_selection(tx, wanted.selection) if wanted else None
        if wanted is None:
            raise _Lost
        if selection is None:
            raise NotFound("selection", wanted.selection)
        mappings, connectors = self.foresight.reading(selection.wish.through).pins()
        pins = Pins(mappings=dict(mappings), connectors=dict(connectors), good_until=began + GOOD_S)
        foreseen = await self._look(claim, selection, heard)
        foreseen.sort(key=lambda each: RANK[each.action])
        plan = self._head(wanted, pins, began, foreseen)
        return await self._store(claim, plan, foreseen)

    async def _look(self, claim: Claim, selection: Selection, heard: Heard) -> list[Foreseen]:
        foreseen: list[Foreseen] = []
        foresight, said = self.foresight.reading(selection.wish.through), self.now()
        for part in store.batches(selection.items):
            async with self.books.read() as tx:
                foreseen += await foresee(tx, foresight, selection.wish.source, part)
            heard(len(foreseen), selection.count)
            if self.now() - said >= TELL_S or len(foreseen) == selection.count:
                said = self.now()
                async with self.books.begin("replay.making") as tx:
                    await self._keep(tx, claim, len(foreseen))
            await asyncio.sleep(0)
        return foreseen

    async def _keep(self, tx: AsyncConnection, claim: Claim, looked: int) -> None:
        if not await makings.keep(tx, claim, looked, self.now()):
            raise _Lost

    def _head(self, wanted: Making, pins: Pins, began: float, foreseen: Sequence[Foreseen]) -> Plan:
        sending = [each for each in foreseen if each.action in SENDS]
        calls = sum(each.calls for each in sending)
        where = {each.connection for each in sending if each.connection}
        limits, bolder = self.limits_for(wanted.limits, where, len(sending), calls)
        totals: dict[str, int] = dict.fromkeys(Action, 0)
        for each in foreseen:
            totals[each.action] += 1
        return Plan(
            id=wanted.plan,
            selection=wanted.selection,
            state=PlanState.MAKING,
            digest="",
            at=began,
            by=wanted.by,
            pins=pins,
            limits=limits,
            totals=totals,
            count=len(foreseen),
            calls=calls,
            again=wanted.again,
            needs_approval=approval_needed(limits, totals, bolder=bolder),
        )

    async def _store(self, claim: Claim, plan: Plan, foreseen: Sequence[Foreseen]) -> Plan:
        digest, seq = Digest(plan), 1
        for part in store.batches(foreseen, 2 * store.BATCH):
            async with self.books.begin("replay.items") as tx:
                await self._keep(tx, claim, len(foreseen))
                await store.add_items(tx, plan.id, seq, part)
            digest.add(part)
            seq += len(part)
            await asyncio.sleep(0)
        plan = msgspec.structs.replace(plan, digest=digest.told)
        async with self.books.begin("replay.planned") as tx:
            await self._keep(tx, claim, len(foreseen))
            await store.finish_plan(tx, plan, {(each.connection, each.flow) for each in foreseen})
            await makings.end_making(tx, plan.id, PlanState.READY, "", self.now())
            await self.told(tx, plan)
        return msgspec.structs.replace(plan, state=PlanState.READY)
