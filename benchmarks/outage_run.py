"""The course of the long outage: a steady phase, a week away, the drain."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import func, select

from benchmarks.outage_clock import RunningClock
from benchmarks.outage_report import Eta, Facts, Fresh, Pace, Wait
from benchmarks.outage_seed import clone
from benchmarks.outage_system import Source, Target
from connectors.contract.values import Change
from dead_letter import store as cases
from gateway.app.compose import Gateway, compose
from gateway.config import load
from gateway.config.units import per_second
from gateway.delivery.breaker import GateState
from gateway.delivery.due import depths
from gateway.delivery.tables import queue_depth
from gateway.storage.migrate import migrate
from gateway.sync import tables as t

WEEK_S = 7 * 86400.0
CONFIG = Path(__file__).parent / "config" / "outage.yaml"
PER_RECORD = 5
"""Changes to each record, on average."""
MIX = {"turn": 60, "note": 35, "comment": 5}
BATCH = 256
STEADY = 32
"""Changes that arrive together while the target works."""
FRESH_EVERY_S = 0.05
FRESH_AT_ONCE = 20
LOOK_S = 1.0
_PAGE = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class Settings:
    """`drain`: writes after which the drain is broken off."""

    changes: int = 100_000
    seed: int = 1
    drain: int | None = None
    rate: str = ""
    look_s: float = LOOK_S
    cloned: bool = False
    """The queue is made of copies of one record: only what the drain costs is measured."""

    @property
    def backlogged(self) -> int:
        """Records that change during the outage."""
        return max(20, self.changes // PER_RECORD)

    @property
    def others(self) -> int:
        """Records that change before it, or for the first time after it."""
        return max(200, min(5_000, self.changes // 20))


class World:
    """A gateway without its doors, and the two systems."""

    def __init__(self, gateway: Gateway, clock: RunningClock) -> None:
        self.gateway, self.clock = gateway, clock
        self.source = cast(Source, gateway.connectors["src"])
        self.target = cast(Target, gateway.connectors["dst"])

    async def bring(self, changes: list[Change]) -> None:
        """The stream hands these changes over."""
        await self.gateway.decider.accept(changes)

    async def left(self) -> tuple[int, int]:
        """Lanes and writes that wait for the target."""
        async with self.gateway.database.read() as tx:
            found = await depths(tx, "dst")
        return (found[0].lanes, found[0].writes) if found else (0, 0)

    async def quiet(self) -> None:
        """Returns when nothing waits any more."""
        while True:
            if not (await self.left())[0] and not self.gateway.dispatcher.queues["dst"].running:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def world(place: Path, database: str | None, rate: str) -> AsyncIterator[World]:
    """A started world on an empty store."""
    url = database or f"sqlite+aiosqlite:///{place / 'outage.db'}"
    clock = RunningClock()
    gateway = compose(load(CONFIG, {"OUTAGE_DATA": str(place), "OUTAGE_DATABASE": url}), clock=clock)
    if rate:
        gateway.dispatcher.queues["dst"].pace.per_s = per_second(rate)
    await migrate(gateway.database)
    parts = (gateway.decider, gateway.dispatcher, gateway.keeper)
    for part in parts:
        await part.start()
    try:
        yield World(gateway, clock)
    finally:
        for stopped in reversed(parts):
            await stopped.stop()
        await gateway.database.close()


async def play(
    settings: Settings, place: Path, *, database: str | None = None, say: Callable[[str], Any] = lambda text: None
) -> Facts:
    """One run. Returns what was measured; judges nothing."""
    facts = Facts(changes=settings.changes)
    async with world(place, database, settings.rate) as w:
        await _seed(w, settings)
        facts.steady = await _steady(w, settings)
        say(f"steady: {facts.steady.per_s:.0f} writes/s")
        w.target.down = True
        await (_cloned if settings.cloned else _away)(w, settings, facts, say)
        w.target.down = False
        w.clock.advance(61.0)  # the longest wait of the gate
        await _drain(w, settings, facts)
        await _judge(w, settings, facts)
    return facts


async def _seed(w: World, settings: Settings) -> None:
    size = settings.backlogged + settings.others
    w.source.held.grow(size)
    await w.bring([w.source.edited(0, "turn")])
    await w.quiet()
    await clone(w.gateway.database, range(settings.backlogged if settings.cloned else 1, size))
    w.target.held.grow(size)
    _alike(w, range(size))


def _alike(w: World, numbers: range) -> None:
    """The systems show for these numbers what they show for number 0."""
    for held in (w.source.held, w.target.held):
        for column in (held.version, held.turn, held.note):
            column[numbers.start : numbers.stop] = type(column)("i", [column[0]] * len(numbers))


async def _cloned(w: World, settings: Settings, facts: Facts, say: Callable[[str], Any]) -> None:
    """A queue as long as one wishes in a short time: one record's changes arrive, the others are its copies."""
    await w.bring([w.source.edited(0, kind) for kind in ("turn", "note", "turn", "turn", "note")])
    facts.memory.append((0, _resident()))
    await clone(w.gateway.database, range(1, settings.backlogged))
    _alike(w, range(1, settings.backlogged))
    w.clock.advance(WEEK_S)
    facts.memory.append((settings.changes, _resident()))
    facts.queued_lanes, facts.queued_writes = await w.left()
    say(f"{facts.queued_writes} writes are queued")


async def _steady(w: World, settings: Settings) -> Pace:
    """One change to each of the other records, which are up to date, as fast as they are delivered."""
    queue = w.gateway.dispatcher.queues["dst"]
    began, cpu, before = time.monotonic(), time.process_time(), w.target.writes
    for start in range(0, settings.others, STEADY):
        numbers = range(settings.backlogged + start, settings.backlogged + min(start + STEADY, settings.others))
        while len(queue.waiting) > BATCH:  # noqa: ASYNC110 - nobody tells when a queue is shorter
            await asyncio.sleep(0.005)
        await w.bring([w.source.edited(number, "turn") for number in numbers])
    await w.quiet()
    return Pace.over(w.target.writes - before, time.monotonic() - began, time.process_time() - cpu)


