"""Deletes handled messages of a topic once they are old. A broker left to itself deletes by age, handled or not."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from gateway.core.points import AFTER, BEFORE, reached


async def delete_handled(hosts: str, topic: str, committed: Mapping[int, int], before: float) -> dict[int, int]:
    """Delete what is below the committed offset and older than `before` (epoch seconds), per partition.

    Returns the partitions it cut, with the first offset that is left. Raises KafkaError (also where the cluster does
    not allow it: the right needed is DELETE on the topic).
    """
    wanted = {TopicPartition(topic, number): offset for number, offset in committed.items() if offset > 0}
    if not wanted:
        return {}
    reader = AIOKafkaConsumer(bootstrap_servers=hosts)
    await reader.start()
    try:
        first = await reader.beginning_offsets(list(wanted))
        young = await reader.offsets_for_times(dict.fromkeys(wanted, int(before * 1000)))
    finally:
        await reader.stop()
    cuts = {tp: min(offset, young[tp].offset) if young.get(tp) else offset for tp, offset in wanted.items()}
    cuts = {tp: cut for tp, cut in cuts.items() if cut > first[tp]}
    if not cuts:
        return {}
    admin = AIOKafkaAdminClient(bootstrap_servers=hosts)
    await admin.start()
    try:
        reached(f"topic.trim.{BEFORE}")
        left = await admin.delete_records({tp: RecordsToDelete(cut) for tp, cut in cuts.items()})
        reached(f"topic.trim.{AFTER}")
    finally:
        await admin.close()
    return {tp.partition: offset for tp, offset in left.items()}
