"""`lockstep leaver guard`: what was stopped is listed, asked for by one person and done by two."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.cli.exits import Code
from gateway.config.leaver_guard import Guard
from gateway.offboarding.blast import floods
from gateway.offboarding.blast.admitting import Ask, admit
from gateway.storage.database import Database
from gateway.work.trail import note
from tests.unit.gateway.cli.conftest import Run

NOW = 1_900_000_000.0
GUARD = ("leaver", "guard")
ASKED = ("--reason", "checked with HR", "--yes")


@pytest.fixture
def flood(keeps_its_key: Path) -> Database:
    """Three of an import of 500 wait."""
    database = Database(f"sqlite+aiosqlite:///{keeps_its_key.parent}/gateway/lockstep.db")

    async def stop() -> None:
        for number in (1, 2, 3):
            async with database.begin("leaver.begin") as tx:
                asked = Ask(number=number, name=f"Person {number}", batch="hr.csv", of_batch=500)
                await admit(tx, Guard(), asked, now=NOW, note=note)
        await database.close()

    asyncio.run(stop())
    return database


def ask_as(database: Database, name: str, what: str, *numbers: int) -> None:
    """Somebody else, in a browser."""

    async def said() -> None:
        async with database.begin("leaver.guard") as tx:
            by = floods.Decider(name=name, human=f"user:{name}")
            await floods.decide(tx, 1, what, numbers, by=by, reason="seen", now=NOW, note=note)
        await database.close()

    asyncio.run(said())


def test_what_was_stopped_is_listed_and_shown(run: Run, flood: Database) -> None:
    assert "FL-1\t3\t" in run(*GUARD, "list").out
    shown = run(*GUARD, "show", "fl-1").out
    assert "hr.csv tells of 500 people, and 20 may go without asking" in shown
    assert [line.split("\t")[0] for line in shown.splitlines()[2:]] == ["LV-1", "LV-2", "LV-3"]
    assert json.loads(run(*GUARD, "list", "--json").out)[0]["waits"] == 3


def test_two_people_let_them_go(run: Run, flood: Database) -> None:
    assert "Nothing is done before a second person" in run(*GUARD, "allow", "FL-1", "LV-1", "2", *ASKED).out
    assert "allow 2, by " in run(*GUARD, "list").out
    own = run(*GUARD, "allow", "FL-1", *ASKED)
    assert (own.code, own.out) == (Code.NOT_ALLOWED, "")
    ask_as(flood, "eve", "refuse", 1, 2, 3)
    done = run(*GUARD, "refuse", "FL-1", "--yes")
    assert (done.code, done.out) == (Code.DONE, "FL-1  3 will not begin, 0 still wait\n")
    assert run(*GUARD, "list").err.endswith("no departures are stopped\n")
    assert "FL-1" in run(*GUARD, "list", "--all").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("allow", "FL-9", *ASKED), Code.NOT_FOUND),
        (("allow", "flood", *ASKED), Code.NOT_FOUND),
        (("allow", "FL-1", "LV-x", *ASKED), Code.WRONG_USE),
        (("allow", "FL-1", "LV-77", *ASKED), Code.NOT_ALLOWED),
        (("refuse", "FL-1", "--yes"), Code.WRONG_USE),
    ],
)
def test_what_is_no_decision_is_told(run: Run, flood: Database, arguments: tuple[str, ...], code: Code) -> None:
    said = run(*GUARD, *arguments)
    assert (said.code, said.out) == (code, "")
