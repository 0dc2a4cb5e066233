"""What a repair decides about a record: only that a lane has something to do. The lane reads under its mutex and goes
by rules 10 to 14, so an edit made since the plan is met like any other.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.reconcile.compare import astray
from gateway.sync.plan import mark_dirty
from gateway.sync.state import NEVER, LinkState
from gateway.sync.unit import Unit


def look(unit: Unit, connection: str, run: str) -> bool:
    """The lane reads the object and absorbs what it shows. False: there is none."""
    held = unit.held(connection)
    if held.link is not LinkState.PRIMARY:
        return False
    unit.lane(connection).read_wanted = True
    held.hint_rev = unit.state.rev + 1
    unit.audit("reconciled", connection, run=run)
    return True


def bring(unit: Unit, connection: str, run: str, names: Collection[str]) -> bool:
    """The lane brings what is lacking; `names` that the system is wrongly held to carry are lacking too."""
    held = unit.held(connection)
    if held.link is LinkState.GONE or unit.state.tombstoned_at is not None:
        return False
    for name in set(names) & set(astray(unit, connection)):
        held.shadow[name].carried = NEVER
    mark_dirty(unit)
    unit.audit("reconciled", connection, run=run, fields=sorted(names))
    return True


def close_again(unit: Unit, connection: str, run: str) -> bool:
    """The object of a record that has left is closed once more (P8)."""
    held, lane = unit.held(connection), unit.lane(connection)
    if unit.state.tombstoned_at is None or held.link is not LinkState.PRIMARY:
        return False
    held.closed = False
    lane.dirty, lane.dirty_since = True, lane.dirty_since if lane.dirty else unit.now
    unit.audit("reconciled", connection, run=run)
    return True
