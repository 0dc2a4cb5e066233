"""Alembic's entry: runs on the connection it is given, or writes a new revision against `sqlalchemy.url`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from gateway.core.points import reached
from gateway.storage.schema import PARTS


def run(connection: Connection) -> None:
    """All revisions of one upgrade share the caller's transaction."""
    context.configure(
        connection=connection,
        target_metadata=list(PARTS),
        transaction_per_migration=False,
        on_version_apply=lambda **_: reached("migrate.revision"),
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://", poolclass=pool.NullPool)
    with engine.begin() as fresh:
        run(fresh)
