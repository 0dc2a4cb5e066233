"""Connections held and let go at a terminal, and the audit trail read there: what is said, and the exit codes."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.exits import Code
from gateway.work import audit_trail
from tests.unit.gateway.cli.conftest import Run

WHY = ("--reason", "their upgrade")


def paused(run: Run, name: str = "jira") -> list[dict[str, str]]:
    found = json.loads(run("connection", "list", "--json").out)
    return next(list(each["paused"]) for each in found if each["name"] == name)


def test_a_connection_is_held_and_let_go(run: Run, filled: Path) -> None:
    said = run("connection", "pause", "jira", "--for", "2h", *WHY)
    assert said.code == Code.DONE
    assert [line.partition(" until")[0] for line in said.out.splitlines()] == [
        "jira is paused on the way in",
        "jira is paused on the way out",
    ]
    assert said.out.count("their upgrade") == 2
    assert "lockstep connection resume jira" in said.err
    assert {each["direction"] for each in paused(run)} == {"in", "out"}
    assert "in until" in run("connection", "list").out
    assert run("connection", "resume", "jira", "--direction", "in").out.startswith("jira is paused on the way out")
    assert run("connection", "resume", "jira").out == "jira is not paused\n"
    assert run("connections", "resume", "jira").code == Code.DONE
    assert paused(run) == []


def test_the_end_is_a_span_or_a_time(run: Run, filled: Path) -> None:
    at = datetime.fromtimestamp(int(time.time()) + 3600, UTC)
    said = run("connection", "pause", "snow", "--direction", "out", "--until", at.isoformat(), *WHY, "--json")
    found = json.loads(said.out)
    assert [(each["direction"], each["until"]) for each in found["paused"]] == [("out", at.timestamp())]
    again = run("connection", "pause", "snow", "--direction", "out", "--for", "3h", "--reason", "longer", "--json")
    assert [each["reason"] for each in json.loads(again.out)["paused"]] == ["longer"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("jira", *WHY), Code.WRONG_USE, "--for 2h"),
        (("jira", "--for", "2h", "--until", "2030-01-01", *WHY), Code.WRONG_USE, "--for 2h"),
        (("jira", "--for", "2", *WHY), Code.WRONG_USE, "--for 2"),
        (("jira", "--until", "2h", *WHY), Code.WRONG_USE, "a time like"),
        (("jira", "--for", "2h"), Code.WRONG_USE, "--reason"),
        (("jira", "--for", "2h", "--direction", "up", *WHY), Code.WRONG_USE, "in, out and both"),
        (("nobody", "--for", "2h", *WHY), Code.NOT_FOUND, "jira, snow"),
        (("jira", "--for", "31d", *WHY), Code.NOT_ALLOWED, "30 days"),
        (("jira", "--until", "2020-01-01", *WHY), Code.NOT_ALLOWED, "30 days"),
    ],
)
def test_what_is_no_pause_is_told(run: Run, filled: Path, arguments: tuple[str, ...], code: Code, words: str) -> None:
    said = run("connection", "pause", *arguments)
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert paused(run) == []


def test_the_trail_is_read_and_the_reading_is_in_it(run: Run, filled: Path) -> None:
    run("connection", "pause", "jira", "--for", "2h", *WHY)
    run("connection", "resume", "jira", "--reason", "done")
    found = json.loads(run("audit", "list", "--about", "jira", "--json").out)
    assert [each["kind"] for each in found["entries"]] == ["connection_resumed", "connection_paused"]
    assert found["entries"][1]["detail"]["reason"] == "their upgrade"
    lines = run("audit", "list", "--what", "audit_read").out.splitlines()
    names = ["seq", "at", "actor", "what", "connection", "record", "cause", "outcome", "risk", "detail"]
    assert lines[0].split("\t") == names
    assert "jira" in lines[-1], "who read, and with which filter"
    nothing = run("audit", "list", "--who", "nobody at all")
    assert (nothing.code, "nothing fits" in nothing.err) == (Code.DONE, True)
    assert run("audit", "list", "--until", "yesterday").code == Code.WRONG_USE


def test_a_long_trail_is_read_in_parts(run: Run, filled: Path) -> None:
    for _ in range(5):
        run("connection", "pause", "jira", "--for", "2h", *WHY)
    seen: list[str] = []
    below = ""
    for count in (2, 2, 1):
        page = json.loads(run("audit", "list", "--what", "paused", "--limit", "2", "--json", "--below", below).out)
        assert len(page["entries"]) == count
        seen += [each["id"] for each in page["entries"]]
        below = page["next"]
    assert below == "" and len(set(seen)) == 5
    assert "--below" in run("audit", "list", "--limit", "2").err


def test_an_export_of_many_pages_is_one_row_of_the_trail(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        run("connection", "pause", "jira", "--for", "2h", *WHY)
    monkeypatch.setattr(audit_trail, "PAGE", 1)
    *rows, end = map(json.loads, run("audit", "export", "--what", "paused").out.splitlines())
    assert [each["kind"] for each in rows] == ["connection_paused"] * 3
    assert (end["rows"], end["head"]["seq"], len(end["head"]["link"])) == (3, rows[0]["seq"], 64)
    sheet = list(csv.reader(run("audit", "export", "--what", "audit_exported", "--format", "csv").out.splitlines()))
    assert [row[-3] for row in sheet] == ["outcome", "applied", "applied", ""], "one entry for each export, and its end"
    assert sheet[-1][0] == "chain"


def test_an_entry_is_shown_with_what_closes_it(run: Run, filled: Path) -> None:
    run("audit", "export")
    found = json.loads(run("audit", "list", "--what", "audit_exported", "--json").out)["entries"]
    said = run("audit", "show", str(found[1]["seq"]))
    assert (said.code, found[1]["ended"]) == (Code.DONE, "applied")
    assert found[0]["id"] in said.out and "local:" in said.out
    assert run("audit", "show", "4711").code == Code.NOT_FOUND
    assert run("audit", "list", "--risk", "enormous").code == Code.WRONG_USE
    assert json.loads(run("audit", "list", "--outcome", "open", "--json").out)["entries"] == []
