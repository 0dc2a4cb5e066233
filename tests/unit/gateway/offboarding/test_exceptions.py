"""What a certificate has to admit: what stays, what nobody looked at, and what is not decided yet."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.access import Account, Grant, GrantKind, Holdings
from gateway.offboarding.certificate import ENDED
from gateway.offboarding.places import by_hand
from gateway.offboarding.planning import hidden, merged
from gateway.offboarding.proof import exceptions_of, steps_of
from gateway.offboarding.values import Place, Step, StepDoc, StepState, SystemDoc, SystemState

ROLE = Grant(kind=GrantKind.ROLE, id="root", name="root")
WHO = Account(id="a1", name="ann", active=True)


def place(state: SystemState, **doc: Any) -> Place:
    return Place(
        number=1,
        connection="wiki",
        state=state,
        privileged=False,
        due_at=10.0,
        next_at=None,
        owner="",
        lease_until=0.0,
        fence=0,
        tries=0,
        waits="",
        version=0,
        doc=SystemDoc(**doc),
    )


def step(state: StepState, **doc: Any) -> Step:
    made = by_hand("wiki", "a1", "root", "root", 10.0, StepDoc(grant=ROLE, **doc), 1.0)
    made.kind, made.state = str(ROLE.kind), state
    return made


def test_what_stays_is_admitted() -> None:
    stays = step(StepState.NONE, why="it is kept: no role names it")
    told = exceptions_of([place(SystemState.DONE)], [stays], [])
    assert told == ("wiki: role root stays: it is kept: no role names it",)


def test_a_system_that_nobody_was_asked_about_is_admitted() -> None:
    never, looked = place(SystemState.OVER), place(SystemState.OVER, settled_at=5.0)
    assert ["nobody was asked" in each for each in exceptions_of([never], [], [])] == [True]
    assert exceptions_of([looked], [], []) == ()


@pytest.mark.parametrize("state", [SystemState.FIND, SystemState.READ, SystemState.WHICH])
def test_a_system_with_steps_that_is_looked_at_again_is_not_over(state: SystemState) -> None:
    certified = steps_of([place(state)], [step(StepState.GONE)], [], {})
    assert [each.kind for each in certified] == ["role", "system"] and certified[1].state not in ENDED


@pytest.mark.parametrize(
    ("seen", "shown", "proves"),
    [
        ("", {}, True),
        ("", {GrantKind.ROLE: "403"}, False),
        ("", {GrantKind.GROUP: "403"}, True),
        ("2 rows are hidden", {GrantKind.ROLE: "2 rows are hidden"}, True),
        ("2 rows are hidden", {GrantKind.ROLE: "3 rows are hidden"}, False),
        ("2 rows are hidden", {}, True),
    ],
)
def test_absence_proves_something_where_as_much_is_shown_as_before(
    seen: str, shown: dict[GrantKind, str], proves: bool
) -> None:
    one = step(StepState.PLANNED, unseen=seen)
    one.doc.hidden = hidden(one, Holdings(account=WHO, grants=(), unseen=shown))
    assert bool(one.doc.hidden) is not proves
    ((after,), _) = merged([one], [], 7.0)
    assert (after.state is StepState.GONE) is proves
    # Without the account there is nothing that it could have.
    assert hidden(one, Holdings(account=None, grants=(), unseen=shown)) == ""
