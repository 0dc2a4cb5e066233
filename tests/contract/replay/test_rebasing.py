"""Between the start of a run and an item's turn the world goes on: what nobody looked at is left to people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from dead_letter.tables import cases
from gateway.work import replays
from tests.support.replaying import NADIA, Stage, refuse, staged

SETTINGS = {"ramp": (1,), "wait_after": 1}
MOVES = {"new": ["doing"], "doing": ["done"], "done": []}


async def after_the_first(stage: Stage) -> str:
    """The run, once its first item is applied and it waits for a person."""
    stage.mend()
    run = str((await stage.started())["run"])
    await stage.carried(run, until=lambda found: found["state"] == "waiting")
    return run


async def last(stage: Stage, run: str) -> dict[str, Any]:
    await replays.resume(stage.place, NADIA, run)
    await stage.carried(run)
    return (await stage.outcomes(run))[-1]


async def test_what_somebody_parked_meanwhile_is_held(store_url: str) -> None:
    async with staged(store_url, settings=SETTINGS) as stage:
        await stage.trouble(2)
        run = await after_the_first(stage)
        async with stage.g.database.begin("test.park") as tx:
            await tx.execute(update(cases).where(cases.c.closed_at.is_(None)).values(state="parked"))
        item = await last(stage, run)
        assert (item["outcome"], item["reason"]) == ("held", "planned as update, now blocked: somebody parked it")
        assert item["case"] == item["subject"] and len(stage.effects()) == 1


async def test_what_would_move_a_workflow_now_is_left_out(store_url: str) -> None:
    async with staged(store_url, settings=SETTINGS, b={"moves": MOVES}, mappings={"b": "stepped"}) as stage:
        await stage.trouble(2)
        run = await after_the_first(stage)
        stage.b.answer = refuse
        for each in stage.ids:
            stage.a.edit(each, status="doing")
        await stage.g.settle()
        stage.mend()
        item = await last(stage, run)
        assert (item["outcome"], item["reason"]) == ("skipped", "planned as update, now transition")
        assert stage.effects() == {}, "not a part of it either"


async def test_what_the_system_shows_by_now_is_no_loss(store_url: str) -> None:
    async with staged(store_url, settings=SETTINGS) as stage:
        await stage.trouble(2)
        run = await after_the_first(stage)
        (open_case,) = await stage.g.cases()
        stage.g.clock.advance(1)
        stage.b.edit(open_case.object_id, x="1")
        await stage.g.settle()
        assert (await last(stage, run))["outcome"] == "unchanged"
