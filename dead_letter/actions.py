"""Which actions a case offers, computed here and enforced here: whoever asks, a page, a command or a script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import approvals, store
from dead_letter.approvals import TWO_EYES, Actor, FourEyes, Wish
from dead_letter.classify import ActionName, rules_of
from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.ports import LanePort
from dead_letter.reasons import reason_of
from dead_letter.values import Case, CaseClass, CaseState, Ending, Step
from dead_letter.wording import describe

_DANGEROUS = frozenset(
    {
        ActionName.DISCARD,
        ActionName.DECLARE_APPLIED,
        ActionName.DECLARE_NOT_APPLIED,
        ActionName.ACCEPT,
        ActionName.CORRECT,
    }
)
_NEEDS_REASON = _DANGEROUS | {ActionName.CLOSE}
_NEEDS_PROOF = frozenset({ActionName.DECLARE_APPLIED, ActionName.DECLARE_NOT_APPLIED})
_ON_ITS_WAY = frozenset({ActionName.RETRY, ActionName.ACCEPT, ActionName.CORRECT})
"""What they ask for is done later, and its outcome ends the case."""
_ENDINGS: Mapping[ActionName, Ending] = {
    ActionName.DISCARD: Ending.DISCARDED,
    ActionName.DECLARE_APPLIED: Ending.DECLARED_APPLIED,
    ActionName.DECLARE_NOT_APPLIED: Ending.DECLARED_NOT_APPLIED,
    ActionName.RESOLVE: Ending.RESOLVED,
    ActionName.CLOSE: Ending.DONE_BY_HAND,
}


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One action of one case, allowed or not."""

    name: ActionName
    allowed: bool
    why_not: str = ""
    """Why it is not allowed and what to do instead; empty when it is."""
    dangerous: bool = False
    """It gives something up or takes a person's word for a fact: ask again before doing it."""
    needs_reason: bool = False
    needs_approval: bool = False
    """A second person has to agree before it is done."""
    needs_proof: bool = False
    """Besides the reason: what was seen (a link, an object's key, a log line) has to be named."""
    choices: tuple[str, ...] = ()
    """One of these has to be chosen, when there are any."""
    recommended: bool = False


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a decision; a repeated decision gets the same one, with `repeated`."""

    number: str
    action: ActionName
    version: int
    state: CaseState
    repeated: bool = False
    approval: str = ""
    """The request that now waits for a second person; empty: it was done."""
    note: str = ""


def sides_of(case: Case) -> tuple[str, ...]:
    """What may win a conflict: the names in evidence `sides`, else the canonical value and the connection's."""
    sides = case.evidence.get("sides")
    return tuple(map(str, sides)) if isinstance(sides, Mapping) and sides else ("canonical", case.connection)


def actions_for(case: Case, *, now: float | None = None, eyes: FourEyes = TWO_EYES) -> list[Action]:
    """Every action, the recommended one first, then the allowed ones. Without `now` settling times do not count."""
    rules = rules_of(case.cls, case.cause)
    actions = []
    for name in ActionName:
        why_not = _hindrance(case, name, now) or rules.forbidden.get(name, "")
        actions.append(
            Action(
                name=name,
                allowed=not why_not,
                why_not=why_not,
                dangerous=name in _DANGEROUS,
                needs_reason=name in _NEEDS_REASON,
                needs_proof=name in _NEEDS_PROOF,
                needs_approval=not why_not and eyes.ask(name, alone=True) and eyes.others > 0,
                choices=sides_of(case) if name is ActionName.RESOLVE and not why_not else (),
                recommended=name is rules.recommended and not why_not,
            )
        )
    return sorted(actions, key=lambda action: (not action.recommended, not action.allowed))


def _hindrance(case: Case, name: ActionName, now: float | None) -> str:
    """What stands against the action at this time, whatever the class allows."""
    if case.state is CaseState.CLOSED:
        return f"{case.number} is closed ({case.ending.replace('_', ' ')}) and stays as it is."
    if case.state is CaseState.IN_RUN and name not in (ActionName.DISCARD, ActionName.CLOSE):
        # It may wait long behind an outage; giving it up must stay possible.
        return "What was decided is on its way. Wait for its outcome, or give it up."
    if name is ActionName.CORRECT and not case.record:
        return rules_of(CaseClass.POISON).forbidden[name]
    settles_at = case.evidence.get("settles_at")
    if name is not ActionName.DECLARE_NOT_APPLIED or now is None or not isinstance(settles_at, int | float):
        return ""
    return (
        "" if now >= settles_at else f"The request may still take effect until {_clock(settles_at)}. Look after that."
    )


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


async def decide(
    tx: AsyncConnection,
    number: str,
    action: str,
    *,
    actor: str,
    reason: str,
    expected_version: int,
    choice: str | None = None,
    value: Any = msgspec.UNSET,
    proof: str = "",
    lanes: LanePort,
    now: float,
) -> Decided:
    """`take`, without a second person: for whoever stands in for an installation of one."""
    wish = Wish(action=action, reason=reason, choice=choice or "", value=value, proof=proof)
    by = Actor(name=actor, person=actor)
    return await take(tx, number, wish, by=by, expected_version=expected_version, lanes=lanes, now=now)


