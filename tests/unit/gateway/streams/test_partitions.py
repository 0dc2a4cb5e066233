"""Keys go where Kafka's Java client sends them. The numbers are those of its own test, UtilsTest.testMurmur2."""

from __future__ import annotations

import pytest

from gateway.streams.partitions import partition_of

JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA)
@pytest.mark.parametrize("partitions", [1, 4, 7, 64])
def test_the_partition_is_javas(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (JAVA[key] & 0x7FFFFFFF) % partitions


def test_a_key_outside_ascii_has_a_partition() -> None:
    assert 0 <= partition_of("Störung·№ 7", 5) < 5
