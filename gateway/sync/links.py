"""What objects of one system are called in another: read from the table of links, for fields that name records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.flow import Flow, Member
from gateway.sync.state import LinkState
from gateway.sync.unit import Unit
from mappings.links import named

MOST = 50_000
"""Names that are remembered; beyond that all are looked up anew."""


class LinkBook:
    """As the transaction that asked last saw it. What is not in here counts as not known yet, never as not there."""

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[str, str], str]] = {}

    def there(self, name: str, connection: str, object: str) -> str | None:
        """See mappings.links.Book."""
        return self._known.get(name, {}).get((connection, object))

    async def look_up(self, tx: AsyncConnection, names: Collection[str]) -> None:
        """Reads what is known of these names now."""
        parted = {name: (parts[0], parts[1], parts[2]) for name in names if len(parts := name.split(":", 2)) == 3}
        if len(self._known) > MOST:
            self._known.clear()
        owners = await store.links_of(tx, set(parted.values())) if parted else {}
        objects = await _objects(tx, set(owners.values()))
        for name, key in parted.items():
            self._known[name] = objects.get(owners.get(key, ""), {})


async def _objects(tx: AsyncConnection, records: Collection[str]) -> dict[str, dict[tuple[str, str], str]]:
    """Record -> (connection, object) -> id of its object there."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    link = t.link.c
    for part in store.chunks(records):
        query = select(link.record, link.connection, link.object, link.object_id).where(
            link.record.in_(part), link.state == LinkState.PRIMARY.value
        )
        for row in await tx.execute(query):
            found.setdefault(row[0], {})[row[1], row[2]] = row[3]
    return found


def bound(flow: Flow, book: LinkBook) -> Flow:
    """The flow with mappings that know its connections. Which of several parents came in between is of no interest."""
    links = frozenset(
        name
        for member in flow.members.values()
        for name, rule in member.mapping.fields.items()
        if rule.kind == "record"
    )
    if not links:
        return flow
    members = {name: _bound(member, book) for name, member in flow.members.items()}
    return replace(flow, members=members, links=links, latest_only=flow.latest_only | links)


def _bound(member: Member, book: LinkBook) -> Member:
    return replace(member, mapping=member.mapping.bound(member.connection, book))


def names_of(unit: Unit) -> Iterator[str]:
    """What the record names now."""
    for field in unit.flow.links:
        canon = unit.state.fields.get(field)
        if canon is not None and canon.now.value:
            yield str(canon.now.value)


def told(member: Member, links: Collection[str], raw: Mapping[str, Any]) -> Iterator[str]:
    """What a snapshot names: it may be decided about in this very transaction."""
    for field, ext in member.mapping.read(raw).items():
        if field in links and ext:
            yield named(member.connection, member.object, ext)
