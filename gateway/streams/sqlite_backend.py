"""Faust on the embedded log: one process reads every partition, so assignment is immediate and nobody is asked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any, ClassVar

from faust.transport import base
from faust.transport.consumer import Consumer
from faust.transport.producer import Producer
from faust.types import TP, ConsumerMessage, HeadersArg, RecordMetadata
from yarl import URL

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.streams.app import StreamApp
from gateway.streams.guard import SafeCommit, logger
from gateway.streams.port import StreamOptions
from gateway.streams.sqlite_file import StoredEntry
from gateway.streams.sqlite_log import SqliteLog


class SqliteProducer(Producer):
    """Appends to the log. Partitions are chosen by the caller."""

    transport: SqliteTransport

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Queue a message; what comes back resolves once it is durable, or raises StorageError."""
        number = partition or 0
        return self._stored(topic, number, self.transport.log.append(number, value or b""))

    async def _stored(self, topic: str, number: int, appended: asyncio.Future[int]) -> RecordMetadata:
        offset = await appended
        return RecordMetadata(topic, number, TP(topic, number), offset)

    async def flush(self) -> None:
        """Nothing is held back: the log writes as fast as it can."""
        await self.buffer.flush()


class SqliteConsumer(SafeCommit, Consumer):
    """Reads the log."""

    transport: SqliteTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._grown = asyncio.Event()
        super().__init__(*args, **kwargs)
        self._deaf = self.transport.log.listen(self._grown.set)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take all partitions. In the background, because the caller finishes its own part only after we return."""
        self.add_future(self._take_all(tuple(topics)))

    async def _take_all(self, topics: Iterable[str]) -> None:
        self.app.on_rebalance_start()
        await self.on_partitions_revoked(set(self._assigned))
        self._assigned = {TP(topic, number) for topic in topics for number in self.transport.log.ends}
        self.app.consumer_generation_id += 1
        await self.on_partitions_assigned(set(self._assigned), self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: Set[TP] | None, timeout: float) -> dict[TP, list[StoredEntry]]:  # noqa: ASYNC109 - the signature is Faust's
        wanted = self._unread(active_partitions)
        if not wanted:
            self._grown.clear()
            try:
                await asyncio.wait_for(self._grown.wait(), timeout)
            except TimeoutError:
                return {}
            wanted = self._unread(active_partitions)
        found = await self.transport.log.read({tp.partition: start for tp, start in wanted.items()})
        if not self.flow_active:
            return {}
        records = {tp: found[tp.partition] for tp in wanted if found.get(tp.partition)}
        for tp, entries in records.items():
            self._positions[tp] = entries[-1].offset + 1
        return records

    def _unread(self, active: Set[TP] | None) -> dict[TP, int]:
        ends = self.transport.log.ends
        return {
            tp: position
            for tp, position in self._positions.items()
            if position < ends[tp.partition] and (active is None or tp in active)
        }

    def _to_message(self, tp: TP, record: StoredEntry) -> ConsumerMessage:
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            record.offset,
            record.at,
            0,
            [],
            None,
            record.message,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,  # without it the stream would skip the message
        )
        return self.book(message)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            await self.transport.log.commit({tp.partition: offset for tp, offset in offsets.items()})
        except StorageError as error:
            logger.warning("offsets were not committed and will be again: %s", error)
            return False
        return True

    async def _committed(self) -> Mapping[TP, int | None]:
        starts = await self.transport.log.starts()
        self._positions = {tp: starts[tp.partition] for tp in self._assigned}
        self._grown.set()
        return dict(self._positions)

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[partition] = offset
        self._grown.set()

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    def assignment(self) -> set[TP]:
        """All partitions, from the first subscription on."""
        return set(self._assigned)

    def highwater(self, tp: TP) -> int:
        """Where the log ends."""
        return self.transport.log.ends[tp.partition]

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the log ends, per partition."""
        return {tp: self.highwater(tp) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Where handling would go on, which is never above the first entry still needed."""
        starts = await self.transport.log.starts()
        return {tp: starts[tp.partition] for tp in partitions}

    async def position(self, tp: TP) -> int | None:
        """The offset that is read next."""
        return self._positions.get(tp)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Partitions are chosen by the caller."""
        return partition

    async def create_topic(self, topic: str, partitions: int, replication: int, **kwargs: Any) -> None:
        """The log has its partitions since it was opened."""

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions the log has."""
        return len(self.transport.log.ends)

    async def on_stop(self) -> None:
        """Stop listening to the log, after the last commit."""
        await super().on_stop()
        self._deaf()


class SqliteTransport(base.Transport):
    """What Faust asks for a consumer and a producer."""

    Consumer: ClassVar[type[SqliteConsumer]] = SqliteConsumer
    Producer: ClassVar[type[SqliteProducer]] = SqliteProducer
    default_port = 0
    driver_version = f"sqlite={sqlite3.sqlite_version}"

    def __init__(self, url: list[URL], app: StreamApp, log: SqliteLog) -> None:
        super().__init__(url, app)
        self.log = log


class SqliteBackend:
    """The embedded default. The log outlives the applications that read it, so a restart of one loses nothing."""

    failures: tuple[type[Exception], ...] = (StorageError,)

    def __init__(self, path: str, name: str, partitions: int, clock: Clock, options: StreamOptions) -> None:
        self.name, self.broker = name, f"sqlite:///{path}"
        self.settings: Mapping[str, Any] = {}
        self._path, self._partitions, self._clock, self._options = Path(path), partitions, clock, options
        self._log: SqliteLog | None = None

    async def open(self) -> int:
        """Open the file; see `SqliteLog.open`."""
        self._log = SqliteLog(
            self._path,
            self.name,
            self._clock,
            durable=self._options.durable,
            retention_s=self._options.retention_s,
        )
        return await self._log.open(self._partitions)

    def transport(self, app: StreamApp) -> base.Transport:
        """A transport on the one log."""
        if self._log is None:
            raise StorageError("the stream file is not open")
        return SqliteTransport([URL(self.broker)], app, self._log)

    async def trim(self, committed: Mapping[int, int]) -> None:
        """The log does it by itself, between writes."""

    async def close(self) -> None:
        """Write what is queued and close the file."""
        if self._log is not None:
            await self._log.close()
