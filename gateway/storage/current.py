"""Whether a database has this version's schema, told without the tool that brings it there: commands ask each time."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from connectors.contract.errors import ConfigError
from gateway.storage.database import Database

SCRIPTS = Path(__file__).parent / "migrations"


async def is_current(database: Database) -> bool:
    """Whether the database has this version's schema; False if it has an older one, or none. Raises ConfigError when it
    is newer than this program. Changes nothing.
    """
    async with database.read() as tx:
        return await tx.run_sync(present) == revisions()[-1]


def present(connection: Connection) -> str | None:
    """The revision of the schema; None: there is none yet. Raises ConfigError for one this program does not know."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found not in revisions():
        raise ConfigError(
            [f"database: error[schema-newer]: its schema {found!r} is newer than this program; try a newer lockstep"]
        )
    return found


@cache
def revisions() -> list[str]:
    """All that this program knows, oldest first: the files are numbered, and each follows the one before."""
    return sorted(file.name.partition("_")[0] for file in (SCRIPTS / "versions").glob("[0-9]*.py"))
