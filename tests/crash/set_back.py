"""Takes a database back to the first release's schema, with everything that schema has room for."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection, Identity, MetaData, func, insert, select

from gateway.storage.database import Database
from gateway.storage.migrate import settings

FIRST = "0001"


async def set_back(database: Database) -> None:
    """All of it in one transaction. Nobody else may use the database meanwhile."""
    async with database.begin() as tx:
        await tx.run_sync(_set_back)


def _set_back(connection: Connection) -> None:
    before = _reflected(connection)
    rows = {name: connection.execute(select(table)).mappings().all() for name, table in before.tables.items()}
    before.drop_all(connection)
    command.upgrade(settings(connection), FIRST)
    after = _reflected(connection)
    for name, table in after.tables.items():
        if name == "alembic_version":
            continue
        kept = [{key: value for key, value in row.items() if key in table.c} for row in rows.get(name, ())]
        if kept:
            connection.execute(insert(table), kept)
        for column in table.c:
            if kept and isinstance(column.identity, Identity):
                highest = connection.execute(select(func.max(column))).scalar_one()
                sequence = func.pg_get_serial_sequence(name, column.name)
                connection.execute(select(func.setval(sequence, highest)))


def _reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found
