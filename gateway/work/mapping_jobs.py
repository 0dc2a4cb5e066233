"""Backtests that were asked for and are made by a worker of the gateway: begun, followed, given up, told."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError, StorageError
from gateway.access.rights import Principal, Right, Role
from gateway.storage.database import dumps, loads
from gateway.versions import store
from gateway.versions.errors import NotUsed
from gateway.versions.store import Version
from gateway.versions.tables import mapping_backtest as b
from gateway.work.mapping_backtests import Job, Range, Report, backtest
from gateway.work.mapping_backtests import differing as find_differing
from gateway.work.mapping_publishing import backtested
from gateway.work.mapping_versions import ref_of
from gateway.work.trail import note
from gateway.work.workplace import Workplace

Facts = dict[str, Any]
LEASE_S = 30.0
TELL_S = 1.0
OPEN = ("waiting", "running")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest that a worker has taken."""

    id: str
    owner: str


class _Over(Exception):
    """It was given up, or another worker has it."""


async def begin(place: Workplace, who: Principal, version: Version, range: Range) -> Facts:
    """Asks for a backtest; a worker makes it. Right CONFIGURE. The answer is `get`'s. Raises NotUsed."""
    who.require(Right.CONFIGURE)
    Job(place, who, version, range)
    now, id = place.now(), f"mb_{secrets.token_hex(6)}"
    row = {
        "id": id,
        "digest": version.digest,
        "name": version.name,
        "state": "waiting",
        "since": range.since,
        "until": range.until,
        "connection": range.connection,
        "at": now,
        "scope": dumps(_scope(who)),
        "by_name": who.name[:100],
        "by_human": who.person or who.id,
        "total": 0,
        "done": 0,
        "report": "",
        "ended_at": 0.0,
        "reason": "",
        "owner": "",
        "lease_until": 0.0,
    }
    async with place.database.begin("mapping.backtest") as tx:
        await store.keep(tx, version)
        await tx.execute(insert(b).values(row))
        detail = {"mapping": version.label, "since": range.since, "until": range.until}
        await note(tx, at=now, kind="mapping_backtest", actor=who.name, cause=id, detail=detail)
    place.stir()
    return _facts(row, version)


def _scope(who: Principal) -> Facts:
    return {
        "connections": None if who.connections is None else sorted(who.connections),
        "types": None if who.types is None else sorted(who.types),
    }


