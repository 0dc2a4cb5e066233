"""Looks what needs people, and writes down what is told of it. One worker looks at a time.

A look compares states (see `threads`) and moves the position in the transaction that stores the events: a kill before
the commit leaves everything to the next look, and of two workers that looked at the same time one stores nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.config.notifications import Notifications
from gateway.notify import groups, outbox
from gateway.notify.facts import Event, Facts, Kind, sentence
from gateway.notify.routing import channels_for
from gateway.notify.tables import position
from gateway.notify.tail import Position, end_of, follow
from gateway.notify.threads import Group, Thread, news_of, news_of_none
from gateway.storage.database import Database, dumps, insert, loads

EVERY_S = 5.0
WORTH = 0.1
"""Share of the time that looking may take, however many cases there are,"""
SELDOMEST_S = 30.0
"""as long as it is done this often."""
LEASE_S = 60.0
FORGET_EVERY_S = 3600.0
_NAME = "cases"

log = structlog.get_logger()


class Found(msgspec.Struct):
    """What a look saw, to be stored."""

    version: int
    before: Position
    after: Position
    threads: list[Thread] = []
    events: list[Event] = []


class Watcher:
    """Looks for one worker."""

    def __init__(self, database: Database, clock: Clock, worker: str, config: Notifications) -> None:
        self.database, self.clock, self.worker, self.config = database, clock, worker, config
        self._leased_until = 0.0
        self._forget_at = 0.0

    async def loop(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        while True:
            began = self.clock.monotonic()
            try:
                await self.once()
            except StorageError as error:
                log.warning("nobody looks what to tell while the database is away", error=str(error))
            took_s = self.clock.monotonic() - began
            await asyncio.sleep(min(max(EVERY_S, took_s / WORTH), SELDOMEST_S))

    async def once(self) -> bool:
        """One look, if it is this worker's turn. True: it stored something."""
        now = self.clock.now()
        if not await self._turn(now):
            return False
        async with self.database.read() as tx:
            found = await self._look(tx, now)
        if found.threads or found.after != found.before:
            return await self._store(found, now)
        if now >= self._forget_at:
            await self._forget(now)
        return False

    async def _turn(self, now: float) -> bool:
        """Whether this worker may look: it has the lease, or got it. Renewed at half of its time."""
        if now < self._leased_until - LEASE_S / 2:
            return True
        row = position.c
        free = or_(row.owner.in_(["", self.worker]), row.lease_until < now)
        async with self.database.begin("notify.turn") as tx:
            await self._entered(tx, now)
            lease = {"owner": self.worker, "lease_until": now + LEASE_S}
            taken = await tx.execute(update(position).where(row.name == _NAME, free).values(**lease))
        self._leased_until = now + LEASE_S if taken.rowcount == 1 else 0.0
        return taken.rowcount == 1

    async def _entered(self, tx: AsyncConnection, now: float) -> None:
        """At the very first look: what is open is told, what ended before is history."""
        known = (await tx.execute(select(position.c.name).where(position.c.name == _NAME))).first()
        if known is None:
            row = {"name": _NAME, "since": now, "version": 0, "after": await end_of(tx), "missing": "{}"}
            row |= {"owner": "", "lease_until": 0.0}
            await tx.execute(insert(tx, position).values(**row).on_conflict_do_nothing())

    async def _look(self, tx: AsyncConnection, now: float) -> Found:
        row = (await tx.execute(select(position).where(position.c.name == _NAME))).one()
        before = Position(row.after, {int(id): begun for id, begun in loads(row.missing).items()})
        after, lines = await follow(tx, before)
        found = Found(row.version, before, after)
        known = await outbox.threads(tx)
        escalated = await groups.escalations(tx, lines)
        present = await groups.open_groups(tx)
        for group in present.values():
            thread = known.get(group.key) or outbox.new_thread(group.key)
            await self._judge(tx, found, thread, group, escalated.get(group.key, 0), now)
        for thread in known.values():
            if thread.key not in present:
                await self._judge_none(tx, found, thread, now)
        for run, facts in await groups.ended_runs(tx, row.since, now, _told_runs(known)):
            after_run, event = outbox.told(outbox.new_thread(f"run:{run}"), Kind.RUN_FINISHED, facts, now)
            found.threads.append(after_run)
            found.events.append(event)
        return found

    async def _judge(
        self, tx: AsyncConnection, found: Found, thread: Thread, group: Group, escalations: int, now: float
    ) -> None:
        whole = await groups.completed(tx, group, thread)
        after, news = news_of(thread, whole, escalations, now)
        facts = await groups.facts_of(tx, whole) if news else thread.facts
        _note(found, thread, after, news, facts, now)

    async def _judge_none(self, tx: AsyncConnection, found: Found, thread: Thread, now: float) -> None:
        """Threads of runs and channels have an end of their own."""
        if thread.ended or not thread.facts.case:
            return
        after, news = news_of_none(thread, now)
        why = "moved" if news and await groups.moved_away(tx, thread.key) else ""
        facts = msgspec.structs.replace(thread.facts, open=0, due_at=0.0, why=why)
        _note(found, thread, after, news, facts, now)

    async def _store(self, found: Found, now: float) -> bool:
        """False: another worker stored its look meanwhile, and nothing of this one is kept."""
        missing = dumps({str(id): begun for id, begun in found.after.missing.items()})
        moved = {"version": found.version + 1, "after": found.after.after, "missing": missing}
        async with self.database.begin("notify.look") as tx:
            mine = (position.c.name == _NAME) & (position.c.version == found.version)
            if (await tx.execute(update(position).where(mine).values(**moved))).rowcount != 1:
                return False
            await outbox.keep(tx, found.threads, now)
            for event in found.events:
                to = channels_for(event.kind, event.facts, self.config.rules, now)
                await outbox.emit(tx, event, to, self.config.base, now)
        return True

    async def _forget(self, now: float) -> None:
        async with self.database.begin("notify.forget") as tx:
            await outbox.forget(tx, now)
        self._forget_at = now + FORGET_EVERY_S


def _note(found: Found, before: Thread, after: Thread, news: tuple[Kind, ...], facts: Facts, now: float) -> None:
    for kind in news:
        after, event = outbox.told(after, kind, msgspec.structs.replace(facts, text=sentence(kind, facts)), now)
        found.events.append(event)
    if after != before:
        found.threads.append(after)


def _told_runs(known: Mapping[str, Thread]) -> frozenset[str]:
    return frozenset(key.removeprefix("run:") for key in known if key.startswith("run:"))
