"""The HTTP side of a worker: webhooks, health, figures, the API and the console, each a part of its own."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from connectors.contract.errors import StorageError
from gateway.access.entrance import Entrance
from gateway.access.headers import add_security_headers
from gateway.access.oidc import provider_of
from gateway.access.routes import routes as sign_in_routes
from gateway.access.signin import sign_in
from gateway.api.cursors import Cursors
from gateway.api.description import Description
from gateway.api.desk import Desk
from gateway.api.keys import Keys
from gateway.api.limiter import Limiter
from gateway.api.metrics import Counted, Metrics
from gateway.api.serving import routes_of
from gateway.api.streams import Streams
from gateway.api.table import ROUTES
from gateway.app.compose import Gateway
from gateway.app.consume import Consumer
from gateway.app.health import Health
from gateway.app.refusing import refusals
from gateway.app.trying import Tryout
from gateway.console.desk import Desk as ConsoleDesk
from gateway.console.refusals import as_page
from gateway.console.routes import routes as console_routes
from gateway.core import origin, trace
from gateway.core.problems import problem
from gateway.core.release import release
from gateway.work.trail import note


def application(gateway: Gateway, consumer: Consumer) -> web.Application:
    """Routes of one worker."""
    entrance = entrance_of(gateway)
    desk = desk_of(gateway, consumer, entrance)
    console = console_of(gateway)
    refused = refusals(gateway.database, gateway.clock.now)
    app = web.Application(
        client_max_size=gateway.config.limits.body,
        middlewares=[traced, as_page(console), as_problem, refused, sign_in(entrance)],
    )
    app.add_routes(gateway.hooks.routes())
    if gateway.scim is not None:
        app.add_routes(gateway.scim.routes())
    app.add_routes(Health(gateway).routes())
    app.add_routes(sign_in_routes(entrance))
    app.add_routes(routes_of(desk, ROUTES))
    app.add_routes(Description(ROUTES, release()).routes())
    app.add_routes(console_routes(console))
    app.add_routes([web.get("/metrics", metrics_of(gateway, consumer).scrape)])
    app.on_shutdown.append(_let_followers_go(desk))
    add_security_headers(app, entrance)
    return app


def entrance_of(gateway: Gateway) -> Entrance:
    """What signing in works with."""
    database, access, now = gateway.database, gateway.config.access, gateway.clock.now
    provider = provider_of(database, access, now=now, trail=note)
    policy = gateway.config.high_risk
    return Entrance(database, access, now=now, trail=note, provider=provider, policy=policy)


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What a request does, logs and answers belongs to one trace, the caller's or a new one, and to where it came from:
    a connection is used for many requests, so each begins anew.
    """
    origin.enter(origin.Origin(_source(request)))
    trace.enter(found := trace.trace_of(request.headers.get("traceparent", "")))
    structlog.contextvars.bind_contextvars(trace_id=found.id)
    return await handler(request)


def _source(request: web.Request) -> str:
    """A command that asks a gateway elsewhere says so; whoever else says it is believed, too: it gives nothing."""
    if not request.path.startswith("/v1/"):
        return origin.CONSOLE
    return origin.CLI if request.headers.get("User-Agent", "").startswith(origin.COMMAND) else origin.API


@web.middleware
async def as_problem(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors that no route of ours made (no such path, no such method) are problem documents too."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        ways = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": ways})
        detail = f"{request.method} is not possible here; try {ways}"
        return problem(405, "method-not-allowed", detail, headers={"Allow": ways})
    except web.HTTPNotFound:
        return problem(404, "unknown-path", "there is nothing at this path")
    except StorageError as error:
        return problem(503, "database-away", str(error), headers={"Retry-After": "5"})


def desk_of(gateway: Gateway, consumer: Consumer, entrance: Entrance) -> Desk:
    """What the routes of the API work with."""
    return Desk(
        place=gateway.place,
        connectors=gateway.connectors,
        worker=Worker(gateway, consumer).told,
        still_holds=entrance.still_holds,
        keys=Keys(gateway.database, gateway.clock),
        cursors=Cursors(gateway.database, gateway.clock),
        limiter=Limiter(gateway.clock, gateway.config.limits.requests),
        pulse=gateway.pulse,
        streams=Streams(gateway.clock),
    )


def console_of(gateway: Gateway) -> ConsoleDesk:
    """What the pages work with."""
    return ConsoleDesk(
        place=gateway.place,
        connectors=gateway.connectors,
        pressure=gateway.pressure.reason,
        trying=Tryout(gateway.config, gateway.database, gateway.clock, gateway.transports),
        release=release(),
        provider=gateway.config.access.oidc.label if gateway.config.access.oidc else "",
    )


def metrics_of(gateway: Gateway, consumer: Consumer) -> Metrics:
    """Figures of this worker and of the database."""
    hooks = gateway.hooks
    runner = gateway.replayer.runner
    counted = Counted(
        received=consumer.received,
        refused=hooks.refused,
        ignored=hooks.ignored,
        tally=gateway.tally,
        budgets=gateway.meter.used,
        replayed=runner.ended,
        replays=runner.over,
        unwoken=lambda: gateway.waker.apart.failed + gateway.released.apart.failed,
    )
    return Metrics(gateway.place, counted, release=release(), open=gateway.config.metrics_open)


def _let_followers_go(desk: Desk) -> Any:
    async def closing(app: web.Application) -> None:
        desk.streams.closing = True

    return closing


class Worker:
    """What this worker alone knows: its gates, its stream, and what it counted since its start."""

    def __init__(self, gateway: Gateway, consumer: Consumer) -> None:
        self.gateway, self.consumer = gateway, consumer

    def told(self) -> dict[str, Any]:
        """For `/v1/now`."""
        health = self.gateway.stream.health()
        hooks = self.gateway.hooks
        return {
            "stream": {"ready": health.ready, "reason": health.reason, "lag": dict(health.lag)},
            "pressure": self.gateway.pressure.reason() or None,
            "gates": {
                name: {"state": str(gate.state), "reason": gate.reason, "wait_s": gate.wait_s()}
                for name, gate in self.gateway.keeper.gates.items()
            },
            "worker": {
                "name": self.gateway.name,
                "changes_handled": self.consumer.handled,
                "accepted": dict(hooks.accepted),
                "ignored": {name: n for name, n in hooks.ignored.items() if n},
                "refused": {f"{name}:{code}": n for (name, code), n in hooks.refused.items()},
            },
        }
