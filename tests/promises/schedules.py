"""Random schedules against the real rules on a real database: drawn, replayed and shrunk."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from unittest.mock import patch

from connectors.contract.values import VersionKind
from gateway.delivery.breaker import Gate, GateSettings
from gateway.sync import absorb as absorbing
from gateway.sync import arrive, gap, observe, probe
from gateway.sync.backoff import Backoff
from gateway.sync.decider import Decider
from gateway.sync.flow import Merge, Policy
from gateway.sync.unit import Unit
from gateway.sync.worker import Worker
from tests.promises.chances import Chances
from tests.promises.ghost import START, TOKENS, VERSION, Pace, Traced, Truth
from tests.promises.judge import Judge
from tests.promises.settings import Setting, start_of
from tests.promises.simulated import Watch, run, world_clock
from tests.promises.story import MOVES, SETTLES_S, Op, Story, TracingRunner
from tests.promises.troubles import LEASE_S, TIMEOUT_S, Troubles
from tests.promises.view import View
from tests.support.gateway import Bench, NoChance, bench
from tests.support.world import FakeClock

WORKERS = ("one", "two")
LENGTHS = (14, 24, 36, 60)
"""Operations of a schedule, in turn."""


def _systems(given: Setting, clock: FakeClock, truth: Truth, pace: Pace) -> list[Traced]:
    normal: dict[str, Callable[[str, Any], Any]] = {}
    if "lossy" in given.feats:
        normal["b"] = lambda name, value: value[:2] if name == "x" and value else value
        normal["a"] = lambda name, value: value.lower() if name == "x" and value else value
    return [
        Traced(
            name,
            clock,
            kind=given.kind,
            has_history=given.history,
            conditional=given.conditional,
            granularity_s=given.tick_s if given.kind is VersionKind.TIMESTAMP else 0.001,
            settles_s=SETTLES_S,
            normalise=normal.get(name, lambda name, value: value),
            moves=MOVES if "steps" in given.feats and name == given.systems[-1] else {},
            probes=not ("noprobe" in given.feats and name == "c"),
            truth=truth,
            pace=pace,
            delta=given.delta,
            shows="shows" in given.feats,
        )
        for name in given.systems
    ]


def _options(given: Setting) -> dict[str, Any]:
    options: dict[str, Any] = {"mappings": {}}
    if "lossy" in given.feats:
        options["mappings"] = {"a": "loud", "b": "short"}
    if "steps" in given.feats:
        options["mappings"][given.systems[-1]] = "stepped"
    if "latest" in given.feats:
        options["latest_only"] = ("x", "y")
    if "create" in given.feats:
        options["natural"] = "y"
        options["policies"] = {"y": Policy(Merge.LATEST, tuple(given.systems))}
    return options


@asynccontextmanager
async def story(given: Setting, database: Any) -> AsyncIterator[Story]:
    """A gateway over the systems of a setting, with one linked thing unless things are to be created."""
    database.empty()
    clock, truth, pace = world_clock(), Truth(), Pace()
    database.ended = truth.settle
    watches = {worker: Watch(clock) for worker in WORKERS}
    fire, stops = "fire" in given.feats, {"fire", "rivals"} <= given.feats
    systems = _systems(given, clock, truth, pace)
    async with AsyncExitStack() as stack:
        _listen(stack, truth)
        gateway = await stack.enter_async_context(
            bench("", systems, watches["one"], database=database, **_options(given))  # type: ignore[arg-type]
        )
        deciders = await _deciders(stack, gateway, watches) if fire else dict.fromkeys(WORKERS, gateway.decider)
        runners = {
            (system.name, worker): _runner(system, decider, worker, watches[worker], truth, fire=fire, stops=stops)
            for system in systems
            for worker, decider in deciders.items()
        }
        for system in systems:
            gateway.runners[system.name] = runners[(system.name, "one")]
            system.watch = watches["one"] if fire else None
        view = View(gateway, database)
        told = Story(given, gateway, truth, pace, {s.name: s for s in systems}, runners, deciders, view)
        if "create" not in given.feats:
            await _link(told)
        if "eager" in given.feats:
            told.begin_at_once()
        if fire:
            told.troubles = Troubles(told, database, watches)
        yield told
        await told.kill(WORKERS)


async def _deciders(stack: AsyncExitStack, gateway: Bench, watches: Mapping[str, Watch]) -> dict[str, Decider]:
    """Worker "two" is a process of its own: its own memory, its own clock."""
    other = Decider(gateway.database, gateway.decider.topology, watches["two"])
    await other.start()
    stack.push_async_callback(other.stop)
    return {"one": gateway.decider, "two": other}


def _runner(
    system: Traced, decider: Decider, worker: str, watch: Watch, truth: Truth, *, fire: bool, stops: bool
) -> TracingRunner:
    """Outside of fire nobody asks gates, and nothing is ever too slow."""
    gate = Gate(watch, None if fire else GateSettings(failures=10_000))
    patience = (LEASE_S, TIMEOUT_S) if fire else (2000.0, 1000.0)
    made = TracingRunner(system.name, system, gate, Worker(worker, *patience, Backoff(NoChance())), decider, watch)
    made.truth, made.pace = truth, system.pace if stops else None
    return made


async def _link(told: Story) -> None:
    first = next(iter(told.systems.values()))
    first.born({}, **start_of(told.setting))
    await told.bench.settle()
    record = await told.bench.record()
    for canon in record.fields.values():
        told.truth.tokens[(record.id, canon.now.fver)] = START
    for system in told.systems.values():
        for thing in system.things.values():
            thing.raw[TOKENS] = dict.fromkeys(thing.raw[TOKENS], START)
        system.tries.clear()
    told.before = {(notice.connection, notice.delivery_key) for notice in await told.bench.notices()}
    told.truth.writes = 0


def _listen(stack: AsyncExitStack, truth: Truth) -> None:
    """Notes who typed what the gateway decides on, as it folds observations in."""

    def absorb(unit: Unit, seen: Any) -> list[str]:
        before = unit.state.counter
        moved = absorbing.absorb(unit, seen)
        tokens = seen.snapshot.raw.get(TOKENS, {})
        truth.folding.append((seen.connection, seen.snapshot.id, seen.snapshot.raw.get(VERSION, 0)))
        for name, canon in unit.state.fields.items():
            key = (unit.state.id, canon.now.fver)
            if canon.now.fver > before:
                truth.tokens[key] = tokens.get(name)
            elif name in seen.exts and absorbing.agrees(
                unit.member(seen.connection), name, canon.now.value, seen.exts[name]
            ):
                truth.same(tokens.get(name), truth.tokens.get(key))
        return moved

    overwritten = gap._overwritten

    def from_history(unit: Unit, connection: str, name: str, ext: Any, entry: Any) -> None:
        before = unit.state.counter
        overwritten(unit, connection, name, ext, entry)
        canon = unit.state.fields.get(name)
        if canon is not None and canon.now.fver > before:
            truth.tokens[(unit.state.id, canon.now.fver)] = entry.after.get(TOKENS, {}).get(name)

    decide = Unit.decide

    def decided(self: Unit, name: str, value: Any, source: str, when: Any, *, mapping: str = "") -> int:
        fver = decide(self, name, value, source, when, mapping=mapping)
        if source == "operator":
            old = self.state.fields[name].trail[-1]
            same = truth.tokens.get((self.state.id, old.fver)) if old.value == value else truth.newest(name, value)
            truth.tokens[(self.state.id, fver)] = same
        return fver

    def put_back(unit: Unit, seen: Any) -> list[str]:
        moved = absorbing.absorb(unit, seen)  # of what was seen before: whoever typed it is named by nothing here
        for name in moved:
            canon = unit.state.fields[name].now
            truth.tokens[(unit.state.id, canon.fver)] = truth.newest(name, seen.exts[name])
        return moved

    stack.enter_context(patch.object(probe, "absorb", put_back))
    stack.enter_context(patch.object(arrive, "absorb", absorb))
    stack.enter_context(patch.object(observe, "absorb", absorb))
    stack.enter_context(patch.object(gap, "_overwritten", from_history))
    stack.enter_context(patch.object(Unit, "decide", decided))


async def replay(given: Setting, ops: Sequence[Op], database: Any) -> list[tuple[str, str]]:
    """Runs a schedule and judges it."""
    async with story(given, database) as told:
        for op in ops:
            await told.do(op)
        return await Judge(told).check()


async def explore(given: Setting, seed: int, steps: int, database: Any, ops: list[Op]) -> list[tuple[str, str]]:
    """Draws a schedule by chance, notes it in `ops`, and judges it."""
    chance = random.Random(seed)
    async with story(given, database) as told:
        for _ in range(steps):
            choices = await Chances(told).enabled()
            op = chance.choices([op for _, op in choices], [weight for weight, _ in choices])[0]
            ops.append(op)
            await told.do(op)
        return await Judge(told).check()


def shrink(given: Setting, ops: Sequence[Op], promise: str, database: Any) -> list[Op]:
    """The shortest part of a schedule that still breaks the same promise."""
    kept = list(ops)

    def bad(part: Sequence[Op]) -> bool:
        try:
            return any(kind == promise for kind, _ in run(replay(given, part, database)))
        except Exception:  # noqa: BLE001
            return promise == "CRASH"

    if not bad(kept):
        return kept
    moved = True
    while moved:
        moved = False
        for size in (8, 4, 2, 1):
            at = 0
            while at < len(kept):
                part = kept[:at] + kept[at + size :]
                if bad(part):
                    kept, moved = part, True
                else:
                    at += size
    return kept
