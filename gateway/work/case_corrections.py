"""Who may enter a value that no system holds: a right of its own, narrower than working on cases."""

from __future__ import annotations

from dead_letter.values import CaseSummary
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.work.case_bodies import Body, Correct, Resolve
from gateway.work.case_scope import personal_of, type_of
from gateway.work.workplace import Workplace


def required_of(place: Workplace, who: Principal, case: CaseSummary, said: Body) -> None:
    """Raises NotAllowed if the body enters a value and this person may not enter one there: by `correct`, or by a
    `resolve` with what neither side holds.
    """
    match said:
        case Correct():
            require(place, who, case, said.field)
        case Resolve() if said.enters:
            require(place, who, case, case.field)


def require(place: Workplace, who: Principal, case: CaseSummary, field: str) -> None:
    """Raises NotAllowed. Who may not see a personal value can have no reason to know that it is wrong."""
    who.require(Right.CORRECT, connection=case.connection, type=type_of(place, case))
    if not who.roles & place.config.cases.correct:
        raise NotAllowed(Right.CORRECT, f"a value; cases.correct names {', '.join(sorted(place.config.cases.correct))}")
    if field in personal_of(place, case):
        who.require(Right.SEE_PERSONAL)


def why_not(place: Workplace, who: Principal, case: CaseSummary) -> str:
    """Why this person may correct nothing about the case; empty if they may."""
    try:
        require(place, who, case, "")
    except NotAllowed as error:
        return str(error)
    return ""
