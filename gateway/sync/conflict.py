"""Rule 8: two systems changed one field and neither had seen the other's change. Who wins, and what becomes of the
loser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.sync.flow import Merge, Policy
from gateway.sync.state import NEVER, FieldVersion
from gateway.sync.unit import Unit

When = tuple[float, float]
"""The interval of our clock in which a value was typed."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A value that was typed without knowing the canonical one."""

    connection: str
    field: str
    value: Any
    when: When
    version: int | None = None


def settle(unit: Unit, rival: Rival) -> bool:
    """Applies the field's policy. True: the rival is canonical now, the old value stands in the ledger.

    False: the rival stands in the ledger and is written over there (`carried` NEVER). If the policy is manual a case is
    open instead, and the field is left alone in that system until somebody decides.
    """
    policy = unit.flow.policy(rival.field)
    present = unit.state.fields[rival.field].now
    shadow = unit.shadow(rival.connection, rival.field)
    if policy.merge is Merge.MANUAL:
        shadow.held = _ask(unit, rival, present)
        shadow.carried = NEVER
        unit.lost(rival.connection, rival.field, rival.value, "manual", version=rival.version)
        return False
    if wins(policy, rival, present):
        unit.lost(present.source, rival.field, present.value, f"{policy.merge}: {rival.connection} won")
        shadow.carried = unit.decide(rival.field, rival.value, rival.connection, rival.when)
        release(unit, rival.connection, rival.field, "a later edit won")
        return True
    unit.lost(
        rival.connection, rival.field, rival.value, f"{policy.merge}: {present.source} won", version=rival.version
    )
    shadow.carried = NEVER
    return False


def wins(policy: Policy, rival: Rival, present: FieldVersion) -> bool:
    """Whether the rival beats the present value. Clocks decide only where their intervals do not overlap."""
    if rival.connection == present.source:
        return True
    mine, theirs = _rank(policy, rival.connection), _rank(policy, present.source)
    if policy.merge is Merge.AUTHORITY and mine != theirs:
        return mine < theirs
    if rival.when[0] > present.hi:
        return True
    if rival.when[1] < present.lo:
        return False
    return mine < theirs


def release(unit: Unit, connection: str, name: str, reason: str) -> None:
    """Closes what kept this field from being written to this system."""
    shadow = unit.shadow(connection, name)
    for key in (shadow.held, shadow.asked):
        unit.moot(key, reason)
    shadow.held = shadow.asked = ""


def _rank(policy: Policy, connection: str) -> int:
    return policy.order.index(connection) if connection in policy.order else len(policy.order)


def _ask(unit: Unit, rival: Rival, present: FieldVersion) -> str:
    return unit.case(
        "conflict",
        "conflict.manual",
        f"{rival.field} was changed in {present.source} and in {rival.connection} at once; choose which value stays",
        connection=rival.connection,
        name=rival.field,
        evidence={
            "sides": {"canonical": present.value, rival.connection: rival.value},
            "canonical_from": present.source,
        },
    )
