"""`python -m benchmarks.micro.streams`: the stream alone, taking and handing on 1 KB values, single and in frames."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.loop import run
from benchmarks.micro.timing import show
from connectors.contract.clock import SystemClock
from gateway.streams.port import Stream, open_stream

VALUE = b"x" * 1024


async def appended(stream: Stream, values: int, at_once: int) -> float:
    """Values a second, appended one by one by `at_once` tasks: the way intake does it."""
    start = time.perf_counter()

    async def one_by_one(first: int) -> None:
        for number in range(first, values, at_once):
            await stream.append(f"k{number % 997}", VALUE)

    await asyncio.gather(*(one_by_one(first) for first in range(at_once)))
    return values / (time.perf_counter() - start)


async def appended_together(stream: Stream, values: int, together: int) -> float:
    """Values a second, appended `together` at a time: the way a poll does it."""
    start = time.perf_counter()
    for first in range(0, values, together):
        batch = [(f"k{number % 997}", VALUE) for number in range(first, min(first + together, values))]
        await stream.append_many(batch)
    return values / (time.perf_counter() - start)


async def consumed(url: str, expected: int) -> float:
    """Values a second that a handler without work is given out of a backlog, start of the engine left out."""
    stream = open_stream(url, name="changes", partitions=4, clock=SystemClock())
    done, seen, first_at = asyncio.Event(), 0, 0.0

    async def handler(values: Sequence[bytes]) -> None:
        nonlocal seen, first_at
        first_at = first_at or time.perf_counter()
        seen += len(values)
        if seen >= expected:
            done.set()

    stream.consume(handler)
    await stream.start()
    await asyncio.wait_for(done.wait(), 120)
    rate = expected / (time.perf_counter() - first_at)
    await stream.stop()
    return rate


async def measure(values: int) -> tuple[dict[str, float], dict[str, float]]:
    """Rates of appending and of handing on."""
    appends, takes = {}, {}
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        for name, at_once, together in (("single", 1, 0), ("64 at once", 64, 0), ("100 together", 0, 100)):
            url = f"sqlite:///{Path(folder) / f'{at_once}-{together}.db'}"
            count = values // 10 if at_once == 1 else values
            stream = open_stream(url, name="changes", partitions=4, clock=SystemClock())
            await stream.start()
            rate = appended(stream, count, at_once) if at_once else appended_together(stream, count, together)
            appends[name] = await rate
            await stream.stop()
            takes[name] = await consumed(url, count)
    return appends, takes


def main() -> None:
    """Prints values a second and the ratios to single appends, whose frames hold one value each."""
    parser = argparse.ArgumentParser(prog="benchmarks.micro.streams", description=__doc__)
    parser.add_argument("--values", type=int, default=20_000)
    appends, takes = run(measure(parser.parse_args().values))
    show("append", appends, unit="values/s", base="single")
    show("hand on what was appended so", takes, unit="values/s", base="single")


if __name__ == "__main__":
    main()
