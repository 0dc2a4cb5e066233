"""All kills of a run: shared out over stages that run side by side, judged one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from tests.crash.catalogue import Point
from tests.crash.provoking import PROVOCATIONS
from tests.crash.stage import Stage, stage

KILLS_PER_STAGE = 8
"""Then a new stage: what the judge looks at grows with every kill, and so does his time."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One point at one passing."""

    point: Point
    passing: int


@dataclass(slots=True)
class Found:
    """What became of one kill."""

    point: str
    passing: int
    killed: bool
    quiet: bool
    records: int
    cases: int
    seconds: float
    violations: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """It died there, came to rest afterwards, and nothing was broken."""
        return self.killed and self.quiet and not self.violations

    def as_json(self) -> dict[str, Any]:
        """For the table and for machines."""
        return {**asdict(self), "ok": self.ok}


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a run keeps its data. Empty: the embedded stream and store."""

    directory: Path
    stream: str = ""
    database: str = ""
    seed: int = 1
    lanes: int = 2


def kills(points: Sequence[Point]) -> list[Kill]:
    """Every point at each of its passings."""
    return [Kill(point, passing) for point in points for passing in point.passings]


async def run(planned: Sequence[Kill], setting: Setting, tell: Callable[[Found], None]) -> list[Found]:
    """Carries them out; `tell` hears of each as it is judged. The first that cannot be carried out at all ends it."""
    size = max(1, min(KILLS_PER_STAGE, -(-len(planned) // setting.lanes)))
    parts = [list(planned[at : at + size]) for at in range(0, len(planned), size)]
    free = asyncio.Semaphore(setting.lanes)
    found: dict[Kill, Found] = {}

    async def one(number: int, part: list[Kill]) -> None:
        async with free:
            database = await _database(setting)
            place = setting.directory / f"stage-{number}"
            async with stage(place, stream=setting.stream, database=database, seed=setting.seed + number) as here:
                for kill in part:
                    found[kill] = await crash(here, kill)
                    tell(found[kill])

    async with asyncio.TaskGroup() as group:
        for number, part in enumerate(parts):
            group.create_task(one(number, part))
    return [found[kill] for kill in planned]


async def crash(here: Stage, kill: Kill) -> Found:
    """One kill: provoked, the program started again, all quiet, judged."""
    began = time.monotonic()
    killed = await PROVOCATIONS[kill.point.by](here, kill.point, kill.passing)
    await here.revive()
    quiet = await here.quiet()
    verdict, violations = await here.verdict()
    return Found(
        point=kill.point.name,
        passing=kill.passing,
        killed=killed,
        quiet=quiet,
        records=verdict.records,
        cases=verdict.cases,
        seconds=round(time.monotonic() - began, 1),
        violations=violations,
    )


async def _database(setting: Setting) -> str:
    """An empty database of this stage's own, on the server given."""
    if not setting.database:
        return ""
    url = make_url(setting.database)
    name = f"crash_{time.time_ns():x}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return url.set(database=name).render_as_string(hide_password=False)
