"""The sweeps of a running gateway between the stand-ins. Webhooks are lost and nobody polls: nothing else finds it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.desks import Api
from gateway.sweeps.book import ask, states
from tests.support.edges import Sites, environment, lockstep
from tests.support.running import FLOW, Running, started, write_config
from tests.support.waiting import until


class World:
    """Both sites and the gateway between them. `sweeping` False: what is asked of the sweeps is not done."""

    def __init__(self, sites: Sites, run: Running, *, sweeping: bool) -> None:
        self.sites, self.run, self.sweeping = sites, run, sweeping
        self.ann = Api(sites.jira.url, sites.http, email_signs_in=True)

    async def in_step(self, summary: str) -> tuple[str, str]:
        """An incident and its issue, at rest; their ids."""
        incident = await self.sites.incident(summary)

        async def issue() -> str | None:
            return next((each["id"] for each in await self.issues() if summary == _summary(each)), None)

        made = str(await until(issue, what="the issue"))
        await self.at_rest()
        return incident, made

    async def at_rest(self) -> None:
        """A webhook of our own write that is still under way would have the object read, and what a test then does in
        secret would be found by that read and not by the sweep.
        """

        async def rested() -> bool:
            before = await self.sites.told()
            return bool((await self.run.now())["quiet"]) and before[0] == 0 and await self.sites.told() == before

        await until(rested, what="all webhooks to be delivered and taken in")

    async def issues(self) -> list[dict[str, Any]]:
        return await self.sites.objects("jira")

    async def states(self) -> dict[str, str]:
        """Short description -> state of every incident."""
        shown = [each["raw"] for each in await self.sites.objects("snow")]
        return {raw["short_description"]: raw["state"] for raw in shown}

    async def lose_webhooks(self) -> None:
        for connection in ("snow", "jira"):
            await self.sites.arm(connection, "hook_lose", match={"actor": None})

    async def sweep(self, connection: str, kind: str) -> dict[str, int]:
        """Asks for a round and waits for its end; gives what it found."""
        if not self.sweeping:
            return {}
        database = self.run.gateway.database
        await ask(database, connection, [kind], {"by": "test"}, now=time.time())

        async def done() -> dict[str, int] | None:
            (row,) = [each for each in await states(database, connection) if each["kind"] == kind]
            return None if row["asked"] else dict(row["found"], whole=1)

        found: dict[str, int] = await until(done, what=f"the {kind} of {connection}")
        await self.run.quiet()
        return found


def _summary(issue: dict[str, Any]) -> str:
    return str(issue["raw"]["fields"]["summary"])


async def deletion(w: World) -> None:
    _, issue = await w.in_step("to be deleted")
    await w.in_step("to stay")
    await w.lose_webhooks()
    await w.ann.call("ann", "DELETE", f"/rest/api/3/issue/{issue}")
    await w.sweep("jira", "ids")
    await w.run.quiet()
    assert await w.states() == {"to be deleted": "8", "to stay": "1"}


async def create(w: World) -> None:
    await w.in_step("known")
    await w.lose_webhooks()
    await w.sites.issue("nobody heard of it")
    await w.sweep("jira", "ids")
    await w.run.quiet()
    assert set(await w.states()) == {"known", "nobody heard of it"}


async def edit_and_comment(w: World) -> None:
    incident, _ = await w.in_step("before")
    await w.lose_webhooks()
    await w.sites.incidents.summary("ann", incident, "after")
    await w.sites.incidents.comment("ann", incident, "said to nobody")
    await w.sweep("snow", "readback")
    await w.run.quiet()
    assert await w.sites.texts("jira") == {"after"}
    assert "said to nobody" in str(await w.issues())


async def late_create_of_a_leaver(w: World) -> None:
    """A create of ours lands when the record has long left: an issue with our key, made by our own user."""
    incident, issue = await w.in_step("leaver")
    await Api(w.sites.snow.url, w.sites.http).call("ann", "DELETE", f"/api/now/table/incident/{incident}")

    async def closed() -> bool:
        return [each["raw"]["fields"]["status"]["name"] for each in await w.issues()] == ["Done"]

    await until(closed, what="the issue to be closed")
    await w.at_rest()
    await w.lose_webhooks()
    (made,) = await w.issues()
    fields = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Incident"},
        "summary": "leaver",
        "labels": [f"lockstep-{made['correlation']}"],
    }
    late = await w.ann.call("lockstep", "POST", "/rest/api/3/issue", {"fields": fields})
    await w.sweep("jira", "leavers")
    await w.run.quiet()
    shown = {each["id"]: each["raw"]["fields"]["status"]["name"] for each in await w.issues()}
    assert shown == {issue: "Done", str(late["id"]): "Done"}


Check = Callable[[World], Awaitable[None]]
CHECKS: list[Check] = [deletion, create, edit_and_comment, late_create_of_a_leaver]


def configured(tmp_path: Path, both: Sites) -> tuple[Path, str]:
    """Webhooks only, so that what they lose is lost."""
    flow = FLOW + "    on_delete: close\n"
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, flow=flow)
    file.write_text(file.read_text().replace("poll: {every: 200ms}", "poll: false"))
    return file, url


async def _world(both: Sites, tmp_path: Path, check: Check, *, sweeping: bool) -> None:
    file, url = configured(tmp_path, both)
    async with started(file, url) as run:
        await both.tell(url)
        await check(World(both, run, sweeping=sweeping))


@pytest.mark.parametrize("check", CHECKS)
async def test_a_sweep_finds_it(both: Sites, tmp_path: Path, check: Check) -> None:
    await _world(both, tmp_path, check, sweeping=True)


@pytest.mark.parametrize("check", CHECKS)
async def test_nothing_else_does(both: Sites, tmp_path: Path, check: Check) -> None:
    with pytest.raises(AssertionError, match=r"^(?!waited)"):
        await _world(both, tmp_path, check, sweeping=False)


async def test_a_person_has_a_connection_swept(both: Sites, tmp_path: Path) -> None:
    file, url = configured(tmp_path, both)
    async with started(file, url) as run:
        await both.tell(url)
        w = World(both, run, sweeping=True)
        _, issue = await w.in_step("to be deleted")
        await w.lose_webhooks()
        await w.ann.call("ann", "DELETE", f"/rest/api/3/issue/{issue}")
        env = environment(LOCKSTEP_CONFIG=str(file))
        said = await lockstep("connection", "sweep", "jira", "--only", "ids", "--json", cwd=tmp_path, env=env)
        assert said.code == 0, said.err
        (row,) = said.document()["sweeps"]
        assert (row["kind"], row["asked"], row["found"]["gone"]) == ("ids", False, 1)
        await run.quiet()
        told = await lockstep("now", cwd=tmp_path, env=env)
        assert "The last sweep of jira (ids) found what nobody told of: deletions: 1" in told.out
        wrong = await lockstep("connection", "sweep", "jira", "--only", "everything", cwd=tmp_path, env=env)
        assert wrong.code == 2 and "ids, leavers, readback" in wrong.err
    left = await lockstep("connection", "sweep", "jira", "--only", "ids", "--wait", "0.1", cwd=tmp_path, env=env)
    assert left.code == 4 and "is the gateway running?" in left.err
