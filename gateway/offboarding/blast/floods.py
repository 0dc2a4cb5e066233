"""What two people decide about departures that the guard stopped: let go on, all or some, or never begin.

Whoever asked for a departure decides about none of a flood that it is in, and nobody is the second person for
themselves: people are compared, not names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.entrance import Trail
from gateway.offboarding.blast import tables as t
from gateway.offboarding.blast.admitting import label, settle
from gateway.offboarding.tables import leaver
from gateway.storage.database import dumps, insert, loads

STANDS_S = 86400.0
"""So long one person's wish waits for the second."""
OWN, CAUSED = "approval.own", "approval.caused"
"""Codes of what four eyes refuse: whoever sees them writes the attempt down, for this transaction is undone."""
KINDS = {"allow": "leaver_guard_allowed", "refuse": "leaver_guard_refused"}


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose departure does not begin."""

    number: int
    name: str
    connection: str
    """Where it was stopped; empty: as a whole."""
    batch: str
    since: float
    why: str
    state: str
    """waits, allowed, refused, urgent (was taken out at once after all), or withdrawn (does not leave after all)."""
    caused_by: tuple[str, ...]
    again: bool = False
    """Refused, although the departure has begun elsewhere and is not over: two people may let it through after all."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What one person wants to be done, and a second has to agree to."""

    what: str
    numbers: tuple[int, ...]
    by: str
    human: str
    at: float
    reason: str


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """Departures that were stopped together."""

    number: int
    label: str
    opened_at: float
    over_at: float | None
    why: str
    waits: int
    wanted: Wanted | None = None
    people: tuple[Waiting, ...] = ()
    """Those that were stopped, whatever became of them; empty in lists."""


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides: the name for histories, the person for four eyes."""

    name: str
    human: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. Without `done` it waits for a second person."""

    flood: str
    what: str
    numbers: tuple[int, ...]
    done: bool
    left: int
    """How many still wait in the flood."""


class GuardRefused(InputError):
    """The decision is not taken: 409."""

    status = 409


class NoFlood(InputError):
    """404."""

    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no flood {name}; look at the list", code="flood.not_found")


async def floods(tx: AsyncConnection, *, open: bool = True, limit: int = 50) -> list[Flood]:
    """The newest first, without the people."""
    query = select(t.blast_flood).order_by(t.blast_flood.c.number.desc()).limit(limit)
    if open:
        query = query.where(t.blast_flood.c.over_at.is_(None))
    return await _floods(tx, query)


async def flood(tx: AsyncConnection, number: int) -> Flood:
    """One, with everybody it stopped. Raises NoFlood."""
    found = await _floods(tx, select(t.blast_flood).where(t.blast_flood.c.number == number))
    if not found:
        raise NoFlood(label(number))
    return msgspec.structs.replace(found[0], people=await _people(tx, number))


async def decide(
    tx: AsyncConnection,
    number: int,
    what: str,
    numbers: Collection[int],
    *,
    by: Decider,
    reason: str,
    now: float,
    note: Trail,
) -> Decision:
    """One person's word: `allow` or `refuse`, about these leavers or (none given) all that wait now. It takes effect
    once another person has said the same about the same; a different word takes the place of the first. Those that are
    `again` are allowed only by name.

    Raises NoFlood, GuardRefused (code `approval.own`, `approval.caused`, `guard.over`, `guard.unknown`,
    `reason.missing`).
    """
    there = await flood(tx, number)
    left = sum(each.state == "waits" for each in there.people)
    choice = {each.number: each for each in there.people if each.state == "waits" or (what == "allow" and each.again)}
    wanted = there.wanted if there.wanted is not None and now < there.wanted.at + STANDS_S else None
    meant = _meant(there, choice, wanted, what, numbers)
    _refuse(there, by, reason, wanted)
    same = wanted is not None and wanted.what == what and set(wanted.numbers) & set(choice) == meant
    if wanted is not None and same and wanted.human == by.human:
        raise GuardRefused("You asked for it yourself; another person has to look at the list.", code=OWN)
    if wanted is None or not same:
        await _want(
            tx,
            number,
            Wanted(what=what, numbers=tuple(sorted(meant)), by=by.name, human=by.human, at=now, reason=reason),
        )
        detail = {"flood": there.label, "what": what, "leavers": len(meant), "reason": reason}
        await note(tx, at=now, kind="leaver_guard_asked", actor=by.name, detail=detail)
        return Decision(flood=there.label, what=what, numbers=tuple(sorted(meant)), done=False, left=left)
    state = "allowed" if what == "allow" else "refused"
    both, why = f"{wanted.by}, {by.name}", reason.strip() or wanted.reason
    done = await settle(tx, number, sorted(meant), state, by=both, reason=why, now=now)
    await _unwant(tx, number)
    detail = {"flood": there.label, "leavers": done, "asked": wanted.by, "agreed": by.name, "reason": why}
    kind = "leaver_guard_allowed" if what == "allow" else "leaver_guard_refused"
    await note(tx, at=now, kind=kind, actor=by.name, detail=detail)
    left -= sum(choice[each].state == "waits" for each in done)
    return Decision(flood=there.label, what=what, numbers=tuple(done), done=True, left=left)


