"""The way of a comparison to the systems: one request at a time, none while a system is in trouble."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, Refused, Retryable
from connectors.contract.values import Ref, Snapshot
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.sending import concluded
from gateway.sync.attempts import Seen
from gateway.sync.bounds import readable

T = TypeVar("T")


class InTrouble(Retryable):
    """A system is left alone until its lanes find out that it is well again; the run waits."""


@dataclass(slots=True)
class Reader:
    """Counts the requests it makes. Raises what connectors raise, and tells the gate of it."""

    connectors: Mapping[str, Connector]
    gates: Mapping[str, Gate]
    clock: Clock
    requests: int = 0

    def offset_s(self, connection: str) -> float:
        """The system's clock minus ours, as measured."""
        return float(getattr(self.connectors[connection], "clock_offset_s", 0.0) or 0.0)

    async def ask(self, connection: str, question: Callable[[], Awaitable[T]]) -> T:
        """One request."""
        gate = self.gates[connection]
        if gate.state is not GateState.CLOSED:
            raise InTrouble(f"{connection} is {gate.state}: {gate.reason}")
        self.requests += 1
        try:
            return await question()
        except LockstepError as error:
            concluded(error, gate, reading=True)
            raise

    async def read(self, connection: str, ref: Ref, *, items: bool = True) -> Snapshot:
        """The object as it is now."""
        connector = self.connectors[connection]
        wanted = items and connector.specs[ref.object].items
        return readable(await self.ask(connection, lambda: connector.read(ref, items=wanted)))

    async def seen(self, connection: str, ref: Ref, *, rev: int, items_since: float) -> Seen | None:
        """The object as a lane would see it; comments from before the record are not its story. None: refused."""
        seen = Seen(rev=rev, at=self.clock.now(), began=self.clock.monotonic())
        try:
            seen.snapshot = await self.read(connection, ref)
        except Refused:
            return None
        seen.items = [item for item in seen.snapshot.items or () if item.at >= items_since]
        return seen
