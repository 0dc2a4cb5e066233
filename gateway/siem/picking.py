"""Which entries of the audit chain a sink is told of, and what it is told of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.masking import mask
from gateway.access.rights import Principal
from gateway.audit.links import GENESIS
from gateway.audit.tables import audit, audit_floor, audit_head
from gateway.config.siem import BEGINNING, NOW, Sink
from gateway.core.ids import new_id
from gateway.core.known_kinds import KINDS
from gateway.siem.event import Event
from gateway.storage.database import loads

LOOKED_AT = 10_000
"""Entries that one look may pass, however few of them are for the sink."""
MOST = 500
"""Events of one transaction."""
_NOBODY = Principal(id="siem", name="siem", roles=frozenset())


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the chain."""

    rows: Sequence[Mapping[str, Any]]
    """For the sink, in the order of the chain."""
    upto: int
    """Nothing else up to this entry is."""
    head: int
    """The newest entry."""


async def look(tx: AsyncConnection, sink: Sink, position: int) -> Found:
    """What the chain has for a sink above `position`."""
    head = await head_of(tx)
    last = min(head, position + LOOKED_AT)
    query = select(audit).where(*_is_for(sink, position, last)).order_by(audit.c.seq).limit(MOST)
    rows = (await tx.execute(query)).mappings().all() if last > position else []
    upto = rows[-1]["seq"] if len(rows) == MOST else max(last, position)
    return Found(rows=[dict(each) for each in rows], upto=upto, head=head)


async def behind(tx: AsyncConnection, sink: Sink, position: int, head: int) -> int:
    """Entries above `position` that have no place in the feed yet. Those that one look may pass are counted if they are
    for the sink; what lies beyond, which is a long way, is counted whole.
    """
    last = min(head, position + LOOKED_AT)
    query = select(func.count()).select_from(audit).where(*_is_for(sink, position, last))
    return int((await tx.execute(query)).scalar_one()) + max(0, head - last) if last > position else 0


def _is_for(sink: Sink, position: int, last: int) -> list[ColumnElement[bool]]:
    row = audit.c
    kinds = [row.kind.in_(sorted(sink.kinds))] if sink.kinds else []
    return [row.seq > position, row.seq <= last, row.risk >= sink.least, *kinds]


async def head_of(tx: AsyncConnection) -> int:
    """The newest entry; 0: there is none."""
    return (await tx.execute(select(audit_head.c.seq))).scalar() or 0


async def link_of(tx: AsyncConnection, position: int) -> str:
    """Of an entry of the chain, or of the one before the oldest that is still there."""
    for row in (audit.c, audit_floor.c):
        found: str | None = (await tx.execute(select(row.link).where(row.seq == position))).scalar()
        if found:
            return found
    return GENESIS


async def beginning(tx: AsyncConnection, since: str) -> int:
    """The entry after which a new sink begins."""
    if since == NOW:
        return await head_of(tx)
    if since == BEGINNING:
        return 0
    # Ids are in the order of time, and have an index; the time itself has none.
    made = new_id("au", at=_moment(since))[:12]
    first = (await tx.execute(select(func.min(audit.c.seq)).where(audit.c.id >= made))).scalar()
    return await head_of(tx) if first is None else first - 1


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def event_of(row: Mapping[str, Any], sink: Sink, personal: Collection[str], number: int, previous: str) -> Event:
    """An entry as the sink's event of this number. Personal values are `***` unless the sink is to have them."""
    said = loads(row["detail"])
    detail = said if isinstance(said, dict) else {"told": said}
    if not sink.personal:
        detail = mask(detail, personal, _NOBODY, show=False)
    return Event(
        sink=sink.name,
        number=number,
        previous=previous,
        id=row["id"],
        position=row["seq"],
        link=row["link"],
        at=row["at"],
        kind=row["kind"],
        severity=row["risk"],
        actor=row["actor"],
        text=_sentence(row),
        outcome=row["outcome"],
        record=row["record"] or "",
        connection=row["connection"] or "",
        cause=row["cause"] or "",
        detail=detail,
        trace=str(detail.get("trace") or ""),
    )


def _sentence(row: Mapping[str, Any]) -> str:
    known = KINDS.get(row["kind"])
    what = known.says if known else str(row["kind"]).replace("_", " ").replace(".", " ")
    about = row["cause"] or row["connection"] or row["record"] or ""
    return f"{row['actor']}: {what}" + (f" ({about})" if about else "")
