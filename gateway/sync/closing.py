"""Rule 21: after a tombstone the only thing wanted of an object is that it counts as closed. A system may answer that
it has closed it and leave it open; the closing is sent a few times, and then a person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.sync.absorb import agrees
from gateway.sync.kept import TIMES
from gateway.sync.unit import Unit


def closed_by(unit: Unit, connection: str) -> Mapping[str, Any]:
    """Field -> the value by which an object of this member counts as closed."""
    departure = unit.member(connection).mapping.departure
    return departure.closed if departure else {}


def look(unit: Unit, connection: str, exts: Mapping[str, Any]) -> None:
    """Counts closings that are believed done and that a picture does not show. One that does show it begins the count
    anew, so that people may open the object again as often as they like. To be asked before `exts` is believed.
    """
    if unit.state.tombstoned_at is None:
        return
    member = unit.member(connection)
    for name, value in closed_by(unit, connection).items():
        if name not in exts:
            continue
        shadow = unit.shadow(connection, name)
        if agrees(member, name, value, exts[name]):
            shadow.mismatches = 0
        elif shadow.known and agrees(member, name, value, shadow.ext):
            shadow.mismatches += 1


def given_up(unit: Unit, connection: str) -> tuple[str, dict[str, Any]] | None:
    """What to tell a person when the system has taken the closing often enough without keeping it, with evidence."""
    shown = {name: unit.shadow(connection, name).ext for name in _unkept(unit, connection)}
    if not shown:
        return None
    title = f"{connection} takes the closing and does not keep it: {', '.join(shown)} was sent {TIMES} times"
    return title, {"closing": list(shown), "shown": shown}


def again(unit: Unit, connection: str) -> None:
    """A person says that the system will keep it now."""
    for name in _unkept(unit, connection):
        unit.shadow(connection, name).mismatches = 0


def _unkept(unit: Unit, connection: str) -> list[str]:
    return [name for name in closed_by(unit, connection) if unit.shadow(connection, name).mismatches >= TIMES]
