"""SYNC.md rule 12, H22: what a holder decides whose lane was taken meanwhile is void, also within one process, where
both holders have one name.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from gateway.sync import steps
from gateway.sync.attempts import Attempt, Conclusion, Outcome, Seen
from gateway.sync.backoff import Backoff
from gateway.sync.plan import start
from gateway.sync.state import Lane, LaneState
from gateway.sync.unit import Unit
from gateway.sync.worker import Worker
from tests.scenarios.world_of_two import COUNTER, Two, two
from tests.support.gateway import NoChance

MINE = Worker("tester", 30.0, 5.0, Backoff(NoChance()))
Late = Callable[[Unit, Lane, Attempt], steps.Job]


def _read(unit: Unit, lane: Lane, attempt: Attempt) -> steps.Job:
    job = steps.Read(lane.fence - 1, unit.state.rev, "thing", unit.state.correlation, attempt.ref)
    return steps.after_read(unit, "b", MINE, job, Seen(rev=unit.state.rev, at=unit.now))


def _failed(unit: Unit, lane: Lane, attempt: Attempt) -> steps.Job:
    return steps.read_failed(unit, "b", MINE, lane.fence - 1, Conclusion(Outcome.REFUSED, error="no"))


def _concluded(unit: Unit, lane: Lane, attempt: Attempt) -> steps.Job:
    attempt.fence = lane.fence - 1
    return steps.conclude(unit, "b", MINE, attempt, Conclusion(Outcome.REFUSED, error="no"))


def _looked(unit: Unit, lane: Lane, attempt: Attempt) -> steps.Job:
    return steps.looked(unit, "b", MINE, steps.Look(attempt.id, lane.fence - 1, unit.state.rev, 0), attempt, None)


def _gave_up(unit: Unit, lane: Lane, attempt: Attempt) -> steps.Job:
    return steps.given_up(unit, "b", MINE, steps.GiveUp(attempt.id, lane.fence - 1), attempt)


async def under_way(w: Two) -> str:
    w.edit_a(x="17")
    await w.bring(w.a)
    return (await w.g.record()).id


@pytest.mark.parametrize("owner", ["tester", "other"])
@pytest.mark.parametrize(
    ("state", "late"),
    [
        (LaneState.READING, _read),
        (LaneState.READING, _failed),
        (LaneState.OPEN, _concluded),
        (LaneState.UNKNOWN, _looked),
        (LaneState.UNKNOWN, _gave_up),
    ],
)
async def test_a_late_holder_changes_nothing(store_url: str, state: LaneState, late: Late, owner: str) -> None:
    async with two(store_url, b=COUNTER) as w:

        def rule(unit: Unit) -> tuple[Lane, Lane, list[str]]:
            lane = unit.lane("b")
            lane.owner, lane.fence = owner, lane.fence + 2
            attempt = start(unit, lane, None, timeout_s=5.0, lease_s=30.0)
            assert attempt is not None
            lane.state = state
            before = msgspec.structs.replace(lane)
            late(unit, lane, attempt)
            return before, msgspec.structs.replace(lane), [case.cause for case in unit.effects.cases]

        before, after, cases = await w.g.decider.decide(await under_way(w), rule) or pytest.fail("no record")
        assert after == before
        assert cases == []


@pytest.mark.parametrize(("timeout_s", "lease_s"), [(5.0, 30.0), (30.0, 1.0)])
async def test_a_request_is_given_up_before_its_lease_ends(store_url: str, timeout_s: float, lease_s: float) -> None:
    async with two(store_url, b=COUNTER) as w:

        def rule(unit: Unit) -> tuple[float, float]:
            lane = unit.lane("b")
            attempt = start(unit, lane, None, timeout_s=timeout_s, lease_s=lease_s)
            assert attempt is not None
            return attempt.deadline, lane.lease_until

        deadline, lease_until = await w.g.decider.decide(await under_way(w), rule) or pytest.fail("no record")
        assert deadline < lease_until
