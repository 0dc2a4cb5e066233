"""Disabling a connection, and enabling it again: both ways, without an end, until somebody says so."""

from __future__ import annotations

from sqlalchemy import delete

from gateway.access.rights import Principal, Right
from gateway.delivery.pauses import OFF
from gateway.delivery.tables import connection_pause
from gateway.storage.database import insert
from gateway.work.trail import note
from gateway.work.workplace import Workplace

NEVER = 253_402_300_799.0
"""The end of 9999: the row of a disabled connection ends when somebody enables it."""


async def disable(place: Workplace, who: Principal, name: str, *, reason: str) -> bool:
    """No worker makes a request to it from the next second on, until `enable`: no poll, no write, no look, no sweep.
    Nothing is lost: its cursor stands, what is to be written waits in the lanes, what its webhooks tell is taken in.
    Again: the new reason counts. False: no such connection in scope. Right CONFIGURE.
    """
    if not _is_there(place, who, name):
        return False
    now = place.now()
    row = {"connection": name, "direction": OFF, "since": now, "until": NEVER, "actor": who.name[:100]}
    async with place.database.begin("connection.disable") as tx:
        statement = insert(tx, connection_pause).values({**row, "reason": reason})
        keep = {"actor": row["actor"], "reason": reason}
        await tx.execute(statement.on_conflict_do_update(index_elements=["connection", "direction"], set_=keep))
        detail = {"by": who.id, "reason": reason}
        await note(tx, at=now, kind="connection_disabled", actor=who.name, connection=name, detail=detail)
    return True


async def enable(place: Workplace, who: Principal, name: str, *, reason: str) -> bool:
    """Lets it go on at all workers within a second; a pause of one way still holds. Otherwise as `disable`."""
    if not _is_there(place, who, name):
        return False
    row = connection_pause.c
    async with place.database.begin("connection.enable") as tx:
        ended = await tx.execute(delete(connection_pause).where(row.connection == name, row.direction == OFF))
        if ended.rowcount:
            detail = {"by": who.id, "reason": reason}
            await note(tx, at=place.now(), kind="connection_enabled", actor=who.name, connection=name, detail=detail)
    return True


def _is_there(place: Workplace, who: Principal, name: str) -> bool:
    who.require(Right.CONFIGURE)
    return name in place.config.connections and who.covers(connection=name)
