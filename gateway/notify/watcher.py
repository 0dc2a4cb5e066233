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
from dead_letter.values import format_number
from gateway.config.notifications import Notifications
from gateway.notify import groups, outbox
from gateway.notify.facts import Event, Facts, Kind, flood, sentence
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
MOST_TOLD = 20
"""Groups of which one look tells one by one of each kind of news; the others are told together."""
FLOOD = "flood:"
"""Begins the keys of the threads in which many groups are told together."""
_NAME = "cases"

log = structlog.get_logger()


class Found(msgspec.Struct):
    """What a look saw, to be stored."""

    version: int
    before: Position
    after: Position
    threads: list[Thread] = []
    events: list[Event] = []


class Judged:
    """A thread at a look: as it was, as it is, and what is told of it. `group`: its open cases; None: it has none."""

    def __init__(self, before: Thread, after: Thread, news: tuple[Kind, ...], group: Group | None = None) -> None:
        self.before, self.after, self.news, self.group = before, after, news, group

    @property
    def silent(self) -> Facts:
        """What is remembered of it while nothing is told: the case, so that its end is seen."""
        if self.group is None or self.before.facts.case:
            return self.before.facts
        number = format_number(self.group.first)
        return Facts(text="", path=f"/c/{number}", open=self.group.count, case=number)


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
        pairs = [(known.get(key) or outbox.new_thread(key), group) for key, group in present.items()]
        judged = []
        for (thread, _), whole in zip(pairs, await groups.completed(tx, pairs), strict=True):
            judged.append(Judged(thread, *news_of(thread, whole, escalated.get(whole.key, 0), now), whole))
        judged += [_judged_none(thread, now) for thread in known.values() if thread.key not in present]
        await self._tell(tx, found, judged, known, now)
        for run, facts in await groups.ended_runs(tx, row.since, now, _told_runs(known)):
            after_run, event = outbox.told(outbox.new_thread(f"run:{run}"), Kind.RUN_FINISHED, facts, now)
            found.threads.append(after_run)
            found.events.append(event)
        return found

    async def _tell(
        self, tx: AsyncConnection, found: Found, judged: list[Judged], known: Mapping[str, Thread], now: float
    ) -> None:
        """The most urgent groups one by one, the rest of a flood in one event of its kind."""
        for kind, told in _flooding(judged).items():
            await self._flood(tx, found, kind, told, known, now)
        left = False
        for each in judged:
            facts = await self._facts(tx, each) if each.news else each.silent
            _note(found, each.before, each.after, each.news, facts, now)
            left = left or (not each.after.ended and not each.after.sequence and not each.news)
        if not left:
            self._flood_over(found, known, now)

    async def _facts(self, tx: AsyncConnection, each: Judged) -> Facts:
        if each.group is not None:
            return await groups.facts_of(tx, each.group)
        why = "moved" if await groups.moved_away(tx, each.before.key) else ""
        return msgspec.structs.replace(each.before.facts, open=0, due_at=0.0, why=why)

    async def _flood(
        self,
        tx: AsyncConnection,
        found: Found,
        kind: Kind,
        told: list[Judged],
        known: Mapping[str, Thread],
        now: float,
    ) -> None:
        open_now = [each.group for each in told if each.group is not None]
        over = [each.before.facts for each in told if each.group is None]
        facts = await groups.flood_of(tx, open_now, over)
        thread = known.get(f"{FLOOD}{kind}") or outbox.new_thread(f"{FLOOD}{kind}")
        # It ends once nothing that it told of as new is open; of the others each look's flood is a story of its own.
        after = msgspec.structs.replace(thread, ended=kind is not Kind.OPENED)
        _note(found, thread, after, (kind,), facts, now, flood(kind, facts))

    def _flood_over(self, found: Found, known: Mapping[str, Thread], now: float) -> None:
        """No group that was told together with others has an open case any more."""
        before = known.get(f"{FLOOD}{Kind.OPENED}")
        if before is None or before.ended or any(each.subject == before.subject for each in found.threads):
            return
        facts = msgspec.structs.replace(before.facts, open=0, groups=0)
        after = msgspec.structs.replace(before, ended=True)
        _note(found, before, after, (Kind.RECOVERED,), facts, now, flood(Kind.RECOVERED, facts))

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
        more = True
        while more:
            async with self.database.begin("notify.forget") as tx:
                more = await outbox.forget(tx, now)
        self._forget_at = now + FORGET_EVERY_S


def _judged_none(thread: Thread, now: float) -> Judged:
    """Of a thread whose group has no open case. Threads of runs, channels and floods have an end of their own; of a
    group that nobody heard of by itself nobody is told that it is over.
    """
    if thread.ended or not thread.facts.case:
        return Judged(thread, thread, ())
    after, news = news_of_none(thread, now)
    return Judged(thread, after, news if thread.sequence else ())


def _flooding(judged: list[Judged]) -> dict[Kind, list[Judged]]:
    """Kind -> what of it is told together, and takes it out of what each is told of: all but the most urgent."""
    by_kind: dict[Kind, list[Judged]] = {}
    for each in judged:
        for kind in each.news:
            by_kind.setdefault(kind, []).append(each)
    found = {}
    for kind, those in by_kind.items():
        if len(those) > MOST_TOLD:
            found[kind] = sorted(those, key=_urgency)[MOST_TOLD:]
            for each in found[kind]:
                each.news = tuple(one for one in each.news if one is not kind)
    return found


def _urgency(each: Judged) -> tuple[int, int, str]:
    group = each.group
    return (-group.priority, -group.count, group.key) if group else (0, 0, each.before.key)


def _note(
    found: Found, before: Thread, after: Thread, news: tuple[Kind, ...], facts: Facts, now: float, text: str = ""
) -> None:
    """What is told of a thread. One that stays silent keeps the facts it has, or those of its group."""
    after = msgspec.structs.replace(after, facts=facts)
    for kind in news:
        said = msgspec.structs.replace(facts, text=text or sentence(kind, facts))
        after, event = outbox.told(after, kind, said, now)
        found.events.append(event)
    if after != before:
        found.threads.append(after)


def _told_runs(known: Mapping[str, Thread]) -> frozenset[str]:
    return frozenset(key.removeprefix("run:") for key in known if key.startswith("run:"))
