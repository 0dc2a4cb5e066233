"""Transactions on SQLite and PostgreSQL. Knows no table.

On SQLite one writer at a time holds the file (BEGIN IMMEDIATE), so what a decision read cannot move before it commits;
on PostgreSQL rows are locked by the statements that load them. Any failure of the database itself is a StorageError;
a value that it does not take is a ValueRefused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from connectors.contract.errors import ConfigError, LockstepError, StorageError
from gateway.core.folders import private
from gateway.core.points import AFTER, BEFORE, reached
from gateway.core.signing import Signer
from gateway.storage.inline import inline
from gateway.storage.prepared import RAW, Many

BUSY_TIMEOUT_S = 15
CONNECT_S = 10.0
ANSWER_S = 30.0
"""How long PostgreSQL may take to let us in and to answer a statement; then the connection counts as dead. Without a
limit, a network that swallows our packets would hold up whoever asked for ever. `?command_timeout=60` changes it.
"""
PROBE_S = 5.0
"""How long `answers` waits: a health check is given up by whoever asks soon after."""


def dumps(value: Any) -> str:
    """JSON text for a column."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def loads(text: str | None) -> Any:
    """The value of a JSON column; None stays None."""
    return None if text is None else orjson.loads(text)


Write = Callable[[AsyncConnection, list[Any]], Awaitable[None]]


class Late:
    """What a transaction writes last, right before its commit: whatever locks for it holds them for the shortest time,
    and after all other locks of the transaction.
    """

    __slots__ = ("_rows", "_then", "database")

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows: dict[Write, list[Any]] = {}
        self._then: list[Callable[[], None]] = []

    def add(self, write: Write, rows: Sequence[Any]) -> None:
        """`write(tx, all rows given for it)` is called once. Nothing is written if the transaction is rolled back."""
        self._rows.setdefault(write, []).extend(rows)

    async def write(self, tx: AsyncConnection) -> None:
        """All of it."""
        for write, rows in self._rows.items():
            await write(tx, rows)

    def then(self, tell: Callable[[], None]) -> None:
        """`tell` is called once the transaction is committed, and never if it is not. It must not raise."""
        self._then.append(tell)

    def committed(self) -> None:
        """It is."""
        for tell in self._then:
            tell()

    def mark(self) -> dict[Write, int]:
        """Where it stands."""
        return {write: len(rows) for write, rows in self._rows.items()}

    def cut(self, mark: dict[Write, int]) -> None:
        """Back to where it stood."""
        for write, rows in self._rows.items():
            del rows[mark.get(write, 0) :]
        self._rows = {write: rows for write, rows in self._rows.items() if rows}


def late(tx: AsyncConnection) -> Late:
    """Of a write transaction that is under way. Raises LookupError for any other: nothing would ever be written."""
    connection = tx.sync_connection
    found = None if connection is None else connection.get_execution_options().get("lockstep_late")
    if found is None:
        raise LookupError("only a transaction of Database.begin writes anything before its commit")
    assert isinstance(found, Late)
    return found


@asynccontextmanager
async def savepoint(tx: AsyncConnection) -> AsyncIterator[None]:
    """A part of a write transaction that an error undoes alone, with what was to be written late for it."""
    waiting = late(tx)
    mark = waiting.mark()
    try:
        async with tx.begin_nested():
            yield
    except BaseException:
        waiting.cut(mark)
        raise


class ValueRefused(LockstepError):
    """The database works, and does not take a value (too long, NUL, a number out of range): trying again is no use."""


def _is_value(cause: BaseException) -> bool:
    """asyncpg refuses some values itself, before PostgreSQL sees them; the server's have an SQLSTATE of class 22."""
    told = str(getattr(cause, "sqlstate", None) or "")
    return told.startswith("22") or (not told and isinstance(cause.__cause__, ValueError))


