"""The lane worker's decisions: claim, what a read means for the next write (Ts), what an outcome leaves (Tc).

Each returns the next job. A job of an older holder is void: its fence is not the lane's any more (rule 12, H22).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.contract.values import Ref, WriteKind
from gateway.sync import awaiting, owned
from gateway.sync.attempts import Attempt, Conclusion, Outcome, Seen
from gateway.sync.gap import check_history, foreign
from gateway.sync.observe import fold
from gateway.sync.outcome import another, applied, finish, ours, park, refused
from gateway.sync.plan import lacks, mark_dirty, needs_read, start, unproven, wants_step
from gateway.sync.probe import expire_ghosts, give_up, look, unknown_key
from gateway.sync.resting import planned, withhold
from gateway.sync.stage import Stage
from gateway.sync.state import Lane, LaneState, LinkState
from gateway.sync.trails import trim
from gateway.sync.unit import Unit
from gateway.sync.worker import LONGEST_RETRY_AFTER_S, Worker

RECHECK_S = 0.05


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to do now. `deferred`: notices wait to be taken up; `more`: the lane has work later."""

    deferred: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """Look at the target under the mutex."""

    fence: int
    rev: int
    object: str
    correlation: str
    ref: Ref | None
    find: bool = False
    natural: dict[str, Any] = field(default_factory=dict)
    steps: bool = False
    items: bool = False
    history_since: float | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Write. The attempt is durable."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Look:
    """Settle an unknown outcome."""

    attempt_id: str
    fence: int
    rev: int
    looks: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """An unknown outcome at a target that cannot be looked at."""

    attempt_id: str
    fence: int


Job = Idle | Read | Send | Look | GiveUp


def claim(unit: Unit, connection: str, worker: Worker) -> Job:
    """Takes the lane if it is free and has something to do."""
    lane, now = unit.lane(connection), unit.now
    if lane.owner != worker.name and worker.sees_held(lane, now):
        return Idle()
    if lane.state is LaneState.UNKNOWN:
        return _claim_unknown(unit, lane, worker)
    if lane.state in (LaneState.OPEN, LaneState.READING):
        return Idle() if worker.sees_held(lane, now) else _lost(unit, lane, worker)
    if lane.deferred:
        return Idle(deferred=True)
    if worker.sees_waiting(lane, unit.now, unit.member(lane.connection).settles_s):
        return Idle(more=lane.has_work)
    if unit.stage.rests and (lane.dirty or lane.read_wanted):
        withhold(unit, lane)
        return Idle()
    if lane.state is LaneState.PARKED:
        return _claim_read(unit, lane, worker) if lane.read_wanted else Idle()
    if not (lane.dirty or lane.read_wanted):
        return Idle()
    return _next(unit, lane, worker)


def _lost(unit: Unit, lane: Lane, worker: Worker) -> Job:
    """The holder is gone. Reading: nothing was sent. Open: whatever was sent, nobody recorded the outcome (H6)."""
    if lane.state is LaneState.READING:
        lane.state, lane.owner = LaneState.IDLE, ""
        lane.dirty = lane.dirty or not lane.read_wanted
        return claim(unit, lane.connection, worker)
    unit.audit("attempt_lost", lane.connection, attempt=lane.attempt, owner=lane.owner)
    lane.state, lane.owner, lane.next_try_at = LaneState.UNKNOWN, "", 0.0
    lane.wait_reason = "outcome unknown"
    return _claim_unknown(unit, lane, worker)


def _claim_unknown(unit: Unit, lane: Lane, worker: Worker) -> Job:
    if worker.sees_waiting(lane, unit.now, unit.member(lane.connection).settles_s):
        return Idle(more=True)
    _take(unit, lane, worker)
    if not unit.member(lane.connection).spec.readable:
        return GiveUp(lane.attempt, lane.fence)
    return Look(lane.attempt, lane.fence, unit.state.rev + 1, lane.looks)


def _take(unit: Unit, lane: Lane, worker: Worker) -> None:
    lane.owner, lane.lease_until, lane.fence = worker.name, unit.now + worker.lease_s, lane.fence + 1


