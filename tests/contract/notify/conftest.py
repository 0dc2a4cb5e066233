"""Every test of this folder runs on SQLite and on PostgreSQL, with real receivers and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dead_letter.tables import metadata as dead_letter
from gateway.audit.tables import metadata as audit
from gateway.notify.tables import metadata as notify
from gateway.storage.database import Database
from replay.tables import metadata as replay
from tests.support.receiving import receiving, verify_by
from tests.support.tables import make_tables
from tests.support.telling import Desk
from tests.support.world import FakeClock


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/notify.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url)
    await make_tables(database, (dead_letter, audit, notify, replay))
    yield database
    await database.close()


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    clock = FakeClock()
    verify_by(clock, monkeypatch)
    async with receiving() as ops, receiving() as duty:
        yield Desk(db, clock, ops, duty)
        assert not ops.forged
        assert not duty.forged
