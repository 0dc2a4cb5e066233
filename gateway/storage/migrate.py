"""Brings a database to this version's schema: forward only, safe with several workers starting at once."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from gateway.storage.current import SCRIPTS, present
from gateway.storage.database import Database

LOCK = 0x10C5_7E9
LONGEST_S = 3600.0
"""For one statement of a migration, on PostgreSQL: a large table takes its time, and so does another worker's turn."""


def settings(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> None:
    """Runs what is missing, in one transaction. Raises ConfigError when the database is newer than this program."""
    if database.sqlite:
        await _migrate(database)
        return
    patient = Database(database.url.render_as_string(hide_password=False), pool_size=1, answer_s=LONGEST_S)
    try:
        await _migrate(patient)
    finally:
        await patient.close()


async def _migrate(database: Database) -> None:
    async with database.begin("migrate") as tx:
        if not database.sqlite:
            await tx.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await tx.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    present(connection)
    command.upgrade(settings(connection), "head")
