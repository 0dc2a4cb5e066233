"""Tasks that somebody's start and somebody's leaving make: each once, for the right person, and none besides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gateway.demo.chores import chore_violations
from gateway.demo.evidence import CaseRow, Chores, Entry, Object, Side
from gateway.demo.verdict import Kind
from tests.unit.gateway.demo.world import FakeMapping, FakeRule

HR = FakeMapping(
    {
        "given_name": FakeRule("text", "first"),
        "active": FakeRule("enum", "status", {"Active": True, "Inactive": False}),
    }
)
TODO = FakeMapping({"summary": FakeRule("text", "summary")})
DUE = {True: ("Account", "Laptop"), False: ("Close",)}
KIM: dict[str, Any] = {"first": "Kim", "title": "Engineer (ref d1-1)", "status": "Active"}


@dataclass
class Board:
    """What HR said, and the tasks that were made of it."""

    said: list[Entry] = field(default_factory=list)
    made: list[Entry] = field(default_factory=list)
    cases: list[CaseRow] = field(default_factory=list)

    def hires(self, id: str, **fields: Any) -> Board:
        return self._log(self.said, id, "create", True, KIM | fields)

    def ends(self, id: str) -> Board:
        return self._log(self.said, id, "update", True, {"status": "Inactive"}, {"status": "Active"})

    def makes(self, summary: str, *, kind: str = "create", by_human: bool = False, of: str = "d1-1") -> Board:
        id = str(len(self.made) + 1)
        return self._log(self.made, id, kind, by_human, {"summary": summary, "description": f"Engineer (ref {of})"})

    def touches(self, id: str, *, by_human: bool) -> Board:
        return self._log(self.made, id, "update", by_human, {"summary": "done"}, {"summary": "open"})

    def broken(self) -> list[tuple[Kind, str]]:
        objects = tuple(Object(entry.id, entry.key, entry.after) for entry in self.made if entry.kind == "create")
        side = Side("todo", TODO, tuple(self.made), objects)
        chores = Chores(Side("hr", HR, tuple(self.said), ()), side, "active", DUE)
        return [(found.kind, found.object) for found in chore_violations(chores, self.cases)]

    def _log(self, log: list[Entry], id: str, kind: str, by_human: bool, after: Any, before: Any = None) -> Board:
        entry = Entry(len(log) + 1, 1.0 + len(log), id, f"K-{id}", by_human, "", kind, before or {}, after)
        log.append(entry)
        return self


def started() -> Board:
    return Board().hires("101").makes("Account: Kim Lee").makes("Laptop: Kim Lee")


def left() -> Board:
    return started().ends("101").makes("Close: Kim Lee")


def test_a_start_and_a_leaving_with_their_tasks() -> None:
    assert started().broken() == left().broken() == Board().broken() == []


def test_people_may_do_what_they_like_with_tasks_and_make_their_own() -> None:
    assert started().touches("1", by_human=True).makes("Cake: Kim", by_human=True).broken() == []


def test_each_task_that_is_missing_is_told_unless_a_case_holds_it() -> None:
    assert Board().hires("101").makes("Account: Kim Lee").broken() == [(Kind.OUT_OF_STEP, "hr K-101")]
    board = started().ends("101")
    assert board.broken() == [(Kind.OUT_OF_STEP, "hr K-101")]
    board.cases.append(CaseRow("FO-1", frozenset({("hr", "101")})))
    assert board.broken() == []


def test_a_task_made_twice() -> None:
    assert left().makes("Laptop: Kim Lee").broken() == [(Kind.DUPLICATE, "todo K-4")]


def test_a_task_that_nothing_asks_for() -> None:
    assert started().makes("Close: Kim Lee").broken() == [(Kind.INVENTED, "todo K-3")]
    assert started().makes("Laptop: Kim Lee", of="d1-9").broken() == [(Kind.INVENTED, "todo K-3")]


def test_a_task_with_the_wrong_name_on_it() -> None:
    board = Board().hires("101").makes("Account: Kim Lee").makes("Laptop: Bo Lee")
    assert board.broken() == [(Kind.OUT_OF_STEP, "hr K-101"), (Kind.INVENTED, "todo K-2")]


def test_a_task_that_the_gateway_goes_on_writing_to() -> None:
    assert started().touches("2", by_human=False).broken() == [(Kind.INVENTED, "todo K-2")]


def test_two_people_have_their_own_tasks() -> None:
    board = started().hires("102", first="Bo", title="Clerk (ref d1-2)")
    assert board.broken() == [(Kind.OUT_OF_STEP, "hr K-102")] * 2
    board.makes("Account: Bo Ray", of="d1-2").makes("Laptop: Bo Ray", of="d1-2")
    assert board.broken() == []
    board.made[-1] = replace(board.made[-1], after={"summary": "Laptop: Bo Ray", "description": "(ref d1-1)"})
    assert (Kind.OUT_OF_STEP, "hr K-102") in board.broken()
