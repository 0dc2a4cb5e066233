"""The course of the long outage: a steady phase, a week away, the drain."""

from __future__ import annotations

import asyncio
import random
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.outage_drain import Drain
from benchmarks.outage_drift import drift_check
from benchmarks.outage_report import Facts, Pace, Segment
from benchmarks.outage_seed import clone
from benchmarks.outage_world import EARLIER, Settings, World, resident, world
from connectors.contract.values import Change
from dead_letter import store as cases
from gateway.sync import tables as t

WEEK_S = 7 * 86400.0
MIX = {"turn": 60, "note": 35, "comment": 5}
BATCH = 256
STEADY = 32
"""Changes that arrive together while the target works."""
MARKS = 10
"""Parts of the week that are told apart."""


async def play(
    settings: Settings, place: Path, *, database: str | None = None, say: Callable[[str], Any] = lambda text: None
) -> Facts:
    """One run. Returns what was measured; judges nothing."""
    facts = Facts(changes=settings.changes)
    async with world(place, database, settings) as w:
        await _seed(w, settings)
        facts.store_mb.append(w.store_mb)
        facts.steady = await _steady(w, settings)
        say(f"steady: {facts.steady.per_s:.0f} writes/s")
        for number in settings.apart[:EARLIER]:
            w.target.remarked(number)
        w.clock.advance(3600.0)
        since = w.clock.now()
        w.target.down = True
        await (_cloned if settings.cloned else _away)(w, settings, facts, say)
        w.target.down = False
        until = w.clock.now()
        w.clock.advance(61.0)  # the longest wait of the gate
        await Drain(w, settings, facts).run()
        say(f"drained: {facts.drain.writes} writes, {facts.drain.per_s:.0f}/s")
        if settings.remarks and not facts.broken_off:
            facts.check = await drift_check(w, settings, since, until, facts.only_remarked)
        await _judge(w, settings, facts)
    return facts


async def _seed(w: World, settings: Settings) -> None:
    size = settings.records
    w.source.held.grow(size)
    await w.bring([w.source.edited(0, "turn")])
    await w.quiet()
    await clone(w.gateway.database, range(settings.backlogged if settings.cloned else 1, size))
    w.target.held.grow(size)
    _alike(w, range(size))


def _alike(w: World, numbers: range) -> None:
    """The systems show for these numbers what they show for number 0."""
    for held in (w.source.held, w.target.held):
        for column in (held.version, held.turn, held.note, held.remark):
            column[numbers.start : numbers.stop] = array("i", [column[0]] * len(numbers))
        held.touched[numbers.start : numbers.stop] = array("d", [held.touched[0]] * len(numbers))


async def _cloned(w: World, settings: Settings, facts: Facts, say: Callable[[str], Any]) -> None:
    """A queue as long as one wishes in a short time: one record's changes arrive, the others are its copies."""
    await w.bring([w.source.edited(0, kind) for kind in ("turn", "note", "turn", "turn", "note")])
    facts.memory.append((0, resident()))
    await clone(w.gateway.database, range(1, settings.backlogged))
    _alike(w, range(1, settings.backlogged))
    w.clock.advance(WEEK_S)
    facts.memory.append((settings.changes, resident()))
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
    """The week: the changes arrive, the clock goes on with each, and people edit in the target, too."""
    done, batch, marks = 0, list[Change](), _marks(settings.changes)
    remarks, remarked = _remarks(settings), set(range(settings.remarks))
    facts.memory.append((0, resident()))
    began = time.monotonic()
    last, cpu = 0, time.process_time()
    started = cpu
    for number, kind in _edits(settings):
        batch.append(w.source.edited(number, kind))
        w.clock.advance(WEEK_S / settings.changes)
        done += 1
        facts.kinds[kind] = facts.kinds.get(kind, 0) + 1
        remarked.discard(number)
        for each in remarks.pop(done, ()):
            w.target.remarked(each)
        if len(batch) == BATCH or done == settings.changes:
            await w.bring(batch)
            batch.clear()
            facts.look_at(w.gateway)
        if done in marks:
            now = time.process_time()
            facts.memory.append((done, resident()))
            facts.queued.append(Segment(done, resident(), (now - cpu) / (done - last) * 1e6))
            last, cpu = done, now
            say(f"{done} changes, {facts.memory[-1][1]} MB, {done / (time.monotonic() - began):.0f}/s")
    facts.queueing = Pace.over(done, time.monotonic() - began, time.process_time() - started)
    facts.calls_while_down = w.target.calls_while_down
    facts.queued_lanes, facts.queued_writes = await w.left()
    facts.store_mb.append(w.store_mb)
    facts.only_remarked = sorted(remarked)


def _marks(changes: int) -> set[int]:
    return {changes * part // MARKS for part in range(1, MARKS + 1)}


def _remarks(settings: Settings) -> dict[int, list[int]]:
    """After which change people edit which records in the target, evenly over the week."""
    planned: dict[int, list[int]] = {}
    for each in range(settings.remarks):
        at = 1 + each * settings.changes // settings.remarks
        planned.setdefault(at, []).extend((each, settings.apart[EARLIER + each]))
    return planned


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
    apart = set(settings.apart[:EARLIER])
    for name in ("turn", "note", "comments", "remark"):
        pairs = enumerate(zip(getattr(given, name), getattr(taken, name), strict=True))
        wrong = [number for number, (told, shown) in pairs if told != shown and number not in apart]
        facts.missing.extend(f"{number}: {name} is {getattr(taken, name)[number]}" for number in wrong[:10])
