"""The guard against many departures at once: what may begin now, counted in the transaction that would begin it.

Windows roll: many small batches add up like one large one. Whoever is stopped waits until two people decide, also when
the window has moved on; nothing is lost by that and nothing else happens to it. Somebody who is taken out at once by
name has an allowance apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.entrance import Trail
from gateway.config.budget import Window
from gateway.config.leaver_guard import Guard
from gateway.core.digits import number_in
from gateway.offboarding.blast import tables as t
from gateway.storage.database import dumps, insert

GATEWAY = "lockstep"


class Passage(StrEnum):
    """What the guard says."""

    PASSED = "passed"
    WAITS = "waits"
    """Until two people decide. Ask again later: asking costs no more than reading a row."""
    REFUSED = "refused"
    """Two people said that this does not happen."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's departure is about to begin, or the first step of it in one system."""

    number: int
    """Of the leaver."""
    name: str
    """Whom people see in the list."""
    connection: str = ""
    """Empty: the departure itself."""
    batch: str = ""
    """What it came with; empty: alone."""
    of_batch: int = 1
    """How many people the batch tells of, those that wait or are over included."""
    urgent: bool = False
    """A person said: now, this one."""
    caused_by: tuple[str, ...] = ()
    """Ids of the people who asked for it: none of them decides about a flood that it is in."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `why`: for people, unless it passed. `flood`: FL-<number>."""

    passage: Passage
    why: str = ""
    flood: str = ""

    @property
    def on_the_way(self) -> str:
        """Why it does not go on in one system, although it has begun in others; empty: it passed."""
        refused = "two people refused it, and may still allow it: " if self.passage is Passage.REFUSED else ""
        return "" if self.passage is Passage.PASSED else f"{self.flood}: {refused}{self.why}"


async def admit(tx: AsyncConnection, guard: Guard, ask: Ask, *, now: float, note: Trail) -> Verdict:
    """Whether it may begin, and counts it if so. The same again is answered again and counted once.

    To be called in the transaction that begins it: if that is undone, nothing was counted.
    """
    if await _marked(tx, ask.connection, ask.number):
        return Verdict(passage=Passage.PASSED)
    head = await _lock(tx)
    known = (await tx.execute(select(t.blast_waiting).where(t.blast_waiting.c.number == ask.number))).mappings().first()
    if known is not None and known["state"] == Passage.REFUSED:
        return Verdict(passage=Passage.REFUSED, why=known["reason"], flood=label(known["flood"]))
    if known is not None and known["state"] == "allowed":
        return await _pass(tx, ask, "decided", now)
    if ask.urgent and await _counted(tx, ask.connection, guard.urgent, now, "urgent") < guard.urgent.requests:
        if known is not None:
            await settle(tx, known["flood"], [ask.number], "urgent", by=", ".join(ask.caused_by), reason="", now=now)
        return await _pass(tx, ask, "urgent", now)
    if known is not None and known["state"] == "waits":
        return Verdict(passage=Passage.WAITS, why=known["why"], flood=label(known["flood"]))
    why = await _too_many(tx, guard, ask, now)
    if not why:
        return await _pass(tx, ask, "ordinary", now)
    return await _stop(tx, ask, head, why, now=now, note=note)


async def _too_many(tx: AsyncConnection, guard: Guard, ask: Ask, now: float) -> str:
    if ask.batch and not ask.connection:
        if ask.of_batch > guard.batch:
            return f"{ask.batch} tells of {ask.of_batch} people, and {guard.batch} may go without asking"
        waits = t.blast_waiting.c
        query = select(waits.flood).where(waits.batch == ask.batch, waits.state == "waits").limit(1)
        if (flood := (await tx.execute(query)).scalar()) is not None:
            return f"others of {ask.batch} wait in {label(flood)}"
        mark = t.blast_mark.c
        query = select(func.count()).where(mark.batch == ask.batch, mark.scope == "")
        if (await tx.execute(query)).scalar_one() >= guard.batch:
            return f"{guard.batch} of {ask.batch} have begun, and no more may without asking"
    for window in guard.windows(ask.connection):
        if await _counted(tx, ask.connection, window, now, "ordinary") >= window.requests:
            where = f"in {ask.connection}" if ask.connection else "in all systems"
            return f"the limit of {window.words} {where} is reached"
    return ""


