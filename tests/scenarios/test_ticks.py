"""Systems whose times are coarse and whose history can be read: what happened in the tick of the last read is found."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import OutcomeUnknown
from connectors.contract.values import Write
from tests.scenarios.world_of_two import STAMP_HISTORY, first_answer, once, two

TICKS = [{**STAMP_HISTORY, "granularity_s": 60.0}]
"""What happens within a minute has one time."""


def never() -> Any:
    """The first write gets no answer and has no effect."""
    left = [OutcomeUnknown("no answer")]

    def answer(write: Write) -> str | None:
        if left:
            raise left.pop()
        return None

    return answer


@pytest.mark.parametrize("kind", TICKS)
async def test_overwrite_in_the_tick_of_the_read(store_url: str, kind: dict[str, Any]) -> None:
    """The time of the edit is that of the read: nothing but the history itself tells that the read had not seen it."""
    async with two(store_url, b=kind) as w:
        w.edit_b(x="5")
        await w.g.settle()
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.g.settle()
        assert w.agree("x")
        assert {"17", "27"} <= {*(await w.g.lost("x")), w.shown(w.b)["x"]}
        lost = await w.g.lost("x")
        assert "5" not in lost, "the read before the write had seen it"
        w.edit_a(x="18")  # the same tick again: what was found is not found twice
        await w.g.settle()
        assert w.agree("x")
        assert await w.g.lost("x") == lost


@pytest.mark.parametrize("kind", TICKS)
async def test_set_edited_in_the_tick_of_the_read(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        w.edit_b(tags=["p", "q"])
        await w.g.settle()
        w.b.before_commit = once(lambda: w.edit_b(tags=["p", "q", "new"]))
        w.edit_a(tags=["q"])
        await w.g.settle()
        assert w.shown(w.a)["tags"] == w.shown(w.b)["tags"] == ["new", "q"]


@pytest.mark.parametrize("kind", TICKS)
async def test_lost_answer_in_the_tick_of_the_read(store_url: str, kind: dict[str, Any]) -> None:
    """Our own entry has the time of the read before it: it still proves the write, an older one does not."""
    async with two(store_url, b=kind) as w:
        w.edit_a(x="1")
        await w.g.settle()
        w.b.answer = first_answer("lost")
        w.edit_a(x="2")
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "1"}, {"x": "2"}]
        w.b.answer = never()
        w.edit_a(x="3")
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "1"}, {"x": "2"}, {"x": "3"}]
        assert w.agree("x")
