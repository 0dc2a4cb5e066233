"""The stream as callers have it: an appending side as long-lived as the stream, and a supervised consuming one."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from faust.types.transports import ProducerT

from connectors.contract.clock import Chance, Clock
from connectors.contract.errors import StorageError
from gateway.streams.app import StreamApp
from gateway.streams.backend import Backend
from gateway.streams.bounded import CutOffError, within
from gateway.streams.consuming import Consuming
from gateway.streams.partitions import partition_of
from gateway.streams.port import MAX_ENTRY_BYTES, EntryTooLarge, Handler, StreamHealth, StreamOptions
from gateway.streams.writer import PartitionWriter

logger = logging.getLogger(__name__)

_CLOSE_S = 5.0


class FaustStream:
    """`gateway.streams.port.Stream` on Faust. One event loop; start again after stop is allowed."""

    def __init__(self, backend: Backend, clock: Clock, chance: Chance, options: StreamOptions) -> None:
        self._backend, self._clock, self._chance, self._options = backend, clock, chance, options
        self._writers: list[PartitionWriter] = []
        self._producing: ProducerT | None = None
        self._producer_lock = asyncio.Lock()
        self._consuming: Consuming | None = None
        self._handler: Handler | None = None
        self._started = False
        self._stopping = asyncio.Lock()

    def consume(self, handler: Handler) -> None:
        """See the port. RuntimeError after `start` or the second time: that is a mistake in the program."""
        if self._started or self._handler is not None:
            raise RuntimeError("the handler is set once, before the stream is started")
        self._handler = handler

    async def start(self) -> None:
        """See the port."""
        if self._started:
            return
        self._started = True
        try:
            count = await self._backend.open()
            await self._producer()
        except BaseException:  # also a cancelled start must leave nothing open
            await self.stop()
            raise
        self._writers = [self._writer(number) for number in range(count)]
        if self._handler is not None:
            self._consuming = Consuming(self._backend, self._handler, self._clock, self._chance, self._options)
            self._consuming.start()

    async def stop(self) -> None:
        """See the port."""
        async with self._stopping:
            writers, self._writers = self._writers, []
            await asyncio.gather(*(writer.close(_CLOSE_S) for writer in writers))
            consuming, self._consuming = self._consuming, None
            if consuming is not None:
                await consuming.stop()
            await self._drop_producer()
            if self._started:
                await self._backend.close()
            self._started = False

    async def append(self, key: str, value: bytes) -> None:
        """See the port."""
        await self.append_many([(key, value)])

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """See the port."""
        writers = self._writers
        if not writers:
            raise StorageError("the stream is not running; nothing was stored")
        parts: defaultdict[int, list[bytes]] = defaultdict(list)
        for key, value in entries:
            if len(value) > MAX_ENTRY_BYTES:
                raise EntryTooLarge(len(value))
            parts[partition_of(key, len(writers))].append(value)
        if len(parts) == 1:
            [(number, values)] = parts.items()
            await writers[number].put(values)
            return
        results = await asyncio.gather(
            *(writers[number].put(values) for number, values in parts.items()), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """See the port."""
        return [] if self._consuming is None else self._consuming.tasks

    def health(self) -> StreamHealth:
        """See the port."""
        if not self._writers:
            return StreamHealth(ready=False, reason="the stream is not running")
        if self._consuming is None:
            return StreamHealth(ready=True)
        return self._consuming.health()

    def _writer(self, number: int) -> PartitionWriter:
        async def send(frame: bytes) -> None:
            await self._send(number, frame)

        return PartitionWriter(send, self._clock, self._options.append_s)

    async def _send(self, number: int, frame: bytes) -> None:
        try:
            producer = await self._producer()
            await (await producer.send(self._backend.name, None, frame, number, None, None))
        except StorageError:
            raise
        except Exception as error:
            # After some errors (a producer id the broker no longer knows) a producer never recovers, so begin anew.
            await self._drop_producer()
            raise StorageError(
                f"the stream did not take it, append it again: {type(error).__name__}: {error}"
            ) from error

    async def _producer(self) -> ProducerT:
        """The one that appends. It outlives every restart of the consumer, so intake does not notice those."""
        async with self._producer_lock:
            if self._producing is None:
                app = StreamApp(self._backend.name, self._backend.broker, **self._backend.settings)
                app.transport = app.producer_transport = self._backend.transport(app)
                try:
                    await app.producer.start()
                except self._backend.failures as error:
                    await app.producer.stop()
                    raise StorageError(f"the stream cannot be appended to: {type(error).__name__}: {error}") from error
                self._producing = app.producer
            return self._producing

    async def _drop_producer(self) -> None:
        async with self._producer_lock:
            producer, self._producing = self._producing, None
            if producer is not None:
                expected: tuple[type[Exception], ...] = (TimeoutError, CutOffError, *self._backend.failures)
                try:
                    await within(_CLOSE_S, producer.stop())
                except expected as error:
                    # Nothing is lost: what was acknowledged is stored, and who was not answered appends again.
                    logger.warning(
                        "the producer of stream %s did not stop cleanly: %s: %s",
                        self._backend.name,
                        type(error).__name__,
                        error,
                    )
