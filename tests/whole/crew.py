"""The workers: started, killed, stopped, frozen, given a wrong clock, and started again when they end by themselves."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
import orjson

from gateway.demo.children import Child, ChildFailed, free_port
from tests.whole.place import SIGNED_IN, Place

WATCH_S = 0.3
STOP_S = 30.0
"""A stop waits for what is under way, in parts of up to 10 s each."""


async def _started() -> bool:
    """A worker counts as started when its process is: what it meets on the way is part of the run."""
    return True


@dataclass(slots=True)
class Hand:
    """One place of the crew. The lock is held while something is done to it."""

    child: Child
    url: str
    command: tuple[str, ...]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: bool = False

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.child.process is not None and self.child.process.returncode is None

    async def start(self, ahead_s: float = 0.0) -> None:
        """With a clock that is wrong by so much."""
        self.child.command = (*self.command, "--ahead", str(ahead_s))
        await self.child.start()
        self.wanted = True


class Crew:
    """All workers of a run."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, chance: Random, without: Sequence[str] = ()) -> None:
        self._place, self._http, self._chance = place, http, chance
        self._flags = [word for mechanism in without for word in ("--without", mechanism)]
        self.hands: list[Hand] = []
        self.ended: list[str] = []
        """Workers that ended by themselves, each with the last line of its log."""

    def add(self) -> Hand:
        """A new place; its worker is not started yet."""
        number, port = len(self.hands), free_port(self._chance)
        command = (sys.executable, "-m", "tests.whole.worker", "--config", str(self._place.config), *self._flags)
        log = self._place.logs / f"worker-{number}.log"
        child = Child(f"worker {number}", command, log, _started, self._place.environment(number, port))
        self.hands.append(Hand(child, f"http://127.0.0.1:{port}", command))
        return self.hands[-1]

    def urls(self) -> list[str]:
        """Of those that run."""
        return [hand.url for hand in self.hands if hand.runs]

    @asynccontextmanager
    async def held(self, number: int) -> AsyncIterator[Hand]:
        """One hand, while nobody else does anything to it."""
        hand = self.hands[number]
        async with hand.lock:
            yield hand

    async def kill(self, number: int, away_s: float, ahead_s: float) -> None:
        """SIGKILL, and back with another clock."""
        async with self.held(number) as hand:
            hand.wanted = False
            await hand.child.kill()
            await asyncio.sleep(away_s)
            await hand.start(ahead_s)

    async def stop(self, number: int, away_s: float, ahead_s: float) -> None:
        """SIGTERM, and back with another clock."""
        async with self.held(number) as hand:
            hand.wanted = False
            await hand.child.stop(STOP_S)
            await asyncio.sleep(away_s)
            await hand.start(ahead_s)

    async def freeze(self, number: int, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after everybody thinks it dead."""
        async with self.held(number) as hand:
            hand.child.signal_now(signal.SIGSTOP)
            await asyncio.sleep(for_s)
            hand.child.signal_now(signal.SIGCONT)

    async def join(self, for_s: float, ahead_s: float) -> None:
        """One more worker, for a while: the partitions move twice."""
        hand = self.add()
        async with hand.lock:
            await hand.start(ahead_s)
        await asyncio.sleep(for_s)
        async with hand.lock:
            hand.wanted = False
            await hand.child.stop(STOP_S)

    async def watch(self) -> None:
        """As a supervisor does: starts again what ended by itself, and remembers that it did."""
        while True:
            await asyncio.sleep(WATCH_S)
            for hand in self.hands:
                if hand.lock.locked() or not hand.wanted or hand.runs:
                    continue
                async with hand.lock:
                    try:
                        hand.child.check()
                    except ChildFailed as error:
                        self.ended.append(str(error).splitlines()[-1].strip())
                    await hand.start()

    async def are_idle(self, partitions: int) -> bool:
        """Whether all say that they have nothing to do, and between them read the whole stream."""
        read: set[str] = set()
        for hand in self.hands:
            if not hand.wanted:
                continue
            now = await self._now(hand.url)
            if not now.get("quiet") or not now["stream"]["ready"]:
                return False
            read |= set(now["stream"]["lag"])
        return len(read) == partitions

    async def _now(self, url: str) -> dict[str, Any]:
        try:
            async with self._http.get(f"{url}/v1/now", headers=SIGNED_IN) as answer:
                return dict(orjson.loads(await answer.read()))
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError):
            return {}

    async def end(self) -> None:
        """Ends all, whatever state they are in."""
        for hand in self.hands:
            hand.wanted = False
            hand.child.signal_now(signal.SIGCONT)
        await asyncio.gather(*(hand.child.stop(STOP_S) for hand in self.hands))
