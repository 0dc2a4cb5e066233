"""SIGKILL at any moment: what was acknowledged is there, what was queued goes out, numbers never come twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from tests.contract.sandbox.calling import Caller, Receiver, new_incident, new_issue
from tests.support.shared import REPOSITORY

SYSTEMS = ["servicenow", "jira"]


@asynccontextmanager
async def _running(system: str, data: Path, *more: str) -> AsyncIterator[SimpleNamespace]:
    """The stand-in as its own process; `kill` ends it as an out-of-memory killer would."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.sandbox", system, "--data", str(data), "--time-scale", "0.0001", *more),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )

    async def kill() -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()

    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            word, name, url = (await process.stdout.readline()).decode().split()
        assert (word, name) == ("ready", system)
        yield SimpleNamespace(url=url, kill=kill, process=process)
    finally:
        await kill()


def _ann(session: aiohttp.ClientSession, system: str, url: str) -> Caller:
    return Caller(session, url, "ann@example.com" if system == "jira" else "ann", "ann-secret")


async def _make(caller: Caller, system: str, text: str) -> str:
    return await (new_issue if system == "jira" else new_incident)(caller, text)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_acknowledged_edits_survive(system: str, tmp_path: Path, session: aiohttp.ClientSession) -> None:
    data, acknowledged = tmp_path / "data.db", []
    async with _running(system, data) as running:
        ann = _ann(session, system, running.url)

        async def edit_until_cut(worker: int) -> None:
            for number in range(1000):
                text = f"edit {worker}-{number}"
                try:
                    await _make(ann, system, text)
                except (aiohttp.ClientError, ConnectionError):
                    return
                acknowledged.append(text)
                if len(acknowledged) == 40:
                    await running.kill()

        await asyncio.gather(*(edit_until_cut(worker) for worker in range(4)))
    async with _running(system, data) as running:
        nobody = Caller(session, running.url)
        log = (await nobody.get("/_sandbox/log")).json["entries"]
        logged = [str(entry["fields"]) for entry in log]
        assert all(any(text in fields for fields in logged) for text in acknowledged)
        objects = (await nobody.get("/_sandbox/objects")).json["objects"]
        # Each object has its log entry and the other way round: they are one transaction.
        assert sorted(entry["id"] for entry in log) == sorted(one["id"] for one in objects)
        assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
        await _make(_ann(session, system, running.url), system, "one more")
        keys = [one["key"] for one in (await nobody.get("/_sandbox/objects")).json["objects"]]
        assert len(keys) == len(set(keys)) == len(objects) + 1


@pytest.mark.parametrize("system", SYSTEMS)
async def test_webhooks_not_delivered_survive(
    system: str, tmp_path: Path, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    data = tmp_path / "data.db"
    async with _running(system, data, "--hook", "http://127.0.0.1:9/away", "--hook-secret", "s") as running:
        for number in range(5):
            await _make(_ann(session, system, running.url), system, f"edit {number}")
        await running.kill()
    async with _running(system, data, "--hook", receiver.url, "--hook-secret", "s"):
        await receiver.wait_for(5)
    assert {number for number in range(5) for _, body in receiver.seen if f"edit {number}".encode() in body} == set(
        range(5)
    )


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_polite_end(system: str, tmp_path: Path) -> None:
    async with _running(system, tmp_path / "data.db") as running:
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await running.process.wait() == 0


async def test_one_process_per_file(tmp_path: Path) -> None:
    async with _running("jira", tmp_path / "data.db"):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connectors.sandbox", "jira", "--data", str(tmp_path / "data.db")),
            stderr=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
        )
        _, said = await asyncio.wait_for(second.communicate(), 30)
        assert second.returncode != 0
        assert b"is used by another process" in said
