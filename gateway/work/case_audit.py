"""Audit rows of what people do with cases, in the transaction that does it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.values import CaseSummary
from gateway.access.rights import Principal
from gateway.work.trail import note


async def audited(
    tx: AsyncConnection, who: Principal, kind: str, case: CaseSummary | None, *, now: float, **detail: Any
) -> None:
    """One row; `cause` is the case. Beside the name stands the id: names may change hands, ids do not."""
    await note(
        tx,
        at=now,
        kind=kind,
        actor=who.name,
        record=(case.record or None) if case else None,
        connection=(case.connection or None) if case else None,
        cause=case.number if case else None,
        detail={"by": who.id, **{name: each for name, each in detail.items() if each not in ("", None)}},
    )