async def _counted(tx: AsyncConnection, scope: str, window: Window, now: float, counts: str) -> int:
    mark = t.blast_mark.c
    query = select(func.count()).where(mark.scope == scope, mark.counts == counts, mark.at > now - window.per_s)
    return int((await tx.execute(query)).scalar_one())


async def _marked(tx: AsyncConnection, scope: str, number: int) -> bool:
    mark = t.blast_mark.c
    return (await tx.execute(select(mark.at).where(mark.scope == scope, mark.number == number))).first() is not None


async def _pass(tx: AsyncConnection, ask: Ask, counts: str, now: float) -> Verdict:
    row = {"scope": ask.connection, "number": ask.number, "at": now, "batch": ask.batch, "counts": counts}
    await tx.execute(t.blast_mark.insert().values(**row))
    return Verdict(passage=Passage.PASSED)


async def _stop(tx: AsyncConnection, ask: Ask, head: int, why: str, *, now: float, note: Trail) -> Verdict:
    flood = (
        await tx.execute(select(func.max(t.blast_flood.c.number)).where(t.blast_flood.c.over_at.is_(None)))
    ).scalar()
    if flood is None:
        flood = head + 1
        await tx.execute(t.blast_flood.insert().values(number=flood, opened_at=now, over_at=None, why=why))
        await tx.execute(update(t.blast_head).values(floods=flood))
        detail = {"flood": label(flood), "why": why, "batch": ask.batch}
        await note(tx, at=now, kind="leaver_guard_stopped", actor=GATEWAY, detail=detail)
    row: dict[str, Any] = {
        "flood": flood,
        "name": ask.name[:300],
        "scope": ask.connection,
        "batch": ask.batch,
        "caused_by": dumps(sorted(ask.caused_by)),
        "since": now,
        "why": why,
        "state": "waits",
        "decided_at": None,
        "decided_by": "",
        "reason": "",
    }
    # Somebody who was taken out at once before has a row already.
    waits = insert(tx, t.blast_waiting).values(number=ask.number, **row)
    await tx.execute(waits.on_conflict_do_update(index_elements=["number"], set_=row))
    return Verdict(passage=Passage.WAITS, why=why, flood=label(flood))


async def settle(
    tx: AsyncConnection, flood: int, numbers: Sequence[int], state: str, *, by: str, reason: str, now: float
) -> list[int]:
    """Those of the leavers that waited in the flood wait no longer; the flood is over once nobody does. Gives them.
    Who was refused may be allowed after all.
    """
    await _lock(tx)
    waits, whole = t.blast_waiting.c, t.blast_flood.c
    here, before = waits.flood == flood, ("waits", "refused") if state == "allowed" else ("waits",)
    theirs = (here, waits.state.in_(before), waits.number.in_(numbers))
    found = [row.number for row in await tx.execute(select(waits.number).where(*theirs))]
    put = {"state": state, "decided_at": now, "decided_by": by, "reason": reason}
    await tx.execute(update(t.blast_waiting).where(here, waits.number.in_(found)).values(**put))
    if (await tx.execute(select(waits.number).where(here, waits.state == "waits").limit(1))).first() is None:
        ended = update(t.blast_flood).where(whole.number == flood, whole.over_at.is_(None))
        await tx.execute(ended.values(over_at=now))
        await tx.execute(delete(t.blast_wish).where(t.blast_wish.c.flood == flood))
    return sorted(found)


async def withdraw(tx: AsyncConnection, number: int, *, now: float) -> None:
    """The leaver is none any more, so nobody has to decide about them."""
    waits = t.blast_waiting.c
    query = select(waits.flood).where(waits.number == number, waits.state == "waits")
    if (flood := (await tx.execute(query)).scalar()) is not None:
        await settle(tx, flood, [number], "withdrawn", by="", reason="", now=now)


async def _lock(tx: AsyncConnection) -> int:
    """The number of the last flood. Who counts next waits for this transaction."""
    statement = insert(tx, t.blast_head).values(id=1, floods=0)
    keep = statement.on_conflict_do_update(index_elements=["id"], set_={"floods": t.blast_head.c.floods})
    await tx.execute(keep)
    return int((await tx.execute(select(t.blast_head.c.floods))).scalar_one())


def label(number: int) -> str:
    """`FL-3`."""
    return f"FL-{number}"


def number_of(name: str) -> int | None:
    """The number in `FL-3`, `fl-3` or `3`; None when it is none."""
    return number_in(name.strip().upper().removeprefix("FL-"))