class Database:
    """One store. Safe for many tasks of one event loop; several processes may share the same database."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        answer_s: float | None = None,
        signer: Callable[[], Signer] | None = None,
    ) -> None:
        """`answer_s` goes before what the URL says; SQLite is never away, so it has none. `signer` is asked for when
        something is first to be signed here. Raises ConfigError.
        """
        self.url, self.signer = make_url(url), signer
        self._answer_s = answer_s or _told(self.url)
        self._probe: asyncio.Task[None] | None = None
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite and self.url.database and self.url.database != ":memory:":
            private(Path(self.url.database).parent)
        self.engine = self._engine(pool_size)
        self._writing = self._writer_engine() if self.sqlite else self.engine
        self._writer = asyncio.Lock()

    def _engine(self, pool_size: int) -> AsyncEngine:
        if not self.sqlite:
            patience = _patience(self._answer_s)
            return create_async_engine(
                self.url, pool_size=pool_size, max_overflow=8, pool_pre_ping=True, connect_args=patience
            )
        return _prepared(create_async_engine(self.url, pool_size=pool_size, max_overflow=8))

    def _writer_engine(self) -> AsyncEngine:
        creator = inline(str(self.url.database))
        # Every transaction ends with a commit or a rollback of its own; the pool's would be one more wait for a thread.
        engine = create_async_engine(
            self.url, pool_size=1, max_overflow=0, pool_reset_on_return=None, async_creator=creator
        )
        event.listen(engine.sync_engine, "connect", _remember_raw)
        return _prepared(engine)

    @asynccontextmanager
    async def begin(self, step: str = "") -> AsyncIterator[AsyncConnection]:
        """A write transaction: commits on leaving, rolls back on any error. Raises StorageError.

        `step` names what becomes durable by it, for `gateway.core.points`; every transaction of the product has one.
        """
        async with self._turn(), self._guarded(write=True) as tx:
            yield tx
            waiting = late(tx)
            await waiting.write(tx)
            reached(f"{step}.{BEFORE}")
        reached(f"{step}.{AFTER}")
        waiting.committed()

    def _turn(self) -> AbstractAsyncContextManager[Any]:
        """One writer at a time on SQLite."""
        return self._writer if self.sqlite else nullcontext()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read transaction with a consistent view."""
        async with self._guarded(write=False) as tx:
            yield tx

    @asynccontextmanager
    async def _guarded(self, *, write: bool) -> AsyncIterator[AsyncConnection]:
        try:
            engine = self._writing if write else self.engine
            async with engine.connect() as connection:
                options = {"lockstep_late": Late(self)} if write else {}
                tx = await connection.execution_options(lockstep_write=write, **options)
                async with tx.begin():
                    yield tx
        except IntegrityError:
            raise
        except (DBAPIError, OSError, SQLAlchemyError) as error:
            cause = getattr(error, "orig", None) or error
            if _is_value(cause):
                raise ValueRefused(f"{type(cause).__name__}: {cause}") from error
            raise StorageError(f"the database cannot be used now: {type(cause).__name__}: {cause}") from error

    async def answers(self) -> None:
        """Returns if the database answers within `PROBE_S`. Raises StorageError. At most one question is under way."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._ask(), name="database-probe")
        done, _ = await asyncio.wait({self._probe}, timeout=PROBE_S)
        if not done:
            raise StorageError(f"the database cannot be used now: no answer in {PROBE_S:g} s")
        self._probe.result()

    async def _ask(self) -> None:
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    def insert(self, table: Table) -> Any:
        """The dialect's INSERT, which knows ON CONFLICT."""
        return sqlite.insert(table) if self.sqlite else postgresql.insert(table)

    async def close(self) -> None:
        """Gives all connections back."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self.engine.dispose()
        if self._writing is not self.engine:
            await self._writing.dispose()


def _told(url: URL) -> float:
    """The patience that the URL asks for, in seconds."""
    said = str(url.query.get("command_timeout", ANSWER_S))
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        problem = f"database: error[command-timeout]: command_timeout={said} is no number of seconds above 0; try 30"
        raise ConfigError([problem])
    return seconds


def _patience(answer_s: float) -> dict[str, Any]:
    """How long we wait for the server, and how long it keeps the locks of somebody who is not heard of any more.

    It gives up a statement before we do, so that an answer, and not a broken connection, tells of one that is slow.
    """
    settings = {
        "statement_timeout": str(int(answer_s * 900)),
        "idle_in_transaction_session_timeout": str(int(answer_s * 1000)),
    }
    return {"timeout": min(CONNECT_S, answer_s), "command_timeout": answer_s, "server_settings": settings}


def insert(tx: AsyncConnection, table: Table) -> Any:
    """The INSERT of the transaction's dialect, which knows ON CONFLICT."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


async def insert_all(tx: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows in one statement; nothing for no rows. All calls for a table give the same columns."""
    if rows:
        known = _inserts.get(table)
        if known is None:
            known = _inserts[table] = Many(lambda insert: insert(table), list(rows[0]))
        await known.run(tx, rows)


_inserts: dict[Table, Many] = {}


def _prepared(engine: AsyncEngine) -> AsyncEngine:
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _remember_raw(connection: Any, record: Any) -> None:
    record.info[RAW] = connection.driver_connection._conn  # noqa: SLF001 - aiosqlite has no other way to it


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("lockstep_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
