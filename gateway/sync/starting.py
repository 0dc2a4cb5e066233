"""Beginning a lane's next job in the transaction that made it due: Ts joins Tb, one commit less for most changes
(ADR 0034).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.sync.state import Lane, LaneState
from gateway.sync.steps import Idle, Job, claim
from gateway.sync.unit import Unit
from gateway.sync.worker import Worker


class Starter(Protocol):
    """Who works lanes in this process, and has a free hand now."""

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        """The worker who takes the lane if it is begun now; None: it waits for its turn like any other. Exactly one of
        `began` and `dropped` follows.
        """
        ...

    def began(self, lane: Lane, job: Job) -> None:
        """The job is durable: do it."""
        ...

    def dropped(self, lane: Lane) -> None:
        """Nothing was begun."""
        ...


class Nobody:
    """Begins nothing: every lane is claimed in a transaction of its own."""

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        """Nobody has a hand."""
        return None

    def began(self, lane: Lane, job: Job) -> None:
        """Never happens."""

    def dropped(self, lane: Lane) -> None:
        """Never happens."""


def start_lanes(units: Iterable[Unit], starter: Starter, started: list[tuple[Lane, Job]]) -> None:
    """Claims the lanes that are free and due for workers who are. What was begun is appended to `started` at once, so
    that a transaction that fails later can give it back.
    """
    for unit in units:
        for lane in list(unit.lanes.values()):
            if lane.owner or lane.state is not LaneState.IDLE or not lane.dirty or lane.deferred or lane.withheld:
                continue
            worker = starter.reserve(lane, unit.now)
            if worker is None:
                continue
            started.append((lane, Idle()))
            unit.notice = ""
            job = claim(unit, lane.connection, worker)
            if isinstance(job, Idle):
                started.pop()
                starter.dropped(lane)
            else:
                started[-1] = (lane, job)
