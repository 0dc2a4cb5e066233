"""Backtests that a worker makes: asked for, followed, given up, begun anew after a kill, seen by who may see them."""

from __future__ import annotations

from pathlib import Path

from gateway.app.backtesting import Backtester
from gateway.versions.store import Version
from gateway.work import mapping_jobs, mapping_publishing, mapping_trials
from gateway.work.mapping_backtests import Range
from tests.support.versions import ADA, INES, IVAN, Facts, Shelf, shelf, who

RAW = {"number": "INC0000001", "short_description": "Mail", "state": "2", "priority": "3"}


def _newer(stand: Shelf) -> Version:
    text = (stand.folder / "snow.yaml").read_text().replace("version: 1", "version: 2")
    text = text.replace("path: short_description", "path: [u_title, short_description]")
    return mapping_trials.candidate(stand.place, text, by="ines", origin="new.yaml")


async def _asked(stand: Shelf) -> Facts:
    await stand.start()
    await stand.bring(*[{**RAW, **({"u_title": "Better"} if at % 5 == 0 else {})} for at in range(20)])
    return await mapping_jobs.begin(stand.place, INES, _newer(stand), Range(since=0, until=stand.at))


async def _state(stand: Shelf, id: str) -> Facts:
    found = await mapping_jobs.get(stand.place, ADA, id)
    assert found is not None
    return found


async def test_a_worker_makes_what_was_asked_for(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        asked = await _asked(stand)
        assert (asked["state"], asked["report"], asked["by"]) == ("waiting", None, "ines")
        worker = Backtester(stand.place, "worker-1")
        assert await worker.once() and not await worker.once()
        found = await _state(stand, asked["id"])
        assert (found["state"], found["done"], found["total"]) == ("done", 20, 20)
        assert (found["report"]["same"], found["report"]["changed"]) == (16, 4)
        standing = await mapping_publishing.standing(stand.place, IVAN, found["ref"])
        assert standing["backtest"]["by"] == "ines", "whoever asked has seen it"
        newest = await mapping_jobs.latest(stand.place, ADA, found["digest"])
        assert newest is not None and newest["id"] == asked["id"]


async def test_what_was_given_up_is_not_made(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        asked = await _asked(stand)
        given = await mapping_jobs.take(stand.place, "worker-1")
        assert given is not None
        ended = await mapping_jobs.cancel(stand.place, IVAN, asked["id"])
        assert ended is not None and (ended["state"], ended["reason"]) == ("cancelled", "ivan gave it up")
        assert not await mapping_jobs.make(stand.place, given), "the worker notices"
        assert (await _state(stand, asked["id"]))["state"] == "cancelled"
        again = await mapping_jobs.cancel(stand.place, INES, asked["id"])
        assert again is not None and again["reason"] == "ivan gave it up"


async def test_a_dead_workers_backtest_begins_anew(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        asked = await _asked(stand)
        dead = await mapping_jobs.take(stand.place, "worker-1")
        assert dead is not None and await mapping_jobs.take(stand.place, "worker-2") is None, "one makes it"
        stand.at += mapping_jobs.LEASE_S + 1
        assert await Backtester(stand.place, "worker-2").once()
        assert (await _state(stand, asked["id"]))["report"]["done"] == 20
        assert not await mapping_jobs.make(stand.place, dead), "the old one loses"
        assert (await _state(stand, asked["id"]))["state"] == "done"


async def test_who_sees_less_than_whoever_asked_does_not_see_it(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        asked = await _asked(stand)
        narrow = who("sam", *INES.roles, connections=frozenset({"snow"}))
        assert await mapping_jobs.get(stand.place, narrow, asked["id"]) is None
        assert await mapping_jobs.cancel(stand.place, narrow, asked["id"]) is None
        own = await mapping_jobs.begin(stand.place, narrow, _newer(stand), Range(since=0, until=stand.at))
        assert await mapping_jobs.get(stand.place, narrow, own["id"]) is not None
