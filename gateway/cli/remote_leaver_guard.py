"""Departures that the guard stopped, at a gateway elsewhere, by its API."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cli.reading import many, value_of
from gateway.cli.wire import Wire, at
from gateway.offboarding.blast.floods import Decision, Flood


class RemoteLeaverGuard:
    """`port.LeaverGuard`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_floods(self, *, open: bool = True) -> list[Flood]:
        return many(Flood, await self.wire.get(at("leaver-floods"), {"open": open}))

    async def get_flood(self, name: str) -> Flood:
        return value_of(Flood, await self.wire.get(at("leaver-floods", name)))

    async def decide(self, name: str, what: str, leavers: Sequence[int] = (), *, reason: str = "") -> Decision:
        said = {"leavers": list(leavers), "reason": reason}
        return value_of(Decision, await self.wire.post(f"{at('leaver-floods', name)}:{what}", said))
