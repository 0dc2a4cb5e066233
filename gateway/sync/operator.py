"""Rule 22: what a person decides about a lane, a field or an outcome. Always a rebase, never an old payload."""

from __future__ import annotations

from typing import Any

from connectors.contract.errors import MappingError
from gateway.sync import awaiting, closing
from gateway.sync.attempts import Attempt, Outcome
from gateway.sync.fan_out import asked_again
from gateway.sync.guard import reset
from gateway.sync.items import copied
from gateway.sync.outcome import finish, record_effect
from gateway.sync.plan import mark_dirty
from gateway.sync.probe import remember
from gateway.sync.state import NEVER, Lane, LaneState
from gateway.sync.unit import Unit

OPERATOR = "operator"


def retry(unit: Unit, connection: str, key: str, *, actor: str) -> None:
    """Unparks the lane and whatever this case held; what to write is computed anew when it is sent."""
    for name in _unhold(unit, connection, key):
        unit.shadow(connection, name).asked = key
        unit.shadow(connection, name).bad = None
    lane = unit.lane(connection)
    unit.held(connection).undecided = ""
    asked_again(unit, key)
    awaiting.asked_again(unit, connection, key)
    if lane.case == key:
        _unpark(lane)
        lane.case = key
        closing.again(unit, connection)
    lane.dirty, lane.read_wanted = True, lane.read_wanted or unit.held(connection).id != ""
    unit.audit("operator_retry", connection, actor=actor, case=key)
    mark_dirty(unit)


def discard(unit: Unit, connection: str, key: str, *, actor: str) -> None:
    """Waives what could not be written, each field at its present version: it is not sent until it changes again."""
    names = _unhold(unit, connection, key)
    names |= {name for name, shadow in unit.held(connection).shadow.items() if shadow.asked == key}
    lane = unit.lane(connection)
    parked = lane.case == key
    for name, canon in unit.state.fields.items():
        shadow = unit.shadow(connection, name)
        if name in names or (parked and shadow.carried < canon.now.fver):
            shadow.waived, shadow.asked = canon.now.fver, ""
    held = unit.held(connection)
    held.items = [item for item in held.items if item.asked != key]
    if parked:
        _unpark(lane)
    unit.moot(key, f"{actor} discarded it")
    unit.audit("operator_discard", connection, actor=actor, case=key, fields=sorted(names))
    mark_dirty(unit)


def seen_to(unit: Unit, connection: str, key: str, *, actor: str) -> None:
    """A person saw to what a closed case was about. A lane that waited for it looks again; nothing is given up."""
    lane = unit.lane(connection)
    if lane.case != key:
        return
    _unpark(lane)
    closing.again(unit, connection)
    lane.dirty = True
    unit.audit("operator_seen_to", connection, actor=actor, case=key)
    mark_dirty(unit)


def look(unit: Unit, connection: str, *, actor: str) -> None:
    """Asks for a look at the target now. Reads only."""
    lane = unit.lane(connection)
    lane.next_try_at = 0.0
    if lane.state is not LaneState.UNKNOWN:
        lane.read_wanted = True
    unit.audit("operator_look", connection, actor=actor)


def declare(unit: Unit, connection: str, attempt: Attempt, key: str, *, applied: bool, actor: str) -> None:
    """A person says what became of a write whose outcome is open (rule 18). Moot when it was proved meanwhile.

    Its values stay known as a write of ours. Declared not applied, it may still land; declared applied, its echo may be
    still to come, and a notice of what it went over.
    """
    lane, held = unit.lane(connection), unit.held(connection)
    if lane.attempt != attempt.id and lane.case != key:
        unit.moot(key, "the outcome is known already")
        return
    mapping = unit.member(connection).mapping
    if applied:
        held.ghosts = [ghost for ghost in held.ghosts if ghost.attempt != attempt.id]
        remember(unit, lane, attempt)
        stored = {name: mapping.norm(name, sent.ext) for name, sent in attempt.fields.items()}
        record_effect(unit, lane, attempt, stored, None)
        if attempt.item is not None:
            copied(unit, connection, attempt.origin, "")
    elif not any(ghost.attempt == attempt.id for ghost in held.ghosts):
        remember(unit, lane, attempt)
    if not applied:
        held.keyed_from = 0.0  # what it was is known now: another create stands for itself
    unit.notice = attempt.id
    finish(unit, attempt, Outcome.APPLIED if applied else Outcome.NOT_APPLIED, {"proof": f"declared by {actor}"})
    retried = lane.case if lane.case != key else ""
    _unpark(lane)
    lane.case = retried
    if applied:
        unit.worked(retried)
        lane.case = ""
    lane.state, lane.attempt, lane.looks = LaneState.IDLE, "", 0
    lane.owner, lane.lease_until, lane.fence = "", 0.0, lane.fence + 1  # whoever looks at it now comes too late
    lane.dirty, lane.read_wanted = True, True
    unit.moot(key, f"{actor} declared it {'applied' if applied else 'not applied'}")


