"""One run of `make scale`: records are created, nothing happens for a while, then changes come at a fixed rate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from benchmarks.load import Percentiles, percentiles
from benchmarks.processes import free_port, running
from benchmarks.rounds import TOKEN
from benchmarks.scale_meter import Rates, Reading, Spent, memory_mb, read
from benchmarks.scale_scene import Order, Scene, Step, scene
from benchmarks.scale_store import Held
from benchmarks.verify import Verdict, expected_documents, verify
from scripts.real_parts import Servers

SETTLE_S = 3.0
"""What the last changes left to do is not idling."""
TAIL_S = 1.5
"""After the last effect: offsets are committed every second."""


class Asked(msgspec.Struct, frozen=True):
    """How often the database was asked, and the target."""

    commits: float
    """Per change, beyond those of the quiet period; so are the statements."""
    statements: float
    requests: float
    """To the target, per change."""
    idle_commits_per_s: float
    idle_statements_per_s: float
    wal_bytes: float
    """Of the write-ahead log, per change."""


class Steady(msgspec.Struct, frozen=True, kw_only=True):
    """What changes at a fixed rate cost, with the same workers from beginning to end."""

    changes: int
    creates: int
    seconds: float
    """From the first change until all was quiet."""
    idle: Rates
    spent: Spent
    asked: Asked
    to_target_ms: Percentiles
    connections: int
    memory_mb: list[float]
    fresh: Held
    """Before the first record."""
    created: Held
    """When nothing but `Order.warm` creates had been done, without dead rows."""
    held: Held
    """After the load, without dead rows."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One run. It has either costs or steps: what a worker used that is gone cannot be compared."""

    order: Order
    partitions: list[int]
    """Of each worker, at the end."""
    steady: Steady | None
    steps: list[Step]
    changes: int
    """That were sent, warm-up included."""
    resent: int
    """Webhooks that were not answered with a 2xx and were sent again."""
    repeated: int
    """Webhooks that were sent again on purpose, byte for byte."""
    refused_writes: int
    """By the target, because their ETag was not the present one."""
    cases: int
    defects: int
    verdict: Verdict

    @property
    def holds(self) -> bool:
        """Nothing lost, doubled or out of order; no case, no defect; at a fixed rate each change had its own effect."""
        apart = self.steady is None or not self.order.rate or self.verdict.coalesced == 0
        return self.verdict.holds and not self.cases and not self.defects and apart


@dataclass(frozen=True, slots=True)
class _Mark:
    cpu: Reading
    held: Held


def play(order: Order, servers: Servers, home: Path, *, moving: bool = False) -> Outcome:
    """In the empty folder `home`. `moving`: workers come and go.

    Raises ChildFailed, StartError, StuckError, SendError, UnevenError.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "benchmarks.target", "--port", str(port), "--token", TOKEN]
    with running(command, core=None, log=home / "target.log", ready=f"{url}/_bench/dst/progress"):
        return asyncio.run(_play(order, servers, home, url, moving=moving))


async def _play(order: Order, servers: Servers, home: Path, url: str, *, moving: bool) -> Outcome:
    async with scene(order, servers, home, url) as up:
        fresh = await up.store.held()
        await up.create(order.warm)
        steps = await up.move() if moving else []
        steady = None if moving else await _steady(up, fresh)
        partitions = await up.crew.shared_out()
        repeated = len(up.load.sender.kept)
        await up.load.redeliver()
        await asyncio.sleep(SETTLE_S)
        end = await up.load.progress()
        dump = msgspec.json.decode(await up.load.ask("dump"), type=list[dict[str, Any]])
        return Outcome(
            order=order,
            partitions=partitions,
            steady=steady,
            steps=steps,
            changes=up.load.workload.planned,
            resent=up.load.sender.retries,
            repeated=repeated,
            refused_writes=end["mismatches"],
            cases=await up.store.cases(),
            defects=_defects(home),
            verdict=verify(expected_documents(up.load.workload), dump, idle_updates=end["idle_updates"]),
        )


async def _steady(up: Scene, fresh: Held) -> Steady:
    """Quiet, then the load."""
    load, order = up.load, up.order
    await up.store.pack()
    await asyncio.sleep(SETTLE_S)
    quiet = await _mark(up)
    await asyncio.sleep(order.idle_s)
    before = await _mark(up)
    planned, records, requests = load.workload.planned, len(load.workload.tickets), await _requests(up)
    await up.waits()
    await up.work()
    await asyncio.sleep(TAIL_S)
    after = await _mark(up)
    changes = load.workload.planned - planned
    connections = await up.store.connections()
    await up.store.pack()
    idle = Rates.between(quiet.cpu, before.cpu)
    return Steady(
        changes=changes,
        creates=len(load.workload.tickets) - records,
        seconds=after.cpu.at - before.cpu.at,
        idle=idle,
        spent=Spent.on(changes, before.cpu, after.cpu, idle),
        asked=_asked(quiet, before, after, changes, (await _requests(up) - requests) / changes),
        to_target_ms=percentiles(await up.waits()),
        connections=connections,
        memory_mb=memory_mb(up.crew.hands),
        fresh=fresh,
        created=quiet.held,
        held=await up.store.held(),
    )


async def _mark(up: Scene) -> _Mark:
    held = await up.store.held()
    return _Mark(read(up.crew.hands, up.servers), held)


def _asked(quiet: _Mark, before: _Mark, after: _Mark, changes: int, requests: float) -> Asked:
    idle_s, seconds = before.cpu.at - quiet.cpu.at, after.cpu.at - before.cpu.at
    commits = (before.held.commits - quiet.held.commits) / idle_s
    calls = (before.held.calls - quiet.held.calls) / idle_s
    return Asked(
        commits=(after.held.commits - before.held.commits - commits * seconds) / changes,
        statements=(after.held.calls - before.held.calls - calls * seconds) / changes,
        requests=requests,
        idle_commits_per_s=commits,
        idle_statements_per_s=calls,
        wal_bytes=(after.held.wal_bytes - before.held.wal_bytes) / changes,
    )


async def _requests(up: Scene) -> int:
    progress = await up.load.progress()
    return sum(progress[name] for name in ("creates", "updates", "reads", "mismatches"))


def _defects(home: Path) -> int:
    """Log lines of the workers that tell of a defect of ours."""
    lines = (line for log in home.glob("worker-*.log") for line in log.read_text(errors="replace").splitlines())
    return sum("defect" in line or _level(line) == "critical" for line in lines)


def _level(line: str) -> str:
    try:
        return str(orjson.loads(line).get("level", ""))
    except (orjson.JSONDecodeError, AttributeError):
        return ""
