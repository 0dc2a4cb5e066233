"""The rules of a stream, one function each. Each takes a place and fails with AssertionError or TimeoutError.

They are functions, and not tests, so that `broken/` can hold them against streams that are wrong on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from connectors.contract.errors import StorageError
from gateway.streams.guard import SkippedOffsetsError
from gateway.streams.port import MAX_ENTRY_BYTES, EntryTooLarge, Stream
from tests.contract.streams.place import PARTITIONS, Place, Sink, eventually, in_order_per_key, numbered
from tests.contract.streams.processes import Worker

# Partitions that Kafka's Java client gives these keys among four: murmur2 of its UtilsTest, made positive, modulo 4.
JAVA_MURMUR2 = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
JAVA_MURMUR2 |= {
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
}


async def order_per_key_is_kept(place: Place) -> None:
    """Many writers at once, their appends begun in order: values of a key arrive in that order, all of them, once."""
    sink, entries = Sink(), numbered(keys=21, each=40)
    async with place.running(sink) as stream:
        await asyncio.gather(*(stream.append(key, value) for key, value in entries))
        await sink.has(len(entries))
    assert in_order_per_key(sink.values) is None
    # Would pass wrongly if all keys shared a partition: then order per key were free.
    assert len([values for values in (await place.stored()).values() if values]) > 1


async def append_many_keeps_order_and_crosses_partitions(place: Place) -> None:
    """One call with more than a frame holds, over all partitions."""
    sink, entries = Sink(), numbered(keys=8, each=300)
    async with place.running(sink, batch_entries=1000) as stream:
        await stream.append_many(entries)
        await sink.has(len(entries))
    assert in_order_per_key(sink.values) is None


async def keys_live_where_kafka_puts_them(place: Place) -> None:
    """The partition of a key is that of Kafka's Java client."""
    async with place.running() as stream:
        await stream.append_many([(key, key.encode()) for key in JAVA_MURMUR2])
    stored = await place.stored()
    for key, java in JAVA_MURMUR2.items():
        assert key.encode() in stored[(java & 0x7FFFFFFF) % PARTITIONS], key


async def append_is_durable_before_it_returns(place: Place) -> None:
    """A process is killed right after an append returned: the value is there."""
    with Worker("append", place) as worker:
        told = [worker.line() for _ in range(25)]
        worker.kill()
        told += worker.rest()
    stored = {value for values in (await place.stored()).values() for value in values}
    assert {line.encode() for line in told} <= stored


async def a_killed_worker_loses_nothing(place: Place) -> None:
    """SIGKILL in mid-stream, twice: after a restart every value has been handled, in order per key, repeats allowed.

    Would pass wrongly if a worker had handled all before its end: so it keeps a batch long before that.
    """
    entries = numbered(keys=10, each=60)
    async with place.running() as stream:
        await stream.append_many(entries)
    handled: list[str] = []
    for _ in range(2):
        with Worker("consume", place, "--hold-after", 40) as worker:
            handled += [worker.line() for _ in range(30)]
            worker.kill()
            handled += worker.rest()
    with Worker("consume", place) as worker:
        while set(handled) != {value.decode() for _, value in entries}:
            handled.append(worker.line())
    assert in_order_per_key([line.encode() for line in handled], repeats=True) is None


async def nothing_is_committed_past_an_unfinished_value(place: Place) -> None:
    """A batch is in the handler and does not finish; what is behind it may not be committed, nor may itself."""
    entries = numbered(keys=12, each=20)
    held = Sink()
    held.gate.clear()
    async with place.running(held, stop_s=0.2, batch_entries=10) as stream:
        await stream.append_many(entries)
        await held.until(lambda sink: bool(sink.entered))
    again = Sink()
    async with place.running(again):
        await again.has(len(entries))
    assert sorted(again.values) == sorted(value for _, value in entries)


async def what_follows_an_unfinished_batch_is_not_committed(place: Place) -> None:
    """The first batch hangs while later ones, if any are given, finish: after a restart the first comes again."""
    first: list[bytes] = []
    second = asyncio.Event()

    async def handler(values: list[bytes]) -> None:
        if not first:
            first.extend(values)
            await asyncio.Event().wait()
        second.set()

    async with place.running(handler, stop_s=0.2, batch_entries=1) as stream:  # type: ignore[arg-type]
        for number in range(20):
            await stream.append("one-key", b"one-key:%d" % number)
        with contextlib.suppress(TimeoutError):
            # A right engine never gives a second batch: then this waits for nothing, briefly and on purpose.
            await asyncio.wait_for(second.wait(), 0.5)
    again = Sink()
    async with place.running(again):
        await again.has(20)
    assert in_order_per_key(again.values) is None


