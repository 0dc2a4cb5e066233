"""A flow's conditions that cannot be decided for an object: cases, never poison, and nothing behind them waits."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.written.conditions import compile_condition
from dead_letter.actions import decide
from dead_letter.values import Case
from gateway.sync.lane_port import Lanes
from tests.scenarios.world_of_two import COUNTER, STAMP, START, Two, two

FIELDS = ("x", "y", "status", "tags", "active")
LARGER = compile_condition("record.x > 3", fields=FIELDS)
"""A text is never larger than a number: it cannot be decided."""
NEW = compile_condition("record.status == 'new'", fields=FIELDS)


async def _retry(w: Two, case: Case) -> None:
    async with w.g.database.begin() as tx:
        lanes = Lanes(tx, w.g.decider.topology, now=w.g.clock.now(), actor="nadia")
        how: dict[str, Any] = {"actor": "nadia", "reason": "", "expected_version": case.version, "lanes": lanes}
        await decide(tx, case.number, "retry", **how, now=w.g.clock.now())
    await w.g.scout.once()


@pytest.mark.parametrize("kind", [COUNTER, STAMP], ids=["told", "hinted"])
async def test_a_filter_that_cannot_be_decided_is_a_case(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, linked=False, a=kind, where=LARGER) as w:
        thing = w.a.create(**START)
        await w.bring(w.a)
        (case,) = await w.g.cases()
        assert (str(case.cls), case.cause, case.object_id) == ("mapping", "condition.undecided", thing)
        assert case.evidence["condition"] == "record.x > 3" and case.evidence["values"] == {"x": "0"}
        assert await w.g.records() == [], "not selected meanwhile"
        assert not [n for n in await w.g.notices() if n.state != "done"], "nothing waits or is read again and again"
        assert "case" in {n.disposition for n in await w.g.notices()}


async def test_a_value_the_mapping_does_not_know_leaves_the_filter_undecided(store_url: str) -> None:
    """Taken for an empty field it would be left out in silence."""
    async with two(store_url, linked=False, where=NEW) as w:
        w.a.create(**{**START, "status": "P0"})
        await w.bring(w.a)
        (case,) = await w.g.cases()
        assert case.cause == "condition.undecided" and case.evidence["values"] == {"status": "P0"}
        w.a.create(**{**START, "status": "doing"})
        await w.bring(w.a)
        assert await w.g.records() == [] and len(await w.g.cases()) == 1, "a plain no is no case"


async def test_a_later_notice_decides_and_the_case_closes(store_url: str) -> None:
    async with two(store_url, linked=False, where=NEW) as w:
        thing = w.a.create(**{**START, "status": "P0"})
        await w.bring(w.a)
        w.a.edit(thing, status="new")
        await w.g.settle()
        assert await w.g.cases() == []
        assert len(w.b.things) == 1


async def test_a_retry_reads_the_object_again(store_url: str) -> None:
    async with two(store_url, linked=False, where=NEW) as w:
        thing = w.a.create(**{**START, "status": "P0"})
        await w.bring(w.a)
        (case,) = await w.g.cases()
        await _retry(w, case)
        (again,) = await w.g.cases()
        assert (again.number, str(again.state)) == (case.number, "open"), "still undecided: it asks again"
        w.a.edit(thing, status="new")
        w.a.take()  # its notice is lost
        await _retry(w, again)
        await w.g.settle()
        assert await w.g.cases() == [] and len(w.b.things) == 1


async def test_a_create_condition_that_cannot_be_decided_is_one_case(store_url: str) -> None:
    when = compile_condition("record.x.startsWith('go')", fields=FIELDS)
    async with two(store_url, linked=False, create_when=when, start={"x": None}) as w:
        thing = w.a.create(**{**START, "x": None})
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.cause, case.connection, case.count) == ("condition.undecided", "b", 1)
        assert case.evidence["condition"] == when.text and case.evidence["values"] == {"x": None}
        assert [n.disposition for n in await w.g.notices()] == ["applied"], "the change itself is in the record"
        w.a.edit(thing, y="2")
        await w.g.settle()
        (same,) = await w.g.cases()
        assert (same.number, same.count) == (case.number, 1), "asked for once"
        await _retry(w, same)
        await w.g.settle()
        (again,) = await w.g.cases()
        assert (again.number, str(again.state)) == (case.number, "open")
        w.a.edit(thing, x="go on")
        await w.g.settle()
        assert await w.g.cases() == [] and len(w.b.things) == 1
