"""Brings the program to the durable steps of replays: a case, a plan over it, and a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

from sqlalchemy import select

from dead_letter.tables import IS_OPEN, cases
from gateway.demo.stand_ins import JIRA, SNOW
from replay.making import begin_plan
from replay.makings import list_makings, load_making
from replay.ports import Books, Foresight
from replay.selecting import select_items
from replay.tables import plans, runs
from replay.values import Person, PlanState, Scope, Wish
from tests.crash.catalogue import Point
from tests.crash.process import give, taken_back
from tests.crash.stage import Stage
from tests.support.waiting import until

PLANNING = ("replay.select.", "replay.plan.")
MAKING = ("replay.making.", "replay.items.", "replay.planned.")
PATIENCE_S = 60.0


async def replayed(stage: Stage, point: Point, passing: int) -> bool:
    """A write is refused and becomes a case, whose replay is planned and run. The command dies, or the gateway does;
    what was not done is said again, and ends with the system in step. A plan that was asked for is not asked for again:
    it is made by whoever comes after.
    """
    await _refused(stage)
    if point.name.startswith(MAKING):
        stage.wish(point.name, passing)
        plan = await _asked_for(stage)
        killed = await stage.is_dead()
        await stage.revive()
        await until(lambda: _is_ready(stage, plan), what="the plan", timeout_s=PATIENCE_S)
        await stage.command("replay", "run", plan, "--wait", "60s")
        return killed
    planning = ("replay", "plan", "--cause", "target.refused")
    if point.name.startswith(PLANNING):
        killed = await _command_dies(stage, point, passing, *planning)
        await until(lambda: _none_in_the_making(stage), what="the plan that the command left", timeout_s=PATIENCE_S)
        await stage.command(*planning)
        await _to_its_end(stage)
        return killed
    await stage.command(*planning)
    if point.name.startswith("replay.run."):
        killed = await _command_dies(stage, point, passing, "replay", "run", await _newest(stage), "--wait", "0s")
        await _to_its_end(stage)
        return killed
    if point.name.startswith("replay.turn."):
        await stage.arm(JIRA, "slow", delay_s=2.0, match={"actor": "gateway", "write": True})
        await stage.command("replay", "run", await _newest(stage), "--wait", "0s")
        killed = await _command_dies(stage, point, passing, "replay", "pause", await _run(stage))
        await stage.heal(JIRA)
        await stage.command("replay", "resume", await _run(stage))
        await _to_its_end(stage)
        return killed
    stage.wish(point.name, passing)
    await stage.command("replay", "run", await _newest(stage), "--wait", "0s")
    killed = await stage.is_dead()
    await stage.revive()
    await _to_its_end(stage)
    return killed


async def _refused(stage: Stage) -> None:
    number = await stage.desks[SNOW].create("ann", stage.words.text("Replay", stage.words.reference(), "ann"), "", 3)
    await stage.quiet()
    await stage.arm(JIRA, "status", status=400, match={"actor": "gateway", "write": True})
    await stage.desks[SNOW].summary("ann", number, stage.words.text("Replay", stage.words.reference(), "ann"))

    async def opened() -> bool:
        async with stage.database.read() as tx:
            query = select(cases.c.number).where(IS_OPEN, cases.c.cause == "target.refused")
            return (await tx.execute(query)).first() is not None

    await until(opened, what="a case", timeout_s=PATIENCE_S)
    await stage.heal(JIRA)


async def _asked_for(stage: Stage) -> str:
    """A plan that no process makes yet, as the API asks for one."""
    nobody, now = Person(name="tests", human="user:tests"), time.time()
    async with stage.database.begin("test.select") as tx:
        wish = Wish(cause="target.refused")
        selection = await select_items(tx, wish, Scope(), nobody, cast(Foresight, None), now)
    wanted = await begin_plan(cast(Books, stage.database), selection, nobody, limits=None, again="", now=now)
    return wanted.plan


async def _none_in_the_making(stage: Stage) -> bool:
    async with stage.database.read() as tx:
        found = await list_makings(tx, human="", since=0.0, limit=1)
    assert not [each for each in found if each.state is not PlanState.MAKING], found
    return not found


async def _is_ready(stage: Stage, plan: str) -> bool:
    async with stage.database.read() as tx:
        found = await load_making(tx, plan)
    return found is not None and found.state is PlanState.READY


async def _newest(stage: Stage) -> str:
    async with stage.database.read() as tx:
        query = select(plans.c.id).where(plans.c.state == "ready").order_by(plans.c.at.desc())
        return str((await tx.execute(query.limit(1))).scalar_one())


async def _run(stage: Stage) -> str:
    async with stage.database.read() as tx:
        return str((await tx.execute(select(runs.c.id).order_by(runs.c.at.desc()).limit(1))).scalar_one())


async def _to_its_end(stage: Stage) -> None:
    """Runs the newest plan, or follows the run that it has already."""
    await stage.command("replay", "run", await _newest(stage), "--wait", "60s")


async def _command_dies(stage: Stage, point: Point, passing: int, *arguments: str) -> bool:
    order: Path = stage.home.path / "command-order"
    stage.serial += 1
    give(order, point.name, passing, stage.serial)
    await stage.command(*arguments, order=order)
    return taken_back(order)
