"""How long from a commit to the octets at a receiver's socket, one event after the other."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from gateway.config.siem import Syslog
from gateway.storage.database import Database
from tests.support.feeding import SIGNER, arrived, feeding, place_of, sink_of, write
from tests.support.tables import make_tables
from tests.support.waiting import until

_NUMBER = re.compile(rb'"n":(\d+)')
EVERY_S = 0.02


class Listener:
    """Takes everything, and notes when each event came."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the sender ends; then it ends, too."""
        left = b""
        while data := await reader.read(1 << 16):
            now = time.monotonic()
            left += data
            for found in _NUMBER.finditer(left):
                self.at.setdefault(int(found[1]), now)
            left = left[-64:]
        writer.close()


async def measured(home: Path, events: int) -> list[float]:
    """Seconds, sorted, of so many events."""
    database = Database(f"sqlite+aiosqlite:///{home}/latency.db", signer=lambda: SIGNER)
    listener, committed = Listener(), {}
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        await make_tables(database)
        sink = sink_of("soc", Syslog("127.0.0.1", port, None, window_s=1.0), form="json")
        async with feeding(place_of(database, sink)):
            await arrived(database, "soc", 1)
            for n in range(1000, 1000 + events):
                await write(database, 1, detail={"n": n})
                committed[n] = time.monotonic()
                await asyncio.sleep(EVERY_S)
            await until(lambda: listener.at.keys() >= committed.keys(), what="all of them")
    finally:
        server.close()
        await database.close()
    return sorted(listener.at[n] - at for n, at in committed.items())
