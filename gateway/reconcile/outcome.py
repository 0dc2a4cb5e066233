"""What became of an item that was handed over: read off the record once its lanes are at rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import IS_OPEN, cases
from dead_letter.values import CaseClass
from gateway.reconcile.compare import busy
from gateway.reconcile.values import Kind, Result
from gateway.sync import tables as t
from gateway.sync.state import Lane, LinkState, RecordState
from gateway.sync.store import links_of, load_lanes, load_records

BY_NOTICE = (Kind.GONE, Kind.COMMENT, Kind.NEW, Kind.DUPLICATE)
ASKS = (CaseClass.CONFLICT, CaseClass.OVERWRITE)

Item = Mapping[str, Any]


async def ended(tx: AsyncConnection, item: Item, delivery_key: str) -> Result | None:
    """How it ended. None: it is still on its way (a system that is down keeps it there; that fails nothing)."""
    kind, record = Kind(item["kind"]), item["record"]
    told = kind in BY_NOTICE or bool(kind is Kind.REOPENED and item["doc"])
    notice = await _notice(tx, item["connection"], delivery_key) if told else None
    if told:
        if notice is None or notice.state != "done":
            return None
        record = notice.record or record
    if not record:
        return Result.CONFLICT if notice is not None and notice.disposition == "case" else Result.UNCHANGED
    state = (await load_records(tx, [record])).get(record)
    lanes = (await load_lanes(tx, [record])).get(record, {})
    if state is None or any(busy(lane) for lane in lanes.values()):
        return None if state is not None else Result.UNCHANGED
    if kind is Kind.DUPLICATE:
        return Result.DUPLICATE
    classes = await _cases(tx, record, item["asked_at"])
    if classes:
        return _of_case(classes)
    return Result.APPLIED if await _took_effect(tx, kind, item, state, lanes) else Result.UNCHANGED


async def _notice(tx: AsyncConnection, connection: str, key: str) -> Any:
    notice = t.notice.c
    query = select(notice.state, notice.disposition, notice.record).where(
        notice.connection == connection, notice.delivery_key == key
    )
    return (await tx.execute(query)).one_or_none()


async def _cases(tx: AsyncConnection, record: str, since: float) -> Sequence[str]:
    """Classes of the cases that were opened, or asked for again, since the item was handed over."""
    query = select(cases.c.cls).where(cases.c.record == record, cases.c.last_seen >= since, IS_OPEN)
    return [row[0] for row in await tx.execute(query)]


def _of_case(classes: Sequence[str]) -> Result:
    if CaseClass.UNKNOWN_OUTCOME in classes:
        return Result.UNKNOWN
    if all(cls in ASKS for cls in classes):
        return Result.CONFLICT
    if all(cls in (*ASKS, CaseClass.DUPLICATE, CaseClass.DELETED) for cls in classes):
        return Result.DUPLICATE if CaseClass.DUPLICATE in classes else Result.APPLIED
    return Result.FAILED


async def _took_effect(
    tx: AsyncConnection, kind: Kind, item: Item, state: RecordState, lanes: Mapping[str, Lane]
) -> bool:
    connection, held = item["connection"], state.members.get(item["connection"])
    if kind is Kind.LEAVES:
        return state.tombstoned_at is not None
    if kind is Kind.GONE:
        return held is None or held.link is LinkState.GONE
    if kind is Kind.NEW:
        return bool(await links_of(tx, {(connection, item["object"], item["object_id"])}))
    if kind is Kind.COMMENT:
        origin = f"{connection}:{item['doc']['item']}"
        return bool((await tx.execute(select(t.item.c.origin).where(t.item.c.origin == origin))).first())
    if held is None:
        return False
    if kind is Kind.REOPENED:
        return held.closed or held.link is LinkState.GONE
    if kind in (Kind.CREATE, Kind.WRITE):
        return held.link is LinkState.PRIMARY and not lanes[connection].dirty
    return kind is Kind.WAITING or await _absorbed(tx, item, state)


async def _absorbed(tx: AsyncConnection, item: Item, state: RecordState) -> bool:
    """Whether the read found something: the shadow moved, a version was decided, or a value lost since."""
    name, doc, ledger = item["field"], item["doc"], t.conflict_ledger.c
    shadow = state.members[item["connection"]].shadow.get(name)
    canon = state.fields.get(name)
    if shadow is not None and shadow.ext != doc["known"]:
        return True
    if canon is not None and canon.now.fver > doc["fver"]:
        return True
    query = select(ledger.id).where(
        ledger.record == state.id, ledger.field == name, ledger.connection == item["connection"]
    )
    return (await tx.execute(query.where(ledger.at >= item["asked_at"]).limit(1))).first() is not None
