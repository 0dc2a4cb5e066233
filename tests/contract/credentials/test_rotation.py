"""One credential follows another under load, at a real server: no call fails, whoever brings the new one and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dead_letter.tables import cases
from gateway.config.auth import FromFile, FromStore, Origin
from gateway.credentials import store
from gateway.credentials.tables import credential, token
from gateway.credentials.vault import MasterKey, Vault
from gateway.storage.database import Database
from tests.contract.credentials.conftest import KEY
from tests.contract.credentials.door import Door, Worker, basic, crew, opened_door
from tests.support.waiting import until

PASSWORD = {"basic": {"user": "us", "password": "secret:password"}}
STORED: dict[str, Origin] = {"password": FromStore("password")}
AT_ONCE = 8


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened_door() as door:
        yield door


@pytest.fixture
def put(database: Database, vault: Vault) -> Callable[..., Awaitable[None]]:
    async def stored(name: str = "password", value: str = "", **more: Any) -> None:
        async with database.begin() as tx:
            await store.set_secret(tx, vault, "door", name, value, by="ann", now=1.0, overlap_s=3600.0, **more)

    return stored


async def standing(database: Database) -> Any:
    async with database.read() as tx:
        return (await tx.execute(select(credential))).mappings().one_or_none()


async def reaches(database: Database, state: str) -> None:
    async def there() -> bool:
        found = await standing(database)
        return found is not None and found["state"] == state

    await until(there, what=f"the credential to be {state}", timeout_s=30)


async def shown(door: Door, authorization: str, *, more: int) -> None:
    """So many more calls have come in with it."""
    before = door.seen[authorization, 200]

    async def came() -> bool:
        return door.seen[authorization, 200] >= before + more

    await until(came, what=f"{more} calls with {authorization}", timeout_s=30)


def load(workers: list[Worker], end: asyncio.Event) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(each.busy(end)) for each in workers for _ in range(AT_ONCE)]


async def test_a_new_password_fails_no_call(door: Door, database: Database, vault: Vault, put: Any) -> None:
    """Two workers under load. The old one is revoked at last, when nobody uses it any more."""
    door.accepts = {basic("old"), basic("new")}
    await put(value="old")
    workers = [Worker(name, door, database, vault, PASSWORD, STORED) for name in ("one", "two")]
    async with crew(workers):
        end = asyncio.Event()
        busy = load(workers, end)
        await shown(door, basic("old"), more=50)
        await put(value="new")
        await shown(door, basic("new"), more=50)
        for each in workers:
            await until(partial(left, each, "new"), what="the last call with the old one", timeout_s=30)
        door.accepts = {basic("new")}
        await shown(door, basic("new"), more=50)
        end.set()
        await asyncio.gather(*busy)
    assert [each.failed for each in workers] == [[], []]
    assert door.refused == 0, "a refusal that a second try mended is one too many"
    found = await standing(database)
    assert (found["state"], found["former_until"] is not None) == ("in_use", True)


async def switched(worker: Worker, password: str) -> bool:
    return bool(worker.part.keyring.current().auth["basic"]["password"] == password)


async def left(worker: Worker, password: str) -> bool:
    """It uses this password, and no call is under way that began with another."""
    others = [count for version, count in worker.under_way.items() if version != worker.part.keyring.version]
    return await switched(worker, password) and not any(others)


async def test_a_call_under_way_ends_with_the_credential_it_began_with(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    door.accepts = {basic("old"), basic("new")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        under_way = asyncio.create_task(one.client.write("POST", "/held", {}))
        await door.came.acquire()
        await put(value="new")
        await until(lambda: switched(one, "new"), what="the switch", timeout_s=30)
        door.held.set()
        assert (await under_way).status == 200
    assert door.seen[basic("old"), 200] == 1


async def test_a_credential_that_does_not_work_is_never_used(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    """One try for the proof, and no more: systems lock accounts."""
    door.accepts = {basic("old")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        end = asyncio.Event()
        busy = load([one], end)
        await put(value="wrong")
        await reaches(database, "refused")
        await shown(door, basic("old"), more=20)
        for _ in range(3):
            await one.keeper.look()
        end.set()
        await asyncio.gather(*busy)
    two = Worker("two", door, database, vault, PASSWORD, STORED)
    async with crew([two]):
        await two.keeper.look()
        assert two.part.proof is None, "another worker, or this one in another life, tries it again"
        await two.call()
    assert (one.failed, two.failed) == ([], [])
    assert door.seen[basic("wrong"), 401] == 2, "the two steps of one check"
    assert "401" in (await standing(database))["reason"]


async def test_a_credential_that_may_do_less_does_not_come_in(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    door.accepts, door.may_write = {basic("old"), basic("less")}, {basic("old")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        await put(value="less")
        await until(lambda: said(one, "write"), what="the reason", timeout_s=30)
        assert not await switched(one, "less")
        door.may_write = {"nobody"}  # what the present one cannot do either keeps nothing out
        one.part.not_before = 0.0
        await until(lambda: switched(one, "less"), what="the switch", timeout_s=30)


async def said(worker: Worker, word: str) -> bool:
    return word in worker.part.reason


async def test_where_the_new_one_is_not_known_yet_the_old_one_is_tried(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    """The proof met a node of the system that knew it; others come to know it later."""
    door.accepts = {basic("old"), basic("new")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        await put(value="new")
        await until(lambda: switched(one, "new"), what="the switch", timeout_s=30)
        door.accepts = {basic("old")}
        for _ in range(5):
            await one.call()
    assert (one.failed, door.seen[basic("old"), 200]) == ([], 5)


async def test_a_restarted_worker_knows_the_one_before(door: Door, database: Database, vault: Vault, put: Any) -> None:
    door.accepts = {basic("old"), basic("new")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        await put(value="new")
        await until(lambda: switched(one, "new"), what="the switch", timeout_s=30)
    door.accepts = {basic("old")}
    two = Worker("two", door, database, vault, PASSWORD, STORED)
    async with crew([two]):
        await two.call()
    assert (two.failed, door.seen[basic("new"), 401]) == ([], 1)


async def test_a_mounted_file_that_is_replaced(door: Door, database: Database, vault: Vault, tmp_path: Path) -> None:
    """As a mounted secret is: the new file takes the old one's name. Away or empty for a moment is no new secret."""
    file = tmp_path / "password"
    file.write_text("old\n")
    door.accepts = {basic("old"), basic("new")}
    auth = {"basic": {"user": "us", "password": "old"}}
    one = Worker("one", door, database, vault, auth, {"password": FromFile(file)})
    async with crew([one]):
        end = asyncio.Event()
        busy = load([one], end)
        await shown(door, basic("old"), more=20)
        file.unlink()
        await one.keeper.look()
        file.write_text("")
        await one.keeper.look()
        assert await switched(one, "old")
        (tmp_path / "draft").write_text("new\n")
        (tmp_path / "draft").replace(file)
        await shown(door, basic("new"), more=20)
        await until(lambda: left(one, "new"), what="the last call with the old one", timeout_s=30)
        door.accepts = {basic("new")}
        await shown(door, basic("new"), more=20)
        end.set()
        await asyncio.gather(*busy)
    assert (one.failed, door.refused) == ([], 0)


