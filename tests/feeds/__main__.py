"""`make siem N=50000`: events to real receivers that are killed; the verifier must find them complete."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.feeds.killing import run
from tests.feeds.latency import measured

BOUND_S = 1.0


def main() -> int:
    """0: all are complete, the deleted line is named, and events are quick; 1: not so."""
    parser = argparse.ArgumentParser(prog="python -m tests.feeds", description=__doc__)
    parser.add_argument("events", type=int, nargs="?", default=50_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timed", type=int, default=500, help="events of which the time to the socket is taken")
    given = parser.parse_args()

    def tell(text: str) -> None:
        sys.stderr.write(text + "\n")

    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found = asyncio.run(run(Path(folder), given.events, given.kills, seed=given.seed, tell=tell))
        took_s = time.monotonic() - began
        times = asyncio.run(measured(Path(folder), given.timed))
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    for each in found:
        tell(
            f"{each.sink}: {each.events} events, {each.kills} kills, {each.stored} lines ({each.doubled} doubled), "
            f"{'complete' if each.complete else 'NOT complete'}; without event {each.deleted}: "
            f"{'named' if each.named else 'NOT named'}"
        )
    tell(f"from commit to socket: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms")
    told = {"seconds": round(took_s, 1), "sinks": [asdict(each) for each in found], "p50_s": p50, "p99_s": p99}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0 if all(each.complete and each.named for each in found) and p99 < BOUND_S else 1


if __name__ == "__main__":
    sys.exit(main())
