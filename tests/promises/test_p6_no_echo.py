"""P6: our own writes coming back cause no command; the person's part of a mixed notice passes; what answers our writes
by itself is stopped.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP, STAMP_HISTORY, two
from tests.support.broken import rejects

KINDS = {
    "counter": COUNTER,
    "counter with history": COUNTER_HISTORY,
    "stamp": STAMP,
    "stamp with history": STAMP_HISTORY,
}


def short(name: str, value: Any) -> Any:
    return value[:2] if name == "x" and value else value


def loud(name: str, value: Any) -> Any:
    return value.lower() if name == "x" and value else value


async def an_echo_after_the_next_edit(url: str, kind: Any = COUNTER) -> None:
    """The notice of our write arrives when something newer was decided already."""
    async with two(url, b=kind) as w:
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        echo = w.b.take()
        assert echo
        w.edit_a(x="18")
        await w.bring(w.a)
        await w.g.bring(echo)
        await w.g.settle()
        assert w.a.writes == [], "an echo was taken for an edit"
        assert [values for _, values in w.b.writes] == [{"x": "17"}, {"x": "18"}]
        assert w.agree("x")


async def a_person_in_the_same_notice(url: str) -> None:
    async with two(url) as w:
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()
        w.edit_b(y="mine")  # its notice shows our x and the person's y
        await w.g.settle()
        assert [values for _, values in w.a.writes] == [{"y": "mine"}]
        assert w.agree("x", "y")


async def shortened_by_the_target(url: str) -> None:
    """What the target makes of a value is no edit, not even when somebody edits another field there."""
    async with two(url, b={**COUNTER, "normalise": short}, mappings={"b": "short"}) as w:
        w.edit_a(x="12345")
        await w.g.settle()
        w.edit_b(y="mine")
        await w.g.settle()
        assert await w.g.canonical("x") == "12345"
        assert [values for _, values in w.a.writes] == [{"y": "mine"}]


async def two_that_reshape(url: str) -> None:
    async with two(
        url,
        a={**STAMP_HISTORY, "normalise": loud},
        b={**STAMP, "normalise": short},
        mappings={"a": "loud", "b": "short"},
    ) as w:
        w.edit_b(x="AB")
        await w.g.settle()
        for _ in range(3):
            await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
            await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) == 1
        assert await w.g.canonical("x") == "AB"


async def comments_come_back(url: str) -> None:
    async with two(url) as w:
        w.a.comment(w.ai, "hello")
        w.b.comment(w.bi, "there")
        await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) == 2


async def a_create_comes_back_first(url: str) -> None:
    async with two(url, linked=False) as w:
        original = w.b.apply

        async def apply(write: Any) -> Any:
            receipt = await original(write)
            await w.g.bring(w.b.take())
            return receipt

        w.b.apply = apply
        w.a.create(x="0", y="0", status="new", tags=["p"], active=True)
        await w.g.settle()
        assert (len(w.a.things), len(w.b.things), len(await w.g.records())) == (1, 1, 1)
        assert w.a.writes == []


async def rules_that_fight(url: str, kind: Any = COUNTER) -> None:
    """A workflow rule on each side takes back what the other's brought: writes end with a case, not with the night."""
    async with two(url, a=kind, b=kind) as w:
        for system, value in ((w.a, "a's"), (w.b, "b's")):
            system.after_commit = _rule(w, system, value)
        w.edit_a(x="typed")
        await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) <= 10, "2 systems, 1 edit, 2 rules"
        assert [case.cause for case in await w.g.cases()] == ["conflict.flapping"]


def _rule(w: Any, system: Any, value: str) -> Any:
    def back(write: Any) -> None:
        if write.values.get("x", value) != value:
            w.g.clock.advance(1)
            system.edit_as("rule", write.ref.id, x=value)

    return back


async def reshaped_on_both_sides(url: str) -> None:
    """Undeclared normalisers: neither system ever shows what it was sent."""

    def high(name: str, value: Any) -> Any:
        return value.upper() if name == "x" else value

    async with two(url, a={**STAMP, "normalise": loud}, b={**STAMP_HISTORY, "normalise": high}) as w:
        w.edit_b(x="Ab")
        await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) <= 10
        assert [case.cause for case in await w.g.cases()] == ["conflict.flapping"]


async def people_who_disagree(url: str) -> None:
    async with two(url) as w:
        for turn in range(20):
            w.g.clock.advance(15)
            (w.edit_a if turn % 2 else w.edit_b)(x="no" if turn % 2 else "yes")
            await w.g.settle()
        assert await w.g.cases() == []
        assert w.agree("x")


CHECKS = [
    ("ECHO", an_echo_after_the_next_edit),
    ("EXT", shortened_by_the_target),
    ("LOOP GUARD", rules_that_fight),
    ("LOOP GUARD", reshaped_on_both_sides),
    ("PATIENCE", people_who_disagree),
]


@pytest.mark.parametrize(
    "check",
    [
        *(check for _, check in CHECKS),
        a_person_in_the_same_notice,
        two_that_reshape,
        comments_come_back,
        a_create_comes_back_first,
    ],
)
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("kind", KINDS)
async def test_holds_for_every_kind_of_version(kind: str, embedded_url: str) -> None:
    await an_echo_after_the_next_edit(embedded_url, KINDS[kind])


@pytest.mark.parametrize(("mechanism", "check"), CHECKS)
async def test_is_broken_without(mechanism: str, check: Any, embedded_url: str) -> None:
    await rejects(check, mechanism, embedded_url)
