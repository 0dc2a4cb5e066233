"""What counts as moved, what is bolder than planned, and that the digest is over all that a plan would do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from replay.moving import bolder, compared, differences
from replay.planning import approval_needed, digest_of
from replay.values import Action, Diff, Foreseen, Limits, Person, Pins, Plan, PlanState


def item(action: Action = Action.UPDATE, wanted: Any = "High", got: Any = "Medium", **changes: Any) -> Foreseen:
    diffs = (Diff(field="priority", got=got, wanted=wanted, by="snow", at=5.0),)
    base: dict[str, Any] = {"subject": "FO-1", "action": action, "decision": "retry", "object_key": "OPS-1"}
    return Foreseen(**{**base, "diffs": diffs, "version": 1, "revision": 4, **changes})


def plan() -> Plan:
    return Plan(
        id="rp_2",
        selection="rs_2",
        state=PlanState.MAKING,
        digest="",
        at=0.0,
        by=Person(name="ann", human="user:ann"),
        pins=Pins(mappings={"incidents/jira": "jira-issue@3"}, connectors={"jira": "jira 1"}, good_until=9.0),
        limits=Limits(rate=60.0),
        totals={},
        count=1,
        calls=2,
    )


def test_what_would_be_written_otherwise_is_named() -> None:
    (moved,) = differences(item(), item(wanted="Low"))
    assert (moved.item, moved.what, moved.was, moved.now, moved.by) == ("OPS-1", "priority", "High", "Low", "snow")
    (there,) = differences(item(), item(got="Urgent"))
    assert (there.what, there.was, there.now) == ("priority there", "Medium", "Urgent")
    (gone,) = differences(item(), item(Action.GONE, diffs=(), reason="the case is closed (applied)"))
    assert (gone.what, gone.was, gone.now) == ("case", "update", "gone: the case is closed (applied)")
    (more,) = differences(item(), item(diffs=(*item().diffs, Diff(field="labels", wanted=["a"]))))
    assert (more.what, more.was, more.now) == ("labels", None, ["a"])


def test_another_version_that_would_do_the_same_did_not_move() -> None:
    assert not list(differences(item(), item(version=7, revision=99, reason="said otherwise")))


@pytest.mark.parametrize(
    ("was", "now", "is_bolder"),
    [
        (Action.UPDATE, Action.UPDATE, False),
        (Action.UPDATE, Action.PROVE, True),
        (Action.UPDATE, Action.CREATE, True),
        (Action.UPDATE, Action.DELETE, True),
        (Action.UPDATE, Action.TRANSITION, True),
        (Action.CREATE, Action.UPDATE, False),
        (Action.CREATE, Action.PROVE, False),
        (Action.CREATE, Action.DELETE, True),
        (Action.PROVE, Action.UPDATE, False),
        (Action.TRANSITION, Action.UPDATE, False),
    ],
)
def test_what_nobody_looked_at_is_bolder(was: Action, now: Action, is_bolder: bool) -> None:
    assert bolder(item(was), item(now)) is is_bolder


@pytest.mark.parametrize(
    "other",
    [
        item(wanted="Low"),
        item(got="x"),
        item(Action.CREATE),
        item(subject="FO-2"),
        item(decision="look"),
        item(version=2),
        item(revision=5),
    ],
)
def test_the_digest_is_over_everything_it_would_do(other: Foreseen) -> None:
    first = digest_of(plan(), [item()])
    assert first.startswith("sha-256:") and len(first) == len("sha-256:") + 64
    assert digest_of(plan(), [item()]) == first
    assert digest_of(plan(), [other]) != first
    assert digest_of(plan(), [item(), item()]) != first


@pytest.mark.parametrize(
    "changes",
    [{"limits": Limits(rate=61.0)}, {"selection": "rs_3"}, {"pins": Pins(mappings={}, connectors={}, good_until=9.0)}],
)
def test_the_digest_is_over_pins_and_limits(changes: dict[str, Any]) -> None:
    assert digest_of(msgspec.structs.replace(plan(), **changes), []) != digest_of(plan(), [])


def test_two_plans_are_compared_item_by_item() -> None:
    before = {"FO-1": item(), "FO-2": item(subject="FO-2"), "FO-3": item(subject="FO-3")}
    after = {"FO-1": item(), "FO-2": item(subject="FO-2", wanted="Low"), "FO-4": item(subject="FO-4")}
    found = compared(before, after)
    assert found == {"added": ["FO-4"], "dropped": ["FO-3"], "changed": ["FO-2"], "same": ["FO-1"]}


def totals(**counts: int) -> dict[str, int]:
    return {**dict.fromkeys(Action, 0), **counts}


@pytest.mark.parametrize(
    ("counts", "bold", "why"),
    [
        ({"update": 100}, False, ""),
        ({"update": 101}, False, "sends 101"),
        ({"create": 51}, False, "creates 51"),
        ({"delete": 1}, False, "closes 1"),
        ({"blocked": 900, "update": 1}, False, ""),
        ({"update": 1}, True, "bolder"),
        ({"blocked": 1}, True, ""),
    ],
)
def test_when_a_second_person_has_to_look(counts: dict[str, int], bold: bool, why: str) -> None:
    told = approval_needed(Limits(rate=1.0), totals(**counts), bolder=bold)
    assert why in told and bool(told) is bool(why)