async def a_restart_goes_on_behind_what_is_committed(place: Place) -> None:
    """After a graceful stop nothing that was handled comes again, and what is new does."""
    first, second = Sink(), Sink()
    async with place.running(first) as stream:
        await stream.append_many(numbered(keys=6, each=10))
        await first.has(60)
    async with place.running(second) as stream:
        await stream.append("key-0", b"key-0:10")
        await second.has(1)
    assert second.values == [b"key-0:10"]


async def a_failing_handler_gets_the_same_batch_again(place: Place) -> None:
    """Storage errors: the same batch, in place, as often as it takes; nothing is skipped and nothing overtakes."""
    sink = Sink(failures=3)
    entries = numbered(keys=6, each=20)
    async with place.running(sink, batch_entries=25) as stream:
        await stream.append_many(entries)
        await sink.until(lambda sink: len(sink.entered) >= 2)
        await eventually(lambda: "OSError" in (stream.health().reason or "") or not sink.failures)
        await sink.has(len(entries))
        await eventually(lambda: stream.health().ready)
        assert stream.health().retries == 3
    assert sink.entered[0] == sink.entered[1] == sink.entered[2] == sink.entered[3]
    assert in_order_per_key(sink.values) is None
    assert len(sink.values) == len(entries)


async def a_stop_finishes_the_batch_in_hand(place: Place) -> None:
    """Stop waits for the handler, commits, and gives no further batch."""
    sink = Sink()
    sink.gate.clear()
    stream = place.open(sink, batch_entries=1)
    await stream.start()
    await stream.append_many([("key-0", b"key-0:0"), ("key-0", b"key-0:1")])
    await sink.until(lambda sink: bool(sink.entered))
    stopping = asyncio.create_task(stream.stop())
    # A right stream is still waiting for the handler when this is over; a wrong one has stopped long before.
    await asyncio.wait({stopping}, timeout=0.3)
    sink.gate.set()
    await stopping
    handled = list(sink.values)
    assert handled == sink.entered[0], "the batch in hand was not finished"
    assert len(sink.entered) == 1
    again = Sink()
    async with place.running(again) as stream:
        await stream.append("key-0", b"key-0:2")
        await again.until(lambda sink: b"key-0:2" in sink.values)
    assert handled + again.values == [b"key-0:0", b"key-0:1", b"key-0:2"]


async def stop_is_safe_at_any_time(place: Place) -> None:
    """Before start, twice, at once; and a stopped stream refuses to append instead of forgetting."""
    stream = place.open(Sink())
    await stream.stop()
    await stream.start()
    await asyncio.gather(stream.stop(), stream.stop())
    await stream.stop()
    with pytest.raises(StorageError):
        await stream.append("key", b"value")
    assert not stream.health().ready


async def a_consumer_that_died_silently_is_restarted(place: Place) -> None:
    """The reading part is gone, nobody says so: the watchdog sees values waiting and starts it again."""
    sink = Sink()
    async with place.running(sink, stall_s=1.0) as stream:
        await stream.append("key-0", b"key-0:0")
        await sink.has(1)
        await stream._consuming._app._fetcher.stop()  # type: ignore[attr-defined]
        await stream.append("key-0", b"key-0:1")
        await sink.has(2)
        await eventually(lambda: stream.health().ready)
        assert stream.health().restarts == 1
    assert sink.values == [b"key-0:0", b"key-0:1"]


async def what_was_read_before_the_first_commit_is_read_again(place: Place) -> None:
    """The engine reads while it starts, drops that, and goes back to what is committed: here nothing is."""
    sink = Sink()
    sink.gate.clear()
    async with place.running(sink, stop_s=0.1) as stream:
        await stream.append_many(numbered(keys=8, each=1))
        await sink.until(lambda sink: bool(sink.entered))
        await eventually(lambda: 0 < sum(stream.health().lag.values()) == _read_ahead(stream))
        await stream._consuming._settle()  # type: ignore[attr-defined]
        await stream._consuming._app.consumer.perform_seek()  # type: ignore[attr-defined]
        sink.gate.set()
        await sink.has(8)


