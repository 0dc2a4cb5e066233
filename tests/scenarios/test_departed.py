"""Who has left, by whatever they are known; and what a worker keeps of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.contract.errors import StorageError
from gateway.storage.database import Database
from gateway.sync.departed import NOBODY, Departed, Index, depart, gone_among, gone_of, lift, mark_of, read
from gateway.sync.identities import Identity, Known, identity
from tests.support.tables import make_tables

ADA = (Known.EMAIL, "Ada@Example.com", "")
BOB = "bob@example.com"


def known(*given: tuple[Known, str, str]) -> list[Identity]:
    found = [identity(*each) for each in given]
    return [each for each in found if each is not None]


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    made = Database(store_url)
    await make_tables(made)
    yield made
    await made.close()


async def now_of(database: Database, cache: Departed) -> Index:
    async with database.read() as tx:
        return await cache.as_of(tx, await mark_of(tx))


async def test_somebody_leaves_is_let_in_and_leaves_again(database: Database) -> None:
    cache = Departed()
    assert await now_of(database, cache) is NOBODY
    async with database.begin() as tx:
        await depart(tx, "r1", known(ADA, (Known.LOGIN, "ada", "hub")), case="LV-1", now=1.0, successor=BOB)
    index = await now_of(database, cache)
    gone = index.who(Known.EMAIL, "ADA@example.com")
    assert gone is not None
    assert (gone.person, gone.since, gone.case, gone.successor) == ("r1", 1.0, "LV-1", BOB)
    assert index.who(Known.LOGIN, "ada", "jira") is None
    assert await now_of(database, cache) is index
    async with database.begin() as tx:
        lifted = await lift(tx, "r1", by="eve", reason="hired again", now=2.0)
        assert lifted is not None
        assert (lifted.lifted_at, lifted.lifted_by, lifted.reason) == (2.0, "eve", "hired again")
        assert await lift(tx, "r1", by="eve", reason="hired again", now=3.0) is None
    assert (await now_of(database, cache)).nobody
    async with database.begin() as tx:
        await depart(tx, "r1", known((Known.EMPLOYEE_NUMBER, "0042", "")), case="LV-2", now=4.0)
    again = (await now_of(database, cache)).who(Known.EMAIL, "ada@example.com")
    assert again is not None
    assert (again.since, again.case, again.lifted_at, again.reason) == (4.0, "LV-2", None, "")
    assert (await now_of(database, cache)).who(Known.EMPLOYEE_NUMBER, "0042") is not None


async def test_more_is_added_and_the_time_stays_the_first(database: Database) -> None:
    async with database.begin() as tx:
        await depart(tx, "r1", known(ADA), case="LV-1", now=1.0)
        await depart(tx, "r1", known(ADA, (Known.USER_NAME, "ada.l", "")), case="LV-9", now=5.0, successor=BOB)
        await depart(tx, "r2", known((Known.EMAIL, "eve@example.com", "")), case="LV-2", now=2.0)
        gone = await gone_of(tx, "r1")
        assert gone is not None
        assert (gone.since, gone.case, gone.successor, len(gone.identities)) == (1.0, "LV-1", BOB, 2)
        assert [each.person for each in await read(tx)] == ["r1", "r2"]
        asked = known(ADA, (Known.EMAIL, "new@example.com", ""))
        assert {each.value: who.person for each, who in (await gone_among(tx, asked)).items()} == {
            "ada@example.com": "r1"
        }
        await lift(tx, "r1", by="eve", reason="by mistake", now=6.0)
        assert await gone_among(tx, asked) == {}


async def test_a_departure_that_was_undone_is_not_believed(database: Database) -> None:
    """What a transaction read of itself is forgotten when it is rolled back, and hides no departure that comes next."""
    cache = Departed()

    async def undone() -> None:
        async with database.begin() as tx:
            await depart(tx, "r1", known(ADA), case="LV-1", now=1.0)
            seen = await cache.as_of(tx, await mark_of(tx))
            assert not seen.nobody
            raise StorageError("the disk is full")

    with pytest.raises(StorageError):
        await undone()
    assert (await now_of(database, cache)).nobody
    async with database.begin() as tx:
        await depart(tx, "r2", known((Known.EMAIL, "eve@example.com", "")), case="LV-2", now=2.0)
    index = await now_of(database, cache)
    assert index.who(Known.EMAIL, "ada@example.com") is None
    assert index.who(Known.EMAIL, "eve@example.com") is not None
