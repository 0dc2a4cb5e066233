"""Decisions: allowed ones reach the lanes once, stale and forbidden ones never."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dead_letter import store
from dead_letter.actions import Decided, decide
from dead_letter.classify import Cause
from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.values import Case, CaseState, Ending, NewCase, Step
from gateway.storage.database import Database
from tests.support.cases import NOW, Lanes, wish


async def _open(db: Database, new: NewCase) -> str:
    async with db.begin() as tx:
        return (await store.open_cases(tx, [new], now=NOW))[new.key]


async def _decide(db: Database, number: str, action: str, lanes: Lanes, **changes: Any) -> Decided:
    asked: dict[str, Any] = {"actor": "ann", "reason": "", "expected_version": 1, "now": NOW + 10}
    async with db.begin() as tx:
        return await decide(tx, number, action, lanes=lanes, **{**asked, **changes})


async def _look(db: Database, number: str) -> tuple[Case, list[Step]]:
    async with db.read() as tx:
        found = await store.get_case(tx, number)
        assert found is not None
        return found, await store.history(tx, number)


@pytest.mark.parametrize(
    ("cause", "action", "extra", "asked", "state", "ending"),
    [
        (Cause.TARGET_REFUSED, "retry", {}, ("retry",), CaseState.IN_RUN, ""),
        (Cause.TARGET_REFUSED, "discard", {"reason": "not needed"}, ("discard",), CaseState.CLOSED, "discarded"),
        (Cause.OUTCOME_UNKNOWN, "look", {}, ("look",), CaseState.OPEN, ""),
        (
            Cause.OUTCOME_UNKNOWN,
            "declare_applied",
            {"reason": "seen", "proof": "OPS-1 shows it"},
            ("declare", True),
            CaseState.CLOSED,
            "declared_applied",
        ),
        (
            Cause.OUTCOME_UNKNOWN,
            "declare_not_applied",
            {"reason": "asked ops", "proof": "no line in the access log"},
            ("declare", False),
            CaseState.CLOSED,
            "declared_not_applied",
        ),
        (Cause.CONFLICT_MANUAL, "resolve", {"choice": "jira"}, ("resolve", "jira"), CaseState.CLOSED, "resolved"),
        (Cause.SWEEP_MANY_GONE, "accept", {"reason": "archived"}, ("accept",), CaseState.IN_RUN, ""),
        (Cause.CONFLICT_FLAPPING, "retry", {}, ("retry",), CaseState.IN_RUN, ""),
        (Cause.OBJECT_DUPLICATE, "close", {"reason": "merged by hand"}, ("seen_to",), CaseState.CLOSED, "done_by_hand"),
    ],
)
async def test_each_action_does_its_part(
    db: Database,
    cause: Cause,
    action: str,
    extra: dict[str, str],
    asked: tuple[Any, ...],
    state: CaseState,
    ending: str,
) -> None:
    number, lanes = await _open(db, wish(cause=cause)), Lanes()
    answer = await _decide(db, number, action, lanes, **extra)
    assert (answer.action, answer.version, answer.state, answer.repeated) == (action, 2, state, False)
    assert lanes.asked == ([(asked[0], number, *asked[1:])] if asked else [])
    found, history = await _look(db, number)
    assert (found.state, found.version, found.ending) == (state, 2, ending)
    assert (found.closed_at, found.closed_by) == ((NOW + 10, "ann") if ending else (None, ""))
    step = history[-1]
    assert (step.name, step.action, step.actor, step.state, step.version) == ("decided", action, "ann", state, 2)
    assert (step.reason, step.proof, step.choice) == tuple(
        extra.get(name, "") for name in ("reason", "proof", "choice")
    )


async def test_the_same_decision_again_is_answered_and_not_carried_out(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    first = await _decide(db, number, "discard", lanes, reason="not needed")
    again = await _decide(db, number, "discard", lanes, reason="not needed", now=NOW + 20)
    assert again.repeated
    assert (again.number, again.action, again.version, again.state) == (
        first.number,
        first.action,
        first.version,
        first.state,
    )
    assert lanes.asked == [("discard", number)]
    _, history = await _look(db, number)
    assert [step.name for step in history] == ["opened", "decided"]


async def test_a_repetition_is_answered_although_the_case_went_on(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    await _decide(db, number, "retry", lanes)
    async with db.begin() as tx:
        await store.close_cases(tx, [wish().key], decision=Ending.APPLIED, reason="written", now=NOW + 15)
    again = await _decide(db, number, "retry", lanes)
    assert (again.repeated, again.state, again.version) == (True, CaseState.IN_RUN, 2)
    assert lanes.asked == [("retry", number)]


@pytest.mark.parametrize(("action", "actor"), [("retry", "bob"), ("discard", "ann")])
async def test_another_decision_on_the_old_version_is_no_repetition(db: Database, action: str, actor: str) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    await _decide(db, number, "retry", lanes)
    with pytest.raises(StaleDecision) as caught:
        await _decide(db, number, action, lanes, actor=actor, reason="again")
    assert caught.value.moved == ("ann decided retry",)
    assert lanes.asked == [("retry", number)]


async def test_a_stale_decision_is_refused_naming_what_moved(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    await _open(db, wish(cause=Cause.TARGET_MOVING, evidence={"answer": {"status": 403}}))
    with pytest.raises(StaleDecision) as caught:
        await _decide(db, number, "discard", lanes, reason="not needed")
    refusal = caught.value
    assert (refusal.status, refusal.expected, refusal.actual) == (412, 1, 2)
    assert refusal.moved == ("cause, fingerprint, evidence.answer changed",)
    assert "evidence.answer" in str(refusal)
    assert lanes.asked == []
    found, _ = await _look(db, number)
    assert found.state is CaseState.OPEN


async def test_a_version_that_never_was_is_refused(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    with pytest.raises(StaleDecision, match="never had the version"):
        await _decide(db, number, "retry", lanes, expected_version=9)
    assert lanes.asked == []


@pytest.mark.parametrize(
    ("cause", "action", "extra", "code"),
    [
        (Cause.OUTCOME_UNKNOWN, "retry", {}, "action.forbidden"),
        (Cause.OUTCOME_UNKNOWN, "discard", {"reason": "mark failed"}, "action.forbidden"),
        (Cause.OUTCOME_UNKNOWN, "declare_not_applied", {"reason": "I think so"}, "proof.missing"),
        (Cause.OUTCOME_UNKNOWN, "declare_applied", {"proof": "OPS-1"}, "reason.missing"),
        (Cause.TARGET_REFUSED, "discard", {"reason": "  "}, "reason.missing"),
        (Cause.CLOSE_REFUSED, "discard", {"reason": "too much work"}, "action.forbidden"),
        (Cause.CONFLICT_MANUAL, "resolve", {}, "choice.unknown"),
        (Cause.CONFLICT_MANUAL, "resolve", {"choice": "snow"}, "choice.unknown"),
        (Cause.TARGET_REFUSED, "mark_failed", {}, "action.unknown"),
    ],
)
async def test_what_is_not_allowed_changes_nothing(
    db: Database, cause: Cause, action: str, extra: dict[str, str], code: str
) -> None:
    number, lanes = await _open(db, wish(cause=cause)), Lanes()
    with pytest.raises(DecisionRefused) as caught:
        await _decide(db, number, action, lanes, **extra)
    assert (caught.value.code, caught.value.status) == (code, 409)
    assert lanes.asked == []
    found, history = await _look(db, number)
    assert (found.version, found.state, len(history)) == (1, CaseState.OPEN, 1)


async def test_not_applied_waits_for_the_settling_time(db: Database) -> None:
    new = wish(cause=Cause.OUTCOME_UNKNOWN, evidence={"settles_at": NOW + 100})
    number, lanes = await _open(db, new), Lanes()
    said = {"reason": "asked ops", "proof": "no line in the log"}
    with pytest.raises(DecisionRefused, match="may still take effect until 2025-11-21 08:01:40Z"):
        await _decide(db, number, "declare_not_applied", lanes, **said, now=NOW + 99)
    await _decide(db, number, "declare_not_applied", lanes, **said, now=NOW + 100)
    assert lanes.asked == [("declare", number, False)]


async def test_a_closed_case_takes_no_decision(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    await _decide(db, number, "discard", lanes, reason="not needed")
    with pytest.raises(DecisionRefused, match="is closed"):
        await _decide(db, number, "retry", lanes, expected_version=2)


async def test_a_retry_under_way_can_be_given_up_but_not_doubled(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()
    await _decide(db, number, "retry", lanes)
    with pytest.raises(DecisionRefused, match="on its way"):
        await _decide(db, number, "retry", lanes, expected_version=2)
    await _decide(db, number, "discard", lanes, expected_version=2, reason="gave up")
    assert lanes.asked == [("retry", number), ("discard", number)]


@pytest.mark.parametrize("number", ["FO-77", "nonsense", ""])
async def test_an_unknown_number_is_not_found(db: Database, number: str) -> None:
    with pytest.raises(CaseNotFound):
        await _decide(db, number, "retry", Lanes())


async def test_when_the_lanes_refuse_nothing_is_decided(db: Database) -> None:
    class Broken(Lanes):
        async def retry(self, case: Case) -> None:
            raise RuntimeError("the lane moved")

    number = await _open(db, wish())
    with pytest.raises(RuntimeError, match="the lane moved"):
        await _decide(db, number, "retry", Broken())
    found, history = await _look(db, number)
    assert (found.version, found.state, len(history)) == (1, CaseState.OPEN, 1)


@pytest.mark.parametrize(
    ("action", "ending", "names"),
    [("retry", "obsolete", ["opened", "decided", "closed"]), ("discard", "discarded", ["opened", "decided"])],
)
async def test_the_lanes_may_find_the_case_moot_at_once(
    db: Database, action: str, ending: str, names: list[str]
) -> None:
    class Moot(Lanes):
        async def retry(self, case: Case) -> None:
            await store.obsolete(tx, [case.key], reason="nothing is left to send", now=NOW)

        discard = retry

    number = await _open(db, wish())
    async with db.begin() as tx:
        await decide(tx, number, action, actor="ann", reason="try", expected_version=1, lanes=Moot(), now=NOW)
    found, history = await _look(db, number)
    assert (found.state, found.ending) == (CaseState.CLOSED, ending)
    assert [step.name for step in history] == names


async def test_of_two_people_deciding_at_once_one_wins(db: Database) -> None:
    number, lanes = await _open(db, wish()), Lanes()

    async def person(actor: str, action: str) -> Decided | StaleDecision:
        try:
            return await _decide(db, number, action, lanes, actor=actor, reason="my turn")
        except StaleDecision as stale:
            return stale

    answers = await asyncio.gather(person("ann", "retry"), person("bob", "discard"))
    assert sorted(type(answer).__name__ for answer in answers) == ["Decided", "StaleDecision"]
    assert len(lanes.asked) == 1
