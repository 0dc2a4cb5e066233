"""Polling one connection: pages go into the stream, the cursor moves only after they are durable (P1)."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, MalformedError, StorageError, Throttled
from connectors.contract.values import Change
from dead_letter.store import close_cases, open_cases
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_back, note_ended
from gateway.config.polling import PollRules
from gateway.core.background import Background
from gateway.intake.fitting import entry, fit
from gateway.storage.database import Database, dumps, insert, loads
from gateway.streams.port import Stream
from gateway.sync import tables as t
from gateway.sync.bounds import DELIVERY_KEY, digest, label

PRESSED_S = 5.0
"""Pause while nothing more can be taken in: what was not read yet waits where it is."""
PLACES = 5
STUCK_AFTER = 10
"""Turns in a row that our own code ended, and a person is told: what it trips over will be there the next time."""
SHOWN = 60
"""Characters shown of an identity that does not fit."""
MOST_SHOWN = 10_000
"""Changes of one turn that are remembered until the next."""

Shown = tuple[str, str, str, float]
log = structlog.get_logger()


@dataclass(slots=True)
class Poller(Background):
    """One connection. Of several workers one polls at a time, by a lease on the cursor's row."""

    name: str
    connector: Connector
    stream: Stream
    database: Database
    clock: Clock
    worker: str
    every_s: float
    pressed: Callable[[], str] = lambda: ""
    """Why nothing more can be taken in now, if so."""
    told: Callable[[Exception | None], None] = lambda error: None
    """Hears how each turn went: with the system's error, or None."""
    failures: int = 0
    defects: int = 0
    """Turns in a row that ended by a defect of ours."""
    mended: bool = False
    """No case of ours tells of such turns."""
    polled: int = 0
    rules: PollRules | None = None
    """How the pause follows what polls find; None: it is always `every_s`."""
    pause_s: float = 0.0
    """The last one between two turns that went well."""
    shown: frozenset[Shown] = frozenset()
    """What the last turn told of: an overlap tells of it again, and that is nothing new."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever knows that a turn now may go better than the last: the pause is over."""

    async def start(self) -> None:
        """Begins to poll."""
        self._keep(f"poll-{self.name}", self._loop())

    async def _loop(self) -> None:
        while True:
            wait_s = await self.once()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.asked.wait()
            self.asked.clear()

    async def once(self) -> float:
        """One turn, whatever happens in it. Returns seconds until the next."""
        try:
            wait_s = await self._turn()
        except Throttled as error:
            self.told(error)
            return max(self.every_s, error.retry_after_s or self.every_s * 2)
        except LockstepError as error:
            self.told(error)
            wait_s = self._failed()
            if self.failures in (1, 10, 100):
                log.warning("poll failed", connection=self.name, failures=self.failures, error=str(error))
        except Exception as error:  # an answer our code trips over must not end polling
            wait_s = self._failed()
            log.error("poll stopped by a defect", connection=self.name, failures=self.failures, exc_info=error)
            await self._stuck(error)
        else:
            self.failures = self.defects = 0
        return wait_s

    async def _stuck(self, error: Exception) -> None:
        """Opens the connection's case, or brings it up to date, every so many turns."""
        self.defects += 1
        if self.defects % STUCK_AFTER == 0:
            self.mended = False
            try:
                async with self.database.begin("poll.stuck") as tx:
                    await open_cases(tx, [_stuck(self.name, self.defects, error)], now=self.clock.now())
            except StorageError as away:
                log.warning("a case waits for the database", connection=self.name, error=str(away))

    async def _mend(self, tx: AsyncConnection) -> None:
        """A page was read: whatever ended the turns before is over."""
        if not self.mended:
            key, now = _stuck_key(self.name), self.clock.now()
            ended = await close_cases(tx, [key], decision=Ending.RESTORED, reason="it can be polled again", now=now)
            await note_ended(tx, ended, Ending.RESTORED, now)

    def _failed(self) -> float:
        """Seconds until the next turn after one more failure."""
        self.failures += 1
        return min(self.every_s * 2.0 ** min(self.failures, 6), max(60.0, self.every_s))

    async def _turn(self) -> float:
        """Reads pages until there are no more. Returns seconds until the next turn."""
        if self.pressed():
            return max(self.every_s, PRESSED_S)
        claimed = await self._claim()
        if claimed is None:
            return self.every_s
        cursor: Mapping[str, Any] | None = claimed or None
        seen: set[Shown] = set()
        while True:
            page = await self.connector.changes(cursor)
            self.told(None)
            seen.update(map(_shown, page.changes[: max(0, MOST_SHOWN - len(seen))]))
            entries, unfit = _sorted(page.changes)
            await self.stream.append_many(entries)
            self.polled += len(entries)
            if not await self._move(page.cursor, unfit):
                return self.every_s
            cursor = page.cursor
            if not page.more:
                return self._next_s(seen)
            if self.pressed():
                return max(self.every_s, PRESSED_S)

    def _next_s(self, seen: set[Shown]) -> float:
        """The pause after a turn that came to its end."""
        new, self.shown = len(seen - self.shown), frozenset(seen)
        if self.rules is None:
            return self.every_s
        self.pause_s = self.rules.next_s(self.pause_s or self.every_s, new, self.clock.now())
        return self.pause_s

    @property
    def _lease_s(self) -> float:
        """Longer than any pause, so that the one who polls goes on with it."""
        return max(30.0, 3 * (self.rules.slowest_s if self.rules is not None else self.every_s))

    async def _claim(self) -> dict[str, Any] | None:
        """The cursor ({} at the very first), or None while another worker polls."""
        now, lease_s = self.clock.now(), self._lease_s
        async with self.database.begin("poll.claim") as tx:
            await tx.execute(
                insert(tx, t.cursor)
                .values(connection=self.name, value="{}", owner="", lease_until=0.0, polled_at=0.0)
                .on_conflict_do_nothing()
            )
            over = or_(t.cursor.c.lease_until < now, t.cursor.c.lease_until > now + 2 * lease_s)  # a clock was set back
            free = or_(t.cursor.c.owner.in_(["", self.worker]), over)
            mine = t.cursor.c.connection == self.name
            taken = await tx.execute(
                update(t.cursor).where(mine, free).values(owner=self.worker, lease_until=now + lease_s)
            )
            if taken.rowcount != 1:
                return None
            return await self._value(tx)

    async def _value(self, tx: AsyncConnection) -> dict[str, Any]:
        row = (await tx.execute(select(t.cursor.c.value).where(t.cursor.c.connection == self.name))).one()
        return dict(loads(row[0]) or {})

    async def _move(self, cursor: Mapping[str, Any], unfit: Sequence[NewCase] = ()) -> bool:
        """Stores the cursor, and the cases of what was passed over, if the lease is still ours."""
        now = self.clock.now()
        async with self.database.begin("poll.cursor") as tx:
            moved = await tx.execute(
                update(t.cursor)
                .where(t.cursor.c.connection == self.name, t.cursor.c.owner == self.worker)
                .values(value=dumps(dict(cursor)), polled_at=now, lease_until=now + self._lease_s)
            )
            if moved.rowcount == 1 and unfit:
                await note_back(tx, (await open_cases(tx, unfit, now=now)).values(), now)
            await self._mend(tx)
        self.mended = True
        return moved.rowcount == 1


