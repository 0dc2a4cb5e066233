"""kafka:// keeps every rule on a real broker, and what only several workers and a broker can do wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from connectors.contract.clock import SystemClock
from connectors.contract.errors import StorageError
from gateway.core.ids import new_id
from gateway.streams.frames import decode
from gateway.streams.kafka_retention import delete_handled
from gateway.streams.port import Stream, open_stream
from tests.contract.streams.place import PARTITIONS, Place, Sink, Stored, in_order_per_key, numbered
from tests.contract.streams.processes import Worker
from tests.contract.streams.rules import RULES
from tests.support.kafka import Broker
from tests.support.waiting import until

_AHEAD = 500
"""How many values may be written and not yet handled."""


def kafka_place(broker: Broker) -> Place:
    name = new_id("t-")

    async def stored() -> Stored:
        found: Stored = defaultdict(list)
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.hosts)
        await consumer.start()
        try:
            tps = [TopicPartition(name, number) for number in range(PARTITIONS)]
            consumer.assign(tps)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(tps)
            for tp in tps:
                while await consumer.position(tp) < ends[tp]:
                    for message in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
                        found[tp.partition] += decode(message.value)
        finally:
            await consumer.stop()
        return found

    return Place(broker.url, name, stored)


@pytest.fixture
def place(kafka: Broker) -> Place:
    return kafka_place(kafka)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_rule(rule: Callable[[Place], Awaitable[None]], place: Place) -> None:
    await rule(place)


async def test_two_workers_share_and_take_over_without_loss(place: Place, tmp_path: Path) -> None:
    journal, written = tmp_path / "journal", set[str]()
    extra = ("--journal", journal)
    async with place.running() as stream:

        async def write_on() -> None:
            for number in itertools.count():
                values = [(f"key-{key}", b"key-%d:%d" % (key, number)) for key in range(24)]
                await stream.append_many(values)
                written.update(value.decode() for _, value in values)
                # Never far ahead of the workers, so that each has something to do all the time and the end comes soon.
                await until(lambda: _lines(journal) > len(written) - _AHEAD, what="the workers to keep up")

        writing = asyncio.create_task(write_on())
        with Worker("consume", place, *extra) as one, Worker("consume", place, *extra) as two:
            handled = {await asyncio.to_thread(one.line) for _ in range(30)}
            # The second has a share once it says something; then it is killed in the middle of it.
            handled |= {await asyncio.to_thread(two.line) for _ in range(30)}
            two.kill()
            writing.cancel()
            await asyncio.wait({writing})
            handled |= set(two.rest())
            while written - handled:
                handled.add(await asyncio.to_thread(one.line))
    # Both write to one journal, so it has the order of effects: repeats are normal after a take-over, gaps are not.
    assert in_order_per_key(journal.read_bytes().splitlines(), repeats=True) is None


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_that_is_away_refuses_appends_and_comes_back(own_kafka: Broker) -> None:
    place, sink = kafka_place(own_kafka), Sink()
    async with place.running(sink, append_s=2.0, stall_s=60.0) as stream:
        await stream.append("key-0", b"key-0:0")
        await sink.has(1)
        await asyncio.to_thread(own_kafka.kill)
        with pytest.raises(StorageError):
            await stream.append("key-0", b"lost or not")
        await asyncio.to_thread(own_kafka.start)
        await until(partial(_taken, stream, "key-0", b"key-0:1"), what="the broker to take a value again")
        await sink.until(lambda sink: b"key-0:1" in sink.values)


async def test_no_broker_is_a_storage_error_and_leaves_nothing_running(own_kafka: Broker) -> None:
    place = kafka_place(own_kafka)
    url = place.url
    await asyncio.to_thread(own_kafka.stop)
    stream = open_stream(url, name="x", partitions=1, clock=SystemClock())
    with pytest.raises(StorageError):
        await stream.start()
    assert not stream.health().ready


async def test_handled_messages_are_deleted_and_unhandled_ones_are_not(place: Place) -> None:
    sink, hosts = Sink(), place.url.removeprefix("kafka://")
    async with place.running(sink) as stream:
        await stream.append_many(numbered(keys=8, each=5))
        await sink.has(40)
    stored = await place.stored()
    handled = {number: 1 for number, values in stored.items() if values}
    now = SystemClock().now()
    assert await delete_handled(hosts, place.name, handled, before=now - 3600) == {}
    left = await delete_handled(hosts, place.name, handled, before=now + 3600)
    assert left == handled
    assert not any((await place.stored()).values())
    async with place.running() as stream:
        await stream.append("key-0", b"unhandled")
    assert await delete_handled(hosts, place.name, handled, before=now + 3600) == {}
    assert [value for values in (await place.stored()).values() for value in values] == [b"unhandled"]


async def test_a_message_that_is_no_frame_is_handed_on_whole(place: Place) -> None:
    sink = Sink()
    async with place.running(sink) as stream:
        stranger = AIOKafkaProducer(bootstrap_servers=place.url.removeprefix("kafka://"))
        await stranger.start()
        await stranger.send_and_wait(place.name, b"not a frame", partition=0)
        await stranger.stop()
        await stream.append("key-0", b"key-0:0")
        await sink.has(2)
    assert sorted(sink.values) == [b"key-0:0", b"not a frame"]


async def _taken(stream: Stream, key: str, value: bytes) -> bool:
    """Append as intake's callers do, who come again after a refusal."""
    try:
        await stream.append(key, value)
    except StorageError:
        return False
    return True


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0
