"""Freeing a lane whose work was stopped half-way by a defect, or by a database that was away."""

from __future__ import annotations

from connectors.contract.errors import StorageError
from gateway.sync.outcome import park
from gateway.sync.state import LaneState
from gateway.sync.steps import Idle
from gateway.sync.unit import Unit
from gateway.sync.worker import Worker

WAIT_REASON = "stopped by a defect"


def stumbled(unit: Unit, connection: str, worker: Worker, error: Exception) -> Idle:
    """The lane is free again, or its outcome unknown, and is tried later; void when another worker has it.

    Nothing was sent while it was `reading`. While it was `open` anything may have been sent: it is looked for. A defect
    that comes back `max_tries` times in a row becomes a case, so nothing fails for ever unseen.
    """
    lane = unit.lane(connection)
    if lane.owner not in ("", worker.name):
        return Idle()
    lane.owner, lane.lease_until = "", 0.0
    if lane.state is LaneState.OPEN:
        lane.state, lane.looks, lane.wait_reason = LaneState.UNKNOWN, 0, "outcome unknown"
        unit.audit("attempt_lost", connection, attempt=lane.attempt, owner=worker.name)
    elif lane.state is LaneState.READING:
        lane.state = LaneState.IDLE
        lane.dirty = lane.dirty or not lane.read_wanted
    if isinstance(error, StorageError):
        return Idle(more=True)
    lane.tries += 1
    lane.next_try_at = unit.now + worker.backoff.delay(lane.tries)
    lane.wait_reason = lane.wait_reason or WAIT_REASON
    if lane.tries >= unit.flow.max_tries:
        _give_up(unit, connection, lane.tries, error)
    return Idle(more=True)


def _give_up(unit: Unit, connection: str, times: int, error: Exception) -> None:
    """A free lane is parked. An unknown one is looked at further, with the case open beside it."""
    lane = unit.lane(connection)
    title = f"the work for {connection} was stopped {times} times by a defect of ours; nothing was sent blindly"
    evidence = {"error": f"{type(error).__name__}: {error}", "attempt": lane.attempt, "times": times}
    if lane.state is LaneState.IDLE:
        park(unit, lane, "poison", "lane.defect", title, evidence)
    elif times == unit.flow.max_tries:
        unit.case("poison", "lane.defect", title, connection=connection, evidence=evidence)
