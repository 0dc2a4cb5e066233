"""The judge of a departure: one that went well is lawful, and each thing that can go wrong alone is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.clerks import Holding
from gateway.demo.departed import Certified, Departed, departure_violations
from gateway.demo.evidence import Entry, Object, Side
from gateway.demo.records import Record, members_of
from gateway.demo.verdict import Kind
from tests.unit.gateway.demo.world import FakeMapping, FakeRule

NONE = Holding(on=False)
IVY = {
    "snow": Holding(True, frozenset({"group desk", "role approver"}), frozenset({"inc1", "chg1"})),
    "hub": Holding(True, frozenset({"team a"}), frozenset({"7"})),
    "dir": Holding(True, frozenset({"group Team"})),
}
BOB = {
    "snow": Holding(True, frozenset({"group desk", "role approver"}), frozenset({"inc9"})),
    "hub": Holding(True, frozenset({"team a"})),
    "dir": Holding(True, frozenset({"group Team"})),
}
BOB_AFTER = BOB | {
    # What was his may be done by now; what was hers nobody but the departure has touched.
    "snow": replace(BOB["snow"], work=frozenset({"inc1", "chg1"})),
    "hub": replace(BOB["hub"], work=frozenset({"7"})),
}
PROOF = Certified("certificate.json", signed=True, problems=(), fingerprint="ab")
GOOD = Departed(
    "ivy",
    "bob",
    before=IVY,
    after=dict.fromkeys(IVY, NONE),
    had=BOB,
    has=BOB_AFTER,
    gone_after_s={"snow": 9.0, "hub": 3.0, "dir": 2.0},
    deadline_s=120.0,
    down="hub:5s",
    certified=PROOF,
)


def found(departed: Departed | None) -> list[tuple[str, str, Any]]:
    return [(str(each.kind), each.object, each.value) for each in departure_violations(departed)]


def test_one_that_went_well() -> None:
    assert found(GOOD) == []
    assert (GOOD.rights, GOOD.work, GOOD.left) == (4, 3, 0)


@pytest.mark.parametrize(
    ("left", "value"),
    [
        (Holding(on=True), "on"),
        (Holding(False, frozenset({"team a"})), "team a"),
        (Holding(False, frozenset(), frozenset({"7"})), "7"),
    ],
    ids=["the account", "a right", "work"],
)
@pytest.mark.parametrize("name", IVY)
def test_whatever_is_left_or_came_back_is_seen_in_each_system(name: str, left: Holding, value: str) -> None:
    departed = replace(GOOD, after={**GOOD.after, name: left})
    assert found(departed) == [("left_behind", f"{name} ivy", value)]
    assert departed.left == 1


@pytest.mark.parametrize(
    ("lacks", "kind", "value"),
    [
        ({"on": False}, Kind.TAKEN, "off"),
        ({"rights": frozenset({"group desk"})}, Kind.TAKEN, "role approver"),
        ({"rights": BOB["snow"].rights | {"role admin"}}, Kind.INVENTED, "role admin"),
        ({"work": frozenset({"inc1"})}, Kind.TAKEN, "chg1"),
    ],
)
def test_whatever_the_colleague_lacks_or_got_besides_is_seen(lacks: Any, kind: Kind, value: str) -> None:
    departed = replace(GOOD, has={**BOB_AFTER, "snow": replace(BOB_AFTER["snow"], **lacks)})
    assert found(departed) == [(str(kind), "snow bob", value)]


@pytest.mark.parametrize("after_s", [120.1, None])
def test_a_deadline_that_was_missed_is_seen(after_s: float | None) -> None:
    times = {name: each for name, each in GOOD.gone_after_s.items() if name != "hub"}
    departed = replace(GOOD, gone_after_s=times if after_s is None else {**times, "hub": after_s})
    assert found(departed) == [("late", "hub ivy", after_s)]


@pytest.mark.parametrize(
    ("proof", "value"),
    [
        (None, None),
        (replace(PROOF, signed=False), "ab"),
        (replace(PROOF, problems=("jira: account Ivy has not ended (planned)",)), "certificate.json"),
    ],
)
def test_a_certificate_that_proves_nothing_is_seen(proof: Certified | None, value: str | None) -> None:
    assert found(replace(GOOD, certified=proof)) == [("unproved", "certificate", value)]
    assert proof is None or not proof.proves


def test_who_had_nothing_or_never_left_shows_nothing() -> None:
    assert [kind for kind, _, _ in found(None)] == ["unproved"]
    idle = {name: replace(held, work=frozenset()) for name, held in IVY.items()}
    assert found(replace(GOOD, before=idle)) == [("unproved", "ivy", 0)]
    assert ("unproved", "hub ivy", None) in found(replace(GOOD, before={**IVY, "hub": NONE}))
    assert ("unproved", "hub ivy", None) in found(replace(GOOD, after={"snow": NONE, "dir": NONE}))


PERSON = FakeMapping({"summary": FakeRule("text", "title"), "ends": FakeRule("time", "terminationDate")})


@pytest.mark.parametrize(
    ("day", "by_human", "departed"),
    [
        ("1970-01-01", True, True),
        ("1970-01-02", True, False),  # today: not over yet
        ("0000-00-00", True, False),  # as BambooHR says "none"
        ("1970-01-01", False, False),
    ],
)
def test_who_has_left_is_not_kept_in_step_any_more(day: str, by_human: bool, departed: bool) -> None:
    log = (
        Entry(1, 90_000.0, "7", "", True, "cara", "create", after={"title": "clerk ref t-1"}),
        Entry(2, 90_001.0, "7", "", by_human, "cara", "update", after={"terminationDate": day}),
    )
    (member,) = members_of(Side("hr", PERSON, log, (Object("7", "", {"title": "clerk ref t-1"}),)))
    assert Record((member,)).departed is departed
