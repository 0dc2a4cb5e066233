"""Whose turn it is: who is wanted now, several workers, several systems, and departures that wait or fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.config.leaver_guard import Guard
from gateway.config.leavers import Leavers
from gateway.offboarding import store
from gateway.offboarding.lease import Lost
from gateway.offboarding.values import Leaver, LeaverState, Person, StepState, SystemState
from tests.contract.offboarding.test_executor import ann
from tests.support.leaving import House, Killed


async def test_two_workers_never_do_one_step_twice(home: House) -> None:
    ann(home)
    await home.tell()
    one, two = home.worker("one"), home.worker("two")
    await one.beginning.once()
    held = await one.book.claim(1, "wiki")
    assert held is not None and await two.book.claim(1, "wiki") is None
    home.clock.advance(3600)
    # The first has lost its lease: the second does it all, and what the first still says counts for nothing.
    await home.run(60, worker=two)
    with pytest.raises(Exception, match=r"^$"):
        await one.book.rest(held, None)
    assert sorted(home.systems["wiki"].ended) == ["account:a1", "group:staff", "role:root"]
    assert len(home.systems["wiki"].sent) == 3


def other(name: str) -> Person:
    return Person(name=name, email=f"{name}@example.com")


async def test_a_flood_that_waits_keeps_nobody_else_waiting(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.offboarding.beginning.MOST", 2)
    home.rules = Leavers(guard=Guard(batch=1))
    for name in ("one", "two", "three"):
        await home.tell(other(name), batch="import:1")
    await home.run()
    assert {(await home.leaver(number)).begun_at for number in (1, 2, 3)} == {None}
    home.clock.advance(60)
    await home.tell()
    await home.tell(other("two"), urgent=True, caused_by=("user:eve",))
    await home.run(60)
    # Neither who came later nor who is wanted now stands behind those about whom people have to decide.
    assert (await home.leaver(4)).state is LeaverState.DONE and (await home.leaver(2)).begun_at is not None
    assert (await home.leaver(1)).begun_at is None and (await home.leaver(3)).begun_at is None


async def test_a_defect_of_one_departure_keeps_no_other_one(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    departs = home.gone.departs

    async def cannot(tx: Any, leaver: Leaver, *more: Any) -> None:
        if leaver.number == 1:
            raise ValueError("its name is longer than the column")
        await departs(tx, leaver, *more)

    monkeypatch.setattr(home.gone, "departs", cannot)
    ann(home)
    await home.tell(other("one"))
    await home.tell()
    await home.run()
    assert (await home.leaver(2)).state is LeaverState.DONE and (await home.leaver(1)).begun_at is None


async def test_who_is_wanted_now_stands_before_all_others(home: House) -> None:
    ann(home)
    await home.tell()
    await home.run()
    for name in ("one", "two"):
        await home.tell(other(name))
    await home.tell(other("three"), urgent=True, caused_by=("user:eve",))
    await home.worker().beginning.once()
    async with home.database.read() as tx:
        due = await store.due_places(tx, home.clock.now(), "w1", limit=2)
    assert {(each.number, each.connection) for each in due} == {(4, "wiki"), (4, "shop")}


async def test_a_system_that_is_slow_keeps_no_other_one_waiting(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.offboarding.executor.MOST_DUE", 5)
    for number in range(8):
        await home.tell(other(f"p{number}"))

    async def hangs(whom: object) -> object:
        return await asyncio.Event().wait()

    home.systems["wiki"].accounts = hangs  # type: ignore[method-assign, assignment]
    worker = home.worker()
    await worker.start()
    async with asyncio.timeout(30):
        while {(await home.places(number))["shop"].state for number in range(1, 9)} != {SystemState.NONE}:
            worker.stirred.set()
            await asyncio.sleep(0.01)
    await worker.stop()


async def test_a_claim_of_ones_own_that_was_overtaken_counts_for_nothing(home: House) -> None:
    await home.tell()
    one = home.worker("one")
    await one.beginning.once()
    first = await one.book.claim(1, "wiki")
    assert first is not None and await one.book.claim(1, "wiki") is not None
    with pytest.raises(Lost):
        await one.book.rest(first, None)


async def test_what_a_dead_worker_began_is_unknown_until_it_is_read(home: House) -> None:
    ann(home)
    home.systems["wiki"].faults = ["killed before"]
    await home.tell()
    with pytest.raises(Killed):
        await home.run()
    assert (await home.steps())["wiki/role:root"].state is StepState.DOING
    home.clock.advance(3600)
    assert await home.worker("two").book.claim(1, "wiki") is not None
    assert (await home.steps())["wiki/role:root"].state is StepState.UNKNOWN
