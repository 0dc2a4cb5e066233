"""Runs the sweeps of one connection: one request at a time, at a share of its budget, and only while it is well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from connectors.contract.errors import LockstepError, Refused, StorageError
from connectors.contract.limits import Purpose, purpose
from gateway.core.background import Background
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.sending import concluded
from gateway.sweeps.book import Book, Cursor, Round
from gateway.sync.backoff import curve

LOOK_S = 2.0
"""How soon a round that is due, or that a person asked for, is noticed."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
"""Waits after a step that failed, doubled with each failure."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """Where a round stands after one step. `done`: it is over, and the cursor is what the next round goes on from."""

    cursor: Cursor
    done: bool = False
    pause_s: float = 0.0
    """At least so long until the next one."""


class Kind(Protocol):
    """One kind of sweep. A step makes a few requests at most; one that was not stored is repeated."""

    @property
    def name(self) -> str: ...

    @property
    def every_s(self) -> float: ...

    async def step(self, round: Round, cursor: Cursor) -> Step: ...


def count(cursor: Cursor, name: str, more: int = 1) -> None:
    """Adds to what the round has found; `counts` of the cursor is what people see."""
    counts = cursor.setdefault("counts", {})
    counts[name] = counts.get(name, 0) + more


@dataclass(slots=True)
class Sweeper(Background):
    """Several may run for one connection, in several workers: the book sees to it that each round has one runner."""

    connection: str
    kinds: Sequence[Kind]
    book: Book
    gate: Gate | None = None
    """None: its kinds ask no system."""
    in_flight: float = 1.0
    """How many requests may be under way on average; never more than one is."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    failures: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)

    async def start(self) -> None:
        """Begins to look for what is due."""
        self._keep(f"sweeper-{self.connection or 'all'}", self._loop())

    async def _loop(self) -> None:
        purpose.set(Purpose.BACKFILL)  # of this task and what it starts: nobody waits for a sweep
        while True:
            try:
                await self.once()
            except StorageError as error:
                log.warning("sweeps wait for the database", connection=self.connection, error=str(error))
            await asyncio.sleep(LOOK_S)

    async def once(self) -> list[str]:
        """Runs every round that is due, one after the other; returns the kinds that were finished."""
        if self._hindered():
            return []
        due = await self.book.due(self.connection, {kind.name: kind.every_s for kind in self.kinds})
        now = self.book.clock.monotonic()
        ready = [each for each in self.kinds if each.name in due and self.not_before.get(each.name, 0.0) <= now]
        return [kind.name for kind in ready if await self._guarded(kind)]

    def _hindered(self) -> bool:
        """A system in trouble is left alone: finding out that it is well again is for the lanes."""
        return self.gate is not None and (self.gate.state is not GateState.CLOSED or self.gate.maintained)

    async def _guarded(self, kind: Kind) -> bool:
        """Runs a round as far as it gets. Nothing a system does ends the sweeper."""
        round = await self.book.claim(self.connection, kind.name)
        if round is None:
            return False
        try:
            done = await self._run(kind, round)
        except StorageError:
            raise
        except Refused as error:
            self._told(error)
            return await self._refused(kind, round, error)
        except LockstepError as error:
            self._told(error)
            self._later(kind, error)
            return False
        except Exception as error:
            log.error("sweep stopped by a defect", connection=self.connection, kind=kind.name, exc_info=error)
            self._later(kind, error)
            return False
        self.failures.pop(kind.name, None)
        return done

    def _told(self, error: LockstepError) -> None:
        if self.gate is not None:
            concluded(error, self.gate, reading=True)

    def _later(self, kind: Kind, error: Exception) -> None:
        failures = self.failures[kind.name] = self.failures.get(kind.name, 0) + 1
        wait_s = curve(failures, base_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S)
        self.not_before[kind.name] = self.book.clock.monotonic() + wait_s
        if failures in (1, 10, 100):
            log.warning("sweep waits", connection=self.connection, kind=kind.name, failures=failures, error=str(error))

    async def _refused(self, kind: Kind, round: Round, error: Refused) -> bool:
        """The system says no for good: nothing is concluded from that but that this round is over."""
        log.warning("sweep refused", connection=self.connection, kind=kind.name, error=str(error))
        report = {**round.before, "counts": {"refused": 1}, "refused": str(error)}
        return await self.book.finish(round, report, kind.every_s)

    async def _run(self, kind: Kind, round: Round) -> bool:
        cursor = round.cursor
        while not self._hindered():
            began = self.book.clock.monotonic()
            step = await kind.step(round, cursor)
            if step.done:
                return await self._finish(kind, round, step.cursor)
            cursor = step.cursor
            if not await self.book.keep(round, cursor):
                return False
            await self._pause(self.book.clock.monotonic() - began, step.pause_s)
        return False

    async def _finish(self, kind: Kind, round: Round, report: Mapping[str, Any]) -> bool:
        if not await self.book.finish(round, report, kind.every_s):
            return False
        log.info("swept", connection=self.connection, kind=kind.name, **report.get("counts", {}))
        return True

    async def _pause(self, took_s: float, least_s: float) -> None:
        """So long that a step takes up its share of the time and no more."""
        share_s = took_s * (1.0 / self.in_flight - 1.0) if self.in_flight < 1.0 else 0.0
        await self.sleep(max(share_s, least_s))
