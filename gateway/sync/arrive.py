"""Tb, rules 3 to 9, for a notice that is routed to a record: what it means now, or what it waits for."""

from __future__ import annotations

from connectors.contract.values import Change, ChangeKind, VersionKind
from gateway.sync.absorb import Observation, absorb
from gateway.sync.departure import closes_too, deleted, deletion_leaves, leave, shows_departure, turn_to
from gateway.sync.flow import Member
from gateway.sync.gap import landed_late, mine, mine_spans
from gateway.sync.items import see_items
from gateway.sync.observe import exts_of
from gateway.sync.outcome import another, ours
from gateway.sync.plan import mark_dirty
from gateway.sync.probe import echo
from gateway.sync.state import BUSY, LinkState
from gateway.sync.unit import Arrival, Unit


def arrive(unit: Unit, arrival: Arrival) -> None:
    """Gives the notice its disposition: done with a reason, deferred until its lane is free, or a hint to read.

    Guarantees: nothing is absorbed while an attempt on this object is open (rule 3); running it again changes nothing.
    """
    change, unit.notice = arrival.change, arrival.id
    connection = change.connection
    held, lane = unit.held(connection), unit.lane(connection)
    arrival.record = unit.state.id
    second = held.link is not LinkState.NONE and held.id != change.snapshot.id
    if second and not closes_too(unit, connection, change.snapshot.correlation):
        another(unit, connection, change.snapshot.id, change.snapshot.key)
        arrival.end("duplicate_object", f"the record's object here is {held.key or held.id}")
        return
    if lane.state in BUSY and (second or change.kind is not ChangeKind.HINT):
        lane.deferred = True
        arrival.state, arrival.reason = "deferred", f"the lane is {lane.state}"
        return
    if unit.state.tombstoned_at is not None:
        _after_tombstone(unit, arrival)
        return
    if held.link is LinkState.NONE:
        attach(unit, change)
    _take(unit, arrival, unit.member(connection))
    mark_dirty(unit)


def _take(unit: Unit, arrival: Arrival, member: Member) -> None:
    change, connection = arrival.change, arrival.change.connection
    if change.kind is ChangeKind.DELETED:
        deleted(unit, connection, sticky=deletion_leaves(unit, connection))
        arrival.end("applied", "the object was deleted")
        return
    if unit.held(connection).link is LinkState.GONE:
        arrival.end("unmapped", "the object was reported as deleted before")
        return
    if change.kind is ChangeKind.ITEM:
        see_items(unit, connection, change.snapshot.items)
        arrival.end("applied", "comment")
        return
    if change.kind is ChangeKind.HINT or is_hint(member, change):
        see_items(unit, connection, change.snapshot.items)
        _mine_hint(unit, connection, change)
        want_read(unit, arrival)
        return
    _snapshot(unit, arrival, member)


def _mine_hint(unit: Unit, connection: str, change: Change) -> None:
    """Rule 5 for what is not believed: it may still show a value that our write went over."""
    if not change.snapshot.raw:
        return
    exts = exts_of(unit, connection, change.snapshot)
    mine(unit, connection, change.snapshot, exts)
    mine_spans(unit, connection, change.snapshot, exts)


def is_hint(member: Member, change: Change) -> bool:
    """Rule 6: without an integer version, or with only a part of the fields, a notice says no more than "look"."""
    snapshot = change.snapshot
    comparable = member.spec.version_kind in (VersionKind.COUNTER, VersionKind.ORDERED)
    return not comparable or snapshot.version is None or snapshot.partial


def want_read(unit: Unit, arrival: Arrival) -> None:
    """The object is read before anything is believed; the read answers this notice and all older hints."""
    connection = arrival.change.connection
    unit.lane(connection).read_wanted = True
    unit.held(connection).hint_rev = arrival.rev = unit.state.rev + 1
    arrival.state, arrival.reason = "hint", "the object is read before anything is believed"


def _snapshot(unit: Unit, arrival: Arrival, member: Member) -> None:
    change, connection, held = arrival.change, arrival.change.connection, unit.held(arrival.change.connection)
    snapshot, exts = change.snapshot, exts_of(unit, connection, change.snapshot)
    mine(unit, connection, snapshot, exts)
    echo(unit, unit.lane(connection), snapshot.version, exts)
    see_items(unit, connection, snapshot.items)
    if held.seen is not None and snapshot.version is not None and snapshot.version <= held.seen:
        arrival.end("stale", f"version {snapshot.version} is not newer than {held.seen}")
        return
    if shows_departure(unit, connection, snapshot.raw):
        leave(unit, connection, f"{connection} shows that it has left")
        arrival.end("applied", "departure")
        return
    seen = Observation(
        connection, snapshot, exts, rev=None, received_at=change.received_at, offset_s=change.clock_offset_s
    )
    landed_late(unit, seen)
    moved = absorb(unit, seen)
    arrival.end("applied" if moved else "unchanged", ", ".join(moved) or "nothing new (an echo, or unmapped fields)")
    unit.audit("observed", connection, fields=moved, version=snapshot.version)


def attach(unit: Unit, change: Change) -> None:
    """The first object of this system for the record: linked with an empty shadow (every field has "no base").

    One that carries our own correlation key is a create of ours that landed late: its values were typed by nobody.
    """
    held, snapshot = unit.held(change.connection), change.snapshot
    held.link, held.id, held.key = LinkState.PRIMARY, snapshot.id, snapshot.key
    unit.link(change.connection, held.id, held.key, LinkState.PRIMARY)
    if snapshot.correlation == unit.state.correlation and snapshot.raw and not snapshot.partial and not unit.new:
        ours(unit, change.connection, snapshot, None)
        held.gap_from, held.gap_base = 0.0, None
        held.seen = snapshot.version


def _after_tombstone(unit: Unit, arrival: Arrival) -> None:
    """Rule 4: nothing brings it back; what still looks alive is closed."""
    change, connection = arrival.change, arrival.change.connection
    held, lane = unit.held(connection), unit.lane(connection)
    if held.link is LinkState.NONE:
        attach(unit, change)
    elif held.id != change.snapshot.id:
        turn_to(unit, connection, change.snapshot.id, change.snapshot.key)
        held = unit.held(connection)
    if change.kind is ChangeKind.DELETED:
        deleted(unit, connection, sticky=False)
    elif held.link is LinkState.PRIMARY:
        held.closed = False
        lane.dirty, lane.dirty_since = True, unit.now
    arrival.end("tombstoned", "the record has left; nothing re-opens it")
