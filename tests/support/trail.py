"""A trail with everything that one can have: an erasure, old entries gone, checkpoints, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from gateway.audit import checkpoints
from gateway.audit.chain import append, entry
from gateway.audit.checkpoints import checkpoint
from gateway.audit.erasing import erase
from gateway.audit.findings import Report
from gateway.audit.floor import delete_until
from gateway.audit.keys import signer_for
from gateway.audit.tables import audit, metadata
from gateway.audit.verifying import verify
from gateway.storage.database import Database
from tests.support.tables import make_tables

EMPTY_DETAIL = "{}"


async def say(database: Database, *kinds: str, at: float = 1.0, **more: Any) -> list[str]:
    """One transaction with an entry of each kind; their ids."""
    rows = [entry(kind, at, {"said": f"{kind} of Ann"}, **more) for kind in kinds]
    async with database.begin() as tx:
        append(tx, rows)
    return [row["id"] for row in rows]


async def rows_of(database: Database) -> Sequence[Any]:
    """All entries, in the order of the chain."""
    async with database.read() as tx:
        return (await tx.execute(select(audit).order_by(audit.c.seq))).all()


async def checked(database: Database, **options: Any) -> Report:
    """The verdict, by the key that signs there."""
    return await verify(database, signer_for(database).public, **options)


async def lived(folder: Path) -> Database:
    """Entries 1 to 5 went by age; of those left one is erased; checkpoints stand at three places."""
    database, file = Database(f"sqlite+aiosqlite:///{folder}/store.db"), folder / checkpoints.FILE_NAME
    await make_tables(database, (metadata,))
    await say(database, "old", "old", at=1.0)
    await say(database, *["old"] * 3, at=2.0)
    ids = await say(database, *["observed"] * 4, at=100.0, record="rec_1", connection="snow", cause="n_1")
    await checkpoint(database, file, now=101.0)
    assert await delete_until(database, 50.0, now=102.0, batch=100) == 5
    async with database.begin() as tx:
        assert await erase(tx, [ids[1]], now=103.0, actor="ann", why="asked for it") == 1
    await checkpoint(database, file, now=104.0)
    for number in range(4):
        await say(database, "attempt", "applied", at=110.0 + number, outcome="open", closes=ids[0])
    await checkpoint(database, file, now=120.0)
    await say(database, "signed_in", at=121.0)
    return database
