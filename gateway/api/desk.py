"""What the routes work with: made once per process by whoever knows how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from connectors.contract.connector import Connector
from gateway.api.cursors import Cursors
from gateway.api.keys import Keys
from gateway.api.limiter import Limiter
from gateway.api.streams import Streams
from gateway.work.pulse import Pulse
from gateway.work.workplace import Workplace


def _nothing() -> dict[str, Any]:
    return {}


async def _holds(request: web.Request) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The workplace of all verbs, what only a running gateway has, and what the protocol needs."""

    place: Workplace
    connectors: Mapping[str, Connector] = field(default_factory=dict)
    """For looks at the systems; empty where nothing can be asked."""
    worker: Callable[[], dict[str, Any]] = _nothing
    """What this worker alone knows, for `/v1/now`."""
    still_holds: Callable[[web.Request], Awaitable[bool]] = _holds
    """Whether what a request showed when it began would let it in now."""
    keys: Keys
    cursors: Cursors
    limiter: Limiter
    pulse: Pulse
    streams: Streams
