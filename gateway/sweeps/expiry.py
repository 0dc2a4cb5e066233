"""Ghosts, windows and spans that have outlived their use: dropped, counted and told of. Asks no system."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import or_, select

from connectors.contract.clock import Clock
from dead_letter.tables import IS_OPEN, cases
from gateway.storage.database import Database
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.sweeper import Step, count
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.recheck import Expired, expire
from gateway.sync.state import RecordState
from gateway.sync.store import chunks, load_records

PAGE = 100


@dataclass(slots=True)
class Expiry:
    """Goes through the records that remember any. `windows_s`: how long late notices of a window are waited for."""

    decider: Decider
    database: Database
    clock: Clock
    every_s: float
    windows_s: float
    name: str = "expiry"

    async def step(self, round: Round, cursor: Cursor) -> Step:
        """One page of records."""
        states = await self._page(cursor.get("after", ""))
        opened = await self._opened(states)
        before = self.clock.now() - self.windows_s
        for state in states:
            found = await self.decider.decide(state.id, lambda unit: expire(unit, opened, before=before))
            for name, n in asdict(found or Expired()).items():
                count(cursor, name, n)
        if len(states) < PAGE:
            return Step({"counts": cursor.get("counts", {})}, done=True)
        return Step({**cursor, "after": states[-1].id})

    async def _page(self, after: str) -> list[RecordState]:
        """Records whose document names such a memory; empty lists are not written into it."""
        record = t.record.c
        remembers = or_(*(record.doc.like(f'%"{name}":[{{%') for name in ("ghosts", "windows", "spans")))
        query = select(record.id).where(record.id > after, remembers).order_by(record.id).limit(PAGE)
        async with self.database.read() as tx:
            ids = [row[0] for row in await tx.execute(query)]
            states = await load_records(tx, ids)
        return [states[each] for each in ids if each in states]

    async def _opened(self, states: list[RecordState]) -> dict[str, float]:
        keys = [window.case for state in states for held in state.members.values() for window in held.windows]
        opened: dict[str, Any] = {}
        async with self.database.read() as tx:
            for part in chunks(keys):
                query = select(cases.c.key, cases.c.first_seen).where(cases.c.key.in_(part), IS_OPEN)
                opened.update((row[0], row[1]) for row in await tx.execute(query))
        return opened
