"""The real store on a real SQLite in memory, without threads between: many thousand schedules in little time.

The statements, tables and transactions are those of `Database`; only the way to SQLite is direct. A schedule may say
how the next write transactions end.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import StaticPool

from connectors.contract.errors import StorageError
from gateway.audit import chain
from gateway.core.signing import Signer
from gateway.storage.database import Database, Late
from gateway.storage.prepared import RAW
from gateway.storage.schema import PARTS

PAGES = 1 << 30
SIGNER = Signer(b"schedules are signed by this key")


class Tx:
    """What the stores use of an AsyncConnection; nothing ever waits."""

    def __init__(self, connection: Any, raw: Any) -> None:
        self.connection, self.dialect, self.info = connection, connection.dialect, {RAW: raw}
        self.late: Late | None = None
        self.sync_connection = self

    def get_execution_options(self) -> dict[str, Any]:
        return {"lockstep_late": self.late}

    async def execute(self, *given: Any) -> Any:
        return self.connection.execute(*given)

    async def exec_driver_sql(self, *given: Any) -> Any:
        return self.connection.exec_driver_sql(*given)

    async def run_sync(self, action: Callable[..., Any]) -> Any:
        return action(self.connection)


class DirectDatabase:
    """Stands in for `Database` with one connection. No transaction waits for anything, so each sees what the last one
    left.
    """

    sqlite = True

    @staticmethod
    def signer() -> Signer:
        """The same for every schedule."""
        return SIGNER

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, isolation_level="AUTOCOMMIT")
        self._connection = self.engine.connect()
        self.raw = cast(sqlite3.Connection, self._connection.connection.dbapi_connection)
        self.raw.execute("PRAGMA foreign_keys=ON")
        self._tx = Tx(self._connection, self.raw)
        for part in PARTS:
            part.create_all(self._connection)
        self._deletes = [f'DELETE FROM "{table.name}"' for part in PARTS for table in reversed(part.sorted_tables)]
        self.faults: deque[str] = deque()
        """How the next write transactions end, one each: `away`, `full` and `torn` (fails in its commit) leave
        nothing, `lost` is committed and answered by an error, `fine` is fine.
        """
        self.ended: Callable[[bool], None] = lambda kept: None
        """Told at the end of each write transaction whether it was kept."""

    @asynccontextmanager
    async def begin(self, step: str = "") -> AsyncIterator[Tx]:
        """A write transaction: commits on leaving, rolls back on any error."""
        fault = self.faults.popleft() if self.faults else ""
        if fault == "away":
            raise StorageError("the database cannot be used now: away")
        if fault == "full":
            (pages,) = self.raw.execute("PRAGMA page_count").fetchone()
            self.raw.execute(f"PRAGMA max_page_count={pages}")
        self.raw.execute("BEGIN IMMEDIATE")
        late = self._tx.late = Late(cast(Database, self))
        try:
            yield self._tx
            await late.write(cast(AsyncConnection, self._tx))
        except BaseException as error:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
            self.ended(False)
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
                raise StorageError(f"the database cannot be used now: {error.orig}") from error
            raise
        else:
            self.raw.execute("ROLLBACK" if fault == "torn" else "COMMIT")
            self.ended(fault != "torn")
        finally:
            self._tx.late = None
            if fault == "full":
                self.raw.execute(f"PRAGMA max_page_count={PAGES}")
        if fault in ("lost", "torn"):
            raise StorageError("the database cannot be used now: the commit was not answered")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """One statement after the other on the only connection: a view as consistent as any, as nobody else writes."""
        yield self._tx

    @property
    def changes(self) -> int:
        """Moves with every row that is written."""
        return int(self.raw.total_changes)

    def empty(self) -> None:
        """Forgets everything but the tables."""
        self.faults.clear()
        chain.forget(cast(Database, self))
        self.raw.execute("BEGIN IMMEDIATE")
        for statement in self._deletes:
            self.raw.execute(statement)
        self.raw.execute("COMMIT")

    async def close(self) -> None:
        """The next schedule uses it again."""

    def dispose(self) -> None:
        """It is not used any more."""
        self._connection.close()
        self.engine.dispose()
