"""A receiver of our notifications: a small HTTP server that verifies every request with the standard's own library."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.contract.clock import Clock

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
FORMER = "whsec_" + base64.b64encode(b"f" * 32).decode()


@dataclass
class Receiver:
    """What arrived and verified. `answers`: what the next requests are answered, 204 once there are none left."""

    secret: str
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ids(self) -> list[str]:
        """Of every request, repeats too."""
        return [each["webhook-id"] for each in self.headers]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every body that arrived."""
        return [json.loads(each) for each in self.bodies]

    @property
    def kinds(self) -> list[str]:
        """`case.opened`, ..., of every request."""
        return [each["type"].removeprefix("dev.lockstep.").removesuffix(".v1") for each in self.events]

    @property
    def messages(self) -> dict[str, dict[str, Any]]:
        """What a person sees: one message for each subject, the event with the highest sequence."""
        shown: dict[str, dict[str, Any]] = {}
        for event in self.events:
            if event["subject"] not in shown or event["sequence"] > shown[event["subject"]]["sequence"]:
                shown[event["subject"]] = event
        return shown

    def next(self, *statuses: int, **headers: str) -> None:
        """Answers the next requests so; `_` in the name of a header stands for `-`."""
        self.answers += [(status, {k.replace("_", "-"): v for k, v in headers.items()}) for status in statuses]

    def forget(self) -> None:
        self.headers.clear()
        self.bodies.clear()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.forged.append(str(error))
            return web.Response(status=401)
        self.headers.append(headers)
        self.bodies.append(body)
        self.arrived.set()
        status, told = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=status, headers=dict(told))


@asynccontextmanager
async def receiving(secret: str = SECRET) -> AsyncIterator[Receiver]:
    """A receiver on 127.0.0.1."""
    receiver = Receiver(secret)
    app = web.Application()
    app.router.add_route("*", "/hook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()


def verify_by(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's receiver refuses times that are off by five minutes; a test's clock is its clock, too."""

    class Clocked(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clocked:
            return cls.fromtimestamp(clock.now(), tz or UTC)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Clocked)
