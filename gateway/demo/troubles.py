"""What goes wrong on purpose: the gateway is killed and started again, a system goes down and comes back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from random import Random

from gateway.demo.children import Child
from gateway.demo.plan import Outage, Plan, moments
from gateway.demo.stand_ins import NAMES, StandIn
from gateway.demo.talk import Talk

LATER_S = 3.0
"""Within this time after the last kill was asked for it comes: what it is to hit takes about so long."""


class Troubles:
    """Kills and outages at seeded moments. `down` tells whoever waits that the first outage began."""

    def __init__(self, plan: Plan, gateway: Child, stand_ins: Mapping[str, StandIn], talk: Talk) -> None:
        self._gateway, self._stand_ins, self._talk = gateway, stand_ins, talk
        chance = Random(plan.seed + 1)
        self._kills, self._kept_for_later = plan.kills, plan.kills > 1
        self._kill_at = moments(plan.kills - self._kept_for_later, 0.1 * plan.for_s, 0.95 * plan.for_s, chance)
        self._down_at = moments(len(plan.outages), 0.35 * plan.for_s, 0.75 * plan.for_s, chance)
        self._outages = plan.outages
        self._chance = chance
        self._began: float | None = None
        self.away = ""
        """The system that is down now."""
        self.kills = 0
        self.outages: list[Outage] = []
        self.down = asyncio.Event()
        self.later = asyncio.Event()
        """Set by whoever the last of several kills is kept for, and at the latest at the end of the story."""

    @property
    def expected(self) -> bool:
        """Whether an outage is planned."""
        return bool(self._outages)

    @property
    def down_in_s(self) -> float:
        """How long until the first outage; not positive once it began, infinite if none is planned."""
        if not self._down_at:
            return math.inf
        return self._down_at[0] - (time.monotonic() - self._began if self._began is not None else 0.0)

    async def happen(self) -> None:
        """All of them, each at its moment from now."""
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill())
            group.create_task(self._break_down())

    async def _kill(self) -> None:
        began = time.monotonic()
        for moment in self._kill_at:
            await _until(began + moment)
            await self._kill_once()
        if self._kept_for_later:
            await self.later.wait()
            await asyncio.sleep(self._chance.uniform(0.2, LATER_S))
            await self._kill_once()

    async def _kill_once(self) -> None:
        await self._gateway.kill()
        self.kills += 1
        self._talk.line(f"the gateway is killed (SIGKILL), {self.kills} of {self._kills}")
        await asyncio.sleep(self._chance.uniform(0.1, 0.5))
        await self._gateway.start()
        self._talk.line("the gateway runs again")

    async def _break_down(self) -> None:
        began = time.monotonic()
        for outage, moment in zip(self._outages, self._down_at, strict=True):
            await _until(began + moment)
            await self._stand_ins[outage.connection].go_down(outage.seconds)
            self.outages.append(outage)
            self._talk.line(f"{NAMES[outage.connection]} is down for {outage.seconds:g} s: it refuses everybody")
            self.away = outage.connection
            self.down.set()
            await asyncio.sleep(outage.seconds)
            self.away = ""
            self._talk.line(f"{NAMES[outage.connection]} is back")


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
