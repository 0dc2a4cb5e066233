"""Rules 17 and 18: an attempt without a known outcome. Looks settle it; a negative look counts only when it is late
enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.contract.values import HistoryEntry, Receipt, Ref, Snapshot, VersionKind, WriteKind
from gateway.sync import owned
from gateway.sync.absorb import Observation, absorb
from gateway.sync.attempts import Attempt, Conclusion, Outcome, Seen
from gateway.sync.gap import later, open_window
from gateway.sync.keyed import forgotten
from gateway.sync.observe import exts_of, fold
from gateway.sync.outcome import another, applied, finish, look_through, park, record_effect
from gateway.sync.state import Ghost, Lane, LaneState
from gateway.sync.unit import Unit

GHOST_LIFE = 2.0
"""Times the settling time: so long a late landing is expected (rule 17)."""


def look(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen) -> bool:
    """Judges one look. True: the outcome is settled and the lane is free (or parked); False: look again later."""
    waited_s = seen.at - attempt.started_at if seen.waited_s is None else seen.waited_s
    late_enough = waited_s >= unit.member(lane.connection).settles_s
    if attempt.kind is WriteKind.CREATE and not unit.member(lane.connection).spec.marker:
        return _unmarked(unit, lane, attempt, seen, late_enough)
    if attempt.kind is WriteKind.CREATE:
        return _create(unit, lane, attempt, seen, late_enough)
    if attempt.kind is WriteKind.ITEM:
        return _item(unit, lane, attempt, seen, late_enough)
    return _update(unit, lane, attempt, seen, late_enough)


def _free(lane: Lane) -> None:
    if lane.state is not LaneState.PARKED:
        lane.state = LaneState.IDLE
    lane.attempt, lane.wait_reason, lane.looks, lane.next_try_at = "", "", 0, 0.0


def _settle(unit: Unit, lane: Lane, attempt: Attempt, outcome: Outcome, how: str) -> bool:
    finish(unit, attempt, outcome, {"proof": how, "looks": lane.looks + 1})
    unit.moot(unknown_key(unit, lane), f"the outcome was proved: {how}")
    if outcome is Outcome.APPLIED:
        unit.worked(lane.case)
        lane.case = ""
    _free(lane)
    return True


def unknown_key(unit: Unit, lane: Lane) -> str:
    """Key of the case that stands while an outcome stays unknown."""
    return f"unknown_outcome:{unit.state.id}:{lane.connection}"


def _create(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, late_enough: bool) -> bool:
    hits, _ = owned.free(unit, lane.connection, seen.hits or [], seen.owners)
    if not hits:
        if not late_enough:
            return False
        remember(unit, lane, attempt)
        return _settle(unit, lane, attempt, Outcome.NOT_APPLIED, "no object carries our correlation key")
    first = hits[0]
    receipt = Receipt(ref=first, version=None, snapshot=None)
    applied(unit, lane, attempt, Conclusion(Outcome.APPLIED, receipt, seen))
    for extra in hits[1:]:
        another(unit, lane.connection, extra.id, extra.key)
    return _settle(unit, lane, attempt, Outcome.APPLIED, "found by our correlation key")


def _unmarked(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, late_enough: bool) -> bool:
    """A create that nothing can be looked for by. One that the target knows by its key may be sent again while it
    surely does: that answers as the first would have. Any other is never sent again (rule 18).
    """
    held = unit.held(lane.connection)
    held.keyed_from = held.keyed_from or attempt.started_at
    if seen.hits:
        return _create(unit, lane, attempt, seen, late_enough)
    if forgotten(unit, lane.connection):
        give_up(unit, lane, attempt)
        return True
    if not late_enough:
        return False
    return _settle(unit, lane, attempt, Outcome.NOT_APPLIED, "sent again with the key that the target knows it by")


def _item(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, late_enough: bool) -> bool:
    match = next((item for item in seen.items or () if item.origin == attempt.origin), None)
    if match is not None:
        receipt = Receipt(ref=attempt.ref or Ref(object="", id=""), item_id=match.id)
        applied(unit, lane, attempt, Conclusion(Outcome.APPLIED, receipt, seen))
        return _settle(unit, lane, attempt, Outcome.APPLIED, "found by its marker")
    if not late_enough:
        return False
    remember(unit, lane, attempt)
    return _settle(unit, lane, attempt, Outcome.NOT_APPLIED, "no comment carries our marker")


def _update(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, late_enough: bool) -> bool:
    snapshot = seen.snapshot
    if snapshot is None or not snapshot.exists:
        fold(unit, lane.connection, seen)
        return _settle(unit, lane, attempt, Outcome.NOT_APPLIED, "the object is not there")
    shown = exts_of(unit, lane.connection, snapshot)
    ours = _ours(seen.history, attempt, unit.held(lane.connection).told)
    if ours:
        return _by_history(unit, lane, attempt, seen, ours, shown)
    unrecorded = unit.member(lane.connection).spec.is_unrecorded(attempt.values)
    if (seen.history is None or unrecorded) and _moved(attempt, snapshot) and _shows_it(unit, lane, attempt, shown):
        return _by_value(unit, lane, attempt, seen, shown)
    if not late_enough:
        return False
    return _not_applied(unit, lane, attempt, seen, shown)


def _ours(history: Sequence[HistoryEntry] | None, attempt: Attempt, told: Sequence[str]) -> HistoryEntry | None:
    """Our newest entry since the base: it may be an older attempt's, so it proves only its own fields.

    In the tick of the base time says nothing; what was looked through before is none of this attempt's.
    """
    mine = [
        entry
        for entry in history or ()
        if entry.by_us and entry.id not in told and _since(entry, attempt.base, attempt.base_at)
    ]
    return mine[-1] if mine else None


def _since(entry: HistoryEntry, base: int | None, base_at: float) -> bool:
    return later(entry, base, base_at) or (entry.version is None and entry.at == base_at)


def _sent(unit: Unit, lane: Lane, attempt: Attempt) -> dict[str, Any]:
    mapping = unit.member(lane.connection).mapping
    return {name: mapping.norm(name, field.ext) for name, field in attempt.fields.items()}


def _matching(unit: Unit, lane: Lane, attempt: Attempt, shown: dict[str, Any]) -> list[str]:
    sent = _sent(unit, lane, attempt)
    return [name for name in sent if name in shown and shown[name] == sent[name] != attempt.pre.get(name)]


def _shows_it(unit: Unit, lane: Lane, attempt: Attempt, shown: dict[str, Any]) -> bool:
    """Whether what is shown proves the write: some of it is there, and nothing of it is as it was before.

    A field that is as before contradicts the ones that match: they may have been typed by somebody else (or this one
    was taken back, H15). Where an older attempt may have landed late, each field stands for itself alone.
    """
    sent = _sent(unit, lane, attempt)
    before = any(shown.get(name) == attempt.pre.get(name) != ext for name, ext in sent.items() if name in shown)
    return bool(_matching(unit, lane, attempt, shown)) and (not before or _haunted(unit, lane, sent))


def _haunted(unit: Unit, lane: Lane, sent: dict[str, Any]) -> bool:
    """Whether an earlier attempt, closed as not applied, sent one of these values."""
    ghosts = unit.held(lane.connection).ghosts
    return any(ghost.field == name and ghost.ext == sent[name] for ghost in ghosts for name in sent)


def _moved(attempt: Attempt, snapshot: Snapshot) -> bool:
    return snapshot.version is None or attempt.base is None or snapshot.version != attempt.base


def _by_history(
    unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, ours: HistoryEntry, shown: dict[str, Any]
) -> bool:
    entry = unit.member(lane.connection).mapping.history(ours.after)
    sent = _sent(unit, lane, attempt)
    stored = {name: entry.get(name, shown.get(name)) for name in sent if name in entry or shown.get(name) == sent[name]}
    _conclude(unit, lane, attempt, seen, stored, ours.version)
    return _settle(unit, lane, attempt, Outcome.APPLIED, f"our entry {ours.id} stands in its history")


def _by_value(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, shown: dict[str, Any]) -> bool:
    """Shown values prove the whole write, unless an older attempt may have landed late: then only what is shown.

    They do not prove who wrote them: where somebody typed the same, ours is still on its way and may land over a later
    edit. So it stays remembered, unless the system says that its last change was ours.
    """
    sent, matching = _sent(unit, lane, attempt), _matching(unit, lane, attempt, shown)
    risky = _haunted(unit, lane, sent)
    stored = {name: sent[name] for name in (matching if risky else sent)}
    assert seen.snapshot is not None
    _conclude(unit, lane, attempt, seen, stored, seen.snapshot.version)
    if not seen.snapshot.by_us:
        remember(unit, lane, attempt)
    return _settle(unit, lane, attempt, Outcome.APPLIED, "the object shows what was sent")


def _conclude(
    unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, stored: dict[str, Any], version: int | None
) -> None:
    record_effect(unit, lane, attempt, stored, version)
    look_through(unit, lane, attempt, seen, version)
    fold(unit, lane.connection, seen)


def _not_applied(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen, shown: dict[str, Any]) -> bool:
    connection = lane.connection
    member, snapshot = unit.member(connection), seen.snapshot
    assert snapshot is not None
    remember(unit, lane, attempt)
    counts = member.spec.version_kind is VersionKind.COUNTER
    jumped = bool(
        counts and attempt.base is not None and snapshot.version is not None and snapshot.version >= attempt.base + 2
    )
    no_history = seen.history is None
    if jumped and no_history and attempt.base is not None and snapshot.version is not None:
        open_window(
            unit,
            connection,
            lo=attempt.base,
            hi=snapshot.version,
            pre=attempt.pre,
            fields=list(attempt.fields),
            attempt=attempt.id,
        )
    back = [name for name in attempt.fields if name in shown and shown[name] == attempt.pre.get(name)]
    if no_history and back and _ambiguous(unit, attempt, snapshot, jumped):
        for name in back:
            unit.lost(connection, name, shown[name], "ambiguous: applied and reverted, or never applied")
        finish(unit, attempt, Outcome.UNKNOWN, {"proof": "ambiguous", "looks": lane.looks + 1})
        title = f"{connection} may have applied our write and somebody may have taken it back; compare and decide"
        evidence = {"attempt": attempt.id, "sent": attempt.values, "shown": shown}
        park(unit, lane, "unknown_outcome", "outcome.ambiguous", title, evidence)
        lane.attempt = ""
        fold(unit, connection, seen)
        return True
    fold(unit, connection, seen)
    return _settle(unit, lane, attempt, Outcome.NOT_APPLIED, "looked late enough; nothing of it is there")


def _ambiguous(unit: Unit, attempt: Attempt, snapshot: Snapshot, jumped: bool) -> bool:
    if unit.state.tombstoned_at is not None:
        return False
    if attempt.base is None:
        return snapshot.updated_at is not None and snapshot.updated_at > attempt.base_at
    return jumped


def give_up(unit: Unit, lane: Lane, attempt: Attempt) -> None:
    """Rule 18: nothing can prove it. Ghosts and an open window recognise its echo; a person states what happened."""
    connection = lane.connection
    remember(unit, lane, attempt)
    finish(unit, attempt, Outcome.UNKNOWN, {"proof": "this target cannot be looked at"})
    title = (
        f"nobody answered our write to {connection} and nothing can prove its outcome; look there and say what you see"
    )
    evidence = {"sent": attempt.values, "attempt": attempt.id}
    park(unit, lane, "unknown_outcome", "outcome.unprovable", title, evidence)
    lane.attempt = attempt.id


def echo(unit: Unit, lane: Lane, version: int | None, shown: dict[str, Any]) -> None:
    """Rule 18: the echo of a write that nothing else can prove settles it."""
    held = unit.held(lane.connection)
    flight = [ghost for ghost in held.ghosts if lane.attempt and ghost.attempt == lane.attempt]
    if lane.state is not LaneState.PARKED or not flight:
        return
    if any(shown.get(ghost.field) != ghost.ext for ghost in flight):
        return
    if version is not None and any(ghost.base is not None and version <= ghost.base for ghost in flight):
        return  # a late notice of a time when the value stood there before
    _open_until_echo(unit, lane, version, flight)
    overtaken = version is not None and held.seen is not None and version < held.seen
    since: dict[str, Any] = {}
    for ghost in flight:
        shadow = unit.shadow(lane.connection, ghost.field)
        if overtaken and not 0 <= shadow.carried < (ghost.fver or 0):
            continue  # what was seen after it was settled already
        if overtaken:
            since[ghost.field] = shadow.ext
        shadow.ext, shadow.known, shadow.proven_at = ghost.ext, True, version
        shadow.carried = ghost.fver if ghost.fver is not None else shadow.carried
    held.ghosts = [ghost for ghost in held.ghosts if ghost.attempt != lane.attempt]
    answer = {"proof": "its echo arrived"}
    unit.effects.outcomes.append({"id": lane.attempt, "outcome": Outcome.APPLIED, "answer": answer, "at": unit.now})
    unit.audit("applied", lane.connection, attempt=lane.attempt, **answer)
    unit.moot(lane.case, "the echo of the write arrived: it was applied")
    lane.state, lane.case = LaneState.IDLE, ""
    _free(lane)
    if since:
        _put_back(unit, lane.connection, since)


def _put_back(unit: Unit, connection: str, since: dict[str, Any]) -> None:
    """A state newer than the echo was seen before it, and looked like nothing new: it is an edit of what we wrote."""
    held = unit.held(connection)
    shown = Snapshot(object=unit.member(connection).object, id=held.id, version=held.seen)
    absorb(unit, Observation(connection, shown, since, rev=None, received_at=unit.now))


def _open_until_echo(unit: Unit, lane: Lane, version: int | None, flight: Sequence[Ghost]) -> None:
    """What came between the last state seen and the echo may have been written over (H18): its notices come later."""
    held, member = unit.held(lane.connection), unit.member(lane.connection)
    if member.spec.version_kind is not VersionKind.COUNTER or held.seen is None or version is None:
        return
    pre = {ghost.field: unit.shadow(lane.connection, ghost.field).ext for ghost in flight}
    open_window(unit, lane.connection, lo=held.seen, hi=version, pre=pre, fields=list(pre), attempt=lane.attempt)


def remember(unit: Unit, lane: Lane, attempt: Attempt) -> None:
    """The values, or the comment, of an attempt closed as not applied: it may still land. It was not sent before it was
    started, whatever the clock says that closes it: one that was set back would end the memory before it began.
    """
    for item in unit.held(lane.connection).items:
        item.tried = item.tried or item.origin == attempt.origin
    expires = max(unit.now, attempt.started_at) + GHOST_LIFE * unit.member(lane.connection).settles_s
    sent, held = _sent(unit, lane, attempt), unit.held(lane.connection)
    others = [ghost for ghost in held.ghosts if ghost.field not in sent or ghost.ext != sent[ghost.field]]
    held.ghosts = others + [
        Ghost(name, ext, attempt.id, expires, attempt.fields[name].fver, attempt.base) for name, ext in sent.items()
    ]


def expire_ghosts(unit: Unit, connection: str) -> None:
    """Late landings are not looked for for ever."""
    held = unit.held(connection)
    held.ghosts = [ghost for ghost in held.ghosts if not ghost.over(unit.now)]
