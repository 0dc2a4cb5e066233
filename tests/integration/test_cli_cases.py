"""Conflicts settled in the terminal, while the gateway runs and while it is stopped: real processes throughout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import SLOW_S, Program, Said, Sites, lockstep, program
from tests.support.running import FLOW, write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MANUAL = FLOW.replace("labels: union", "labels: union, summary: manual")


async def conflict(both: Sites, gateway: Program) -> str:
    """Two people change the summary while the gateway is away; gives the case's number once it is back."""
    number = await both.incident("before")
    (issue,) = await until(lambda: both.objects("jira"), what="the issue", timeout_s=SLOW_S)
    await gateway.quiet()
    await gateway.end()
    await both.incidents.summary("ann", number, "what snow says")
    await both.issues.summary("bob", issue["key"], "what jira says")
    await gateway.start()

    async def opened() -> str | None:
        groups = (await gateway.now()).get("groups")
        return str(groups[0]["sample"]) if groups else None

    return str(await until(opened, what="the case", timeout_s=SLOW_S))


async def agreed(both: Sites, text: str) -> None:
    async def same() -> bool:
        return await both.texts("snow") == await both.texts("jira") == {text}

    await until(same, what=f"both to say {text!r}", timeout_s=SLOW_S)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
async def test_a_conflict_is_resolved(tmp_path: Path, both: Sites, stopped: bool) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="200ms", flow=MANUAL)

    async def say(*words: str) -> Said:
        said = await lockstep(*words, cwd=tmp_path)
        assert "Traceback" not in said.err, said.err
        return said

    async with program(file, url, both.http) as gateway:
        case = await conflict(both, gateway)
        shown: dict[str, Any] = (await say("case", "show", case, "--json")).document()
        assert (shown["cause"], shown["field"]) == ("conflict.manual", "summary")
        loser = shown["connection"]
        if stopped:
            await gateway.end()
        for words, code, told in (
            (("case", "retry", case), 6, "Choose the side that stays"),
            (("case", "declare", case, "--applied", "--reason", "x", "--proof", "y"), 6, "outcome is not in doubt"),
            (("case", "resolve", case), 2, "--keep SYSTEM or --value VALUE"),
            (("case", "resolve", case, "--keep", "crm"), 2, "has no side crm; keep one of"),
            (("case", "resolve", case, "--keep", loser, "--no-input"), 2, "--yes; nothing was done"),
            (("case", "resolve", case, "--keep", loser, "--plan", "--exit-changes"), 10, "nothing was changed"),
            (("case", "close", case, "404", "--reason", "x"), 3, "there is no case 404"),
        ):
            said = await say(*words)
            assert (said.code, told in said.err) == (code, True), (words, said)
        said = await say("case", "look", case, "--json")
        assert (said.code, said.document()["sides"]["agree"]) == (0, False), said
        what = ("--value", "what both mean") if stopped else ("--keep", loser)
        said = await say("case", "resolve", case, *what, "--yes", "--reason", "they spoke", "--as", "nadia")
        assert said.code == 0, said
        assert f"{case} is closed now" in said.out
        assert ("no gateway answers" in said.err) is stopped
        if stopped:
            await gateway.start()
        await agreed(both, "what both mean" if stopped else f"what {loser} says")
        said = await say("record", "history", loser, shown["object_key"])
        assert "nadia" in said.out
        assert "what snow says" in said.out
        assert (await say("record", "look", loser, shown["object_key"], "--json")).document()["agree"] is True
