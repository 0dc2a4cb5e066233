"""SYNC.md rule 24: what both ways lost is found by a sweep, and by nothing else (W8, W9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.contract.errors import Refused, Retryable
from connectors.contract.values import Ref, Snapshot
from dead_letter.actions import decide
from gateway.sweeps.book import Book, accept_gone, ask, states
from gateway.sweeps.ids import Guard
from gateway.sync.lane_port import Lanes
from tests.scenarios.world_of_two import first_answer
from tests.support.sweeping import DAY_S, START, Swept, other, swept

Check = Callable[[str, bool], Awaitable[None]]


# Each check takes whether its sweep runs; without it, it has to fail.


async def deletion_nobody_told_of(url: str, sweeping: bool) -> None:
    async with swept(url, on_delete="close") as w:
        first, second = await w.linked(2)
        w.a.delete(first)
        await w.lost()
        if sweeping:
            found = await w.sweep("ids", w.a)
            assert (found["listed"], found["gone"], found["read"]) == (1, 1, 1)
        await w.g.settle()
        assert w.b.things[other(w, first)].raw["active"] is False
        assert w.b.things[other(w, second)].raw["active"] is True


async def create_nobody_told_of(url: str, sweeping: bool) -> None:
    async with swept(url) as w:
        await w.linked(3)
        w.g.clock.advance(60)
        w.a.create(**{**START, "x": "unheard of"})
        await w.lost()
        if sweeping:
            assert (await w.sweep("ids", w.a))["not_known"] == 1
        await w.g.settle()
        assert "unheard of" in {each.raw["x"] for each in w.b.things.values()}


async def edit_nobody_told_of(url: str, sweeping: bool) -> None:
    async with swept(url) as w:
        first, _ = await w.linked(2)
        at = other(w, first)
        w.g.clock.advance(60)
        w.a.edit(first, status="doing")
        w.a.comment(first, "is anybody there?")
        await w.lost()
        if sweeping:
            found = await w.sweep("readback", w.a)
            assert (found["read"], found["differing"], found["comments"]) == (2, 1, 1)
        await w.g.settle()
        assert w.b.things[at].raw["status"] == "doing"
        assert [item.body for item in w.b.things[at].items] == ["is anybody there?"]
        assert len(w.b.things) == 2


async def create_that_lands_after_the_tombstone(url: str, sweeping: bool) -> None:
    """The create is proved to have had no effect, and lands after all, when the record has left."""
    async with swept(url) as w:
        w.b.answer = first_answer("late")
        ai = w.a.create(**START)
        await w.g.settle()
        (made,) = w.b.things.values()
        w.b.delete(made.id)
        w.a.edit(ai, active=False)
        await w.g.settle()
        w.b.land()
        await w.lost()
        assert [each.raw["active"] for each in w.b.things.values() if each.exists] == [True]
        if sweeping:
            assert (await w.sweep("leavers", w.b))["late"] == 1
        await w.g.settle()
        assert [each.raw["active"] for each in w.b.things.values() if each.exists] == [False]


async def second_object_of_a_leaver(url: str, sweeping: bool) -> None:
    """Two creates took effect; the first object is closed when the second comes to light."""
    async with swept(url, on_delete="close") as w:
        w.b.answer = first_answer("late")
        ai = w.a.create(**START)
        await w.g.settle()
        w.a.edit(ai, active=False)
        await w.g.settle()
        w.b.land()
        await w.lost()
        assert sorted(each.raw["active"] for each in w.b.things.values()) == [False, True]
        if sweeping:
            assert (await w.sweep("leavers", w.b))["late"] == 1
            assert (await w.sweep("leavers", w.b))["late"] == 0, "what is closed is not found again"
        await w.g.settle()
        assert [each.raw["active"] for each in w.b.things.values()] == [False, False]
        assert await w.g.cases() == []


CHECKS: list[Check] = [
    deletion_nobody_told_of,
    create_nobody_told_of,
    edit_nobody_told_of,
    create_that_lands_after_the_tombstone,
    second_object_of_a_leaver,
]


@pytest.mark.parametrize("check", CHECKS)
async def test_is_found_by_its_sweep(check: Check, store_url: str) -> None:
    await check(store_url, True)


@pytest.mark.parametrize("check", CHECKS)
async def test_is_found_by_nothing_else(check: Check, tmp_path: Any) -> None:
    with pytest.raises(AssertionError):
        await check(f"sqlite+aiosqlite:///{tmp_path}/store.db", False)


# What a list is not believed for.


async def test_a_list_alone_deletes_nothing(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        made = await w.linked(3)
        w.a.shows = lambda each: each != made[1]  # the index lags, or its filter leaves one out
        found = await w.sweep("ids", w.a)
        assert (found["gone"], found["outside_the_list"]) == (0, 1)
        reads = w.a.reads
        assert (await w.sweep("ids", w.a)).get("read", 0) == 0 and w.a.reads == reads, "it is not read every night"
        assert all(each.raw["active"] for each in w.b.things.values())
        w.g.clock.advance(7 * DAY_S)
        w.a.delete(made[1])
        await w.lost()
        assert (await w.sweep("ids", w.a))["gone"] == 1, "but now and then"


async def test_a_refused_read_deletes_nothing(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        made = await w.linked(3)

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            raise Refused("not for you", status=403)

        w.a.shows = lambda each: each != made[1]
        w.a.read = read
        found = await w.sweep("ids", w.a)
        assert (found["gone"], found["refused"]) == (0, 1)
        assert all(each.raw["active"] for each in w.b.things.values())


async def hidden(w: Swept, count: int) -> None:
    """The integration user loses its right to see the first so many: lists and reads alike."""
    gone = set(list(w.a.things)[:count])
    original = w.a.read

    async def read(ref: Ref, *, items: bool = False) -> Snapshot:
        return Snapshot(object="thing", id=ref.id, exists=False) if ref.id in gone else await original(ref, items=items)

    w.a.shows = lambda each: each not in gone
    w.a.read = read


async def test_many_at_once_stop_the_sweep(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        w.guard = Guard(most_gone=2, share=0.05)
        await w.linked(6)
        await hidden(w, 4)
        found = await w.sweep("ids", w.a)
        assert found["stopped"] == 1 and "gone" not in found
        assert all(each.raw["active"] for each in w.b.things.values()), "not one was believed"
        (case,) = await w.g.cases()
        assert (str(case.cls), case.cause, case.evidence["known"]) == ("deleted", "sweep.many_gone", 6)
        await w.sweep("ids", w.a)
        assert len(await w.g.cases()) == 1, "one case, however often it is seen"

        found = await w.sweep("ids", w.a, most_gone=4)  # a person has looked
        assert found["gone"] == 4
        assert sum(each.raw["active"] for each in w.b.things.values()) == 2
        assert await w.g.cases() == []


async def test_deletions_that_a_person_accepts_pass(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        w.guard = Guard(most_gone=2, share=0.05)
        await w.linked(6)
        await hidden(w, 4)
        await w.sweep("ids", w.a)
        (case,) = await w.g.cases()
        now = w.g.clock.now() + 1
        how: dict[str, Any] = {"actor": "nadia", "reason": "archived", "expected_version": case.version, "now": now}
        async with w.g.database.begin() as tx:
            lanes = Lanes(tx, w.g.decider.topology, now=now, actor="nadia", accept=accept_gone)
            await decide(tx, case.number, "accept", **how, lanes=lanes)
        w.g.clock.advance(2)
        assert await w.sweeper("ids", w.a).once() == ["ids"], "it is due at once"
        await w.take_in()
        assert sum(each.raw["active"] for each in w.b.things.values()) == 2
        assert await w.g.cases() == []
        await hidden(w, 6)
        w.g.clock.advance(2 * DAY_S)
        await w.sweeper("ids", w.a).once()
        assert sum(each.raw["active"] for each in w.b.things.values()) == 2, "that was for one round"


async def test_an_empty_list_stops_the_sweep_before_any_read(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        w.guard = Guard(most_gone=2, share=0.05)
        await w.linked(4)
        w.a.shows = lambda _: False
        reads = w.a.reads
        assert (await w.sweep("ids", w.a))["stopped"] == 1
        assert w.a.reads == reads
        assert len(await w.g.cases()) == 1
        w.a.shows = lambda _: True
        await w.sweep("ids", w.a)
        assert await w.g.cases() == [], "the case ends by itself"


async def test_what_is_older_than_the_gateway_is_nobodys_loss(store_url: str) -> None:
    async with swept(store_url) as w:
        old = w.a.create(**{**START, "x": "old"})
        w.a.things[old].updated_at -= 30 * DAY_S
        await w.lost()
        assert (await w.sweep("ids", w.a))["not_known"] == 0
        assert w.b.things == {}


async def test_what_the_flow_leaves_out_is_not_read_again(store_url: str) -> None:
    async with swept(store_url) as w:
        member = w.g.flow.members["a"]
        w.g.decider.topology.by_object[("a", "thing")].members["a"] = replace(  # type: ignore[index]
            member, where=lambda values: values["x"] != "private"
        )
        w.a.create(**{**START, "x": "private"})
        w.g.clock.advance(1)
        await w.lost()
        assert (await w.sweep("ids", w.a))["not_known"] == 1
        reads = w.a.reads
        assert (await w.sweep("ids", w.a))["not_known"] == 0
        assert w.a.reads == reads and w.b.things == {}


# Beside the work.


async def test_a_round_goes_on_after_a_restart(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        made = await w.linked(6)
        w.a.delete(made[0])
        await w.lost()
        original, pages = w.a.ids, []

        async def ids(object: str, cursor: Any) -> Any:
            pages.append(cursor)
            if len(pages) == 2:
                raise Retryable("down", down=True)
            return await original(object, cursor)

        w.a.ids = ids
        await ask(w.g.database, "a", ["ids"], {}, now=w.g.clock.now())
        assert await w.sweeper("ids", w.a, "first").once() == []
        w.g.clock.advance(400)  # the first one's lease runs out
        assert await w.sweeper("ids", w.a, "second").once() == ["ids"]
        assert pages == [None, {"start": 2}, {"start": 2}, {"start": 4}], "the page it was at, not from the beginning"
        await w.take_in()
        assert (await w.found("ids", w.a))["gone"] == 1


async def test_one_worker_sweeps_at_a_time(store_url: str) -> None:
    async with swept(store_url) as w:
        await ask(w.g.database, "a", ["ids"], {}, now=w.g.clock.now())
        first, second = (Book(w.g.database, w.g.clock, name) for name in ("first", "second"))
        round = await first.claim("a", "ids")
        assert round is not None
        assert await second.claim("a", "ids") is None
        assert await second.due("a", {"ids": 1.0}) == []
        w.g.clock.advance(400)
        assert await second.claim("a", "ids") is not None
        assert not await first.keep(round, {"at": 1}), "a lease that was lost stores nothing"
        assert not await first.finish(round, {}, 1.0)


async def test_a_system_in_trouble_is_left_alone(store_url: str) -> None:
    async with swept(store_url) as w:
        gate = w.g.runners["a"].gate
        await ask(w.g.database, "a", ["ids"], {}, now=w.g.clock.now())
        gate.throttled(30.0)
        assert await w.sweeper("ids", w.a).once() == []
        assert w.a.lists == 0
        gate.succeeded()
        assert await w.sweeper("ids", w.a).once() == ["ids"]


async def test_a_refused_list_ends_the_round_and_concludes_nothing(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        await w.linked(2)

        async def ids(object: str, cursor: Any) -> Any:
            raise Refused("no", status=403)

        w.a.ids = ids
        assert await w.sweep("ids", w.a) == {"refused": 1}
        assert all(each.raw["active"] for each in w.b.things.values()) and await w.g.cases() == []


async def test_a_sweep_is_audited(store_url: str) -> None:
    from sqlalchemy import select

    from gateway.audit.tables import audit

    async with swept(store_url) as w:
        await w.linked(1)
        await w.sweep("ids", w.a)
        async with w.g.database.read() as tx:
            rows = (await tx.execute(select(audit).where(audit.c.kind == "swept"))).mappings().all()
        assert [(row["connection"], row["actor"]) for row in rows] == [("a", "test")]


async def test_a_page_that_is_no_longer_known_begins_the_list_anew(store_url: str) -> None:
    """Page tokens end one day; a round that was interrupted for long has an old one."""
    async with swept(store_url) as w:
        await w.linked(4)
        original, pages = w.a.ids, []

        async def ids(object: str, cursor: Any) -> Any:
            pages.append(cursor)
            if len(pages) == 2:
                raise Refused("the token is invalid", status=400)
            return await original(object, cursor)

        w.a.ids = ids
        found = await w.sweep("ids", w.a)
        assert pages == [None, {"start": 2}, None, {"start": 2}]
        assert "refused" not in found and found["gone"] == 0


async def test_what_sweeps_found_is_summed_up(store_url: str) -> None:
    async with swept(store_url) as w:
        made = await w.linked(3)
        for each in made[:2]:
            w.a.delete(each)
            await w.lost()
            await w.sweep("ids", w.a)
        await w.sweep("ids", w.a)
        (row,) = [each for each in await states(w.g.database, "a") if each["kind"] == "ids"]
        assert (row["found"]["gone"], row["found_ever"]["gone"]) == (0, 2)
