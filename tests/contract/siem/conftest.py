"""Feeds on SQLite and on PostgreSQL, with real receivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from tests.support.feeding import SIGNER
from tests.support.tables import make_tables


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Database]:
    """On SQLite."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/feeds.db", signer=lambda: SIGNER)
    await make_tables(database)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """On either."""
    url = f"sqlite+aiosqlite:///{tmp_path}/either.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url, signer=lambda: SIGNER)
    await make_tables(database)
    yield database
    await database.close()
