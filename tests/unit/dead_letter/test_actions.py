"""What a case offers in each state."""

from __future__ import annotations

import pytest

from dead_letter.actions import Action, actions_for, sides_of
from dead_letter.classify import ActionName, Cause
from dead_letter.values import CaseState
from tests.support.cases import NOW, case


def _allowed(actions: list[Action]) -> set[ActionName]:
    return {action.name for action in actions if action.allowed}


@pytest.mark.parametrize("state", [CaseState.OPEN, CaseState.TAKEN, CaseState.PARKED, CaseState.CAME_BACK])
def test_open_states_offer_what_the_class_allows(state: CaseState) -> None:
    actions = actions_for(case(state=state))
    assert _allowed(actions) == {ActionName.RETRY, ActionName.DISCARD, ActionName.CORRECT}
    assert [action.name for action in actions[:2]] == [ActionName.RETRY, ActionName.DISCARD]
    assert [action.name for action in actions if action.recommended] == [ActionName.RETRY]


def test_every_action_is_shown_and_one_that_is_not_allowed_says_why() -> None:
    for cause in Cause:
        for state in CaseState:
            actions = actions_for(case(cause, state=state))
            assert {action.name for action in actions} == set(ActionName)
            assert all(action.allowed == (not action.why_not) for action in actions)


def test_a_closed_case_offers_nothing() -> None:
    closed = case(state=CaseState.CLOSED, closed_at=NOW, ending="done_by_hand")
    actions = actions_for(closed)
    assert _allowed(actions) == set()
    assert actions[0].why_not == "FO-1 is closed (done by hand) and stays as it is."
    assert not any(action.recommended or action.choices for action in actions)


def test_a_retry_under_way_can_only_be_given_up() -> None:
    assert _allowed(actions_for(case(state=CaseState.IN_RUN))) == {ActionName.DISCARD}


def test_what_gives_something_up_is_dangerous_and_wants_words() -> None:
    told = {action.name: action for action in actions_for(case(Cause.OUTCOME_UNKNOWN))}
    assert not told[ActionName.LOOK].dangerous
    assert not told[ActionName.LOOK].needs_reason
    for name in (ActionName.DECLARE_APPLIED, ActionName.DECLARE_NOT_APPLIED):
        assert told[name].dangerous
        assert told[name].needs_reason
        assert told[name].needs_proof
    discard = {action.name: action for action in actions_for(case())}[ActionName.DISCARD]
    assert (discard.dangerous, discard.needs_reason, discard.needs_proof) == (True, True, False)


@pytest.mark.parametrize(("now", "allowed"), [(None, True), (NOW - 1, False), (NOW, True)])
def test_not_applied_counts_only_after_the_settling_time(now: float | None, allowed: bool) -> None:
    unknown = case(Cause.OUTCOME_UNKNOWN, evidence={"settles_at": NOW})
    assert (ActionName.DECLARE_NOT_APPLIED in _allowed(actions_for(unknown, now=now))) is allowed
    # That it was applied may be seen at any time.
    assert ActionName.DECLARE_APPLIED in _allowed(actions_for(unknown, now=now))


@pytest.mark.parametrize(
    ("evidence", "sides"),
    [
        ({"sides": {"snow": "High", "jira": "Low"}}, ("snow", "jira")),
        ({}, ("canonical", "jira")),
        ({"sides": {}}, ("canonical", "jira")),
        ({"sides": '{"snow": ... (cut, 9000 bytes in all)'}, ("canonical", "jira")),
    ],
)
def test_a_conflict_offers_its_sides(evidence: dict[str, object], sides: tuple[str, ...]) -> None:
    conflict = case(Cause.CONFLICT_MANUAL, evidence=evidence)
    assert sides_of(conflict) == sides
    resolve = actions_for(conflict)[0]
    assert (resolve.name, resolve.choices, resolve.recommended) == (ActionName.RESOLVE, sides, True)
