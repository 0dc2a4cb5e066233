"""The mappings that are in use, as the console lists them. Reads only."""

from __future__ import annotations

import msgspec

from gateway.access.rights import Principal, Right
from gateway.work.workplace import Workplace
from mappings.compiler import CompiledMapping


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping that a flow uses."""

    name: str
    version: int
    system: str
    object: str
    type: str
    flow: str
    connection: str
    fields: int
    digest: str


def list_mappings(place: Workplace, who: Principal) -> list[Known]:
    """The mappings of the flows that the reader may see. Right SEE."""
    who.require(Right.SEE)
    return _all(place, who)


def _all(place: Workplace, who: Principal) -> list[Known]:
    found = []
    for flow in place.config.flows.values():
        if not who.covers(type=flow.type.type):
            continue
        for name, member in flow.members.items():
            if who.covers(connection=name):
                found.append(_known(member.mapping, flow.name, name))
    return found


def _known(mapping: CompiledMapping, flow: str, connection: str) -> Known:
    return Known(
        name=mapping.name,
        version=mapping.version,
        system=mapping.system,
        object=mapping.object,
        type=mapping.type,
        flow=flow,
        connection=connection,
        fields=len(mapping.fields),
        digest=mapping.digest,
    )
