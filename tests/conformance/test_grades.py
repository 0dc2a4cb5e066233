"""Grades follow from what was seen: all five are reached, and whoever lies gets none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from connectors.conformance import departing
from connectors.conformance.grading import Grade, grade
from connectors.conformance.place import Place
from connectors.conformance.report import Report
from connectors.conformance.run import OF_EACH, names
from connectors.conformance.subject import Subject
from connectors.contract.clock import SystemClock
from connectors.contract.values import ObjectSpec
from tests.conformance.broken.leaving import ATimeOutHasWorked
from tests.conformance.broken.writing import SendsAgain
from tests.conformance.desk import Desk
from tests.conformance.running import measured
from tests.conformance.sound import FAX, PAPER, TICKET, Sound
from tests.conformance.staff import ACCESS, Sounder, Staff


def grades(report: Report, *, keyed: bool = False) -> dict[str, Grade]:
    return {each.action: grade(each.action.partition(".")[2], each.trials, keyed=keyed) for each in report.actions}


async def test_a_sound_connector_holds_every_rule() -> None:
    """And every rule applies, so that what the broken ones break is asked of this one, too."""
    report = await measured(Sounder, [TICKET])
    assert report.broken == []
    assert {name: state for name, state in report.rules().items() if state != "held"} == {}
    assert set(report.rules()) >= set(names())
    assert {each.action: each.grade for each in report.actions} == {
        "ticket.create": Grade.BY_MARKER,
        "ticket.update": Grade.BY_TARGET_STATE,
        "ticket.step": Grade.BY_TARGET_STATE,
        "ticket.comment": Grade.BY_MARKER,
        "ticket.delete": Grade.BY_TARGET_STATE,
        "access.role": Grade.BY_TARGET_STATE,
        "access.group": Grade.BY_TARGET_STATE,
        "access.work": Grade.BY_TARGET_STATE,
        "access.account": Grade.BY_TARGET_STATE,
        "access.token": Grade.BY_A_PERSON,
    }


async def test_an_ending_that_is_called_done_because_nobody_answered_is_rejected() -> None:
    """By the trials alone: every rule about whole departures holds for it."""
    subject = Subject(name="desk", factory=ATimeOutHasWorked, fixtures=(TICKET,), access=ACCESS)
    async with Desk(Staff().routes()).serving() as url:
        found = await departing.measured(subject, Place(stand_in=url), SystemClock(), lambda _: True, whole=True)
    assert [each.rule for each in found.held if not each.ok] == []
    grades = {each.action: each.grade for each in found.actions}
    assert {grades[f"access.{kind}"] for kind in ("role", "group", "work", "account")} == {Grade.REJECTED}
    told = {trial.fault for each in found.actions for trial in each.trials if not trial.ok}
    assert "cut_after_send" in told


async def test_a_system_that_knows_keys_or_preconditions_gives_better_grades() -> None:
    report = await measured(Sound, [PAPER], ["write"])
    assert report.broken == []
    assert grades(report, keyed=True) == {"paper.create": Grade.BY_KEY, "paper.update": Grade.BY_PRECONDITION}
    assert grades(report)["paper.create"] is Grade.BY_MARKER, "a key that is not declared is a key that is not used"
    assert {trial.effects for each in report.actions for trial in each.trials if trial.fault == "twice"} == {1}


async def test_what_nothing_can_prove_needs_a_person() -> None:
    report = await measured(Sound, [FAX], ["write"])
    assert report.broken == []
    assert grades(report) == {"fax.create": Grade.BY_A_PERSON}
    unsettled = {trial.fault for each in report.actions for trial in each.trials if not trial.settled}
    assert unsettled >= {"cut_after_commit", "late_commit", "500_before_effect"}


class Unmarked(Sound):
    """Declares that what it creates cannot be found again."""

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        return {name: msgspec.structs.replace(spec, marker=False) for name, spec in super().specs.items()}


async def test_a_key_settles_what_no_look_can() -> None:
    """A lost answer is settled by sending the same again, and only because that was seen to be safe."""
    report = await measured(Unmarked, [replace(PAPER, actions=("create",))], ["write"])
    assert report.broken == []
    assert grades(report, keyed=True) == {"paper.create": Grade.BY_KEY}
    assert "resend" in report.actions[0].proof


async def test_one_lie_rejects_an_action() -> None:
    """It sends again after a lost answer: twice the effect, seen in the edit log."""
    report = await measured(SendsAgain, [replace(TICKET, actions=("create",))], ["write"])
    assert grades(report) == {"ticket.create": Grade.REJECTED}
    assert {trial.effects for each in report.actions for trial in each.trials if not trial.ok} >= {2}


async def test_an_object_like_another_is_asked_what_may_differ() -> None:
    """Few trials, and a connector that sends again by itself is still caught by them."""
    assert set(names()) > OF_EACH
    alike = replace(TICKET, like="ticket", actions=("create", "delete"))
    report = await measured(Sound, [alike])
    assert report.broken == [] and set(report.rules()) <= OF_EACH
    assert {each.action: (each.grade, len(each.trials)) for each in report.actions} == {
        "ticket.create": (Grade.BY_MARKER, 5),
        "ticket.delete": (Grade.BY_TARGET_STATE, 5),
    }
    caught = await measured(SendsAgain, [alike], ["write"])
    assert caught.broken != []
