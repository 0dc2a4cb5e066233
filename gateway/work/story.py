"""What happened to a record, in the order in which it happened. Reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store as cases
from dead_letter.values import CaseFilter, CaseState
from gateway.storage.database import Database, loads
from gateway.sync import tables as t
from gateway.sync.attempts import PEOPLE_SEE, Outcome
from gateway.work.queries import find_record

Facts = dict[str, Any]


async def record_history(database: Database, connection: str, key_or_id: str, *, limit: int = 50) -> Facts | None:
    """The newest `limit` steps of a record, oldest first: values decided and by whom, values that lost, writes, cases.

    None: not known.
    """
    async with database.read() as tx:
        record = await find_record(tx, connection, key_or_id)
        if record is None:
            return None
        steps = [*await _versions(tx, record, limit), *await _lost(tx, record, limit)]
        steps += [*await _writes(tx, record, limit), *await _cases(tx, record)]
    steps.sort(key=lambda step: step["at"])
    return {"record": record, "steps": steps[-limit:]}


def _step(at: float, what: str, who: str, *, field: str = "", value: Any = None, detail: str = "") -> Facts:
    return {"at": at, "what": what, "who": who, "field": field, "value": value, "detail": detail}


async def _versions(tx: AsyncConnection, record: str, limit: int) -> list[Facts]:
    table = t.field_version.c
    query = select(t.field_version).where(table.record == record).order_by(table.at.desc(), table.fver.desc())
    return [
        _step(
            row.at,
            "decided",
            row.source,
            field=row.field,
            value=loads(row.value),
            detail=f"version {row.fver}" + (f", read by {row.mapping}" if row.mapping else ""),
        )
        for row in reversed((await tx.execute(query.limit(limit))).all())
    ]


async def _lost(tx: AsyncConnection, record: str, limit: int) -> list[Facts]:
    table = t.conflict_ledger.c
    query = select(t.conflict_ledger).where(table.record == record).order_by(table.at.desc()).limit(limit)
    return [
        _step(row.at, "lost", row.connection, field=row.field, value=loads(row.value), detail=row.reason)
        for row in await tx.execute(query)
    ]


async def _writes(tx: AsyncConnection, record: str, limit: int) -> list[Facts]:
    table = t.attempt.c
    query = select(t.attempt).where(table.record == record).order_by(table.started_at.desc()).limit(limit)
    return [
        _step(
            row.started_at,
            f"{row.kind} {PEOPLE_SEE[Outcome(row.outcome)]}",
            "lockstep",
            field=", ".join(sorted(loads(row.doc).get("fields", {}))),
            detail=" ".join(
                part for part in (f"to {row.connection}", str((loads(row.answer) or {}).get("error") or "")) if part
            ),
        )
        for row in await tx.execute(query)
    ]


async def _cases(tx: AsyncConnection, record: str) -> list[Facts]:
    page = await cases.list_cases(tx, CaseFilter(record=record, states=tuple(CaseState)))
    steps = []
    for case in page.cases:
        for step in await cases.history(tx, case.number):
            said = " ".join(part for part in (step.action, step.reason) if part)
            what = f"{case.number} {step.name.replace('_', ' ')}"
            # A choice and a title may quote the field's value: beside its name they are kept from whom it is kept.
            field = step.choice.partition(":")[0] if step.action == "correct" else case.field
            quoted = step.choice or (None if said else case.title)
            steps.append(_step(step.at, what, step.actor, field=field, value=quoted, detail=said or case.cause))
    return steps
