"""When the clock alone gives something to do on a record: set with the record, looked at by `Waker`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.sync.awaiting import look_again, next_look
from gateway.sync.plan import mark_dirty
from gateway.sync.unit import Unit


def set_alarms(units: Iterable[Unit], due: Mapping[str, float]) -> None:
    """Each record is looked at at the earliest of its times. `due`: when the next task is to be made, 0 for never."""
    for unit in units:
        if not (unit.flow.fan_out or unit.flow.links or unit.flow.refers):
            continue
        at = min((each for each in (due.get(unit.state.id, 0.0), next_look(unit)) if each), default=0.0)
        if at != unit.state.wake_at:
            unit.state.wake_at = at
            unit.effects.wakes[unit.state.id] = (unit.flow.name, at)


def awake(unit: Unit) -> bool:
    """The clock came to where the record asked to be looked at. Tasks that are due are found after each decision."""
    unit.state.wake_at = 0.0
    unit.effects.wakes[unit.state.id] = (unit.flow.name, 0.0)
    look_again(unit)
    mark_dirty(unit)
    return True