async def get(place: Workplace, who: Principal, id: str) -> Facts | None:
    """A backtest: {id, ref, digest, state: waiting | running | done | failed | cancelled, since, until, connection, at,
    by, total, done, ended_at, reason, report}. Right SEE. None: there is none, or it was asked in a wider scope.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        found = (await tx.execute(select(b).where(b.c.id == id))).mappings().first()
        version = await store.by_digest(tx, found["digest"]) if found else None
    if found is None or version is None or not _sees(who, loads(found["scope"])):
        return None
    return _facts(dict(found), version)


async def latest(place: Workplace, who: Principal, digest: str) -> Facts | None:
    """The newest backtest of a version. As `get`."""
    async with place.database.read() as tx:
        id = await tx.scalar(select(b.c.id).where(b.c.digest == digest).order_by(b.c.at.desc(), b.c.id).limit(1))
    return await get(place, who, id) if id else None


def _sees(who: Principal, scope: Mapping[str, Any]) -> bool:
    """A report counts what whoever asked could see: who sees less sees none of it."""
    for mine, theirs in ((who.connections, scope["connections"]), (who.types, scope["types"])):
        if mine is not None and (theirs is None or not set(theirs) <= mine):
            return False
    return True


async def cancel(place: Workplace, who: Principal, id: str) -> Facts | None:
    """Gives it up. Right CONFIGURE. Said again, or of one that is over, nothing changes. As `get`."""
    who.require(Right.CONFIGURE)
    if await get(place, who, id) is None:
        return None
    async with place.database.begin("mapping.backtest") as tx:
        ended = {"state": "cancelled", "ended_at": place.now(), "reason": f"{who.name} gave it up", "owner": ""}
        await tx.execute(update(b).where(b.c.id == id, b.c.state.in_(OPEN)).values(**ended))
    return await get(place, who, id)


async def take(place: Workplace, worker: str) -> Given | None:
    """A backtest that nobody makes now."""
    now = place.now()
    free = or_(b.c.state == "waiting", (b.c.state == "running") & (b.c.lease_until < now))
    oldest = select(b.c.id).where(free).order_by(b.c.at, b.c.id).limit(1)
    async with place.database.read() as tx:
        if await tx.scalar(oldest) is None:
            return None
    async with place.database.begin("mapping.backtest") as tx:
        id = await tx.scalar(oldest.with_for_update(skip_locked=True))
        if id is None:
            return None
        values = {"state": "running", "owner": worker, "lease_until": now + LEASE_S, "done": 0}
        await tx.execute(update(b).where(b.c.id == id).values(**values))
    return Given(id=id, owner=worker)


async def make(place: Workplace, given: Given) -> bool:
    """Makes it from its first change on; whoever asked has then seen it. False: it was given up, or taken over. What
    cannot be made ends as failed, with its reason. Raises StorageError: its lease runs out, and it begins anew.
    """
    async with place.database.read() as tx:
        row = (await tx.execute(select(b).where(b.c.id == given.id))).mappings().one()
        version = await store.by_digest(tx, row["digest"])
    try:
        report = await _made(place, given, row, version)
    except _Over:
        return False
    except StorageError:
        raise
    except Exception as error:
        why = str(error) if isinstance(error, InputError) else f"a defect ({type(error).__name__}), see the log"
        await _end(place, given, state="failed", reason=why)
        if isinstance(error, InputError):
            return True
        raise
    await _end(place, given, state="done", report=dumps(report), total=report["total"], done=report["done"])
    return True


async def _made(place: Workplace, given: Given, row: RowMapping, version: Version | None) -> Facts:
    if version is None:
        raise NotUsed(row["name"], [])
    who = _asker(row)
    times = Range(since=row["since"], until=row["until"], connection=row["connection"])
    reports: list[Report] = []
    said = place.now()

    async def told(report: Report) -> None:
        nonlocal said
        if not reports or place.now() - said >= TELL_S:
            said = place.now()
            await _keep(place, given, report)
        reports[:] = [report]

    found = await backtest(place, who, version, times, told=told)
    await backtested(place, who, version, found)
    return found


def _asker(row: RowMapping) -> Principal:
    """Whoever asked, with the scope of then and the one right that this takes."""
    scope = loads(row["scope"])
    return Principal(
        id=row["by_human"],
        name=row["by_name"],
        roles=frozenset({Role.INTEGRATOR}),
        connections=None if scope["connections"] is None else frozenset(scope["connections"]),
        types=None if scope["types"] is None else frozenset(scope["types"]),
        person=row["by_human"],
    )


async def _keep(place: Workplace, given: Given, report: Report) -> None:
    values = {"done": report.done, "total": report.total, "lease_until": place.now() + LEASE_S}
    async with place.database.begin("mapping.backtest") as tx:
        if not await _set(tx, given, **values):
            raise _Over


async def _end(place: Workplace, given: Given, **values: Any) -> None:
    async with place.database.begin("mapping.backtest") as tx:
        await _set(tx, given, ended_at=place.now(), owner="", **values)


async def _set(tx: AsyncConnection, given: Given, **values: Any) -> bool:
    mine = update(b).where(b.c.id == given.id, b.c.owner == given.owner, b.c.state == "running")
    return bool((await tx.execute(mine.values(**values))).rowcount)


async def leave(place: Workplace, given: Given) -> None:
    """Gives it back: another worker begins it at once."""
    async with place.database.begin("mapping.backtest") as tx:
        await _set(tx, given, state="waiting", owner="")


def _facts(row: Mapping[str, Any], version: Version) -> Facts:
    return {
        "id": row["id"],
        "ref": ref_of(version),
        "digest": row["digest"],
        "state": row["state"],
        "since": row["since"],
        "until": row["until"],
        "connection": row["connection"],
        "at": row["at"],
        "by": row["by_name"],
        "total": row["total"],
        "done": row["done"],
        "ended_at": row["ended_at"] or None,
        "reason": row["reason"],
        "report": loads(row["report"]) if row["report"] else None,
    }


async def differing(
    place: Workplace, who: Principal, id: str, *, field: str = "", verdict: str = "", after: str = "", limit: int = 50
) -> Facts | None:
    """Changes of a backtest's range that are not the same, as `mapping_backtests.differing`. Right SEE. None: as `get`.
    Raises NotUsed.
    """
    found = await get(place, who, id)
    async with place.database.read() as tx:
        version = await store.by_digest(tx, found["digest"]) if found else None
    if found is None or version is None:
        return None
    times = Range(since=found["since"], until=found["until"], connection=found["connection"])
    return await find_differing(place, who, version, times, field=field, verdict=verdict, after=after, limit=limit)
