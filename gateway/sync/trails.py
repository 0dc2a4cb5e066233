"""Older versions of a field that members may still have to be given in turn (rule 25): which are kept."""

from __future__ import annotations

from gateway.sync.state import NEVER, LinkState
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


def pass_over(unit: Unit, connection: str) -> None:
    """What came in while nothing was written is brought as the state that it left, not as each change in turn: nobody
    reads a history of months into a system on the day that a flow goes live. Also bounds what a record keeps meanwhile.
    """
    shadows = unit.held(connection).shadow
    for name, canon in unit.state.fields.items():
        shadow = shadows.get(name)
        if shadow is not None and any(version.fver > shadow.carried for version in canon.trail):
            shadow.carried = NEVER
    trim(unit)
