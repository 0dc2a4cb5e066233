"""A notice that a person has read again: its case ends with what became of it, or asks again. It never just waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from connectors.contract.written.conditions import Condition, compile_condition
from dead_letter import store
from dead_letter.actions import decide
from dead_letter.values import Case, CaseState
from gateway.sync import batch, retried
from gateway.sync import tables as t
from gateway.sync.arrive import arrive
from gateway.sync.batch import Batch, Topology
from gateway.sync.lane_port import Lanes
from tests.scenarios.world_of_two import STAMP, START, Two, two

FIELDS = ("x", "y", "status", "tags", "active")
NEW = compile_condition("record.status == 'new'", fields=FIELDS)
LARGER = compile_condition("record.x > 3", fields=FIELDS)


async def retry(w: Two, case: Case) -> None:
    async with w.g.database.begin() as tx:
        lanes = Lanes(tx, w.g.decider.topology, now=w.g.clock.now(), actor="nadia")
        how: dict[str, Any] = {"actor": "nadia", "reason": "", "lanes": lanes, "now": w.g.clock.now()}
        await decide(tx, case.number, "retry", expected_version=case.version, **how)


async def kept_up(w: Two) -> list[str]:
    async with w.g.database.begin() as tx:
        return await retried.end_retried(tx, w.g.decider.topology, now=w.g.clock.now())


async def case_of(w: Two, number: str) -> Case:
    async with w.g.database.read() as tx:
        found = await store.get_case(tx, number)
    assert found is not None
    return found


async def poisoned(w: Two) -> Case:
    """The case of a new object's notice that a defect of ours stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batch, "_arrive", lambda self, arrival: 1 / 0)
        await w.bring(w.a)
    (case,) = await w.g.cases(cls="poison")
    assert case.cause == "notice.poison"
    return case


