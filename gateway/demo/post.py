"""Carries the webhooks of the stand-ins to the gateway and keeps them, so that they can come again, much too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_HOP = ("host", "content-length")
"""Headers that are of one way, not of what is carried."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook as it was brought."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Post:
    """`to`: of the gateway. `url`: where webhooks are to be sent."""

    to: str
    http: aiohttp.ClientSession
    url: str = ""
    kept: list[Letter] = field(default_factory=list)

    async def bring(self, request: web.Request) -> web.Response:
        """Answers what the gateway answers; 503 while it is not there, so that it is brought once more."""
        told = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        letter = Letter(request.path, told, await request.read())
        status = await self._send(letter)
        if status < 300:
            self.kept.append(letter)
        return web.Response(status=status)

    async def again(self, wanted: Callable[[Letter], bool] = lambda _: True) -> Counter[int]:
        """Brings those that were taken and are wanted once more; the answers by status."""
        return Counter([await self._send(each) for each in list(self.kept) if wanted(each)])

    async def _send(self, letter: Letter) -> int:
        try:
            async with self.http.post(self.to + letter.path, headers=letter.headers, data=letter.body) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 503


@asynccontextmanager
async def post(to: str, http: aiohttp.ClientSession) -> AsyncIterator[Post]:
    """Takes what is posted to `/hooks/NAME` until left."""
    carrier = Post(to, http)
    app = web.Application()
    app.router.add_post("/hooks/{name}", carrier.bring)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        carrier.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield carrier
    finally:
        await runner.cleanup()
