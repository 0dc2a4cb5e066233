"""Carries replay runs on while the gateway runs: looks for those that nobody has, and steps its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.work.replay_carrying import Porter
from gateway.work.workplace import Workplace
from replay.retention import KEPT_S, forget
from replay.running import Runner

LOOK_S = 1.0
"""How soon a run that somebody started, or that a dead worker left, is noticed."""
FORGET_S = 3600.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Waits after a step that tripped over a defect, doubled with each."""

log = structlog.get_logger()


@dataclass(slots=True)
class Replayer(Background):
    """For one worker. Where a run stands is in the database alone, so that any worker goes on from there."""

    runner: Runner
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    mine: dict[str, float] = field(default_factory=dict)
    """Run -> monotonic time of its next step."""
    failures: dict[str, int] = field(default_factory=dict)
    looked: float = 0.0
    forgot: float | None = None

    async def start(self) -> None:
        """Begins to look for runs."""
        self._keep("replayer", self._loop())

    async def stop(self) -> None:
        """Ends after the step under way was undone or done; another worker may go on at once."""
        await Background.stop(self)  # a dataclass with slots has no super()
        try:
            await self.runner.leave()
        except StorageError as error:
            log.warning("replays are left to their leases", error=str(error))

    async def _loop(self) -> None:
        while True:
            try:
                await self.once()
            except StorageError as error:
                log.warning("replays wait for the database", error=str(error))
                await self.sleep(LOOK_S)
            now = self.clock.monotonic()
            await self.sleep(max(0.0, min([now + LOOK_S, *self.mine.values()]) - now))

    async def once(self) -> None:
        """Takes a run that nobody has, and steps every own one whose time has come; now and then drops what is old.
        Raises StorageError.
        """
        if self.forgot is None or self.clock.monotonic() - self.forgot >= FORGET_S:
            self.forgot = self.clock.monotonic()
            await forget(self.runner.books, self.clock.now() - KEPT_S)
        if not self.mine or self.clock.monotonic() - self.looked >= LOOK_S:
            self.looked = self.clock.monotonic()
            taken = await self.runner.take(self.clock.now())
            if taken is not None:
                self.mine[taken] = 0.0
        for run, at in list(self.mine.items()):
            if at <= self.clock.monotonic():
                await self._step(run)

    async def _step(self, run: str) -> None:
        try:
            wait_s = await self.runner.step(run, self.clock.now())
        except StorageError:
            raise
        except Exception as error:
            failures = self.failures[run] = self.failures.get(run, 0) + 1
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (failures - 1))
            log.error("a replay was stopped by a defect; it is tried again", run=run, wait_s=wait_s, exc_info=error)
        else:
            self.failures.pop(run, None)
        if wait_s is None:
            self.mine.pop(run, None)
        else:
            self.mine[run] = self.clock.monotonic() + wait_s


def replayer_of(place: Workplace, clock: Clock, worker: str) -> Replayer:
    """One for each worker."""
    return Replayer(Runner(place.database, Porter(place), worker), clock)
