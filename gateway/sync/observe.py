"""Turning what a read showed into an observation of the record, under the lane's mutex."""

from __future__ import annotations

from typing import Any

from connectors.contract.values import Snapshot
from gateway.sync import closing, kept
from gateway.sync.absorb import Observation, absorb
from gateway.sync.attempts import Seen
from gateway.sync.departure import deleted, deletion_leaves, leave, shows_departure
from gateway.sync.gap import landed_late, shown_already
from gateway.sync.items import see_items
from gateway.sync.state import LinkState
from gateway.sync.unit import Unit


def exts_of(unit: Unit, connection: str, snapshot: Snapshot) -> dict[str, Any]:
    """The mapped fields that a snapshot shows."""
    return unit.member(connection).mapping.read(snapshot.raw)


def fold(unit: Unit, connection: str, seen: Seen, *, offset_s: float = 0.0) -> list[str]:
    """Absorbs a read made under the mutex: fields, comments, departure, absence. Returns the fields that moved."""
    snapshot, held = seen.snapshot, unit.held(connection)
    if snapshot is None:
        return []
    if not snapshot.exists:
        return gone(unit, connection)
    if held.seen is not None and snapshot.version is not None and snapshot.version < held.seen:
        return []  # something newer was absorbed meanwhile (H10)
    if unit.state.tombstoned_at is not None:
        _show_only(unit, connection, snapshot)
        return []
    if shows_departure(unit, connection, snapshot.raw):
        leave(unit, connection, f"{connection} shows that it has left")
        _show_only(unit, connection, snapshot)
        return []
    observation = Observation(
        connection,
        snapshot,
        exts_of(unit, connection, snapshot),
        rev=seen.rev,
        received_at=seen.at,
        offset_s=offset_s,
        history=seen.history,
    )
    if seen.history is None or snapshot.version is not None:  # times: whoever read the history looked through it
        landed_late(unit, observation)
    moved = absorb(unit, observation)
    kept.look(unit, connection, snapshot, observation.exts)
    if seen.history is not None:
        held.told = shown_already(seen.history, unit.member(connection), held.updated, observation.exts)
    see_items(unit, connection, seen.items if seen.items is not None else snapshot.items)
    return moved


def gone(unit: Unit, connection: str) -> list[str]:
    """The object is not there any more (or may not be seen): what the flow says about deletions happens."""
    held = unit.held(connection)
    if held.link is not LinkState.PRIMARY:
        return []
    deleted(unit, connection, sticky=deletion_leaves(unit, connection))
    return []


def _show_only(unit: Unit, connection: str, snapshot: Snapshot) -> None:
    """After a tombstone nothing is believed, but what the object shows decides whether it counts as closed."""
    held = unit.held(connection)
    exts = exts_of(unit, connection, snapshot)
    closing.look(unit, connection, exts)
    for name, ext in exts.items():
        shadow = unit.shadow(connection, name)
        shadow.ext, shadow.known = ext, True
    if snapshot.version is not None:
        held.seen = max(held.seen or 0, snapshot.version)
    held.updated = max(held.updated, snapshot.updated_at or 0.0)
    held.etag = snapshot.etag or held.etag
