"""Brings the program to the durable steps of replays: a case, a plan over it, and a run."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from dead_letter.tables import IS_OPEN, cases
from gateway.demo.stand_ins import JIRA, SNOW
from replay.tables import plans, runs
from tests.crash.catalogue import Point
from tests.crash.process import give, taken_back
from tests.crash.stage import Stage
from tests.support.waiting import until

PLANNING = ("replay.select.", "replay.plan.", "replay.items.", "replay.planned.")
PATIENCE_S = 60.0


async def replayed(stage: Stage, point: Point, passing: int) -> bool:
    """A write is refused and becomes a case, whose replay is planned and run. The command dies, or the gateway does;
    what was not done is said again, and ends with the system in step.
    """
    await _refused(stage)
    planning = ("replay", "plan", "--cause", "target.refused")
    if point.name.startswith(PLANNING):
        killed = await _command_dies(stage, point, passing, *planning)
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
