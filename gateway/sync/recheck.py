"""Rule 24, for what is looked at without a reason: an object read back, and memories that have outlived their use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract.values import Item, Snapshot
from gateway.sync.observe import exts_of
from gateway.sync.state import LaneState, LinkState
from gateway.sync.unit import Unit


@dataclass(frozen=True, slots=True)
class Differences:
    """What an object shows and we did not know. `fields`: canonical names; `items`: comments typed there."""

    fields: tuple[str, ...]
    items: tuple[Item, ...]


def differences(unit: Unit, connection: str, shown: Snapshot, items: Sequence[Item], *, rev: int) -> Differences | None:
    """Compares a read made without the mutex with the shadow. None: the record moved since, so the read proves nothing.

    A field that differs makes the lane read the object; that read is absorbed like any other.
    """
    lane, held = unit.lane(connection), unit.held(connection)
    at_rest = lane.state is LaneState.IDLE and not lane.owner and not lane.has_work
    if unit.state.rev != rev or not at_rest or held.link is not LinkState.PRIMARY or held.id != shown.id:
        return None
    fields = tuple(
        name for name, ext in exts_of(unit, connection, shown).items() if differs(unit, connection, name, ext)
    )
    if fields:
        lane.read_wanted = True
        held.hint_rev = unit.state.rev + 1
        unit.audit("readback_differs", connection, fields=list(fields), version=shown.version)
    known = unit.items
    strange = [i for i in items if i.origin is None and (connection, i.id) not in known.copy_ids]
    return Differences(fields, tuple(i for i in strange if f"{connection}:{i.id}" not in known.origins))


def differs(unit: Unit, connection: str, name: str, ext: object) -> bool:
    """Whether a field shows what we did not know. A value that the mapping refused has its case already."""
    shadow = unit.held(connection).shadow.get(name)
    if shadow is None or not shadow.known:
        return ext is not None
    return bool(ext not in (shadow.ext, shadow.bad))


@dataclass(frozen=True, slots=True)
class Expired:
    """What was dropped from one record."""

    ghosts: int = 0
    windows: int = 0
    answered: int = 0
    """Windows whose case a person has closed."""
    spans: int = 0


def expire(unit: Unit, opened: Mapping[str, float], *, before: float) -> Expired:
    """Drops what no late landing and no late notice will bring any more. `opened`: open case -> when it was opened.

    A window's case stays open: what was overwritten can now come from a person only.
    """
    total = Expired()
    for connection, held in unit.state.members.items():
        if unit.lane(connection).state is not LaneState.IDLE:
            continue
        ghosts = [each for each in held.ghosts if not each.over(unit.now)]
        answered = [each for each in held.windows if each.case not in opened]
        late = [each for each in held.windows if each.case in opened and opened[each.case] <= before]
        spans = [each for each in held.spans if each.hi > before]
        found = Expired(len(held.ghosts) - len(ghosts), len(late), len(answered), len(held.spans) - len(spans))
        if found == Expired():
            continue
        over = {(each.lo, each.hi) for each in (*late, *answered)}
        held.windows = [each for each in held.windows if (each.lo, each.hi) not in over]
        held.ghosts, held.spans = ghosts, spans
        versions = [[each.lo, each.hi] for each in late]
        unit.audit("expired", connection, ghosts=found.ghosts, windows=versions, answered=found.answered)
        total = Expired(
            total.ghosts + found.ghosts,
            total.windows + found.windows,
            total.answered + found.answered,
            total.spans + found.spans,
        )
    return total