async def take(
    tx: AsyncConnection,
    number: str,
    wish: Wish,
    *,
    by: Actor,
    expected_version: int,
    lanes: LanePort,
    now: float,
    eyes: FourEyes = TWO_EYES,
    alone: bool = True,
    approver: str = "",
) -> Decided:
    """Carries out an action on the case as the decider saw it, all inside `tx`: history, case and lanes change together
    or not at all (so an error has to leave the transaction). The same decision again (same version, action, choice and
    actor) is answered again and does nothing. Where `eyes` ask for a second person it becomes a request instead.
    `approver`: who agreed, for `four_eyes.agree` alone.

    Raises CaseNotFound, StaleDecision (naming what moved) or DecisionRefused (saying why and what to do instead).
    """
    case = await store.lock_case(tx, number)
    if case is None:
        raise CaseNotFound(number)
    if case.version != expected_version:
        return await _repeated(tx, case, wish, by, expected_version)
    offered, code, reason = _offered(case, wish, now)
    second = approver
    if eyes.ask(offered.name, alone=alone) and not approver:
        if eyes.others:
            request, repeated = await approvals.ask(tx, case, wish, by=by, reason=reason, now=now)
            return _answer(case, offered.name, case.version, case.state, approval=request, repeated=repeated)
        second = approvals.NOBODY
    ending = _ENDINGS.get(offered.name)
    state = CaseState.CLOSED if ending else CaseState.IN_RUN if offered.name in _ON_ITS_WAY else case.state
    step = Step(
        at=now,
        name="decided",
        version=case.version + 1,
        state=state,
        actor=by.name,
        action=offered.name,
        choice=wish.chosen,
        reason=reason,
        proof=wish.proof,
        code=code,
        work=case.work,
        approver=second,
    )
    # Recorded first: the gateway may find the case moot in the same transaction, which must not undo the decision.
    await store.record_decision(tx, case, step, ending=ending)
    await _carry_out(case, offered.name, wish, lanes)
    return _answer(case, offered.name, step.version, state, note=second if second == approvals.NOBODY else "")


def _answer(case: Case, action: ActionName, version: int, state: CaseState, **more: Any) -> Decided:
    return Decided(number=case.number, action=action, version=version, state=state, **more)


async def _repeated(tx: AsyncConnection, case: Case, wish: Wish, by: Actor, expected: int) -> Decided:
    moved = [step for step in await store.history(tx, case.number) if step.version > expected and step.name != "worked"]
    first = moved[0] if moved else None
    if (
        first is not None
        and (first.version, first.name) == (expected + 1, "decided")
        and (first.action, first.actor, first.choice) == (wish.action, by.name, wish.chosen)
    ):
        return _answer(case, ActionName(first.action), first.version, first.state, repeated=True)
    raise StaleDecision(case.number, expected=expected, actual=case.version, moved=[describe(step) for step in moved])


def _offered(case: Case, wish: Wish, now: float) -> tuple[Action, str, str]:
    """The action with the code and the text of its reason, if it is possible with what goes with it."""
    action = wish.action
    offered = next((each for each in actions_for(case, now=now) if each.name == action), None)
    if offered is None:
        known = ", ".join(ActionName)
        raise DecisionRefused(case.number, action, f"Known actions: {known}.", code="action.unknown")
    if not offered.allowed:
        raise DecisionRefused(case.number, action, offered.why_not)
    code, reason, wrong = reason_of(case.cls, wish.code, wish.reason)
    if wrong:
        raise DecisionRefused(case.number, action, wrong, code="reason.unknown")
    if offered.needs_reason and not reason:
        raise DecisionRefused(case.number, action, "Give a reason; it stays in the history.", code="reason.missing")
    if offered.needs_proof and not wish.proof.strip():
        what = "Name what shows it: a link, the object's key, a line of the system's log."
        raise DecisionRefused(case.number, action, what, code="proof.missing")
    if offered.choices and not wish.enters and wish.choice not in offered.choices:
        raise DecisionRefused(
            case.number, action, f"Choose one of: {', '.join(offered.choices)}.", code="choice.unknown"
        )
    if offered.name is ActionName.CORRECT and not wish.field:
        raise DecisionRefused(case.number, action, "Name the field to correct.", code="choice.unknown")
    return offered, code, reason


async def _carry_out(case: Case, action: ActionName, wish: Wish, lanes: LanePort) -> None:
    match action:
        case ActionName.RETRY:
            await lanes.retry(case)
        case ActionName.DISCARD:
            await lanes.discard(case)
        case ActionName.LOOK:
            await lanes.look(case)
        case ActionName.DECLARE_APPLIED | ActionName.DECLARE_NOT_APPLIED:
            await lanes.declare(case, action is ActionName.DECLARE_APPLIED)
        case ActionName.RESOLVE if wish.enters:
            await lanes.enter(case, wish.value)
        case ActionName.RESOLVE:
            await lanes.resolve(case, wish.choice)
        case ActionName.CORRECT:
            await lanes.correct(case, wish.field, wish.old, wish.new)
        case ActionName.ACCEPT:
            await lanes.accept(case)
        case ActionName.CLOSE:
            await lanes.seen_to(case)
