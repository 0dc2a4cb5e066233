"""Tables that tests make in one go are those that `create_all` makes one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.storage.database import Database
from gateway.storage.schema import PARTS
from tests.support.tables import make_tables

SQLITE = ["SELECT type, name, tbl_name, sql FROM sqlite_master"]
POSTGRES = [
    """SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, is_nullable,
    column_default FROM information_schema.columns WHERE table_schema = 'public'""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace""",
]


async def _schema(database: Database) -> list[set[tuple[Any, ...]]]:
    async with database.read() as tx:
        asked = SQLITE if database.sqlite else POSTGRES
        found = [set(map(_plain, await tx.execute(text(each)))) for each in asked]
    await database.close()
    return found


def _plain(row: Any) -> tuple[Any, ...]:
    return tuple(" ".join(str(each).replace("IF NOT EXISTS ", "").split()) for each in row)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_they_are_the_same(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    def place(name: str) -> str:
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path}/{name}.db"
        cluster = request.getfixturevalue("postgres_cluster")
        return str(cluster.url(cluster.create_database()))

    one, other = Database(place("one")), Database(place("other"))
    async with one.begin() as tx:
        for part in PARTS:
            await tx.run_sync(part.create_all)
    await make_tables(other, PARTS[1:2])
    for _ in range(2):  # the second time all are there already
        await make_tables(other)
    made, at_once = await _schema(one), await _schema(other)
    assert made == at_once and all(made)
