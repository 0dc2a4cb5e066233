"""Many dead letters from one cause, replayed by a real gateway that is killed twice meanwhile. The stand-ins judge."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.contract.clock import SystemClock
from gateway.access.rights import local
from gateway.app.compose import connectors_of, topology_of
from gateway.config import load
from gateway.storage.database import Database
from gateway.work import replays
from gateway.work.workplace import Workplace
from tests.support.edges import Program, Sites, lockstep, program, sites
from tests.support.running import ENVIRONMENT, write_config
from tests.support.waiting import until

AT_ONCE = 8
"""Incidents that people create at the same time."""
NOBODY = local("drill")


@dataclass
class Verdict:
    """What was found. `problems`: what must not be."""

    count: int
    counts: dict[str, int] = field(default_factory=dict)
    group: int = 0
    kills: list[int] = field(default_factory=list)
    """How many items had ended when it was killed."""
    plan_s: float = 0.0
    run_s: float = 0.0
    problems: list[str] = field(default_factory=list)


async def drill(directory: Path, count: int, *, rate: float, patience_s: float, tell: Callable[[str], None]) -> Verdict:
    """Has `count` creates refused, replays them at `rate` items a minute, and kills the gateway twice meanwhile."""
    verdict = Verdict(count)
    async with sites(directory) as both:
        extra = f"replay: {{rate: {rate}, approve_above: {count}, creates: {count}}}\n"
        file, url = write_config(directory, snow=both.snow.url, jira=both.jira.url, poll="200ms", extra=extra)
        async with program(file, url, both.http) as gateway, _place(file) as place:
            await _refused(both, count)
            tell(f"{count} incidents were created")
            await until(lambda: _opened(place, count), what="a case for each", timeout_s=patience_s)
            verdict.group = (await gateway.now())["groups"][0]["count"]
            await both.heal("jira")
            run = await _planned(file, verdict)
            began = time.monotonic()
            for part in (0.25, 0.5):
                await _killed(gateway, place, run, int(count * part), verdict, patience_s)
                tell(f"killed at {verdict.kills[-1]}")
            await until(lambda: _over(place, run), what="the run's end", timeout_s=patience_s)
            verdict.run_s = time.monotonic() - began
            await _judged(both, place, run, verdict)
    return verdict


@asynccontextmanager
async def _place(file: Path) -> AsyncIterator[Workplace]:
    """A second look at the gateway's database, beside its process."""
    config = load(file, ENVIRONMENT)
    topology = topology_of(config, connectors_of(config, SystemClock()))
    database = Database(config.database, pool_size=2)
    try:
        yield Workplace(database=database, config=config, topology=topology, now=time.time)
    finally:
        await database.close()


async def _refused(both: Sites, count: int) -> None:
    """The project is archived: every create is refused. Then people go on creating incidents."""
    await both.arm("jira", "status", status=400, match={"method": "POST", "path_regex": "/issue$"})
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with turn:
            await both.incident(f"incident {n}")

    await asyncio.gather(*(one(n) for n in range(count)))


async def _opened(place: Workplace, count: int) -> bool:
    from dead_letter.picking import open_numbers

    async with place.database.read() as tx:
        return len(await open_numbers(tx, cause="target.refused")) == count


async def _planned(file: Path, verdict: Verdict) -> str:
    """By the command line, as an operator would: planned, then started without following it."""
    began = time.monotonic()
    said = await lockstep("replay", "plan", "--cause", "target.refused", "--json", cwd=file.parent)
    assert said.code == 0, said.err
    plan = said.document()
    verdict.plan_s = time.monotonic() - began
    if plan["totals"]["create"] != verdict.count:
        verdict.problems.append(f"the plan creates {plan['totals']}")
    started = await lockstep("replay", "run", plan["plan"], "--wait", "0s", "--json", cwd=file.parent)
    assert started.code == 4, started.err
    return str(started.document()["run"])


async def _killed(gateway: Program, place: Workplace, run: str, at: int, verdict: Verdict, patience_s: float) -> None:
    async def far_enough() -> bool:
        return int((await _shown(place, run))["ended"]) >= at

    await until(far_enough, what=f"{at} items to end", timeout_s=patience_s)
    await gateway.end(signal.SIGKILL)
    verdict.kills.append((await _shown(place, run))["ended"])
    await gateway.start()


async def _shown(place: Workplace, run: str) -> dict[str, Any]:
    found = await replays.run_show(place, NOBODY, run)
    assert found is not None
    return found


async def _over(place: Workplace, run: str) -> bool:
    return bool((await _shown(place, run))["ended_at"])


async def _judged(both: Sites, place: Workplace, run: str, verdict: Verdict) -> None:
    """By what the stand-ins hold: an issue for each incident, created once; and by the run's own sums."""
    found = await _shown(place, run)
    verdict.counts = found["counts"]
    if sum(found["counts"].values()) != found["count"] or found["count"] != verdict.count:
        verdict.problems.append(f"{found['counts']} of {found['count']} do not add up to {verdict.count}")
    if set(found["counts"]) != {"applied"}:
        verdict.problems.append(f"not everything was applied: {found['counts']} {found['troubles']}")
    issues = Counter(each["raw"]["fields"]["summary"] for each in await both.objects("jira"))
    double = [summary for summary, times in issues.items() if times > 1]
    if double:
        verdict.problems.append(f"created twice: {double[:5]}")
    missing = {f"incident {n}" for n in range(verdict.count)} - set(issues)
    if missing:
        verdict.problems.append(f"never created: {sorted(missing)[:5]}")
    again = await replays.plan(place, NOBODY, await _selection(place, run))
    if again["sends"]:
        verdict.problems.append(f"a replay of the replayed would send {again['sends']}")
    left = await replays.runs(place, NOBODY, open=True)
    if left["runs"]:
        verdict.problems.append(f"still running: {left['runs']}")


async def _selection(place: Workplace, run: str) -> str:
    shown = await replays.show(place, NOBODY, (await _shown(place, run))["plan"])
    assert shown is not None
    return str(shown["selection"])
