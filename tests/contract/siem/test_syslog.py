"""Syslog to a real rsyslog, over TCP and TLS, that is killed while events come."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gateway.config.siem import Syslog, Tls
from gateway.storage.database import Database
from tests.support.certificates import Authority
from tests.support.feeding import arrived, feeding, numbers, place_of, sink_of, standing, stands, stored, write
from tests.support.rsyslog import CLIENT, Rsyslog, collecting, needs_rsyslog
from tests.support.waiting import until

pytestmark = needs_rsyslog
EVENTS = 2_000


def target(collector: Rsyslog, tls: Tls | None = None) -> Syslog:
    return Syslog("127.0.0.1", collector.port, tls, window_s=0.5)


async def killed_twice(lite: Database, collector: Rsyslog, tls: Tls | None) -> None:
    place = place_of(lite, sink_of("soc", target(collector, tls)))
    async with feeding(place) as sinks:
        for least in (200, 900):
            await write(lite, EVENTS // 4)
            sinks.stirred.set()
            await until(partial(stored, collector, least), what="the first of them to arrive")
            # What it has not read dies with it: written to the socket, and not there.
            collector.pause()
            await write(lite, EVENTS // 4)
            await until(collector.unread, what="events to lie in its socket")
            await collector.end()
            await collector.start()
        found = await arrived(lite, "soc", EVENTS)
    found_there = numbers(collector.lines)
    # Each number, and no other: heartbeats and summaries of segments are numbered with the events.
    assert sorted(set(found_there)) == list(range(1, found.number + 1))
    assert found.number > EVENTS
    assert found.state == "working"


async def test_by_tcp_nothing_is_missing_when_the_collector_is_killed(lite: Database, tmp_path: Path) -> None:
    async with collecting(tmp_path / "collector") as collector:
        await killed_twice(lite, collector, None)


async def test_by_tls_nothing_is_missing_either(lite: Database, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    mine = authority.issue(CLIENT, tmp_path / "mine")
    tls = Tls("localhost", str(authority.file), mine.certificate, mine.key)
    async with collecting(tmp_path / "collector", tls=authority) as collector:
        await killed_twice(lite, collector, tls)


@pytest.mark.parametrize(
    ("name", "known", "shown", "said"),
    [
        ("other.example", True, True, "does not hold"),
        ("localhost", False, True, "does not hold"),
        ("localhost", True, False, "ended the connection"),
    ],
    ids=["another name", "an authority we do not know", "no certificate of ours"],
)
async def test_who_cannot_prove_who_it_is_gets_nothing(
    lite: Database, tmp_path: Path, name: str, known: bool, shown: bool, said: str
) -> None:
    authority, stranger = Authority(tmp_path / "ca"), Authority(tmp_path / "stranger")
    mine = authority.issue(CLIENT, tmp_path / "mine")
    pair = (mine.certificate, mine.key) if shown else ("", "")
    tls = Tls(name, str((authority if known else stranger).file), *pair)
    async with collecting(tmp_path / "collector", tls=authority) as collector:
        await write(lite, 3)
        async with feeding(place_of(lite, sink_of("soc", target(collector, tls)))):

            async def refused() -> bool:
                found = await stands(lite, "soc")
                return found is not None and said in found.reason

            await until(refused, what="the sink to say why")
            assert (await standing(lite, "soc")).sent == 0
        assert collector.lines == []
