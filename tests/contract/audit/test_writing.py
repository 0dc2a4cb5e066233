"""What becomes of a transaction's entries, and of old ones, when somebody else is at it too: on both databases."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from connectors.contract.errors import StorageError
from gateway.audit import checkpoints, floor
from gateway.audit.chain import append, entry
from gateway.audit.checkpoints import checkpoint
from gateway.audit.floor import delete_until
from gateway.audit.tables import metadata
from gateway.storage.database import Database, ValueRefused, savepoint
from tests.support.tables import make_tables
from tests.support.trail import checked, rows_of, say


async def fresh(url: str) -> Database:
    database = Database(url)
    await make_tables(database, (metadata,))
    return database


async def test_a_part_that_is_undone_takes_its_entries_with_it(url: str) -> None:
    database = await fresh(url)
    async with database.begin() as tx:
        append(tx, [entry("before", 1.0, {})])
        with suppress(ZeroDivisionError):
            async with savepoint(tx):
                append(tx, [entry("undone", 1.0, {})])
                raise ZeroDivisionError
        async with savepoint(tx):
            append(tx, [entry("kept", 1.0, {})])
    assert [row.kind for row in await rows_of(database)] == ["before", "kept"]
    await database.close()


async def test_nothing_is_given_to_a_transaction_that_only_reads(url: str) -> None:
    database = await fresh(url)
    async with database.read() as tx:
        append(tx, [])
        with pytest.raises(LookupError):
            append(tx, [entry("lost", 1.0, {})])
    await database.close()


async def test_a_second_sweep_that_comes_late_lowers_nothing(url: str) -> None:
    """It had chosen the same entries before the first one was through."""
    database = await fresh(url)
    await say(database, *["old"] * 6, at=1.0)
    async with database.begin() as tx:
        doomed = await floor._doomed(tx, 50.0, 3)
    assert await delete_until(database, 50.0, now=60.0, batch=3) == 6
    async with database.begin() as tx:
        await floor._delete(tx, database, doomed, 61.0)
    rows, report = await rows_of(database), await checked(database)
    assert report.whole and [row.kind for row in rows] == ["audit_deleted"] * 2, report.findings
    await database.close()


async def test_a_checkpoint_of_an_entry_that_went_by_age_is_no_tampering(url: str, tmp_path: Path) -> None:
    database, file = await fresh(url), tmp_path / checkpoints.FILE_NAME
    await say(database, "old", "old", at=1.0)
    assert await checkpoint(database, file, now=2.0) is not None
    assert await delete_until(database, 50.0, now=60.0, batch=10) == 2
    made = await checkpoint(database, file, now=61.0)
    assert made is not None and [row.kind for row in await rows_of(database)] == ["audit_deleted"]
    report = await checked(database, files=[file])
    assert report.whole, report.findings
    await database.close()


async def test_a_row_in_the_way_is_told_of_and_nothing_else_happens(url: str) -> None:
    database = await fresh(url)
    await say(database, "one")
    rest = "at, kind, record, connection, actor, cause, detail, outcome, closes, risk, salt, digest, link"
    async with database.begin() as tx:
        await tx.execute(text(f"INSERT INTO audit (id, seq, {rest}) SELECT 'forged', 2, {rest} FROM audit"))
    with pytest.raises(StorageError, match="a row at 2"):
        await say(database, "two")
    async with database.begin() as tx:
        await tx.execute(text("DELETE FROM audit WHERE id = 'forged'"))
    await say(database, "two")
    assert (await checked(database)).whole
    await database.close()


@pytest.mark.postgres
async def test_what_is_too_long_is_refused_and_not_cut(furnished_url: str) -> None:
    """A text that the database shortened would not be the one that the link binds."""
    database = await fresh(furnished_url)
    with pytest.raises(ValueRefused):
        await say(database, "k" * 41)
    await say(database, "k" * 40)
    assert (await checked(database)).whole
    await database.close()
