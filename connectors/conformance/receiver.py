"""Where a stand-in sends its webhooks during a run; rules wait until those of their object have come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from connectors.contract.clock import Clock
from connectors.contract.values import Webhook

WAIT_S = 20.0


class Receiver:
    """Keeps everything that comes, in the order in which it came."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self.secret, self.url = secret, ""
        self.came: list[Webhook] = []
        self._clock = clock
        self._news = asyncio.Condition()
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.2)

    async def start(self) -> None:
        """Listens on 127.0.0.1."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def close(self) -> None:
        """Stops listening."""
        await self._runner.cleanup()

    async def about(self, text: str, count: int) -> list[Webhook]:
        """Waits for so many webhooks whose body holds `text`. Raises TimeoutError."""
        return (await self._until(lambda: _holding(self.came, text), count))[:count]

    async def _until(self, look: Callable[[], list[Webhook]], count: int) -> list[Webhook]:
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: len(look()) >= count)
            return look()

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        async with self._news:
            now = self._clock.now()
            self.came.append(Webhook(headers=headers, body=body, query={}, url=self.url, received_at=now))
            self._news.notify_all()
        return web.Response(status=204)


def _holding(webhooks: list[Webhook], text: str) -> list[Webhook]:
    return [each for each in webhooks if text.encode() in each.body]
