"""Dangerous actions wait for another person; whoever asked never agrees to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dead_letter import approvals, four_eyes, store
from dead_letter.approvals import EXPIRES_S, NOBODY, Actor, FourEyes, RequestState
from dead_letter.classify import Cause
from dead_letter.errors import ApprovalNotFound, DecisionRefused, StaleDecision
from dead_letter.values import CaseFilter, CaseState
from gateway.storage.database import Database
from tests.contract.dead_letter.asking import ANN, BOB, EVE, FOUR, look, opened, taken
from tests.support.cases import NOW, Lanes, wish


async def _agree(db: Database, id_: str, by: Actor, lanes: Lanes, *, now: float = NOW + 20) -> object:
    async with db.begin() as tx:
        return await four_eyes.agree(tx, id_, by=by, note="", lanes=lanes, now=now)


async def test_a_dangerous_action_waits_for_another_person(db: Database) -> None:
    (number,) = await opened(db, wish())
    lanes = Lanes()
    asked = await taken(db, number, "discard", eyes=FOUR, lanes=lanes, reason="not needed")
    assert asked.approval and (asked.version, asked.state) == (1, CaseState.OPEN)
    found, history = await look(db, number)
    assert (found.pending, found.version, lanes.asked) == (asked.approval, 1, [])
    assert [step.name for step in history] == ["opened", "asked"]
    again = await taken(db, number, "discard", eyes=FOUR, lanes=lanes, reason="not needed")
    assert (again.approval, again.repeated) == (asked.approval, True)
    await _agree(db, asked.approval, BOB, lanes)
    found, history = await look(db, number)
    assert (found.state, found.pending, lanes.asked) == (CaseState.CLOSED, "", [("discard", number)])
    assert (history[-1].actor, history[-1].approver, history[-1].reason) == ("ann", "bob", "not needed")


async def test_nobody_approves_their_own_request_under_whatever_name(db: Database) -> None:
    (number,) = await opened(db, wish())
    lanes = Lanes()
    asked = await taken(db, number, "discard", eyes=FOUR, lanes=lanes, reason="not needed")
    for by in (ANN, Actor(name="ann's token", person=ANN.person)):
        with pytest.raises(DecisionRefused, match="another person") as error:
            await _agree(db, asked.approval, by, lanes)
        assert error.value.code == four_eyes.OWN
        with pytest.raises(DecisionRefused, match="another person"):
            async with db.begin() as tx:
                await four_eyes.disagree(tx, asked.approval, by=by, note="no", now=NOW)
    assert lanes.asked == []


async def test_the_same_approval_twice_acts_once(db: Database) -> None:
    (number,) = await opened(db, wish())
    lanes = Lanes()
    asked = await taken(db, number, "discard", eyes=FOUR, reason="x")
    answers = await asyncio.gather(*(_agree(db, asked.approval, BOB, lanes) for _ in range(3)))
    assert sorted(each.repeated for each in answers) == [False, True, True]  # type: ignore[attr-defined]
    assert lanes.asked == [("discard", number)]
    with pytest.raises(DecisionRefused, match="approved by bob"):
        await _agree(db, asked.approval, EVE, lanes)


async def test_a_case_that_moved_is_not_decided_on_an_old_look(db: Database) -> None:
    (number,) = await opened(db, wish())
    asked, lanes = await taken(db, number, "discard", eyes=FOUR, reason="x"), Lanes()
    await opened(db, wish(title="jira refuses something else"), now=NOW + 15)
    with pytest.raises(StaleDecision) as error:
        await _agree(db, asked.approval, BOB, lanes)
    assert error.value.moved == ("title changed",) and lanes.asked == []
    await _keep_up(db)
    found, _ = await look(db, number)
    assert found.pending == "" and await _state(db, asked.approval) is RequestState.STALE


async def _keep_up(db: Database, now: float = NOW + 30) -> None:
    async with db.begin() as tx:
        for id_ in await approvals.over(tx, now):
            await approvals.end_over(tx, id_, by=Actor(name="lockstep", person="lockstep"), now=now)


async def _state(db: Database, id_: str) -> RequestState:
    async with db.read() as tx:
        found = await approvals.find(tx, id_)
        assert found is not None
        return found.state


async def test_a_request_runs_out(db: Database) -> None:
    (number,) = await opened(db, wish())
    asked = await taken(db, number, "discard", eyes=FOUR, reason="x")
    late = NOW + 10 + EXPIRES_S
    with pytest.raises(DecisionRefused, match="Nobody answered in time"):
        await _agree(db, asked.approval, BOB, Lanes(), now=late)
    await _keep_up(db, late)
    assert await _state(db, asked.approval) is RequestState.EXPIRED
    assert (await look(db, number))[0].pending == ""


async def test_a_rejected_request_says_why_and_leaves_the_case(db: Database) -> None:
    (number,) = await opened(db, wish())
    asked = await taken(db, number, "discard", eyes=FOUR, reason="x")
    async with db.begin() as tx:
        with pytest.raises(DecisionRefused, match="Say why"):
            await four_eyes.disagree(tx, asked.approval, by=BOB, note=" ", now=NOW)
        await four_eyes.disagree(tx, asked.approval, by=BOB, note="it is needed", now=NOW + 12)
    found, history = await look(db, number)
    assert (found.state, found.version, found.pending) == (CaseState.OPEN, 1, "")
    assert (history[-1].name, history[-1].actor, history[-1].reason) == ("rejected", "bob", "it is needed")
    with pytest.raises(DecisionRefused, match="rejected by bob"):
        await _agree(db, asked.approval, EVE, Lanes())


async def test_only_the_requester_withdraws(db: Database) -> None:
    (number,) = await opened(db, wish())
    asked = await taken(db, number, "discard", eyes=FOUR, reason="x")
    async with db.begin() as tx:
        with pytest.raises(DecisionRefused, match="only they take it back"):
            await four_eyes.withdraw(tx, asked.approval, by=BOB, note="", now=NOW)
        await four_eyes.withdraw(tx, asked.approval, by=ANN, note="a mistake", now=NOW)
    assert await _state(db, asked.approval) is RequestState.WITHDRAWN
    assert (await taken(db, number, "discard", eyes=FOUR, reason="y")).approval != asked.approval


async def test_one_request_at_a_time(db: Database) -> None:
    (number,) = await opened(db, wish())
    await taken(db, number, "discard", eyes=FOUR, reason="x")
    with pytest.raises(DecisionRefused, match="ann asked for discard"):
        await taken(db, number, "correct", BOB, eyes=FOUR, reason="x", field="status", old="a", new="b")


async def test_what_is_not_dangerous_needs_nobody(db: Database) -> None:
    (number,) = await opened(db, wish())
    assert (await taken(db, number, "retry", eyes=FOUR)).approval == ""


async def test_many_are_more_dangerous_than_one(db: Database) -> None:
    (number,) = await opened(db, wish())
    bulk = FourEyes(actions=frozenset({approvals.BULK_DISCARD}), others=1)
    assert (await taken(db, number, "discard", eyes=bulk, alone=False, reason="x")).approval
    (other,) = await opened(db, wish("r2"))
    assert (await taken(db, other, "discard", eyes=bulk, reason="x")).state is CaseState.CLOSED


async def test_an_installation_of_one_says_so(db: Database) -> None:
    (number,) = await opened(db, wish())
    alone = FourEyes(actions=frozenset({"discard"}), others=0)
    done = await taken(db, number, "discard", eyes=alone, reason="x")
    assert (done.approval, done.state, done.note) == ("", CaseState.CLOSED, NOBODY)
    assert (await look(db, number))[1][-1].approver == NOBODY


async def test_a_correction_goes_to_the_lane_when_it_is_agreed(db: Database) -> None:
    (number,) = await opened(db, wish(cause=Cause.VALUE_UNKNOWN))
    lanes = Lanes()
    said: dict[str, Any] = {"field": "status", "old": None, "new": "open", "reason": "typo"}
    asked = await taken(db, number, "correct", eyes=FOUR, lanes=lanes, **said)
    await _agree(db, asked.approval, BOB, lanes)
    assert lanes.asked == [("correct", number, "status", None, "open")]
    found, history = await look(db, number)
    assert (found.state, history[-1].choice) == (CaseState.IN_RUN, 'status: null -> "open"')


async def test_pending_requests_are_found(db: Database) -> None:
    one, two = await opened(db, wish("r1"), wish("r2"))
    asked = await taken(db, two, "discard", eyes=FOUR, reason="x")
    async with db.read() as tx:
        assert [each.id for each, _ in await approvals.waiting(tx, "pending")] == [asked.approval]
        page = await store.list_cases(tx, CaseFilter(pending=True))
        assert [each.number for each in page.cases] == [two]
        page = await store.list_cases(tx, CaseFilter(pending=False))
        assert [each.number for each in page.cases] == [one]
    with pytest.raises(ApprovalNotFound):
        await _agree(db, "ap_none", BOB, Lanes())
