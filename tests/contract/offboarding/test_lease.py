"""A worker that lives keeps a person's system as long as it works on it; from one that does not it is taken soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.contract.access import Ending, GrantKind
from connectors.contract.clock import SystemClock
from connectors.contract.errors import StorageError
from gateway.core import points
from gateway.offboarding.deciding import Book
from gateway.offboarding.executor import Offboarder
from gateway.offboarding.lease import LEASE_S, Lost
from gateway.offboarding.values import LeaverState
from tests.support.leaving import ANN, House, Memory, house
from tests.support.waiting import until

SHORT_S = 1.5
"""A lease in which a loaded machine still renews, and that a test can wait for."""


class Slow(Memory):
    """Takes its time with each request, and remembers how many were under way at once."""

    takes_s = 0.0
    now = most = cut = 0

    async def end(self, ending: Ending) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.takes_s)
            await super().end(ending)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.now -= 1


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    sqlite = f"sqlite+aiosqlite:///{tmp_path}/house.db"
    url = sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with house(url, "wiki") as made:
        made.systems["wiki"] = wiki = Slow()
        wiki.give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
        made.clock.wall = time.time()
        yield made


def alive(home: House, name: str) -> Offboarder:
    """A worker by the machine's clock."""
    return home.worker(name, clock=SystemClock(), lease_s=SHORT_S)


@asynccontextmanager
async def looking(worker: Offboarder) -> AsyncIterator[None]:
    """It looks for work all the time."""

    async def stir() -> None:
        while True:
            worker.stirred.set()
            await asyncio.sleep(0.05)

    await worker.start()
    stirring = asyncio.create_task(stir())
    try:
        yield
    finally:
        stirring.cancel()
        await worker.stop()


async def under_way(wiki: Slow) -> None:
    await until(lambda: wiki.now, what="a request")


async def over(home: House) -> None:
    async def done() -> bool:
        return (await home.leaver()).state is LeaverState.DONE

    await until(done, what="the departure to be done")


async def test_a_request_that_outlasts_the_lease_stays_the_only_one(home: House) -> None:
    """With a lease that is not renewed the second worker comes in while the first one's request is under way."""
    wiki = home.systems["wiki"]
    assert isinstance(wiki, Slow)
    wiki.takes_s = 2 * SHORT_S
    await home.tell()
    first = alive(home, "first")
    async with looking(first):
        await under_way(wiki)
        async with looking(alive(home, "second")):
            await over(home)
    assert (wiki.most, wiki.cut) == (1, 0)
    assert [each for each, _ in wiki.sent] == ["staff", "a1"]


async def test_a_dead_workers_person_is_taken_over_as_soon_as_its_lease_is_over(home: House) -> None:
    wiki = home.systems["wiki"]
    assert isinstance(wiki, Slow)
    wiki.takes_s = 60.0
    await home.tell()
    dead = alive(home, "dead")
    async with looking(dead):
        await under_way(wiki)
        wiki.takes_s = 0.0
    assert (await home.places())["wiki"].owner == "dead", "it let go of nothing"
    began = time.monotonic()
    second = alive(home, "second")

    async def taken() -> bool:
        return (await home.places())["wiki"].owner != "dead"

    async with looking(second):
        await until(taken, what="the second worker to take it over")
        took_s = time.monotonic() - began
    assert took_s < SHORT_S + 2
    # What the dead one had begun is unknown: it is read back, and sent again once it must have settled.
    home.clock.advance(time.time() - home.clock.now() + SHORT_S)
    await home.run(90, worker=home.worker("third"))
    assert (await home.leaver()).state is LeaverState.DONE and wiki.has("a1") == []
    assert wiki.most == 1


async def test_a_lease_that_cannot_be_renewed_cuts_the_request_off(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may come in from then on."""
    wiki = home.systems["wiki"]
    assert isinstance(wiki, Slow)
    wiki.takes_s = 60.0

    async def away(*_: object) -> None:
        raise StorageError("away")

    monkeypatch.setattr(Book, "renew", away)
    await home.tell()
    worker = alive(home, "first")
    await worker.beginning.once()
    with pytest.raises(Lost):
        async with asyncio.timeout(20):
            await worker.work(1, "wiki")
    assert wiki.cut == 1 and not wiki.sent


@pytest.mark.parametrize("stood_s", [LEASE_S - 1, LEASE_S + 1])
async def test_who_stood_still_for_longer_than_the_lease_sends_nothing(home: House, stood_s: float) -> None:
    """Between the commit of a step and its request: by then somebody else may have sent it."""

    def stands_still(point: str) -> None:
        if point == "leaver.start.after_commit":
            points.listen(None)
            home.clock.advance(stood_s)

    await home.tell()
    worker = home.worker("first")
    await worker.beginning.once()
    points.listen(stands_still)
    try:
        if stood_s > LEASE_S:
            with pytest.raises(Lost):
                await worker.work(1, "wiki")
        else:
            await worker.work(1, "wiki")
    finally:
        points.listen(None)
    assert bool(home.systems["wiki"].sent) is (stood_s < LEASE_S)
