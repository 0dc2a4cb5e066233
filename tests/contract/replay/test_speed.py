"""How fast items are handed over: by the rate, never more at once than lanes may have, and no haste after a pause."""

from __future__ import annotations

import pytest

from replay.running import AT_ONCE, BURST_S, IN_HAND, Runner
from tests.support.replaying import Stage, staged


async def stepped(stage: Stage, runner: Runner, run: str, seconds: float, *, every: float = 0.25) -> int:
    """Steps it for so long, with lanes that do not move. Gives how many items are handed over."""
    end = stage.g.clock.now() + seconds
    while stage.g.clock.now() < end:
        stage.g.clock.advance(every)
        await runner.step(run, stage.g.clock.now())
    return int((await stage.shown(run))["in_hand"])


async def begun(stage: Stage, count: int) -> tuple[str, Runner]:
    await stage.trouble(count)
    stage.mend()
    run, runner = (await stage.started())["run"], stage.runner()
    await runner.take(stage.g.clock.now())
    return run, runner


@pytest.mark.parametrize("every", [0.25, 4.0])
async def test_no_more_a_minute_than_the_rate_says(store_url: str, every: float) -> None:
    async with staged(store_url, settings={"rate": 30.0, "ramp": ()}) as stage:
        run, runner = await begun(stage, 12)
        handed = await stepped(stage, runner, run, 12.0, every=every)
        assert handed <= 12.0 * 30.0 / 60.0 + BURST_S * 30.0 / 60.0 + 1
        assert handed >= (4 if every < 1 else 3), "and not slower, as far as it is looked after"


async def test_what_was_not_sent_in_a_pause_is_not_made_up_for(store_url: str) -> None:
    async with staged(store_url, settings={"rate": 60.0, "ramp": ()}) as stage:
        run, runner = await begun(stage, 20)
        before = await stepped(stage, runner, run, 1.0)
        stage.g.clock.advance(5.0)  # shorter than its lease
        await runner.step(run, stage.g.clock.now())
        after = int((await stage.shown(run))["in_hand"])
        assert 1 <= after - before <= BURST_S * 60.0 / 60.0 + 1 < AT_ONCE


async def test_lanes_have_no_more_than_some_at_once(store_url: str) -> None:
    async with staged(store_url, settings={"rate": 600_000.0, "ramp": ()}) as stage:
        run, runner = await begun(stage, IN_HAND + 8)
        assert await stepped(stage, runner, run, 5.0) == IN_HAND
        assert (await stage.shown(run))["waits"] == 8


async def test_the_next_step_of_the_ramp_waits_until_the_last_item_of_this_one_ended(store_url: str) -> None:
    async with staged(store_url, settings={"rate": 60_000.0, "ramp": (2,)}) as stage:
        run, runner = await begun(stage, 6)
        assert await stepped(stage, runner, run, 5.0) == 2
        assert (await stage.shown(run))["step"] == 1
