"""The time of a departure comes: by the clock, by the end of a hold, or because somebody says now. And goes by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from dead_letter.classify import Cause
from gateway.config.leavers import Leavers
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.blast.admitting import Ask, Passage, admit
from gateway.offboarding.blast.tables import blast_waiting
from gateway.offboarding.opening import Desk
from gateway.offboarding.ports import Gone
from gateway.offboarding.summing import sum_up
from gateway.offboarding.telling import Teller, Trail
from gateway.offboarding.values import Event, Leaver, LeaverState, SystemState
from gateway.storage.database import Database

MOST = 200
"""Departures that one look begins; the next look takes the others."""
_AFRESH = frozenset({SystemState.FIND, SystemState.READ, SystemState.WORK, SystemState.NONE, SystemState.DONE})

log = structlog.get_logger()


@dataclass(slots=True)
class Beginning:
    """Looks for one worker. Of several that do, one begins each."""

    database: Database
    clock: Clock
    rules: Leavers
    trail: Trail
    gone: Gone

    async def once(self) -> int:
        """How many began, were let go, or fell past due. Raises StorageError."""
        now = self.clock.now()
        done = 0
        for number, state in await self._due(now):
            done += await _alone(self._let_go if state == LeaverState.HELD else self._begin, number)
        for number in await self._past_due(now):
            done += await _alone(self._tell_past_due, number)
        return done

    async def _due(self, now: float) -> list[tuple[int, str]]:
        """Without those about whom two people have to decide: however many they are, nobody waits behind them."""
        row, waits = t.leaver.c, blast_waiting.c
        stopped = exists().where(waits.number == row.number, waits.state == Passage.WAITS)
        planned = (row.state == LeaverState.PLANNED) & (row.ends_at <= now) & or_(row.urgent, ~stopped)
        held = (row.state == LeaverState.HELD) & (row.hold_until <= now)
        query = select(row.number, row.state).where(row.closed_at.is_(None), or_(planned, held))
        query = query.order_by(row.urgent.desc(), row.privileged.desc(), row.ends_at, row.number).limit(MOST)
        async with self.database.read() as tx:
            return [(number, state) for number, state in await tx.execute(query)]

    async def _begin(self, number: int) -> bool:
        async with self.database.begin("leaver.begin") as tx:
            leaver = await store.take(tx, number)
            now = self.clock.now()
            if leaver is None or leaver.state is not LeaverState.PLANNED or leaver.ends_at > now:
                return False
            if await self._stopped(Teller(self.trail, tx, now), leaver):
                return False
            await self._begun(Teller(self.trail, tx, now), leaver)
        return True

    async def _stopped(self, teller: Teller, leaver: Leaver) -> bool:
        """Asks the guard, which is asked again as long as it says that people have to decide."""
        verdict = await admit(
            teller.tx, self.rules.guard, await ask_of(teller.tx, leaver), now=teller.now, note=self.trail
        )
        if verdict.passage is Passage.PASSED:
            leaver.guarded = ""
            return False
        if verdict.passage is Passage.REFUSED:
            desk = Desk(teller, self.rules, ())
            await desk.withdraw(leaver, by="lockstep", reason=f"{verdict.flood}: {verdict.why}")
            return True
        why = f"{verdict.flood}: {verdict.why}"
        if why != leaver.guarded:
            leaver.guarded = why
            await store.save(teller.tx, leaver)
            await teller.say(leaver, "leaver_guarded", why, flood=verdict.flood)
        return True

    async def _begun(self, teller: Teller, leaver: Leaver) -> None:
        now, places = teller.now, await store.places_of(teller.tx, [leaver.number])
        leaver.state, leaver.begun_at = LeaverState.OPEN, now
        if leaver.kind is Event.LEAVER:
            await self.gone.departs(teller.tx, leaver, places, now)
        for place in places:
            if place.state in _AFRESH:
                place.state = SystemState.READ if place.doc.accounts else SystemState.FIND
                place.next_at = now
                await store.save_place(teller.tx, place)
        await teller.say(leaver, "leaver_begun", "its time has come", systems=[each.connection for each in places])
        await sum_up(teller, leaver)

    async def _let_go(self, number: int) -> bool:
        async with self.database.begin("leaver.let_go") as tx:
            leaver = await store.take(tx, number)
            now = self.clock.now()
            if leaver is None or leaver.state is not LeaverState.HELD or (leaver.hold_until or 0.0) > now:
                return False
            await resume(Teller(self.trail, tx, now), leaver, "the hold is over")
        return True

    async def _past_due(self, now: float) -> list[int]:
        row = t.leaver.c
        late = select(row.number, row.doc).where(
            row.closed_at.is_(None), row.done_at.is_(None), row.due_at < now, row.begun_at.isnot(None)
        )
        async with self.database.read() as tx:
            found = await store.listed(tx, select(t.leaver).where(row.number.in_(late.with_only_columns(row.number))))
        return [each.number for each in found if not each.doc.told_due][:MOST]

    async def _tell_past_due(self, number: int) -> bool:
        async with self.database.begin("leaver.past_due") as tx:
            leaver = await store.take(tx, number)
            now = self.clock.now()
            if leaver is None or leaver.due_at is None or leaver.due_at >= now or leaver.doc.told_due:
                return False
            leaver.doc.told_due = leaver.due_at
            await store.save(tx, leaver)
            teller = Teller(self.trail, tx, now)
            await teller.say(leaver, "leaver_past_due", "a deadline has passed and access is not proved to be gone")
            await teller.ask(leaver, Cause.LEAVER_PAST_DUE, "a deadline has passed")
        return True


async def _alone(begin: Callable[[int], Awaitable[bool]], number: int) -> int:
    """A defect of one departure keeps no other one."""
    try:
        return await begin(number)
    except StorageError:
        raise
    except Exception as error:
        log.error("a departure met a defect", leaver=number, exc_info=error)
        return 0


async def resume(teller: Teller, leaver: Leaver, why: str, *, actor: str = "lockstep") -> None:
    """A departure that was held goes on where it was."""
    leaver.state = LeaverState.PLANNED if leaver.begun_at is None else LeaverState.OPEN
    leaver.hold_until, leaver.doc.hold = None, None
    leaver.version += 1
    for place in await store.places_of(teller.tx, [leaver.number]):
        if place.state not in (SystemState.OVER, SystemState.HAND, SystemState.WHICH):
            place.next_at = teller.now
            await store.save_place(teller.tx, place)
    await store.save(teller.tx, leaver)
    await teller.say(leaver, "leaver_released", why, actor=actor)
    await sum_up(teller, leaver)


async def ask_of(tx: AsyncConnection, leaver: Leaver, connection: str = "") -> Ask:
    """What the guard is asked: about the departure, or about its first step in one system."""
    row = t.leaver.c
    many = select(func.count()).where(row.batch == leaver.batch)
    return Ask(
        number=leaver.number,
        name=leaver.doc.person.name or leaver.doc.person.email,
        connection=connection,
        batch=leaver.batch,
        of_batch=(await tx.execute(many)).scalar_one() if leaver.batch else 1,
        urgent=leaver.urgent,
        caused_by=leaver.doc.caused_by,
    )
