"""The floor: what this workload costs when it is written by hand with no guarantees but group-committed SQLite.

webhook -> HMAC -> append -> dedupe -> 25-field mapping -> POST or PUT -> mark, one process, aiohttp at both ends. It
keeps order per record and remembers ids and ETags in memory; it does not merge, recover, probe, retry, audit or hold.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
from aiohttp import web

from benchmarks import signing
from benchmarks.fields import to_target
from benchmarks.loop import run

AT_ONCE = 64
"""Requests to the target at the same time, one per record."""


class Arrival(NamedTuple):
    """A webhook that passed its check, with the future its answer waits for."""

    delivery: str
    body: bytes
    ticket: dict[str, Any]
    durable: asyncio.Future[None]


class Ledger:
    """One SQLite file and one thread. Everything that waits is written in one transaction, then the next."""

    def __init__(self, path: Path, fresh: asyncio.Queue[Arrival]) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE log (position INTEGER PRIMARY KEY, delivery TEXT, body BLOB)")
        self._database.execute("CREATE TABLE seen (delivery TEXT PRIMARY KEY, version INTEGER) WITHOUT ROWID")
        self._fresh = fresh
        self._arrivals: list[Arrival] = []
        self._landed: list[Arrival] = []
        self._marks: list[tuple[int, str]] = []
        self._work = asyncio.Event()

    def append(self, arrival: Arrival) -> None:
        """Resolves `arrival.durable` once the log has it."""
        self._arrivals.append(arrival)
        self._work.set()

    def mark(self, delivery: str, version: int) -> None:
        """Notes the outcome with the next transaction."""
        self._marks.append((version, delivery))
        self._work.set()

    async def write_on(self) -> None:
        """Writes until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            arrivals, self._arrivals = self._arrivals, []
            landed, self._landed = self._landed, []
            marks, self._marks = self._marks, []
            known = await loop.run_in_executor(self._thread, self._commit, arrivals, landed, marks)
            for arrival in landed:
                if arrival.delivery not in known:
                    self._fresh.put_nowait(arrival)
            for arrival in arrivals:
                if not arrival.durable.done():
                    arrival.durable.set_result(None)
            if arrivals:
                self._landed.extend(arrivals)
                self._work.set()

    def _commit(self, arrivals: list[Arrival], landed: list[Arrival], marks: list[tuple[int, str]]) -> set[str]:
        run_many, run_one = self._database.executemany, self._database.execute
        run_one("BEGIN IMMEDIATE")
        run_many("INSERT INTO log (delivery, body) VALUES (?, ?)", [(a.delivery, a.body) for a in arrivals])
        known = {
            arrival.delivery
            for arrival in landed
            if not run_one("INSERT OR IGNORE INTO seen VALUES (?, NULL)", (arrival.delivery,)).rowcount
        }
        run_many("UPDATE seen SET version = ? WHERE delivery = ?", marks)
        run_one("COMMIT")
        return known


class Floor:
    """The whole pipeline."""

    def __init__(self, target_url: str, token: str, secret: str, data: Path) -> None:
        self._url = f"{target_url}/tickets"
        self._secret = secret.encode()
        self._fresh: asyncio.Queue[Arrival] = asyncio.Queue()
        self._ledger = Ledger(data, self._fresh)
        self._lanes: dict[str, deque[Arrival]] = {}
        self._known: dict[str, tuple[str, str]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            connector=aiohttp.TCPConnector(limit=AT_ONCE),
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Checks, appends, and answers 202 when the append is durable."""
        body = await request.read()
        timestamp, signature = (request.headers.get(name, "") for name in (signing.TIMESTAMP, signing.SIGNATURE))
        if not signing.is_signed(self._secret, timestamp, body, signature, time.time()):
            return web.Response(status=401)
        event = orjson.loads(body)
        durable = asyncio.get_running_loop().create_future()
        self._ledger.append(Arrival(event["delivery"], body, event["ticket"], durable))
        await durable
        return web.Response(status=202)

    async def ready(self, request: web.Request) -> web.Response:
        """Answers 200."""
        return web.Response()

    async def work_on(self) -> None:
        """Writes the ledger and hands fresh changes to their lanes, until cancelled."""
        writing = asyncio.create_task(self._ledger.write_on())
        try:
            while True:
                arrival = await self._fresh.get()
                lane = self._lanes.get(arrival.ticket["id"])
                if lane is not None:
                    lane.append(arrival)
                    continue
                self._lanes[arrival.ticket["id"]] = deque([arrival])
                task = asyncio.create_task(self._deliver(arrival.ticket["id"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            writing.cancel()

    async def close(self) -> None:
        """Closes the client."""
        await self._session.close()

    async def _deliver(self, id: str) -> None:
        lane = self._lanes[id]
        while lane:
            async with self._room:
                arrival = lane.popleft()
                self._ledger.mark(arrival.delivery, await self._write(id, to_target(arrival.ticket["fields"])))
        del self._lanes[id]

    async def _write(self, id: str, document: dict[str, Any]) -> int:
        known = self._known.get(id)
        if known is None:
            body = orjson.dumps({"marker": id, "fields": document})
            request = self._session.post(f"{self._url}?unless_marked=true", data=body)
        else:
            body = orjson.dumps({"fields": document})
            request = self._session.put(f"{self._url}/{known[0]}", data=body, headers={"If-Match": known[1]})
        async with request as answer:
            answer.raise_for_status()
            stored = orjson.loads(await answer.read())
            self._known[id] = (stored["id"], answer.headers["ETag"])
            return int(stored["version"])


async def serve(port: int, target_url: str, token: str, secret: str, data: Path) -> None:
    """Runs until SIGTERM; prints `ready URL` once it listens."""
    floor = Floor(target_url, token, secret, data)
    app = web.Application()
    app.router.add_post("/hooks/src", floor.receive)
    app.router.add_get("/readyz", floor.ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    working = asyncio.create_task(floor.work_on())
    print(f"ready http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    working.cancel()
    await floor.close()
    await runner.cleanup()


def main() -> None:
    """`python -m benchmarks.floor --port N --target URL --token T --secret S --data FILE`."""
    parser = argparse.ArgumentParser(prog="benchmarks.floor", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--target", required=True)
    parser.add_argument("--token", default="bench-token")
    parser.add_argument("--secret", default="bench-secret")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    run(serve(given.port, given.target, given.token, given.secret, given.data))


if __name__ == "__main__":
    main()
