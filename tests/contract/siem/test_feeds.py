"""What a feed promises whatever its receiver is: nothing lost, nothing twice, in order, and past no bound."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select

from gateway.audit.floor import delete_until
from gateway.audit.tables import audit
from gateway.config.siem import File, Syslog
from gateway.siem import store
from gateway.siem.entering import enter
from gateway.siem.feeder import Feeder
from gateway.siem.place import Bells
from gateway.siem.upkeep import BEHIND, FILLING, FULL, Upkeep, judged
from gateway.storage.database import Database
from tests.support.feeding import (
    arrived,
    chain_of,
    feeding,
    numbers,
    place_of,
    sink_of,
    spooled,
    standing,
    stands,
    write,
)
from tests.support.rsyslog import free_port
from tests.support.waiting import until


def lines_of(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


async def kinds(database: Database) -> list[tuple[str, str]]:
    async with database.read() as tx:
        query = select(audit.c.kind, audit.c.cause).where(audit.c.kind.startswith("siem_")).order_by(audit.c.seq)
        return [(each.kind, each.cause) for each in await tx.execute(query)]


async def test_numbers_have_no_gap_and_each_event_holds_the_one_before(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    sink = sink_of("disk", File(file, 1 << 30, 0), form="json", segment=10)
    await write(db, 3)
    async with feeding(place_of(db, sink)) as sinks:
        for _ in range(4):
            await write(db, 20)
            sinks.stirred.set()
        found = await arrived(db, "disk", 83)
    bodies = [json.loads(each) for each in lines_of(file)]
    chains = [chain_of(each) for each in bodies]
    assert [each["number"] for each in chains] == list(range(1, found.number + 1))
    assert [each["previous"] for each in chains[1:]] == [each["digest"] for each in chains[:-1]]
    # All entries from the beginning, in the order of the chain; a summary after each ten events.
    assert [each["detail"]["n"] for each in bodies if each["kind"] == "token_created"] == [0, 1, 2, *range(20)] + [
        *range(20)
    ] * 3
    assert sum(each["kind"] == "siem_segment" for each in bodies) == found.number // 10


async def test_a_kill_around_the_commit_loses_and_doubles_nothing(db: Database, tmp_path: Path) -> None:
    place = place_of(db, sink := sink_of("disk", File(tmp_path / "f", 1 << 30, 0)))
    await write(db, 50)
    await enter(place)
    async with db.begin("test") as tx:
        assert await store.claim(tx, ["disk"], "w1", place.clock.now()) == {"disk"}
    first, second = Feeder(place, sink, Bells()), Feeder(place, sink, Bells())
    # Two that look at the same time: a worker that was thought dead. One of them puts nothing.
    results = await asyncio.gather(first.turn(), second.turn(), return_exceptions=True)
    assert sum(isinstance(each, Exception) for each in results) <= 1
    await Feeder(place, sink, Bells()).turn()
    rows = await spooled(db, "disk")
    entries = [each["id"] for each in rows if each["position"]]
    assert len(entries) == len(set(entries))
    assert [each["number"] for each in rows] == list(range(1, len(rows) + 1))
    assert sum(each["kind"] == "token_created" for each in rows) == 50


async def test_only_what_a_sink_asks_for_and_personal_values_masked(lite: Database, tmp_path: Path) -> None:
    plain, narrow = tmp_path / "plain.log", tmp_path / "narrow.log"
    target = {"form": "json"}
    sinks = [
        sink_of("plain", File(plain, 1 << 30, 0), personal=True, **target),
        sink_of("narrow", File(narrow, 1 << 30, 0), least=4, kinds=frozenset({"token_created"}), **target),
    ]
    await write(lite, 1, detail={"caller": "Ann"})
    await write(lite, 1, kind="observed")  # no high-risk action: for nobody
    await write(lite, 1, kind="token_revoked")  # medium
    async with feeding(place_of(lite, *sinks, personal=["caller"])):
        await arrived(lite, "plain", 3)
        await arrived(lite, "narrow", 1)
    told = {file: [json.loads(each) for each in lines_of(file)] for file in (plain, narrow)}
    assert {"token_created", "token_revoked"} <= {each["kind"] for each in told[plain]}
    assert "observed" not in {each["kind"] for each in told[plain]}
    assert {each["kind"] for each in told[narrow]} == {"token_created", "siem_heartbeat"}
    assert told[plain][0]["detail"]["caller"] == "Ann"
    assert told[narrow][0]["detail"]["caller"] == "***"


async def test_a_dead_receiver_delays_no_other(lite: Database, tmp_path: Path) -> None:
    dead = sink_of("dead", Syslog("127.0.0.1", free_port(), None, 0.5))
    alive = sink_of("alive", File(tmp_path / "alive.log", 1 << 30, 0))
    async with feeding(place_of(lite, dead, alive)) as sinks:
        await write(lite, 100)
        sinks.stirred.set()
        await arrived(lite, "alive", 100)
        found = await standing(lite, "dead")
        assert found.sent == 0


async def test_a_full_spool_takes_no_more_says_so_and_loses_nothing(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "late.log"
    away = File(tmp_path / "no" / "folder" / "x", 1 << 30, 0)
    (tmp_path / "no").write_text("a file where a folder should be")
    sink = sink_of("disk", away, form="json", spool=12_000)
    await write(db, 30)
    async with feeding(place_of(db, sink)) as sinks:

        async def fed() -> bool:
            found = await stands(db, "disk")
            return found is not None and found.number > 30

        await until(fed, what="the spool to be filled")
        before = (await standing(db, "disk")).number
        await Upkeep(sinks.place).see_to(sink)
        await write(db, 30)
        found = await standing(db, "disk")
        assert (found.warned, found.number) == (FULL, before)
        assert found.full_at
        assert ("siem_spool_full", "disk") in await kinds(db)
        # Retention may not pass what it lacks, however old it is.
        await delete_until(db, 1e12, now=found.full_at, batch=1000)
        async with db.read() as tx:
            left = list((await tx.execute(select(audit.c.seq).order_by(audit.c.seq))).scalars())
        assert left[0] == found.position + 1
    mended = sink_of("disk", File(file, 1 << 30, 0), form="json", spool=12_000)
    async with feeding(place_of(db, mended, worker="w2")) as sinks:
        await arrived(db, "disk", 60)
        await Upkeep(sinks.place).see_to(mended)
    bodies = [json.loads(each) for each in lines_of(file)]
    assert [each["detail"]["n"] for each in bodies if each["kind"] == "token_created"] == [*range(30), *range(30)]
    assert numbers(lines_of(file)) == list(range(1, len(bodies) + 1))
    assert (await standing(db, "disk")).warned == ""
    assert ("siem_spool_drained", "disk") in await kinds(db)


async def test_sent_again_it_is_the_same_to_the_octet(lite: Database, tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    sink = sink_of("disk", File(file, 1 << 30, 0))
    await write(lite, 20)
    async with feeding(place_of(lite, sink)):
        await arrived(lite, "disk", 20)
        before = lines_of(file)
        async with lite.begin("test") as tx:
            await store.change(tx, "disk", again=5)
        await until(lambda: len(lines_of(file)) >= len(before) * 2 - 4, what="the events to come again")
    assert lines_of(file)[len(before) :][: len(before) - 4] == before[4:]


async def test_changes_of_sinks_are_entries_and_one_that_comes_back_goes_on(lite: Database, tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    sink = sink_of("disk", File(file, 1 << 30, 0), since="now")
    await write(lite, 5)
    async with feeding(place_of(lite, sink)):
        await arrived(lite, "disk", 1)
        await write(lite, 2)
    async with feeding(place_of(lite, worker="w2")):
        await until(lambda: _removed(lite), what="the sink to be removed")
    await write(lite, 3)
    changed = sink_of("disk", File(file, 1 << 30, 0), since="now", least=4)
    async with feeding(place_of(lite, changed, worker="w3")):
        await until(lambda: len(lines_of(file)) >= 6, what="all that came since it began")
    assert [kind for kind, _ in await kinds(lite)] == ["siem_sink_added", "siem_sink_removed", "siem_sink_added"]
    stored = numbers(lines_of(file))
    assert stored == list(range(1, len(stored) + 1))


async def _removed(database: Database) -> bool:
    found = await stands(database, "disk")
    return found is not None and bool(found.removed_at)


async def test_another_worker_goes_on_when_one_is_gone(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    sink = sink_of("disk", File(file, 1 << 30, 0))
    one, other = place_of(db, sink), place_of(db, sink, worker="w2")
    await write(db, 10)
    async with feeding(one):
        await arrived(db, "disk", 10)
        async with feeding(other):
            await write(db, 10)
            await arrived(db, "disk", 20)
            assert (await standing(db, "disk")).owner == "w1"
    await write(db, 10)
    async with feeding(other):
        await arrived(db, "disk", 30)
    stored = numbers(lines_of(file))
    assert stored == list(range(1, len(stored) + 1))


async def test_silence_is_broken_by_signs_of_life(lite: Database, tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    sink = sink_of("disk", File(file, 1 << 30, 0), form="json", heartbeat_s=0.05)
    async with feeding(place_of(lite, sink)):
        await until(lambda: len(lines_of(file)) >= 4, what="signs of life")
    beats = [json.loads(each) for each in lines_of(file) if '"siem_heartbeat"' in each]
    # Of each: everything of the trail up to here is in the feed.
    assert len(beats) >= 3
    assert {each["detail"]["position"] for each in beats[1:]} == {1}


async def test_what_was_sent_long_ago_is_forgotten_and_what_waits_never(lite: Database, tmp_path: Path) -> None:
    sink = sink_of("disk", File(tmp_path / "feed.log", 1 << 30, 0), segment=10, keep_s=0.0)
    place = place_of(lite, sink)
    await write(lite, 35)
    async with feeding(place):
        found = await arrived(lite, "disk", 35)
    async with lite.begin("test") as tx:
        await store.change(tx, "disk", sent=found.number - 3, settled=found.number - 3)
    await Upkeep(place).see_to(sink)
    left = [each["number"] for each in await spooled(lite, "disk")]
    # The three that wait, and what the next summary has to cover.
    assert left == list(range(min(found.segment, found.number - 2), found.number + 1))


def test_people_hear_of_it_before_the_spool_is_full() -> None:
    sink = sink_of("disk", File(Path("x"), 1, 0), spool=1000, warn=0.8)
    at = store.Standing(name="disk", settings="", position=0, previous="", told_at=0.0, since=0.0, number=5, sent=1)
    cases: dict[str, dict[str, Any]] = {
        "a little": {"put": 700},
        "much": {"put": 800},
        "a little less, once told": {"put": 750, "warned": FILLING},
        "all": {"put": 1000},
        "less, once it is full": {"put": 950, "full_at": 1.0},
        "little, and away for long": {"put": 10, "state": store.State.FAILING},
        "nothing, and away for long": {"put": 10, "state": store.State.FAILING, "sent": 5},
    }
    new = {name: judged(sink, replace(at, **given), now=400.0) for name, given in cases.items()}
    assert new == {
        "a little": "",
        "much": FILLING,
        "a little less, once told": FILLING,
        "all": FULL,
        "less, once it is full": FULL,
        "little, and away for long": BEHIND,
        "nothing, and away for long": "",
    }
