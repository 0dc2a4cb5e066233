"""The target is back: the queue is drained while people go on editing, and are told when it will be over."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from benchmarks.outage_report import Budget, Eta, Facts, Fresh, Pace, Segment, Wait
from benchmarks.outage_world import Settings, World, resident
from connectors.contract.written.units import per_second
from gateway.delivery.breaker import GateState
from gateway.delivery.meter import EVERY_S
from gateway.delivery.pace import BURST_S
from gateway.work.backlog import lane_counts

FRESH_EVERY_S = 0.05
FRESH_AT_ONCE = 20
SEGMENTS = 10
"""Parts of the drain that are told apart."""
STRETCH_S = 10
"""Requests are counted in any so many seconds."""


class Drain:
    """One drain, and what is seen of it."""

    def __init__(self, w: World, settings: Settings, facts: Facts) -> None:
        self.w, self.settings, self.facts = w, settings, facts
        self.fresh = Fresh(settings.backlogged, settings.others)
        self.before = w.target.writes
        self.done = 0
        """Writes of the backlog."""
        self._began, self._cpu = time.monotonic(), time.process_time()
        self._segment = (0, self._cpu)

    async def run(self) -> None:
        """Returns when the queue of the outage is empty, or as much of it was drained as was asked for."""
        w, facts = self.w, self.facts
        facts.memory_drain = resident()
        w.target.asked.clear()
        w.target.on_write = self._wrote
        helpers = [asyncio.create_task(self._edit_afresh()), asyncio.create_task(self._estimate())]
        facts.drain_began = facts.drained_at = w.clock.monotonic()
        while (await w.left())[1] > len(self.fresh.open):
            await asyncio.sleep(self.settings.look_s)
            facts.look_at(w.gateway)
            if self.settings.drain is not None and w.target.writes - self.before >= self.settings.drain:
                facts.broken_off = True
                break
        writes, seconds = w.target.writes - self.before, time.monotonic() - self._began
        facts.drain = Pace.over(writes, seconds, time.process_time() - self._cpu)
        for helper in helpers:
            helper.cancel()
            with suppress(asyncio.CancelledError):
                await helper
        if not facts.broken_off:
            await w.quiet()
        self._conclude()

    def _conclude(self) -> None:
        w, facts = self.w, self.facts
        w.target.on_write = lambda number: None
        facts.memory_drain = max(facts.memory_drain, resident())
        facts.store_mb.append(w.store_mb)
        facts.fresh = self.fresh.waits
        if self.settings.rate:
            rate = per_second(self.settings.rate)
            allowed = rate * (STRETCH_S + BURST_S) + w.gateway.dispatcher.queues["dst"].concurrency
            facts.budget = Budget(rate, allowed, busiest(w.target.asked))

    def _wrote(self, number: int) -> None:
        w, facts = self.w, self.facts
        self.fresh.wrote(number, w.target.writes, time.monotonic())
        if number >= self.settings.backlogged:
            return
        self.done += 1
        facts.drained_at = w.clock.monotonic()
        last, cpu = self._segment
        if self.done - last >= max(1, facts.queued_writes // SEGMENTS):
            now = time.process_time()
            facts.drained.append(Segment(self.done, resident(), (now - cpu) / (self.done - last) * 1e6))
            self._segment = (self.done, now)

    async def _edit_afresh(self) -> None:
        """People edit records that have no backlog, one now and then, and see how long that takes. The first of them
        once the gate knows that the target is back: what came before is backlog.
        """
        w, settings, fresh = self.w, self.settings, self.fresh
        gate = w.gateway.keeper.gates["dst"]
        while gate.state is not GateState.CLOSED:  # noqa: ASYNC110 - nobody tells when a gate closes
            await asyncio.sleep(0.01)
        for turn in range(1_000_000):
            number = settings.backlogged + turn % settings.others
            if number not in fresh.open and len(fresh.open) < FRESH_AT_ONCE:
                change = w.source.edited(number, "turn")
                fresh.open[number] = Wait(w.target.writes, time.monotonic())
                await w.bring([change])
                fresh.stored(number, time.monotonic())
            await asyncio.sleep(FRESH_EVERY_S)

    async def _estimate(self) -> None:
        """What `lockstep now` says, each time that the queues were measured. The meter's own loop runs by real time."""
        w = self.w
        while True:
            began = w.clock.monotonic()
            await w.gateway.meter.once()
            async with w.gateway.database.read() as tx:
                told = await lane_counts(tx, (), w.gateway.clock.now())
            for row in told:
                if row["connection"] == "dst" and row["queue"]["done_s"] is not None:
                    at = w.clock.monotonic()
                    self.facts.etas.append(Eta(at, self.done, row["queue"]["writes"], row["queue"]["done_s"]))
            while w.clock.monotonic() - began < EVERY_S:  # noqa: ASYNC110 - simulated time tells nobody
                await asyncio.sleep(min(self.settings.look_s, 0.05))


def busiest(asked: dict[int, int]) -> int:
    """The most requests in any stretch."""
    return max((sum(asked.get(at + more, 0) for more in range(STRETCH_S)) for at in list(asked)), default=0)
