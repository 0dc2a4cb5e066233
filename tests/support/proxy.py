"""A TCP proxy on 127.0.0.1 that can turn into a black hole: it takes bytes and delivers none, as a network does that
drops packets without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Between clients and one port. What was swallowed is gone, so such connections end when the hole does."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.swallowing = False
        self.swallowed = asyncio.Event()
        """Something has been swallowed since the hole began."""
        self._open: set[asyncio.StreamWriter] = set()
        self._healed = asyncio.Event()

    def swallow(self) -> None:
        self.swallowing = True
        self.swallowed.clear()
        self._healed.clear()

    def heal(self) -> None:
        self.swallowing = False
        self._healed.set()
        for writer in self._open:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, to its end."""
        self._open.add(writer)
        try:
            if self.swallowing:
                await self._nothing()
                return
            theirs, ours = await asyncio.open_connection("127.0.0.1", self.target)
            self._open.add(ours)
            try:
                await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer))
            finally:
                self._open.discard(ours)
                ours.close()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _nothing(self) -> None:
        self.swallowed.set()
        await self._healed.wait()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if self.swallowing:
                    await self._nothing()
                    break
                sink.write(data)
                await sink.drain()
        if self.swallowing:  # not even the end of a connection comes through
            await self._nothing()
        sink.close()


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    """A running proxy in front of a local port."""
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.heal()
        server.close()
