"""`check`, `run`, `sandbox`, `version` and `help` as processes: exit codes, all problems at once, nothing in colour."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.support.edges import LOCKSTEP, SLOW_S, Sites, environment, lockstep
from tests.support.running import FLOW, free_port, write_config

NOWHERE = "http://127.0.0.1:9"

SEVERAL = """\
lockstep: 1
listen: nowhere
limits: {body: ten}
connections:
  snow:
    connector: serviceno
    url: http://127.0.0.1:9
    auth: {basic: {user: lockstep, password: '${ABSENT_FROM_HERE}'}}
    timeuot: 3s
  jira:
    connector: jira
    url: http://127.0.0.1:9
    auth: {bearer: {token: plain}}
flows:
  incidents:
    type: incident
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-isue, with: {project: OPS, issuetype: Incident}}
    create: {in: [jira, crm]}
"""
PLACE = re.compile(r"^(?P<file>[^:]+\.yaml):(?P<line>\d+):(?P<column>\d+): error\[(?P<rule>[a-z-]+)\]: .+")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "lockstep.yaml"
    file.write_text(SEVERAL)
    return file


async def test_check_tells_every_problem_at_once_with_its_place(broken: Path) -> None:
    said = await lockstep("check", cwd=broken.parent)
    assert said.code == 11, said
    found = [PLACE.match(line) for line in said.out.splitlines()]
    assert all(found), said.out
    lines = {int(match["line"]) for match in found if match}
    assert {2, 3, 6, 8, 9} <= lines, said.out
    assert said.err == f"{len(found)} problems\n"
    told = await lockstep("check", "--json", cwd=broken.parent)
    assert told.code == 11
    assert told.document() == {"problems": said.out.splitlines(), "connections": []}


async def test_run_refuses_to_start_with_the_same_problems(broken: Path) -> None:
    checked = await lockstep("check", cwd=broken.parent)
    said = await lockstep("run", cwd=broken.parent)
    assert (said.code, said.out) == (11, "")
    assert said.err.splitlines() == checked.out.splitlines()
    assert not (broken.parent / "data").exists(), "nothing is made by a start that is refused"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("lockstep: 1\nname: [a\nflows: {", "3:"),
        ("\tlockstep: 1\n", "1:1"),
        ("lockstep: 1\nname: a\nname: b\n", "3:1"),
        ("- a list\n", "1:1"),
        ("", "1:1"),
        ("lockstep: 1\nname: \x07\n", ""),
    ],
)
async def test_broken_yaml_has_a_place_too(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "lockstep.yaml").write_text(text)
    said = await lockstep("check", cwd=tmp_path)
    assert said.code == 11, said
    assert said.out.splitlines()[0].startswith(f"lockstep.yaml:{place}"), said.out
    assert "Traceback" not in said.err


async def test_without_a_configuration_or_a_gateway(tmp_path: Path) -> None:
    for word in ("now", "check", "run"):
        said = await lockstep(word, cwd=tmp_path)
        assert (said.code, said.out) == (11, ""), (word, said)
        assert "lockstep.yaml is not there" in said.err
    write_config(tmp_path, snow=NOWHERE, jira=NOWHERE)
    for words in (("now", "--json"), ("case", "list"), ("record", "why", "snow", "INC1"), ("case", "retry", "1")):
        said = await lockstep(*words, cwd=tmp_path)
        assert (said.code, said.out) == (8, ""), (words, said)
        assert "start the gateway once: lockstep run" in said.err
    assert not (tmp_path / "gateway").exists(), "looking makes nothing"


async def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    extra = f"database: postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing"
    write_config(tmp_path, snow=NOWHERE, jira=NOWHERE, extra=extra)
    said = await lockstep("now", cwd=tmp_path)
    assert (said.code, said.out) == (8, ""), said
    assert said.err.startswith("the database cannot be used now")
    assert said.err.count("\n") == 1


async def test_a_good_configuration_and_what_its_connections_prove(tmp_path: Path, both: Sites) -> None:
    file, _ = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    said = await lockstep("check", cwd=tmp_path)
    assert (said.code, said.out, said.err) == (0, "", "lockstep.yaml: no problems\n")
    said = await lockstep("check", "--connections", "--json", cwd=tmp_path)
    assert said.code == 0, said
    assert {row["connection"] for row in said.document()["connections"]} == {"snow", "jira"}
    await both.arm("jira", "bad_credentials")
    said = await lockstep("check", "--connections", "--config", str(file), cwd=tmp_path)
    assert said.code == 1, said
    assert said.err.splitlines()[-1] == "a connection failed its check"
    assert any(row.startswith("jira\t") and "\tno\t" in row for row in said.out.splitlines())


async def test_a_port_in_use_is_told_in_a_sentence(tmp_path: Path, both: Sites) -> None:
    """It is found only when everything else has started: what had started is stopped again."""
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, flow=FLOW)
    file.write_text(file.read_text().replace(url.removeprefix("http://"), both.snow.url.removeprefix("http://")))
    said = await lockstep("run", cwd=tmp_path)
    assert said.code == 11, said
    assert "Traceback" not in said.err
    assert both.snow.url.removeprefix("http://") in said.err


async def test_what_needs_no_configuration(tmp_path: Path) -> None:
    said = await lockstep("help", "exit-codes", "--json", cwd=tmp_path)
    codes = {row["code"]: row["meaning"] for row in said.document()}
    assert (codes[7], codes[8], codes[11]) == (
        "not found",
        "gateway or its database not reachable",
        "configuration invalid",
    )
    said = await lockstep("help", "exit-codes", cwd=tmp_path)
    assert "8\tgateway or its database not reachable" in said.out.splitlines()
    assert (await lockstep("version", "--json", cwd=tmp_path)).document().keys() == {"lockstep", "python", "system"}
    for words in (("nothing-like-it",), ("case", "shout"), ("now", "--loud")):
        said = await lockstep(*words, cwd=tmp_path)
        assert (said.code, said.out) == (2, ""), (words, said)
    forced = environment(FORCE_COLOR="", TERM="xterm-256color")
    assert "\x1b" not in (await lockstep("case", "--help", cwd=tmp_path, env=forced)).out


async def test_stand_ins_run_until_interrupted(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *LOCKSTEP, "sandbox", "--data", str(tmp_path / "made"), cwd=tmp_path, env=environment(), stdout=-1, stderr=-1
    )
    assert process.stdout is not None
    try:
        ready = [(await asyncio.wait_for(process.stdout.readline(), SLOW_S)).decode().split() for _ in range(2)]
        assert [(word, system) for word, system, _ in ready] == [("ready", "jira"), ("ready", "servicenow")]
        async with aiohttp.ClientSession() as http, http.get(f"{ready[0][2]}/_sandbox/health") as answer:
            assert json.loads(await answer.read()) == {"system": "jira", "objects": 0}
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), SLOW_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
    said = await lockstep("sandbox", "crm", cwd=tmp_path)
    assert said.code == 2
    assert said.err.startswith("no stand-in for crm; there are jira, servicenow, ")