REFRESH = {"oauth2_refresh": {"token_url": "/oauth/token", "client_id": "us", "refresh_token": "secret:refresh_token"}}


async def test_a_new_refresh_token_that_may_be_used_once(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    """The proof uses it up; what came for it is stored, and both workers sign in with that."""
    await put("refresh_token", "first")
    stored: dict[str, Origin] = {"refresh_token": FromStore("refresh_token")}
    workers = [Worker(name, door, database, vault, REFRESH, stored) for name in ("one", "two")]
    async with crew(workers):
        end = asyncio.Event()
        busy = load(workers, end)
        await shown(door, "Bearer t1", more=30)
        door.refresh = "second"
        await put("refresh_token", "second")
        await shown(door, "Bearer t2", more=30)
        end.set()
        await asyncio.gather(*busy)
    assert [each.failed for each in workers] == [[], []]
    assert (door.given, door.refused) == (2, 0), "one renewal for each, over both workers"
    async with database.read() as tx:
        rows = (await tx.execute(select(token.c.serial).order_by(token.c.asked_at))).scalars().all()
    assert rows == [1, 1]


async def test_a_secret_that_is_not_there_sends_nothing(door: Door, database: Database, vault: Vault, put: Any) -> None:
    """Least of all the reference itself. Set, it is used within a second, by itself."""
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        await one.call()
        assert "lockstep secret set door password" in one.failed.pop()
        assert not door.seen
        assert (await standing(database))["state"] == "missing"
        door.accepts = {basic("new")}
        await put(value="new")
        await reaches(database, "in_use")
        await one.call()
        assert one.changes == 1
    assert (one.failed, door.refused) == ([], 0)


async def test_people_are_told_ahead_of_the_end_once(door: Door, database: Database, vault: Vault, put: Any) -> None:
    door.accepts = {basic("old"), basic("new")}
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    soon = one.clock.now() + 3600
    await put(value="old", ends_at=soon)
    async with crew([one, Worker("two", door, database, vault, PASSWORD, STORED)]):
        await one.keeper.look()
        assert (await standing(database))["ends_at"] == soon
        async with database.read() as tx:
            found = (await tx.execute(select(cases.c.cause, cases.c.connection, cases.c.state))).all()
        assert found == [("credentials.ending", "door", "open")]
        await put(value="new", ends_at=soon + 10**7)

        async def closed() -> bool:
            async with database.read() as tx:
                return (await tx.execute(select(cases.c.state))).scalars().all() == ["closed"]

        await until(closed, what="the case to be closed", timeout_s=30)


async def test_a_worker_without_the_new_master_key_goes_on_with_what_it_has(
    door: Door, database: Database, vault: Vault, put: Any
) -> None:
    """Somebody put everything under a new key before all workers knew it: no reason to stop one that works."""
    door.accepts = {basic("old")}
    await put(value="old")
    one = Worker("one", door, database, vault, PASSWORD, STORED)
    async with crew([one]):
        both = Vault([MasterKey(b"n" * 32), KEY])
        async with database.begin() as tx:
            assert await store.rewrap(tx, both) == 2
        await reaches(database, "missing")
        await one.call()
        assert (one.failed, "secrets.former" in one.part.reason) == ([], True)
        async with database.begin() as tx:
            await store.remove_secret(tx, "door", "password")
        await until(lambda: said(one, "lockstep secret set"), what="the secret to be missed", timeout_s=30)
        await one.call()
    assert len(one.failed) == 1, "one that was taken away is not used"
