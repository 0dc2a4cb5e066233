"""ADR 0206 and 0207: what a record refers to is found, also later, and hears what is said to it once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.audit.tables import audit
from gateway.sync import tables as t
from gateway.sync.departure import leave
from gateway.sync.flow import Merge, Policy
from gateway.sync.stage import Stage
from tests.scenarios.world_of_two import first_answer
from tests.support.referring import ORDERS, PAPERS, THING, Seas, seas


@pytest.fixture
def url(tmp_path: Path) -> str:
    """For what does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


async def test_what_is_said_is_done_once_whatever_comes_again(store_url: str) -> None:
    async with seas(store_url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        ships = [w.ship("for b0 and b0", "arrived", "doing", 10), w.ship("for b0", "sunk", "done", 20)]
        old = list(w.a.notices)
        await w.settle()
        assert (w.status(thing), w.said(thing)) == ("doing", ["Sunk before done: b0"])
        assert w.a.things[ships[0]].raw["why"] == "carries b0"
        writes = len(w.b.writes)
        for state in ("under_way", "sunk"):
            w.a.edit(ships[1], state=state)
            await w.settle()
        await w.g.bring([*old, *map(w.a.poll, ships), w.b.poll(thing)])
        await w.settle()
        assert (w.status(thing), w.said(thing)) == ("doing", ["Sunk before done: b0"])
        assert len(w.b.writes) == writes, "nothing of it comes back, and nothing is written again"
        assert await w.g.cases() == []
        async with w.g.database.read() as tx:
            assert (await tx.execute(select(func.count()).select_from(t.remark))).scalar_one() == 0
            told = select(func.count()).select_from(audit).where(audit.c.kind == "told")
            assert (await tx.execute(told)).scalar_one() == 2, "the same is said once"


async def test_who_sailed_last_is_heard_and_not_who_came_last(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.g.clock.advance(600)
        newer = w.ship("b0", "arrived", "doing", 300)
        await w.settle()
        w.ship("b0", "arrived", "done", 200)
        await w.settle()
        assert w.status(thing) == "doing", "who sailed before is not heard after who sailed later"
        w.ship("b0", "arrived", "reviewing", 310)
        await w.settle()
        w.a.edit(newer, port="done")
        await w.settle()
        assert w.status(thing) == "reviewing"


async def test_both_in_one_transaction_are_heard_in_their_own_order(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.g.clock.advance(600)
        w.ship("b0", "arrived", "reviewing", 310)
        w.ship("b0", "arrived", "done", 300)
        await w.settle()
        assert w.status(thing) == "reviewing"


async def test_it_is_moved_on_and_goes_back_only_where_that_is_said(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.g.clock.advance(600)
        w.ship("b0", "arrived", "done", 300)
        await w.settle()
        w.ship("b0", "arrived", "doing", 310)
        await w.settle()
        assert w.status(thing) == "done"
        back = w.ship("b0", "under_way", "doing", 320)
        await w.settle()
        assert w.status(thing) == "done"
        w.a.edit(back, why="back")
        await w.settle()
        assert w.status(thing) == "doing"


async def test_an_edit_by_a_person_after_it_stays_and_one_before_it_is_superseded(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.g.clock.advance(60)
        w.b.edit(thing, status="reviewing")
        await w.settle()
        w.ship("b0", "arrived", "done", 30)
        await w.settle()
        assert w.status(thing) == "reviewing", "it had sailed before"
        assert [(row["connection"], row["value"]) for row in await w.g.ledger()] == [("flow:ships", "done")]
        w.g.clock.advance(600)
        w.ship("b0", "arrived", "done", 500)
        await w.settle()
        assert w.status(thing) == "done"
        w.g.clock.advance(60)
        w.b.edit(thing, status="new")
        await w.settle()
        assert w.status(thing) == "new", "nobody argues before somebody newer speaks"


async def test_where_a_system_has_the_authority_it_is_not_overruled(url: str) -> None:
    async with seas(url, policy=Policy(Merge.AUTHORITY, ("b",))) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.g.clock.advance(600)
        w.ship("b0", "arrived", "done", 500)
        await w.settle()
        assert w.status(thing) == "new"
        assert [row["reason"] for row in await w.g.ledger()] == ["authority: b won"]


async def mark(w: Seas, ship: str) -> tuple[str | None, str | None]:
    await w.settle()
    raw = w.a.things[ship].raw
    return raw.get("mark"), raw.get("why")


async def test_a_name_that_nobody_has_is_looked_up_when_somebody_takes_it(store_url: str) -> None:
    async with seas(store_url) as w:
        ship = w.ship("b0 and T-9", "arrived", "doing", 10)
        assert await mark(w, ship) == ("unknown", "name a thing, e.g. b0")
        w.g.clock.advance(86400)
        assert await w.waker.once() == 1 and await w.waker.once() == 0
        writes = len(w.a.writes)
        thing = w.b.create(**{**THING, "status": None})
        assert await mark(w, ship) == ("known", "carries b0")
        assert w.status(thing) == "doing"
        assert len(w.a.writes) == writes + 1


async def test_the_clock_looks_a_few_times_and_then_no_more(url: str) -> None:
    async with seas(url) as w:
        w.ship("b7", "arrived", "doing", 10)
        await w.settle()
        looks = 0
        for _ in range(2000):
            w.g.clock.advance(1)
            looks += await w.waker.once()
        assert looks == 3


async def test_a_text_that_is_mended_is_judged_again(url: str) -> None:
    async with seas(url) as w:
        w.b.create(**THING)
        ship = w.ship("nothing", "arrived", "doing", 10)
        assert await mark(w, ship) == ("unknown", "name a thing, e.g. b0")
        w.a.edit(ship, text="b0")
        assert await mark(w, ship) == ("known", "carries b0")
        w.a.edit(ship, text="nothing again", more="still b0")
        assert await mark(w, ship) == ("known", "carries b0")
        w.a.edit(ship, more="")
        assert await mark(w, ship) == ("unknown", "name a thing, e.g. b0")


async def test_a_person_may_say_otherwise_than_the_answer(url: str) -> None:
    async with seas(url) as w:
        w.b.create(**THING)
        ship = w.ship("nothing", "arrived", "doing", 10)
        await w.settle()
        w.a.edit(ship, mark="known", why="let it pass")
        assert await mark(w, ship) == ("known", "let it pass")
        w.a.edit(ship, state="sunk")
        assert await mark(w, ship) == ("known", "let it pass")


async def test_a_key_that_moved_is_found_by_both_names(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        w.b.move(thing, "T-1")
        first = w.ship("T-1", "arrived", "doing", 10)
        assert await mark(w, first) == ("known", "carries T-1")
        w.b.move(thing, "T-2")
        await w.settle()
        w.g.clock.advance(60)
        old, new = w.ship("T-1", "sunk", "doing", 20), w.ship("T-2", "sunk", "done", 30)
        assert await mark(w, old) == ("known", "carries T-1")
        assert await mark(w, new) == ("known", "carries T-2")
        assert len(w.said(thing)) == 2
        other = w.b.create(**THING)
        w.b.move(other, "T-1")
        await w.settle()
        third = w.ship("T-1", "sunk", "reviewing", 40)
        assert await mark(w, third) == ("known", "carries T-1")
        assert (len(w.said(thing)), len(w.said(other))) == (2, 1), "who is called so goes before who was"


async def test_several_are_told_and_nobody_else(url: str) -> None:
    async with seas(url) as w:
        things = [w.b.create(**THING) for _ in range(3)]
        await w.settle()
        ship = w.ship("b0, b2, b99, c0", "arrived", "doing", 10)
        assert await mark(w, ship) == ("known", "carries b0, b2")
        assert [w.status(thing) for thing in things] == ["doing", "new", "doing"]


async def test_what_is_referred_to_through_others_is_told(url: str) -> None:
    async with seas(url, PAPERS, ORDERS) as w:
        thing = w.b.create(**THING)
        ship = w.ship("no name", "arrived", "doing", 10, via="c0")
        await w.settle()
        assert w.status(thing) == "new"
        load = w.c.create(text="nothing")
        await w.settle()
        assert w.status(thing) == "new"
        w.c.edit(load, text="it is b0")
        await w.settle()
        assert w.status(thing) == "doing"
        (record,) = [each for each in await w.g.records() if each.flow == "ships"]
        assert record.fields["carries"].now.value == ["b0"]
        w.a.edit(ship, state="sunk")
        await w.settle()
        assert w.said(thing) == ["Sunk before doing: b0"]


async def test_a_comment_without_an_answer_is_proved_not_repeated(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.b.answer = first_answer("lost")
        w.ship("b0", "sunk", "doing", 10)
        await w.settle()
        assert w.said(thing) == ["Sunk before doing: b0"]


async def test_a_flow_that_is_not_live_says_nothing_until_it_is(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        await w.g.move(Stage.SHADOW, "ships")
        ship = w.ship("b0", "arrived", "doing", 10)
        assert await mark(w, ship) == (None, None)
        assert w.status(thing) == "new"
        await w.g.move(Stage.LIVE, "ships")
        assert await mark(w, ship) == ("known", "carries b0")
        assert w.status(thing) == "doing"


async def test_who_has_left_hears_nothing_any_more(url: str) -> None:
    async with seas(url) as w:
        thing = w.b.create(**THING)
        w.b.edit(thing, active=False)
        await w.settle()
        w.ship("b0", "arrived", "doing", 10)
        await w.settle()
        assert w.status(thing) == "new"


async def test_a_value_that_does_not_fit_is_a_case_until_it_does(url: str) -> None:
    entry = {
        **PAPERS,
        "tell": {"here": {"set": {"status": "${port}"}, "when": "record.text.size() > record.via.size()"}},
    }
    async with seas(url, entry) as w:
        thing = w.b.create(**THING)
        ship = w.ship("b0", "arrived", "doing", 10)
        await w.settle()
        assert [case.cause for case in await w.g.cases()] == ["condition.undecided"]
        w.a.edit(ship, via="x")
        await w.settle()
        assert (await w.g.cases(), w.status(thing)) == ([], "doing")


async def test_nobody_is_asked_any_more_about_who_has_left(url: str) -> None:
    async with seas(url, {**PAPERS, "tell": {"here": {**PAPERS["tell"]["here"], "when": "record.text > 1"}}}) as w:
        w.b.create(**THING)
        w.ship("b0", "arrived", "doing", 10)
        await w.settle()
        assert [case.cause for case in await w.g.cases()] == ["condition.undecided"]
        (record,) = [each.id for each in await w.g.records() if each.flow == "ships"]
        await w.g.decider.decide(record, lambda unit: leave(unit, "a", "it is over"))
        assert await w.g.cases() == []
