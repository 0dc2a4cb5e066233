"""How the program is brought to each point, with an order standing to die there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import orjson
from sqlalchemy import delete, select, update

from dead_letter.tables import IS_OPEN, cases
from gateway.demo.stand_ins import JIRA, SNOW
from gateway.notify.tables import delivery, event, position, thread
from gateway.siem.tables import sink, spool
from gateway.storage.database import dumps
from gateway.sweeps.tables import sweep, sweep_seen
from tests.crash.catalogue import By, Point
from tests.crash.process import give, taken_back
from tests.crash.replaying import replayed
from tests.crash.set_back import set_back
from tests.crash.stage import Stage
from tests.support.waiting import until

WARM_UP_S = 1.0
"""People edit so long where a point needs data but no traffic."""
SLOW_WRITE_S = 0.5
"""Less than the demo's settling time: a write that lands after it was proved absent is a window that stays open."""
GONE_FOR_GOOD = 4
"""Deletions that the sweep after a stopped one is allowed to believe."""

Provocation = Callable[[Stage, Point, int], Awaitable[bool]]
"""Brings the program to the point at the given passing; True if it died there."""


async def traffic(stage: Stage, point: Point, passing: int) -> bool:
    """People edit until it is dead, and go on while it starts again."""
    async with stage.people_edit():
        stage.wish(point.name, passing)
        killed = await stage.is_dead()
        await stage.revive()
    return killed


async def slow(stage: Stage, point: Point, passing: int) -> bool:
    """As `traffic`, and writes to one system take so long that a queue forms."""
    await stage.arm(JIRA, "slow", delay_s=SLOW_WRITE_S, match={"actor": "gateway", "write": True})
    try:
        return await traffic(stage, point, passing)
    finally:
        await stage.heal(JIRA)


async def start(stage: Stage, point: Point, passing: int) -> bool:
    """It is stopped, people edit on, and it dies while it starts."""
    return await _dies_starting(stage, point, passing, _nothing)


async def upgrade(stage: Stage, point: Point, passing: int) -> bool:
    """As `start`, and its database is one of the first release."""
    return await _dies_starting(stage, point, passing, lambda: set_back(stage.database))


async def new_stream(stage: Stage, point: Point, passing: int) -> bool:
    """As `start`, and there is no stream yet. Everything in the old one was handled."""

    async def away() -> None:
        if stage.kafka:
            stage.rename_stream()
            return
        for file in (stage.home.path / "gateway").glob("stream*.db*"):
            file.unlink()

    return await _dies_starting(stage, point, passing, away)


async def old_entries(stage: Stage, point: Point, passing: int) -> bool:
    """As `start`, and what was handled two seconds ago is old. A memory so short is for this one life only."""
    await _warm_up(stage)

    async def short_memory() -> None:
        stage.rewrite("retention: {journal: 2s}\n")

    try:
        return await _dies_starting(stage, point, passing, short_memory)
    finally:
        stage.rewrite()
        if stage.gateway.process is not None and stage.gateway.process.returncode is None:
            await stage.stop()


async def swept(stage: Stage, point: Point, passing: int) -> bool:
    """A person asks for a sweep while others edit; where the asking itself is the point, the command dies."""
    arguments = ("connection", "sweep", SNOW, "--only", "ids", "--wait", "0")
    async with stage.people_edit():
        if point.name.startswith("sweep.ask"):
            return await _command_dies(stage, point, passing, *arguments)
        stage.wish(point.name, passing)
        await stage.command(*arguments)
        killed = await stage.is_dead()
        await stage.revive()
        await _end_leases(stage)
    return killed


async def _end_leases(stage: Stage) -> None:
    """As if the time had passed: on PostgreSQL, where others may live, sweeps are a dead worker's for minutes."""
    async with stage.database.begin() as tx:
        await tx.execute(update(sweep).values(owner="", lease_until=0.0))


async def guarded(stage: Stage, point: Point, passing: int) -> bool:
    """An issue is deleted and nobody is told; the sweep may not believe any deletion. A later one may."""
    number = await stage.desks[JIRA].create("ann", stage.words.text("Old", stage.words.reference(), "ann"), "", 3)
    await _known(stage, number)
    await stage.arm(JIRA, "hook_lose", count=1, match={"event": "deleted"})
    await stage.api(JIRA).call("admin", "DELETE", f"/rest/api/3/issue/{number}")
    stage.wish(point.name, passing)
    await stage.command(*_sweep_of(JIRA, most_gone=0))
    killed = await stage.is_dead()
    await stage.heal(JIRA)
    await stage.revive()
    await _end_leases(stage)
    await stage.command(*_sweep_of(JIRA, most_gone=GONE_FOR_GOOD), "--wait", "30")
    return killed


