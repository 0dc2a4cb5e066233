"""Rules 4 and 21: deletions and departures. A tombstone is sticky, keeps every link, and wants the objects closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.errors import MappingError
from gateway.sync.flow import OnDelete
from gateway.sync.state import LaneState, LinkState, MemberState, PendingItem, Shadow
from gateway.sync.unit import Unit

CLOSED = "closed"
"""State of the link to an object of a record that has left, once its lane has turned to the next one."""
SEEN_TO = frozenset({LinkState.PRIMARY.value, LinkState.GONE.value, CLOSED})
"""States of links to objects that need nothing more after a departure; a `duplicate` still does."""


def leave(unit: Unit, connection: str, why: str) -> None:
    """Sets the tombstone: creates are cancelled, parks are cleared, every linked object is to be closed."""
    state = unit.state
    if state.tombstoned_at is not None:
        return
    state.tombstoned_at = unit.now
    why_moot = "the record was tombstoned; closing supersedes what waited"
    for lane in unit.lanes.values():
        unit.moot(lane.case, why_moot)
        lane.case = ""
        if lane.state is LaneState.PARKED:
            lane.state, lane.tries = LaneState.IDLE, 0
        lane.dirty, lane.next_try_at = True, 0.0
    for held in state.members.values():
        for shadow in held.shadow.values():
            shadow.mismatches = 0  # of ordinary writes: closing begins anew
        waiting: list[Shadow | PendingItem] = [*held.shadow.values(), *held.items]
        for waits in waiting:
            unit.moot(waits.held, why_moot)
            unit.moot(waits.asked, why_moot)
            waits.held = waits.asked = ""
        held.items.clear()
    unit.audit("tombstoned", connection, why=why)


def shows_departure(unit: Unit, connection: str, raw: Mapping[str, Any]) -> bool:
    """Whether the object shows that it has left. What cannot be decided is no departure, and a case tells of it."""
    departure = unit.member(connection).mapping.departure
    if departure is None:
        return False
    try:
        return departure.leaves(raw)
    except MappingError as error:
        unit.case("mapping", "value.unknown", str(error), connection=connection, name="departure")
        return False


def deletion_leaves(unit: Unit, connection: str) -> bool:
    """Whether a deletion in this system is a departure of the whole record."""
    departure = unit.member(connection).mapping.departure
    return unit.flow.on_delete is OnDelete.CLOSE and (departure is None or departure.deleted)


def deleted(unit: Unit, connection: str, *, sticky: bool) -> None:
    """The object of this member is gone. `sticky`: that is a departure of the record."""
    held = unit.held(connection)
    held.link, held.closed = LinkState.GONE, True
    unit.link(connection, held.id, held.key, LinkState.GONE)
    lane = unit.lane(connection)
    lane.dirty = lane.read_wanted = False
    if sticky:
        leave(unit, connection, f"{held.key or held.id} was deleted in {connection}")
        return
    unit.audit("object_gone", connection, object_id=held.id, on_delete=str(unit.flow.on_delete))
    if unit.flow.on_delete is OnDelete.CASE:
        unit.case(
            "deleted",
            "target.absent",
            f"{held.key or held.id} is no longer there in {connection}, or may not be seen by us",
            connection=connection,
            evidence={"object_id": held.id, "object_key": held.key},
        )


def closes_too(unit: Unit, connection: str, correlation: str | None) -> bool:
    """Whether one more object that carries our key is for the lane to close: the record has left, and the object it
    has been closing is closed or gone.
    """
    held = unit.held(connection)
    done = held.closed or held.link is LinkState.GONE
    return unit.state.tombstoned_at is not None and done and correlation == unit.state.correlation


def turn_to(unit: Unit, connection: str, object_id: str, key: str) -> None:
    """Rule 21: a tombstone covers every object. The lane turns to this one and closes it like the first."""
    held = unit.held(connection)
    if held.link is LinkState.PRIMARY:
        unit.link(connection, held.id, held.key, CLOSED)
    why = "the record has left; its lane closes this one too"
    unit.moot(f"duplicate:{unit.state.id}:{connection}:{object_id}", why)
    duplicates = [each for each in held.duplicates if each != object_id]
    unit.state.members[connection] = MemberState(
        link=LinkState.PRIMARY, id=object_id, key=key, creates=held.creates, duplicates=duplicates
    )
    unit.link(connection, object_id, key, LinkState.PRIMARY)
    unit.audit("late_object", connection, object_id=object_id, before=held.id)
