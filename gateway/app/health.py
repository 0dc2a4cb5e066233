"""What machines ask about this worker without a sign-in: does it live, is it ready, what is it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.contract.errors import StorageError
from gateway.app.compose import Gateway
from gateway.core.release import release
from gateway.storage.database import dumps


class Health:
    """`/livez` says that the process runs; `/readyz` that database and stream do; neither asks a vendor."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [
            web.get("/livez", self.live),
            web.get("/readyz", self.ready),
            web.get("/version", self.version),
        ]

    async def live(self, request: web.Request) -> web.Response:
        """200 while the process answers."""
        return web.json_response({"status": "live"})

    async def version(self, request: web.Request) -> web.Response:
        """The release that runs."""
        return web.json_response({"version": release()})

    async def ready(self, request: web.Request) -> web.Response:
        """200 when webhooks are accepted and processed; 503 with the reasons otherwise. `?verbose`: line by line."""
        health = self.gateway.stream.health()
        checks = {
            "stream": "" if health.ready else health.reason or "not ready",
            "intake": self.gateway.pressure.reason(),
            "database": "",
        }
        try:
            await self.gateway.database.answers()
        except StorageError as error:
            checks["database"] = str(error)
        reasons = [f"{name}: {reason}" for name, reason in checks.items() if reason]
        status, word = (503, "not ready") if reasons else (200, "ready")
        if "verbose" in request.query:
            lines = [f"[{'-' if reason else '+'}] {name} {reason or 'ok'}" for name, reason in checks.items()]
            return web.Response(status=status, text="\n".join([*lines, word, ""]))
        body: dict[str, Any] = {"status": word, "reasons": reasons, "lag": dict(health.lag)}
        return web.json_response(body, status=status, dumps=dumps)
