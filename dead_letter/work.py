"""Who has a case, what it waits for and what is said about it. None of this moves a case's version, so nobody's
decision becomes stale because somebody commented; a counter of its own tells when two people move the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store
from dead_letter.approvals import Actor
from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.links import web_address
from dead_letter.parking import Marks, NotAnEnd, until_of
from dead_letter.reasons import reason_of
from dead_letter.rows import resting_state
from dead_letter.values import Case, CaseState, Step
from dead_letter.wording import describe


class WorkName(StrEnum):
    """What people do with a case besides deciding it."""

    CLAIM = "claim"
    RELEASE = "release"
    DELEGATE = "delegate"
    ASSIGN = "assign"
    ESCALATE = "escalate"
    PARK = "park"
    UNPARK = "unpark"
    COMMENT = "comment"
    LINK = "link"
    UNLINK = "unlink"
    ATTACH = "attach"
    ADD_TASK = "add_task"
    TAKE_TASK = "take_task"
    END_TASK = "end_task"
    DROP_TASK = "drop_task"


MOVES = frozenset(
    {
        WorkName.CLAIM,
        WorkName.RELEASE,
        WorkName.DELEGATE,
        WorkName.ASSIGN,
        WorkName.ESCALATE,
        WorkName.PARK,
        WorkName.UNPARK,
    }
)
"""They change who has it or what it waits for: two of them made on one look are one too many."""


class WorkAction(msgspec.Struct, frozen=True, kw_only=True):
    """One of them for one case and one person, allowed or not."""

    name: WorkName
    allowed: bool
    why_not: str = ""
    needs_reason: bool = False


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """An action with what goes with it."""

    name: WorkName
    to: str = ""
    """Who gets it; the address of a link."""
    until: str = ""
    text: str = ""
    """Why; of a comment, what it says; of a link, its title."""
    code: str = ""


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; the same again is answered again, with `repeated`."""

    number: str
    action: WorkName
    version: int
    work: int
    state: CaseState
    repeated: bool = False


def work_for(case: Case, by: str) -> list[WorkAction]:
    """What this person may do with the case's work now, in the order of `WorkName`."""
    return [
        WorkAction(
            name=name,
            allowed=not (why := _hindrance(case, name, by)),
            why_not=why,
            needs_reason=name is WorkName.ESCALATE or (name is WorkName.ASSIGN and case.owner not in ("", by)),
        )
        for name in WorkName
    ]


def _hindrance(case: Case, name: WorkName, by: str) -> str:
    if case.state is CaseState.CLOSED:
        return f"{case.number} is closed ({case.ending.replace('_', ' ')}) and stays as it is."
    others = f"{case.owner} has it" if case.owner not in ("", by) else ""
    match name:
        case WorkName.CLAIM if others:
            return f"{others}. Ask for it, or assign it to yourself with a reason."
        case WorkName.RELEASE | WorkName.DELEGATE if others:
            return f"{others}. Only who has it gives it away; you can assign it, with a reason."
        case WorkName.RELEASE | WorkName.DELEGATE if not case.owner:
            return "Nobody has it. Claim it, or assign it to somebody."
        case WorkName.PARK if case.state is CaseState.IN_RUN:
            return "What was decided is on its way. Wait for its outcome."
        case WorkName.UNPARK if case.state is not CaseState.PARKED:
            return "It is not parked."
    return ""


async def do(
    tx: AsyncConnection,
    number: str,
    work: Work,
    *,
    by: Actor,
    expected: int | None,
    marks: Marks,
    now: float,
) -> Worked:
    """Does it, and writes the history. `expected`: the work counter that was seen; None: whatever it is.

    Claiming what one has, and the same step again after the same look, is answered as before. Raises CaseNotFound,
    DecisionRefused, StaleDecision where somebody else moved owner or parking since that look.
    """
    case = await store.lock_case(tx, number)
    if case is None:
        raise CaseNotFound(number)
    if expected is not None and expected != case.work and (again := await _again(tx, case, work, by, expected)):
        return again
    if work.name is WorkName.CLAIM and case.owner == by.name and case.state is not CaseState.CLOSED:
        return _worked(case, work.name, case.work, case.state, repeated=True)
    code, text = _allowed(case, work, by)
    values, state, choice = _change(case, work, by, marks, now)
    step = Step(
        at=now,
        name="worked",
        version=case.version,
        state=state,
        actor=by.name,
        action=work.name,
        choice=choice,
        reason=text,
        code=code,
        work=case.work + 1,
    )
    await store.record_step(tx, case, step, values)
    return _worked(case, work.name, step.work, state)


