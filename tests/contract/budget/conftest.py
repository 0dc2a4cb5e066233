"""Budgets are shared through both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from tests.support.tables import make_tables


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Empty, with the schema of today."""
    sqlite = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    made = Database(sqlite if request.param == "sqlite" else str(request.getfixturevalue("furnished_url")))
    await make_tables(made)
    yield made
    await made.close()
