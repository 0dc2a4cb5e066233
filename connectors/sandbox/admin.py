"""`/_sandbox`: health, objects, edit log, faults, options, webhooks, reset. Open, and never met by faults: it is the
demo's own door.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import web

from connectors.sandbox.faults import Fault
from connectors.sandbox.hooks import HookQueue, Registration
from connectors.sandbox.site import Site, System

T = TypeVar("T")


class Admin:
    """Handlers of the admin API; everything they show is on disk before they answer."""

    def __init__(self, site: Site, system: System, hooks: HookQueue) -> None:
        self._site, self._system, self._hooks = site, system, hooks

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/_sandbox/health", self.health),
            web.get("/_sandbox/objects", self.objects),
            web.get("/_sandbox/log", self.log),
            web.get("/_sandbox/faults", self.list_faults),
            web.post("/_sandbox/faults", self.arm_fault),
            web.delete("/_sandbox/faults", self.clear_faults),
            web.get("/_sandbox/options", self.show_options),
            web.patch("/_sandbox/options", self.change_options),
            web.get("/_sandbox/webhooks", self.show_webhooks),
            web.post("/_sandbox/webhooks", self.register_webhook),
            web.delete("/_sandbox/webhooks", self.unregister_webhook),
            web.post("/_sandbox/reset", self.reset),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """200 as soon as requests are served."""
        return await self._json({"system": self._system.name, "objects": self._system.count()})

    async def objects(self, request: web.Request) -> web.Response:
        """All objects as they stand."""
        return await self._json({"objects": self._system.objects()})

    async def log(self, request: web.Request) -> web.Response:
        """The edit log past `after`, at most `limit` (10000)."""
        try:
            after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "10000"))
        except ValueError:
            raise web.HTTPBadRequest(text="after and limit are integers") from None
        return await self._json({"entries": self._site.log.after(after, limit)})

    async def list_faults(self, request: web.Request) -> web.Response:
        """What is armed."""
        return await self._json({"faults": self._site.faults.listed()})

    async def arm_fault(self, request: web.Request) -> web.Response:
        """Arms one fault; 400 says what is wrong with it."""
        fault = _parse(await request.read(), Fault)
        return await self._json({"id": self._site.faults.arm(fault)}, status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Disarms everything."""
        self._site.faults.clear()
        return web.Response(status=204)

    async def show_options(self, request: web.Request) -> web.Response:
        """The options in force."""
        return await self._json(msgspec.to_builtins(self._site.options))

    async def change_options(self, request: web.Request) -> web.Response:
        """Changes the options named in the body."""
        changes = _parse(await request.read(), dict[str, Any])
        try:
            options = self._site.set_options(changes)
        except msgspec.ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return await self._json(msgspec.to_builtins(options))

    async def show_webhooks(self, request: web.Request) -> web.Response:
        """Where webhooks go and how many wait."""
        return await self._json(self._hooks.status())

    async def register_webhook(self, request: web.Request) -> web.Response:
        """Sends webhooks there from now on; one registration at a time."""
        wanted = _parse(await request.read(), Registration)
        self._hooks.register(wanted.url, wanted.secret)
        return await self._json(self._hooks.status(), status=201)

    async def unregister_webhook(self, request: web.Request) -> web.Response:
        """Sends none from now on."""
        self._hooks.unregister()
        await self._site.store.flush()
        return web.Response(status=204)

    async def reset(self, request: web.Request) -> web.Response:
        """Forgets objects, log, queue and faults; keeps registration, options and counters, so that no id comes
        twice.
        """
        self._site.faults.clear()
        with self._site.store.change():
            self._system.reset()
            self._hooks.clear()
            self._site.log.clear()
        return await self._json({"system": self._system.name, "objects": self._system.count()})

    async def _json(self, value: Any, status: int = 200) -> web.Response:
        await self._site.store.flush()
        return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")


def _parse(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
