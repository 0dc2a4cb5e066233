"""Pausing a connection, and letting it go on: one direction or both, always with an end and a reason."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.delivery.pauses import IN, OUT, Pause, maintained_at, pauses_at
from gateway.delivery.tables import connection_pause
from gateway.storage.database import insert
from gateway.work.trail import note
from gateway.work.workplace import Workplace

DIRECTIONS = (IN, OUT)
LONGEST_S = 30 * 86_400.0


class PauseRefused(InputError):
    """The connection cannot be paused so: 409."""

    status = 409


async def pause(
    place: Workplace, who: Principal, name: str, directions: Sequence[str], *, until: float, reason: str
) -> bool:
    """Holds the connection at all workers within a second, until `until` or `resume`. Nothing is lost meanwhile:
    changes to it wait in their lanes, changes from it where they are, and are polled afterwards. False: no such
    connection in scope. Right CONFIGURE. Again: the new end and reason count. Raises NotAllowed, PauseRefused.
    """
    if not _is_there(place, who, name):
        return False
    now = place.now()
    if not now < until <= now + LONGEST_S:
        raise PauseRefused("a pause ends in the next 30 days", code="pause.refused")
    if IN in directions and place.config.connections[name].poll_every_s is None:
        why = f"{name} is not polled: what its webhooks tell of meanwhile would be lost. Pause the way out only"
        raise PauseRefused(why, code="pause.refused")
    async with place.database.begin("connection.pause") as tx:
        for direction in directions:
            row = {"connection": name, "direction": direction, "since": now, "until": until}
            row |= {"actor": who.name[:100], "reason": reason}
            statement = insert(tx, connection_pause).values(row)
            keep = {key: value for key, value in row.items() if key not in ("connection", "direction")}
            await tx.execute(statement.on_conflict_do_update(index_elements=["connection", "direction"], set_=keep))
        await _told(tx, place, who, "connection_paused", name, directions, until=until, reason=reason)
    return True


async def resume(place: Workplace, who: Principal, name: str, directions: Sequence[str], *, reason: str) -> bool:
    """Ends pauses at all workers within a second. Again: nothing more happens. Otherwise as `pause`."""
    if not _is_there(place, who, name):
        return False
    row = connection_pause.c
    mine = (row.connection == name) & row.direction.in_(directions)
    async with place.database.begin("connection.resume") as tx:
        ended = (await tx.execute(delete(connection_pause).where(mine))).rowcount
        if ended:
            await _told(tx, place, who, "connection_resumed", name, directions, reason=reason)
    return True


async def list_pauses(place: Workplace) -> list[Pause]:
    """Those that hold now; whoever shows them narrows them to the reader."""
    async with place.database.read() as tx:
        held = await pauses_at(tx, place.now())
    return held + maintained_at(
        {name: each.maintenance for name, each in place.config.connections.items()}, place.now()
    )


def _is_there(place: Workplace, who: Principal, name: str) -> bool:
    who.require(Right.CONFIGURE)
    return name in place.config.connections and who.covers(connection=name)


async def _told(
    tx: AsyncConnection,
    place: Workplace,
    who: Principal,
    kind: str,
    name: str,
    directions: Sequence[str],
    **more: float | str,
) -> None:
    detail = {"directions": sorted(directions), **more}
    await note(tx, at=place.now(), kind=kind, actor=who.name, connection=name, detail=detail)
