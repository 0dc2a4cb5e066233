"""An object deleted in one system: a case, or the flow's own ending in the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import SLOW_S, Sites
from tests.support.running import FLOW, Running, started, write_config
from tests.support.waiting import until


async def _groups(run: Running) -> list[dict[str, Any]]:
    return list((await run.now())["groups"])


@pytest.mark.parametrize("on_delete", ["case", "close"])
async def test_a_deleted_issue(tmp_path: Path, both: Sites, on_delete: str) -> None:
    flow = FLOW + f"    on_delete: {on_delete}\n"
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h", flow=flow)
    async with started(file, url) as run:
        await both.tell(url)
        number = await both.issue("short-lived")
        await until(lambda: both.objects("snow"), what="the incident", timeout_s=SLOW_S)
        await run.quiet()
        await both.issues._api.call("admin", "DELETE", f"/rest/api/3/issue/{number}")

        async def closed() -> bool:
            return bool((await both.objects("snow"))[0]["raw"]["state"] == "8")

        if on_delete == "close":
            await until(closed, what="the incident to be canceled", timeout_s=SLOW_S)
            assert not await _groups(run)
        else:
            (group,) = await until(lambda: _groups(run), what="the case", timeout_s=SLOW_S)
            assert group["cause"] == "target.absent"
            assert not await closed()
        await run.quiet()
        assert await both.objects("jira") == []