def resolve(unit: Unit, connection: str, name: str, winner: str, key: str, *, actor: str) -> None:
    """Chooses a side of a conflict: `connection` itself, or anything else for the canonical value that stands."""
    shadow, canon = unit.shadow(connection, name), unit.state.fields[name]
    value: Any = canon.now.value
    if winner == connection:
        value = _value(unit, connection, name, shadow.ext)
        unit.lost(canon.now.source, name, canon.now.value, f"resolved by {actor}"[:60])
    shadow.held, shadow.carried = "", NEVER
    reset(unit, name)
    fver = unit.decide(name, value, OPERATOR, (unit.now, unit.now))
    if winner == connection:
        shadow.carried = fver
    unit.moot(key, f"{actor} chose {winner}")
    unit.audit("operator_resolve", connection, actor=actor, field=name, winner=winner, case=key)
    mark_dirty(unit)


def enter(unit: Unit, connection: str, name: str, value: Any, key: str, *, actor: str) -> None:
    """Ends a conflict with a value that neither side holds; both sides' values stand in the ledger.

    Raises MappingError, before anything changed, if a system of the flow cannot be given the value.
    """
    for member in unit.flow.members.values():
        if name in member.mapping.fields:
            member.mapping.to_ext(name, value)
    shadow, present = unit.shadow(connection, name), unit.state.fields[name].now
    reason = f"another was entered by {actor}"[:60]
    unit.lost(present.source, name, present.value, reason)
    if shadow.known:
        unit.lost(connection, name, _value(unit, connection, name, shadow.ext), reason)
    shadow.held, shadow.carried = "", NEVER
    unit.decide(name, value, OPERATOR, (unit.now, unit.now))
    unit.moot(key, f"{actor} entered another value")
    unit.audit("operator_enter", connection, actor=actor, field=name, case=key)
    mark_dirty(unit)


def correct(unit: Unit, connection: str, name: str, value: Any, key: str, *, actor: str) -> None:
    """Enters another value for a field and tries again what the case held. The values it replaces stand in the ledger,
    and are sent to nobody who was still to get them.

    Raises MappingError, before anything changed, if a system of the flow cannot be given the value.
    """
    for member in unit.flow.members.values():
        if name in member.mapping.fields:
            member.mapping.to_ext(name, value)
    reason = f"corrected by {actor}"[:60]
    if known := unit.state.fields.get(name):
        unit.lost(known.now.source, name, known.now.value, reason)
        for held in map(unit.held, unit.flow.members):
            if (behind := held.shadow.get(name)) is not None and behind.carried < known.now.fver:
                behind.waived = known.now.fver
    shadow = unit.shadow(connection, name)
    bad = shadow.bad
    retry(unit, connection, key, actor=actor)
    reset(unit, name)
    if bad is not None:
        # Shown there and written over now: it is what we know of the system, and no edit when it is read again.
        unit.lost(connection, name, bad, reason)
        shadow.ext, shadow.known = bad, True
    unit.decide(name, value, OPERATOR, (unit.now, unit.now))
    unit.audit("operator_correct", connection, actor=actor, field=name, case=key)
    mark_dirty(unit)


def _value(unit: Unit, connection: str, name: str, ext: Any) -> Any:
    try:
        return unit.member(connection).mapping.from_ext(name, ext)
    except MappingError:
        return ext


def _unhold(unit: Unit, connection: str, key: str) -> set[str]:
    held = unit.held(connection)
    names = set()
    for name, shadow in held.shadow.items():
        if shadow.held == key:
            shadow.held, shadow.mismatches = "", 0
            reset(unit, name)
            names.add(name)
    for item in held.items:
        if item.held == key:
            item.held, item.asked = "", key
    return names


def _unpark(lane: Lane) -> None:
    if lane.state is LaneState.PARKED:
        lane.state = LaneState.IDLE
    lane.case, lane.wait_reason, lane.tries, lane.next_try_at = "", "", 0, 0.0
