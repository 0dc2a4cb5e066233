"""Flags about the answer: fields, lines, watching, completion; and what is told of the audit trail."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from gateway.cli.audit import in_words
from gateway.cli.exits import Code, Ending
from gateway.cli.output import data, table
from gateway.cli.watching import watch
from tests.cli.conftest import Typist


def test_only_some_columns(here: Typist, there: Typist) -> None:
    for typed in (here, there):
        said = typed("case", "list", "--fields", "number,state", "--limit", "2")
        assert said.out.splitlines()[0] == "number\tstate"
        assert {len(line.split("\t")) for line in said.out.splitlines()} == {2}
        said = typed("case", "list", "--fields", "number,nose")
        assert (said.code, "--fields nose: there are number, state" in said.err) == (2, True)
        found = json.loads(typed("case", "list", "--json", "--fields", "number,owner", "--limit", "1").out)
        assert [set(each) for each in found] == [{"number", "owner"}]
        assert set(json.loads(typed("case", "show", "FO-1", "--fields", "number,state").out)) == {"number", "state"}


def test_a_document_on_a_line_for_each_item(here: Typist, there: Typist) -> None:
    for typed in (here, there):
        lines = typed("case", "list", "--jsonl", "--fields", "number").out.splitlines()
        assert json.loads(lines[0]) == {"number": "FO-10"} and len(lines) == 10
        assert len(typed("connection", "list", "--jsonl").out.splitlines()) == 2
        assert len(typed("case", "show", "FO-1", "--jsonl").out.splitlines()) == 1
        entries = [json.loads(line) for line in typed("audit", "list", "--jsonl", "--limit", "1").out.splitlines()]
        assert [each["kind"] for each in entries] == ["audit_read"]


class Turns:
    """A watched command: what it shows each time, until it is interrupted."""

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)

    def __call__(self) -> None:
        turn = self.turns.pop(0)
        if isinstance(turn, Ending):
            raise turn
        table(turn, ("number", "state", "age"))

    def rest(self, seconds: float) -> None:
        if not self.turns:
            raise KeyboardInterrupt


def row(number: int, state: str = "open", age: str = "1 s") -> dict[str, Any]:
    return {"number": number, "state": state, "age": age}


def watched(*turns: Any) -> Code:
    command = Turns(*turns)
    with pytest.raises(Ending) as ended:
        watch(command, 0.0, rest=command.rest)
    return ended.value.code


def test_in_a_pipe_what_is_new_or_moved_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code = watched([row(1)], [row(1, age="2 s")], [row(1, "taken"), row(2)], [row(1, "taken")])
    assert code is Code.DONE
    assert capsys.readouterr().out.splitlines() == [
        "number\tstate\tage",
        "1\topen\t1 s",
        "1\ttaken\t1 s",
        "2\topen\t1 s",
    ]


def test_a_gateway_that_goes_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    gone = Ending(Code.NOT_REACHABLE, "it is away")
    assert watched([row(1)], gone, gone, [row(1)], [row(1, "taken")]) is Code.DONE
    said = capsys.readouterr()
    assert (said.err, said.out.count("1\topen")) == ("it is away\n", 1)
    assert watched([row(1)], gone) is Code.NOT_REACHABLE, "the exit code of the last state"


def test_wrong_use_is_not_repeated() -> None:
    assert watched(Ending(Code.WRONG_USE, "no such state"), [row(1)]) is Code.WRONG_USE


def test_on_a_terminal_it_is_drawn_anew(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    command = Turns(*[[row(1)]] * 2)
    with pytest.raises(Ending):
        watch(lambda: data(str(command.turns.pop())), 0.0, rest=command.rest)
    assert capsys.readouterr().out.count("\x1b[2J\x1b[H") == 2


def test_a_detail_of_the_trail_in_words(here: Typist, there: Typist) -> None:
    detail = {
        "action": "close",
        "reason": "seen to",
        "version": 3,
        "proof": "",
        "filter": {"who": "ada", "since": 1_800_000_000.0},
        "planned": True,
        "items": [{"a": 1}, {"a": 2}],
    }
    words = in_words(detail)
    assert words == (
        "action close, reason seen to, version 3, filter: who ada, since 2027-01-15 08:00:00Z, planned, items a 1; a 2"
    )
    for typed in (here, there):
        typed("case", "close", "FO-2", "--reason", "seen to")
        said = typed("audit", "list", "--what", "case_decided")
        assert "reason seen to" in said.out and "{" not in said.out


def test_completion_knows_the_flags(here: Typist) -> None:
    env = {"_LOCKSTEP_COMPLETE": "complete_bash", "COMP_WORDS": "lockstep case list --", "COMP_CWORD": "3"}
    said = here("case", "list", "--", env=env)
    for flag in ("--url", "--ca-file", "--watch", "--fields", "--jsonl"):
        assert flag in said.out.split()
