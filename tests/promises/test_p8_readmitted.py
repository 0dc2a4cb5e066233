"""The way back: by a person's decision, with a reason, as a new incarnation, and opening nothing by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.contract.errors import InputError
from connectors.contract.written.conditions import compile_condition
from gateway.audit.tables import audit
from gateway.config import load
from gateway.config.leavers import Leavers, LeaverSource
from gateway.offboarding import store
from gateway.offboarding.beginning import Beginning
from gateway.offboarding.gone import Departing
from gateway.offboarding.tables import leaver
from gateway.offboarding.trigger import Trigger
from gateway.offboarding.values import Leaver, LeaverState
from gateway.storage.database import loads
from gateway.sync.identities import Known
from gateway.work.leaver_acts import answer_leaver
from gateway.work.readmitting import NotGone, Readmitted, let_in
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import CONFIG, WATCH
from tests.promises.test_p8_departed import ADA, CREW, causes, leave, one, world
from tests.scenarios.world_of_two import Two


async def back(w: Two, reason: str = "hired again") -> Readmitted:
    async with w.g.database.begin() as tx:
        topology = w.g.decider.topology
        return await let_in(tx, topology, "p1", by="eve", reason=reason, now=w.g.clock.now())


async def lifted(w: Two) -> list[dict[str, object]]:
    async with w.g.database.read() as tx:
        rows = (await tx.execute(select(audit).where(audit.c.kind == "tombstone_lifted"))).all()
    return [{"record": row.record, "actor": row.actor, **loads(row.detail)} for row in rows]


async def test_a_rehire_opens_nothing_by_itself_and_everything_once_hr_says_so(store_url: str) -> None:
    async with world(store_url, "crew") as w:
        ai = w.a.create(**CREW)
        await w.g.settle()
        bi = next(iter(w.b.things))
        await leave(w, (Known.ACCOUNT, ai, "a"), (Known.EMAIL, ADA, ""))
        w.a.edit(ai, x="1")
        await w.g.settle()
        record = (await w.g.record()).id
        assert (await back(w)).records == (record,)
        await w.g.settle()
        assert [each["active"] for each in one(w)] == [False, False]
        w.a.edit(ai, active=True)
        await w.g.settle()
        assert [each["active"] for each in one(w)] == [True, True]
        assert one(w)[1]["x"] == "1", "what was said meanwhile reaches the others again"
        state = await w.g.record()
        assert (state.incarnation, state.tombstoned_at, w.b.things[bi].exists) == (1, None, True)
        told = await lifted(w)
        assert [(each["actor"], each["reason"]) for each in told] == [("eve", "hired again")] * 2
        assert {each["record"] for each in told} == {None, record}


async def test_who_is_back_can_leave_again(embedded_url: str) -> None:
    async with world(embedded_url, "crew") as w:
        ai = w.a.create(**CREW)
        await w.g.settle()
        for _ in range(2):
            await leave(w, (Known.ACCOUNT, ai, "a"))
            w.a.edit(ai, x="1")
            await w.g.settle()
            assert [each["active"] for each in one(w)] == [False, False]
            await back(w)
            w.a.edit(ai, active=True)
            await w.g.settle()
            assert [each["active"] for each in one(w)] == [True, True]


async def test_an_account_that_is_gone_is_made_anew_under_the_new_key(embedded_url: str) -> None:
    async with world(embedded_url, "crew") as w:
        ai = w.a.create(**CREW)
        await w.g.settle()
        bi = next(iter(w.b.things))
        await leave(w, (Known.ACCOUNT, ai, "a"))
        w.a.edit(ai, x="1")
        await w.g.settle()
        w.b.delete(bi)
        await w.g.settle()
        await back(w)
        w.a.edit(ai, active=True)
        await w.g.settle()
        made = [thing for thing in w.b.things.values() if thing.exists]
        assert [(thing.raw["active"], thing.correlation) for thing in made] == [(True, f"{(await w.g.record()).id}-1")]


async def test_what_waited_goes_on_and_what_was_told_is_over(embedded_url: str) -> None:
    async with world(embedded_url, "duty") as w:
        await leave(w)
        w.a.create(x="0", who=ADA)
        await w.g.settle()
        assert await causes(w) == ["person.given", "person.left"]
        assert one(w)[1].get("who") is None
        await back(w)
        await w.g.settle()
        assert one(w)[1]["who"] == ADA
        assert await causes(w) == []


async def test_a_membership_does_not_come_back_with_them(embedded_url: str) -> None:
    async with world(embedded_url, "seat") as w:
        await leave(w)
        w.a.create(person=ADA, group="admins")
        await w.g.settle()
        await back(w)
        await w.g.settle()
        assert w.b.things == {}
        w.a.create(person=ADA, group="staff")
        await w.g.settle()
        assert [thing.raw["group"] for thing in w.b.things.values()] == ["staff"]


async def test_nobody_is_let_in_without_a_reason_or_twice(embedded_url: str) -> None:
    async with world(embedded_url, "crew") as w:
        with pytest.raises(NotGone):
            await back(w)
        await leave(w)
        with pytest.raises(InputError) as refused:
            await back(w, "  ")
        assert refused.value.code == "reason.missing"
        await back(w)
        with pytest.raises(NotGone):
            await back(w)
        assert len(await lifted(w)) == 1


async def test_hired_again_under_a_new_record_people_are_asked_and_nobody_leaves_twice(
    store_url: str, tmp_path: Path
) -> None:
    """HR keeps the old record as it was and makes another one: closed from birth, asked about, opened by a decision."""
    async with world(store_url, "crew") as w:
        source = LeaverSource(
            w.g.flow.name,
            compile_condition("record.x == 'ended'", fields=("name", "email", "active", "x")),
            None,
            (),
            {"name": "name", "email": "email"},
        )
        rules = Leavers(sources={w.g.flow.name: source})
        w.g.decider.onlooker = Trigger(rules, ("a", "b"), note)
        old = w.a.create(**CREW)
        await w.g.settle()
        w.a.edit(old, x="ended")
        await w.g.settle()
        gone = Departing(w.g.decider, rules)
        assert await Beginning(w.g.database, w.g.clock, rules, note, gone).once() == 1
        (theirs,) = await leavers(w)
        await gone.leave(theirs)
        await w.g.settle()
        new = w.a.create(**CREW | {"x": "hired again"})
        await w.g.settle()
        assert [thing.raw["active"] for thing in (*w.a.things.values(), *w.b.things.values())] == [False] * 3
        (asked,) = await leavers(w)
        assert asked.doc.question is not None and asked.doc.question.kind == "rehired"
        assert await causes(w) == ["leaver.asks"]
        file = tmp_path / "lockstep.yaml"
        file.write_text(CONFIG)
        config = load(file, {"WIKI_TOKEN": "t"})
        place = Workplace(database=w.g.database, config=config, topology=w.g.decider.topology, now=w.g.clock.now)
        await answer_leaver(place, WATCH, asked.label, answer="rehired", reason="signed anew")
        await w.g.settle()
        w.a.edit(new, active=True)
        w.a.edit(old, name="ada (old)")  # HR tidies up
        await w.g.settle()
        (over,) = await leavers(w)
        assert over.state is LeaverState.RETURNED
        assert (w.a.things[new].raw["active"], w.a.things[old].raw["active"]) == (True, False)
        assert sorted(thing.raw["active"] for thing in w.b.things.values()) == [False, True]


async def leavers(w: Two) -> list[Leaver]:
    async with w.g.database.read() as tx:
        return await store.listed(tx, select(leaver).order_by(leaver.c.number))
