"""Every test of this folder runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dead_letter.tables import metadata
from gateway.storage.database import Database


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/cases.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    async with database.begin() as tx:
        await tx.run_sync(metadata.create_all)
    yield database
    await database.close()
