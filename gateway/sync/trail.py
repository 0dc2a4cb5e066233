"""How long old versions of a field stay with the record: as long as somebody has to be given them in turn (rule 25)."""

from __future__ import annotations

from gateway.sync.state import LinkState
from gateway.sync.unit import Unit


def trim(unit: Unit) -> None:
    """Forgets old versions that every linked member carries already; the lineage table keeps them."""
    for name, canon in unit.state.fields.items():
        if not canon.trail:
            continue
        floor = canon.now.fver
        for connection, member in unit.flow.members.items():
            held = unit.state.members.get(connection)
            rule = member.mapping.fields.get(name)
            if held is None or held.link is not LinkState.PRIMARY or rule is None or not rule.writable:
                continue
            shadow = held.shadow.get(name)
            if shadow is not None and shadow.carried >= 0:
                floor = min(floor, shadow.carried)
        canon.trail = [version for version in canon.trail if version.fver > floor]
