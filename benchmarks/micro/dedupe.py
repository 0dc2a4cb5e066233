"""`python -m benchmarks.micro.dedupe [--keys N ...]`: what a repeated delivery costs to recognise as the journal grows.

Goes through the product's own table and statement. Half of each batch was seen before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.loop import run
from benchmarks.micro.timing import GOES, show
from connectors.contract.values import Change, ChangeKind, Snapshot
from gateway.core.ids import new_id
from gateway.storage.database import Database
from gateway.sync.store import insert_notices, unseen
from gateway.sync.tables import metadata
from gateway.sync.unit import Arrival

BATCH = 256
PAYLOAD = {"text": "x" * 40}
"""Short: what is measured is the key, and a million kilobytes would measure the disk."""


def arrival(number: int) -> Arrival:
    """A notice with its own id and the delivery key of `number`."""
    snapshot = Snapshot(object="ticket", id=f"s{number % 10_000}", version=number, raw=PAYLOAD)
    change = Change(
        connection="src",
        delivery_key=f"d-{number * 2654435761 % 2**32:08x}-{number}",
        kind=ChangeKind.SNAPSHOT,
        snapshot=snapshot,
        received_at=1.0 + number,
    )
    return Arrival(new_id("n"), change)


async def fill(database: Database, start: int, stop: int) -> None:
    """Stores the notices of `start` up to `stop`."""
    for first in range(start, stop, 4096):
        async with database.begin() as tx:
            await insert_notices(tx, [arrival(number) for number in range(first, min(first + 4096, stop))])


async def cost_us(database: Database, known: int) -> float:
    """Microseconds per key of a batch, half of it known; the best of several, each rolled back."""
    best = float("inf")
    for go in range(GOES * 4):
        spread = max(1, known // BATCH)
        batch = [arrival(index * spread + go) for index in range(BATCH // 2)]
        batch += [arrival(known + go * BATCH + index) for index in range(BATCH // 2)]
        async with database.begin() as tx:
            start = time.perf_counter()
            fresh = await unseen(tx, batch)
            await insert_notices(tx, [each for each in batch if each.id in fresh])
            best = min(best, time.perf_counter() - start)
            await tx.rollback()
        if len(fresh) != BATCH // 2:
            raise AssertionError(f"{len(fresh)} of {BATCH // 2} new keys were taken for new")
    return best / BATCH * 1e6


async def measure(sizes: list[int]) -> dict[str, float]:
    """Cost by number of keys already known."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'dedupe.sqlite'}")
        async with database.begin() as tx:
            await tx.run_sync(metadata.create_all)
        filled = 0
        for size in sorted(sizes):
            await fill(database, filled, size)
            filled = size
            figures[f"{size:,} keys"] = await cost_us(database, size)
        await database.close()
    return figures


def main() -> None:
    """Prints the cost per key and the ratio to the smallest table."""
    parser = argparse.ArgumentParser(prog="benchmarks.micro.dedupe", description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[100_000, 1_000_000])
    sizes = parser.parse_args().keys
    figures = run(measure(sizes))
    show(f"dedupe, batches of {BATCH}", figures, unit="us a key", base=f"{min(sizes):,} keys")


if __name__ == "__main__":
    main()
