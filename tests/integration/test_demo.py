"""The demo as people run it: a short run with a kill, and its evidence judged again with something taken out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from connectors.sandbox import start
from gateway.cli.exits import Code
from gateway.demo.cast import Cast
from gateway.demo.clerks import Holding
from gateway.demo.comments import HANDED_OVER
from gateway.demo.departed import Certified, Departed, departure_violations
from gateway.demo.evidence import Entry, Evidence, Side
from gateway.demo.flows import TODO
from gateway.demo.gather import evidence
from gateway.demo.judge import judge
from gateway.demo.leaver import COLLEAGUE, WHO
from gateway.demo.records import texts
from gateway.demo.stand_ins import CRM, DIR, HR, HUB, JIRA, NAMES, PAIR, SNOW, SYSTEMS, StandIn
from gateway.demo.terms import load_terms
from gateway.demo.verdict import Kind
from gateway.demo.watch import Watch
from gateway.storage.database import Database
from tests.support.waiting import until

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "gateway.cli.main", "demo"]
SUMMARY = {"changes", "commands", "records", "in_step", "duplicates", "lost_edits", "order_violations", "cases"}
SUMMARY |= {"seed", "elapsed_s", "kills", "outages", "violations", "systems", "tasks", "leaver"}


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
    options = ["--for", "6s", "--edits", "12", "--kills", "2", "--outage", "snow:1s", "--seed", "11", "--json"]
    done = subprocess.run(
        [*COMMAND, *options, "--data", str(home)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=240,
    )
    yield home, done
    assert processes_of(home) == []


@pytest.fixture(scope="module")
def found(run: tuple[Path, subprocess.CompletedProcess[str]]) -> Evidence:
    """The evidence of that run, read again from what it left behind; once for all tests, which only look at it."""
    return asyncio.run(_read_again(run[0]))


async def _read_again(home: Path) -> Evidence:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stand_ins = {}
        for connection, system in SYSTEMS.items():
            running = await start(system, data=home / f"{system}.db")
            stack.push_async_callback(running.stop)
            stand_ins[connection] = StandIn(connection, running.url, http)
        database = Database(f"sqlite+aiosqlite:///{home / 'gateway' / 'lockstep.db'}", pool_size=1)
        stack.push_async_callback(database.close)
        return await evidence(Watch(stand_ins), stand_ins, load_terms(), database)


def test_it_ends_well(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home, done = run
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    summary = json.loads(done.stdout)
    assert set(summary) >= SUMMARY
    assert summary["records"] == summary["in_step"] > 3
    assert summary["changes"] > 20
    assert (summary["kills"], summary["outages"]) == (2, ["snow:1s"])
    assert list(summary["systems"]) == list(NAMES.values())
    assert all(each["edits"] and each["writes"] for each in summary["systems"].values()), "somebody was not there"
    assert summary["changes"] == sum(each["edits"] for each in summary["systems"].values())
    assert summary["tasks"] == 10
    assert done.stdout.count("\n") == 1
    assert (home / "lockstep.yaml").exists()  # a directory that was named is kept


def test_whoever_left_has_nothing_and_it_is_proved(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home, done = run
    left = json.loads(done.stdout)["leaver"]
    assert (left["person"], left["systems"], left["left"]) == ("ivy", 5, 0)
    assert left["rights"] >= 7 and left["work"] >= 10, "she had something of everything"
    assert set(left["gone_after_s"]) == {SNOW, JIRA, HUB, CRM, DIR} and left["down"] == "crm:5s"
    proof = left["certificate"]
    verify = [*COMMAND[:-1], "leaver", "verify", proof["file"], "--key", proof["fingerprint"], "--json"]
    told = subprocess.run(verify, capture_output=True, text=True, check=False, env=environment(), timeout=60)
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert (said["signed"], said["key"], said["proved"]) == (True, "trusted", True)
    by_hand = [each for each in said["certificate"]["steps"] if each["state"] == "by_hand"]
    assert [(each["connection"], each["kind"]) for each in by_hand] == [(JIRA, "account")]
    assert (home / Path(proof["file"]).name).exists()


async def test_what_the_systems_say_of_her_is_what_is_judged(
    run: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """On a copy of what the run left behind: nothing is hers; given one group again, that is what the judge sees."""
    home = tmp_path / "copy"
    shutil.copytree(run[0], home, ignore=shutil.ignore_patterns("gateway", "logs"))
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stand_ins = {}
        for connection, system in SYSTEMS.items():
            running = await start(system, data=home / f"{system}.db")
            stack.push_async_callback(running.stop)
            stand_ins[connection] = StandIn(connection, running.url, http)
        clerks = Cast.of(stand_ins, http).clerks
        after, has = await clerks.has(WHO), await clerks.has(COLLEAGUE)
        assert all(held.nothing for held in after.values()), after
        before = {name: Holding(True, frozenset({"any"}), held.work) for name, held in has.items()}
        times = dict.fromkeys(after, 1.0)
        proof = Certified("x", signed=True, problems=(), fingerprint="")
        left = Departed(WHO, COLLEAGUE, before, after, has, has, times, 120.0, "", proof)
        assert list(departure_violations(left)) == []
        (group,) = [each for each in has[DIR].rights if each.startswith("group ")]
        api = clerks.dir.api
        found = await api.call("admin", "GET", "/scim/v2/Groups?count=100")
        (team,) = [each for each in found["Resources"] if group == f"group {each['displayName']}"]
        member = {"value": (await clerks.dir.user(WHO))["id"]}
        change = {"op": "add", "path": "members", "value": [member]}
        patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]}
        await api.call("admin", "PATCH", f"/scim/v2/Groups/{team['id']}", patch)
        again = replace(left, after=await clerks.has(WHO))
        assert [(each.kind, each.value) for each in departure_violations(again)] == [(Kind.LEFT_BEHIND, group)]


def test_it_tells_its_story_on_stderr(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    told = run[1].stderr
    for chapter in range(1, 11):
        assert f"\n{chapter}. " in told
    assert "the gateway is killed (SIGKILL), 1 of 2" in told
    leaving = told[told.index("Somebody leaves who has something everywhere") :]
    assert "the gateway is killed (SIGKILL), 2 of 2" in leaving, "one kill is kept for the departure"
    assert "lockstep record show snow INC0010001" in told
    assert "not seen within" not in told
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
    jira = side_of(found, "jira")
    written = [entry for entry in jira.log if _carries_a_text(entry)]
    assert written
    # Not each of them is missed: a text may have been replaced by a person before anybody else saw it.
    assert sum(judge(without(found, jira, entry)).count(Kind.LOST_EDIT) for entry in written) >= 1


@pytest.mark.parametrize("connection", [*SYSTEMS, TODO])
def test_in_each_system_whatever_was_made_or_said_is_missed_when_it_is_not_there(
    found: Evidence, connection: str
) -> None:
    effects = [(side, entry) for side, entry in written_in(found, connection) if _is_missed(connection, entry)]
    assert effects
    for side, entry in effects:
        assert not judge(without(found, side, entry)).ok, f"nobody misses {entry}"


@pytest.mark.parametrize("connection", [*SYSTEMS, TODO])
def test_in_each_system_whatever_was_made_or_said_twice_is_seen(found: Evidence, connection: str) -> None:
    effects = [(side, entry) for side, entry in written_in(found, connection) if entry.kind in {"create", "comment"}]
    assert effects or connection == HR, "nobody is made in BambooHR"
    for side, entry in effects:
        assert judge(with_again(found, side, entry)).count(Kind.DUPLICATE) >= 1, f"nobody sees two of {entry}"


def _carries_a_text(entry: Entry) -> bool:
    return entry.kind == "update" and not entry.by_human and "description" in entry.after.get("fields", {})


def _is_missed(connection: str, entry: Entry) -> bool:
    """Where people edit at random, a value may have been replaced before anybody missed it. Of whoever has left the
    systems are asked, and nobody has to be told of it.
    """
    of_the_departure = (entry.comment is not None and (entry.comment.origin or "").startswith(HANDED_OVER)) or (
        connection in (CRM, DIR) and any(f"{WHO}@example.com" in text for text in (entry.key, *texts(entry.after)))
    )
    return not of_the_departure and (connection not in PAIR or entry.kind != "update")


def side_of(found: Evidence, connection: str) -> Side:
    return next(side for side in found.sides if side.connection == connection)


def written_in(found: Evidence, connection: str) -> list[tuple[Side, Entry]]:
    sides = [side for side in found.sides if side.connection == connection]
    return [(side, entry) for side in sides for entry in side.log if not entry.by_human]


def without(found: Evidence, side: Side, entry: Entry) -> Evidence:
    """As if the gateway had not written this: neither the line is there nor what it left."""
    if entry.kind == "create":
        log = tuple(other for other in side.log if other.id != entry.id)
        objects = tuple(one for one in side.objects if one.id != entry.id)
    else:
        log = tuple(other for other in side.log if other is not entry)
        objects = tuple(
            replace(one, raw={**one.raw, **entry.before}) if one.id == entry.id and "fields" not in one.raw else one
            for one in side.objects
        )
    return _with(found, side, replace(side, log=log, objects=objects))


def with_again(found: Evidence, side: Side, entry: Entry) -> Evidence:
    """As if the gateway had made the object, or said the comment, a second time."""
    again = replace(entry, seq=side.log[-1].seq + 1)
    if entry.comment:
        again = replace(again, comment=replace(entry.comment, id="99999"))
    else:
        again = replace(again, id="99999", key=f"{entry.key}9")
    return _with(found, side, replace(side, log=(*side.log, again)))


def _with(found: Evidence, old: Side, new: Side) -> Evidence:
    flows = tuple(
        replace(flow, sides=tuple(new if side is old else side for side in flow.sides)) for flow in found.flows
    )
    chores = found.chores
    assert chores is not None
    if chores.side is old:
        chores = replace(chores, side=new)
    return replace(found, flows=flows, chores=chores)


@pytest.mark.parametrize(
    ("how", "begun", "processes"),
    [(signal.SIGINT, b"1. An incident", 4), (signal.SIGTERM, b"", 1)],
    ids=["in the middle of the story", "while it starts"],
)
async def test_it_leaves_nothing_behind_when_interrupted(
    tmp_path: Path, how: signal.Signals, begun: bytes, processes: int
) -> None:
    home = tmp_path / "home"
    demo = await asyncio.create_subprocess_exec(
        *COMMAND, "--data", str(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert demo.stderr is not None
    async with asyncio.timeout(120):
        while begun and begun not in await demo.stderr.readline():
            assert demo.returncode is None
        await until(lambda: _run(home, demo.pid, processes), what=f"{processes} processes")
        demo.send_signal(how)
        _, said = await demo.communicate()
    assert demo.returncode == Code.INTERRUPTED
    assert b"interrupted" in said
    assert processes_of(home) == []


async def _run(home: Path, demo: int, processes: int) -> bool:
    return len(set(processes_of(home)) - {demo}) >= processes
