"""After a start of the only process of a store: every lease in it is a dead process's."""

from __future__ import annotations

from sqlalchemy import update

from gateway.credentials.tables import token
from gateway.offboarding.tables import leaver_system
from gateway.siem.tables import sink
from gateway.storage.database import Database
from gateway.sweeps.tables import sweep
from gateway.sync import tables as t
from replay.tables import runs


async def recover(database: Database) -> None:
    """Ends all leases at once on SQLite, where the data directory's lock proves that nobody else is there.

    On PostgreSQL other workers may be alive: their leases run out by themselves.
    """
    if not database.sqlite:
        return
    async with database.begin("recover") as tx:
        await tx.execute(update(t.lane).where(t.lane.c.owner != "").values(lease_until=0.0))
        await tx.execute(update(t.cursor).values(owner="", lease_until=0.0))
        await tx.execute(update(sweep).values(owner="", lease_until=0.0))
        await tx.execute(update(sink).values(owner="", lease_until=0.0))
        mine = leaver_system.c.owner != ""
        await tx.execute(update(leaver_system).where(mine).values(owner="", lease_until=0.0))
        await tx.execute(update(token).values(owner="", lease_until=0.0))
        await tx.execute(update(runs).where(runs.c.owner != "").values(owner="", lease_until=0.0))
