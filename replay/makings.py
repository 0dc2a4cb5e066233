"""Plans in the making, in the database: statements inside the caller's transaction."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from replay.store import text
from replay.tables import items, making, plans
from replay.values import Limits, Making, Person, PlanState

LEASE_S = 10.0
"""Longer than anything a worker does between two words about it."""


class Claim(msgspec.Struct, frozen=True):
    """One worker's try at a plan. A later try is another claim, and this one then holds nothing."""

    plan: str
    owner: str
    tries: int


async def add_making(tx: AsyncConnection, wanted: Making) -> None:
    """A plan that was asked for; with an owner, that one has it now."""
    nothing_yet = {"digest": "", "pins": "{}", "limits": "{}", "totals": "{}", "count": 0, "calls": 0}
    row = {
        **nothing_yet,
        "id": wanted.plan,
        "selection": wanted.selection,
        "state": wanted.state,
        "at": wanted.at,
        "by_name": wanted.by.name,
        "by_human": wanted.by.human,
        "again": wanted.again,
        "needs_approval": "",
        "approved_by": "",
        "approved_human": "",
        "approved_at": 0.0,
    }
    await tx.execute(insert(plans).values(row))
    how_far = {
        "plan": wanted.plan,
        "at": wanted.at,
        "limits": text(wanted.limits) if wanted.limits else "",
        "total": wanted.total,
        "looked": 0,
        "tries": wanted.tries,
        "owner": wanted.owner,
        "lease_until": wanted.at + LEASE_S if wanted.owner else 0.0,
        "ended_at": 0.0,
        "reason": "",
    }
    await tx.execute(insert(making).values(how_far))


def _both() -> Select[Any]:
    own = [plans.c[name] for name in ("selection", "state", "by_name", "by_human", "again")]
    return select(making, *own).join(plans, plans.c.id == making.c.plan)


async def load_making(tx: AsyncConnection, plan: str) -> Making | None:
    """How far a plan is, or how it ended; None: there is none."""
    row = (await tx.execute(_both().where(making.c.plan == plan))).mappings().one_or_none()
    return _to_making(row) if row else None


async def list_makings(tx: AsyncConnection, *, human: str, since: float, limit: int) -> list[Making]:
    """Plans in the making, and those that failed or were cancelled since a time; newest first. `human`: only theirs;
    empty: everybody's.
    """
    ended = making.c.ended_at > since
    query = _both().where(or_(making.c.ended_at == 0.0, ended & (plans.c.state != PlanState.READY)))
    if human:
        query = query.where(plans.c.by_human == human)
    query = query.order_by(making.c.at.desc(), making.c.plan.desc()).limit(limit)
    return [_to_making(row) for row in (await tx.execute(query)).mappings()]


def _to_making(row: RowMapping) -> Making:
    return Making(
        plan=row["plan"],
        selection=row["selection"],
        state=PlanState(row["state"]),
        at=row["at"],
        by=Person(name=row["by_name"], human=row["by_human"]),
        again=row["again"],
        limits=msgspec.json.decode(row["limits"], type=Limits) if row["limits"] else None,
        total=row["total"],
        looked=row["looked"],
        tries=row["tries"],
        owner=row["owner"],
        ended_at=row["ended_at"],
        reason=row["reason"],
    )


# Who makes it.


def _free(now: float) -> ColumnElement[bool]:
    return (making.c.ended_at == 0.0) & or_(making.c.owner == "", making.c.lease_until < now)


async def unclaimed(tx: AsyncConnection, now: float) -> bool:
    """Whether a plan waits for a worker; asked before `claim`, which writes."""
    return (await tx.execute(select(making.c.plan).where(_free(now)).limit(1))).first() is not None


async def claim(tx: AsyncConnection, owner: str, now: float) -> Claim | None:
    """Takes the plan that waits longest. What an earlier try stored of it is dropped."""
    oldest = select(making.c.plan, making.c.tries).where(_free(now)).order_by(making.c.at, making.c.plan).limit(1)
    row = (await tx.execute(oldest.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    mine = Claim(row.plan, owner, row.tries + 1)
    values = {"owner": owner, "tries": mine.tries, "lease_until": now + LEASE_S, "looked": 0}
    await tx.execute(update(making).where(making.c.plan == mine.plan).values(values))
    await tx.execute(delete(items).where(items.c.plan == mine.plan))
    return mine


def _mine(held: Claim) -> ColumnElement[bool]:
    owned = (making.c.owner == held.owner) & (making.c.tries == held.tries)
    return (making.c.plan == held.plan) & owned & (making.c.ended_at == 0.0)


async def keep(tx: AsyncConnection, held: Claim, looked: int, now: float) -> bool:
    """Locks the plan, renews the lease and notes how far it is; false: it is somebody else's, or over."""
    values = {"looked": looked, "lease_until": now + LEASE_S}
    return (await tx.execute(update(making).where(_mine(held)).values(values))).rowcount == 1


async def let_go(tx: AsyncConnection, held: Claim) -> None:
    """For another worker to begin at once; the try is not counted."""
    values = {"owner": "", "lease_until": 0.0, "tries": held.tries - 1}
    await tx.execute(update(making).where(_mine(held)).values(values))


async def end_making(tx: AsyncConnection, plan: str, state: PlanState, reason: str, now: float) -> bool:
    """Ends it, once; what was stored of a plan that is not whole is dropped. False: it was over already."""
    values = {"ended_at": now, "reason": reason, "owner": ""}
    ended = await tx.execute(update(making).where(making.c.plan == plan, making.c.ended_at == 0.0).values(values))
    if ended.rowcount != 1:
        return False
    if state is not PlanState.READY:
        await tx.execute(update(plans).where(plans.c.id == plan).values(state=state))
        await tx.execute(delete(items).where(items.c.plan == plan))
    return True
