"""What goes on with cases, step by step, for those who follow it: no step is told twice or passed over.

Steps are numbered by a sequence. On PostgreSQL transactions commit in another order than they drew their numbers, so a
number that is not there may still come. Steps are told up to the first such number, until no transaction is left that
could bring it: every one that draws a number has written before, so it has a transaction id that a snapshot shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from dead_letter.tables import case_history, cases
from dead_letter.values import format_number
from gateway.access.rights import Principal, Right
from gateway.core.background import Background
from gateway.storage.database import Database
from gateway.work.case_scope import reach_of
from gateway.work.workplace import Workplace

EVERY_S = 0.5
MOST_READ = 2_000
LONGEST_S = 120.0
"""No transaction of ours lasts so long: another's, elsewhere in the server, must not hold the steps up for ever."""

_SNAPSHOT = text("SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() AS s")
log = structlog.get_logger()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a case, as it is told to those who follow: what happened, not what was said."""

    position: int
    number: str
    at: float
    name: str
    action: str
    state: str
    version: int
    actor: str
    connection: str


class Settling:
    """Up to which number nothing can come any more. Pure; told of what each look saw."""

    def __init__(self) -> None:
        self.settled: int | None = None
        """None: not known yet."""
        self._pending: tuple[int, int, float] | None = None

    def saw(self, newest: int, following: Sequence[int], *, xmin: int, xmax: int, at: float) -> None:
        """`following`: numbers after `settled` in order. `xmin`: all transactions before it are over; `xmax`: the next
        one's id; both looked up after the numbers were read. `at`: monotonic.
        """
        if self.settled is not None:
            for number in following:
                if number != self.settled + 1:
                    break
                self.settled = number
        if self._pending is not None:
            highest, ended, since = self._pending
            if xmin >= ended or at - since >= LONGEST_S:
                self.settled, self._pending = max(self.settled or 0, highest), None
        if self._pending is None and (self.settled is None or self.settled < newest):
            self._pending = (newest, xmax, at)


class Pulse(Background):
    """Of one worker: looks now and then while somebody follows, and wakes them when there is more."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self._settling = Settling()
        self._changed = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._followers = 0

    @property
    def settled(self) -> int | None:
        """Steps up to this one can be told; None: not known yet."""
        return self._settling.settled

    async def start(self) -> None:
        """Begins."""
        self._keep("pulse", self._loop())

    def follow(self) -> None:
        """One more follows, until `leave`."""
        self._followers += 1
        self._wanted.set()

    def leave(self) -> None:
        """One less; nobody left: no more looks."""
        self._followers -= 1
        if not self._followers:
            self._wanted.clear()

    async def wait(self, known: int | None, at_most_s: float) -> None:
        """Returns when more than `known` is settled, or after a while."""
        try:
            async with asyncio.timeout(at_most_s), self._changed:
                await self._changed.wait_for(lambda: self.settled is not None and self.settled != known)
        except TimeoutError:
            pass

    async def _loop(self) -> None:
        while True:
            await self._wanted.wait()
            before = self.settled
            try:
                await self.look()
            except StorageError as error:
                log.warning("the stream waits for the database", error=str(error))
            if self.settled != before:
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """One look at the numbers. Raises StorageError."""
        number = case_history.c.id
        async with self.database.read() as tx:
            if self.database.sqlite:
                # One writer at a time: numbers become visible in their order.
                newest = await _newest(tx)
                self._settling.settled = newest
                return
            newest, settled = await _newest(tx), self.settled
            query = select(number).where(number > (settled or 0)).order_by(number).limit(MOST_READ)
            following = [] if settled is None else list((await tx.execute(query)).scalars())
            # After the numbers: whoever drew a smaller one than `newest` has an id that this snapshot knows of.
            xmin, xmax = (int(each) for each in (await tx.execute(_SNAPSHOT)).one())
        self._settling.saw(newest, following, xmin=xmin, xmax=xmax, at=self.clock.monotonic())


async def _newest(tx: AsyncConnection) -> int:
    return int((await tx.execute(select(func.coalesce(func.max(case_history.c.id), 0)))).scalar_one())


async def kept(database: Database) -> tuple[int, int]:
    """The oldest and the newest number there is."""
    number = case_history.c.id
    query = select(func.coalesce(func.min(number), 0), func.coalesce(func.max(number), 0))
    async with database.read() as tx:
        oldest, newest = (await tx.execute(query)).one()
    return int(oldest), int(newest)


async def steps_after(
    place: Workplace, who: Principal, after: int, upto: int, *, limit: int
) -> tuple[list[Event], int]:
    """Steps numbered in (after, upto] that the reader may see, and up to where that tells all. Raises NotAllowed."""
    who.require(Right.SEE)
    step = case_history.c
    query = (
        select(case_history, cases.c.connection, cases.c.flow)
        .join(cases, cases.c.number == step.number)
        .where(step.id > after, step.id <= upto)
        .order_by(step.id)
        .limit(limit)
    )
    async with place.database.read() as tx:
        rows = (await tx.execute(query)).mappings().all()
    told = rows[-1]["id"] if len(rows) == limit else upto
    reach = reach_of(place, who)
    return [_event(row) for row in rows if reach.covers(row["connection"], row["flow"])], told


def _event(row: Any) -> Event:
    return Event(
        position=row["id"],
        number=format_number(row["number"]),
        at=row["at"],
        name=row["name"],
        action=row["action"],
        state=row["state"],
        version=row["version"],
        actor=row["actor"],
        connection=row["connection"],
    )
