"""SYNC.md rule 13: a system that answers a write as done and does not keep a field. The field never agrees; a person is
asked, and everything else stays in step.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.contract.values import Receipt, Write, WriteKind
from dead_letter.actions import decide
from gateway.sync.lane_port import Lanes
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, Two, two
from tests.support.world import System

HIDES: dict[str, dict[str, Any]] = {"counter": COUNTER, "counted": COUNTER_HISTORY, "told": STAMP_HISTORY}


def hides(system: System, name: str) -> Any:
    """The field takes writes, and no read shows it. Gives what ends that."""
    plain = system._snapshot

    def without(thing: Any, **options: Any) -> Any:
        snapshot = plain(thing, **options)
        return msgspec.structs.replace(snapshot, raw={k: v for k, v in snapshot.raw.items() if k != name})

    def end() -> None:
        system._snapshot = plain

    system._snapshot = without
    return end


def drops(system: System, *names: str, shown_in_answer: bool = False) -> Any:
    """The system answers as if it had written these fields, and leaves them as they are. Gives what ends that."""
    original = system.apply

    async def apply(write: Write) -> Receipt:
        left = {name: value for name, value in write.values.items() if name not in names}
        receipt = await original(msgspec.structs.replace(write, values=left))
        if not shown_in_answer:
            return receipt
        return msgspec.structs.replace(receipt, snapshot=system._snapshot(system.things[receipt.ref.id]))

    def end() -> None:
        system.apply = original

    system.apply = apply
    return end


async def not_kept(w: Two) -> Any:
    (case,) = await w.g.cases()
    assert (case.cause, case.connection, case.field) == ("field.not_kept", "b", "y")
    return case


async def retry(w: Two, case: Any) -> None:
    now = w.g.clock.now()
    how: dict[str, Any] = {"actor": "nadia", "reason": "", "expected_version": case.version, "now": now}
    async with w.g.database.begin() as tx:
        lanes = Lanes(tx, w.g.decider.topology, now=now, actor="nadia")
        await decide(tx, case.number, "retry", **how, lanes=lanes)


async def after(w: Two, turn: int) -> None:
    """A person edits both fields in A, and all becomes quiet."""
    w.edit_a(y=f"y{turn}", x=f"x{turn}")
    await w.g.settle()


@pytest.mark.parametrize("kind", HIDES)
async def test_a_field_that_no_read_shows(store_url: str, kind: str) -> None:
    async with two(store_url, b=HIDES[kind]) as w:
        hides(w.b, "y")
        await after(w, 1)
        await w.g.bring([w.b.poll(w.bi)])
        for turn in range(2, 6):
            await after(w, turn)
        case = await not_kept(w)
        assert case.evidence["shown"] is None
        assert w.shown(w.b)["x"] == "x5", "what it has stays in step"
        assert w.shown(w.a)["y"] == "y5", "and nothing comes back empty"
        assert sum("y" in values for _, values in w.b.writes) < 4, "held: not sent again with every edit"


async def test_one_edit_is_enough_to_notice(store_url: str) -> None:
    """Nobody may ever edit it again."""
    async with two(store_url, b=STAMP_HISTORY) as w:
        hides(w.b, "y")
        w.edit_a(y="once")
        await w.g.settle()
        await not_kept(w)
        assert len(w.b.writes) == 1, "looking is enough; it is not sent again and again"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(STAMP_HISTORY, False), (STAMP_HISTORY, True), (COUNTER_HISTORY, True), (COUNTER, True)],
    ids=["read back", "stamp", "counted", "counter"],
)
async def test_a_field_that_stays_as_it_was(store_url: str, kind: dict[str, Any], shown: bool) -> None:
    async with two(store_url, b=kind) as w:
        drops(w.b, "y", shown_in_answer=shown)
        await after(w, 1)
        case = await not_kept(w)
        assert case.evidence == {"sent": "y1", "shown": "0"}
        assert w.shown(w.a)["y"] == "y1", "the edit is not taken back"
        assert w.shown(w.b)["x"] == "x1"
        stopped = len(w.b.writes)
        await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
        await w.g.settle()
        assert len(w.b.writes) == stopped <= 4


async def test_a_new_object_without_the_field(store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY, linked=False) as w:
        drops(w.b, "y")
        w.ai = w.a.create(x="0", y="typed", status="new", tags=["p"], active=True)
        plain = w.b._add
        w.b._add = lambda raw, correlation: plain({"y": None, **raw}, correlation)
        await w.g.settle()
        await not_kept(w)
        assert w.shown(w.a)["y"] == "typed"


async def test_somebody_who_takes_our_write_back_is_believed(store_url: str) -> None:
    """The look of a dropped field, and the history shows that it is none."""
    async with two(store_url, b=STAMP_HISTORY) as w:

        def back(write: Write) -> None:
            if write.kind is WriteKind.UPDATE:
                w.b.after_commit = lambda write: None
                w.edit_b(y="0")

        w.b.after_commit = back
        w.edit_a(y="typed")
        await w.g.settle()
        assert w.shown(w.a)["y"] == w.shown(w.b)["y"] == "0"
        assert await w.g.cases() == []


@pytest.mark.parametrize("how", ["hidden", "dropped"])
async def test_retry_once_the_system_keeps_it(store_url: str, how: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        end = hides(w.b, "y") if how == "hidden" else drops(w.b, "y")
        await after(w, 1)
        case = await not_kept(w)
        await retry(w, case)
        await w.g.settle()
        again = await not_kept(w)
        assert (again.number, str(again.state)) == (case.number, "open"), "the retry is told to have failed"
        end()
        await retry(w, again)
        await w.g.settle()
        assert await w.g.cases() == []
        assert w.agree()


async def test_it_closes_by_itself_when_the_field_shows_what_it_should(store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        end = hides(w.b, "y")
        await after(w, 1)
        await not_kept(w)
        end()
        await w.g.bring([w.b.poll(w.bi)])
        await w.g.settle()
        assert await w.g.cases() == []
        assert w.agree()


async def test_an_empty_value_may_be_left_out(store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        hides(w.b, "y")
        w.edit_a(y="")
        await w.g.settle()
        assert await w.g.cases() == []
