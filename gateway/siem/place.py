"""What the feeds of one worker work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.contract.clock import Chance, Clock
from connectors.contract.errors import LockstepError
from gateway.access.outbound import Guard
from gateway.config.siem import Siem
from gateway.core.signing import Signer
from gateway.siem.forms.sender import Sender
from gateway.storage.database import Database


class Lost(LockstepError):
    """The sink is another worker's by now, or was taken out of the configuration."""


@dataclass(frozen=True, slots=True)
class Place:
    """One worker's."""

    database: Database
    clock: Clock
    chance: Chance
    worker: str
    siem: Siem
    sender: Sender
    signer: Callable[[], Signer]
    """Asked when something is first to be signed."""
    guard: Guard
    personal: frozenset[str] = frozenset()
    """Fields of record types that hold personal values."""


@dataclass(slots=True)
class Bells:
    """How the tasks of one sink wake each other."""

    entries: asyncio.Event = field(default_factory=asyncio.Event)
    """The chain has grown."""
    events: asyncio.Event = field(default_factory=asyncio.Event)
    """The spool has."""
    room: asyncio.Event = field(default_factory=asyncio.Event)
    """The receiver has more than before."""


async def heard(*bells: asyncio.Event, within_s: float) -> None:
    """Returns when one of them rang, or after so long; it is silent again then."""
    waiting = [asyncio.ensure_future(each.wait()) for each in bells]
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    for bell in bells:
        bell.clear()
