"""Group commit of one partition: while one frame is under way, the next gathers. No timer: idle streams never wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.points import reached
from gateway.streams.frames import MAX_FRAME_BYTES, MAX_FRAME_ENTRIES, encode


@dataclass(eq=False)
class _Ticket:
    """One caller waiting for its values, which may end up in several frames."""

    done: asyncio.Future[None]
    left: int

    def stored(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)

    def failed(self, error: StorageError) -> None:
        if self.done.done():
            return
        mine = StorageError(str(error))  # one each: callers raise it, and a shared one would collect their tracebacks
        mine.__cause__ = error.__cause__
        self.done.set_exception(mine)
        self.done.exception()  # seen: a caller that was cancelled meanwhile is no reason for a log line


class PartitionWriter:
    """Orders and coalesces the appends of one partition."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], clock: Clock, patience_s: float) -> None:
        """`send` returns when the frame is durable and raises StorageError when it is not known to be."""
        self._send, self._clock, self._patience_s = send, clock, patience_s
        self._waiting: deque[tuple[bytes, _Ticket]] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._sent_at: float | None = None

    async def put(self, values: Sequence[bytes]) -> None:
        """Return when all `values` are durable, in this order and after all that were put before.

        Raises StorageError after `patience_s`, and at once while a frame has been under way for longer than that.
        Values that were not yet under way are then withdrawn. A frame under way is not given up: it keeps its place,
        so nothing overtakes it.
        """
        if self._sent_at is not None and self._clock.monotonic() - self._sent_at > self._patience_s:
            raise StorageError("the stream has not answered for a while; nothing was stored, try again later")
        ticket = _Ticket(asyncio.get_running_loop().create_future(), len(values))
        self._waiting.extend((value, ticket) for value in values)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await asyncio.wait({ticket.done}, timeout=self._patience_s)
        if not ticket.done.done():
            ticket.failed(
                StorageError(
                    f"the stream did not answer within {self._patience_s:g} s; it may or may not have stored this"
                )
            )
        ticket.done.result()

    async def close(self, patience_s: float) -> None:
        """Wait for what is under way; what is not durable by then fails. Nothing may be put afterwards."""
        if self._flushing is None:
            return
        await asyncio.wait({self._flushing}, timeout=patience_s)
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait({self._flushing})
        self._fail(StorageError("the stream was stopped before it could store this"))

    async def _flush(self) -> None:
        frame: list[tuple[bytes, _Ticket]] = []
        try:
            while frame := self._take():
                self._sent_at = self._clock.monotonic()
                reached("append.before_send")
                await self._send(encode([value for value, _ in frame]))
                reached("append.after_send")
                for _, ticket in frame:
                    ticket.stored()
        except StorageError as error:
            # What stood behind fails too: a value must not overtake one that was refused before it.
            self._fail(error, frame)
        except asyncio.CancelledError:
            self._fail(StorageError("the stream was stopped; it may or may not have stored this"), frame)
            raise
        finally:
            self._sent_at = None
            self._flushing = asyncio.create_task(self._flush()) if self._waiting else None

    def _take(self) -> list[tuple[bytes, _Ticket]]:
        frame: list[tuple[bytes, _Ticket]] = []
        size = 0
        while self._waiting and len(frame) < MAX_FRAME_ENTRIES:
            value, ticket = self._waiting[0]
            if ticket.done.done():  # withdrawn: its caller has been told that it failed
                self._waiting.popleft()
                continue
            if frame and size + len(value) > MAX_FRAME_BYTES:
                break
            frame.append(self._waiting.popleft())
            size += len(value)
        return frame

    def _fail(self, error: StorageError, frame: Sequence[tuple[bytes, _Ticket]] = ()) -> None:
        for _, ticket in [*frame, *self._waiting]:
            ticket.failed(error)
        self._waiting.clear()
