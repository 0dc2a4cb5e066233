"""What a commit promises on SQLite, asked of the connections themselves: a power cut cannot be staged here."""

from __future__ import annotations

from pathlib import Path

from gateway.storage.database import Database

FULL = 2


async def test_every_connection_commits_to_the_disk(tmp_path: Path) -> None:
    """synchronous=NORMAL in WAL mode may lose the last commits when the machine loses power (P1)."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    found = []
    for opened in (database.begin, database.read):
        async with opened() as tx:
            synchronous = (await tx.exec_driver_sql("PRAGMA synchronous")).scalar_one()
            found.append((synchronous, (await tx.exec_driver_sql("PRAGMA journal_mode")).scalar_one()))
    await database.close()
    assert found == [(FULL, "wal")] * 2