def _meant(
    there: Flood, choice: Mapping[int, Waiting], wanted: Wanted | None, what: str, numbers: Collection[int]
) -> set[int]:
    if what not in KINDS:
        raise GuardRefused(f"{what} is no decision; try allow or refuse", code="guard.unknown")
    if choice and (strange := sorted(set(numbers) - set(choice))):
        names = ", ".join(f"LV-{each}" for each in strange)
        raise GuardRefused(f"{names} does not wait in {there.label}", code="guard.unknown")
    agreed = set(wanted.numbers) & set(choice) if wanted is not None and wanted.what == what else set()
    meant = set(numbers) or agreed or {each for each in choice if choice[each].state == "waits"}
    if not choice or not meant:
        raise GuardRefused(f"{there.label} is over: nobody waits in it", code="guard.over")
    return meant


def _refuse(there: Flood, by: Decider, reason: str, wanted: Wanted | None) -> None:
    caused = [each for each in there.people if by.human in each.caused_by]
    if caused:
        text = f"You asked for {caused[0].name} to leave, which is in {there.label}: two others have to look at it."
        raise GuardRefused(text, code=CAUSED)
    if wanted is None and not reason.strip():
        raise GuardRefused("Say why; the second person will want to know.", code="reason.missing")


async def _want(tx: AsyncConnection, number: int, wanted: Wanted) -> None:
    row = {**msgspec.to_builtins(wanted), "numbers": dumps(list(wanted.numbers))}
    statement = insert(tx, t.blast_wish).values(flood=number, **row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["flood"], set_=row))


async def _unwant(tx: AsyncConnection, number: int) -> None:
    await tx.execute(t.blast_wish.delete().where(t.blast_wish.c.flood == number))


async def _floods(tx: AsyncConnection, query: Select[tuple[object, ...]]) -> list[Flood]:
    rows = (await tx.execute(query)).mappings().all()
    numbers = [row["number"] for row in rows]
    waits, wishes = t.blast_waiting.c, t.blast_wish
    counted = select(waits.flood, func.count()).where(waits.flood.in_(numbers), waits.state == "waits")
    count = {each[0]: each[1] for each in await tx.execute(counted.group_by(waits.flood))}
    found = (await tx.execute(select(wishes).where(wishes.c.flood.in_(numbers)))).mappings().all()
    wanted = {each["flood"]: _wanted(each) for each in found}
    return [
        Flood(
            number=row["number"],
            label=label(row["number"]),
            opened_at=row["opened_at"],
            over_at=row["over_at"],
            why=row["why"],
            waits=count.get(row["number"], 0),
            wanted=wanted.get(row["number"]),
        )
        for row in rows
    ]


def _wanted(row: Mapping[Any, Any]) -> Wanted:
    return Wanted(
        what=row["what"],
        numbers=tuple(loads(row["numbers"])),
        by=row["by"],
        human=row["human"],
        at=row["at"],
        reason=row["reason"],
    )


async def _people(tx: AsyncConnection, number: int) -> tuple[Waiting, ...]:
    waits = t.blast_waiting
    row = leaver.c
    begun = exists().where(row.number == waits.c.number, row.begun_at.isnot(None), row.closed_at.is_(None))
    query = select(waits, begun.label("begun")).where(waits.c.flood == number).order_by(waits.c.number)
    return tuple(
        Waiting(
            number=row["number"],
            name=row["name"],
            connection=row["scope"],
            batch=row["batch"],
            since=row["since"],
            why=row["why"],
            state=row["state"],
            caused_by=tuple(loads(row["caused_by"])),
            again=row["state"] == "refused" and bool(row["begun"]),
        )
        for row in (await tx.execute(query)).mappings()
    )
