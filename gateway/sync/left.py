"""How long a lane's queue is: the writes its member still needs. For people and for pacing; no decision rests on it."""

from __future__ import annotations

from gateway.sync.flow import Flow
from gateway.sync.state import FieldState, LinkState, Shadow
from gateway.sync.unit import Unit


def writes_left(unit: Unit, connection: str) -> int:
    """At least 1. Each write takes the oldest version of every field that lacks one, a move or a comment goes alone.

    May be above what will be sent: a version that the target shows already costs no write.
    """
    state, held = unit.state, unit.held(connection)
    if state.tombstoned_at is not None:
        return 1
    items = sum(1 for item in held.items if not item.held)
    if held.link is not LinkState.PRIMARY:
        return 1 + items
    together = moves = 0
    for name, canon in state.fields.items():
        shadow = held.shadow.get(name)
        if shadow is not None and (shadow.carried >= canon.now.fver or shadow.held):
            continue
        rule = unit.member(connection).mapping.fields.get(name)
        if rule is None or not rule.writable or (shadow is None and canon.now.value is None):
            continue
        turns = _turns(unit.flow, name, canon, shadow)
        if rule.stepped:
            moves += turns
        else:
            together = max(together, turns)
    return max(1, together + moves + items)


def _turns(flow: Flow, name: str, canon: FieldState, shadow: Shadow | None) -> int:
    """Versions that are delivered one after the other (rule 25); only the newest counts where order of old ones is
    void.
    """
    if shadow is None or shadow.carried < 0 or name in flow.sets or name in flow.latest_only:
        return 1
    return 1 + sum(1 for version in canon.trail if version.fver > shadow.carried)
