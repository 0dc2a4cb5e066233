"""Splunk's event collector with acknowledgements: what it took and lost comes again, on a channel of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gateway.config.siem import Hec
from gateway.siem.store import State
from gateway.storage.database import Database
from tests.support.feeding import arrived, feeding, numbers, place_of, sink_of, stands, stored, write
from tests.support.splunk import TOKEN, Collector, collecting
from tests.support.waiting import until


def target(collector: Collector, *, token: str = TOKEN, within_s: float = 1.0) -> Hec:
    return Hec(collector.url, token, True, within_s, "", "", "lockstep", "lockstep:ocsf")


async def test_nothing_is_missing_when_the_collector_crashes(lite: Database, tmp_path: Path) -> None:
    async with collecting(tmp_path / "indexed") as collector:
        async with feeding(place_of(lite, sink_of("splunk", target(collector)))) as sinks:
            for least in (400, 1400):
                await write(lite, 500)
                sinks.stirred.set()
                await until(partial(stored, collector, least), what="the first of them to be indexed")
                await write(lite, 500)
                sinks.stirred.set()
                await collector.crash()
                await collector.start()
            found = await arrived(lite, "splunk", 2000)
        assert sorted(set(numbers(collector.lines))) == list(range(1, found.number + 1))


@pytest.mark.parametrize("fault", ["busy", "dropped", "late", "lost", "restarted"])
async def test_each_fault_of_a_collector_is_got_over(lite: Database, tmp_path: Path, fault: str) -> None:
    async with collecting(tmp_path / "indexed") as collector:
        await write(lite, 20)
        async with feeding(place_of(lite, sink_of("splunk", target(collector)))) as sinks:
            await arrived(lite, "splunk", 20)
            collector.faults.append(fault)
            await write(lite, 20)
            sinks.stirred.set()
            found = await arrived(lite, "splunk", 40)
        there = numbers(collector.lines)
    assert sorted(set(there)) == list(range(1, found.number + 1))
    # What was taken and cannot be acknowledged is sent again; what was answered late or refused is there once.
    assert (len(there) > len(set(there))) == (fault in ("dropped", "restarted"))


async def test_what_was_taken_is_waited_for_by_the_next_holder(lite: Database, tmp_path: Path) -> None:
    async with collecting(tmp_path / "indexed") as collector:
        sink = sink_of("splunk", target(collector, within_s=60.0))
        collector.acknowledges = False  # not to the first, who might be gone before it is written down
        await write(lite, 20)
        async with feeding(place_of(lite, sink)):

            async def taken() -> bool:
                found = await stands(lite, "splunk")
                return found is not None and '"ack"' in found.memory

            await until(taken, what="the collector to take a batch")
        before, collector.acknowledges = collector.requests, True
        async with feeding(place_of(lite, sink, worker="w2")):
            await arrived(lite, "splunk", 20)
        assert collector.requests == before
        assert len(collector.lines) == len(set(numbers(collector.lines)))


async def test_a_token_that_is_not_known_is_told_and_loses_nothing(lite: Database, tmp_path: Path) -> None:
    async with collecting(tmp_path / "indexed") as collector:
        await write(lite, 5)
        async with feeding(place_of(lite, sink_of("splunk", target(collector, token="no-token")))):

            async def refused() -> bool:
                found = await stands(lite, "splunk")
                return found is not None and found.state is State.REFUSED and found.refused > 0

            await until(refused, what="the sink to be refused")
            found = await stands(lite, "splunk")
            assert found is not None
            assert "does not understand our token" in found.reason
            collector.token = "no-token"
            await arrived(lite, "splunk", 5)
