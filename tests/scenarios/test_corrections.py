"""A person corrects a value of a record: through the mapping, to every system, by way of the lanes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.errors import MappingError, Refused
from connectors.contract.values import Write
from dead_letter.actions import Decided, take
from dead_letter.approvals import Actor, Wish
from dead_letter.errors import CorrectionMoved
from dead_letter.values import Case
from gateway.storage.database import loads
from gateway.sync import tables as t
from gateway.sync.lane_port import Lanes
from gateway.work.previews import value_preview
from tests.scenarios.world_of_two import Two, two

NADIA = Actor(name="nadia", person="nadia")


async def correct(w: Two, case: Case, field: str, old: Any, new: Any) -> Decided:
    wish = Wish(action="correct", field=field, old=old, new=new, reason="a typo")
    now = w.g.clock.now()
    async with w.g.database.begin() as tx:
        lanes = Lanes(tx, w.g.decider.topology, now=now, actor="nadia")
        return await take(tx, case.number, wish, by=NADIA, expected_version=case.version, lanes=lanes, now=now)


async def lost(w: Two) -> list[tuple[str, Any, str]]:
    async with w.g.database.read() as tx:
        rows = (await tx.execute(select(t.conflict_ledger))).all()
    return sorted((row.connection, loads(row.value), row.reason) for row in rows)


async def refused(w: Two) -> Case:
    """System b refuses one value of x, and only that."""

    def answer(write: Write) -> None:
        if write.values.get("x") == "bad":
            raise Refused("x may not be bad", status=400)

    w.b.answer = answer
    w.edit_a(x="bad")
    await w.g.settle()
    (case,) = await w.g.cases()
    return case


async def test_a_refused_value_is_corrected_everywhere(store_url: str) -> None:
    async with two(store_url) as w:
        case = await refused(w)
        done = await correct(w, case, "x", "bad", "good")
        assert done.state == "in_run"
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "good"
        assert await w.g.cases() == []
        assert ("a", "bad", "corrected by nadia") in await lost(w)


async def test_an_unknown_value_is_corrected_where_it_came_from(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(status="odd")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert case.cause == "value.unknown"
        await correct(w, case, "status", "new", "doing")
        await w.g.settle()
        assert w.shown(w.a)["status"] == w.shown(w.b)["status"] == "doing"
        assert await w.g.cases() == []
        assert ("a", "odd", "corrected by nadia") in await lost(w)


async def test_what_changed_meanwhile_is_not_corrected(store_url: str) -> None:
    async with two(store_url) as w:
        case = await refused(w)
        with pytest.raises(CorrectionMoved):
            await correct(w, case, "x", "what it was before", "good")
        await w.g.settle()
        (still,) = await w.g.cases()
        assert (still.number, still.version, still.state) == (case.number, case.version, "open")
        assert w.shown(w.a)["x"] == "bad"


async def test_a_value_that_a_mapping_does_not_know_changes_nothing(store_url: str) -> None:
    async with two(store_url) as w:
        case = await refused(w)
        with pytest.raises(MappingError):
            await correct(w, case, "status", "new", "nonsense")
        (still,) = await w.g.cases()
        assert (still.version, still.state) == (case.version, "open")
        assert await lost(w) == []


async def test_a_correction_that_is_refused_too_is_a_case_again(store_url: str) -> None:
    async with two(store_url) as w:
        case = await refused(w)

        def answer(write: Write) -> None:
            raise Refused("nor this", status=400)

        w.b.answer = answer
        await correct(w, case, "x", "bad", "worse")
        await w.g.settle()
        (again,) = await w.g.cases()
        assert (again.number, again.state) == (case.number, "open")
        assert again.version > case.version + 1


async def test_the_diff_says_what_each_system_shows_and_what_it_would_get(store_url: str) -> None:
    async with two(store_url) as w:
        case = await refused(w)
        before = [len(system.writes) for system in (w.a, w.b)]
        found = {
            value: await value_preview(w.g.database, w.g.decider.topology, case, "x", value)
            for value in ("good", "bad", "0")
        }
        assert all(found.values())
        told = {
            value: {
                name: (each["shows"], each["then"], each["written"]) for name, each in (diff or {})["systems"].items()
            }
            for value, diff in found.items()
        }
        assert told == {
            "good": {"a": ("bad", "good", True), "b": ("0", "good", True)},
            "bad": {"a": ("bad", "bad", False), "b": ("0", "bad", True)},
            "0": {"a": ("bad", "0", True), "b": ("0", "0", False)},
        }
        assert {value: (diff or {})["changes"] for value, diff in found.items()} == {"good": 2, "bad": 1, "0": 1}
        assert {(diff or {})["was"] for diff in found.values()} == {"bad"}
        assert [len(system.writes) for system in (w.a, w.b)] == before, "nothing was sent"