async def reconciled(stage: Stage, point: Point, passing: int) -> bool:
    """An issue is deleted and nobody is told. A person has whole systems compared; the gateway dies at it, or the
    command, and the next comparison finds nothing undone.
    """
    number = await stage.desks[JIRA].create("ann", stage.words.text("Old", stage.words.reference(), "ann"), "", 3)
    await _known(stage, number)
    await stage.arm(JIRA, "hook_lose", count=1, match={"event": "deleted"})
    await stage.api(JIRA).call("admin", "DELETE", f"/rest/api/3/issue/{number}")
    most = ("--most-gone", str(GONE_FOR_GOOD), "--wait", "120")
    arguments = ("reconcile", "incidents", "--yes", *most)
    if point.name.startswith(("reconcile.ask.", "reconcile.turn.")):
        killed = await _command_dies(stage, point, passing, *arguments)
    else:
        stage.wish(point.name, passing)
        asking = asyncio.create_task(stage.command(*arguments))
        killed = await stage.is_dead()
        await stage.revive()
        await _end_leases(stage)
        await asking
    await stage.heal(JIRA)
    await stage.command(*arguments)
    return killed


async def unlisted(stage: Stage, point: Point, passing: int) -> bool:
    """The sweep goes on where a list had left one object out, as lists do that are narrower than reads."""
    await _warm_up(stage)
    await stage.quiet()
    await stage.command(*_sweep_of(JIRA, most_gone=None), "--wait", "30")

    async def left_out() -> None:
        row, seen = sweep.c, sweep_seen.c
        where: dict[str, object] = {"at": 0, "page": None, "phase": "confirm", "after": "", "gone": [], "listed": {}}
        async with stage.database.begin() as tx:
            shown = select(seen.object_id).where(seen.connection == JIRA).limit(1)
            out = (await tx.execute(shown)).scalar_one()
            await tx.execute(delete(sweep_seen).where(seen.connection == JIRA, seen.object_id == out))
            at = update(sweep).where(row.connection == JIRA, row.kind == "ids")
            await tx.execute(at.values(cursor=dumps(where), owner="", lease_until=0.0))

    return await _dies_starting(stage, point, passing, left_out)


async def unreadable(stage: Stage, point: Point, passing: int) -> bool:
    """A new issue's first reads fail, by themselves: the system is well."""
    stage.wish(point.name, passing)
    await stage.arm(JIRA, "status", status=500, count=3, match={"actor": "gateway", "method": "GET"})
    number = await stage.desks[JIRA].create("bob", stage.words.text("New", stage.words.reference(), "bob"), "", 3)
    killed = await stage.is_dead()
    await stage.heal(JIRA)
    await stage.revive()
    await _known(stage, number)
    return killed


async def decided(stage: Stage, point: Point, passing: int) -> bool:
    """A write is refused and becomes a case; the person's command dies while it says `retry`, and is said again."""
    case = await _refused(stage)
    await stage.heal(JIRA)
    killed = await _command_dies(stage, point, passing, "case", "retry", f"FO-{case}")
    await stage.command("case", "retry", f"FO-{case}", "--wait", "30s")
    return killed


async def told(stage: Stage, point: Point, passing: int) -> bool:
    """A case is open when the gateway begins to tell people; it dies on the way from the case to the log. After that
    it is told once, under one id.
    """
    case = await _refused(stage)
    await stage.heal(JIRA)

    async def telling() -> None:
        async with stage.database.begin() as tx:
            for table in (position, thread, event, delivery):
                await tx.execute(delete(table))
        stage.rewrite("notifications: {rules: [{to: log}]}\n")

    try:
        killed = await _dies_starting(stage, point, passing, telling)
        async with stage.database.begin() as tx:
            for table in (position, delivery):
                await tx.execute(update(table).values(lease_until=0.0))
        await until(lambda: _all_told(stage), what="the case to be told", timeout_s=60.0)
    finally:
        stage.rewrite()
    await stage.command("case", "retry", f"FO-{case}", "--wait", "30s")
    return killed


async def _all_told(stage: Stage) -> bool:
    async with stage.database.read() as tx:
        subjects = [subject for (subject,) in await tx.execute(select(event.c.subject))]
        states = {state for (state,) in await tx.execute(select(delivery.c.state))}
    return bool(subjects) and states == {"delivered"}


