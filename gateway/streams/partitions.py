"""Which partition a key lives in: murmur2 as in Kafka's own clients, so a key stays put when a user moves to Kafka."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: str, partitions: int) -> int:
    """The partition of `key` among `partitions`; the same for both transports, all processes and all versions."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions
