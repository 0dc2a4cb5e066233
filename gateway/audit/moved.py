"""Which of the entries whose links do not fit were only put in another's place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.links import FIELDS, GENESIS, link
from gateway.audit.tables import audit

MOST = 24
"""Of more entries than this it is only said that they were changed: each is tried at each place, behind each other."""


async def told_apart(tx: AsyncConnection, changed: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """Place -> where the entry that stands there belongs; and those that are only beside another one's place."""
    if not 2 <= len(changed) <= MOST:
        return {}, set()
    around = {*changed, *(seq - 1 for seq in changed)}
    columns = (*(audit.c[name] for name in FIELDS), audit.c.link)
    rows = {row[0]: row for row in await tx.execute(select(*columns).where(audit.c.seq.in_(around)))}
    before = {GENESIS, *(row.link for row in rows.values())}
    moved, innocent = dict[int, int](), set[int]()
    for seq in changed:
        if seq not in rows:
            continue
        places = [place for place in changed if _fits(rows[seq], place, before)]
        if seq in places:
            innocent.add(seq)
        elif places:
            moved[seq] = places[0]
    return (moved, innocent) if moved else ({}, set())


def _fits(row: Any, place: int, before: set[str]) -> bool:
    values = [place, *row[1 : len(FIELDS)]]
    return any(link(each, values) == row.link for each in before)
