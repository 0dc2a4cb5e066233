"""Rule 4: the only way back for a record that has left, by an explicit act and as a new incarnation. Pure.

It opens nothing by itself. What closed means is what the record says at first; what a system shows from then on counts
as any edit there, so accounts go on again once HR, or whoever says so, does.
"""

from __future__ import annotations

from typing import Any

from connectors.contract.errors import MappingError
from gateway.sync.operator import OPERATOR
from gateway.sync.plan import mark_dirty
from gateway.sync.state import LaneState, LinkState, MemberState
from gateway.sync.unit import Unit


def revive(unit: Unit, *, actor: str, reason: str) -> bool:
    """Lifts the tombstone; every object that is still there is read before anything is written. False: there is none.

    Objects that are gone are made anew, under the new key. Tasks of the former life stay what they are.
    """
    state = unit.state
    if state.tombstoned_at is None:
        return False
    state.tombstoned_at, state.incarnation = None, state.incarnation + 1
    state.tasks, state.told = {}, {}
    closed = _closed(unit)
    for name, value in closed.items():
        unit.decide(name, value, OPERATOR, (unit.now, unit.now))
    for connection in list(state.members):
        _member(unit, connection, closed)
    unit.audit("tombstone_lifted", actor=actor, reason=reason, incarnation=state.incarnation)
    mark_dirty(unit)
    return True


def _closed(unit: Unit) -> dict[str, Any]:
    """What a record of this flow says that has left."""
    found: dict[str, Any] = {}
    for member in unit.flow.members.values():
        if member.mapping.departure is not None:
            found |= member.mapping.departure.closed
    return found


def _member(unit: Unit, connection: str, closed: dict[str, Any]) -> None:
    held, lane = unit.held(connection), unit.lane(connection)
    unit.moot(lane.case, "the record was let in again")
    lane.case = ""
    if lane.state is LaneState.PARKED:
        lane.state, lane.tries = LaneState.IDLE, 0
    if held.link is not LinkState.PRIMARY:
        unit.state.members[connection] = MemberState()
        return
    held.closed, held.creates, held.keyed_from = False, 0, 0.0
    for name, canon in unit.state.fields.items():
        shadow = held.shadow.get(name)
        if name in closed or (shadow is not None and shadow.known and shadow.carried >= canon.now.fver):
            _shows(unit, connection, name, canon.now.value)
    lane.read_wanted, lane.next_try_at = True, 0.0
    held.hint_rev = unit.state.rev + 1


def _shows(unit: Unit, connection: str, name: str, value: Any) -> None:
    """The system is taken to show what the record says: what it is seen to show otherwise was typed meanwhile."""
    mapping = unit.member(connection).mapping
    if name not in mapping.fields:
        return
    try:
        ext = mapping.norm(name, mapping.to_ext(name, value))
    except MappingError:
        return
    shadow = unit.shadow(connection, name)
    shadow.ext, shadow.known, shadow.carried, shadow.held = ext, True, unit.state.fields[name].now.fver, ""