def _next(unit: Unit, lane: Lane, worker: Worker) -> Job:
    """Rule 10: read first, or, where SYNC.md section 5 allows it, write at once."""
    expire_ghosts(unit, lane.connection)
    awaiting.before_create(unit, lane.connection)
    if not lane.read_wanted and not lacks(unit, lane.connection):
        _clean(unit, lane)
        _release(lane)
        return Idle(deferred=lane.deferred)
    _take(unit, lane, worker)
    if not lane.read_wanted and not needs_read(unit, lane.connection):
        return _start(unit, lane, worker, None)
    return _claim_read(unit, lane, worker, taken=True)


def _claim_read(unit: Unit, lane: Lane, worker: Worker, *, taken: bool = False) -> Job:
    if not taken:
        _take(unit, lane, worker)
    parked = lane.state is LaneState.PARKED
    held, member, state = unit.held(lane.connection), unit.member(lane.connection), unit.state
    if not parked:
        lane.state = LaneState.READING
    natural = unit.flow.natural
    create = held.link is LinkState.NONE
    fragment: dict[str, Any] = {}
    if create and natural and state.values().get(natural) is not None:
        ext = member.mapping.to_ext(natural, state.values()[natural])
        fragment = member.mapping.write({natural: ext}, state.values())
    return Read(
        fence=lane.fence,
        rev=state.rev + 1,
        object=member.object,
        correlation=state.correlation,
        ref=None if create else Ref(object=member.object, id=held.id, key=held.key),
        find=create,
        natural=fragment,
        steps=not create and any(rule.stepped for rule in member.mapping.fields.values()) and lane.dirty,
        items=create or any(item.tried for item in held.items),
        history_since=held.gap_from if member.spec.history else None,
    )


def holds(lane: Lane, worker: Worker, fence: int) -> bool:
    """Whether this worker still has the lane."""
    return lane.owner == worker.name and lane.fence == fence


def after_read(unit: Unit, connection: str, worker: Worker, job: Read, seen: Seen, offset_s: float = 0.0) -> Job:
    """Ts: absorbs the read, and starts the next attempt from it if the record did not move meanwhile."""
    lane = unit.lane(connection)
    if not holds(lane, worker, job.fence):
        return Idle()
    if seen.hits is not None:
        _adopt(unit, lane, seen)
    _late_write(unit, lane, seen)
    fold(unit, connection, seen, offset_s=offset_s)
    _close_hints(unit, lane, seen)
    owed = unit.held(connection).gap_from is not None and unit.member(connection).spec.history
    lane.read_wanted = owed or unit.held(connection).hint_rev > seen.rev
    mark_dirty(unit)
    if owed and seen.history is None:
        return _claim_read(unit, lane, worker, taken=True)  # a late write of ours was seen: what did it go over?
    if lane.state is LaneState.PARKED:
        _release(lane)
        return Idle(deferred=lane.deferred)
    if not lane.dirty:
        lane.tries = 0
        _release(lane)
        return Idle(deferred=lane.deferred)
    return _start(unit, lane, worker, seen)


def _adopt(unit: Unit, lane: Lane, seen: Seen) -> None:
    """Rule 10: a hit of the look-up before a create is the record's object; further hits are duplicates, and so is one
    that another record owns.
    """
    found = [*(seen.hits or []), *seen.natural_hits]
    held = unit.held(lane.connection)
    if not found or held.link is not LinkState.NONE:
        return
    hits, case = owned.free(unit, lane.connection, found, seen.owners)
    if not hits:
        owned.hold(unit, lane, case)
        return
    first = hits[0]
    held.link, held.id, held.key = LinkState.PRIMARY, first.id, first.key
    unit.link(lane.connection, first.id, first.key, LinkState.PRIMARY)
    unit.audit("adopted", lane.connection, object_id=first.id)
    if seen.hits and seen.snapshot is not None:
        ours(unit, lane.connection, seen.snapshot, seen.history)
    for other in hits[1:]:
        if other.id != first.id:
            another(unit, lane.connection, other.id, other.key)


def _late_write(unit: Unit, lane: Lane, seen: Seen) -> None:
    """A ghost was seen landing: look through what it may have overwritten (rule 7b)."""
    held = unit.held(lane.connection)
    if held.gap_from is None:
        return
    if seen.history is not None:
        entries = foreign(seen.history, held.gap_base, held.gap_from)
        sent = {ghost.field: ghost.ext for ghost in held.ghosts}
        check_history(unit, lane.connection, entries, sent=sent, pre={}, at=unit.now)
    held.gap_from = held.gap_base = None


