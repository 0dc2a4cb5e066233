"""Writes that happen for every change: compiled once per dialect, then executed with plain tuples.

SQLAlchemy's execute costs more processor time per statement and per row of a batch than SQLite itself. The statements
are still written in Core, so both dialects come from one text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Pick = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Many:
    """One write for many rows. Values must be what the driver takes as it is: text, int, float, bool, None."""

    __slots__ = ("_compiled", "_make", "_names")

    def __init__(self, make: Callable[[Any], Any], names: Sequence[str] | None = None) -> None:
        """`make(insert)` gives the statement; `insert` is the dialect's, which knows ON CONFLICT. `names`: keys of a
        row.
        """
        self._make, self._names = make, names
        self._compiled: dict[str, tuple[str, Pick]] = {}

    async def run(self, tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Executes for all rows in one go. Returns the rows touched, -1 where the driver does not count (asyncpg)."""
        if not rows:
            return 0
        sql, pick = self._compiled.get(tx.dialect.name) or self._compile(tx)
        return (await tx.exec_driver_sql(sql, [pick(row) for row in rows])).rowcount

    def _compile(self, tx: AsyncConnection) -> tuple[str, Pick]:
        dialect = tx.dialect
        statement = self._make(sqlite.insert if dialect.name == "sqlite" else postgresql.insert)
        compiled = statement.compile(dialect=dialect, column_keys=self._names)
        made = self._compiled[dialect.name] = (str(compiled), itemgetter(*compiled.positiontup))
        return made
