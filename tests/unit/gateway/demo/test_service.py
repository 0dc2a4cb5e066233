"""Whoever asks the gateway while it is killed gets an answer in the end, and what is asked takes effect once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from gateway.demo import service as module
from gateway.demo.desks import NotMade
from gateway.demo.service import Service

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[Service]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        yield Service(f"http://127.0.0.1:{runner.addresses[0][1]}", {"Authorization": "Bearer x"}, http)
    await runner.cleanup()


async def test_it_asks_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    asked: list[tuple[str, str]] = []

    async def killed_first(request: web.Request) -> web.StreamResponse:
        asked.append((request.headers["Idempotency-Key"], request.headers["If-Match"]))
        if len(asked) == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"ok": True}, status=503 if len(asked) == 2 else 200)

    async with served(killed_first) as service:
        assert await service.ask("POST", "/v1/x", {"a": 1}, version=7) == {"ok": True}
    assert len(asked) == 3 and set(asked) == {(asked[0][0], '"7"')}


async def test_a_no_is_not_asked_again() -> None:
    asked: list[str] = []

    async def no(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response({}, status=412)

    async with served(no) as service:
        with pytest.raises(NotMade) as refused:
            await service.ask("GET", "/v1/x")
    assert (refused.value.status, asked) == (412, ["/v1/x"])


async def test_one_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(NotMade) as refused:
            await Service("http://127.0.0.1:9", {}, http).ask("GET", "/v1/x")
    assert refused.value.status is None
