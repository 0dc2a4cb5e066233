"""Keys and cursors in the database, on SQLite and PostgreSQL: two workers, a crash, a lease, a day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api.cursors import CursorRefused, Cursors
from gateway.api.keys import DAY_S, LEASE_S, Claim, Kept, KeyRefused, Keys, forget_answers
from gateway.storage.database import Database
from tests.support.tables import make_tables
from tests.unit.gateway.api.test_reading import Still

ANSWER = Kept(201, {"Location": "/v1/x"}, '{"done": true}')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"
    made = Database(request.getfixturevalue("furnished_url") if request.param == "postgres" else url)
    await make_tables(made)
    yield made
    await made.close()


async def test_an_answer_is_given_again(database: Database) -> None:
    keys = Keys(database, Still())
    claim = await keys.claim("ann", "k", "mark")
    assert isinstance(claim, Claim)
    await keys.keep(claim, ANSWER, for_good=False)
    assert await keys.claim("ann", "k", "mark") == ANSWER
    with pytest.raises(KeyRefused) as caught:
        await keys.claim("ann", "k", "another mark")
    assert caught.value.code == "key-reused"
    assert isinstance(await keys.claim("bob", "k", "another mark"), Claim)


async def test_of_many_at_once_one_acts(database: Database) -> None:
    workers = [Keys(database, Still()) for _ in range(8)]
    found = await asyncio.gather(*(keys.claim("ann", "k", "mark") for keys in workers), return_exceptions=True)
    assert sum(isinstance(each, Claim) for each in found) == 1
    refused = [each for each in found if isinstance(each, KeyRefused)]
    assert {each.code for each in refused} == {"still-running"}
    assert len(refused) == 7


async def test_what_a_crash_left_may_be_done_again_after_the_lease(database: Database) -> None:
    clock = Still()
    keys = Keys(database, clock)
    dead = await keys.claim("ann", "k", "mark")
    clock.at += LEASE_S - 1
    with pytest.raises(KeyRefused):
        await keys.claim("ann", "k", "mark")
    clock.at += 1
    alive = await keys.claim("ann", "k", "mark")
    assert isinstance(dead, Claim) and isinstance(alive, Claim)
    await keys.keep(dead, Kept(500, {}, "too late"), for_good=False)
    await keys.keep(alive, ANSWER, for_good=False)
    await keys.release(dead)
    assert await keys.claim("ann", "k", "mark") == ANSWER


async def test_what_was_not_carried_out_may_be_asked_again_at_once(database: Database) -> None:
    keys = Keys(database, Still())
    claim = await keys.claim("ann", "k", "mark")
    assert isinstance(claim, Claim)
    await keys.release(claim)
    assert isinstance(await keys.claim("ann", "k", "mark"), Claim)


async def test_an_answer_is_kept_for_a_day_or_for_good(database: Database) -> None:
    clock = Still()
    keys = Keys(database, clock)
    for name in ("day", "good"):
        claim = await keys.claim("ann", name, "mark")
        assert isinstance(claim, Claim)
        await keys.keep(claim, ANSWER, for_good=name == "good")
    clock.at += DAY_S
    assert await forget_answers(database, now=clock.at) == 1
    assert isinstance(await keys.claim("ann", "day", "mark"), Claim)
    assert await keys.claim("ann", "good", "mark") == ANSWER


async def test_workers_read_each_others_cursors_and_no_others(database: Database) -> None:
    one, other = Cursors(database, Still()), Cursors(database, Still())
    cursor = await one.make("cases of ann", {"after": 7})
    assert await other.read("cases of ann", cursor) == {"after": 7}
    for pinned, text in (("cases of bob", cursor), ("cases of ann", cursor[:-1] + "A"), ("cases of ann", "")):
        with pytest.raises(CursorRefused):
            await other.read(pinned, text)