async def a_consumer_that_crashed_is_restarted(place: Place) -> None:
    """The reading part ends by an error, in a way that has the engine cancel its own parts while it stops."""
    sink = Sink()
    async with place.running(sink) as stream:
        for number in range(3):
            await stream.append("key-0", b"key-0:%d" % (2 * number))
            await sink.has(2 * number + 1)
            _crash_at_the_next_message(stream)
            await stream.append("key-0", b"key-0:%d" % (2 * number + 1))
            await sink.has(2 * number + 2)
            await eventually(lambda: stream.health().ready)
        assert stream.health().restarts == 3
    assert in_order_per_key(sink.values, repeats=True) is None


def _crash_at_the_next_message(stream: Stream) -> None:
    consumer = stream._consuming._app.consumer  # type: ignore[attr-defined]

    def book(message: object) -> None:
        raise SkippedOffsetsError("on purpose")

    consumer.book = book


def _read_ahead(stream: Stream) -> int:
    """Frames that were read and not handled."""
    ledger = stream._consuming._app.consumer.ledger  # type: ignore[attr-defined]
    return sum(len(each.pending) for each in ledger._partitions.values())


async def a_handler_that_hangs_is_given_the_batch_again(place: Place) -> None:
    """It neither returns nor raises: the watchdog gives up on that call, and the values come again."""
    sink, calls = Sink(), 0

    async def handler(values: list[bytes]) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        await sink(values)

    async with place.running(handler, stall_s=1.0, stop_s=0.2) as stream:  # type: ignore[arg-type]
        await stream.append_many([("key-0", b"key-0:0"), ("key-0", b"key-0:1")])
        await sink.has(2)
        assert stream.health().restarts == 1
    assert sink.values == [b"key-0:0", b"key-0:1"]


async def lag_is_told(place: Place) -> None:
    """While the handler is held, lag is above zero; afterwards it is zero and progress has a time."""
    sink = Sink()
    sink.gate.clear()
    async with place.running(sink, batch_entries=1) as stream:
        await stream.append("key-0", b"key-0:0")
        await eventually(lambda: sum(stream.health().lag.values()) > 0)
        sink.gate.set()
        await eventually(lambda: sum(stream.health().lag.values()) == 0)
        assert stream.health().last_progress is not None


async def large_values_pass_and_larger_ones_are_refused(place: Place) -> None:
    """Up to the limit a value passes whole, above it is refused with nothing stored."""
    sink, large = Sink(), b"x" * MAX_ENTRY_BYTES
    async with place.running(sink) as stream:
        with pytest.raises(EntryTooLarge):
            await stream.append_many([("key-0", b"small"), ("key-0", large + b"x")])
        await stream.append("key-0", large)
        await sink.has(1)
    assert sink.values == [large]


async def a_slow_handler_does_not_fill_the_memory_or_stop_the_flow(place: Place) -> None:
    """More frames than all buffers hold, all partitions: everything arrives, in order, after a pause in the middle."""
    sink = Sink()
    sink.gate.clear()
    async with place.running(sink, batch_entries=5) as stream:
        for entry in numbered(keys=8, each=40):  # one by one, so that each is a frame of its own
            await stream.append(*entry)
        await sink.until(lambda sink: bool(sink.entered))
        sink.gate.set()
        await sink.has(320)
    assert in_order_per_key(sink.values) is None


RULES = [
    order_per_key_is_kept,
    append_many_keeps_order_and_crosses_partitions,
    keys_live_where_kafka_puts_them,
    append_is_durable_before_it_returns,
    a_killed_worker_loses_nothing,
    nothing_is_committed_past_an_unfinished_value,
    what_follows_an_unfinished_batch_is_not_committed,
    a_restart_goes_on_behind_what_is_committed,
    a_failing_handler_gets_the_same_batch_again,
    a_stop_finishes_the_batch_in_hand,
    stop_is_safe_at_any_time,
    what_was_read_before_the_first_commit_is_read_again,
    a_consumer_that_died_silently_is_restarted,
    a_consumer_that_crashed_is_restarted,
    a_handler_that_hangs_is_given_the_batch_again,
    lag_is_told,
    large_values_pass_and_larger_ones_are_refused,
    a_slow_handler_does_not_fill_the_memory_or_stop_the_flow,
]
