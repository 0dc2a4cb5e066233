"""Stream and decider as one process that is killed: `python -m tests.promises.pipeline DIRECTORY FIRST`.

It appends changes numbered from FIRST on and says `accepted N` only after the stream took it, as intake answers
2xx. With FIRST `drain` it appends nothing, handles what is left, and says `quiet`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from connectors.contract.clock import SystemClock
from connectors.contract.values import Change, ChangeKind, Snapshot
from gateway.app.consume import Consumer
from gateway.storage.database import Database
from gateway.streams.port import Stream, open_stream
from gateway.sync.batch import Topology
from gateway.sync.decider import Decider
from tests.scenarios.world_of_two import START
from tests.support.gateway import flow_of
from tests.support.speaking import say
from tests.support.tables import make_tables
from tests.support.waiting import until
from tests.support.world import FakeClock, System

OBJECTS = 7
PARTITIONS = 3


def change(number: int) -> Change:
    """The Nth edit: objects take turns, each counts its own versions."""
    thing, version = f"a{number % OBJECTS}", number // OBJECTS + 1
    snapshot = Snapshot(object="thing", id=thing, version=version, raw={**START, "x": str(number)})
    return Change(
        connection="a",
        delivery_key=f"edit-{number}",
        kind=ChangeKind.SNAPSHOT,
        snapshot=snapshot,
        received_at=float(number),
    )


async def _append(stream: Stream, first: int) -> None:
    number = first
    while True:
        each = change(number)
        await stream.append(each.stream_key, msgspec.json.encode(each))
        say(f"accepted {number}")
        number += 1


async def _handled(stream: Stream) -> bool:
    lag = stream.health().lag
    return bool(lag) and not sum(lag.values())


async def main(directory: Path, first: str) -> None:
    """One life of the process."""
    database = Database(f"sqlite+aiosqlite:///{directory}/store.db")
    await make_tables(database)
    clock = FakeClock()
    flow = flow_of([System("a", clock), System("b", clock)])
    decider = Decider(database, Topology.of([flow]), SystemClock())
    await decider.start()
    stream = open_stream(
        f"sqlite:///{directory / 'stream.db'}", name="changes", partitions=PARTITIONS, clock=SystemClock()
    )
    consumer = Consumer(decider)
    stream.consume(consumer.handle)
    await stream.start()
    if first != "drain":
        await _append(stream, int(first))
    await until(lambda: _handled(stream), what="the stream to be handled")
    await stream.stop()
    await decider.stop()
    await database.close()
    say("quiet")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
