"""Keeping mapping versions and what happened to them. Every write takes part in its caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.ids import new_id
from gateway.storage.database import dumps, insert, insert_all, loads
from gateway.versions.tables import mapping_event, mapping_version

SHOWN = 12
"""Digits of a digest that people are shown, and that a plan pins."""


class Kind(StrEnum):
    """What can happen to a version."""

    USED = "used"  # a gateway began to read and write by it, at a place
    TESTED = "tested"
    BACKTESTED = "backtested"
    APPROVED = "approved"
    PUBLISHED = "published"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was kept."""

    digest: str
    name: str
    version: int
    system: str
    object: str
    type: str
    text: str
    type_text: str
    stored_at: float
    stored_by: str
    origin: str

    @property
    def label(self) -> str:
        """As `CompiledMapping.label`: the number with the beginning of the digest."""
        return f"{self.name}@{self.version} {self.digest[:SHOWN]}"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a version."""

    id: str
    digest: str
    name: str
    kind: Kind
    at: float
    by_name: str
    by_human: str = ""
    place: str = ""
    detail: Mapping[str, Any] = {}


async def keep(tx: AsyncConnection, version: Version) -> bool:
    """Adds a version; one that is there already is left as it is. Whether it is new."""
    row = msgspec.to_builtins(version)
    adding = insert(tx, mapping_version).values(row).on_conflict_do_nothing()
    return bool((await tx.execute(adding)).rowcount)


async def happened(
    tx: AsyncConnection,
    version: Version,
    kind: Kind,
    *,
    at: float,
    by: str,
    human: str = "",
    place: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """Adds an event."""
    event = Event(
        id=new_id("me", at=at),
        digest=version.digest,
        name=version.name,
        kind=kind,
        at=at,
        by_name=by[:100],
        by_human=human,
        place=place,
        detail=detail or {},
    )
    await insert_all(tx, mapping_event, [{**msgspec.to_builtins(event), "detail": dumps(event.detail)}])
    return event


async def lock(tx: AsyncConnection, name: str) -> None:
    """Decisions about one name are taken one after the other: its oldest version is held until the transaction ends."""
    oldest = select(mapping_version.c.digest).where(mapping_version.c.name == name)
    await tx.execute(oldest.order_by(mapping_version.c.stored_at, mapping_version.c.digest).limit(1).with_for_update())


async def by_digest(tx: AsyncConnection, digest: str) -> Version | None:
    """The version of that digest."""
    row = (await tx.execute(select(mapping_version).where(mapping_version.c.digest == digest))).mappings().first()
    return None if row is None else Version(**row)


async def versions(tx: AsyncConnection, name: str = "", number: int | None = None) -> list[Version]:
    """Those of a name (empty: all), the highest number first, of one number the newest first."""
    query = select(mapping_version)
    if name:
        query = query.where(mapping_version.c.name == name)
    if number is not None:
        query = query.where(mapping_version.c.version == number)
    row = mapping_version.c
    query = query.order_by(row.name, row.version.desc(), row.stored_at.desc(), row.digest)
    return [Version(**each) for each in (await tx.execute(query)).mappings()]


async def events(tx: AsyncConnection, *, name: str = "", kinds: Sequence[Kind] = (), digest: str = "") -> list[Event]:
    """What happened, oldest first; empty arguments narrow nothing."""
    row = mapping_event.c
    query = select(mapping_event)
    if name:
        query = query.where(row.name == name)
    if kinds:
        query = query.where(row.kind.in_(kinds))
    if digest:
        query = query.where(row.digest == digest)
    return [_event(each) for each in (await tx.execute(query.order_by(row.at, row.id))).mappings()]


def _event(row: RowMapping) -> Event:
    return Event(**{**dict(row), "kind": Kind(row["kind"]), "detail": loads(row["detail"])})
