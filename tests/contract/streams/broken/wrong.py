"""Parts of a stream that break one rule each, on purpose, and how to build a stream with one of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from faust.transport.consumer import Consumer
from faust.types import TP
from faust.types.tuples import Message

from gateway.streams.port import Stream, open_stream
from gateway.streams.runner import Runner
from gateway.streams.sqlite_backend import SqliteConsumer, SqliteTransport
from gateway.streams.watchdog import Watchdog
from gateway.streams.writer import PartitionWriter

_ONE_AFTER_ANOTHER = itertools.count()


class AcknowledgesFirst(Runner):
    """Reports a batch finished, then gives it to the handler."""

    async def _until_handled(self, batch: Sequence[Any]) -> None:
        for frame in batch:
            self._finished(frame.message)
        await super()._until_handled(batch)


class SkipsOnError(Runner):
    """Takes an exception for an answer, as Faust does with an exception in an agent."""

    async def _try(self, values: Sequence[bytes]) -> bool:
        await super()._try(values)
        return True


class ReordersOnError(Runner):
    """Puts what failed behind what waits."""

    async def _until_handled(self, batch: Sequence[Any]) -> None:
        if await self._try([value for frame in batch for value in frame.values]):
            for frame in batch:
                self._finished(frame.message)
        else:
            self._frames.extend(batch)


class HandlesTwoAtOnce(Runner):
    """Does not wait for a batch before it gives the next, as an agent with concurrency above one."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._until_handled(await self._next_batch()))


class DropsTheBatchInHand(Runner):
    """Does not wait for the handler when told to settle."""

    async def settle(self, patience_s: float) -> None:
        await super().settle(0.0)


class NeverStalls(Watchdog):
    """Sees nothing."""

    def stalled(self, *, mark: object, waiting: bool) -> bool:
        return False


class AnswersEarly(PartitionWriter):
    """Says that values are durable when they are queued."""

    async def put(self, values: Sequence[bytes]) -> None:
        task = asyncio.create_task(super().put(values))
        _EARLY.add(task)
        await asyncio.sleep(0)


_EARLY: set[asyncio.Task[None]] = set()


class ReversesFrames(PartitionWriter):
    """Loses the order within a frame."""

    def _take(self) -> list[Any]:
        return super()._take()[::-1]


def any_partition(key: str, partitions: int) -> int:
    """Spreads values evenly, whatever their key."""
    return next(_ONE_AFTER_ANOTHER) % partitions


class NeverCommits(SqliteConsumer):
    """Says it has committed."""

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True


class CommitsAsStockFaust(SqliteConsumer):
    """The consumer with Faust's own acknowledgement and commit in the place of ours."""

    def finished(self, message: Message) -> None:
        Consumer.ack(self, message)

    def ack(self, message: Message) -> bool:
        return Consumer.ack(self, message)

    async def _commit_tps(self, tps: Iterable[TP], start_new_transaction: bool) -> bool:
        return await Consumer._commit_tps(self, tps, start_new_transaction)


def open_early(*args: Any, **kwargs: Any) -> Stream:
    """`open_stream` for a process of its own: everything it makes answers early."""
    mock.patch(WRITER, AnswersEarly).start()
    return open_stream(*args, **kwargs)


@contextmanager
def part(target: str, wrong: object) -> Iterator[None]:
    """Build streams with `wrong` in the place of `target` while this lasts."""
    with mock.patch(target, wrong):
        yield


RUNNER = "gateway.streams.consuming.Runner"
WATCHDOG = "gateway.streams.consuming.Watchdog"
WRITER = "gateway.streams.engine.PartitionWriter"
PARTITION = "gateway.streams.engine.partition_of"
CONSUMER = f"{SqliteTransport.__module__}.{SqliteTransport.__name__}.Consumer"
