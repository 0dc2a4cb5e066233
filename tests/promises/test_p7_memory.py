"""P7: memory outlives replay: what may be sent, brought or looked at again still has its receipt."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.contract.errors import Refused
from gateway.sync import tables as t
from gateway.sync.batch import Batch
from gateway.sync.operator import retry
from gateway.sync.retention import sweep
from tests.scenarios.world_of_two import START, Two, two
from tests.support.broken import rejects

DAY = 86_400.0
JOURNAL_S = 30 * DAY


async def forget(w: Two, **ages: Any) -> Any:
    """A sweep with a journal of thirty days."""
    given = {"journal_s": JOURNAL_S, "receipts_s": JOURNAL_S, "cases_s": 365 * DAY, "audit_s": 365 * DAY}
    return await sweep(w.g.database, now=w.g.clock.now(), **{**given, **ages})


async def count(w: Two, table: Any) -> int:
    async with w.g.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def an_open_case_keeps_its_receipts(url: str) -> None:
    """A record waits for a person for months; then everything about it is brought again."""
    async with two(url) as w:
        w.b.answer = lambda write: (_ for _ in ()).throw(Refused("no", status=400))
        w.edit_a(x="1")
        change = w.a.take()
        await w.g.bring(change)
        await w.g.settle()
        (case,) = await w.g.cases()
        w.g.clock.advance(400 * DAY)
        await forget(w)
        before = len(await w.g.notices()), (await w.g.record()).rev
        await w.g.bring(change)
        assert (len(await w.g.notices()), (await w.g.record()).rev) == before, "a repeat was taken for news"
        assert await count(w, t.attempt) > 0, "the attempt that the case tells of is gone"
        w.b.answer = lambda write: None
        record = (await w.g.record()).id
        await w.g.decider.decide(record, lambda unit: retry(unit, "b", case.key, actor="nadia"))
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "1"}]


async def a_held_field_keeps_its_receipts(url: str) -> None:
    """No lane waits here: the open case alone says that somebody will still look at it."""
    async with two(url) as w:
        w.edit_a(y="1")
        w.edit_b(y="2")
        change = w.b.notices[-1:]
        await w.g.settle()
        assert len(await w.g.cases()) == 1
        w.g.clock.advance(400 * DAY)
        await forget(w)
        before = len(await w.g.notices())
        await w.g.bring(change)
        assert len(await w.g.notices()) == before, "a repeat was taken for news"


async def what_could_not_be_processed_keeps_its_receipt(url: str) -> None:
    """A notice that a defect of ours stopped belongs to no record; its open case is all that keeps it."""
    async with two(url) as w:
        w.edit_a(x="1")
        change = w.a.take()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Batch, "_arrive", lambda self, arrival: 1 / 0)
            await w.g.bring(change)
        (case,) = await w.g.cases(cls="poison")
        w.g.clock.advance(400 * DAY)
        await forget(w)
        assert any(notice.delivery_key == change[0].delivery_key for notice in await w.g.notices()), case.title


async def waiting_work_keeps_its_receipts(url: str) -> None:
    """A target is away for longer than the journal is kept."""
    async with two(url) as w:
        w.edit_a(x="1")
        change = w.a.take()
        await w.g.bring(change)
        w.g.clock.advance(60 * DAY)
        await forget(w)
        before = len(await w.g.notices())
        await w.g.bring(change)
        assert len(await w.g.notices()) == before
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "1"}]


async def a_receipt_outlives_the_notice_it_answers(url: str) -> None:
    """A shorter age for receipts than for the journal changes nothing."""
    async with two(url) as w:
        w.edit_a(x="1")
        await w.g.settle()
        w.g.clock.advance(JOURNAL_S - DAY)
        notices, attempts = await count(w, t.notice), await count(w, t.attempt)
        swept = await forget(w, receipts_s=1.0)
        assert (swept.notices, swept.attempts) == (0, 0)
        assert (await count(w, t.notice), await count(w, t.attempt)) == (notices, attempts)


async def comments_are_known_for_good(url: str) -> None:
    async with two(url) as w:
        w.a.comment(w.ai, "hello")
        notices = w.a.take()
        await w.g.bring(notices)
        await w.g.settle()
        w.g.clock.advance(900 * DAY)
        assert (await forget(w)).notices > 0
        await w.g.bring(notices)
        await w.g.settle()
        assert [item.body for item in w.b.things[w.bi].items] == ["hello"]


async def old_and_settled_goes(url: str) -> None:
    """What nobody needs any more does go, whatever its number; what was there on the day before is left alone."""
    async with two(url, linked=False) as w:
        for number in range(30):
            w.a.create(**{**START, "x": str(number)})
        await w.g.settle()
        w.g.clock.advance(JOURNAL_S + DAY)
        thing = next(iter(w.a.things))
        w.a.edit(thing, x="young")
        await w.g.settle()
        swept = await forget(w)
        assert swept.notices >= 60 and swept.attempts > 0
        assert {n.object_id for n in await w.g.notices()} == {
            thing,
            next(i for i, b in w.b.things.items() if b.raw["x"] == "young"),
        }
        assert await forget(w) == type(swept)(0, 0, 0, 0)


async def a_month_old_notice_changes_nothing(url: str) -> None:
    """Even where the receipt may go, what is brought again is recognised by what it says."""
    async with two(url) as w:
        w.edit_a(x="1")
        old = w.a.take()
        await w.g.bring(old)
        w.edit_a(x="2")
        await w.g.settle()
        w.g.clock.advance(JOURNAL_S * 2)
        await forget(w)
        writes = len(w.a.writes) + len(w.b.writes)
        await w.g.bring(old)
        await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) == writes
        assert w.agree("x") and w.shown(w.a)["x"] == "2"


CHECKS = [("RECEIPTS", an_open_case_keeps_its_receipts), ("RECEIPTS", waiting_work_keeps_its_receipts)]


@pytest.mark.parametrize(
    "check",
    [
        *(check for _, check in CHECKS),
        a_held_field_keeps_its_receipts,
        what_could_not_be_processed_keeps_its_receipt,
        a_receipt_outlives_the_notice_it_answers,
        comments_are_known_for_good,
        old_and_settled_goes,
        a_month_old_notice_changes_nothing,
    ],
)
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize(("mechanism", "check"), CHECKS)
async def test_is_broken_without(mechanism: str, check: Any, embedded_url: str) -> None:
    await rejects(check, mechanism, embedded_url)
