"""Objects that a look-up or a create brought up and that belong to another record already (rules 2, 10, 19; H13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract.values import Ref
from gateway.sync.state import Lane, LaneState
from gateway.sync.unit import Unit

CAUSE = "object.duplicate"


def free(unit: Unit, connection: str, hits: Sequence[Ref], owners: Mapping[str, str]) -> tuple[list[Ref], str]:
    """The hits that may become this record's object. Each of the others becomes a `duplicate` case: either there is
    one thing in two records, or one of them is named wrongly, and only a person can tell. Also the key of the first.
    """
    keys = [elsewhere(unit, connection, hit, owners[hit.id]) for hit in hits if hit.id in owners]
    return [hit for hit in hits if hit.id not in owners], keys[0] if keys else ""


def elsewhere(unit: Unit, connection: str, ref: Ref, owner: str) -> str:
    """Opens the case of one such object; returns its key. No link is touched: it stays with its owner."""
    return unit.case(
        "duplicate",
        CAUSE,
        f"{ref.key or ref.id} in {connection} is what this record looks for, and belongs to another record",
        connection=connection,
        key=f"duplicate:{unit.state.id}:{connection}:{ref.id}",
        evidence={"object_id": ref.id, "object_key": ref.key, "other_record": owner},
    )


def hold(unit: Unit, lane: Lane, key: str) -> None:
    """Parks the lane: a create beside the owned object would make the same thing a second time. It goes on when the
    case is closed, or when the record leaves.
    """
    lane.state, lane.case, lane.wait_reason = LaneState.PARKED, key, CAUSE
    unit.audit("owned_elsewhere", lane.connection, case=key)


def taken(unit: Unit, lane: Lane, ref: Ref, owner: str) -> None:
    """Our own create made an object that another record took before the answer came (a notice without our marker).

    The present state is not created again, even after the case was closed: that would be a second object.
    """
    for name, canon in unit.state.fields.items():
        unit.shadow(lane.connection, name).waived = canon.now.fver
    hold(unit, lane, elsewhere(unit, lane.connection, ref, owner))
