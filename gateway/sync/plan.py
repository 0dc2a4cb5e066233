"""Rules 9 to 12: what a member still lacks, computed when it is sent, and the attempt that will write it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import Ref, Step, VersionKind, WriteKind
from gateway.core.ids import new_id
from gateway.sync import awaiting, closing, instead, undecided
from gateway.sync.absorb import agrees
from gateway.sync.attempts import Attempt, Seen, SentField
from gateway.sync.flow import Member
from gateway.sync.keyed import forgotten
from gateway.sync.outcome import park
from gateway.sync.referee import companions, keep_out
from gateway.sync.stage import SHADOWED
from gateway.sync.state import FieldState, FieldVersion, Lane, LaneState, LinkState, MemberState, Shadow
from gateway.sync.trails import pass_over
from gateway.sync.unit import Unit
from gateway.sync.unsaid import cannot_say
from mappings.compiler import CompiledMapping
from mappings.links import Awaited


@dataclass(frozen=True, slots=True)
class Want:
    """One field version to bring to a member, in external terms."""

    name: str
    fver: int
    ext: Any
    stepped: bool
    closing: bool = False


def mark_dirty(unit: Unit) -> None:
    """Rule 9: every lane whose member lacks something is dirty. Never clears: only an empty plan does (rule 11)."""
    for connection in unit.flow.members:
        lane = unit.lanes.get(connection)
        if lacks(unit, connection):
            lane = lane or unit.lane(connection)
            if not lane.dirty:
                lane.dirty, lane.dirty_since = True, unit.now
            if lane.withheld.startswith(SHADOWED):
                pass_over(unit, connection)
        elif lane is not None and lane.withheld:
            lane.withheld = ""  # the planner looks, and finds it empty


def lacks(unit: Unit, connection: str) -> bool:
    """Whether anything might have to be written to this member (without asking it)."""
    state, held = unit.state, unit.held(connection)
    if state.tombstoned_at is not None:
        return held.link is LinkState.PRIMARY and not held.closed
    if held.link is LinkState.GONE or not state.fields:
        return False
    if held.link is LinkState.NONE:
        return wants_create(unit, connection)
    if any(not item.held for item in held.items):
        return True
    mapping = unit.flow.members[connection].mapping
    return any(_pending(mapping, held, name, canon) for name, canon in _behind(unit, held))


def _behind(unit: Unit, held: MemberState) -> list[tuple[str, FieldState]]:
    """Fields that a member is not known to hold as decided: few of many, and asked for in every decision."""
    shadows = held.shadow
    return [
        (name, canon)
        for name, canon in unit.state.fields.items()
        if (shadow := shadows.get(name)) is None or shadow.carried < canon.now.fver
    ]


def wants_create(unit: Unit, connection: str) -> bool:
    """Whether the flow creates the object here now."""
    if connection not in unit.flow.create_in or create_waived(unit, connection):
        return False
    held = unit.held(connection)
    if held.awaits and any(awaiting.waits(unit, held, name) for name in held.awaits):
        return False
    when = unit.flow.create_when
    return when is None or undecided.creates(unit, connection, when)


def create_waived(unit: Unit, connection: str) -> bool:
    """A person discarded the create: it is not tried again until something of the record changes."""
    shadows = unit.held(connection).shadow
    waived = {name: shadow.waived for name, shadow in shadows.items() if shadow.waived is not None}
    return bool(waived) and all(waived.get(name) == canon.now.fver for name, canon in unit.state.fields.items())


def _pending(mapping: CompiledMapping, held: MemberState, name: str, canon: FieldState) -> bool:
    """Whether the member lacks a version of this field that may be written to it."""
    shadow = held.shadow.get(name)
    if shadow is not None and shadow.carried >= canon.now.fver:
        return False
    if held.awaits and name in held.awaits and held.awaits[name].fver == canon.now.fver:
        return False
    rule = mapping.fields.get(name)
    if rule is None or not rule.writable:
        return False
    if rule.gate is not None and not mapping.open(name, {k: s.ext for k, s in held.shadow.items() if s.known}):
        return False
    if shadow is None:
        return canon.now.value is not None
    return shadow.carried < canon.now.fver and not shadow.held and shadow.waived != canon.now.fver


def wants(unit: Unit, connection: str, rev: int | None) -> list[Want]:
    """Fields to write now, oldest decision first.

    `rev` is the revision at the start of a read made for this plan (None: no read was made). A field that already shows
    the wanted value is carried if that read proves it; if nothing proves it, it stays in `unproven`.
    """
    found: list[Want] = []
    for name, canon in _behind(unit, unit.held(connection)):
        want = _want(unit, connection, name, canon, rev)
        if want is not None:
            found.append(want)
    return sorted(found, key=lambda want: want.fver)


def unproven(unit: Unit, connection: str) -> bool:
    """Some field shows the wanted value but only a read can prove that it stays so (H12)."""
    member, held = unit.member(connection), unit.held(connection)
    for name, canon in _behind(unit, held):
        shadow = held.shadow.get(name)
        if shadow is None or not shadow.known or not _pending(member.mapping, held, name, canon):
            continue
        if any(agrees(member, name, version.value, shadow.ext) for version in _turns(unit, name, canon, shadow)):
            return True
    return False


def _turns(unit: Unit, name: str, canon: FieldState, shadow: Shadow) -> Iterator[FieldVersion]:
    """Versions still to be delivered, oldest first (rule 25); only the newest where order of old ones is void."""
    if name in unit.flow.sets or name in unit.flow.latest_only or shadow.carried < 0:
        yield canon.now
        return
    for version in canon.trail:
        if version.fver > shadow.carried:
            yield version
    yield canon.now


def _want(unit: Unit, connection: str, name: str, canon: FieldState, rev: int | None) -> Want | None:
    member, held = unit.member(connection), unit.held(connection)
    if not _pending(member.mapping, held, name, canon):
        return None
    shadow = unit.shadow(connection, name)
    for version in _turns(unit, name, canon, shadow):
        if shadow.waived is not None and version.fver <= shadow.waived:
            continue
        try:
            ext, stands_in = instead.outward(unit, connection, name, version)
        except Awaited:
            awaiting.begin(unit, connection, name)
            continue
        except MappingError as error:
            if version is canon.now:
                cannot_say(unit, connection, name, version, error)
            continue
        if not stands_in and shadow.known and member.mapping.norm(name, ext) == shadow.ext:
            if (rev is not None and rev >= version.rev) or not member.spec.readable:
                shadow.carried = version.fver
            continue
        return Want(name, version.fver, ext, member.mapping.fields[name].stepped)
    return None


def closing_wants(unit: Unit, connection: str) -> list[Want]:
    """What the object lacks to count as closed."""
    member, held = unit.member(connection), unit.held(connection)
    found = []
    for name, value in closing.closed_by(unit, connection).items():
        shadow = held.shadow.get(name)
        if not (shadow and shadow.known and agrees(member, name, value, shadow.ext)):
            ext = member.mapping.to_ext(name, value)
            found.append(Want(name, -1, ext, member.mapping.fields[name].stepped, closing=True))
    return found


def start(unit: Unit, lane: Lane, seen: Seen | None, *, timeout_s: float, lease_s: float) -> Attempt | None:
    """Rule 11 and 12: the next attempt, or None when the member lacks nothing (only then the lane is clean).

    With a read (`seen`), its absorption has been done; fields it proves are carried here.
    """
    keep_out(unit)
    connection = lane.connection
    held, state = unit.held(connection), unit.state
    if state.tombstoned_at is not None:
        found = closing_wants(unit, connection) if held.link is LinkState.PRIMARY else []
        if not found:
            held.closed = held.link is LinkState.PRIMARY or held.closed
            return None
        if told := closing.given_up(unit, connection):
            park(unit, lane, "refused", "close.refused", *told)
            return None
        return _update(unit, lane, found, seen, timeout_s, lease_s)
    if held.link is LinkState.GONE or not state.fields:
        return None
    if held.link is LinkState.NONE:
        return _create(unit, lane, timeout_s, lease_s) if wants_create(unit, connection) else None
    found = wants(unit, connection, seen.rev if seen else None)
    if found:
        return _update(unit, lane, found, seen, timeout_s, lease_s)
    return _append_item(unit, lane, timeout_s, lease_s)


def _attempt(unit: Unit, lane: Lane, kind: WriteKind, timeout_s: float, lease_s: float) -> Attempt:
    held = unit.held(lane.connection)
    attempt = Attempt(
        id=new_id("at", at=unit.now),
        record=unit.state.id,
        connection=lane.connection,
        object=unit.member(lane.connection).object,
        kind=kind,
        fence=lane.fence,
        started_at=unit.now,
        deadline=unit.now + timeout_s,
        base=held.seen,
        base_at=held.updated,
        base_rev=unit.state.rev + 1,
        etag=held.etag,
        correlation=unit.state.correlation,
        mapping=unit.member(lane.connection).mapping.label,
        ref=Ref(object=unit.member(lane.connection).object, id=held.id, key=held.key) if held.id else None,
    )
    lane.state, lane.attempt = LaneState.OPEN, attempt.id
    lane.lease_until = unit.now + max(lease_s, timeout_s * 1.5)
    lane.wait_reason = ""
    unit.effects.attempts.append({"attempt": attempt})
    return attempt


def _create(unit: Unit, lane: Lane, timeout_s: float, lease_s: float) -> Attempt | None:
    member, held = unit.member(lane.connection), unit.held(lane.connection)
    if not member.spec.marker and forgotten(unit, lane.connection):
        title = (
            f"nobody answered our create in {lane.connection}, which does not know its key any more; "
            "look there and say what you see"
        )
        park(unit, lane, "unknown_outcome", "outcome.unprovable", title, {"since": held.keyed_from})
        return None
    if awaiting.create_waits(unit, lane.connection):
        return None
    exts: dict[str, Any] = {}
    for name, canon in unit.state.fields.items():
        rule, shadow = member.mapping.fields.get(name), held.shadow.get(name)
        if name in unit.flow.links and awaiting.is_waived(held, name, canon.now.fver):
            continue
        if rule is None or not rule.writable or canon.now.value is None or (shadow and shadow.held):
            continue
        try:
            exts[name], _ = instead.outward(unit, lane.connection, name, canon.now)
        except MappingError as error:
            cannot_say(unit, lane.connection, name, canon.now, error)
    attempt = _attempt(unit, lane, WriteKind.CREATE, timeout_s, lease_s)
    held.creates += 1
    sendable = _sendable(member, exts)
    attempt.fields = {name: SentField(ext, unit.state.fields[name].now.fver) for name, ext in sendable.items()}
    attempt.values = instead.fragment(unit, attempt, unit.state.values())
    return attempt


def _sendable(member: Member, exts: dict[str, Any]) -> dict[str, Any]:
    """What a new object can be given at once: no stepped fields, and nothing that means something only after a step."""
    plain = {name: ext for name, ext in exts.items() if not member.mapping.fields[name].stepped}
    return {name: ext for name, ext in plain.items() if _opened(member, name, plain)}


def _opened(member: Member, name: str, shown: dict[str, Any]) -> bool:
    gate = member.mapping.fields[name].gate
    return gate is None or shown.get(gate[0]) in gate[1]


def wants_step(unit: Unit, connection: str) -> bool:
    """Whether a stepped field is to be moved: only a read that asked for the moves can plan that."""
    member, held = unit.member(connection), unit.held(connection)
    if held.link is not LinkState.PRIMARY:
        return False
    if unit.state.tombstoned_at is not None:
        return any(want.stepped for want in closing_wants(unit, connection))
    return any(
        rule.stepped and name in unit.state.fields and _pending(member.mapping, held, name, unit.state.fields[name])
        for name, rule in member.mapping.fields.items()
    )


def _update(
    unit: Unit, lane: Lane, found: list[Want], seen: Seen | None, timeout_s: float, lease_s: float
) -> Attempt | None:
    if found[0].stepped:
        return _step(unit, lane, found, seen, timeout_s, lease_s)
    until = next((want.fver for want in found if want.stepped and want.fver >= 0), None)
    batch = [want for want in found if not want.stepped and (until is None or want.fver < until)]
    attempt = _attempt(unit, lane, WriteKind.UPDATE, timeout_s, lease_s)
    _fill(unit, attempt, batch)
    attempt.values = instead.fragment(unit, attempt, _record_at(unit, batch))
    return attempt


def _fill(unit: Unit, attempt: Attempt, batch: list[Want]) -> None:
    attempt.closing = batch[0].closing
    for want in batch:
        attempt.fields[want.name] = SentField(want.ext, None if want.closing else want.fver)
        shadow = unit.shadow(attempt.connection, want.name)
        attempt.pre[want.name] = shadow.ext if shadow.known else None


def _record_at(unit: Unit, batch: list[Want]) -> dict[str, Any]:
    """The record with the values of the versions being sent, for companions."""
    values = unit.state.values()
    for want in batch:
        canon = unit.state.fields.get(want.name)
        for version in [*canon.trail, canon.now] if canon else []:
            if version.fver == want.fver:
                values[want.name] = version.value
    return values


def _step(
    unit: Unit, lane: Lane, found: list[Want], seen: Seen | None, timeout_s: float, lease_s: float
) -> Attempt | None:
    """One move of a stepped field; intermediate states carry no decision (rule 11, H19)."""
    want, connection = found[0], lane.connection
    member, shadow = unit.member(connection), unit.shadow(connection, want.name)
    steps = (seen.steps if seen else None) or []
    hop = member.mapping.fields[want.name].path_to(shadow.ext, want.ext, [step.to for step in steps])
    move = next((step for step in steps if step.to == hop), None)
    if move is None:
        rest = [other for other in found if not other.stepped]
        if rest:
            return _update(unit, lane, rest, seen, timeout_s, lease_s)
        _no_way(unit, lane, want, shadow, steps)
        return None
    attempt = _attempt(unit, lane, WriteKind.STEP, timeout_s, lease_s)
    _fill(unit, attempt, [want])
    goal = move.to == want.ext
    attempt.fields[want.name] = SentField(move.to, want.fver if goal and not want.closing else None)
    attempt.step = move
    shown = companions(unit, connection, _record_at(unit, [want]))
    attempt.values = member.mapping.write({want.name: move.to}, shown)
    return attempt


def _no_way(unit: Unit, lane: Lane, want: Want, shadow: Shadow, steps: list[Step]) -> None:
    key = unit.case(
        "refused",
        "close.refused" if want.closing else "step.unavailable",
        f"no move leads from {shadow.ext!r} to {want.ext!r} in {lane.connection}",
        connection=lane.connection,
        name=want.name,
        evidence={"shown": shadow.ext, "wanted": want.ext, "moves": [step.to for step in steps]},
    )
    if want.closing:
        lane.state, lane.case = LaneState.PARKED, key
    else:
        shadow.held = key


def _append_item(unit: Unit, lane: Lane, timeout_s: float, lease_s: float) -> Attempt | None:
    held = unit.held(lane.connection)
    item = next((item for item in held.items if not item.held), None)
    if item is None:
        return None
    attempt = _attempt(unit, lane, WriteKind.ITEM, timeout_s, lease_s)
    attempt.item = item
    return attempt


def needs_read(unit: Unit, connection: str) -> bool:
    """SYNC.md section 5: whether a read must precede the next write here."""
    member, held, state = unit.member(connection), unit.held(connection), unit.state
    if not member.spec.readable:
        return False
    if state.tombstoned_at is not None or held.gap_from is not None or any(item.tried for item in held.items):
        return True
    if held.link is not LinkState.PRIMARY:
        return held.creates > 0 or unit.flow.natural is not None or member.read_before_write or not member.spec.marker
    if member.read_before_write or not member.spec.conditional or held.etag is None:
        return True
    if member.spec.version_kind not in (VersionKind.COUNTER, VersionKind.ORDERED):
        return True
    rules = member.mapping.fields
    stepped = any(
        name in rules and rules[name].stepped and _pending(member.mapping, held, name, canon)
        for name, canon in _behind(unit, held)
    )
    return stepped or unproven(unit, connection)
