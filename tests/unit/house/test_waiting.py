"""Every test that waits leans on this: it ends at once when it may, and with a sentence when it may not."""

from __future__ import annotations

import pytest

from tests.support.waiting import until


async def test_it_looks_until_there_is_something() -> None:
    looks = iter([0, None, "", ["found"]])

    async def later() -> list[str]:
        return ["in a coroutine"]

    assert await until(lambda: next(looks), what="something") == ["found"]
    assert await until(later, what="something") == ["in a coroutine"]


async def test_it_looks_at_least_once_and_then_says_what_did_not_come() -> None:
    assert await until(lambda: "there", what="nothing", timeout_s=0.0) == "there"
    with pytest.raises(AssertionError, match="in vain for the tide"):
        await until(lambda: False, what="the tide", timeout_s=0.0)
