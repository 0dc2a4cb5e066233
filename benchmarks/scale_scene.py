"""What is up during one run of `make scale`, the load on it, and workers that come and go under it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from benchmarks.load import POLL_S, Drive, Load, Percentiles, percentiles
from benchmarks.rounds import CONFIG, SECRET, TOKEN
from benchmarks.scale_crew import Crew, Hand, Place
from benchmarks.scale_doors import Doors
from benchmarks.scale_store import Store
from benchmarks.sender import Sender
from gateway.audit.keys import VARIABLE
from scripts.real_parts import Servers

SIGNING_KEY = "d29ya2VycyBvZiBhIHdob2xlIHJ1biBzaWduIHRoaXM="
"""All workers of a database sign its trail with one key."""
PARTITIONS = 8
WINDOW = 64
"""Creates under way in the warm-up."""
FULL = 256
"""Changes under way where a run goes as fast as it can."""
WARM_FOR_FULL = 4 * FULL
"""So many records have to be there then, or the updates would all meet the same few."""
RECORDS = 1_000_000
"""More than any run creates, so that the mix never runs out of creates."""
STEPS = ("1 worker", "a 2nd joined", "a 3rd joined", "the 1st was stopped", "the 2nd was killed")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is to be."""

    workers: int
    rate: float
    """Changes per second, over all workers; 0: as fast as it goes, with `FULL` changes under way."""
    seconds: float = 20.0
    idle_s: float = 10.0
    warm: int = 600
    """Records that are created before anything is measured."""
    seed: int = 1


class Step(msgspec.Struct, frozen=True):
    """What people had to wait for while workers came and went: from a change to its effect, of those that arrived."""

    name: str
    changes: int
    to_target_ms: Percentiles


@dataclass(slots=True)
class Scene:
    """Everything of one run that is up."""

    order: Order
    servers: Servers
    crew: Crew
    load: Load
    store: Store

    async def create(self, records: int) -> None:
        """Creates so many, and waits until the target has them."""
        load, goal = self.load, self.load.workload.planned + records
        while load.workload.planned < goal:
            under_way = load.workload.planned - (await load.progress())["covered"]
            for _ in range(min(WINDOW - under_way, goal - load.workload.planned)):
                load.sender.submit(load.workload.next_create())
            load.sender.check()
            await asyncio.sleep(POLL_S)
        await load.drained()

    async def work(self) -> None:
        """The load, until the target shows it."""
        if self.order.rate:
            await self.load.open_loop(self.order.rate, self.order.seconds)
        else:
            await self.load.closed_loop(RECORDS, self.order.seconds)

    async def waits(self) -> list[int]:
        """Microseconds from change to effect of what had an effect since this was asked the last time."""
        return msgspec.json.decode(await self.load.ask("latencies"), type=list[int])

    async def move(self) -> list[Step]:
        """The load goes on while two workers join, the first is stopped and the second is killed."""
        steps, part_s = list[Step](), self.order.seconds / (len(STEPS) + 1)  # the last one has two parts
        await self.waits()
        loading = asyncio.create_task(self.work())
        first = self.crew.hands[0]
        joined: list[Hand] = []
        for name in STEPS:
            if name.endswith("joined"):
                joined.append(await self.crew.join())
            elif name.endswith("stopped"):
                await self.crew.stop(first)
            elif name.endswith("killed"):
                await self.crew.kill(joined[0])
            last = name == STEPS[-1]
            await asyncio.wait({loading}, timeout=None if last else part_s)
            waits = await self.waits()
            steps.append(Step(name, len(waits), percentiles(waits)))
        await loading
        return steps


@asynccontextmanager
async def scene(order: Order, servers: Servers, home: Path, target: str) -> AsyncIterator[Scene]:
    """Workers on an empty database and a topic of their own, in the empty folder `home`.

    Raises ChildFailed, UnevenError.
    """
    database = servers.cluster.create_database()
    name = database.replace("_", "-")
    place = Place(home, _config(home, name), PARTITIONS, _environment(servers, database, target))
    store = Store(servers, database, f"{name}-changes")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as http:
        doors = Doors()
        load = Load(_drive(order, target), http)
        load.sender = Sender("127.0.0.1", 0, "/hooks/src", SECRET, load.workload.stamps, doors)
        crew = Crew(place, doors, http)
        try:
            for _ in range(order.workers):
                await crew.join()
            await crew.shared_out()
            yield Scene(order, servers, crew, load, store)
        finally:
            await crew.end()
            doors.close()
            await store.close()
            servers.cluster.drop_database(database)


def _config(home: Path, name: str) -> Path:
    """A copy in which the installation has that name, and so a topic of its own."""
    shutil.copytree(CONFIG, home / "config")
    file = home / "config" / "scale.yaml"
    file.write_text(file.read_text().replace("name: scale", f"name: {name}"))
    return file


def _environment(servers: Servers, database: str, target: str) -> dict[str, str]:
    return {
        "LOCKSTEP_STREAM": servers.broker.url,
        "LOCKSTEP_DATABASE": servers.cluster.url(database),
        "BENCH_TARGET": target,
        "BENCH_TOKEN": TOKEN,
        "BENCH_SECRET": SECRET,
        VARIABLE: SIGNING_KEY,
    }


def _drive(order: Order, target: str) -> Drive:
    return Drive(
        hook_port=0,
        hook_path="/hooks/src",
        secret=SECRET,
        target_url=target,
        space="dst",
        subject_pid=0,
        records=RECORDS,
        seed=order.seed,
        window=WINDOW if order.rate else FULL,
        patience_s=60.0,
    )
