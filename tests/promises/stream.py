"""The stream of a schedule: durable, in order, at least once. What was handled and not acknowledged comes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from connectors.contract.errors import StorageError
from connectors.contract.values import Change, Received
from gateway.app.consume import Consumer
from gateway.intake.hooks import Hooks
from gateway.streams.port import Stream
from tests.promises.ghost import Truth


@dataclass
class Log:
    """`refuses`: how many appends fail (disk full, broker away)."""

    truth: Truth
    consumers: dict[str, Consumer]
    """Worker -> what handles its batches."""
    refuses: int = 0
    waiting: list[bytes] = field(default_factory=list)
    handled: list[bytes] = field(default_factory=list)
    """Not acknowledged yet."""

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise StorageError("the stream cannot store now")
        self.waiting += [value for _, value in entries]

    async def accept(self, changes: Sequence[Change]) -> list[Change]:
        """What intake does with webhooks and polled pages. Returns what it did not answer with yes."""
        hooks = object.__new__(Hooks)  # of the whole web handler no more than how it appends
        hooks.stream = cast(Stream, self)
        refused = []
        for change in changes:
            try:
                await hooks._append(Received(changes=(change,)))
            except StorageError:
                refused.append(change)
            else:
                self.truth.accepted.add((change.connection, change.delivery_key))
        return refused

    async def hand_over(self, worker: str) -> bool:
        """Gives what waits to a worker. False: it could not be handled and waits on, with everything behind it."""
        batch = list(self.waiting)
        try:
            await self.consumers[worker].handle(batch)
        except StorageError:
            return False
        self.waiting = self.waiting[len(batch) :]
        self.handled += batch
        return True

    def acknowledge(self) -> None:
        """The offsets are durable."""
        self.handled.clear()

    def again(self) -> None:
        """Whoever reads now begins after the last acknowledged one."""
        self.waiting, self.handled = self.handled + self.waiting, []
