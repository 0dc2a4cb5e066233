"""A notice understood anew by another mapping version than the flow's: what of it may still count, and taking it in.

Only what the object is known to show still, and what came from it and from nobody since, is understood anew: an old
value never wins over a newer one, and no system over another one by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import Change
from gateway.sync.conflict import release
from gateway.sync.plan import mark_dirty
from gateway.sync.state import BUSY, LinkState
from gateway.sync.unit import Unit
from mappings.compiler import CompiledMapping


@dataclass(frozen=True, slots=True)
class Reread:
    """What would come of it. With `blocked` or `over`, nothing would: for now, or for good."""

    moves: Mapping[str, Any] = field(default_factory=dict)
    """Field -> its canonical value, where that is another one than the record's."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Field -> why the version does not take its value."""
    blocked: str = ""
    over: str = ""


def reread(unit: Unit, change: Change, mapping: CompiledMapping) -> Reread:
    """Changes nothing. `mapping`: of the same system and object as the flow's."""
    connection, snapshot = change.connection, change.snapshot
    held = unit.held(connection)
    if unit.state.tombstoned_at is not None:
        return Reread(blocked="the record has left; nothing re-opens its objects")
    if held.link is not LinkState.PRIMARY or held.id != snapshot.id:
        return Reread(over="the record's object here is gone, or another one")
    if not snapshot.raw:
        return Reread(over="the notice has no document that could be read")
    if unit.lane(connection).state in BUSY:
        return Reread(blocked="its lane is writing to the object now")
    if _newer_seen(unit, change):
        return Reread(over="a newer state of the object has been seen since")
    moves, refused = dict[str, Any](), dict[str, str]()
    live = unit.member(connection).mapping.read(snapshot.raw)
    for name, ext in mapping.read(snapshot.raw).items():
        if not _counts(unit, connection, name, mapping, live):
            continue
        canon = unit.state.fields.get(name)
        try:
            value = mapping.from_ext(name, ext)
        except MappingError as error:
            refused[name] = str(error)
            continue
        if value != canon.now.value if canon else value not in (None, []):
            moves[name] = value
    return Reread(moves=moves, refused=refused)


def _newer_seen(unit: Unit, change: Change) -> bool:
    held, snapshot = unit.held(change.connection), change.snapshot
    newest = snapshot.updated_at or change.received_at
    return held.updated > newest or (held.seen is not None and (snapshot.version or 0) < held.seen)


def _counts(unit: Unit, connection: str, name: str, mapping: CompiledMapping, live: Mapping[str, Any]) -> bool:
    """Whether a field is this object's to tell: it came from here last (or from nobody), nothing else is known to stand
    there since, and no person is asked about it. Sets are merged from all systems, so they are left out.
    """
    rule = mapping.fields[name]
    somewhere = any(name in member.mapping.fields for member in unit.flow.members.values())
    if not rule.readable or not somewhere or name in unit.flow.sets:
        return False
    canon, shadow = unit.state.fields.get(name), unit.held(connection).shadow.get(name)
    if canon is not None and canon.now.source != connection:
        return False
    if shadow is None or name not in live:
        return True
    if shadow.bad is not None:  # held because of this value, and for nothing else
        return bool(live[name] == shadow.bad)
    return not shadow.held and (not shadow.known or bool(live[name] == shadow.ext))


def take_in(unit: Unit, change: Change, mapping: CompiledMapping, *, notice: str, actor: str, run: str) -> bool:
    """Decides what `reread` finds, with the version in the lineage; the lanes to the other systems do the rest. Whether
    anything was decided. Again, it finds nothing: the record has it.
    """
    found, connection = reread(unit, change, mapping), change.connection
    if not found.moves:
        return False
    unit.notice = notice
    live = unit.member(connection).mapping.read(change.snapshot.raw)
    for name, value in found.moves.items():
        canon, shadow = unit.state.fields.get(name), unit.shadow(connection, name)
        when = (canon.now.lo, canon.now.hi) if canon else (change.received_at, change.received_at)
        fver = unit.decide(name, value, connection, when, mapping=f"{mapping.name}@{mapping.version}")
        if shadow.bad is not None:
            shadow.bad = None
            release(unit, connection, name, f"{mapping.label} understands the value")
        if name in live:
            shadow.ext, shadow.known = live[name], True
        shadow.carried = fver
    mark_dirty(unit)
    unit.audit("reread", connection, fields=sorted(found.moves), mapping=mapping.label, actor=actor, run=run)
    return True
