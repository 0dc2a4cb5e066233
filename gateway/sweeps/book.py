"""Where each sweep stands. Of several workers one runs a sweep at a time, by a lease on its row; a round goes
on where it was after a restart. The database is the referee.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from dead_letter.values import Case
from gateway.audit.chain import append
from gateway.core.ids import new_id
from gateway.storage.database import Database, dumps, insert, loads
from gateway.sweeps.tables import sweep

LEASE_S = 300.0
"""Longer than any one step; each step renews it."""

AT_ONCE = frozenset({"schema"})
"""Kinds whose first round does not wait: what comes later is compared with it."""

Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Round:
    """A round that this worker has claimed."""

    connection: str
    kind: str
    since: float
    started_at: float
    cursor: Cursor = field(default_factory=dict)
    """Where it stands; empty at its beginning."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The report of the last whole round."""
    before_at: float = 0.0
    """When that one was finished."""
    asked_text: str = ""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What a person asked for; empty where the time had come by itself."""
        return dict(loads(self.asked_text)) if self.asked_text else {}


@dataclass(slots=True)
class Book:
    """The rows of the sweeps, for one worker. Methods raise StorageError."""

    database: Database
    clock: Clock
    worker: str

    async def due(self, connection: str, every_s: Mapping[str, float]) -> list[str]:
        """The kinds whose time has come and that nobody else runs. A kind seen for the first time is entered."""
        now, row = self.clock.now(), sweep.c
        query = select(row.kind, self._free(now), or_(row.due_at <= now, row.cursor != "")).where(
            row.connection == connection
        )
        async with self.database.read() as tx:
            found = {kind: free and due for kind, free, due in await tx.execute(query)}
        new = [kind for kind in every_s if kind not in found]
        if new:
            await self._enter(connection, {kind: now + (0.0 if kind in AT_ONCE else every_s[kind]) for kind in new})
        return [kind for kind in every_s if found.get(kind)]

    async def _enter(self, connection: str, due: Mapping[str, float]) -> None:
        async with self.database.begin("sweep.enter") as tx:
            await _entered(tx, connection, due, self.clock.now())

    async def claim(self, connection: str, kind: str) -> Round | None:
        """The round to run now: the one under way, or a new one. None: another worker has it, or it is not due."""
        now, row = self.clock.now(), sweep.c
        mine = and_(row.connection == connection, row.kind == kind)
        fresh = row.cursor == ""
        async with self.database.begin("sweep.claim") as tx:
            taken = await tx.execute(
                update(sweep)
                .where(mine, self._free(now), or_(row.due_at <= now, ~fresh))
                .values(
                    owner=self.worker,
                    lease_until=now + LEASE_S,
                    started_at=case((fresh, now), else_=row.started_at),
                    cursor=case((fresh, "{}"), else_=row.cursor),
                )
            )
            if taken.rowcount != 1:
                return None
            found = (await tx.execute(select(sweep).where(mine))).one()
        return Round(
            connection,
            kind,
            found.since,
            found.started_at,
            dict(loads(found.cursor)),
            dict(loads(found.report)) if found.report else {},
            found.finished_at,
            found.asked,
        )

    def _free(self, now: float) -> Any:
        return or_(sweep.c.owner.in_(["", self.worker]), sweep.c.lease_until < now)

    async def keep(self, round: Round, cursor: Cursor) -> bool:
        """Stores where the round stands, if it is still ours."""
        async with self.database.begin("sweep.keep") as tx:
            return await self._write(tx, round, cursor=dumps(cursor), lease_until=self.clock.now() + LEASE_S)

    async def finish(self, round: Round, report: Mapping[str, Any], every_s: float) -> bool:
        """Ends the round with what it found; an audit row tells. What was asked for meanwhile is due at once."""
        now = self.clock.now()
        report = {**report, "totals": _summed(round.before.get("totals", {}), report.get("counts", {}))}
        unchanged = sweep.c.asked == round.asked_text
        async with self.database.begin("sweep.finish") as tx:
            ours = await self._write(
                tx,
                round,
                cursor="",
                report=dumps(dict(report)),
                finished_at=now,
                owner="",
                lease_until=0.0,
                due_at=case((unchanged, now + every_s), else_=0.0),
                asked=case((unchanged, ""), else_=sweep.c.asked),
            )
            if ours:
                told = {"kind": round.kind, "started_at": round.started_at, **report}
                row = {"id": new_id("au", at=now), "at": now, "kind": "swept", "connection": round.connection or None}
                actor = str(round.asked.get("by", "lockstep"))[:100]
                append(tx, [{**row, "actor": actor, "cause": "", "detail": dumps(told)}])
        return ours

    async def _write(self, tx: AsyncConnection, round: Round, **values: Any) -> bool:
        row = sweep.c
        written = await tx.execute(
            update(sweep)
            .where(row.connection == round.connection, row.kind == round.kind, row.owner == self.worker)
            .values(**values)
        )
        return written.rowcount == 1


async def ask(
    database: Database, connection: str, kinds: Iterable[str], wishes: Mapping[str, Any], *, now: float
) -> None:
    """Makes a round of each kind due at once. `wishes` are handed to it; they replace those of an earlier asking."""
    async with database.begin("sweep.ask") as tx:
        await _ask(tx, connection, list(kinds), wishes, now)


async def _ask(tx: AsyncConnection, connection: str, kinds: list[str], wishes: Mapping[str, Any], now: float) -> None:
    await _entered(tx, connection, dict.fromkeys(kinds, 0.0), now)
    await tx.execute(
        update(sweep)
        .where(sweep.c.connection == connection, sweep.c.kind.in_(kinds))
        .values(due_at=0.0, asked=dumps(dict(wishes)))
    )


async def accept_gone(tx: AsyncConnection, case: Case, actor: str, now: float) -> None:
    """Makes a comparison of all ids due at once, and lets so many deletions pass in it as the case has known objects
    of its type. What was asked for before and is not done yet stands.
    """
    mine = and_(sweep.c.connection == case.connection, sweep.c.kind == "ids")
    before = (await tx.execute(select(sweep.c.asked).where(mine).with_for_update())).scalar()
    wishes = dict(loads(before)) if before else {}
    accepted = {**wishes.get("accepted", {}), case.object: int(case.evidence.get("known", 0))}
    await _ask(tx, case.connection, ["ids"], {**wishes, "by": actor, "accepted": accepted}, now)


async def states(database: Database, connection: str | None = None) -> list[dict[str, Any]]:
    """Every sweep, or those of one connection: when it is due, whether it runs, and what the last round found."""
    query = select(sweep).order_by(sweep.c.connection, sweep.c.kind)
    if connection is not None:
        query = query.where(sweep.c.connection == connection)
    async with database.read() as tx:
        rows = (await tx.execute(query)).mappings().all()
    return [
        {
            "connection": row["connection"],
            "kind": row["kind"],
            "due_at": row["due_at"],
            "asked": bool(row["asked"]),
            "running": row["cursor"] != "",
            "started_at": row["started_at"] or None,
            "finished_at": row["finished_at"] or None,
            "found": _of(row["report"], "counts"),
            "found_ever": _of(row["report"], "totals"),
        }
        for row in rows
    ]


def _summed(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + more.get(name, 0) for name in {**before, **more}}


def _of(report: str, part: str) -> dict[str, Any]:
    return dict(loads(report).get(part, {})) if report else {}


async def _entered(tx: AsyncConnection, connection: str, due: Mapping[str, float], now: float) -> None:
    rows = [
        {
            "connection": connection,
            "kind": kind,
            "since": now,
            "due_at": due_at,
            "asked": "",
            "cursor": "",
            "started_at": 0.0,
            "finished_at": 0.0,
            "report": "",
            "owner": "",
            "lease_until": 0.0,
        }
        for kind, due_at in due.items()
    ]
    await tx.execute(insert(tx, sweep).on_conflict_do_nothing(), rows)