def _close_hints(unit: Unit, lane: Lane, seen: Seen) -> None:
    snapshot = seen.snapshot
    if snapshot is not None:
        unit.effects.hints_done.append((lane.connection, snapshot.id, seen.rev, "applied", unit.state.id))


def _start(unit: Unit, lane: Lane, worker: Worker, seen: Seen | None) -> Job:
    connection = lane.connection
    if (seen is None and unproven(unit, connection)) or (seen and seen.steps is None and wants_step(unit, connection)):
        return _claim_read(unit, lane, worker, taken=True)
    if unit.stage is not Stage.LIVE:
        if planned(unit, lane, seen):
            _clean(unit, lane)
        _release(lane)
        return Idle(deferred=lane.deferred, more=lane.has_work)
    attempt = start(unit, lane, seen, timeout_s=worker.timeout_s, lease_s=worker.lease_s)
    trim(unit)
    if attempt is not None:
        return Send(attempt)
    if not lacks(unit, connection):
        _clean(unit, lane)
    elif lane.state is not LaneState.PARKED:
        lane.next_try_at = unit.now + RECHECK_S  # a decision made after this read began: only a later read proves it
    _release(lane)
    return Idle(deferred=lane.deferred, more=lane.has_work)


def _clean(unit: Unit, lane: Lane) -> None:
    """The member lacks nothing."""
    unit.moot(lane.case, "there is nothing left to write")
    lane.dirty, lane.case, lane.tries = False, "", 0


def _release(lane: Lane) -> None:
    if lane.state is LaneState.READING:
        lane.state = LaneState.IDLE
    lane.owner, lane.lease_until = "", 0.0


def read_failed(unit: Unit, connection: str, worker: Worker, fence: int, failure: Conclusion) -> Job:
    """Nothing was sent. The lane waits as after a write that was not applied."""
    lane = unit.lane(connection)
    if not holds(lane, worker, fence):
        return Idle()
    if lane.state is LaneState.READING:
        lane.state = LaneState.IDLE
    if failure.outcome is Outcome.REFUSED:
        evidence = {"error": failure.error, "status": failure.status, **failure.evidence}
        title = f"{connection} refuses to be read: {failure.words}"
        park(unit, lane, "refused", "target.refused", title, evidence, failure.quoted)
    else:
        _wait(unit, lane, worker, failure)
    _release(lane)
    return Idle(deferred=lane.deferred, more=True)


def conclude(unit: Unit, connection: str, worker: Worker, attempt: Attempt, conclusion: Conclusion) -> Job:
    """Tc: records the outcome; the lane is free, waits, is parked, or stays held as unknown."""
    lane = unit.lane(connection)
    unit.notice = attempt.id
    if not holds(lane, worker, attempt.fence) or lane.attempt != attempt.id or lane.state is not LaneState.OPEN:
        return Idle()
    answer = {"error": conclusion.error, "status": conclusion.status} if conclusion.error else {}
    if conclusion.outcome is Outcome.UNKNOWN:
        return _unknown(unit, lane, worker, attempt, conclusion)
    lane.state, lane.attempt = LaneState.IDLE, ""
    finish(unit, attempt, conclusion.outcome, answer)
    if conclusion.outcome is Outcome.APPLIED and conclusion.owner and conclusion.receipt is not None:
        owned.taken(unit, lane, conclusion.receipt.ref, conclusion.owner)
    elif conclusion.outcome is Outcome.APPLIED:
        applied(unit, lane, attempt, conclusion)
    elif conclusion.outcome is Outcome.REFUSED:
        refused(unit, lane, attempt, conclusion)
    else:
        _wait(unit, lane, worker, conclusion)
    mark_dirty(unit)
    if not lacks(unit, connection):
        lane.dirty = False
    _release(lane)
    return Idle(deferred=lane.deferred, more=lane.has_work)


