"""The whole way on PostgreSQL: rows are locked there one by one, numbers come from the server."""

from __future__ import annotations

import asyncio

import pytest

from connectors.contract.access import Grant, GrantKind
from gateway.offboarding.values import LeaverState, StepState
from tests.support.leaving import ANN, DAY, house

pytestmark = pytest.mark.postgres


async def test_the_whole_way(furnished_url: str) -> None:
    async with house(furnished_url, "wiki", "shop") as home:
        wiki = home.systems["wiki"]
        wiki.give("a1", (GrantKind.GROUP, "staff"), (GrantKind.TOKEN, "ci"), email=ANN.email, admin="ci")
        wiki.faults = ["cut"]
        await home.tell(ends_in=DAY)
        await home.tell(ends_in=2 * DAY)
        await home.run(2 * DAY + 3600)
        wiki.grants["a1"].append(Grant(kind=GrantKind.GROUP, id="staff", name="staff"))
        await home.run(10 * DAY)
        assert (await home.leaver()).state is LeaverState.CLOSED and wiki.has("a1") == []
        assert {each.state for each in (await home.steps()).values()} == {StepState.GONE}
        assert await home.cases() == {"leaver.drift"}


async def test_two_workers_at_once_end_each_thing_once(furnished_url: str) -> None:
    async with house(furnished_url, "wiki", "shop") as home:
        wiki = home.systems["wiki"]
        wiki.give("a1", *((GrantKind.GROUP, f"g{n}") for n in range(5)), email=ANN.email)
        await home.tell()
        one, two = home.worker("one"), home.worker("two")
        await asyncio.gather(home.run(30, worker=one), home.run(30, worker=two))
        assert len(wiki.sent) == len({grant for grant, _ in wiki.sent}) == 6
        assert (await home.leaver()).state is LeaverState.DONE
