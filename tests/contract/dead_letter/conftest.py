"""Every test of this folder runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dead_letter.tables import metadata
from gateway.storage.database import Database
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, workplace
from tests.support.tables import make_tables


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/cases.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url)
    await make_tables(database, (metadata,))
    yield database
    await database.close()


@pytest.fixture
async def whole(db: Database) -> Database:
    """With the tables of all packages."""
    await make_tables(db)
    return db


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def place(whole: Database, tmp_path: Path, clock: Clock) -> Workplace:
    return workplace(whole, tmp_path, clock)
