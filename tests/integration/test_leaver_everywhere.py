"""HR ends an employment: access is gone in five systems, as they say themselves, and nothing brings it back."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError

from gateway.demo.clerks import Holding
from gateway.demo.stand_ins import CRM, HUB, JIRA, SNOW
from gateway.offboarding.certificate import as_file, read
from tests.crash.process import done, give
from tests.support.edges import environment
from tests.support.firm import ANN, BOB, Firm, firm
from tests.support.running import started
from tests.support.waiting import until

POINTS = (
    "leaver.begin.after_commit",
    "leaver.planned.before_commit",
    "leaver.start.after_commit",
    "leaver.sent.before_commit",
    "leaver.read.before_commit",
    "leaver.checked.after_commit",
)
pytestmark = pytest.mark.slow
OPEN_WORK = {SNOW: 5, JIRA: 3, HUB: 1, CRM: 1}
"""At least so much of Ann's: what began in Salesforce and GitHub is in the other two as well."""


async def replayed(there: Firm) -> None:
    """All that was ever accepted about anybody is read and decided anew."""
    pinned = await there.api("POST", "/v1/selections", {"source": "journal"}, 201)
    begun = await there.api("POST", "/v1/replay-plans", {"selection": pinned["selection"]}, 202)

    async def planned() -> bool:
        return bool((await there.api("GET", f"/v1/operations/{begun['id']}"))["over"])

    await until(planned, what="the plan")
    plan = await there.api("GET", f"/v1/replay-plans/{begun['id']}")
    assert plan["totals"]["prove"] > 0 and plan["totals"]["blocked"] > 0, "of Ann nothing is to be carried on"
    run = await there.api("POST", "/v1/replay-runs", {"plan": plan["plan"], "digest": plan["digest"]}, 202)

    async def over() -> bool:
        return bool((await there.api("GET", f"/v1/operations/{run['run']}"))["over"])

    await until(over, what="the replay")


def in_time(told: Any) -> None:
    """Every step was seen to be gone by its deadline, by reading."""
    looked = {each["step"] for each in told["evidence"] if each["kind"] == "read"}
    sent = {each["step"] for each in told["evidence"] if each["kind"] == "sent"}
    for step in told["steps"]:
        if step["state"] == "gone":
            assert step["gone_at"] <= step["due_at"], step
            assert step["checks"] > 0, step
    assert sent and sent <= looked


async def the_old_owner_is_named(there: Firm) -> None:
    notes = await there.clerks.snow.notes()
    told = [each for each in notes if "handed over from Ann Field" in each]
    assert told, notes
    assert not [each for each in told if "Lockstep Integration via" in each], "each system has its own, and no copies"
    for held in (await there.clerks.has(BOB)).values():
        assert held.on


async def test_access_ends_everywhere_and_nothing_brings_it_back(tmp_path: Path) -> None:
    """One system is down when it begins. Then come late webhooks, edits, work for her, and a replay of everything."""
    async with firm(tmp_path) as there, started(there.file, there.url) as gateway:
        number = await there.furnished()
        before, theirs = await there.clerks.has(ANN), await there.clerks.has(BOB)
        assert all(each.on for each in before.values())
        assert all(each.rights for each in before.values())
        assert all(len(before[name].work) >= count for name, count in OPEN_WORK.items()), before
        await there.there[SNOW].go_down(600)
        await there.end(number)
        assert "snow" in {each["connection"] for each in (await there.stands("open"))["leaver"]["systems"]}
        await until(lambda: _waited(there), what="ServiceNow to be waited for")
        await there.heal(SNOW)
        await there.has_nothing()
        after = await there.clerks.has(BOB)
        for name, held in theirs.items():
            assert (after[name].on, after[name].rights) == (held.on, held.rights), name
            assert after[name].work == held.work | before[name].work, "all that was hers is his, and all that was his"
        await the_old_owner_is_named(there)
        await there.by_hand()
        in_time(await there.stands("closed"))
        proof = read(as_file(await there.api("GET", "/v1/leavers/1/certificate")))
        assert proof.signed and not proof.problems, proof.problems

        await gateway.quiet()
        assert set(await there.post.again()) <= {200, 401}, "what is too old is refused"
        await there.hr.call("admin", "POST", f"/api/v1/employees/{number}", {"workPhone": "+1 555 0100"})
        incident = await there.clerks.snow.pass_on(BOB, ANN)
        await replayed(there)
        await gateway.quiet()
        left = await there.clerks.has(ANN)
        assert left.pop(SNOW).work == {incident}, "where somebody gave it to her; it is theirs to take away"
        assert all(each.nothing for each in left.values()), left
        assert (await there.leaver())["leaver"]["state"] == "closed"
        (case,) = (await there.api("GET", "/v1/cases"))["items"]
        assert (case["cause"], case["object_id"]) == ("person.given", incident), "people are asked who is to have it"


class Mortal:
    """`lockstep run` in a process that kills itself at a point of the code, when it is told to."""

    def __init__(self, there: Firm) -> None:
        self._there, self._order = there, there.file.parent / "order"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        words = ("-m", "tests.crash.process", str(self._order), "run", "--config", str(self._there.file))
        with (self._there.file.parent / "run.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *words, env=environment(), stdout=log, stderr=log
            )

    async def ready(self) -> None:
        async def up() -> bool:
            try:
                return bool(await self._there.api("GET", "/v1/leavers") is not None)
            except ClientError:
                return False

        await until(up, what="the gateway to be ready", timeout_s=60)

    def order(self, point: str, serial: int) -> None:
        """The next time that it passes there it dies."""
        give(self._order, point, 1, serial)

    async def died(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(40):
            assert await self._process.wait() == -signal.SIGKILL
        assert done(self._order).exists()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def test_killed_again_and_again_it_ends_the_same(tmp_path: Path) -> None:
    """Between the decision and the request, between the answer and its note, between the look and its note."""
    async with firm(tmp_path) as there:
        gateway = Mortal(there)
        try:
            await gateway.start()
            await gateway.ready()
            number = await there.furnished()
            before, theirs = await there.clerks.has(ANN), await there.clerks.has(BOB)
            gateway.order(POINTS[0], 1)
            await there.end(number)
            for serial, point in enumerate(POINTS[1:], start=2):
                await gateway.died()
                gateway.order(point, serial)
                await gateway.start()
            await gateway.died()
            await gateway.start()
            await gateway.ready()
            await there.has_nothing()
            await there.by_hand()
            in_time(await there.stands("closed"))
            after = await there.clerks.has(BOB)
            for name, held in theirs.items():
                assert after[name] == Holding(held.on, held.rights, held.work | before[name].work), name
        finally:
            await gateway.kill()


async def _waited(there: Firm) -> bool:
    return any(
        (each["kind"], each["connection"]) == ("leaver_waits", SNOW) for each in (await there.leaver())["history"]
    )
