"""The agent: changes from the stream become decisions; what it returned for is acknowledged (P1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import structlog

from connectors.contract.values import Change
from gateway.sync.decider import Decider

_decode = msgspec.json.Decoder(Change).decode
log = structlog.get_logger()


@dataclass(slots=True)
class Consumer:
    """`handled` counts changes since the start; `repeats` those whose delivery key was known already."""

    decider: Decider
    handled: int = 0
    repeats: int = 0
    received: Counter[str] = field(default_factory=Counter)
    """By connection, each time a change was handled."""

    async def handle(self, values: Sequence[bytes]) -> None:
        """Returns when every change of the batch is decided and committed. Raises StorageError: nothing may be
        acknowledged.
        """
        changes = []
        for value in values:
            try:
                changes.append(_decode(value))
            except msgspec.MsgspecError as error:
                # Only this program writes to its stream: what cannot be read is foreign or broken, and nobody waits
                # for it.
                log.error("unreadable entry in the stream passed over", error=str(error), start=value[:80])
        arrivals = await self.decider.accept(changes)
        self.handled += len(arrivals)
        self.received.update(change.connection for change in changes)
        self.repeats += sum(1 for arrival in arrivals if not arrival.disposition and arrival.state == "done")
