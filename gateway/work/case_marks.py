"""How things stand with what a parked case may wait for: the configuration, mappings and connections, as marks."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.parking import CONNECTION, DEPLOY, MAPPING, WORKS
from gateway.config import Config
from gateway.sync import tables as t
from gateway.work.workplace import Workplace


async def marks_of(tx: AsyncConnection, place: Workplace) -> dict[str, str]:
    """Event -> mark, as `parking.until_of` and `Until.over` read them."""
    return marks_of_mappings(place.config) | await marks_of_connections(tx, place.config)


def marks_of_mappings(config: Config) -> dict[str, str]:
    """Of each flow what its mappings say; of a deploy all of them with the program's version."""
    found = {}
    for name, flow in config.flows.items():
        said = sorted(
            f"{each.mapping.name}@{each.mapping.version}:{each.mapping.digest}" for each in flow.members.values()
        )
        found[MAPPING + name] = _digest(*said)
    return found | {DEPLOY: _digest(version("lockstep-gateway"), *(found[name] for name in sorted(found)))}


async def marks_of_connections(tx: AsyncConnection, config: Config) -> dict[str, str]:
    """Of each connection whether it can be written to."""
    rows = await tx.execute(select(t.connection_state.c.connection, t.connection_state.c.state))
    states = {row[0]: row[1] for row in rows}
    return {
        CONNECTION + name: WORKS if states.get(name, "closed") == "closed" else states[name]
        for name in config.connections
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
