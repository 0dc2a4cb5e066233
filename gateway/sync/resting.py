"""Lanes of a flow that is not live: what they would do is kept, not done."""

from __future__ import annotations

from gateway.sync.attempts import Seen
from gateway.sync.plan import lacks, wants
from gateway.sync.stage import Stage, mark
from gateway.sync.state import Lane, LinkState
from gateway.sync.trails import pass_over, trim
from gateway.sync.unit import Unit


def withhold(unit: Unit, lane: Lane) -> None:
    """The lane waits for its flow, and no sweep comes by for what it has to write."""
    lane.withheld = mark(unit.stage, unit.flow.name)
    if unit.stage is Stage.SHADOW:
        pass_over(unit, lane.connection)


def planned(unit: Unit, lane: Lane, seen: Seen | None) -> bool:
    """In shadow, where a write would begin: carries what the read proves, opens cases of what cannot be said, and keeps
    the rest for the day on which the flow goes live. True: nothing is lacking.
    """
    held = unit.held(lane.connection)
    if unit.state.tombstoned_at is None and held.link is LinkState.PRIMARY:
        wants(unit, lane.connection, seen.rev if seen else None)
    trim(unit)
    if not lacks(unit, lane.connection):
        return True
    withhold(unit, lane)
    return False


def release(unit: Unit) -> None:
    """Lets go what an earlier stage withheld. What the present one withholds, too, it withholds when it is claimed."""
    present = mark(unit.stage, unit.flow.name)
    for lane in unit.lanes.values():
        if lane.withheld and lane.withheld != present:
            lane.withheld = ""
