"""Faust on Kafka, by its aiokafka driver: durable, idempotent sends and the safe commit.

The other driver, `confluent://`, swaps key and value by position and is not used.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    IllegalStateError,
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)
from faust.exceptions import FaustError
from faust.transport import base
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from yarl import URL

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.points import AFTER, BEFORE, reached
from gateway.streams.app import StreamApp
from gateway.streams.guard import SafeCommit
from gateway.streams.kafka_retention import delete_handled
from gateway.streams.port import MAX_ENTRY_BYTES, StreamOptions

logger = logging.getLogger(__name__)

_HEADROOM = 64 * 1024
_REPLICAS = 3
_A_DAY_S = 86_400.0
_POLL_S = 0.05
_MADE_OR_NOT_YET = {0, TopicAlreadyExistsError.errno, InvalidReplicationFactorError.errno}


class KafkaProducer(driver.Producer):
    """All in-sync replicas answer, and a repeated request is stored once and in its place."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class KafkaConsumer(SafeCommit, driver.Consumer):
    """The driver's consumer under the safe commit."""

    async def _committed(self) -> Mapping[TP, int | None]:
        return await self._thread.seek_to_committed()

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        try:
            await super().seek_wait(partitions)
        except IllegalStateError:
            logger.info("partitions were given up while reading went back; whoever has them next starts over")

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        return self.book(super()._to_message(tp, record))

    def release(self) -> None:
        """The loop of the consumer's thread is made with the consumer, but closed only by a thread that ran."""
        thread = self._thread
        if not thread._thread_started.is_set():  # noqa: SLF001 - nothing else tells
            thread.thread_loop.close()


class KafkaTransport(driver.Transport):
    """What Faust asks for a consumer and a producer."""

    Consumer: ClassVar[type[KafkaConsumer]] = KafkaConsumer
    Producer: ClassVar[type[KafkaProducer]] = KafkaProducer


class KafkaBackend:
    """A topic and a consumer group of the stream's name on a cluster."""

    failures: tuple[type[Exception], ...] = (KafkaError, FaustError, OSError)

    def __init__(self, hosts: str, name: str, partitions: int, clock: Clock, options: StreamOptions) -> None:
        self.name, self._hosts, self._partitions, self._clock, self._options = name, hosts, partitions, clock, options
        self.broker = ";".join(f"kafka://{host}" for host in hosts.split(","))
        self.settings: Mapping[str, Any] = {
            "broker_session_timeout": options.session_s,
            "broker_heartbeat_interval": options.session_s / 4,
            "broker_rebalance_timeout": options.stop_s + options.session_s,
            # A database that is away for hours must not cost the partitions; a consumer that died is the watchdog's.
            "broker_max_poll_interval": _A_DAY_S,
            "broker_request_timeout": max(30.0, options.session_s * 2),
            "broker_max_poll_records": 500,
            "consumer_max_fetch_size": 1024 * 1024,
            "producer_acks": -1,
            "producer_linger": 0.0,
            "producer_max_request_size": MAX_ENTRY_BYTES + _HEADROOM,
            "producer_request_timeout": options.append_s,
        }

    async def open(self) -> int:
        """Make the topic unless it is there; returns its number of partitions. StorageError: no broker answers."""
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._hosts, request_timeout_ms=int(self._options.append_s * 1000)
        )
        try:
            async with asyncio.timeout(self._options.append_s):
                await admin.start()
                while not (count := await self._count(admin)):
                    await self._create(admin)
        except (KafkaError, OSError, TimeoutError) as error:
            raise StorageError(
                f"no Kafka broker serves {self.name} at {self._hosts}: {type(error).__name__}: {error}"
            ) from error
        finally:
            await admin.close()
        return count

    def transport(self, app: StreamApp) -> base.Transport:
        """A transport on the cluster."""
        return KafkaTransport([URL(url) for url in self.broker.split(";")], app)

    async def trim(self, committed: Mapping[int, int]) -> None:
        """See `kafka_retention`."""
        before = self._clock.now() - self._options.retention_s
        if cut := await delete_handled(self._hosts, self.name, committed, before):
            logger.info("deleted handled messages of %s, now starting at %s", self.name, cut)

    async def close(self) -> None:
        """Nothing outlives the applications."""

    async def _count(self, admin: AIOKafkaAdminClient) -> int:
        """Partitions of the topic that have a leader, 0 while any has none or there is no topic."""
        [found] = await admin.describe_topics([self.name])
        parts = found["partitions"]
        return len(parts) if not found["error_code"] and all(part["leader"] >= 0 for part in parts) else 0

    async def _create(self, admin: AIOKafkaAdminClient) -> None:
        """Ask for the topic once more: a cluster that is starting refuses, a new topic has no leaders at first."""
        brokers = len((await admin.describe_cluster())["brokers"])
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "max.message.bytes": str(MAX_ENTRY_BYTES + _HEADROOM),
        }
        topic = NewTopic(self.name, self._partitions, min(_REPLICAS, max(1, brokers)), topic_configs=settings)
        reached(f"topic.create.{BEFORE}")
        answer = await admin.create_topics([topic])
        reached(f"topic.create.{AFTER}")
        for name, code, *_ in answer.topic_errors:
            if code not in _MADE_OR_NOT_YET:
                raise for_code(code)(f"the topic {name} could not be made")
        await asyncio.sleep(_POLL_S)
