"""A start after a crash, on the embedded store: nobody waits for the leases of the process that died."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update

from connectors.contract.values import Receipt, Write
from gateway.app.recover import recover
from gateway.storage.schema import PARTS
from gateway.sync import tables as t
from gateway.sync.cache import Cache
from tests.scenarios.world_of_two import two


async def test_what_was_under_way_is_looked_at_at_once(tmp_path: Path) -> None:
    async with two(f"sqlite+aiosqlite:///{tmp_path}/store.db") as w:
        async with w.g.database.begin() as tx:
            for part in PARTS:
                await tx.run_sync(part.create_all)
        apply = w.b.apply

        async def die(write: Write) -> Receipt:
            await apply(write)
            raise asyncio.CancelledError

        w.b.apply = die
        w.edit_a(x="17")
        await w.bring(w.a)
        with pytest.raises(asyncio.CancelledError):
            await w.g.run("b")
        w.b.apply = apply
        async with w.g.database.begin() as tx:  # the worker that died had another name
            await tx.execute(update(t.lane).where(t.lane.c.owner != "").values(owner="dead"))
        before = await w.g.lane("b")
        assert before.lease_until > w.g.clock.now()
        await recover(w.g.database)
        w.g.decider.cache = Cache()  # a new process remembers nothing
        await w.g.drain()
        assert str((await w.g.lane("b")).state) == "idle", "it was proved, without any time passing"
        assert [values for _, values in w.b.writes] == [{"x": "17"}]
