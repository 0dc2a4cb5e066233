"""The log's file: what it forgets and what it never does, and how it goes on after an error of its connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.contract.clock import SystemClock
from connectors.contract.errors import StorageError
from gateway.streams.sqlite_file import LogFile, StoredEntry
from gateway.streams.sqlite_log import SqliteLog


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    made = SqliteLog(tmp_path / "stream.db", "changes", SystemClock(), durable=True, retention_s=3600.0)
    await made.open(2)
    yield made
    await made.close()


async def test_a_connection_that_failed_is_replaced(log: SqliteLog) -> None:
    """Closed under the writer's hands, as an I/O error may leave it: it would fail for ever."""
    assert await log.append(0, b"first") == 0
    log._file.close()
    with pytest.raises(StorageError, match="nothing was stored"):
        await log.append(0, b"refused")
    assert await log.append(0, b"second") == 1
    stored = await log.read({0: 0})
    assert [entry.message for entry in stored[0]] == [b"first", b"second"]


def test_only_what_is_committed_is_forgotten_and_no_offset_is_given_twice(tmp_path: Path) -> None:
    """Old entries go by age, but never one that nobody has handled."""
    file = LogFile(tmp_path / "stream.db", "changes", durable=True)
    file.create(1)
    file.write([(0, StoredEntry(offset, 1.0, b"old")) for offset in range(3)], {0: 2})
    assert file.trim(before=2.0) is False
    assert [entry.offset for entry in file.read(0, 0, 9, 1 << 20)] == [2]
    file.write([], {0: 3})
    file.trim(before=2.0)
    assert (file.read(0, 0, 9, 1 << 20), file.floors(), file.ends()) == ([], {0: 3}, {0: 3})
    file.close()


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_an_append_is_on_the_disk_when_it_is_acknowledged(tmp_path: Path, durable: bool, synchronous: int) -> None:
    """FULL in WAL mode; asked of the connection, because a power cut cannot be staged here."""
    file = LogFile(tmp_path / "stream.db", "changes", durable=durable)
    found = [file._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    file.close()
    assert found == [synchronous, "wal"]
