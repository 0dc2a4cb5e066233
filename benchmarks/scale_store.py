"""What PostgreSQL and the broker hold and were asked: bytes by table, bytes of the log, statements, commits."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import text

from gateway.storage.database import Database
from scripts.real_parts import Servers

LASTING = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""The throw-away server is set to forget; here it writes as one does that people rely on."""

_TABLES = text(
    "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_STATEMENTS = text(
    "SELECT query, sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
    " WHERE d.datname = :name GROUP BY query"
)
_WAL = text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
_CASES = text("SELECT count(*) FROM cases")


class Size(msgspec.Struct, frozen=True):
    """Bytes of one table: rows with what is stored beside them, and indexes."""

    rows: int
    indexes: int


class Held(msgspec.Struct, frozen=True):
    """All of it at one moment."""

    tables: dict[str, Size]
    log_bytes: int
    """Of the topic's segments."""
    wal_bytes: int
    """Written by the server since it was made; its own housekeeping too."""
    statements: dict[str, int]
    """Calls by text."""

    @property
    def commits(self) -> int:
        """Transactions that were committed."""
        return sum(calls for query, calls in self.statements.items() if query.upper().startswith("COMMIT"))

    @property
    def calls(self) -> int:
        """Statements without the frames of transactions."""
        framing = ("BEGIN", "COMMIT", "ROLLBACK", "START")
        return sum(calls for query, calls in self.statements.items() if not query.upper().startswith(framing))


def prepare(servers: Servers) -> None:
    """Makes the server durable and lets it count statements. Raises PostgresError."""
    cluster = servers.cluster
    for name, value in LASTING.items():
        cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    cluster.sql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    cluster.crash()
    cluster.start()
    cluster.sql("CREATE EXTENSION pg_stat_statements")


class Store:
    """Looks at one run's database and topic."""

    def __init__(self, servers: Servers, name: str, topic: str) -> None:
        self._name, self._logs, self._topic = name, servers.broker.home / "data", topic
        self._own = Database(servers.cluster.url(name), pool_size=1)
        self._counting = Database(servers.cluster.url("postgres"), pool_size=1)

    async def held(self) -> Held:
        """Now."""
        async with self._own.read() as tx:
            tables = {name: Size(int(rows), int(indexes)) for name, rows, indexes in await tx.execute(_TABLES)}
            wal = int((await tx.execute(_WAL)).scalar_one())
        async with self._counting.read() as tx:
            found = await tx.execute(_STATEMENTS, {"name": self._name})
            statements = {" ".join(query.split()): int(calls) for query, calls in found}
        return Held(tables=tables, log_bytes=self._log_bytes(), wal_bytes=wal, statements=statements)

    async def pack(self) -> None:
        """Gives back what dead rows hold: a short run would count them, and a long one reuses their place."""
        async with self._own.engine.connect() as connection:
            direct = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for name, _, _ in (await direct.execute(_TABLES)).all():
                await direct.exec_driver_sql(f'VACUUM FULL "{name}"')

    async def connections(self) -> int:
        """Of the workers."""
        async with self._counting.read() as tx:
            return int((await tx.execute(_CONNECTIONS, {"name": self._name})).scalar_one()) - 1

    async def cases(self) -> int:
        """How many were opened."""
        async with self._own.read() as tx:
            return int((await tx.execute(_CASES)).scalar_one())

    async def close(self) -> None:
        """Gives the connections back."""
        await self._own.close()
        await self._counting.close()

    def _log_bytes(self) -> int:
        files: list[Path] = [file for place in self._logs.glob(f"{self._topic}-*") for file in place.glob("*.log")]
        return sum(file.stat().st_size for file in files)
