"""The schema that migrations make is the schema of the code; a newer database is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from connectors.contract.errors import ConfigError
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.storage.schema import PARTS


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/store.db"
    return str(request.getfixturevalue("postgres_url"))


def differences(connection: Connection) -> list[object]:
    parts: Any = list(PARTS)  # Alembic takes several; its types say one
    return list(compare_metadata(MigrationContext.configure(connection), parts))


async def test_migrations_make_what_the_code_expects(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await migrate(database)  # a second start changes nothing
    async with database.read() as tx:
        assert await tx.run_sync(differences) == []
    await database.close()


async def test_a_newer_database_is_refused(url: str) -> None:
    database = Database(url)
    await migrate(database)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer than this program"):
        await migrate(database)
    await database.close()
