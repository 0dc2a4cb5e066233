"""The fixture that all PostgreSQL suites stand on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.support import postgres
from tests.support.postgres import Cluster, Pool


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        connection.terminate()


async def _tables(connection: asyncpg.Connection) -> list[str]:
    return [row["tablename"] for row in await connection.fetch("SELECT * FROM pg_tables WHERE schemaname = 'public'")]


async def test_each_test_has_an_empty_database_of_its_own(postgres_url: str, postgres_cluster: Cluster) -> None:
    other = postgres_cluster.create_database()
    async with _connected(postgres_url) as mine, _connected(postgres_cluster.url(other)) as theirs:
        await mine.execute("CREATE TABLE mine (id int)")
        assert await _tables(mine) == ["mine"]
        assert await _tables(theirs) == []
    postgres_cluster.drop_database(other)


async def _rows(connection: asyncpg.Connection) -> list[str]:
    return [name for name in await _tables(connection) if await connection.fetchval(f'SELECT count(*) FROM "{name}"')]


async def test_a_furnished_database_is_lent_with_all_tables_and_no_row(postgres_cluster: Cluster) -> None:
    pool = Pool(postgres_cluster, furnished=True)
    for _ in range(2):
        with pool.lent() as url:
            async with _connected(url) as connection:
                assert len(await _tables(connection)) > 50
                assert await _rows(connection) == []
                assert await connection.fetchval("SELECT nextval(pg_get_serial_sequence('cases', 'number'))") == 1
                await connection.execute("INSERT INTO page_visit VALUES ('ann', 'now', 1, 0)")
                assert await _rows(connection) == ["page_visit"]
    assert len(pool.idle) == 1, "it is the same one"
    postgres_cluster.drop_database(pool.idle[0][0])


@pytest.mark.parametrize(
    "change", ["ALTER TABLE audit ADD extra int", "DROP TABLE audit CASCADE", "CREATE TABLE more (id int)"]
)
async def test_one_whose_tables_were_changed_is_lent_to_nobody_else(postgres_cluster: Cluster, change: str) -> None:
    pool = Pool(postgres_cluster, furnished=True)
    with pool.lent() as url:
        async with _connected(url) as connection:
            await connection.execute(change)
    assert pool.idle == []


async def test_a_database_is_dropped_although_a_connection_is_open(postgres_cluster: Cluster) -> None:
    name = postgres_cluster.create_database()
    async with _connected(postgres_cluster.url(name)) as left_open:
        assert await left_open.fetchval("SELECT current_database()") == name
        postgres_cluster.drop_database(name)
    async with _connected(postgres_cluster.url("postgres")) as admin:
        assert await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name) == 0


async def test_durability_is_off_so_that_suites_stay_quick(postgres_url: str) -> None:
    async with _connected(postgres_url) as connection:
        assert await connection.fetchval("SHOW fsync") == "off"


@pytest.fixture
def orphan(postgres_cluster: Cluster) -> Iterator[Cluster]:
    """A server whose run died: its folder names a process that is no more."""
    # Not below pytest's own folders: PostgreSQL's unprivileged user may not walk through those.
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder, "lockstep-pg-orphan")
        Path(folder).chmod(0o755)
        run_dir.mkdir()
        ended = subprocess.Popen(["true"])
        ended.wait()
        (run_dir / "owner").write_text(str(ended.pid))
        yield postgres.shared_cluster(postgres_cluster.binaries, run_dir)
        postgres.end_orphans(Path(folder))


async def test_the_server_of_a_killed_run_is_stopped_by_the_next(orphan: Cluster) -> None:
    async with _connected(orphan.url("postgres")) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    postgres.end_orphans(orphan.home.parents[1])
    assert not orphan.home.parent.exists()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncpg.connect(orphan.url("postgres").replace("+asyncpg", ""))


def test_the_server_of_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lockstep-pg-busy").mkdir()
    (tmp_path / "lockstep-pg-busy" / "owner").write_text(str(os.getpid()))
    postgres.end_orphans(tmp_path)
    assert (tmp_path / "lockstep-pg-busy").exists()
