"""Cases worked to their ends at a terminal: unknown outcomes, refused writes, questions that are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import SLOW_S, Program, Said, Sites, lockstep, program
from tests.support.running import write_config
from tests.support.terminal import typed
from tests.support.waiting import until

pytestmark = pytest.mark.slow

WRITES = {"method": "PUT"}


async def linked(both: Sites, gateway: Program) -> tuple[str, str]:
    """An incident and its issue, at rest."""
    number = await both.incident("before")
    (issue,) = await until(lambda: both.objects("jira"), what="the issue", timeout_s=SLOW_S)
    await gateway.quiet()
    return number, str(issue["key"])


async def opened(gateway: Program) -> str:
    async def one() -> str | None:
        groups = (await gateway.now()).get("groups")
        return str(groups[0]["sample"]) if groups else None

    return str(await until(one, what="the case", timeout_s=SLOW_S))


async def shown(case: str, cwd: Path) -> dict[str, Any]:
    return dict((await lockstep("case", "show", case, "--json", cwd=cwd)).document())


async def jira_says(both: Sites, text: str) -> None:
    async def same() -> bool:
        return await both.texts("jira") == {text}

    await until(same, what=f"jira to say {text!r}", timeout_s=SLOW_S)


def slow_to_settle(file: Path, settles: str) -> None:
    """Jira is believed to be able to take a request for so long after it was sent."""
    head, jira = file.read_text().split("  jira:\n", 1)
    file.write_text(f"{head}  jira:\n{jira.replace('settles: 1s', f'settles: {settles}', 1)}")


async def test_an_unknown_outcome_is_looked_at_and_declared(tmp_path: Path, both: Sites) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    slow_to_settle(file, "100s")
    why = ("--proof", "OPS-1 shows it", "--reason", "done by hand", "--as", "nadia")

    async def say(*words: str) -> Said:
        said = await lockstep(*words, cwd=tmp_path)
        assert "Traceback" not in said.err, said.err
        return said

    async with program(file, url, both.http) as gateway:
        number, key = await linked(both, gateway)
        await both.arm("jira", "timeout_before", match=WRITES, count=1)
        await both.incidents.summary("ann", number, "after")
        case = await opened(gateway)
        assert (await shown(case, tmp_path))["cause"] == "outcome.unknown"
        said = await say("case", "look", case, "--wait", "1s")
        assert said.code == 4, said
        assert "In doubt: update sent to jira" in said.out
        assert "sent after, it shows before" in said.out
        for words, code, told in (
            (("case", "retry", case), 6, "sent again it could do so twice"),
            (("case", "discard", case, "--reason", "x", "--yes"), 6, "Nobody knows yet"),
            (("case", "declare", case, "--not-applied", *why, "--yes"), 6, "may still take effect until"),
            (("case", "declare", case, "--applied", "--reason", "x"), 2, "--proof"),
            (("case", "declare", case, "--reason", "x", "--proof", "y"), 2, "--applied or --not-applied"),
            (("case", "declare", case, "--applied", *why), 2, "--yes"),
        ):
            said = await say(*words)
            assert (said.code, told in said.err) == (code, True), (words, said)
        await gateway.end()  # else the gateway itself sees what is done by hand now
        await both.issues.summary("bob", key, "after")
        code, told = await typed("case", "declare", case, "--applied", *why, cwd=tmp_path, answer="n")
        assert (code, "nothing was done" in told) == (1, True), told
        assert (await shown(case, tmp_path))["state"] == "open"
        code, told = await typed("case", "declare", case, "--applied", *why, cwd=tmp_path, answer="y")
        assert code == 0, told
        assert "It counts as done there" in told
        assert f"{case} is closed now" in told
        assert "no gateway answers" in told
        await gateway.start()
        await gateway.quiet()
        assert await both.texts("jira") == await both.texts("snow") == {"after"}
        assert await both.edited("jira", (await both.objects("jira"))[0]["id"]) == ["before"], "nothing was sent again"
        said = await say("case", "declare", case, "--applied", *why, "--yes")
        assert (said.code, "stays as it is" in said.err) == (6, True), said


async def test_a_refused_write_is_retried_and_waited_for(tmp_path: Path, both: Sites) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    async with program(file, url, both.http) as gateway:
        number, key = await linked(both, gateway)
        await both.arm("jira", "status", status=403, match=WRITES)
        await both.incidents.summary("ann", number, "after")
        case = await opened(gateway)
        assert (await shown(case, tmp_path))["cause"] == "target.refused"
        said = await lockstep("case", "look", case, cwd=tmp_path)
        assert (said.code, "Not taken: update sent to jira" in said.out) == (0, True), said
        said = await lockstep("case", "retry", case, "--wait", "60s", cwd=tmp_path)
        assert (said.code, "failed again" in said.err) == (3, True), said
        await both.heal("jira")
        said = await lockstep("case", "retry", case, "--wait", "60s", "--json", cwd=tmp_path)
        assert (said.code, said.document()["state"]) == (0, "closed"), said
        await jira_says(both, "after")
        code, told = await typed("record", "why", "jira", key, cwd=tmp_path)
        assert (code, "IN STEP" in told) == (0, True), told


async def test_a_refused_write_is_given_up(tmp_path: Path, both: Sites) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    async with program(file, url, both.http) as gateway:
        number, _ = await linked(both, gateway)
        await both.arm("jira", "status", status=403, match=WRITES)
        await both.incidents.summary("ann", number, "not for jira")
        case = await opened(gateway)
        await both.heal("jira")
        said = await lockstep("case", "discard", case, "--reason", "x", cwd=tmp_path)
        assert (said.code, "--yes" in said.err) == (2, True), "a script is not left waiting"
        code, told = await typed("case", "discard", case, "--reason", "not needed", cwd=tmp_path, answer="yes")
        assert (code, f"{case} is closed now" in told) == (0, True), told
        await gateway.quiet()
        assert await both.texts("jira") == {"before"}
        await both.incidents.summary("ann", number, "for both")
        await jira_says(both, "for both")


@pytest.mark.parametrize("columns", [40, 80])
async def test_a_narrow_terminal_shows_all_of_it(tmp_path: Path, both: Sites, columns: int) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    async with program(file, url, both.http) as gateway:
        number, key = await linked(both, gateway)
        await both.arm("jira", "status", status=403, match=WRITES)
        await both.incidents.summary("ann", number, "after")
        case = await opened(gateway)
        for words in (
            ("case", "list"),
            ("case", "show", case),
            ("case", "look", case),
            ("record", "show", "jira", key),
            ("record", "history", "jira", key),
        ):
            code, told = await typed(*words, cwd=tmp_path, columns=columns)
            assert code == 0, told
            assert "\x1b" not in told, "NO_COLOR is respected"
            long = [line for line in told.splitlines() if len(line) > columns and " " in line.strip()]
            assert long == [], words
        assert f"lockstep case retry {case}" in (await typed("case", "show", case, cwd=tmp_path))[1]