def _worked(case: Case, name: WorkName, work: int, state: CaseState, *, repeated: bool = False) -> Worked:
    return Worked(number=case.number, action=name, version=case.version, work=work, state=state, repeated=repeated)


async def _again(tx: AsyncConnection, case: Case, work: Work, by: Actor, expected: int) -> Worked | None:
    """The answer to a repetition; None where what happened since does not matter to this step."""
    since = [step for step in await store.history(tx, case.number) if step.work > expected and step.name != "changed"]
    first = next(iter(since), None)
    if first is not None and (first.action, first.actor) == (work.name, by.name) and _same(first, work):
        return _worked(case, work.name, first.work, first.state, repeated=True)
    moved = [describe(step) for step in since if step.action in MOVES]
    if work.name in MOVES and moved:
        raise StaleDecision(case.number, expected=expected, actual=case.work, moved=moved)
    return None


def _same(step: Step, work: Work) -> bool:
    said = step.reason == work.text.strip() or not work.text
    return said and (not work.to or step.choice == work.to)


def _allowed(case: Case, work: Work, by: Actor) -> tuple[str, str]:
    """The code and the text of the reason. Raises DecisionRefused."""
    offered = next(each for each in work_for(case, by.name) if each.name is work.name)
    if not offered.allowed:
        raise DecisionRefused(case.number, work.name, offered.why_not)
    if work.name in (WorkName.COMMENT, WorkName.LINK, WorkName.UNLINK):
        if work.name is WorkName.COMMENT and not work.text.strip():
            raise DecisionRefused(case.number, work.name, "Say something.", code="reason.missing")
        return "", work.text.strip()
    code, text, wrong = reason_of(case.cls, work.code, work.text)
    if wrong:
        raise DecisionRefused(case.number, work.name, wrong, code="reason.unknown")
    if offered.needs_reason and not text:
        why = "Give a reason; whoever had it will want to know."
        raise DecisionRefused(case.number, work.name, why, code="reason.missing")
    return (code if work.code else ""), text


def _change(case: Case, work: Work, by: Actor, marks: Marks, now: float) -> tuple[Mapping[str, Any], CaseState, str]:
    """What is stored of the case, its state, and what was chosen."""
    match work.name:
        case WorkName.CLAIM:
            return {"owner": by.name}, _state(case, by.name), ""
        case WorkName.RELEASE:
            return {"owner": ""}, _state(case, ""), ""
        case WorkName.ASSIGN | WorkName.DELEGATE:
            return {"owner": work.to}, _state(case, work.to), work.to
        case WorkName.ESCALATE:
            owner = work.to or case.owner
            return {"owner": owner, "escalated": case.escalated + 1, "ranked_at": 0.0}, _state(case, owner), work.to
        case WorkName.PARK:
            return _parked(case, work, marks, now)
        case WorkName.UNPARK:
            return store.NOT_PARKED, resting_state(case.owner, case.former), ""
        case WorkName.LINK | WorkName.UNLINK:
            return {}, case.state, _address(case, work)
    return {}, case.state, work.to


def _state(case: Case, owner: str) -> CaseState:
    """A parked case stays parked and one on its way stays so, whoever has it."""
    if case.state in (CaseState.PARKED, CaseState.IN_RUN):
        return case.state
    return resting_state(owner, case.former)


def _parked(case: Case, work: Work, marks: Marks, now: float) -> tuple[Mapping[str, Any], CaseState, str]:
    try:
        until = until_of(work.until, case, marks, now)
    except NotAnEnd as error:
        raise DecisionRefused(case.number, work.name, f"{error}.", code="until.unknown") from error
    stored = msgspec.json.encode(until).decode()
    return {"park": stored, "park_at": until.at, "park_count": until.count}, CaseState.PARKED, until.text


def _address(case: Case, work: Work) -> str:
    address = web_address(work.to)
    if not address:
        why = "A link is an address that begins with http:// or https://."
        raise DecisionRefused(case.number, work.name, why, code="link.refused")
    return address


async def note(
    tx: AsyncConnection, number: str, name: WorkName, *, by: Actor, choice: str, text: str, now: float
) -> Worked:
    """A line in the history for what is kept elsewhere (a task, a file). Raises CaseNotFound, DecisionRefused."""
    return await do(tx, number, Work(name=name, to=choice, text=text), by=by, expected=None, marks={}, now=now)
