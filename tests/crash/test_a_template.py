"""A template at work, killed between its tasks: each task is there exactly once afterwards, in both systems."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError

from tests.crash.process import done, give
from tests.support.office import ITEMS, REPOSITORY, Desks, configured, desks
from tests.support.running import ENVIRONMENT, SIGNED_IN
from tests.support.waiting import until

POINT, PASSING = "write.after_answer", 2
"""One write is known, a second one took effect, and nobody wrote that down; more may be under way."""
PATIENCE_S = 90.0
ALL = {"Account", "Badge", "Desk", "Laptop"}


async def gateway(file: Path, order: Path) -> asyncio.subprocess.Process:
    """The gateway of a configuration in a process of its own, which dies where the order says."""
    with (file.parent / "gateway.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.process", str(order), "run", "--config", str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **ENVIRONMENT},
        )


async def hired(there: Desks) -> str:
    """Somebody asks for a new colleague's things; nothing has to wait."""
    wanted = {"short_description": "Dana starts", "u_labels": "onboarding,laptop", "due_date": "2020-01-01 00:00:00"}
    return str((await there.snow.call("ann", "POST", ITEMS, wanted))["result"]["sys_id"])


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_each_task_is_there_once(tmp_path: Path) -> None:
    async with desks(tmp_path) as there:
        file, url = configured(tmp_path, "onboarding", there.snow.url, there.jira.url)
        item, order = await hired(there), tmp_path / "order"
        give(order, POINT, PASSING, serial=1)
        process = await gateway(file, order)
        await asyncio.wait_for(process.wait(), PATIENCE_S)
        assert done(order).exists(), (tmp_path / "gateway.log").read_text()[-2000:]
        assert {*await there.issues(), *await there.tasks(item)}, "it had begun"
        process = await gateway(file, order)
        try:

            async def made() -> bool:
                return {*await there.issues(), *await there.tasks(item)} == ALL

            await until(made, what="all tasks", timeout_s=PATIENCE_S)
            await until(lambda: quiet(there, url), what="the gateway to be quiet", timeout_s=PATIENCE_S)
            assert {*await there.issues(), *await there.tasks(item)} == ALL, "and none twice"
            assert (await there.snow.call("ann", "GET", f"{ITEMS}/{item}"))["result"]["state"] == "2"
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE_S)


async def quiet(there: Desks, url: str) -> bool:
    try:
        async with there.snow.http.get(f"{url}/v1/now", headers=SIGNED_IN) as answer:
            said: dict[str, Any] = await answer.json()
    except ClientError:
        return False  # it is still starting
    return bool(said.get("quiet"))
