"""`lockstep run` as a process: stopped, killed, started twice, and left without its database."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.support import postgres
from tests.support.edges import LOCKSTEP, SLOW_S, Program, Sites, environment, lockstep, program
from tests.support.real import missing
from tests.support.running import SIGNED_IN, free_port, write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow


async def arrived(both: Sites, connection: str, texts: set[str]) -> None:
    async def all_there() -> bool:
        return await both.texts(connection) == texts

    await until(all_there, what=f"{len(texts)} objects in {connection}", timeout_s=SLOW_S)


async def test_a_second_process_on_the_same_data_is_refused(tmp_path: Path, both: Sites) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    async with program(file, url, both.http) as first:
        assert first.process is not None
        said = await lockstep("run", cwd=tmp_path)
        assert (said.code, said.out) == (11, ""), said
        (sentence,) = said.err.splitlines()
        assert sentence.startswith("data: error[in-use]:")
        assert f"process {first.process.pid}; stop it first" in sentence
        await both.tell(url)
        await both.issue("undisturbed")
        await arrived(both, "snow", {"undisturbed"})
        assert await first.end() == 0
    async with program(file, url, both.http) as again:
        assert (await again.now())["records"] == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_and_nothing_is_lost(tmp_path: Path, both: Sites, how: signal.Signals) -> None:
    """In the middle of traffic, with writes to one side under way."""
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    texts = {f"number {n}" for n in range(12)}
    async with program(file, url, both.http) as gateway:
        await both.tell(url)
        await both.arm("snow", "slow", delay_s=0.3, match={"write": True})
        for text in sorted(texts):
            await both.issue(text)
        await until(lambda: both.objects("snow"), what="the first incident", timeout_s=SLOW_S)
        assert await gateway.end(how) == 0
        assert '"event": "stopping"' in gateway.log
        assert "Traceback" not in gateway.log
        await both.heal("snow")
        await gateway.start()
        await arrived(both, "snow", texts)
        await gateway.quiet()
    assert len(await both.objects("snow")) == len(texts)
    assert len(await both.log("snow")) == len(texts), "each was created once"


async def test_sigkill_in_the_middle_of_traffic_loses_and_doubles_nothing(tmp_path: Path, both: Sites) -> None:
    """Webhooks go on while it is killed twice; the vendor repeats what was not answered."""
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="300ms")
    texts: set[str] = set()

    async def people(gateway: Program) -> None:
        for n in range(24):
            texts.add(f"number {n}")
            await both.issue(f"number {n}")
            if n in {8, 16}:
                await until(lambda: both.objects("snow"), what="the first incident", timeout_s=SLOW_S)
                await gateway.end(signal.SIGKILL)
                await both.issue(f"while away {n}")
                texts.add(f"while away {n}")
                await gateway.start()

    async with program(file, url, both.http) as gateway:
        await both.tell(url)
        await people(gateway)
        await arrived(both, "snow", texts)
        await gateway.quiet()
        said = await gateway.now()
        assert (said["needs_people"], said["records"]) == (0, len(texts))
    created = [entry for entry in await both.log("snow") if entry["kind"] == "create"]
    assert len(created) == len(await both.objects("snow")) == len(texts)
    assert await both.log("jira") == [], "nothing was written back"


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this test's own, because it is stopped and started."""
    binaries = postgres.server_binaries()
    if binaries is None:
        missing("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="lockstep-away-"))
    home.chmod(0o755)
    made = postgres.start_cluster(binaries, home)
    try:
        yield made
    finally:
        if (home / "data" / "postmaster.pid").exists():
            made.stop()
        shutil.rmtree(home, ignore_errors=True)


def control(cluster: postgres.Cluster, *words: str) -> None:
    """pg_ctl on the same port."""
    place: list[str | Path] = ["-D", cluster.home / "data", "-l", cluster.home / "log", "-w", "-t", "60"]
    postgres._run([cluster.binaries / "pg_ctl", *words, *place, "-o", f"-p {cluster.port}"], cluster.home)


@pytest.mark.postgres
async def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, both: Sites, cluster: postgres.Cluster) -> None:
    """Webhooks are accepted into the stream meanwhile; everything arrives afterwards, once."""
    cluster.keep_commits()
    extra = f"database: {cluster.url(cluster.create_database())}"
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h", extra=extra)
    async with program(file, url, both.http) as gateway:
        await both.tell(url)
        await both.issue("before")
        await arrived(both, "snow", {"before"})
        control(cluster, "stop", "-m", "immediate")
        for n in range(5):
            await both.issue(f"while away {n}")
        texts = {"before", *(f"while away {n}" for n in range(5))}

        async def told() -> bool:
            async with both.http.get(f"{both.jira.url}/_sandbox/webhooks") as answer:
                status = await answer.json()
            return bool(status["sent"] >= len(texts) and not status["pending"])

        await until(told, what="all webhooks to be accepted", timeout_s=SLOW_S)
        async with both.http.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert "the database cannot be used now" in str(await answer.json())
        async with both.http.get(f"{url}/livez") as answer:
            assert answer.status == 200
        async with both.http.get(f"{url}/v1/now", headers=SIGNED_IN) as answer:
            assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert await both.texts("snow") == {"before"}
        control(cluster, "start")
        await arrived(both, "snow", texts)
        await gateway.quiet()
        assert (await gateway.now())["records"] == len(texts)
        assert len(await both.log("snow")) == len(texts), "each was created once"


async def test_it_can_be_stopped_while_it_waits_for_its_database(tmp_path: Path, both: Sites) -> None:
    extra = f"database: postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing"
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, extra=extra)
    gateway = Program(file, url, both.http)
    log = (tmp_path / "run.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *LOCKSTEP, "run", "--config", str(file), env=environment(), stdout=log, stderr=log
    )
    log.close()
    try:

        async def waits() -> bool:
            assert process.returncode is None, gateway.log
            return "waiting for the database" in gateway.log

        await until(waits, what="the gateway to wait", timeout_s=SLOW_S)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), SLOW_S) == 0
        assert "Traceback" not in gateway.log
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_stop_does_not_wait_for_a_client_that_says_nothing(tmp_path: Path, both: Sites) -> None:
    """One connection idles, one sends half a webhook and no more."""
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    port = int(url.rpartition(":")[2])
    async with program(file, url, both.http) as gateway:
        _, idle = await asyncio.open_connection("127.0.0.1", port)
        _, half = await asyncio.open_connection("127.0.0.1", port)
        half.write(b"POST /hooks/jira HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nhalf")
        await half.drain()
        async with aiohttp.ClientSession() as http, http.get(f"{url}/livez") as answer:
            assert answer.status == 200
        try:
            # Well below the minute that the server's own default would wait for the second one.
            assert await asyncio.wait_for(gateway.end(), SLOW_S / 2) == 0
        finally:
            for writer in (idle, half):
                writer.close()
