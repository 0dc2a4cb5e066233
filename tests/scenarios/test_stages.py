"""Stages of a flow: what shadow, draft and disabled do not do, at the level of attempts, and what comes of it later.

A test of what is *not* written would pass if nothing worked: each goes on until the same flow, live, has written it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.contract.values import WriteKind
from gateway.delivery.dispatcher import Dispatcher
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.batch import Batch
from gateway.sync.stage import Stage
from gateway.sync.state import LaneState, LinkState
from tests.scenarios.test_starting import Hand
from tests.scenarios.world_of_two import COUNTER, STAMP, START, Two, first_answer, two

CONDITIONAL = {**COUNTER, "conditional": True}


@pytest.fixture
def here(tmp_path: Path) -> str:
    """A database of one's own; what only rules decide needs no second kind."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


async def _nothing_written(w: Two, *, attempts: int = 0) -> None:
    assert (w.a.tries, w.b.tries) == ([], [])
    assert await w.g.attempts() == attempts


async def test_shadow_plans_a_create_and_starts_no_attempt(store_url: str) -> None:
    async with two(store_url, linked=False, begins="shadow") as w:
        w.ai = w.a.create(**START)
        await w.g.settle()
        await _nothing_written(w)
        lane = await w.g.lane("b")
        assert (lane.dirty, lane.withheld, lane.has_work) == (True, "shadow:things", False)
        assert await w.g.canonical("x") == "0", "it was taken in, mapped and decided"
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        (write,) = w.b.tries
        assert write.kind is WriteKind.CREATE
        w.bi = next(iter(w.b.things))
        assert w.agree()
        assert (await w.g.lane("b")).withheld == ""


async def test_what_was_collected_in_shadow_goes_out_once_as_the_state_it_left(store_url: str) -> None:
    """Every change in turn is the flow's rule; what came while nothing was written is not told change by change."""
    async with two(store_url) as w:
        before = await w.g.attempts()
        await w.g.move(Stage.SHADOW)
        for value in ("1", "2", "3"):
            w.edit_a(x=value)
            await w.g.settle()
        await _nothing_written(w, attempts=before)
        assert (await w.g.record()).fields["x"].trail == [], "it does not grow with the months"
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert [raw["x"] for _, raw in w.b.writes] == ["3"]
        for value in ("4", "5"):
            w.edit_a(x=value)
            await w.bring(w.a)
        await w.g.settle()
        assert [raw["x"] for _, raw in w.b.writes] == ["3", "4", "5"], "live, each change goes in turn again"


async def test_an_edit_of_the_target_made_meanwhile_is_not_written_over_unseen(store_url: str) -> None:
    async with two(store_url) as w:
        await w.g.move(Stage.SHADOW)
        w.edit_a(x="1")
        await w.g.settle()
        w.edit_b(x="2")
        await w.g.settle()
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert w.agree() and await w.g.lost("x") == ["2"], "weighed by the flow's rules, and restorable (P4)"


async def test_shadow_reads_where_a_notice_says_too_little(here: str) -> None:
    """Objects without counted versions are read before anything is believed: shadow may, it must only not write."""
    async with two(here, a=STAMP, b=STAMP, linked=False, begins="shadow") as w:
        w.ai = w.a.create(**START)
        await w.g.settle()
        w.edit_a(x="1")
        await w.g.settle()
        assert await w.g.canonical("x") == "1" and w.a.reads > 1
        await _nothing_written(w)


async def test_shadow_finds_the_object_that_a_create_would_have_doubled(here: str) -> None:
    async with two(here, linked=False, begins="shadow", natural="x") as w:
        w.ai = w.a.create(**{**START, "x": "same"})
        w.b.notices.clear()
        w.bi = w.b.create(**{**START, "x": "same", "y": "other"})
        w.b.notices.clear()
        await w.g.settle()
        held = await w.g.member("b")
        assert (held.link, held.id) == (LinkState.PRIMARY, w.bi), "looked up and adopted: a link is ours alone"
        await _nothing_written(w)


@pytest.mark.parametrize(("stage", "told"), [(Stage.SHADOW, ["2"]), (Stage.DISABLED, ["1", "2"])])
async def test_nothing_is_written_after_a_restart_either(here: str, stage: Stage, told: list[str]) -> None:
    """The stage is read before the first write could begin, by a worker that knows nothing of it yet."""
    async with two(here, b=CONDITIONAL) as w:
        await w.g.move(stage)
        w.edit_a(x="1")
        await w.g.settle()
        began = await w.g.attempts()
        after = Database(here)
        try:
            async with two(here, b=CONDITIONAL, linked=False, database=after) as again:
                again.ai, again.bi, again.a.things, again.b.things = w.ai, w.bi, w.a.things, w.b.things
                hand = Hand(again)
                again.edit_a(x="2")
                await again.bring(again.a)
                assert hand.began_with == [], "nor in the transaction that made it due"
                await again.g.settle()
                await _nothing_written(again, attempts=began)
                assert await again.g.canonical("x") == "2"
                again.g.decider.starter = Dispatcher(again.g.database, again.g.clock)
                await again.g.move(Stage.LIVE)
                await again.g.settle()
                assert again.agree() and [raw["x"] for _, raw in again.b.writes] == told
        finally:
            await after.close()


async def test_a_move_counts_at_once_for_a_worker_that_was_not_told(store_url: str) -> None:
    """No cache and no second to wait: the transaction that would begin a write compares the serial of the moves."""
    async with two(store_url, b=CONDITIONAL) as w:
        hand = Hand(w)
        async with w.g.database.begin() as tx:
            row = {"serial": 1, "flow": "things", "stage": "shadow", "at": 0.0, "actor": "", "human": "", "reason": ""}
            await tx.execute(t.flow_stage.insert().values(**row))
        w.edit_a(x="1")
        await w.bring(w.a)
        assert hand.began_with == [] and not w.b.tries


