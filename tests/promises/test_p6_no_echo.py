"""P6: our own writes coming back cause no command; the person's part of a mixed notice passes."""

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


CHECKS = [("ECHO", an_echo_after_the_next_edit), ("EXT", shortened_by_the_target)]


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
