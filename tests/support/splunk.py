"""A stand-in for Splunk's HTTP event collector with acknowledgements: a small real server, with faults [facts.md 7.3].

What it took is in memory until it is indexed, a moment later; only then it is acknowledged. A crash loses what was not
indexed, and ids begin at 0 again. A process of its own: `python -m tests.support.splunk PORT FILE`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

TOKEN = "splunk-token-of-a-test"
INDEX_S = 0.02
_CODES = {0: "Success", 3: "Invalid authorization", 6: "Invalid data format", 9: "Server is busy", 10: "No channel"}


class Collector:
    """`faults`: what happens to the next requests with events, in order: busy, dropped (taken, and not answered), late
    (answered after a while), lost (taken, answered, never indexed), restarted (everything in memory is gone).
    `acknowledges`: whether it tells now what it has indexed.
    """

    def __init__(self, file: Path, *, token: str = TOKEN) -> None:
        self.file, self.token = file, token
        self.faults: deque[str] = deque()
        self.acknowledges = True
        self.requests = 0
        self.port = 0
        self._next: dict[str, int] = defaultdict(int)
        self._done: dict[tuple[str, int], bool] = {}
        self._queue: asyncio.Queue[tuple[str, int, list[Any]]] = asyncio.Queue()
        self._runner: web.AppRunner | None = None
        self._indexing: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """What was indexed, an event a line."""
        return self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []

    async def start(self, port: int = 0) -> None:
        """Listens, at the same port again after a crash."""
        self._mend()
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/services/collector/event", self._take)
        app.router.add_post("/services/collector/ack", self._acks)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port or self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        self._indexing = asyncio.create_task(self._index())

    def _mend(self) -> None:
        """An index has no half events: what a kill cut off was not acknowledged."""
        if self.file.exists():
            octets = self.file.read_bytes()
            self.file.write_bytes(octets[: octets.rfind(b"\n") + 1])

    async def crash(self) -> None:
        """Gone at once, with what was not indexed and all it knew of channels."""
        assert self._indexing is not None
        assert self._runner is not None
        self._indexing.cancel()
        await asyncio.gather(self._indexing, return_exceptions=True)
        self._forget()
        await self._runner.cleanup()

    def _forget(self) -> None:
        self._next.clear()
        self._done.clear()
        while not self._queue.empty():
            self._queue.get_nowait()

    async def _index(self) -> None:
        while True:
            channel, ack, events = await self._queue.get()
            await asyncio.sleep(INDEX_S)
            with self.file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(each["event"], separators=(",", ":")) + "\n" for each in events)
            self._done[channel, ack] = True

    async def _take(self, request: web.Request) -> web.Response:
        self.requests += 1
        body, fault = await request.text(), self.faults.popleft() if self.faults else ""
        if request.headers.get("Authorization") != f"Splunk {self.token}":
            return _said(401, 3)
        channel = request.headers.get("X-Splunk-Request-Channel", "")
        if not channel:
            return _said(400, 10)
        if fault == "busy":
            return _said(503, 9, **{"Retry-After": "0.2"})
        if fault == "restarted":
            self._forget()
        try:
            events = list(_parsed(body))
        except ValueError:
            return _said(400, 6)
        ack = self._next[channel]
        self._next[channel] += 1
        if fault != "lost":
            self._queue.put_nowait((channel, ack, events))
        if fault == "late":
            await asyncio.sleep(0.3)
        if fault == "dropped":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"text": "Success", "code": 0, "ackId": ack})

    async def _acks(self, request: web.Request) -> web.Response:
        channel, told = request.query.get("channel", ""), await request.json()
        # A true is told once; then it is forgotten.
        done = self._done if self.acknowledges else {}
        return web.json_response({"acks": {str(ack): done.pop((channel, ack), False) for ack in told["acks"]}})


def _parsed(body: str) -> Any:
    decoder, place = json.JSONDecoder(), 0
    while place < len(body):
        event, place = decoder.raw_decode(body, place)
        yield event


def _said(status: int, code: int, **headers: str) -> web.Response:
    return web.json_response({"text": _CODES[code], "code": code}, status=status, headers=headers)


@asynccontextmanager
async def collecting(file: Path) -> AsyncIterator[Collector]:
    """One that listens."""
    collector = Collector(file)
    await collector.start()
    try:
        yield collector
    finally:
        await collector.crash()


async def _alone(port: int, file: Path) -> None:
    await Collector(file).start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_alone(int(sys.argv[1]), Path(sys.argv[2])))
