"""Reconciliation between the stand-ins: no webhook comes, nobody polls, people edit in both."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.test_sweeps import World, configured
from tests.support.edges import Sites, environment, lockstep, program
from tests.support.running import started
from tests.support.waiting import until

DRIFT = {
    ("gone", "jira", ""),
    ("new", "jira", ""),
    ("absorb", "snow", "summary"),
    ("absorb", "jira", "summary"),
    ("comment", "snow", "comments"),
}


async def outage(w: World) -> float:
    """Three incidents in step; then, unheard: edits in both, a comment, a deletion, a new issue. When it began."""
    first, _ = await w.in_step("edited in ServiceNow")
    _, second = await w.in_step("edited in Jira")
    _, third = await w.in_step("deleted in Jira")
    await w.in_step("left alone")
    began = time.time()
    await w.lose_webhooks()
    await w.sites.incidents.summary("ann", first, "by Ann")
    await w.sites.incidents.comment("ann", first, "said to nobody")
    await w.ann.call("bob", "PUT", f"/rest/api/3/issue/{second}", {"fields": {"summary": "by Bob"}})
    await w.ann.call("bob", "DELETE", f"/rest/api/3/issue/{third}")
    await w.sites.issue("made meanwhile")
    return began


def short(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(item["kind"], item["connection"], item["field"]) for item in document["items"]}


async def test_a_plan_names_the_drift_and_a_run_repairs_it(both: Sites, tmp_path: Path) -> None:
    file, url = configured(tmp_path, both)
    async with started(file, url) as run:
        await both.tell(url)
        w = World(both, run, sweeping=False)
        began = await outage(w)
        env = environment(LOCKSTEP_CONFIG=str(file))

        async def reconcile(*more: str) -> Any:
            since = datetime.fromtimestamp(began, UTC).isoformat()
            return await lockstep("reconcile", "incidents", "--since", since, *more, cwd=tmp_path, env=env)

        planned = await reconcile("--plan", "--json", "--exit-changes")
        assert planned.code == 10, planned.err
        assert short(planned.document()) == DRIFT
        assert await w.states() == {"by Ann": "1", "edited in Jira": "1", "deleted in Jira": "1", "left alone": "1"}
        unasked = await reconcile()
        assert unasked.code == 2 and "--yes" in unasked.err and "absorb" not in unasked.err

        done = await reconcile("--yes", "--json")
        assert done.code == 0, done.err
        assert done.document()["results"] == {"applied": len(done.document()["items"])}
        await run.quiet()
        wanted = {"by Ann": "1", "by Bob": "1", "deleted in Jira": "8", "left alone": "1", "made meanwhile": "1"}
        assert await w.states() == wanted
        assert await both.texts("jira") == {"by Ann", "by Bob", "left alone", "made meanwhile"}
        assert "said to nobody" in str(await w.issues())

        again = await reconcile("--plan", "--json", "--exit-changes")
        assert (again.code, again.document()["items"]) == (0, [])


async def test_what_a_person_is_told(both: Sites, tmp_path: Path) -> None:
    file, url = configured(tmp_path, both)
    async with started(file, url) as run:
        await both.tell(url)
        w = World(both, run, sweeping=False)
        await outage(w)
        env = environment(LOCKSTEP_CONFIG=str(file))
        said = await lockstep("reconcile", "incidents", "--plan", cwd=tmp_path, env=env)
        assert said.code == 0, said.err
        lines = said.out.splitlines()
        assert lines[0].split("\t") == ["what", "connection", "field", "outcome", "count", "samples"]
        assert lines[1].startswith("- gone\tjira\t"), "the dangerous first"
        assert any("by Ann" in line and "taken" in line for line in lines)
        for wrong, text in (
            (("nothing",), "incidents"),
            (("incidents", "--connection", "hr"), "snow, jira"),
            (("incidents", "--since", "yesterday"), "2h"),
            (("incidents", "--rate", "fast"), "60/min"),
        ):
            ended = await lockstep("reconcile", *wrong, cwd=tmp_path, env=env)
            assert ended.code == 2 and text in ended.err, ended.err
        missing = await lockstep("reconcile", "incidents", "--run", "rc_none", cwd=tmp_path, env=env)
        assert missing.code == 7
    left = await lockstep("reconcile", "incidents", "--plan", "--wait", "0.1", cwd=tmp_path, env=env)
    assert left.code == 4 and "--run rc" in left.err


async def test_a_killed_gateway_goes_on_with_the_run(both: Sites, tmp_path: Path) -> None:
    """Killed in the middle of the plan, and again in the middle of the repair: the command waits and sees its end."""
    file, url = configured(tmp_path, both)
    async with program(file, url, both.http) as gateway:
        await both.tell(url)
        for n in range(12):
            await both.incident(f"thing {n}")

        async def all_there() -> bool:
            return len(await both.objects("jira")) == 12

        await until(all_there, what="twelve issues")
        await gateway.quiet()
        for connection in ("snow", "jira"):
            await both.arm(connection, "hook_lose", match={"actor": None})
        for number in [each["id"] for each in await both.objects("snow")]:
            await both.incidents.summary("ann", number, f"edited {number}")
        env = environment(LOCKSTEP_CONFIG=str(file))
        command = asyncio.create_task(
            lockstep("reconcile", "incidents", "--yes", "--json", "--rate", "600", cwd=tmp_path, env=env)
        )
        for counted in ("compared", "ended"):
            await until(partial(_progress, file, counted), what=f"something {counted}")
            await gateway.end(signal.SIGKILL)
            await gateway.start()
        said = await command
        assert said.code == 0, said.err
        assert said.document()["results"] == {"applied": 12}
        await gateway.quiet()
        assert await both.texts("jira") == await both.texts("snow")


async def _progress(file: Path, what: str) -> int:
    """How far the only run is, as its tables have it."""
    import sqlite3

    def look() -> int:
        with sqlite3.connect(file.parent / "gateway" / "lockstep.db") as db:
            if what == "ended":
                return int(db.execute("SELECT count(*) FROM reconcile_item WHERE state = 'done'").fetchone()[0])
            rows = db.execute("SELECT cursor FROM reconcile_run").fetchall()
            return sum(json.loads(row[0]).get("counts", {}).get(what, 0) for row in rows)

    return await asyncio.to_thread(look)
