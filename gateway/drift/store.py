"""Keeps what systems said of their fields, version by version."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.fields import FieldInfo
from gateway.drift.seen import Change, Described, describe, hides
from gateway.drift.tables import schema_seen
from gateway.storage.database import dumps, insert, loads

KEPT = 20
"""Versions of one object's description."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One description."""

    connection: str
    object: str
    version: int
    seen_at: float
    checked_at: float
    described: Described
    changes: tuple[Change, ...]


async def latest(tx: AsyncConnection, connection: str = "") -> list[Version]:
    """The newest description of each object, of one connection or of all, by connection and object."""
    row = schema_seen.c
    newest = select(row.connection, row.object, func.max(row.version).label("version"))
    top = newest.group_by(row.connection, row.object).subquery()
    query = select(schema_seen).join(
        top, (row.connection == top.c.connection) & (row.object == top.c.object) & (row.version == top.c.version)
    )
    if connection:
        query = query.where(row.connection == connection)
    return [_version(each) for each in (await tx.execute(query.order_by(row.connection, row.object))).mappings()]


async def versions(tx: AsyncConnection, connection: str) -> list[Version]:
    """All that are kept of a connection's objects, the newest first."""
    row = schema_seen.c
    query = select(schema_seen).where(row.connection == connection).order_by(row.seen_at.desc(), row.object)
    return [_version(each) for each in (await tx.execute(query)).mappings()]


async def keep(
    tx: AsyncConnection, connection: str, object: str, found: Sequence[FieldInfo], now: float
) -> tuple[Version | None, bool]:
    """Stores what the system says now, as a version of its own if it differs. Gives the newest version, and whether it
    is new; None: too much is missing to be believed, and nothing was stored.
    """
    before = next((each for each in await latest(tx, connection) if each.object == object), None)
    if before is not None and hides(before.described, found):
        return None, False
    described, changes = describe(before.described if before else None, found, now)
    row = schema_seen.c
    mine = (row.connection == connection) & (row.object == object)
    if before is not None and described.fields == before.described.fields:
        await tx.execute(update(schema_seen).where(mine, row.version == before.version).values(checked_at=now))
        return msgspec.structs.replace(before, checked_at=now), False
    version = Version(
        connection=connection,
        object=object,
        version=before.version + 1 if before else 1,
        seen_at=now,
        checked_at=now,
        described=described,
        changes=tuple(changes),
    )
    values = msgspec.structs.asdict(version)
    values |= {name: dumps(msgspec.to_builtins(values[name])) for name in ("described", "changes")}
    await tx.execute(insert(tx, schema_seen).values(values).on_conflict_do_nothing())
    await tx.execute(delete(schema_seen).where(mine, row.version <= version.version - KEPT))
    return version, True


def _version(row: object) -> Version:
    values = dict(row)  # type: ignore[call-overload]
    values["described"] = msgspec.convert(loads(values["described"]), Described)
    values["changes"] = msgspec.convert(loads(values["changes"]), tuple[Change, ...])
    return Version(**values)