def _shown(change: Change) -> Shown:
    """Tells a state of an object from another, whatever the delivery is called."""
    told = change.snapshot
    return (change.kind, f"{told.object}:{told.id}", str(told.version), told.updated_at or change.occurred_at or 0.0)


def _stuck_key(connection: str) -> str:
    return f"{CaseClass.POISON}:{connection}:poll"


def _stuck(connection: str, times: int, error: Exception) -> NewCase:
    return NewCase(
        key=_stuck_key(connection),
        cls=CaseClass.POISON,
        cause="poll.stuck",
        title=f"polling {connection} ends by a defect of ours, {times} times in a row: {type(error).__name__}",
        connection=connection,
        evidence={"error": f"{type(error).__name__}: {error}", "where": _place(error), "times": times},
        fingerprint=f"poll.stuck:{connection}",
    )


def _place(error: Exception) -> list[str]:
    """Where it happened, innermost last: for a report, since nobody can look into our log from there."""
    steps = traceback.extract_tb(error.__traceback__)[-PLACES:]
    return [f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in steps]


def _sorted(changes: Sequence[Change]) -> tuple[list[tuple[str, bytes]], list[NewCase]]:
    """What goes into the stream, and the cases of what cannot be stored at all: the cursor goes on either way."""
    entries, unfit = [], []
    for change in changes:
        try:
            fit(change)
            entries.append(entry(change))
        except MalformedError as error:
            log.error("a polled change cannot be stored", connection=change.connection, reason=error.reason)
            unfit.append(_case(change, error))
    return entries, unfit


def _case(change: Change, error: MalformedError) -> NewCase:
    shown = label(change.snapshot.key or change.snapshot.id, SHOWN)
    return NewCase(
        key=digest(f"poison:{change.connection}:{change.delivery_key}", DELIVERY_KEY),
        cls=CaseClass.POISON,
        cause="change.unfit",
        title=f"a change of {shown} in {change.connection} cannot be stored: {error.reason}",
        connection=change.connection,
        object=change.snapshot.object,
        object_key=shown,
        evidence={"reason": error.reason, "object_id": label(change.snapshot.id, SHOWN), "via": change.via},
        fingerprint=f"change.unfit:{change.connection}",
    )
