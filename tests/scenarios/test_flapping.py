"""SYNC.md rule 23: what keeps changing a field without a person is stopped; people who disagree never are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connectors.contract.values import VersionKind, Write, WriteKind
from dead_letter.actions import decide
from gateway.sync.guard import ANSWERS_WITHIN_S
from gateway.sync.lane_port import Lanes
from gateway.sync.operator import resolve
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP, STAMP_HISTORY, START, Two, two
from tests.support.gateway import bench
from tests.support.world import FakeClock, System

KINDS = {
    "counter": COUNTER,
    "counter with history": COUNTER_HISTORY,
    "stamp": STAMP,
    "stamp with history": STAMP_HISTORY,
    "minutes": {**STAMP, "granularity_s": 60.0},
}
SYSTEMS = 2


def setting_back(clock: FakeClock, system: System, value: Any, name: str, actor: str) -> Callable[[Write], None]:
    """A workflow rule of the system: after each of our writes of the field it sets its own value, one second later."""

    def rule(write: Write) -> None:
        if write.kind is WriteKind.UPDATE and name in write.values and write.values[name] != value:
            clock.advance(1)
            system.edit_as(actor, write.ref.id if write.ref else "", **{name: value})

    return rule


def keeps(w: Two, system: System, value: Any, *, name: str = "x", actor: str = "rule") -> None:
    """Arms such a rule."""
    system.after_commit = setting_back(w.g.clock, system, value, name, actor)


def effective(w: Two) -> int:
    return len(w.a.writes) + len(w.b.writes)


async def flapping(w: Two) -> Any:
    """The one open case."""
    (case,) = await w.g.cases()
    assert (case.cause, str(case.cls)) == ("conflict.flapping", "conflict")
    return case


@pytest.mark.parametrize("actor", ["rule", "us"])
@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_rules_in_both_systems(store_url: str, kind: Mapping[str, Any], tells: bool, actor: str) -> None:
    """Each wants its own value; whether the rules have an account of their own, run as us, or nobody says."""
    settings = {**kind, "tells": tells}
    async with two(store_url, a=settings, b=settings) as w:
        keeps(w, w.a, "a's", actor=actor)
        keeps(w, w.b, "b's", actor=actor)
        w.edit_a(x="typed")
        await w.g.settle()
        case = await flapping(w)
        assert set(case.evidence["sides"].values()) == {"a's", "b's"}
        assert {each["connection"] for each in case.evidence["answers"]} == {"a", "b"}
        stopped = effective(w)
        assert stopped <= 2 * (SYSTEMS + 2) + 1
        await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
        await w.g.settle()
        assert effective(w) == stopped
        w.edit_a(y="other")
        await w.g.settle()
        assert w.shown(w.b)["y"] == "other", "other fields go on"
        assert w.shown(w.b)["x"] != w.shown(w.a)["x"]


@pytest.mark.parametrize("kind", [STAMP, STAMP_HISTORY])
async def test_two_undeclared_normalisers(store_url: str, kind: Mapping[str, Any]) -> None:
    def low(name: str, value: Any) -> Any:
        return value.lower() if name == "x" else value

    def high(name: str, value: Any) -> Any:
        return value.upper() if name == "x" else value

    async with two(store_url, a={**kind, "normalise": low}, b={**kind, "normalise": high}) as w:
        w.edit_b(x="Ab")
        await w.g.settle()
        case = await flapping(w)
        assert {*case.evidence["sides"].values()} == {"ab", "AB"}
        stopped = effective(w)
        await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
        await w.g.settle()
        assert effective(w) == stopped <= 2 * (SYSTEMS + 2)


async def test_what_grows_each_time_is_proved_by_history(store_url: str) -> None:
    """A value that never comes again: only that our own entry stored it tells that nobody typed it."""

    def longer(name: str, value: Any) -> Any:
        return f"{value}." if name == "x" else value

    settings = {**STAMP_HISTORY, "normalise": longer}
    async with two(store_url, a=settings, b=settings) as w:
        w.edit_a(x="t")
        await w.g.settle()
        await flapping(w)
        assert effective(w) <= SYSTEMS + 3


async def test_rules_that_fight_over_a_set(store_url: str) -> None:
    async with two(store_url, a=STAMP, b=STAMP) as w:
        keeps(w, w.a, ["p", "vip"], name="tags")
        keeps(w, w.b, ["p"], name="tags")
        w.edit_a(tags=["p", "vip"])
        await w.g.settle()
        assert (await flapping(w)).field == "tags"


async def test_rules_in_three_systems(store_url: str) -> None:
    """Whoever is held, the others must not go on among themselves."""
    clock = FakeClock()
    systems = [System(name, clock, VersionKind.TIMESTAMP, granularity_s=0.001) for name in "abc"]
    async with bench(store_url, systems, clock) as gateway:
        first = systems[0].create(**START)
        await gateway.settle()
        for system in systems:
            system.after_commit = setting_back(clock, system, f"{system.name}'s", "x", "rule")
        clock.advance(1)
        systems[0].edit(first, x="typed")
        await gateway.settle()
        assert {case.cause for case in await gateway.cases()} == {"conflict.flapping"}
        stopped = sum(len(system.writes) for system in systems)
        await gateway.bring([system.poll(next(iter(system.things))) for system in systems])
        await gateway.settle()
        assert sum(len(system.writes) for system in systems) == stopped <= 3 * 3 * (3 + 2)


async def test_one_rule_has_its_way(store_url: str) -> None:
    """Nobody fights it: that is no loop."""
    async with two(store_url) as w:
        keeps(w, w.b, "b's")
        for number in range(3 * SYSTEMS):
            w.g.clock.advance(ANSWERS_WITHIN_S * 2)
            w.edit_a(x=f"typed {number}")
            await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "b's"
        assert await w.g.cases() == []


def in_turns(w: Two) -> list[Callable[..., None]]:
    return [w.edit_a, w.edit_b] * 10


@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_people_who_disagree(store_url: str, kind: Mapping[str, Any], tells: bool) -> None:
    """Two people put the same two values back twenty times: each time after having seen the other's."""
    settings = {**kind, "tells": tells}
    async with two(store_url, a=settings, b=settings) as w:
        for turn, edit in enumerate(in_turns(w)):
            w.g.clock.advance(ANSWERS_WITHIN_S)
            edit(x="no" if turn % 2 else "yes")
            await w.g.settle()
            assert w.agree("x")
        assert await w.g.cases() == []
        assert effective(w) == 20


