"""Workers whose clocks disagree, a vendor that counts, and time that a test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import BudgetSpent
from connectors.contract.limits import Purpose, purpose
from gateway.budget.admission import Budget
from gateway.config.budget import BudgetRules, Window
from gateway.storage.database import Database
from tests.support.world import FakeClock

STEP_S = 0.01


@dataclass
class Skewed:
    """A machine's clock: it runs as all do, from another start."""

    true: FakeClock
    wall_s: float
    start_s: float

    def now(self) -> float:
        return self.true.now() + self.wall_s

    def monotonic(self) -> float:
        return self.true.monotonic() + self.start_s


@dataclass
class Vendor:
    """Counts what arrives, as a vendor with a rolling window does."""

    clock: FakeClock
    arrived: list[float] = field(default_factory=list)
    by: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0

    def most(self, per_s: float) -> int:
        """The most requests that arrived in any stretch of that length, its end left out."""
        found = low = 0
        for high, at in enumerate(self.arrived):
            while self.arrived[low] <= at - per_s + 1e-9:
                low += 1
            found = max(found, high - low + 1)
        return found


class World:
    """One database, one vendor, any number of workers."""

    def __init__(self, database: Database, rules: BudgetRules) -> None:
        self.database, self.rules, self.clock = database, rules, FakeClock()
        self.vendor = Vendor(self.clock)
        self.transactions = 0

    async def referee(self, _: AsyncConnection) -> float:
        self.transactions += 1
        return self.clock.now()

    def worker(self, name: str, wall_s: float = 0.0, start_s: float = 0.0) -> Budget:
        return Budget("b", self.rules, self.database, Skewed(self.clock, wall_s, start_s), name, self.referee)

    async def send(self, worker: Budget, who: Purpose = Purpose.LIVE) -> float:
        """One request, over at once. 0, or seconds until it makes sense to try again."""
        token = purpose.set(who)
        try:
            await worker.enter(0.0)
        except BudgetSpent as error:
            return error.retry_after_s or 0.0
        finally:
            purpose.reset(token)
        self.vendor.arrived.append(self.clock.now())
        self.vendor.by[f"{worker.worker}:{who}"] += 1
        worker.leave()
        return 0.0

    async def run(self, seconds: float, *senders: Callable[[], Awaitable[None]]) -> None:
        """Time passes; in each moment everybody sends what they can."""
        for _ in range(round(seconds / STEP_S)):
            for each in senders:
                await each()
            self.clock.advance(STEP_S)

    def greedy(self, worker: Budget, who: Purpose = Purpose.LIVE, most: int = 10_000) -> Callable[[], Awaitable[None]]:
        """Sends at once whatever it is let; asks again when it was told to."""
        again = 0.0

        async def sender() -> None:
            nonlocal again
            for _ in range(most):
                if self.clock.monotonic() < again:
                    return
                if (wait_s := await self.send(worker, who)) > 0:
                    again = self.clock.monotonic() + wait_s
                    return

        return sender


def rules(*windows: tuple[int, float], concurrent: int | None = None) -> BudgetRules:
    return BudgetRules(tuple(sorted(Window(per_s, requests) for requests, per_s in windows)), concurrent)
