"""P4: an edit by a person survives, is superseded by a later one, or stands in the conflict ledger with its value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.world_of_two import (
    COUNTER,
    COUNTER_HISTORY,
    STAMP,
    STAMP_HISTORY,
    Two,
    edit_that_is_taken_back,
    first_answer,
    once,
    two,
)
from tests.support.broken import rejects


async def kept(w: Two, name: str, *values: str) -> None:
    """Each value is shown everywhere, or stands in the ledger."""
    found = {w.shown(w.a)[name], w.shown(w.b)[name]}
    lost = set(await w.g.lost(name))
    for value in values:
        assert value in lost or found == {value}, f"{value!r} is silently gone: shown {found}, in the ledger {lost}"


async def overwritten_between_read_and_write(url: str) -> None:
    async with two(url, b=COUNTER_HISTORY) as w:
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()
        await w.g.settle()
        await kept(w, "x", "17", "27")
        assert w.agree("x")


async def overwritten_where_only_a_late_notice_tells(url: str) -> None:
    """Neither versions nor history: the notice of the edit, which arrives after our write, still has its value."""
    async with two(url, b=STAMP) as w:
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        await w.g.settle()
        await kept(w, "x", "17", "27")
        assert w.agree("x")


async def another_field_between_read_and_write(url: str) -> None:
    async with two(url, b=COUNTER) as w:
        w.b.before_commit = once(lambda: w.edit_b(y="5"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()  # the webhook of the edit is lost
        await w.g.settle()
        await kept(w, "y", "5")


async def taken_back_while_we_write(url: str) -> None:
    async with two(url, b=COUNTER) as w:
        await edit_that_is_taken_back(w)
        await kept(w, "x", "0")
        assert w.agree("x")


async def there_and_back_meanwhile(url: str) -> None:
    """B went to 37 and back to 0 on purpose; A's edit was typed on the old 0."""
    async with two(url) as w:
        for value in ("37", "0"):
            w.edit_b(x=value)
            await w.bring(w.b)
        w.edit_a(x="27")
        await w.g.settle()
        await kept(w, "x", "0", "27")


async def not_read_before_the_write(url: str) -> None:
    """Nothing but a look before the write can save an edit of which no notice ever comes."""
    async with two(url, b=STAMP) as w:
        w.edit_b(x="27")
        w.b.take()
        w.edit_a(x="17")
        await w.g.settle()
        await kept(w, "x", "17", "27")


async def notices_in_the_wrong_order(url: str) -> None:
    async with two(url, b=STAMP) as w:
        w.edit_b(x="1")
        w.edit_b(x="2")
        w.edit_b(y="3")
        await w.g.bring(w.b.take()[::-1])
        await w.g.settle()
        await kept(w, "x", "2")
        await kept(w, "y", "3")


async def a_value_that_waits_for_a_choice(url: str) -> None:
    async with two(url) as w:
        w.edit_a(y="1")
        w.edit_b(y="2")
        await w.g.settle()
        w.edit_a(x="9")
        await w.g.settle()
        assert {w.shown(w.a)["y"], w.shown(w.b)["y"]} == {"1", "2"}, "written over while a person is asked"
        assert [str(case.cls) for case in await w.g.cases()] == ["conflict"]


async def queued_behind_a_newer_winner(url: str) -> None:
    async with two(url) as w:
        w.edit_b(x="17")
        await w.bring()
        w.edit_a(x="27")
        await w.g.settle()
        await kept(w, "x", "17", "27")
        assert {"x": "17"} not in [values for _, values in w.a.writes]


async def a_late_landing(url: str) -> None:
    """A request that was given up lands after something newer: it is no edit of anybody."""
    async with two(url, b=COUNTER) as w:
        w.b.answer = first_answer("late")
        w.edit_a(x="17")
        await w.bring(w.a)
        for _ in range(3):
            await w.g.drain()
            w.g.clock.advance(6)
        w.edit_a(x="18")
        await w.g.settle()
        w.b.land()
        await w.g.settle()
        await kept(w, "x", "18")
        assert await w.g.canonical("x") == "18"


async def removed_from_a_set_meanwhile(url: str) -> None:
    async with two(url, start={"tags": ["p", "q"]}) as w:
        w.edit_a(tags=["p", "q", "r"])
        w.edit_b(tags=["q"])
        await w.g.settle()
        assert [sorted(w.shown(s)["tags"]) for s in (w.a, w.b)] == [["q", "r"]] * 2


async def removed_from_a_set_in_the_window(url: str) -> None:
    async with two(url, b=STAMP_HISTORY, start={"tags": ["p", "q"]}) as w:
        w.b.before_commit = once(lambda: w.edit_b(tags=["p"]))
        w.edit_a(tags=["p", "q", "r"])
        await w.g.settle()
        assert [sorted(w.shown(s)["tags"]) for s in (w.a, w.b)] == [["p", "r"]] * 2


CHECKS = [
    ("GAP", overwritten_between_read_and_write),
    ("GAP", overwritten_where_only_a_late_notice_tells),
    ("GAP", another_field_between_read_and_write),
    ("HOLD", taken_back_while_we_write),
    ("CARRY", there_and_back_meanwhile),
    ("PREREAD", not_read_before_the_write),
    ("READ", notices_in_the_wrong_order),
    ("PARKF", a_value_that_waits_for_a_choice),
    ("REBASE", queued_behind_a_newer_winner),
    ("GHOST", a_late_landing),
    ("UNION3", removed_from_a_set_meanwhile),
    ("UNION3", removed_from_a_set_in_the_window),
]


@pytest.mark.parametrize("check", [check for _, check in CHECKS])
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize(("mechanism", "check"), CHECKS)
async def test_is_broken_without(mechanism: str, check: Any, embedded_url: str) -> None:
    await rejects(check, mechanism, embedded_url)
