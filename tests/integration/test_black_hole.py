"""A network that swallows what we say to PostgreSQL: nobody waits for ever, and nothing is lost (P1, P10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from connectors.contract.errors import ConfigError, StorageError
from gateway.storage import database as storage
from gateway.storage.database import Database
from tests.support.edges import SLOW_S, Sites
from tests.support.proxy import Proxy, proxy
from tests.support.running import Running, started, write_config
from tests.support.waiting import until

pytestmark = pytest.mark.postgres

PATIENCE_S = 0.5


@pytest.fixture
async def hole(postgres_url: str) -> AsyncIterator[Proxy]:
    """The way to the server."""
    port = make_url(postgres_url).port
    assert port is not None
    async with proxy(port) as made:
        yield made


def through(hole: Proxy, url: str) -> str:
    return make_url(url).set(port=hole.port).render_as_string(hide_password=False)


async def one(database: Database) -> int:
    async with database.begin("test") as tx:
        return int((await tx.execute(text("SELECT 1"))).scalar_one())


async def cut_off(database: Database, hole: Proxy, before: str, *after: str) -> None:
    """A transaction that loses its server after the first statement."""
    async with database.begin("test") as tx:
        await tx.execute(text(before))
        hole.swallow()
        for each in after:
            await tx.execute(text(each))


async def test_a_statement_is_given_up_and_the_next_one_works(hole: Proxy, postgres_url: str) -> None:
    database = Database(through(hole, postgres_url), pool_size=2, answer_s=PATIENCE_S)
    try:
        async with asyncio.timeout(SLOW_S):
            assert await one(database) == 1
            with pytest.raises(StorageError):
                await cut_off(database, hole, "SELECT 1", "SELECT 2")
            for _ in range(20):  # neither connections of the pool nor new ones, nor does the pool run dry
                with pytest.raises(StorageError):
                    await one(database)
            hole.heal()
            assert await one(database) == 1
    finally:
        hole.heal()
        await database.close()


async def test_a_commit_that_is_not_answered_is_no_commit(hole: Proxy, postgres_url: str) -> None:
    database = Database(through(hole, postgres_url), answer_s=PATIENCE_S)
    try:
        async with asyncio.timeout(SLOW_S):
            with pytest.raises(StorageError):
                await cut_off(database, hole, "CREATE TABLE made (id integer)")
    finally:
        hole.heal()
        await database.close()


async def test_the_server_frees_the_locks_of_who_is_not_heard_of(hole: Proxy, postgres_url: str) -> None:
    """It would keep them for two hours, until TCP finds out."""
    lost, other = Database(through(hole, postgres_url), answer_s=PATIENCE_S), Database(postgres_url)
    try:
        async with asyncio.timeout(SLOW_S):
            async with other.begin("test") as tx:
                await tx.execute(text("CREATE TABLE thing (id integer)"))
                await tx.execute(text("INSERT INTO thing VALUES (1)"))
            held = asyncio.Event()

            async def holder() -> None:
                async with lost.begin("test") as tx:
                    await tx.execute(text("SELECT * FROM thing FOR UPDATE"))
                    hole.swallow()
                    held.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(holder())
            await held.wait()
            async with other.begin("test") as tx:
                assert len((await tx.execute(text("SELECT * FROM thing FOR UPDATE"))).all()) == 1
            hole.heal()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    finally:
        hole.heal()
        await lost.close()
        await other.close()


async def test_a_probe_says_so_in_time(hole: Proxy, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for our health does not wait as long as a statement may."""
    database = Database(through(hole, postgres_url), answer_s=5.0)
    try:
        await database.answers()
        monkeypatch.setattr(storage, "PROBE_S", 0.1)
        hole.swallow()
        with pytest.raises(StorageError, match=r"no answer in 0\.1 s"):
            await database.answers()
        hole.heal()

        async def back() -> bool:
            try:
                await database.answers()
            except StorageError:
                return False
            return True

        await until(back, what="the database to answer", timeout_s=SLOW_S)
    finally:
        hole.heal()
        await database.close()


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan"])
async def test_a_patience_that_is_none_is_told(said: str) -> None:
    with pytest.raises(ConfigError, match="command_timeout"):
        Database(f"postgresql+asyncpg://u@127.0.0.1/x?command_timeout={said}")


async def readiness(gateway: Running) -> int:
    async with gateway.http.get(f"{gateway.url}/readyz") as answer:
        return answer.status


@pytest.mark.slow
async def test_the_gateway_recovers_by_itself(
    tmp_path: Path, both: Sites, hole: Proxy, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PROBE_S", 0.5)
    place = f"database: {through(hole, postgres_url)}?command_timeout=1"
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, extra=place)
    async with started(file, url) as gateway:
        await both.tell(gateway.url)
        number = await both.incident("before")
        await until(lambda: both.objects("jira"), what="the issue", timeout_s=SLOW_S)
        hole.swallow()

        async def shut() -> bool:
            return await readiness(gateway) == 503

        await until(shut, what="the gateway not to be ready", timeout_s=SLOW_S)
        assert gateway.gateway.tasks and not any(task.done() for task in gateway.gateway.tasks)
        for text_ in ("first", "second", "third"):
            await both.incidents.summary("ann", number, text_)
        await hole.swallowed.wait()
        hole.heal()

        async def ready() -> bool:
            return await readiness(gateway) == 200

        await until(ready, what="the gateway to be ready", timeout_s=SLOW_S)

        async def agree() -> bool:
            return await both.texts("jira") == await both.texts("snow") == {"third"}

        await until(agree, what="both to agree", timeout_s=SLOW_S)
        assert len(await both.objects("jira")) == 1
        assert (await gateway.now())["needs_people"] == 0
