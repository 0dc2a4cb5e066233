"""The HTTP side of a worker: webhooks, health, state."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from connectors.contract.errors import StorageError
from gateway.app.compose import Gateway
from gateway.app.consume import Consumer
from gateway.intake.problems import problem
from gateway.storage.database import dumps
from gateway.work.queries import now_summary


def application(gateway: Gateway, consumer: Consumer) -> web.Application:
    """Routes of one worker. `/livez` says the process runs; `/readyz` that database and stream do; neither asks a
    vendor.
    """
    app = web.Application(client_max_size=gateway.config.limits.body, middlewares=[as_problem])
    state = State(gateway, consumer)
    app.add_routes(gateway.hooks.routes())
    app.add_routes(
        [
            web.get("/livez", state.live),
            web.get("/readyz", state.ready),
            web.get("/version", state.version),
            web.get("/v1/now", state.now),
        ]
    )
    return app


@web.middleware
async def as_problem(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors that no route of ours made (no such path, no such method) are problem documents too."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        ways = ", ".join(sorted(error.allowed_methods))
        detail = f"{request.method} is not possible here; try {ways}"
        return problem(405, "method-not-allowed", detail, headers={"Allow": ways})
    except web.HTTPNotFound:
        return problem(404, "unknown-path", "there is nothing at this path")


class State:
    """Answers about this worker."""

    def __init__(self, gateway: Gateway, consumer: Consumer) -> None:
        self.gateway, self.consumer = gateway, consumer

    async def live(self, request: web.Request) -> web.Response:
        """200 while the process answers."""
        return web.json_response({"status": "live"})

    async def version(self, request: web.Request) -> web.Response:
        """The release that runs."""
        try:
            release = version("lockstep-gateway")
        except PackageNotFoundError:
            release = "unknown"
        return web.json_response({"version": release})

    async def ready(self, request: web.Request) -> web.Response:
        """200 when webhooks are accepted and processed; 503 with the reasons otherwise."""
        health = self.gateway.stream.health()
        reasons = [] if health.ready else [f"stream: {health.reason}"]
        if pressed := self.gateway.pressure.reason():
            reasons.append(f"intake: {pressed}")
        try:
            await self.gateway.database.answers()
        except StorageError as error:
            reasons.append(str(error))
        body = {"status": "ready" if not reasons else "not ready", "reasons": reasons, "lag": dict(health.lag)}
        return web.json_response(body, status=200 if not reasons else 503, dumps=_dumps)

    async def now(self, request: web.Request) -> web.Response:
        """The 3 a.m. summary with this worker's gates and counts."""
        try:
            summary = await now_summary(self.gateway.database)
        except StorageError as error:
            return problem(503, "database-away", str(error), headers={"Retry-After": "5"})
        health = self.gateway.stream.health()
        summary["stream"] = {"ready": health.ready, "reason": health.reason, "lag": dict(health.lag)}
        summary["pressure"] = self.gateway.pressure.reason() or None
        summary["gates"] = {
            name: {"state": str(gate.state), "reason": gate.reason, "wait_s": gate.wait_s()}
            for name, gate in self.gateway.keeper.gates.items()
        }
        summary["worker"] = {
            "name": self.gateway.name,
            "changes_handled": self.consumer.handled,
            "accepted": dict(self.gateway.hooks.accepted),
            "ignored": {name: n for name, n in self.gateway.hooks.ignored.items() if n},
            "refused": {f"{name}:{code}": n for (name, code), n in self.gateway.hooks.refused.items()},
        }
        summary["quiet"] = summary["quiet"] and not any(health.lag.values())
        return web.json_response(summary, dumps=_dumps)


def _dumps(value: Any) -> str:
    return dumps(value)
