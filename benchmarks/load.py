"""Drives one subject (floor or gateway) through warm-up, throughput, redelivery and half load; its own process.

`python -m benchmarks.load` reads a `Drive` as JSON from stdin and prints a `Measured` as JSON on stdout.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
import psutil

from benchmarks.loop import run
from benchmarks.sender import Sender, SendError
from benchmarks.target.state import monotonic_us
from benchmarks.verify import Verdict, expected_documents, verify
from benchmarks.workload import Workload

POLL_S = 0.01


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """What to do to whom."""

    hook_port: int
    hook_path: str
    secret: str
    target_url: str
    space: str
    subject_pid: int
    records: int = 10_000
    seed: int = 1
    lines: int = 64
    window: int = 1024
    """How many changes may be under way (sent and not yet at the target) in the closed loop."""
    seconds: float = 15.0
    """Longest time of the throughput phase; it ends earlier when all records are created."""
    latency_seconds: float = 8.0
    load_share: float = 0.5
    """Share of the measured throughput that the open loop sends."""
    patience_s: float = 30.0
    """How long the target may show no progress before the run counts as stuck."""


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float
    p99: float
    worst: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one subject did."""

    throughput_per_s: float
    changes: int
    requests_per_change: float
    cpu_us_per_change: float
    rss_mb: float
    offered_per_s: float
    ack_ms: Percentiles
    change_to_target_ms: Percentiles
    precondition_failures: int
    reads: int
    webhook_retries: int
    verdict: Verdict


class StuckError(Exception):
    """The target saw nothing new for too long."""


class Load:
    """One drive. Phases run in order; each ends when the target shows every change that was sent."""

    def __init__(self, drive: Drive, session: aiohttp.ClientSession) -> None:
        self._drive, self._session = drive, session
        self.workload = Workload(drive.records, drive.seed, distance=2 * drive.window)
        self.sender = Sender("127.0.0.1", drive.hook_port, drive.hook_path, drive.secret, self.workload.stamps)

    async def ask(self, question: str) -> bytes:
        """The target's answer to a question of the bench."""
        url = f"{self._drive.target_url}/_bench/{self._drive.space}/{question}"
        async with self._session.get(url) as answer:
            return await answer.read()

    async def progress(self) -> dict[str, int]:
        """The target's counts now."""
        return msgspec.json.decode(await self.ask("progress"), type=dict[str, int])

    async def warm_up(self) -> None:
        """Creates enough records that the mix can begin, and opens every connection on the way."""
        await self.closed_loop(min(self.workload.distance + 200, self.workload.records // 3))
        await self.sender.idle()

    async def closed_loop(self, changes: int, seconds: float = float("inf")) -> None:
        """Keeps `window` changes under way until `changes` are sent or time is up, then drains."""
        until = monotonic_us() + seconds * 1e6
        goal = self.workload.planned + changes
        while self.workload.planned < goal and monotonic_us() < until:
            under_way = self.workload.planned - (await self.progress())["covered"]
            for _ in range(min(self._drive.window - under_way, goal - self.workload.planned)):
                self.sender.submit(self.workload.next())
            self.sender.check()
            await asyncio.sleep(POLL_S)
        await self.drained()

    async def open_loop(self, per_second: float, seconds: float) -> None:
        """Sends at a fixed rate whatever the answers, then drains."""
        start = monotonic_us()
        for index in range(int(per_second * seconds)):
            due = start + int(index * 1e6 / per_second)
            ahead = due - monotonic_us()
            if ahead > 0:
                await asyncio.sleep(ahead / 1e6)
            self.sender.submit(self.workload.next(), due)
        await self.drained()

    async def redeliver(self) -> None:
        """Sends the last changes a second time, byte for byte; the verdict shows if they had an effect."""
        for change, stamp in list(self.sender.kept):
            self.sender.submit(change, stamp)
        await self.sender.idle()

    async def drained(self) -> None:
        """Waits until all is answered and shown by the target. Raises StuckError, SendError."""
        await self.sender.idle()
        last, since = -1, monotonic_us()
        while (covered := (await self.progress())["covered"]) < self.workload.planned:
            if covered != last:
                last, since = covered, monotonic_us()
            if monotonic_us() - since > self._drive.patience_s * 1e6:
                raise StuckError(f"{self.workload.planned - covered} of {self.workload.planned} changes do not arrive")
            await asyncio.sleep(POLL_S)


async def measure(drive: Drive) -> Measured:
    """All phases and the verdict. Raises StuckError, SendError, OSError."""
    subject = psutil.Process(drive.subject_pid)
    async with aiohttp.ClientSession() as session:
        load = Load(drive, session)
        await load.sender.open(drive.lines)
        try:
            await load.warm_up()
            before, started, cpu = await load.progress(), monotonic_us(), _cpu_s(subject)
            await load.closed_loop(load.workload.changes_left, drive.seconds)
            after, used = await load.progress(), _cpu_s(subject) - cpu
            changes = after["covered"] - before["covered"]
            throughput = changes * 1e6 / (after["last_effect_us"] - started)
            await load.redeliver()
            await load.ask("latencies")
            load.sender.ack_us.clear()
            await load.open_loop(throughput * drive.load_share, drive.latency_seconds)
            to_target_us = msgspec.json.decode(await load.ask("latencies"), type=list[int])
            end = await load.progress()
            dump = msgspec.json.decode(await load.ask("dump"), type=list[dict[str, Any]])
        finally:
            load.sender.close()
    return Measured(
        throughput_per_s=throughput,
        changes=changes,
        requests_per_change=_requests(after, before) / changes,
        cpu_us_per_change=used * 1e6 / changes,
        rss_mb=subject.memory_info().rss / 1e6,
        offered_per_s=throughput * drive.load_share,
        ack_ms=percentiles(load.sender.ack_us),
        change_to_target_ms=percentiles(to_target_us),
        precondition_failures=end["mismatches"],
        reads=end["reads"],
        webhook_retries=load.sender.retries,
        verdict=verify(expected_documents(load.workload), dump, idle_updates=end["idle_updates"]),
    )


def percentiles(values_us: Sequence[int]) -> Percentiles:
    """Of microseconds, in milliseconds, by nearest rank; all 0 for no values."""
    ordered = sorted(values_us) or [0]
    ranks = (max(0, math.ceil(len(ordered) * share) - 1) for share in (0.5, 0.99, 1.0))
    return Percentiles(*(ordered[rank] / 1000 for rank in ranks))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _requests(after: dict[str, int], before: dict[str, int]) -> int:
    return sum(after[name] - before[name] for name in ("creates", "updates", "reads", "mismatches"))


def main() -> int:
    """Exit 1, with the reason on stderr, when there is no result."""
    drive = msgspec.json.decode(sys.stdin.buffer.read(), type=Drive)
    try:
        measured = run(measure(drive))
    except (StuckError, SendError, OSError, aiohttp.ClientError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