async def fed(stage: Stage, point: Point, passing: int) -> bool:
    """A sink is new when the gateway begins; it dies on the way from the trail to the sink's file. After that the file
    has each event once, in order.
    """
    file = stage.home.config.parent / "crash-feed.log"

    async def sinking() -> None:
        file.unlink(missing_ok=True)
        async with stage.database.begin() as tx:
            for table in (sink, spool):
                await tx.execute(delete(table))
        stage.rewrite(f"siem: {{sinks: {{disk: {{file: {{path: {file}}}, form: json, since: beginning}}}}}}\n")

    try:
        killed = await _dies_starting(stage, point, passing, sinking)
        async with stage.database.begin() as tx:
            await tx.execute(update(sink).values(lease_until=0.0))
        await until(lambda: _all_fed(stage, file), what="the sink to have everything once", timeout_s=60.0)
    finally:
        stage.rewrite()
    return killed


async def _all_fed(stage: Stage, file: Path) -> bool:
    async with stage.database.read() as tx:
        row = (await tx.execute(select(sink.c.sent, sink.c.number))).first() or (0, 0)
    numbers = _numbers(file)
    return bool(row[1]) and row[0] == row[1] == len(numbers) and numbers == list(range(1, len(numbers) + 1))


def _numbers(file: Path) -> list[int]:
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [orjson.loads(each)["chain"]["number"] for each in lines]


async def _nothing() -> None:
    return


async def _dies_starting(stage: Stage, point: Point, passing: int, prepare: Callable[[], Awaitable[None]]) -> bool:
    """Stops it, prepares, and starts it under the order; people edit from the stop on until it runs again."""
    await stage.stop()
    async with stage.people_edit():
        await prepare()
        stage.wish(point.name, passing)
        await stage.start()
        killed = await stage.is_dead()
        if point.by is not By.OLD_ENTRIES:
            await stage.revive()
    return killed


async def _command_dies(stage: Stage, point: Point, passing: int, *arguments: str) -> bool:
    order: Path = stage.home.path / "command-order"
    stage.serial += 1
    give(order, point.name, passing, stage.serial)
    await stage.command(*arguments, order=order)
    return taken_back(order)


async def _warm_up(stage: Stage) -> None:
    async with stage.people_edit():
        await asyncio.sleep(WARM_UP_S)


async def _known(stage: Stage, number: str) -> None:
    """Waits until both systems have the thing."""

    async def both() -> bool:
        await stage.watch.read()
        made = (entry for entry in stage.watch.entries[JIRA] if entry.id == number and entry.kind == "create")
        reference = [stage.watch._reference.get((JIRA, entry.id), "") for entry in made]
        return bool(reference) and len(stage.watch.where(reference[0])) == 2

    await until(both, what="both systems to have it", timeout_s=60.0)


def _sweep_of(connection: str, *, most_gone: int | None) -> list[str]:
    guard = [] if most_gone is None else ["--most-gone", str(most_gone)]
    return ["connection", "sweep", connection, "--only", "ids", *guard]


async def _refused(stage: Stage) -> int:
    """The number of a case: an issue's system refuses a write, and goes on refusing until it is healed."""
    number = await stage.desks[SNOW].create("ann", stage.words.text("Case", stage.words.reference(), "ann"), "", 3)
    await stage.quiet()
    before = await _open_cases(stage)
    await stage.arm(JIRA, "status", status=400, match={"actor": "gateway", "write": True})
    await stage.desks[SNOW].summary("ann", number, stage.words.text("Case", stage.words.reference(), "ann"))
    (case,) = await until(lambda: _newer(stage, before), what="a case", timeout_s=60.0)
    return int(case)


async def _open_cases(stage: Stage) -> set[int]:
    async with stage.database.read() as tx:
        return {row[0] for row in await tx.execute(select(cases.c.number).where(IS_OPEN))}


async def _newer(stage: Stage, before: set[int]) -> list[int]:
    return sorted(await _open_cases(stage) - before)[:1]


PROVOCATIONS: Mapping[By, Provocation] = {
    By.TRAFFIC: traffic,
    By.SLOW: slow,
    By.START: start,
    By.UPGRADE: upgrade,
    By.NEW_STREAM: new_stream,
    By.OLD_ENTRIES: old_entries,
    By.SWEEP: swept,
    By.GUARD: guarded,
    By.RECONCILE: reconciled,
    By.UNLISTED: unlisted,
    By.UNREADABLE: unreadable,
    By.OPERATOR: decided,
    By.REPLAY: replayed,
    By.TOLD: told,
    By.FED: fed,
    By.DEFECT: traffic,
}