def _edits(settings: Settings) -> Iterator[tuple[int, str]]:
    chance = random.Random(settings.seed)
    kinds, weights = list(MIX), list(MIX.values())
    for _ in range(settings.changes):
        yield chance.randrange(settings.backlogged), chance.choices(kinds, weights)[0]


async def _away(w: World, settings: Settings, facts: Facts, say: Callable[[str], Any]) -> None:
    """The week: the changes arrive, the clock goes on with each."""
    done, batch, marks = 0, list[Change](), _marks(settings.changes)
    facts.memory.append((0, _resident()))
    began = time.monotonic()
    for number, kind in _edits(settings):
        batch.append(w.source.edited(number, kind))
        w.clock.advance(WEEK_S / settings.changes)
        done += 1
        facts.kinds[kind] = facts.kinds.get(kind, 0) + 1
        if len(batch) == BATCH or done == settings.changes:
            await w.bring(batch)
            batch.clear()
            _look_at_queue(w, facts)
        if done in marks:
            facts.memory.append((done, _resident()))
            say(f"{done} changes, {facts.memory[-1][1]} MB, {done / (time.monotonic() - began):.0f}/s")
    facts.accepted_per_s = done / (time.monotonic() - began)
    facts.calls_while_down = w.target.calls_while_down
    facts.queued_lanes, facts.queued_writes = await w.left()


def _marks(changes: int) -> set[int]:
    return {size for size in (1_000, 10_000, 100_000, 300_000, 1_000_000) if size < changes} | {changes}


def _look_at_queue(w: World, facts: Facts) -> None:
    """The most that any structure in memory held."""
    dispatcher = w.gateway.dispatcher
    queue = dispatcher.queues["dst"]
    sizes = {
        "lanes in memory": len(queue.waiting),
        "lanes in work": len(queue.running),
        "timers": len(dispatcher._timers),  # noqa: SLF001 - it is what could grow
        "records in the cache": len(w.gateway.decider.cache._entries),  # noqa: SLF001
    }
    for name, size in sizes.items():
        facts.most[name] = max(facts.most.get(name, 0), size)


async def _drain(w: World, settings: Settings, facts: Facts) -> None:
    began, cpu, before = time.monotonic(), time.process_time(), w.target.writes
    facts.memory_drain = _resident()
    fresh = Fresh(settings.backlogged, settings.others)
    w.target.on_write = lambda number: fresh.wrote(number, w.target.writes, time.monotonic())
    helpers = [
        asyncio.create_task(_edit_afresh(w, settings, fresh)),
        asyncio.create_task(_estimate(w, settings, facts.etas)),
    ]
    last = settings.drain
    while (await w.left())[1] > len(fresh.open):
        await asyncio.sleep(settings.look_s)
        _look_at_queue(w, facts)
        if last is not None and w.target.writes - before >= last:
            break
    facts.drain = Pace.over(w.target.writes - before, time.monotonic() - began, time.process_time() - cpu)
    facts.drained_at = time.monotonic()
    for helper in helpers:
        helper.cancel()
        with suppress(asyncio.CancelledError):
            await helper
    facts.broken_off = (await w.left())[1] > len(fresh.open)
    if not facts.broken_off:
        await w.quiet()
    facts.memory_drain = max(facts.memory_drain, _resident())
    facts.fresh = fresh.waits


async def _edit_afresh(w: World, settings: Settings, fresh: Fresh) -> None:
    """People edit records that have no backlog, one now and then, and see how long that takes. The first of them once
    the gate knows that the target is back: what came before is backlog.
    """
    gate = w.gateway.keeper.gates["dst"]
    while gate.state is not GateState.CLOSED:  # noqa: ASYNC110 - nor when a gate closes
        await asyncio.sleep(0.01)
    for turn in range(1_000_000):
        number = settings.backlogged + turn % settings.others
        if number not in fresh.open and len(fresh.open) < FRESH_AT_ONCE:
            change = w.source.edited(number, "turn")
            fresh.open[number] = Wait(w.target.writes, time.monotonic())
            await w.bring([change])
        await asyncio.sleep(FRESH_EVERY_S)


async def _estimate(w: World, settings: Settings, etas: list[Eta]) -> None:
    """What people are told, every second."""
    while True:
        await w.gateway.meter.once()
        async with w.gateway.database.read() as tx:
            row = (await tx.execute(select(queue_depth).where(queue_depth.c.connection == "dst"))).first()
        if row is not None and row.done_s is not None:
            etas.append(Eta(time.monotonic(), row.writes, row.done_s))
        await asyncio.sleep(settings.look_s)


async def _judge(w: World, settings: Settings, facts: Facts) -> None:
    """What arrived, and what it cost in attempts and cases."""
    lane = t.lane.c
    async with w.gateway.database.read() as tx:
        facts.tries = int((await tx.execute(select(func.coalesce(func.max(lane.tries), 0)))).scalar_one())
        facts.cases = sum(group.count for group in await cases.open_counts(tx))
    facts.disorder = list(w.target.disorder)
    if facts.broken_off:
        return
    given, taken = w.source.held, w.target.held
    for name in ("turn", "note", "comments"):
        wrong = [n for n, value in enumerate(getattr(given, name)) if getattr(taken, name)[n] != value]
        facts.missing.extend(f"{n}: {name} is {getattr(taken, name)[n]}" for n in wrong[:10])


def _resident() -> int:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE // (1 << 20)
