"""The world of two with reconciliation: plans are made and run while the test's lanes work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from gateway.reconcile import store
from gateway.reconcile.reconciler import Reconciler
from gateway.reconcile.values import Run, RunState, Wish
from gateway.streams.port import Stream
from gateway.sweeps.book import Book
from gateway.sweeps.sweeper import Sweeper
from tests.support.sweeping import Swept, swept

Row = dict[str, Any]


@dataclass
class Reconciling:
    """`w` is the world; a run's lanes are worked in the pauses between its steps, unless `meanwhile` says otherwise."""

    w: Swept
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None
    kind: type[Reconciler] = Reconciler

    def sweeper(self, worker: str = "tester") -> Sweeper:
        g, w = self.w.g, self.w
        gates = {name: runner.gate for name, runner in g.runners.items()}
        guards = dict.fromkeys(g.systems, w.guard)
        kind = self.kind(g.decider, g.systems, gates, cast(Stream, w.pipe), g.clock, guards)
        return Sweeper("", [kind], Book(g.database, g.clock, worker), sleep=self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.meanwhile is not None:
            await self.meanwhile()
        elif seconds:
            await self.w.take_in()

    async def plan(self, **wish: Any) -> list[Row]:
        """What a plan finds, the dangerous first."""
        await self.asked(**wish)
        await self.sweeper().once()
        return await self.items()

    async def asked(self, **wish: Any) -> str:
        self.w.g.clock.advance(1)
        return await store.ask(self.w.g.database, "things", Wish(**{"by": "test", **wish}), now=self.w.g.clock.now())

    async def run(self) -> dict[str, int]:
        """Runs the last plan; result -> how many items."""
        last = await self.last()
        now = self.w.g.clock.now()
        assert await store.turn(self.w.g.database, last.id, [RunState.PLANNED], RunState.RUNNING, now=now)
        await self.sweeper().once()
        await self.w.take_in()
        return await store.results(self.w.g.database, last.id)

    async def last(self) -> Run:
        return (await store.runs(self.w.g.database))[-1]

    async def items(self) -> list[Row]:
        return await store.listed(self.w.g.database, (await self.last()).id)

    async def short(self) -> list[tuple[str, str, str, str]]:
        """(kind, connection, field, outcome) of every item of the last plan."""
        return [(row["kind"], row["connection"], row["field"], row["outcome"]) for row in await self.items()]


@asynccontextmanager
async def reconciling(
    url: str, *, a: Mapping[str, Any] | None = None, b: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Reconciling]:
    """Systems A and B, nothing in them."""
    async with swept(url, a=a, b=b, **options) as w:
        yield Reconciling(w)
