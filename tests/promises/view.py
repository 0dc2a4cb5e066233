"""What the database says, asked again only after somebody wrote to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from dead_letter.values import Case
from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.state import Lane, RecordState
from tests.promises.direct import DirectDatabase
from tests.support.gateway import Bench

T = TypeVar("T")

LANES = f"SELECT * FROM {t.lane.name}"
RECORDS = f"SELECT id FROM {t.record.name} ORDER BY id"


class View:
    """Records, lanes and open cases of a bench on a direct database; what is handed out is to be read only."""

    def __init__(self, bench: Bench, database: DirectDatabase) -> None:
        self._bench, self._database = bench, database
        self._known: dict[str, tuple[int, Any]] = {}

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        known = self._known.get(what)
        if known is None or known[0] != self._database.changes:
            known = self._known[what] = (self._database.changes, await ask())
        return cast(T, known[1])

    async def lanes(self) -> list[Lane]:
        async def ask() -> list[Lane]:
            return [store.lane_of(row) for row in self._database.raw.execute(LANES)]

        return await self._asked("lanes", ask)

    async def records(self) -> list[RecordState]:
        async def ask() -> list[RecordState]:
            ids = [row[0] for row in self._database.raw.execute(RECORDS)]
            async with self._database.read() as tx:
                found = await store.load_records(tx, ids)  # type: ignore[arg-type]
            return [found[each] for each in ids]

        return await self._asked("records", ask)

    async def cases(self) -> list[Case]:
        return await self._asked("cases", self._bench.cases)

    async def order(self) -> dict[str, int]:
        """Number of each record, by which operations name it."""

        async def ask() -> dict[str, int]:
            return {row[0]: number for number, row in enumerate(self._database.raw.execute(RECORDS))}

        return await self._asked("order", ask)
