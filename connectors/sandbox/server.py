"""Puts one stand-in together and runs it: store, vendor, gate, admin API, webhook sender. Serves 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from connectors.sandbox.admin import Admin
from connectors.sandbox.bamboohr.system import BambooHr
from connectors.sandbox.brambledesk.system import Brambledesk
from connectors.sandbox.gate import Gate
from connectors.sandbox.github.system import GitHub
from connectors.sandbox.gitlab.system import GitLab
from connectors.sandbox.hooks import HookQueue
from connectors.sandbox.hubspot.system import HubSpot
from connectors.sandbox.jenkins.system import Jenkins
from connectors.sandbox.jira.system import JiraCloud
from connectors.sandbox.salesforce.system import Salesforce
from connectors.sandbox.servicenow.system import ServiceNow
from connectors.sandbox.site import Site, System
from connectors.sandbox.store import Store


def _scim(site: Site) -> System:
    from connectors.sandbox.scim.system import ScimServer  # its protocol takes a second to load

    return ScimServer(site)


_VENDORS: Mapping[str, Callable[[Site], System]] = {
    "jira": JiraCloud,
    "servicenow": ServiceNow,
    "brambledesk": Brambledesk,
    "gitlab": GitLab,
    "bamboohr": BambooHr,
    "github": GitHub,
    "salesforce": Salesforce,
    "jenkins": Jenkins,
    "scim": _scim,
    "hubspot": HubSpot,
}
SYSTEMS = tuple(_VENDORS)
_STOP_S = 2.0
_MAX_BODY = 32 * 1024 * 1024


class StandIn:
    """A running stand-in."""

    def __init__(self, *, url: str, site: Site, gate: Gate, runner: web.AppRunner, sender: asyncio.Task[None]) -> None:
        self.url = url
        self._site, self._gate, self._runner, self._sender = site, gate, runner, sender

    async def stop(self) -> None:
        """Stops serving and sending; everything acknowledged stays in the file."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gate.close(), _STOP_S)
        await self._runner.cleanup()
        while not self._sender.done():  # a cancellation that meets a time-out of its own can be swallowed once
            self._sender.cancel()
            await asyncio.wait({self._sender}, timeout=_STOP_S)
        self._site.store.close()


async def start(
    system: str,
    *,
    data: Path | str,
    port: int = 0,
    hook: str = "",
    hook_secret: str = "",
    seed: int = 0,
    time_scale: float = 1.0,
    latency_ms: float = 0.0,
) -> StandIn:
    """Starts one of SYSTEMS on the file `data` (made if absent). Port 0 picks a free one. Raises OSError for
    a port in use, ValueError for an unknown system, FileInUseError for a file that another process holds.
    """
    store = Store(data)
    site = Site(store, seed=seed, time_scale=time_scale)
    vendor = _vendor(system, site)
    hooks = HookQueue(site, vendor)
    site.hooks = hooks
    if hook:
        hooks.register(hook, hook_secret)
    gate = Gate(site, vendor, latency_s=latency_ms / 1000)
    app = web.Application(middlewares=[gate.middleware()], client_max_size=_MAX_BODY)
    app.add_routes(Admin(site, vendor, hooks).routes())
    app.add_routes(vendor.routes())
    await store.flush()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", port)
    await listener.start()
    site.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sender = asyncio.create_task(hooks.send_forever())
    return StandIn(url=site.base_url, site=site, gate=gate, runner=runner, sender=sender)


def _vendor(system: str, site: Site) -> System:
    if system not in _VENDORS:
        raise ValueError(f"no stand-in for {system!r}; there are {', '.join(SYSTEMS)}")
    return _VENDORS[system](site)
