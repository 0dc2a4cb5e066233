"""Audit rows of cases that ended without a person, in the transaction that ends them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.tables import audit
from gateway.core.ids import new_id
from gateway.storage.database import dumps, insert_all

GATEWAY = "lockstep"


async def note_ended(tx: AsyncConnection, numbers: Sequence[str], ending: str, now: float) -> None:
    """One row for each case, `cause` is its number. Why it ended stands in its history."""
    rows = [
        {
            "id": new_id("au", at=now),
            "at": now,
            "kind": "case_ended",
            "record": None,
            "connection": None,
            "actor": GATEWAY,
            "cause": number,
            "detail": dumps({"ending": ending}),
        }
        for number in numbers
    ]
    if rows:
        await insert_all(tx, audit, rows)
