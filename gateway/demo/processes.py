"""What runs beside a demo: the gateway and the stand-ins, each where and how it is started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from random import Random

import aiohttp

from gateway.demo.children import Child, free_port
from gateway.demo.home import Home
from gateway.demo.plan import Plan
from gateway.demo.stand_ins import OTHERS, PAIR, SYSTEMS, StandIn

HOOK_TIME_SCALE = 0.001
"""Webhooks that were not taken are sent again after 0.3 to 0.9 s instead of 5 to 15 minutes."""


def ports_of(plan: Plan, chance: Random) -> tuple[dict[str, int], int]:
    """The ports of the stand-ins and of the gateway, all in a row: drawn one by one two of them could be the same."""
    while True:
        first = free_port(chance, len(SYSTEMS) + 1)
        ports = {connection: first + number for number, connection in enumerate((*PAIR, *OTHERS))}
        if plan.port not in ports.values():
            return ports, plan.port or first + len(ports)


def gateway(plan: Plan, home: Home, url: str, http: aiohttp.ClientSession) -> Child:
    """Ready when it says so itself."""

    async def ready() -> bool:
        try:
            async with http.get(f"{url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    command = (sys.executable, "-m", "gateway.cli.main", "run", "--config", str(home.config))
    return Child("the gateway", command, home.logs / "gateway.log", ready, home.environment(plan))


def stand_in(home: Home, door: StandIn, port: int, plan: Plan) -> Child:
    """One in a process of its own."""
    system = SYSTEMS[door.connection]
    command = (sys.executable, "-m", "connectors.sandbox", system, "--port", str(port), "--seed", str(plan.seed))
    options = ("--data", str(home.path / f"{system}.db"), "--time-scale", str(HOOK_TIME_SCALE))
    return Child(f"the {system} stand-in", (*command, *options), home.logs / f"{system}.log", door.alive)


def stand_ins(home: Home, doors: Sequence[StandIn], port: int, plan: Plan) -> Child:
    """Several in one process, at ports in a row from this one on."""
    systems = [SYSTEMS[each.connection] for each in doors]
    command = (sys.executable, "-m", "gateway.cli.main", "sandbox", *systems, "--port", str(port))
    options = ("--data", str(home.path), "--seed", str(plan.seed), "--time-scale", str(HOOK_TIME_SCALE))

    async def ready() -> bool:
        return all([await each.alive() for each in doors])

    return Child(f"the stand-ins of {', '.join(systems)}", (*command, *options), home.logs / "others.log", ready)
