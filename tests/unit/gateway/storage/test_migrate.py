"""The schema that migrations make is the schema of the code; a newer database is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from connectors.contract.errors import ConfigError
from gateway.storage.database import Database
from gateway.storage.migrate import migrate, settings
from gateway.storage.schema import PARTS
from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.bounds import NATURAL, digest
from gateway.sync.state import RecordState


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


@pytest.mark.parametrize("key", ["k" * 301, "a\x00b", "a\x00" * 400], ids=["long", "nul", "both"])
async def test_natural_keys_that_only_sqlite_took_are_found_again(tmp_path: Path, key: str) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    async with database.begin() as tx:
        await tx.run_sync(lambda connection: command.upgrade(settings(connection), "0002"))
    state = RecordState(id="r1", flow="things", natural=key)
    row = {"id": "r1", "flow": "things", "natural": key, "rev": 3, "tombstoned": False, "created_at": 0.0}
    row |= {"updated_at": 0.0, "doc": msgspec.json.encode(state).decode()}
    async with database.begin() as tx:
        await tx.execute(insert(t.record), [row, row | {"id": "r2", "natural": "short"}])
    await migrate(database)
    async with database.read() as tx:
        wanted = digest(key, NATURAL)
        found = await store.natural_records(tx, {wanted, "short"})
        assert found == {("things", wanted): "r1", ("things", "short"): "r2"}
        assert (await store.load_records(tx, {"r1"}))["r1"].natural == wanted
    await database.close()


async def test_a_database_of_the_first_release_is_brought_forward(url: str) -> None:
    database = Database(url)
    async with database.begin() as tx:
        await tx.run_sync(lambda connection: command.upgrade(settings(connection), "0001"))
        await tx.execute(text("INSERT INTO cursor VALUES ('jira', '{}', '', 0, 1)"))
    await migrate(database)
    async with database.read() as tx:
        assert await tx.run_sync(differences) == []
        assert (await tx.execute(text("SELECT connection FROM cursor"))).scalar_one() == "jira"
    await database.close()


async def test_a_newer_database_is_refused(url: str) -> None:
    database = Database(url)
    await migrate(database)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer than this program"):
        await migrate(database)
    await database.close()
