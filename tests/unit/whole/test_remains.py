"""What counts as left over after a run, on a store that somebody put something into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dead_letter import tables as dead
from dead_letter.store import open_cases
from dead_letter.values import CaseClass, NewCase
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.saving import lane_row
from gateway.sync.state import Lane, LaneState
from tests.whole.remains import remains


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    async with made.begin() as tx:
        await tx.run_sync(t.metadata.create_all)
        await tx.run_sync(dead.metadata.create_all)
    yield made
    await made.close()


async def put(store: Database, *lanes: Lane, cause: str = "") -> None:
    async with store.begin() as tx:
        for lane in lanes:
            await tx.execute(t.lane.insert().values(lane_row(lane)))
        if cause:
            await open_cases(tx, [NewCase(key="k", cls=CaseClass.REFUSED, cause=cause, title="because")], now=1.0)


def lane(**given: Any) -> Lane:
    return Lane(record="r", connection="snow", **given)


async def test_nothing_is_left_of_an_idle_lane_and_a_parked_one(store: Database) -> None:
    await put(store, lane(), Lane(record="q", connection="snow", state=LaneState.PARKED, dirty=True))
    assert (await remains(store)).problems == []


@pytest.mark.parametrize("left", [lane(dirty=True), lane(state=LaneState.UNKNOWN), lane(owner="somebody")])
async def test_work_in_a_lane_is_left_over(store: Database, left: Lane) -> None:
    await put(store, left)
    (problem,) = (await remains(store)).problems
    assert "left in its lane" in problem


@pytest.mark.parametrize("cause", ["tries.exhausted", "lane.defect", "credentials.dead"])
async def test_a_case_that_no_outage_may_make(store: Database, cause: str) -> None:
    await put(store, cause=cause)
    found = await remains(store)
    assert len(found.problems) == 1
    assert found.causes == {cause: 1}


async def test_a_case_that_people_made_is_none_of_it(store: Database) -> None:
    await put(store, cause="conflict.manual")
    assert (await remains(store)).problems == []
