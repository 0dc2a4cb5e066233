"""A worker that dies beside any durable step: another goes on, nothing is done twice, and the sums add up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.core import points
from gateway.work import replay_planning as planning
from gateway.work import replays
from replay.makings import LEASE_S as MAKING_S
from replay.retention import forget
from replay.running import Runner
from replay.runs import LEASE_S
from tests.support.replaying import NADIA, Facts, Stage, staged


class Killed(BaseException):
    """The process is gone: nobody handles this."""


@contextmanager
def killed_at(point: str, passing: int) -> Iterator[list[str]]:
    """Kills at the given passing of a point, once. Gives the points that were passed."""
    passed: list[str] = []

    def listener(name: str) -> None:
        passed.append(name)
        if name == point and passed.count(point) == passing:
            points.listen(None)
            raise Killed

    points.listen(listener)
    try:
        yield passed
    finally:
        points.listen(None)


async def carried_until_killed(stage: Stage, run: str, runner: Runner, point: str, passing: int) -> None:
    with killed_at(point, passing), pytest.raises(Killed):
        await stage.carried(run, runner)


@pytest.mark.parametrize("moment", [points.BEFORE, points.AFTER])
@pytest.mark.parametrize("step", ["replay.item", "replay.settle", "replay.claim"])
async def test_killed_twice_each_item_takes_effect_once(store_url: str, step: str, moment: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(9)
        stage.mend()
        run = (await stage.started())["run"]
        first, second = (1, 1) if step == "replay.claim" else (2, 2)
        await carried_until_killed(stage, run, stage.runner(), f"{step}.{moment}", first)
        stage.g.clock.advance(LEASE_S + 1)
        await carried_until_killed(stage, run, stage.runner(), f"{step}.{moment}", second)
        assert sum((await stage.shown(run))["counts"].values()) == 9
        stage.g.clock.advance(LEASE_S + 1)
        ended = await stage.carried(run)
        assert ended["counts"] == {"applied": 9}
        assert sorted(stage.effects().values()) == [["1"]] * 9, "no double effect, none left out"
        assert len(stage.b.tries) == 9


async def test_while_one_worker_has_it_another_does_nothing(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        stage.mend()
        run = (await stage.started())["run"]
        first, second = stage.runner(), stage.runner()
        assert await first.take(stage.g.clock.now()) == run
        assert await second.take(stage.g.clock.now()) is None
        assert await second.step(run, stage.g.clock.now()) is None
        assert (await stage.shown(run))["counts"] == {"waiting": 3}
        await first.leave()
        assert await second.take(stage.g.clock.now()) == run
        assert await first.step(run, stage.g.clock.now()) is None
        assert (await stage.carried(run, second))["counts"] == {"applied": 3}


async def test_a_plan_that_was_killed_is_not_there_and_is_made_by_whoever_comes_after(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        for point in ("replay.plan.after_commit", "replay.items.after_commit", "replay.planned.before_commit"):
            with killed_at(point, 1), pytest.raises(Killed):
                await stage.planned()
        assert (await replays.plans(stage.place, NADIA))["plans"] == []
        plan: Facts = await stage.planned()
        assert plan["sends"] == 3
        left = {each["plan"] for each in await planning.under_way(stage.place, NADIA)}
        assert len(left) == 3, "they are still to be made"
        stage.g.clock.advance(MAKING_S + 1)
        maker = planning.maker_of(stage.place, "worker-1")
        while (claim := await maker.take()) is not None:
            made = await maker.make(claim)
            assert made is not None and made.sends == 3
            left.remove(made.id)
        assert left == set() and await planning.under_way(stage.place, NADIA) == []


async def test_old_plans_are_dropped_and_runs_that_go_on_are_not(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        old = await stage.planned()
        stage.mend()
        run = (await stage.started())["run"]
        stage.g.clock.advance(100)
        kept = await stage.planned()
        assert await forget(stage.g.database, stage.g.clock.now() - 50) == 1
        left = {each["plan"] for each in (await replays.plans(stage.place, NADIA))["plans"]}
        assert old["plan"] not in left and kept["plan"] in left and len(left) == 2
        assert (await stage.carried(run))["counts"] == {"applied": 2}
        assert await forget(stage.g.database, stage.g.clock.now() + 1) == 2
        assert (await replays.runs(stage.place, NADIA))["runs"] == []