async def test_it_ends_when_its_object_was_read_and_taken(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        w.a.create(**START)
        case = await poisoned(w)
        await retry(w, case)
        assert await kept_up(w) == [], "it was not read yet"
        assert (await case_of(w, case.number)).state == CaseState.IN_RUN
        await w.g.scout.once()
        await w.g.settle()
        assert len(w.b.things) == 1
        assert await kept_up(w) == [case.number]
        after = await case_of(w, case.number)
        assert (str(after.ending), after.closed_by) == ("applied", "lockstep")
        assert await kept_up(w) == []


async def test_one_of_a_known_record_ends_with_the_read_of_its_lane(store_url: str) -> None:
    async with two(store_url, a=STAMP) as w:
        w.edit_a(x="7")
        case = await poisoned(w)
        await retry(w, case)
        await w.g.scout.once()
        await w.g.settle()
        assert w.shown(w.b)["x"] == "7"
        assert await kept_up(w) == [case.number]
        assert (await case_of(w, case.number)).ending == "applied"


async def test_an_object_that_is_gone_leaves_nothing_to_do(store_url: str) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        thing = w.a.create(**START)
        case = await poisoned(w)
        other = w.a.create(**START)
        await w.bring(w.a)
        (filtered,) = await w.g.cases(cls="mapping")
        for one, it in ((case, thing), (filtered, other)):
            w.a.delete(it)
            w.a.take()
            await retry(w, one)
        await w.g.scout.once()
        assert sorted(await kept_up(w)) == sorted([case.number, filtered.number])
        for one in (case, filtered):
            after = await case_of(w, one.number)
            assert after.ending == "obsolete" and "gone" in after.reason


async def test_the_same_defect_again_asks_again(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the scout lives on: what is read beside it is taken."""
    async with two(store_url, linked=False) as w:
        thing = w.a.create(**START)
        case = await poisoned(w)
        await retry(w, case)
        plain = arrive

        def broken(unit: Any, arrival: Any) -> None:
            if arrival.change.snapshot.id == thing:
                raise ZeroDivisionError("again")
            plain(unit, arrival)

        monkeypatch.setattr(batch, "arrive", broken)
        await w.g.scout.once()
        again = await case_of(w, case.number)
        assert (again.state, again.count) == (CaseState.OPEN, 2) and "again" in again.evidence["error"]
        assert await kept_up(w) == []
        assert not [n for n in await w.g.notices() if n.state != "done"], "it is not read for ever"
        monkeypatch.setattr(batch, "arrive", plain)
        await retry(w, again)
        await w.g.scout.once()
        await w.g.settle()
        assert await kept_up(w) == [case.number] and len(w.b.things) == 1


async def test_a_filter_that_stumbles_over_a_defect_is_another_case(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        await retry(w, case)
        monkeypatch.setattr(Batch, "_selected", lambda self, flow, arrival: 1 / 0)
        await w.g.scout.once()
        (poison,) = await w.g.cases(cls="poison")
        assert poison.cause == "notice.poison"
        after = await case_of(w, case.number)
        assert after.ending == "obsolete" and "a case of its own" in after.reason


async def test_a_notice_that_was_forgotten_is_made_anew(store_url: str) -> None:
    async with two(store_url, linked=False, where=NEW) as w:
        thing = w.a.create(**{**START, "status": "P0"})
        await w.bring(w.a)
        (case,) = await w.g.cases()
        async with w.g.database.begin() as tx:
            await tx.execute(delete(t.notice))
        w.a.edit(thing, status="new")
        w.a.take()
        await retry(w, case)
        assert await kept_up(w) == []
        await w.g.scout.once()
        await w.g.settle()
        assert await w.g.cases() == [] and len(w.b.things) == 1


async def test_an_object_that_no_flow_holds_any_more_ends_it(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        w.a.create(**START)
        case = await poisoned(w)
        await retry(w, case)
        async with w.g.database.begin() as tx:
            assert await retried.end_retried(tx, Topology({}, {}), now=w.g.clock.now()) == [case.number]
        after = await case_of(w, case.number)
        assert after.ending == "obsolete" and "no flow" in after.reason
        assert not [n for n in await w.g.notices() if n.state != "done"]


async def reconsidered(w: Two, topology: Topology | None = None) -> list[str]:
    chosen = topology or w.g.decider.topology
    return await retried.reconsider(w.g.database, chosen, now=w.g.clock.now)


def refiltered(w: Two, where: Condition | None) -> None:
    """The gateway starts again with another filter."""
    members = {**w.g.flow.members, "a": replace(w.g.flow.members["a"], where=where)}
    w.g.decider.topology = Topology.of([replace(w.g.flow, members=members)])


async def test_a_filter_that_was_taken_away_ends_its_cases(store_url: str) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        assert await reconsidered(w) == [], "the same filter: a person decides"
        refiltered(w, None)
        assert await reconsidered(w) == [case.number]
        after = await case_of(w, case.number)
        assert after.ending == "obsolete" and "no filter" in after.reason
        await w.g.scout.once()
        await w.g.settle()
        assert len(w.b.things) == 1, "nobody has to touch the object for it to be taken"
        assert await reconsidered(w) == []


@pytest.mark.parametrize(("mended", "made"), [("record.x == '0'", 1), ("record.x == '9'", 0)])
async def test_a_filter_that_was_mended_decides_by_itself(store_url: str, mended: str, made: int) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        refiltered(w, compile_condition(mended, fields=FIELDS))
        assert await reconsidered(w) == [case.number]
        await w.g.scout.once()
        await w.g.settle()
        assert len(w.b.things) == made
        after = await case_of(w, case.number)
        assert (after.ending, after.reason) == ("obsolete", "the filter can be decided now")


async def test_a_filter_that_is_still_undecided_asks_again(store_url: str) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        refiltered(w, compile_condition("record.x > 4", fields=FIELDS))
        assert await reconsidered(w) == [case.number]
        await w.g.scout.once()
        (again,) = await w.g.cases()
        assert (again.number, again.state) == (case.number, CaseState.OPEN)
        assert again.evidence["condition"] == "record.x > 4" and await reconsidered(w) == []


async def test_a_flow_that_is_gone_ends_the_cases_of_its_filter(store_url: str) -> None:
    async with two(store_url, linked=False, where=LARGER) as w:
        w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        assert await reconsidered(w, Topology({}, {})) == [case.number]
        assert (await case_of(w, case.number)).ending == "obsolete"
