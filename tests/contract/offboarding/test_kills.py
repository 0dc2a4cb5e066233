"""A worker that is killed at any of its steps: whoever goes on ends it the same, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract.access import GrantKind
from gateway.core import points
from gateway.offboarding.lease import LEASE_S
from gateway.offboarding.values import LeaverState, StepState
from tests.support.leaving import ANN, Killed, house

POINTS = [
    f"leaver.{step}.{moment}"
    for step in ("begin", "claim", "left", "found", "planned", "admit", "start", "sent", "read", "rest")
    for moment in (points.BEFORE, points.AFTER)
]
POINTS += [f"leaver.checked.{moment}" for moment in (points.BEFORE, points.AFTER)]


@pytest.mark.parametrize("point", [*POINTS, "killed before", "killed after"])
async def test_it_ends_the_same(tmp_path: Path, point: str) -> None:
    seen: list[str] = []

    def listener(name: str) -> None:
        seen.append(name)
        if name == point and seen.count(point) == 1:
            raise Killed

    async with house(f"sqlite+aiosqlite:///{tmp_path}/house.db") as home:
        wiki = home.systems["wiki"]
        wiki.give("a1", (GrantKind.GROUP, "staff"), (GrantKind.TOKEN, "ci"), email=ANN.email)
        wiki.faults = [point] if point.startswith("killed") else []
        await home.tell()
        points.listen(listener)
        try:
            with pytest.raises(Killed):
                await home.run(3700 if "checked" in point else 60, worker=home.worker("first"))
        finally:
            points.listen(None)
        home.first = None
        home.clock.advance(LEASE_S + 1)  # the dead worker's lease runs out
        await home.run(90, worker=home.worker("second"))
        steps = await home.steps()
        assert {each.state for each in steps.values()} == {StepState.GONE} and len(steps) == 3
        # What may have been sent is looked at first, so the others may overtake it; none is taken away twice.
        assert sorted(wiki.ended) == ["account:a1", "group:staff", "token:ci"]
        assert (await home.leaver()).state is LeaverState.DONE
        assert not await home.cases()
        assert len({id for _, id in wiki.sent}) == len(wiki.sent)
