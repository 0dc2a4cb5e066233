"""Every test of this folder runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from gateway.access import passwords
from gateway.storage.database import Database
from gateway.work.workplace import Workplace
from tests.support.access import Time, workplace


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/access.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes at a cost that tests can pay; that the product's cost is what it should be is a unit test."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def place(db: Database, time: Time) -> Workplace:
    return await workplace(db, time)
