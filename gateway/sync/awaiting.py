"""A record that names another waits until that one has its object in the system, too: parents before children.

ADR 0193. Waiting costs no attempt and no request; the record looks again by the clock, less often the longer it waits.
"""

from __future__ import annotations

from connectors.contract.errors import MappingError
from gateway.sync.state import Awaits, LinkState, MemberState
from gateway.sync.unit import Unit
from mappings.links import Awaited

CAUSE = "link.absent"
FIRST_LOOK_S, SHARE, RARELY_S = 1.0, 0.25, 3600.0
"""Looks again after this share of the time it has waited, within these bounds: ever later, and never much too late."""


def is_waived(held: MemberState, name: str, fver: int) -> bool:
    """A person decided that the system does without this version of the field."""
    shadow = held.shadow.get(name)
    return shadow is not None and shadow.waived == fver


def waits(unit: Unit, held: MemberState, name: str) -> bool:
    """Whether this version of the field waits here."""
    found = held.awaits.get(name)
    if found is None:
        return False
    canon = unit.state.fields.get(name)
    return canon is not None and found.fver == canon.now.fver and not is_waived(held, name, canon.now.fver)


def before_create(unit: Unit, connection: str) -> None:
    """Asked before anything is asked of the system: what waits is not lacking, and so not looked for either."""
    if unit.flow.links and unit.held(connection).link is LinkState.NONE and unit.state.tombstoned_at is None:
        create_waits(unit, connection)


def create_waits(unit: Unit, connection: str) -> bool:
    """Whether the object cannot be made yet; begins to wait if so."""
    held = unit.held(connection)
    missing = [name for name in unit.flow.links if _missing(unit, connection, name)]
    return any(not is_waived(held, name, _fver(unit, name)) for name in missing)


def _fver(unit: Unit, name: str) -> int:
    canon = unit.state.fields.get(name)
    return canon.now.fver if canon else 0


def _missing(unit: Unit, connection: str, name: str) -> bool:
    canon, mapping = unit.state.fields.get(name), unit.member(connection).mapping
    rule = mapping.fields.get(name)
    if canon is None or rule is None or not rule.writable:
        return False
    try:
        mapping.to_ext(name, canon.now.value)
    except Awaited:
        begin(unit, connection, name)
        return True
    except MappingError:
        return False
    return False


def begin(unit: Unit, connection: str, name: str) -> None:
    """The present version of the field waits from now on, if it does not already."""
    held, fver = unit.held(connection), _fver(unit, name)
    known = held.awaits.get(name)
    if known is None or known.fver != fver:
        held.awaits[name] = Awaits(fver, unit.now)
        unit.audit("awaits", connection, field=name, value=unit.state.fields[name].now.value)


def look_again(unit: Unit) -> None:
    """By the clock: what came is waited for no longer, what did not come in time becomes a case."""
    for connection, held in unit.state.members.items():
        for name in list(held.awaits):
            if unit.state.tombstoned_at is not None or not waits(unit, held, name):
                _over(unit, held, name, "it is asked for no longer")
            elif not _missing(unit, connection, name):
                _over(unit, held, name, "the record that it names is there now")
            elif unit.now >= held.awaits[name].since + unit.flow.awaits_s and not held.awaits[name].case:
                _ask(unit, connection, name)


def _over(unit: Unit, held: MemberState, name: str, why: str) -> None:
    gone = held.awaits.pop(name)
    shadow = held.shadow.get(name)
    if gone.case and shadow is not None and shadow.held == gone.case:
        shadow.held = ""
    unit.moot(gone.case, why)


def _ask(unit: Unit, connection: str, name: str) -> None:
    held, value = unit.held(connection), unit.state.fields[name].now.value
    what = "is not made" if held.link is LinkState.NONE else f"keeps its {name}"
    late = f"{name} names {value}, which is not in {connection} after {unit.flow.awaits_s:.0f} s"
    key = unit.case(
        "mapping",
        CAUSE,
        f"{late}; until then this {what} there",
        connection=connection,
        name=name,
        evidence={"value": value, "since": held.awaits[name].since},
    )
    held.awaits[name].case = unit.shadow(connection, name).held = key


def asked_again(unit: Unit, connection: str, key: str) -> None:
    """A person retries the case: it is waited for as long again."""
    for awaited in unit.held(connection).awaits.values():
        if awaited.case == key:
            awaited.case, awaited.since = "", unit.now


def next_look(unit: Unit) -> float:
    """When the clock should look; 0: nothing waits."""
    times = [
        at
        for held in unit.state.members.values()
        for name, awaited in held.awaits.items()
        if waits(unit, held, name)
        for at in _times(unit, awaited)
    ]
    if not times or unit.state.tombstoned_at is not None:
        return 0.0
    due = unit.state.wake_at
    return min(due, *times) if due > unit.now else min(times)


def _times(unit: Unit, awaited: Awaits) -> list[float]:
    pause = min(max(FIRST_LOOK_S, SHARE * (unit.now - awaited.since)), RARELY_S)
    late = awaited.since + unit.flow.awaits_s
    return [unit.now + pause, *([late] if not awaited.case and late > unit.now else [])]
