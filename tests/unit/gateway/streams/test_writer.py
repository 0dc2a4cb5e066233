"""Group commit: what arrives while a frame is under way goes together; nothing overtakes; failures are told to all."""

from __future__ import annotations

import asyncio

import pytest

from connectors.contract.clock import SystemClock
from connectors.contract.errors import StorageError
from gateway.streams.frames import MAX_FRAME_BYTES, MAX_FRAME_ENTRIES, decode
from gateway.streams.writer import PartitionWriter


class Storage:
    """Keeps frames; holds each until the gate is open, and fails as often as told."""

    def __init__(self) -> None:
        self.frames: list[list[bytes]] = []
        self.gate, self.entered, self.failures = asyncio.Event(), asyncio.Event(), 0

    async def send(self, frame: bytes) -> None:
        self.entered.set()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise StorageError("the disk is full")
        self.frames.append(decode(frame))


def writer(storage: Storage, patience_s: float = 30.0) -> PartitionWriter:
    return PartitionWriter(storage.send, SystemClock(), patience_s)


async def begin(puts: PartitionWriter, *values: bytes) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(puts.put([value])) for value in values]
    await asyncio.sleep(0)
    return tasks


async def test_what_arrives_during_a_flush_becomes_one_frame() -> None:
    storage = Storage()
    puts = writer(storage)
    tasks = await begin(puts, b"1")
    await storage.entered.wait()
    tasks += await begin(puts, b"2", b"3", b"4")
    storage.gate.set()
    await asyncio.gather(*tasks)
    assert storage.frames == [[b"1"], [b"2", b"3", b"4"]]


async def test_a_single_value_does_not_wait_for_company() -> None:
    storage = Storage()
    storage.gate.set()
    await writer(storage).put([b"1"])
    assert storage.frames == [[b"1"]]


async def test_frames_are_bounded_in_number_and_size() -> None:
    storage = Storage()
    storage.gate.set()
    many = [b"%d" % number for number in range(MAX_FRAME_ENTRIES + 1)]
    await writer(storage).put(many)
    assert [len(frame) for frame in storage.frames] == [MAX_FRAME_ENTRIES, 1]
    storage.frames.clear()
    half = b"x" * (MAX_FRAME_BYTES // 2)
    await writer(storage).put([half, half, half, b"x" * (MAX_FRAME_BYTES * 2), b"small"])
    assert [len(frame) for frame in storage.frames] == [2, 1, 1, 1]


async def test_what_stands_behind_a_refused_frame_is_refused_too() -> None:
    storage = Storage()
    storage.failures = 1
    puts = writer(storage)
    tasks = await begin(puts, b"1")
    await storage.entered.wait()
    tasks += await begin(puts, b"2")
    storage.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StorageError, StorageError]
    assert {str(result) for result in results} == {"the disk is full"}, "told at once, not after the patience"
    await puts.put([b"3"])
    assert storage.frames == [[b"3"]]


async def test_without_an_answer_values_not_under_way_are_withdrawn_and_later_ones_refused_at_once() -> None:
    storage = Storage()
    puts = writer(storage, patience_s=0.05)
    tasks = await begin(puts, b"1")
    await storage.entered.wait()
    tasks += await begin(puts, b"2")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StorageError, StorageError]
    with pytest.raises(StorageError, match="has not answered"):
        await puts.put([b"3"])
    storage.gate.set()
    await puts.close(5.0)
    # "1" was under way and keeps its place; "2" was refused before it left, so it may not appear.
    assert storage.frames == [[b"1"]]


async def test_a_cancelled_caller_does_not_disturb_the_others() -> None:
    storage = Storage()
    puts = writer(storage)
    first, second = await begin(puts, b"1", b"2")
    await storage.entered.wait()
    first.cancel()
    storage.gate.set()
    await second
    assert storage.frames == [[b"1", b"2"]]


async def test_closing_waits_for_what_is_under_way_and_refuses_the_rest() -> None:
    storage = Storage()
    puts = writer(storage)
    tasks = await begin(puts, b"1")
    await storage.entered.wait()
    await puts.close(0.01)
    with pytest.raises(StorageError, match="may or may not"):
        await tasks[0]
