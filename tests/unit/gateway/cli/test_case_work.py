"""People's work on cases at a terminal: each verb, what it says, and the exit code."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest

from gateway.access.people import Person, add_person
from gateway.access.rights import Role
from gateway.cli.exits import Code
from gateway.core.sheets import safe_cell
from gateway.storage.database import Database
from tests.unit.gateway.cli.conftest import Run


def with_people(filled: Path, *people: Person) -> None:
    """Somebody else is there, who may agree."""

    async def add() -> None:
        database = Database(f"sqlite+aiosqlite:///{filled.parent / 'gateway' / 'lockstep.db'}")
        async with database.begin() as tx:
            for each in people:
                await add_person(tx, each)
        await database.close()

    asyncio.run(add())


def test_a_case_changes_hands(run: Run, filled: Path) -> None:
    assert run("case", "claim", "FO-1", "--as", "nadia").out == "FO-1 claim (taken)\n"
    assert run("case", "claim", "FO-1", "--as", "nadia").out == "FO-1 claim (taken, as before)\n"
    taken = run("case", "claim", "FO-1", "--as", "bob")
    assert (taken.code, "nadia has it" in taken.err) == (Code.NOT_ALLOWED, True)
    silent = run("case", "assign", "FO-1", "bob", "--as", "bob")
    assert (silent.code, "Give a reason" in silent.err) == (Code.WRONG_USE, True)
    assert run("case", "assign", "FO-1", "bob", "--as", "bob", "--reason", "on call").code == Code.DONE
    assert run("case", "delegate", "FO-1", "cleo", "--as", "bob").code == Code.DONE
    assert "cleo has it" in run("case", "show", "FO-1").out
    assert run("case", "list", "--owner", "cleo", "--json").out.count("FO-1") == 1
    assert "no cases fit" in run("case", "list", "--owner", "bob").err
    assert run("case", "release", "FO-1", "--as", "cleo").out == "FO-1 release (open)\n"


def test_a_case_is_put_aside_and_taken_up(run: Run, filled: Path) -> None:
    wrong = run("case", "park", "FO-1", "--until", "some day")
    assert (wrong.code, "events are: connection:jira" in wrong.err) == (Code.WRONG_USE, True)
    assert run("case", "park", "FO-1", "--until", "7d, deploy").out == "FO-1 park (parked)\n"
    assert "or another version is deployed" in run("case", "show", "FO-1").out
    assert run("case", "list", "--state", "parked", "--json").out.count('"FO-1"') == 1
    assert run("case", "unpark", "FO-1").out == "FO-1 unpark (open)\n"
    assert run("case", "unpark", "FO-1").code == Code.NOT_ALLOWED


def test_what_is_said_of_a_case_is_shown(run: Run, filled: Path, tmp_path: Path) -> None:
    run("case", "note", "FO-1", "the vendor looks", "--as", "nadia")
    run("case", "link", "FO-1", "https://bugs.example/7", "--title", "the bug")
    assert run("case", "link", "FO-1", "javascript:alert(1)").code == Code.WRONG_USE
    log = tmp_path / "vendor.log"
    log.write_text("403 locked")
    attached = json.loads(run("case", "attach", "FO-1", str(log), "--json").out)
    assert run("case", "escalate", "FO-1", "--reason", "the customer waits").code == Code.DONE
    shown = run("case", "show", "FO-1").out
    for told in ("comment by nadia  the vendor looks", "link https://bugs.example/7 the bug", "vendor.log (10 bytes"):
        assert told in shown
    read = tmp_path / "copy.log"
    assert run("case", "file", "FO-1", attached["made"], "--to", str(read)).code == Code.DONE
    assert read.read_text() == "403 locked"
    assert run("case", "file", "FO-1", attached["made"], "--to", str(read)).code == Code.WRONG_USE
    assert run("case", "file", "FO-1", "file_none", "--to", str(tmp_path / "x")).code == Code.NOT_FOUND
    run("case", "link", "FO-1", "https://bugs.example/7", "--remove")
    assert json.loads(run("case", "show", "FO-1", "--json").out)["links"] == []
    assert run("case", "attach", "FO-1", str(tmp_path / "none.txt")).code == Code.WRONG_USE


def test_tasks(run: Run, filled: Path) -> None:
    made = json.loads(run("case", "task", "add", "FO-1", "Ask the owner", "--kind", "contact", "--json").out)["made"]
    assert run("case", "task", "add", "FO-1", "Dance", "--kind", "dance").code == Code.WRONG_USE
    assert run("case", "task", "take", "FO-1", made, "--as", "bob").code == Code.DONE
    assert run("case", "task", "done", "FO-1", made).code == Code.WRONG_USE
    assert run("case", "task", "done", "FO-1", made, "--note", "they agree").code == Code.DONE
    assert f"task {made} done contact Ask the owner (bob): they agree" in run("case", "show", "FO-1").out
    assert run("case", "task", "drop", "FO-1", made, "--note", "x").code == Code.NOT_ALLOWED


def test_groups(run: Run, filled: Path) -> None:
    (group,) = json.loads(run("case", "groups", "--json").out)
    assert (group["count"], group["sample"]) == (1, "FO-1")
    key = json.loads(run("case", "split", "FO-1", "--title", "ours", "--reason", "seen", "--json").out)["group"]
    assert run("case", "groups", "--by", "connection").out.splitlines()[1].startswith("1\t")
    assert run("case", "groups", "--by", "colour").code == Code.WRONG_USE
    assert run("case", "split", "FO-1", "--title", "ours").code == Code.WRONG_USE
    assert run("case", "split", "FO-9", "--title", "ours", "--reason", "x").code == Code.NOT_FOUND
    assert run("case", "merge", key, "--into", key, "--reason", "x").code == Code.WRONG_USE
    assert json.loads(run("case", "show", "FO-1", "--json").out)["grouped"]["title"] == "ours"


def test_a_correction_shows_what_it_writes_first(run: Run, filled: Path) -> None:
    said = run("case", "correct", "FO-1", "--field", "summary", "--new", "mail works", "--reason", "typo", "--plan")
    assert said.code == Code.DONE and "nothing was changed" in said.err
    assert "- mail is stuck" in said.out and "+ mail works" in said.out and "write mail works" in said.out
    correct = ("case", "correct", "FO-1", "--field", "summary", "--new", "mail works", "--reason", "typo")
    assert run(*correct).code == Code.WRONG_USE, "a script has to say --yes"
    done = run(*correct, "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (Code.DONE, "FO-1 is in_run now (version 2)")
    assert "there is no second person here" in done.err
    unknown = run("case", "correct", "FO-1", "--field", "colour", "--new", "x", "--reason", "x", "--yes")
    assert unknown.code == Code.NOT_ALLOWED


def test_a_second_person_is_asked_where_there_is_one(run: Run, filled: Path) -> None:
    with_people(filled, Person(name="bob", roles=frozenset({Role.APPROVER})))
    correct = ("case", "correct", "FO-1", "--field", "summary", "--new", "mail works", "--reason", "typo", "--yes")
    asked = json.loads(run(*correct, "--json").out)
    assert asked["approval"] and asked["state"] == "open"
    assert asked["approval"] in run("case", "approvals").out
    assert "waits for a second person" in run("case", "show", "FO-1").out
    for verb in (("approve", "--yes"), ("reject", "--note", "x")):
        own = run("case", verb[0], asked["approval"], *verb[1:], "--as", "bob")
        assert (own.code, "another person" in own.err) == (Code.NOT_ALLOWED, True), "another name is no other person"
    assert run("case", "withdraw", asked["approval"], "--note", "a mistake").code == Code.DONE
    assert "nothing is pending" in run("case", "approvals").err
    assert run("case", "approve", "ap_none", "--yes").code == Code.NOT_FOUND
    assert run("case", "approve", "ap_none", "--no-input").code == Code.NOT_FOUND


def test_an_export_is_the_filter_and_not_a_page(run: Run, filled: Path) -> None:
    (row,) = [json.loads(line) for line in run("case", "export").out.splitlines()]
    assert (row["number"], row["evidence"]) == ("FO-1", {"status": 403})
    head, row = list(csv.reader(io.StringIO(run("case", "export", "--format", "csv").out)))
    assert dict(zip(head, row, strict=True))["number"] == "FO-1"
    assert run("case", "export", "--owner", "nobody").out == ""
    assert run("case", "export", "--format", "pdf").code == Code.WRONG_USE


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_an_export_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(3) == 3 and safe_cell("plain") == "plain"


def test_numbers_of_the_work(run: Run, filled: Path) -> None:
    run("case", "claim", "FO-1")
    found = json.loads(run("case", "stats", "--json").out)
    assert found["worked"] == {"claim": 1} and found["open"][0]["count"] == 1
    assert "target.refused" in run("case", "stats", "--since", "30d").out


def test_lists_in_other_orders(run: Run, filled: Path) -> None:
    for sort in ("newest", "priority", "due"):
        assert "FO-1" in run("case", "list", "--sort", sort).out
    assert run("case", "list", "--sort", "colour").code == Code.WRONG_USE
    assert run("case", "list", "--sort", "due", "--after", "FO-1").code == Code.WRONG_USE
    assert run("case", "list", "--older", "soon").code == Code.WRONG_USE
    assert run("case", "list", "--watch", "soon").code == Code.WRONG_USE
