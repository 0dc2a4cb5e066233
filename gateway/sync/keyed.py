"""Creates that nothing can be looked for by, but that the target knows by their key for a time."""

from __future__ import annotations

from gateway.sync.unit import Unit


def forgotten(unit: Unit, connection: str) -> bool:
    """Whether the target may not know the key of our first unknown create any more. The settling time is left as a
    margin: so long the next request may be on its way.
    """
    member, held = unit.member(connection), unit.held(connection)
    return bool(held.keyed_from) and unit.now - held.keyed_from >= member.spec.key_s - member.settles_s
