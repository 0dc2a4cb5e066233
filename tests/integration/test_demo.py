"""The demo as people run it: a short run with a kill, and its evidence judged again with something taken out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from connectors.sandbox import start
from gateway.cli.exits import Code
from gateway.demo.evidence import Entry, Evidence, Side
from gateway.demo.gather import evidence
from gateway.demo.judge import judge
from gateway.demo.stand_ins import SYSTEMS, StandIn
from gateway.demo.terms import carried_comments, load_terms
from gateway.demo.verdict import Kind
from gateway.demo.watch import Watch
from gateway.storage.database import Database

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "gateway.cli.main", "demo"]
SUMMARY = {"changes", "commands", "records", "in_step", "duplicates", "lost_edits", "order_violations", "cases"}
SUMMARY |= {"seed", "elapsed_s", "kills", "outages", "violations"}


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    return kept | {"PYTHONPATH": str(REPOSITORY)}


def processes_of(directory: Path) -> list[int]:
    """Processes whose command line names this directory."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in part for part in process.info["cmdline"] or ())
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    options = ["--for", "6s", "--edits", "12", "--kills", "1", "--outage", "snow:1s", "--seed", "11", "--json"]
    done = subprocess.run(
        [*COMMAND, *options, "--data", str(home)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=170,
    )
    yield home, done
    assert processes_of(home) == []


@pytest.fixture
async def found(run: tuple[Path, subprocess.CompletedProcess[str]]) -> AsyncIterator[Evidence]:
    """The evidence of that run, read again from what it left behind."""
    home, _ = run
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stand_ins = {}
        for connection, system in SYSTEMS.items():
            running = await start(system, data=home / f"{system}.db")
            stack.push_async_callback(running.stop)
            stand_ins[connection] = StandIn(connection, running.url, http)
        database = Database(f"sqlite+aiosqlite:///{home / 'gateway' / 'lockstep.db'}", pool_size=1)
        stack.push_async_callback(database.close)
        terms = load_terms()
        yield await evidence(Watch(stand_ins), stand_ins, terms, carried_comments(terms), database)


def test_it_ends_well(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home, done = run
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    summary = json.loads(done.stdout)
    assert set(summary) >= SUMMARY
    assert summary["records"] == summary["in_step"] > 3
    assert summary["changes"] > 20
    assert (summary["kills"], summary["outages"]) == (1, ["snow:1s"])
    assert done.stdout.count("\n") == 1
    assert (home / "lockstep.yaml").exists()  # a directory that was named is kept


def test_it_tells_its_story_on_stderr(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    told = run[1].stderr
    for chapter in range(1, 6):
        assert f"\n{chapter}. " in told
    assert "the gateway is killed (SIGKILL), 1 of 1" in told
    assert "lockstep record show snow INC0010001" in told
    assert "\x1b" not in told


def test_the_same_evidence_gives_the_same_verdict(run: tuple[Path, Any], found: Evidence) -> None:
    said = json.loads(run[1].stdout)
    again = judge(found)
    assert again.ok
    assert (again.changes, again.commands, again.records) == (said["changes"], said["commands"], said["records"])


def test_without_the_ledger_the_loser_of_the_clash_is_missed(found: Evidence) -> None:
    verdict = judge(replace(found, ledger=()))
    assert verdict.count(Kind.LOST_EDIT) >= 1


def test_a_write_of_the_gateway_taken_out_is_missed(found: Evidence) -> None:
    """Takes away one write, and what it left on the object: as if the gateway had forgotten it."""
    jira = next(side for side in found.sides if side.connection == "jira")
    written = [entry for entry in jira.log if _carries_a_text(entry)]
    assert written
    missing = 0
    for entry in written:
        rest = replace(jira, log=tuple(other for other in jira.log if other is not entry))
        missing += judge(_with(found, rest)).count(Kind.LOST_EDIT)
    # Not each of them is missed: a text may have been replaced by a person before anybody else saw it.
    assert missing >= 1


def test_a_create_of_the_gateway_done_twice_is_seen(found: Evidence) -> None:
    jira = next(side for side in found.sides if side.connection == "jira")
    made = next(entry for entry in jira.log if entry.kind == "create" and not entry.by_human)
    twice = replace(made, id="99999", key="OPS-99999", seq=jira.log[-1].seq + 1)
    assert judge(_with(found, replace(jira, log=(*jira.log, twice)))).count(Kind.DUPLICATE) == 1


def test_a_comment_copied_twice_is_seen(found: Evidence) -> None:
    copied = [(side, entry) for side in found.sides for entry in side.log if entry.comment and not entry.by_human]
    side, entry = copied[0]
    assert entry.comment is not None
    again = replace(entry, seq=side.log[-1].seq + 1, comment=replace(entry.comment, id="99999"))
    assert judge(_with(found, replace(side, log=(*side.log, again)))).count(Kind.DUPLICATE) == 1


def _carries_a_text(entry: Entry) -> bool:
    return entry.kind == "update" and not entry.by_human and "description" in entry.after.get("fields", {})


def _with(found: Evidence, changed: Side) -> Evidence:
    sides = tuple(changed if side.connection == changed.connection else side for side in found.sides)
    return replace(found, sides=sides)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_leaves_nothing_behind_when_interrupted(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    demo = await asyncio.create_subprocess_exec(
        *COMMAND, "--data", str(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert demo.stderr is not None
    async with asyncio.timeout(120):
        while b"1. An incident" not in await demo.stderr.readline():
            assert demo.returncode is None
        assert len(processes_of(home)) >= 3
        demo.send_signal(how)
        _, said = await demo.communicate()
    assert demo.returncode == Code.INTERRUPTED
    assert b"interrupted" in said
    assert processes_of(home) == []
