"""The SQLite file under the embedded stream: schema and statements, synchronous, one connection per thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.contract.errors import ConfigError
from gateway.core.points import AFTER, BEFORE, reached

_FORMAT = 1
_SHIFT = 40
"""An entry's id is `partition's id << 40 | offset`: one b-tree that grows at one point per partition."""
_TRIM_ROWS = 1_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS part (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    number INTEGER NOT NULL,
    floor INTEGER NOT NULL DEFAULT 0,  -- first offset not deleted; set by each deletion, so offsets never start over
    UNIQUE (stream, number)
);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, at REAL NOT NULL, message BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS progress (part INTEGER PRIMARY KEY, committed INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class StoredEntry:
    """One message of the log. `at` is when it was appended, epoch seconds."""

    offset: int
    at: float
    message: bytes


class LogFile:
    """One connection. Not thread-safe: each thread opens its own. Every method may raise sqlite3.Error."""

    def __init__(self, path: Path, stream: str, *, durable: bool) -> None:
        self._path, self._stream, self._durable = path, stream, durable
        self._ids: dict[int, int] = {}
        self._db = self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # counts only before the first table is made
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        db.execute("PRAGMA busy_timeout=5000")
        db.execute("PRAGMA journal_size_limit=67108864")
        return db

    def create(self, partitions: int) -> int:
        """Make schema and partitions unless they are there; returns how many there are. ConfigError: not our file."""
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found not in {0, _FORMAT}:
            raise ConfigError(
                [f"stream: error[stream-file]: {self._path} has format {found}, this version reads {_FORMAT}"]
            )
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={_FORMAT}")
        (present,) = self._db.execute("SELECT count(*) FROM part WHERE stream=?", (self._stream,)).fetchone()
        if not present:
            rows = [(self._stream, number) for number in range(partitions)]
            with _Transaction(self._db, "stream.create"):
                self._db.executemany("INSERT INTO part (stream, number) VALUES (?, ?)", rows)
        self.load()
        return len(self._ids)

    def load(self) -> None:
        """Learn which partitions there are."""
        self._ids = dict(
            self._db.execute("SELECT number, id FROM part WHERE stream=? ORDER BY number", (self._stream,)).fetchall()
        )

    def ends(self) -> dict[int, int]:
        """Per partition the offset that the next message gets."""
        sql = (
            "SELECT max(floor, coalesce((SELECT max(id) FROM entry WHERE id >= ? AND id < ?) - ? + 1, 0)) "
            "FROM part WHERE id=?"
        )
        return {n: self._db.execute(sql, (_at(i), _at(i + 1), _at(i), i)).fetchone()[0] for n, i in self._ids.items()}

    def floors(self) -> dict[int, int]:
        """Per partition the first offset that was not deleted."""
        return dict(self._db.execute("SELECT number, floor FROM part WHERE stream=?", (self._stream,)).fetchall())

    def committed(self) -> dict[int, int]:
        """Per partition the offset that handling goes on from, where one is committed."""
        sql = "SELECT number, committed FROM part JOIN progress ON part=id WHERE stream=?"
        return dict(self._db.execute(sql, (self._stream,)).fetchall())

    def write(self, entries: Iterable[tuple[int, StoredEntry]], progress: Mapping[int, int]) -> None:
        """Append `(partition, entry)`s and set committed offsets, all or nothing; durable on return."""
        with _Transaction(self._db, "stream.write"):
            self._db.executemany(
                "INSERT INTO entry VALUES (?, ?, ?)",
                ((_at(self._ids[number]) | entry.offset, entry.at, entry.message) for number, entry in entries),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO progress VALUES (?, ?)",
                [(self._ids[number], offset) for number, offset in progress.items()],
            )

    def read(self, number: int, start: int, end: int, max_bytes: int) -> list[StoredEntry]:
        """Entries from `start` to before `end`, at least one if there is one, until `max_bytes` are passed."""
        base, size, found = _at(self._ids[number]), 0, []
        sql = "SELECT id - ?, at, message FROM entry WHERE id >= ? AND id < ? ORDER BY id"
        rows = self._db.execute(sql, (base, base | start, base + end))
        for offset, at, message in rows:
            found.append(StoredEntry(offset, at, message))
            size += len(message)
            if size >= max_bytes:
                break
        rows.close()
        return found

    def trim(self, before: float) -> bool:
        """Delete some committed entries older than `before` (epoch seconds). True when there may be more."""
        more = False
        for number, committed in self.committed().items():
            base = _at(self._ids[number])
            old = "SELECT id, at FROM entry WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
            sql = f"SELECT count(*), max(id) FROM ({old}) WHERE at < ?"  # noqa: S608 - both parts are constants
            rows, last = self._db.execute(sql, (base, base + committed, _TRIM_ROWS, before)).fetchone()
            if not rows:
                continue
            with _Transaction(self._db, "stream.trim"):
                self._db.execute("DELETE FROM entry WHERE id >= ? AND id <= ?", (base, last))
                self._db.execute("UPDATE part SET floor=? WHERE id=?", (last - base + 1, self._ids[number]))
            self._db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
            more = more or rows == _TRIM_ROWS
        return more

    def reopen(self) -> None:
        """Begin with a new connection, after an error that may have left the old one unusable."""
        self._db.close()
        self._db = self._connect()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK on any error, that of COMMIT included. `step`: see `core.points`."""

    def __init__(self, db: sqlite3.Connection, step: str) -> None:
        self._db, self._step = db, step

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                reached(f"{self._step}.{BEFORE}")
                self._db.execute("COMMIT")
                reached(f"{self._step}.{AFTER}")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def _at(part_id: int) -> int:
    return part_id << _SHIFT
