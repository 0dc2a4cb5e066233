"""Replays by the command line, with real processes: planned, refused when stale, run, stopped by the guard."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import LOCKSTEP, SLOW_S, Program, Said, Sites, environment, lockstep, program
from tests.support.running import write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ARCHIVED = {"method": "POST", "path_regex": "/issue$"}


@dataclass
class Terminal:
    both: Sites
    gateway: Program
    folder: Path

    async def say(self, *words: str, code: int = 0) -> Said:
        said = await lockstep(*words, cwd=self.folder)
        assert "Traceback" not in said.err, said.err
        assert said.code == code, (words, said)
        return said

    async def trouble(self, count: int, *, first: int = 0) -> None:
        """The project is archived; people create incidents, and each becomes a case."""
        await self.both.arm("jira", "status", status=400, match=ARCHIVED)
        for n in range(first, first + count):
            await self.both.incident(f"incident {n}")

        async def cases() -> bool:
            return int((await self.gateway.now())["needs_people"]) == first + count

        await until(cases, what="the cases", timeout_s=SLOW_S)


@asynccontextmanager
async def terminal(tmp_path: Path, both: Sites, extra: str = "") -> AsyncIterator[Terminal]:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="200ms", extra=extra)
    async with program(file, url, both.http) as gateway:
        yield Terminal(both, gateway, tmp_path)


async def test_a_plan_is_shown_refused_when_stale_and_run(tmp_path: Path, both: Sites) -> None:
    async with terminal(tmp_path, both, "replay: {ramp: [1], rate: 6000}\n") as it:
        await it.say("replay", "plan", code=7)
        await it.trouble(3)
        shown = await it.say("replay", "plan", "--cause", "target.refused", "--out", "rp.json")
        lines = shown.out.splitlines()
        plan = lines[0].split(" ")[0]
        assert re.fullmatch(r"rp_[2-9A-Z]{8} · test\d+ · nothing has been sent", lines[0])
        assert lines[1].startswith("Pinned  3 items · ") and "· by " in lines[1] and "good until" in lines[1]
        assert lines[3].split() == (
            [
                "-",
                "delete",
                "0",
                "+",
                "create",
                "3",
                "?",
                "prove",
                "first",
                "0",
                ">",
                "transition",
                "0",
                "~",
                "update",
                "0",
                "=",
                "skip",
                "0",
                "!",
                "blocked",
                "0",
            ]
        )
        assert "Look at these first" in lines and "Alike" in lines
        assert lines[-1] == f"Run exactly this:  lockstep replay run {plan}"
        assert '"items"' in (tmp_path / "rp.json").read_text()
        created = await it.say("replay", "show", plan, "--action", "create")
        assert len(created.out.splitlines()) == 3
        document: dict[str, Any] = (await it.say("replay", "show", plan, "--json")).document()
        assert document["totals"]["create"] == 3 and document["digest"].startswith("sha-256:")

        incident = (await it.both.objects("snow"))[0]["id"]
        await it.both.incidents.summary("ann", incident, "another text")
        await until(lambda: _moved(it, plan), what="the change to be known", timeout_s=SLOW_S)
        stale = await it.say("replay", "run", plan, code=5)
        assert "Plan is stale, nothing was sent" in stale.err and "another text" in stale.err
        assert f"lockstep replay plan --again {plan}" in stale.err
        assert not [entry for entry in await it.both.log("jira") if entry["kind"] == "create"]

        again = await it.say("replay", "plan", "--again", plan)
        second = re.findall(r"rp_\w+", again.out)[0]
        assert second != plan and f"against {plan}: 2 the same" in again.out
        assert f"against {plan}" in (await it.say("replay", "diff", second)).out
        await it.both.heal("jira")
        done = await it.say("replay", "run", second)
        assert re.search(r"rr_\w+ ended well", done.out) and "3 = 3 applied" in done.out
        assert "step 1/2" in done.err and "step 2/2" in done.err
        run = re.findall(r"rr_\w+", done.out)[0]
        assert run in (await it.say("replay", "list")).out and second in (await it.say("replay", "list", "--plans")).out
        assert "3 applied" in (await it.say("replay", "show", run)).out
        assert (await it.say("replay", "show", run, "--outcome", "applied", "--json")).document()["count"] == 3
        await it.say("replay", "pause", run, code=6)
        await it.say("replay", "show", "rp_NOSUCH22", code=7)
        await it.say("replay", "run", "rr_NOSUCH22", code=7)
        await it.say("replay", "plan", "--ramp", "x", code=2)
        assert len(await it.both.objects("jira")) == 3


async def _moved(it: Terminal, plan: str) -> bool:
    """The gateway has taken the edit in once the same selection would be planned otherwise."""
    found = (await lockstep("replay", "plan", "--again", plan, "--json", cwd=it.folder)).out
    return "another text" in found


async def test_a_guard_stops_it_and_a_second_person_is_asked_for(tmp_path: Path, both: Sites) -> None:
    async with terminal(tmp_path, both, "replay: {creates: 2, ramp: [1]}\n") as it:
        await it.trouble(2)
        planned = (await it.say("replay", "plan", "--json")).document()
        stopped = await it.say("replay", "run", planned["plan"], code=9)
        assert "was stopped by its guard" in stopped.out and "2 = 1 failed + 1 skipped" in stopped.out
        await it.trouble(1, first=2)
        many = (await it.say("replay", "plan", "--json")).document()
        assert many["approval"]["needed"]
        await it.say("replay", "run", many["plan"], code=6)
        await it.say("replay", "approve", many["plan"], code=6)
        await it.say("replay", "approve", many["plan"], "--as", "somebody-else", code=6)


async def test_leaving_does_not_stop_a_run(tmp_path: Path, both: Sites) -> None:
    async with terminal(tmp_path, both, "replay: {ramp: [1, 1], wait_after: 1}\n") as it:
        await it.trouble(2)
        await it.both.heal("jira")
        planned = (await it.say("replay", "plan", "--json")).document()
        waits = await it.say("replay", "run", planned["plan"], code=4)
        run = re.findall(r"rr_\w+", waits.err)[0]
        assert f"lockstep replay resume {run}" in waits.err
        assert "waits for you" in (await it.say("replay", "show", run)).out
        await it.say("replay", "pause", run)
        process = await asyncio.create_subprocess_exec(
            *LOCKSTEP, "replay", "run", run, cwd=tmp_path, env=environment(), stdout=-1, stderr=-1, stdin=-3
        )
        assert process.stderr is not None
        told = await asyncio.wait_for(process.stderr.readline(), SLOW_S)
        assert run.encode() in told
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), SLOW_S)
        assert process.returncode == 130 and f"{run} goes on".encode() in err, (process.returncode, err)
        await it.say("replay", "stop", run, "--reason", "enough")
        ended = await it.say("replay", "run", run, code=3)
        assert "1 applied" in ended.out and "1 skipped" in ended.out and "enough" in ended.out
        assert len(await it.both.objects("jira")) == 1, sys.platform
