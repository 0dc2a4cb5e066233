"""Hands frames to the handler in batches, one at a time, and reports them finished only after the handler returned.

Faust would acknowledge a message whose agent raised. Here the agent only offers frames and never meets the handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faust.types.tuples import Message

from connectors.contract.clock import Chance, Clock
from gateway.streams.frames import MAX_FRAME_BYTES, decode
from gateway.streams.port import Handler

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_READ_AHEAD_BYTES = 8 * MAX_FRAME_BYTES


def pause_s(attempt: int, chance: Chance) -> float:
    """How long to wait after the `attempt`-th failure in a row (from 1): doubling, capped, half of it chance."""
    curve = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 20))
    return curve * (0.5 + 0.5 * chance.random())


@dataclass(frozen=True)
class _Frame:
    message: Message
    values: Sequence[bytes]
    size: int


class Runner:
    """The one place that calls the handler. Frames come in by `offer`, in order; `run` is a task of the caller."""

    def __init__(
        self,
        handler: Handler,
        finished: Callable[[Message], None],
        *,
        batch_entries: int,
        clock: Clock,
        chance: Chance,
    ) -> None:
        """`finished` is called for every frame of a batch, in order, after the handler returned for it."""
        self._handler, self._finished = handler, finished
        self._batch_entries, self._clock, self._chance = batch_entries, clock, chance
        self._frames: deque[_Frame] = deque()
        self._entries = self._bytes = self._epoch = 0
        self._moved = asyncio.Condition()
        self._batch: asyncio.Task[None] | None = None
        self._in_handler = False
        self.handled = 0
        """Frames handled since the start."""
        self.retries = 0
        self.last_progress: float | None = None
        self.trouble: str | None = None
        """Why the handler failed the last time, while it is being tried again."""

    async def offer(self, message: Message) -> None:
        """Take a frame, waiting while enough is read ahead. Dropped when the partitions are given up meanwhile."""
        values = decode(message.value or b"")
        frame, epoch = _Frame(message, values, sum(map(len, values))), self._epoch
        async with self._moved:
            await self._moved.wait_for(lambda: epoch != self._epoch or self._has_room())
            if epoch != self._epoch:
                return
            self._frames.append(frame)
            self._entries += len(values)
            self._bytes += frame.size
            self._moved.notify_all()

    async def run(self) -> None:
        """Handle batches until cancelled."""
        try:
            while True:
                batch = await self._next_batch()
                self._batch = asyncio.create_task(self._until_handled(batch))
                await asyncio.wait({self._batch})
                if not self._batch.cancelled() and (error := self._batch.exception()):
                    logger.error("a handled batch could not be acknowledged and will be given again", exc_info=error)
                self._batch = None
        finally:
            if self._batch is not None:
                self._batch.cancel()

    async def settle(self, patience_s: float) -> None:
        """Drop what is read ahead and wait for the batch in hand; what is not done in time is given up, unacknowledged.

        A batch that is only pausing before its next try is given up at once.
        """
        self._epoch += 1
        self._frames.clear()
        self._entries = self._bytes = 0
        async with self._moved:
            self._moved.notify_all()
        if (batch := self._batch) is None:
            return
        if self._in_handler:
            await asyncio.wait({batch}, timeout=patience_s)
        batch.cancel()
        await asyncio.wait({batch}, timeout=patience_s)

    def _has_room(self) -> bool:
        return not self._frames or (self._entries < 2 * self._batch_entries and self._bytes < _READ_AHEAD_BYTES)

    async def _next_batch(self) -> list[_Frame]:
        async with self._moved:
            await self._moved.wait_for(lambda: bool(self._frames))
            batch = [self._frames.popleft()]
            entries = len(batch[0].values)
            while self._frames and entries + len(self._frames[0].values) <= self._batch_entries:
                batch.append(self._frames.popleft())
                entries += len(batch[-1].values)
            self._entries -= entries
            self._bytes -= sum(frame.size for frame in batch)
            self._moved.notify_all()
            return batch

    async def _until_handled(self, batch: Sequence[_Frame]) -> None:
        values = [value for frame in batch for value in frame.values]
        attempt = 0
        while not await self._try(values):
            attempt += 1
            await asyncio.sleep(pause_s(attempt, self._chance))
        self.trouble = None
        self.handled += len(batch)
        self.last_progress = self._clock.now()
        for frame in batch:
            self._finished(frame.message)

    async def _try(self, values: Sequence[bytes]) -> bool:
        self._in_handler = True
        try:
            await self._handler(values)
        except Exception as error:
            self.retries += 1
            self.trouble = f"the handler failed and is tried again: {type(error).__name__}: {error}"
            logger.warning("a batch of %d values was not handled and is tried again", len(values), exc_info=error)
            return False
        finally:
            self._in_handler = False
        return True
