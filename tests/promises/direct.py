"""The real store on a real SQLite in memory, without threads between: many thousand schedules in little time.

The statements, tables and transactions are those of `Database`; only the way to SQLite is direct.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from gateway.storage.prepared import RAW
from gateway.storage.schema import PARTS


class Tx:
    """What the stores use of an AsyncConnection; nothing ever waits."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.dialect = connection, connection.dialect
        self.info = {RAW: connection.connection.dbapi_connection}

    async def execute(self, *given: Any) -> Any:
        return self.connection.execute(*given)

    async def exec_driver_sql(self, *given: Any) -> Any:
        return self.connection.exec_driver_sql(*given)

    async def run_sync(self, action: Callable[..., Any]) -> Any:
        return action(self.connection)


class DirectDatabase:
    """Stands in for `Database` with one connection: transactions take turns, so each sees what the last one left."""

    sqlite = True

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A write transaction: commits on leaving, rolls back on any error."""
        async with self._turn:
            with self.engine.begin() as connection:
                yield Tx(connection)

    read = begin

    def empty(self) -> None:
        """Forgets everything but the tables."""
        with self.engine.begin() as connection:
            for part in PARTS:
                for table in part.sorted_tables:
                    connection.execute(table.delete())

    async def close(self) -> None:
        """The next schedule uses it again."""


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
