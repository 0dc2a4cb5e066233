"""The one address that webhooks know: hands each to a worker that takes it, as a load balancer does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import aiohttp
from aiohttp import web

PASSED_ON = ("content-type", "x-", "authorization")
PATIENCE_S = 4.0


class Front:
    """Tries the workers in a random order. 503 where none answers; whoever sent it comes again."""

    def __init__(self, urls: Callable[[], list[str]], http: aiohttp.ClientSession, chance: Random) -> None:
        self._urls, self._http, self._chance = urls, http, chance

    async def pass_on(self, request: web.Request) -> web.Response:
        """The first answer that a worker gives."""
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith(PASSED_ON)}
        urls = self._urls()
        self._chance.shuffle(urls)
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        for url in urls:
            try:
                async with self._http.post(
                    url + request.path_qs, data=body, headers=headers, timeout=timeout
                ) as answer:
                    said = await answer.read()
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue
            if answer.status < 500:
                return web.Response(status=answer.status, body=said)
        return web.Response(status=503, headers={"Retry-After": "1"})


@asynccontextmanager
async def front(port: int, door: Front) -> AsyncIterator[str]:
    """Its address while it serves."""
    app = web.Application()
    app.add_routes([web.post("/hooks/{connection}", door.pass_on)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
