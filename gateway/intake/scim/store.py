"""SQL of what was pushed. Rows are those of one connection; the transaction is the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

import msgspec
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.pushed import Resource
from connectors.contract.values import Change
from connectors.directory import TYPES
from gateway.intake.scim import tables as t
from gateway.storage.database import dumps, insert, loads
from gateway.sync.bounds import digest

NAME = 255
_OBJECTS = {type: object for object, type in TYPES.items()}
_change = msgspec.json.Decoder(Change).decode

Row = Mapping[Any, Any]


def compared(text: Any, *, exact: bool = False) -> str:
    """A text as the tables compare it, long ones by a digest; in any case unless `exact`, as the filters do."""
    plain = normalize("NFC", str(text or ""))
    return digest(plain if exact else normalize("NFC", plain.lower()), NAME)


async def lock(tx: AsyncConnection, connection: str) -> int:
    """Holds the connection's feed until the transaction ends; returns the number of its last change."""
    row = insert(tx, t.scim_feed).values(connection=connection, number=0, pushed_at=0.0)
    held = row.on_conflict_do_update(index_elements=["connection"], set_={"number": t.scim_feed.c.number})
    return int((await tx.execute(held.returning(t.scim_feed.c.number))).scalar_one())


async def one(tx: AsyncConnection, connection: str, type: str, id: str) -> Row | None:
    """The row of a resource."""
    return (await tx.execute(_rows(connection, type).where(t.scim_resource.c.id == id))).mappings().first()


async def page(
    tx: AsyncConnection, connection: str, type: str, after: str, most: int, like: ColumnElement[bool] | None = None
) -> Sequence[Row]:
    """Rows behind an id, in the order of ids; only those that may be `like` it, where that is said."""
    query = _rows(connection, type).where(t.scim_resource.c.id > after)
    query = query if like is None else query.where(like)
    return (await tx.execute(query.order_by(t.scim_resource.c.id).limit(most))).mappings().all()


async def taken(tx: AsyncConnection, connection: str, type: str, name: str, but: str) -> bool:
    """Whether another resource of the type has this name."""
    row = t.scim_resource.c
    same = (row.connection == connection, row.type == type, row.name == name, row.id != but)
    return (await tx.execute(select(row.id).where(*same).limit(1))).first() is not None


async def put(tx: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Stores a resource, whether there is one of its id or not."""
    await tx.execute(
        insert(tx, t.scim_resource).values(row).on_conflict_do_update(index_elements=["connection", "id"], set_=row)
    )


async def remove(tx: AsyncConnection, connection: str, id: str) -> None:
    """Forgets a resource."""
    row = t.scim_resource.c
    await tx.execute(delete(t.scim_resource).where(row.connection == connection, row.id == id))


async def note(tx: AsyncConnection, change: Change, number: int, now: float) -> None:
    """Keeps a change until the stream has it, and moves the feed on. The feed is locked."""
    text = msgspec.json.encode(change).decode()
    feed = t.scim_feed.c.connection == change.connection
    await tx.execute(insert(tx, t.scim_change).values(connection=change.connection, number=number, change=text))
    await tx.execute(update(t.scim_feed).where(feed).values(number=number, pushed_at=now))


async def forget(tx: AsyncConnection, connection: str, numbers: Sequence[int] = (), *, up_to: int = 0) -> None:
    """These changes, or all up to a number, are in the stream."""
    row = t.scim_change.c
    which = row.number.in_(numbers) if numbers else row.number <= up_to
    await tx.execute(delete(t.scim_change).where(row.connection == connection, which))


async def untold(tx: AsyncConnection, connection: str, after: int, most: int) -> list[tuple[int, Change]]:
    """Changes behind a number, in their order."""
    row = t.scim_change.c
    query = select(row.number, row.change).where(row.connection == connection, row.number > after)
    return [(int(each[0]), _change(each[1])) for each in await tx.execute(query.order_by(row.number).limit(most))]


async def waits(tx: AsyncConnection, connection: str, up_to: int) -> bool:
    """Whether changes up to a number are still kept."""
    row = t.scim_change.c
    query = select(row.number).where(row.connection == connection, row.number <= up_to).limit(1)
    return (await tx.execute(query)).first() is not None


async def pushed_at(tx: AsyncConnection, connection: str) -> float:
    """When something was last accepted; 0: never."""
    query = select(t.scim_feed.c.pushed_at).where(t.scim_feed.c.connection == connection)
    return float((await tx.execute(query)).scalar() or 0.0)


def resource_of(row: Row) -> Resource:
    """As the connector takes it."""
    return Resource(
        object=_OBJECTS[row["type"]],
        id=row["id"],
        version=row["version"],
        body=loads(row["body"]),
        modified_at=row["modified_at"],
    )


def row_of(
    connection: str, type: str, id: str, version: int, body: Mapping[str, Any], *, created_at: float, now: float
) -> dict[str, Any]:
    """The row of a resource in a new state."""
    return {
        "connection": connection,
        "id": id,
        "type": type,
        "version": version,
        "name": compared(body.get("userName") or body.get("displayName")),
        "external_id": compared(body.get("externalId"), exact=True),
        "body": dumps(body),
        "created_at": created_at,
        "modified_at": now,
    }


def _rows(connection: str, type: str) -> Any:
    row = t.scim_resource.c
    return select(t.scim_resource).where(row.connection == connection, row.type == type)
