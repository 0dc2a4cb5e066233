"""Lets the requests of one connection through, as far as this worker's part of the budget goes.

A request is paid for out of slices that the worker has taken from the database (`store`), so most are let through
without asking anybody. Nothing is let through on a slice whose lease is over: a worker that is cut off from the
database stops.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import BudgetSpent, StorageError
from connectors.contract.limits import Purpose, TellsAllowance, Told, purpose
from gateway.budget.adapting import Adaptive
from gateway.budget.learned import Knowing, Learned
from gateway.budget.pots import Pots
from gateway.budget.store import PLACES_S, Ask, Referee, take
from gateway.config.budget import BudgetRules, Window
from gateway.storage.database import Database

PLACE_S = 0.5
"""How soon a worker asks again for a place when it has none."""
CROWDED_S = 5.0
"""A request that waits for another to end looks again after this, if none did."""
AWAY_S = 1.0
"""How soon it asks again when the database does not answer."""

Wait = Callable[[asyncio.Event, float], Awaitable[None]]
log = structlog.get_logger()


async def event_or_time(event: asyncio.Event, wait_s: float) -> None:
    """Until the event is set, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()


class Budget:
    """Of one connection, in one worker. Implements `connectors.contract.limits.Admission`."""

    def __init__(
        self,
        connection: str,
        rules: BudgetRules,
        database: Database,
        clock: Clock,
        worker: str,
        referee: Referee,
        *,
        adaptive: Adaptive | None = None,
        wait: Wait = event_or_time,
    ) -> None:
        self.connection, self.rules, self.worker = connection, rules, worker
        self.in_flight = 0
        self.learned = Learned(clock)
        self.adaptive = adaptive
        """None: as many at once as one likes."""
        self._database, self._clock, self._referee, self._wait = database, clock, referee, wait
        self._pots = Pots(rules.windows)
        self._waiting: Counter[Purpose] = Counter()
        self._none_until: dict[Purpose, float] = {}
        """Monotonic: before, asking again for slices makes no sense."""
        self._places, self._places_until = 0, float("-inf")
        self._freed, self._lock = asyncio.Event(), asyncio.Lock()

    async def enter(self, within_s: float) -> None:
        """See `Admission`. Raises BudgetSpent, also while the database is away: nobody can say what is left then."""
        who, deadline = purpose.get(), self._clock.monotonic() + within_s
        if self._passes(who):
            return
        self._waiting[who] += 1
        try:
            while True:
                wait_s = CROWDED_S if self._crowded(who) else await self._more(who)
                if self._passes(who):
                    return
                if self._clock.monotonic() + wait_s > deadline:
                    raise BudgetSpent(f"not sent: {self.why(who)}", retry_after_s=wait_s)
                self._freed.clear()
                await self._wait(self._freed, wait_s)
        finally:
            self._waiting[who] -= 1

    def answered(self, took_s: float, status: int | None, told: Sequence[Told], retry_after_s: float | None) -> None:
        self.learned.answered(told, retry_after_s if status is not None else None)
        if self.adaptive is not None:
            self.adaptive.answered(took_s, status, self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1
        self._freed.set()

    def wait_s(self, who: Purpose = Purpose.LIVE) -> float:
        """Seconds until a request may be let through, as far as is known without asking; 0: now, perhaps."""
        now = self._clock.monotonic()
        held_s = self.learned.held_s()
        if held_s > 0 or self._pots.payer(who, now) is not None:
            return held_s
        return max(0.0, self._none_until.get(who, now) - now)

    def knowing(self, connector: object) -> object:
        """The connector's allowance with what other workers heard, if it tells one."""
        return Knowing(connector, self.learned) if isinstance(connector, TellsAllowance) else None

    def why(self, who: Purpose = Purpose.LIVE) -> str:
        """Why a request is held up, in one sentence; "" while it is not."""
        if (held_s := self.learned.held_s()) > 0:
            return f"{self.connection} asked for a pause of {held_s:.0f} s more"
        if self._crowded(who):
            return f"{self.connection} takes no more than {self.in_flight} requests at once well"
        now = self._clock.monotonic()
        if self._none_until.get(who, now) > now:
            return f"what {self.connection} may be sent is used up for now"
        if self.rules.concurrent is not None and self.in_flight >= self._places:
            return f"{self.rules.concurrent} requests to {self.connection} are under way"
        return ""

    def _crowded(self, who: Purpose) -> bool:
        """Whether the system takes no more at once, as this worker has found. A leaver is not held up by that."""
        return self.adaptive is not None and who is not Purpose.LEAVER and self.in_flight >= self.adaptive.limit

    def _passes(self, who: Purpose) -> bool:
        now = self._clock.monotonic()
        if self.learned.held_s() > 0 or self._crowded(who) or not self._has_place(now):
            return False
        payer = self._pots.payer(who, now)
        if payer is None:
            return False
        self._pots.pay(payer)
        self.in_flight += 1
        return True

    def _has_place(self, now: float) -> bool:
        if self.rules.concurrent is None:
            return True
        return now < self._places_until and self.in_flight < self._places

    async def _more(self, who: Purpose) -> float:
        """Asks the database for what is lacking. Seconds until asking again makes sense; 0 if it was enough."""
        if (known_s := self.wait_s(who)) > 0:
            return known_s
        async with self._lock:
            now = self._clock.monotonic()
            lacks_place = not self._has_place(now)
            wants = {} if self._pots.payer(who, now) is not None else self._pots.wants(who, self._waiting[who], now)
            if not (lacks_place or wants):
                return 0.0
            ask = self._asking(now, {who: wants} if wants else {}, lacks_place=lacks_place)
            try:
                wait_s = await self._take(ask)
            except StorageError as error:
                log.warning("a budget waits for the database", connection=self.connection, error=str(error))
                return AWAY_S
        if wait_s > 0:
            self._none_until[who] = self._clock.monotonic() + wait_s
        return wait_s or (PLACE_S if not self._has_place(self._clock.monotonic()) else 0.0)

    def _asking(self, now: float, wants: Mapping[Purpose, Mapping[Window, int]], *, lacks_place: bool) -> Ask:
        wanted = self.in_flight + sum(self._waiting.values())
        return Ask(
            connection=self.connection,
            worker=self.worker,
            rules=self.rules,
            wants=wants,
            unused=self._pots.over(now),
            monotonic=self._clock.monotonic,
            in_flight=self.in_flight,
            places=wanted if lacks_place and self.rules.concurrent is not None else None,
        )

    async def _take(self, ask: Ask) -> float:
        async with self._database.begin("budget.take") as tx:
            taken = await take(tx, ask, self._referee)
        if taken.places is not None:
            self._places, self._places_until = taken.places, taken.at + PLACES_S
        return self._pots.filled(taken.slices, taken.at)

    async def tidy(self, *, ends: bool = False) -> None:
        """Gives back what is over, renews places in use. `ends`: gives everything back. Raises StorageError."""
        async with self._lock:
            now = self._clock.monotonic()
            unused = self._pots.over(now, all_of_it=ends)
            places = self._places_wanted(now, ends=ends)
            if not unused and places is None:
                return
            ask = Ask(
                connection=self.connection,
                worker=self.worker,
                rules=self.rules,
                monotonic=self._clock.monotonic,
                unused=unused,
                in_flight=self.in_flight,
                places=places,
            )
            await self._take(ask)

    def _places_wanted(self, now: float, *, ends: bool) -> int | None:
        """None: nothing to do about places now."""
        if self.rules.concurrent is None or (not self._places and self._places_until <= now):
            return None
        wanted = self.in_flight + sum(self._waiting.values())
        if ends or not wanted:
            return 0 if self._places else None
        return wanted if self._places_until - now < PLACES_S / 2 else None
