"""The workers of `make scale`: processes on one broker and one database, started, stopped and killed under load."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson

from benchmarks.scale_doors import Doors
from gateway.demo.children import Child, free_port

LINES = 16
"""Connections of the balancer to each worker."""
READY_S = 120.0
STOP_S = 30.0
LOOK_EVERY_S = 0.1


class UnevenError(Exception):
    """The workers did not share the partitions out among them in time."""


@dataclass(frozen=True, slots=True)
class Place:
    """What all workers of a run have in common."""

    home: Path
    config: Path
    partitions: int
    environment: Mapping[str, str]
    wrapper: tuple[str, ...] = ()
    """Arguments of Python in front of the module, for a profiler."""


@dataclass(slots=True)
class Hand:
    """One worker."""

    number: int
    port: int
    child: Child

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self.child.process is not None
        return self.child.process.pid


class Crew:
    """All workers of a run, each behind a door of its own."""

    def __init__(self, place: Place, doors: Doors, http: aiohttp.ClientSession) -> None:
        self._place, self._doors, self._http, self._chance = place, doors, http, Random()
        self._hands = 0
        self.hands: list[Hand] = []
        """Those that run."""

    async def join(self) -> Hand:
        """One more worker; returns when it takes webhooks. Raises ChildFailed."""
        number, port = self._hands, free_port(self._chance)
        self._hands += 1
        home = self._place.home
        own = {"LOCKSTEP_DATA": str(home / f"worker-{number}"), "LOCKSTEP_LISTEN": f"127.0.0.1:{port}"}
        command = [sys.executable, *self._place.wrapper, "-m", "gateway.cli.main", "run"]
        command += ["--config", str(self._place.config)]

        async def ready() -> bool:
            return (await self._ask(port)).get("status") == "ready"

        environment = {**self._place.environment, **own}
        child = Child(f"worker {number}", command, home / f"worker-{number}.log", ready, environment, READY_S)
        await child.start()
        hand = Hand(number, port, child)
        self.hands.append(hand)
        await self._doors.add(port, LINES)
        return hand

    async def stop(self, hand: Hand) -> None:
        """SIGTERM; the balancer learns of it only when the process is gone."""
        self.hands.remove(hand)
        await hand.child.stop(STOP_S)
        self._doors.remove(hand.port)

    async def kill(self, hand: Hand) -> None:
        """SIGKILL; the balancer learns of it at once."""
        self.hands.remove(hand)
        await hand.child.kill()
        self._doors.remove(hand.port)

    async def shared_out(self) -> list[int]:
        """Waits until every partition is read by exactly one worker, and gives how many each reads.

        Raises UnevenError, ChildFailed.
        """
        held: list[set[str]] = []
        for _ in range(int(READY_S / LOOK_EVERY_S)):
            for hand in self.hands:
                hand.child.check()
            answers = await asyncio.gather(*(self._ask(hand.port) for hand in self.hands))
            held = [set(answer.get("lag", {})) for answer in answers]
            counts = [len(each) for each in held]
            if len(set().union(*held)) == sum(counts) == self._place.partitions and min(counts) > 0:
                return counts
            await asyncio.sleep(LOOK_EVERY_S)
        raise UnevenError(f"the partitions are read as {[sorted(each) for each in held]}")

    async def end(self) -> None:
        """Stops all."""
        await asyncio.gather(*(self.stop(hand) for hand in list(self.hands)))

    async def _ask(self, port: int) -> dict[str, Any]:
        try:
            async with self._http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return dict(orjson.loads(await answer.read()))
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError):
            return {}
