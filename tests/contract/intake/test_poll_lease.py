"""Of several workers one polls a connection at a time; one that was too slow does not take the cursor back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.values import Page
from gateway.intake.poller import Poller
from gateway.storage.database import Database, loads
from gateway.sync import tables as t
from tests.support.tables import make_tables
from tests.support.world import FakeClock, System


class Pages(System):
    """A system whose poll counts; `meanwhile` happens while a page is under way."""

    meanwhile: Any = None

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        if self.meanwhile is not None:
            await self.meanwhile()
        return Page(changes=(), cursor={"at": (cursor or {}).get("at", 0) + 1}, more=False)


class Durable:
    """Takes everything."""

    async def append_many(self, entries: Any) -> None:
        assert not entries


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    sqlite = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    made = Database(sqlite if request.param == "sqlite" else str(request.getfixturevalue("furnished_url")))
    await make_tables(made)
    yield made
    await made.close()


def poller(database: Database, clock: FakeClock, worker: str) -> tuple[Poller, Pages]:
    pages = Pages("snow", clock)
    return Poller("snow", pages, Durable(), database, clock, worker, 10.0), pages  # type: ignore[arg-type]


async def cursor(database: Database) -> Any:
    async with database.read() as tx:
        return loads((await tx.execute(select(t.cursor.c.value))).scalar_one())


async def test_one_polls_until_its_lease_runs_out(database: Database) -> None:
    clock = FakeClock()
    (first, _), (second, pages) = poller(database, clock, "one"), poller(database, clock, "two")
    await first._turn()
    asked: list[bool] = []

    async def note() -> None:
        asked.append(True)

    pages.meanwhile = note
    await second._turn()
    assert (asked, await cursor(database)) == ([], {"at": 1})
    clock.advance(31.0)
    await second._turn()
    assert (asked, await cursor(database)) == ([True], {"at": 2})


async def test_a_worker_that_was_too_slow_moves_no_cursor(database: Database) -> None:
    """Its page is in the stream, which does no harm; its cursor would go back behind the other's."""
    clock = FakeClock()
    (slow, pages), (quick, _) = poller(database, clock, "slow"), poller(database, clock, "quick")

    async def overtaken() -> None:
        clock.advance(31.0)
        await quick._turn()
        await quick._turn()
        await quick._turn()

    pages.meanwhile = overtaken
    await slow._turn()
    assert await cursor(database) == {"at": 3}
