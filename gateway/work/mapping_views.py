"""The mappings that are in use, by flow and connection. Reads only."""

from __future__ import annotations

import msgspec

from gateway.access.rights import Principal, Right
from gateway.work.workplace import Workplace


class MappingView(msgspec.Struct, frozen=True, kw_only=True):
    """What one system's objects are read and written through."""

    flow: str
    type: str
    connection: str
    object: str
    name: str
    version: int
    digest: str
    """SHA-256 of its file."""
    fields: tuple[str, ...]
    """Of the record type."""


def list_mappings(place: Workplace, who: Principal) -> list[MappingView]:
    """Those of the flows and connections in scope, by flow and connection. Raises NotAllowed."""
    who.require(Right.SEE)
    return [
        MappingView(
            flow=flow.name,
            type=flow.type,
            connection=name,
            object=member.object,
            name=member.mapping.name,
            version=member.mapping.version,
            digest=member.mapping.digest,
            fields=tuple(member.mapping.fields),
        )
        for _, flow in sorted(place.topology.flows.items())
        for name, member in sorted(flow.members.items())
        if who.covers(connection=name, type=flow.type)
    ]
