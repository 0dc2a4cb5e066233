"""All that is known of cases, as documents: for the archive, before they are forgotten."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import case_approvals, case_attachments, case_history, case_tasks, cases

_PARTS = {
    "history": (case_history, case_history.c.id),
    "approvals": (case_approvals, case_approvals.c.requested_at),
    "tasks": (case_tasks, case_tasks.c.made_at),
    "attachments": (case_attachments, case_attachments.c.made_at),
}


async def whole_cases(tx: AsyncConnection, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """By number: the row of the case, and those of all its parts, oldest first. Files as base64."""
    found = {row["number"]: dict(row) for row in (await tx.execute(_of(cases, numbers))).mappings()}
    for name, (table, order) in _PARTS.items():
        parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in (await tx.execute(_of(table, numbers).order_by(order))).mappings():
            parts[row["number"]].append({key: _plain(value) for key, value in row.items() if key != "number"})
        for number, case in found.items():
            case[name] = parts[number]
    return found


def _of(table: Any, numbers: Collection[int]) -> Any:
    return select(table).where(table.c.number.in_(numbers))


def _plain(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else value
