"""One SQLite file per stand-in: one connection, one writer, group commit. Owns transactions, counters and settings,
no vendor's tables.

All work on the data is synchronous between two awaits, so requests never interleave inside a change; whoever answers
awaits `flush()` first, which is how nothing leaves before what it rests on is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

_BASE = """
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class FileInUseError(Exception):
    """Another process has this file."""


class Store:
    """The stand-in's only memory. Not thread-safe: used from one event loop."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
        # EXCLUSIVE refuses a second process on the same file; the lock dies with the process, so a kill leaves
        # nothing behind.
        try:
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_BASE)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise FileInUseError(f"{path} is used by another process") from error
        self._pending: asyncio.Future[None] | None = None

    def script(self, ddl: str) -> None:
        """Creates tables; outside of any change."""
        self._db.executescript(ddl)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def run(self, sql: str, *values: Any) -> int:
        """A write inside a `change()`; gives the rowid of the last insert."""
        return self._db.execute(sql, values).lastrowid or 0

    @contextmanager
    def change(self) -> Iterator[None]:
        """All or nothing for what is written inside; durable only after `flush()`. Never await inside."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("SAVEPOINT change")
        try:
            yield
        except BaseException:  # also a cancelled request must leave no half of itself for the next commit
            self._db.execute("ROLLBACK TO change")
            self._db.execute("RELEASE change")
            self._commit_soon()
            raise
        self._db.execute("RELEASE change")
        self._commit_soon()

    async def flush(self) -> None:
        """Returns when everything written so far is on disk. Raises what the commit raised."""
        if self._pending is not None:
            await asyncio.shield(self._pending)

    def commit(self) -> None:
        """Commits at once; for use outside an event loop (set-up, close)."""
        pending, self._pending = self._pending, None
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if pending is None:
                raise
            pending.set_exception(error)
            pending.exception()  # marks it as seen: with nobody waiting there is nothing to warn about
            return
        if pending is not None and not pending.done():
            pending.set_result(None)

    def close(self) -> None:
        """Commits and lets go of the file."""
        self.commit()
        self._db.close()

    def next_number(self, name: str, start: int) -> int:
        """The next value of a counter that never goes back, not even on reset. Inside a `change()`."""
        self.run("INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + 1", name, start)
        return int(self.value("SELECT value FROM counter WHERE name = ?", name))

    def setting(self, name: str) -> Any:
        """A stored JSON value, or None."""
        found = self.value("SELECT value FROM setting WHERE name = ?", name)
        return None if found is None else orjson.loads(found)

    def set_setting(self, name: str, value: Any) -> None:
        """Stores a JSON value. Inside a `change()`."""
        text = orjson.dumps(value).decode()
        self.run(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, text
        )

    def _commit_soon(self) -> None:
        """One commit for all changes made in this turn of the loop; without a loop (set-up) the caller commits."""
        if self._pending is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._pending = loop.create_future()
        loop.call_soon(self.commit)