def _unknown(unit: Unit, lane: Lane, worker: Worker, attempt: Attempt, conclusion: Conclusion) -> Job:
    lane.state, lane.wait_reason, lane.looks = LaneState.UNKNOWN, "outcome unknown", 0
    lane.next_try_at = unit.now + worker.backoff.look(0, unit.member(lane.connection).settles_s)
    lane.owner, lane.lease_until = "", 0.0
    unit.audit("unknown", lane.connection, attempt=attempt.id, error=conclusion.error)
    return Idle(more=True)


def _wait(unit: Unit, lane: Lane, worker: Worker, conclusion: Conclusion) -> None:
    """Rule 16: only failures of this lane alone use up tries (P10)."""
    if conclusion.moved:
        _moved(unit, lane, worker, conclusion)
        return
    lane.dirty, lane.wait_reason = True, conclusion.reason or "waits to be tried again"
    if conclusion.counts:
        lane.tries += 1
    delay = worker.backoff.delay(lane.tries)
    if conclusion.retry_after_s is not None:
        delay = min(max(conclusion.retry_after_s, 0.0), LONGEST_RETRY_AFTER_S)
    lane.next_try_at = unit.now + delay
    if lane.tries >= unit.flow.max_tries:
        evidence = {"error": conclusion.error, "status": conclusion.status, "tries": lane.tries, **conclusion.evidence}
        title = f"{lane.connection} failed {lane.tries} times for this record alone: {conclusion.words}"
        park(unit, lane, "refused", "tries.exhausted", title, evidence, conclusion.quoted)


def _moved(unit: Unit, lane: Lane, worker: Worker, conclusion: Conclusion) -> None:
    """409, 412, a step that is not there: read again at once, never with the old base (H25); slower if it goes on."""
    lane.dirty = lane.read_wanted = True
    lane.looks += 1
    lane.next_try_at = unit.now if lane.looks == 1 else unit.now + worker.backoff.delay(lane.looks - 1)
    if lane.looks >= unit.flow.max_tries:
        evidence = {"error": conclusion.error, "status": conclusion.status, "times": lane.looks, **conclusion.evidence}
        title = f"{lane.connection} answered {lane.looks} times in a row that the object moved: {conclusion.words}"
        lane.looks = 0
        park(unit, lane, "refused", "target.moving", title, evidence, conclusion.quoted)


def looked(unit: Unit, connection: str, worker: Worker, job: Look, attempt: Attempt, seen: Seen | None) -> Job:
    """A look at an unknown outcome (None: the target could not be looked at now; that is no look)."""
    lane = unit.lane(connection)
    unit.notice = attempt.id
    if not holds(lane, worker, job.fence) or lane.state is not LaneState.UNKNOWN or lane.attempt != attempt.id:
        return Idle()
    settles_s = unit.member(connection).settles_s
    if seen is not None and look(unit, lane, attempt, seen):
        mark_dirty(unit)
        _release(lane)
        return Idle(deferred=lane.deferred, more=lane.has_work)
    if seen is not None:
        lane.looks += 1
        _tell_unknown(unit, lane, attempt)
    lane.next_try_at = unit.now + worker.backoff.look(lane.looks, settles_s)
    _release(lane)
    return Idle(more=True)


def given_up(unit: Unit, connection: str, worker: Worker, job: GiveUp, attempt: Attempt) -> Job:
    """Rule 18: a person, or the echo of the write, settles it; it is never sent again blindly."""
    lane = unit.lane(connection)
    if holds(lane, worker, job.fence) and lane.state is LaneState.UNKNOWN:
        give_up(unit, lane, attempt)
        _release(lane)
    return Idle(deferred=lane.deferred)


def _tell_unknown(unit: Unit, lane: Lane, attempt: Attempt) -> None:
    """People see an unknown outcome while it lasts; it closes itself when it is proved."""
    if lane.looks != 2:
        return
    verb = {WriteKind.CREATE: "create", WriteKind.ITEM: "comment"}.get(attempt.kind, "update")
    unit.case(
        "unknown_outcome",
        "outcome.unknown",
        f"nobody answered our {verb} in {lane.connection}; the gateway keeps looking, do not send it by hand",
        connection=lane.connection,
        key=unknown_key(unit, lane),
        evidence={
            "attempt": attempt.id,
            "sent": attempt.values,
            "settles_at": attempt.started_at + unit.member(lane.connection).settles_s,
        },
    )