async def test_a_write_under_way_when_the_flow_is_disabled_is_still_proved(here: str) -> None:
    async with two(here, b={"answer": first_answer("lost")}, linked=False) as w:
        w.ai = w.a.create(**START)
        await w.g.bring(w.a.take())
        await w.g.run("b")
        assert (await w.g.lane("b")).state is LaneState.UNKNOWN
        await w.g.move(Stage.DISABLED)
        await w.g.settle()
        lane = await w.g.lane("b")
        assert lane.state is LaneState.IDLE, "looked at, adopted, and nothing sent again"
        assert len(w.b.tries) == 1 and len(w.b.things) == 1


async def test_a_disabled_flow_asks_nothing_and_loses_nothing(store_url: str) -> None:
    async with two(store_url, a=STAMP, b=STAMP) as w:
        await w.g.move(Stage.DISABLED)
        reads = (w.a.reads, w.b.reads)
        w.edit_a(x="1")
        w.edit_b(y="2")
        unknown = w.b.create(**{**START, "x": "new"})
        await w.g.settle()
        await w.g.scout.once()
        assert (w.a.reads, w.b.reads) == reads, "not even a look"
        assert not w.b.tries and not w.a.tries
        assert any(notice.state != "done" for notice in await w.g.notices()), "what needs a look waits for it"
        await w.g.move(Stage.LIVE)
        await w.g.scout.once()
        await w.g.settle()
        assert w.agree() and (w.shown(w.b)["x"], w.shown(w.a)["y"]) == ("1", "2")
        assert len(await w.g.records()) == 2 and unknown in w.b.things
        assert all(notice.state == "done" for notice in await w.g.notices())


async def test_a_disabled_flow_delivers_in_turn_what_waited(here: str) -> None:
    """Being switched off for an hour is an outage like any other: the target's own history shows every change."""
    async with two(here) as w:
        await w.g.move(Stage.DISABLED)
        for value in ("1", "2"):
            w.edit_a(x=value)
            await w.g.settle()
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert [raw["x"] for _, raw in w.b.writes] == ["1", "2"]


async def test_a_draft_takes_nothing_in_and_says_so(here: str) -> None:
    async with two(here, linked=False, begins="draft") as w:
        w.ai = w.a.create(**START)
        await w.g.settle()
        (notice,) = await w.g.notices()
        assert (notice.state, notice.disposition) == ("done", "unmapped")
        assert "is a draft" in notice.reason
        assert await w.g.records() == []
        await w.g.move(Stage.SHADOW)
        w.edit_a(x="1")
        await w.g.settle()
        assert await w.g.canonical("x") == "1"
        await _nothing_written(w)


async def test_what_the_mapping_does_not_know_is_a_case_in_shadow_already(here: str) -> None:
    async with two(here) as w:
        before = await w.g.attempts()
        await w.g.move(Stage.SHADOW)
        w.edit_a(status="waiting for a part")
        await w.g.settle()
        (case,) = await w.g.cases(cls="mapping")
        assert (case.connection, case.field) == ("a", "status")
        await _nothing_written(w, attempts=before)


async def test_a_move_through_states_is_planned_by_reading_and_not_begun(here: str) -> None:
    moves = {"new": ["doing"], "doing": ["reviewing"], "reviewing": ["done"]}
    async with two(here, b={"moves": moves}, mappings={"b": "stepped"}) as w:
        before = await w.g.attempts()
        await w.g.move(Stage.SHADOW)
        w.edit_a(status="reviewing")
        await w.g.settle()
        await _nothing_written(w, attempts=before)
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert w.shown(w.b)["status"] == "reviewing"


async def test_a_leaver_is_closed_on_the_day_that_the_flow_goes_live(here: str) -> None:
    """P8 holds for what a flow may touch; shadow touches nothing, and forgets nobody."""
    async with two(here) as w:
        before = await w.g.attempts()
        await w.g.move(Stage.SHADOW)
        w.edit_a(active=False)
        await w.g.settle()
        await _nothing_written(w, attempts=before)
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert w.shown(w.b)["active"] is False


async def test_comments_of_the_shadow_days_are_told_once(here: str) -> None:
    async with two(here) as w:
        await w.g.move(Stage.SHADOW)
        w.a.comment(w.ai, "from the shadow")
        await w.g.settle()
        assert not w.b.tries
        await w.g.move(Stage.LIVE)
        await w.g.settle()
        assert [item.body for item in w.b.things[w.bi].items].count("from the shadow") == 1


async def test_what_a_person_decides_knows_the_stage_too(here: str) -> None:
    """A decision about a case is a transaction of its own, without a worker's stages: also there a task is a write."""
    async with two(here, begins="shadow", linked=False) as w, w.g.database.begin() as tx:
        assert Batch(tx, w.g.decider.topology, 0.0).stages.of("things") is Stage.SHADOW


async def test_withheld_lanes_are_found_by_their_mark(here: str) -> None:
    """The search of a worker goes through an index that holds only what is withheld."""
    async with two(here, begins="shadow", linked=False) as w:
        query = select(t.lane.c.record).where(t.WITHHELD, t.lane.c.withheld.in_(["shadow:things"]))
        async with w.g.database.read() as tx:
            text = str(query.compile(tx.sync_connection, compile_kwargs={"literal_binds": True}))
            plan = (await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")).all()
        assert any("lane_withheld" in str(row) for row in plan), plan
