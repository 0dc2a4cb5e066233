"""A mapping that was replaced while a write was under way: what the old one sent is settled under the new one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.values import Receipt, Write
from gateway.sync.batch import Topology
from tests.scenarios.world_of_two import COUNTER_HISTORY, STAMP, Two, two
from tests.support.gateway import mapping_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is settled does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


def take_up(w: Two, name: str) -> None:
    """The gateway works by another mapping of B from now on."""
    flow = w.g.decider.topology.flows["things"]
    members = {**flow.members, "b": replace(flow.members["b"], mapping=mapping_of(name))}
    w.g.decider.topology = Topology.of([replace(flow, members=members)])


@pytest.mark.parametrize("kind", [COUNTER_HISTORY, STAMP])
@pytest.mark.parametrize("answer", ["lost before", "lost after", "comes"])
async def test_a_field_that_is_mapped_no_longer_holds_up_nothing(url: str, kind: dict[str, Any], answer: str) -> None:
    async with two(url, b=kind) as w:
        original = w.b.apply

        async def apply(write: Write) -> Receipt:
            receipt = await original(write) if answer != "lost before" else None
            w.b.apply = original
            take_up(w, "narrow")
            if answer != "comes" or receipt is None:
                raise asyncio.CancelledError
            return receipt

        w.b.apply = apply
        w.edit_a(y="17")
        await w.bring(w.a)
        if answer == "comes":
            await w.g.run("b")
        else:
            with pytest.raises(asyncio.CancelledError):
                await w.g.run("b")
        w.g.clock.advance(60)
        await w.g.settle()
        w.edit_a(x="new text")
        await w.g.settle()
        assert w.shown(w.b)["x"] == "new text", "the lane goes on"
        assert await w.g.cases() == []