async def test_quick_people_who_type_something_new(store_url: str) -> None:
    """However fast: whoever brings a value that was not there before is no rule that insists on its own."""
    async with two(store_url) as w:
        for turn, edit in enumerate(in_turns(w)):
            edit(x=f"draft {turn}")
            await w.g.settle()
        assert await w.g.cases() == []
        assert effective(w) == 20


async def test_somebody_new_ends_the_count(store_url: str) -> None:
    settings = {**COUNTER, "tells": True}
    async with two(store_url, a=settings, b=settings) as w:
        for turn in range(20):
            w.g.clock.advance(1)
            system, thing = (w.a, w.ai) if turn % 2 == 0 else (w.b, w.bi)
            system.edit_as(f"person {turn // 2 % 2}", thing, x="no" if turn % 2 else "yes")
            await w.g.settle()
        assert await w.g.cases() == []


@pytest.mark.parametrize("winner", ["held", "other"])
async def test_resolving_ends_it(store_url: str, winner: str) -> None:
    async with two(store_url) as w:
        keeps(w, w.a, "a's")
        keeps(w, w.b, "b's")
        w.edit_a(x="typed")
        await w.g.settle()
        case = await flapping(w)
        w.a.after_commit = w.b.after_commit = lambda write: None  # the rules were found
        chosen = case.evidence["sides"][case.connection if winner == "held" else "canonical"]
        side, record = case.connection if winner == "held" else "canonical", (await w.g.record()).id
        await w.g.decider.decide(
            record, lambda unit: resolve(unit, case.connection, "x", side, case.key, actor="nadia")
        )
        await w.g.settle()
        assert await w.g.cases() == []
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == chosen
        assert (await w.g.record()).fields["x"].flips == {}


@pytest.mark.parametrize("found", [True, False], ids=["the rule was found", "it was not"])
async def test_retry_begins_the_count_anew(store_url: str, found: bool) -> None:
    async with two(store_url) as w:
        keeps(w, w.a, "a's")
        keeps(w, w.b, "b's")
        w.edit_a(x="typed")
        await w.g.settle()
        case = await flapping(w)
        if found:
            w.a.after_commit = w.b.after_commit = lambda write: None
        before, now = effective(w), w.g.clock.now()
        how: dict[str, Any] = {"actor": "nadia", "reason": "", "expected_version": case.version, "now": now}
        async with w.g.database.begin() as tx:
            await decide(tx, case.number, "retry", **how, lanes=Lanes(tx, w.g.decider.topology, now=now, actor="n"))
        await w.g.settle()
        if found:
            assert await w.g.cases() == []
            assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == case.evidence["sides"]["canonical"]
        else:
            await flapping(w)
            assert 2 <= effective(w) - before <= 2 * (SYSTEMS + 2) + 1, "as many answers as the first time"


async def test_a_persons_later_edit_ends_it(store_url: str) -> None:
    """In the system that is held: no rule is waited for, and nothing of it is lost."""
    async with two(store_url) as w:
        keeps(w, w.a, "a's")
        keeps(w, w.b, "b's")
        w.edit_a(x="typed")
        await w.g.settle()
        case = await flapping(w)
        w.a.after_commit = w.b.after_commit = lambda write: None
        w.g.clock.advance(ANSWERS_WITHIN_S * 2)
        (w.edit_a if case.connection == "a" else w.edit_b)(x="mine")
        await w.g.settle()
        assert await w.g.cases() == []
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "mine"
