"""What of that which a person has in a system is to end, in which order and until when. Pure; nothing is sent by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from connectors.contract.access import Account, Grant, GrantKind, Holdings
from gateway.config.leavers import Leavers, LeaverSystem, Role
from gateway.core.ids import new_id
from gateway.offboarding.places import by_hand, counted_from
from gateway.offboarding.values import HANDED_OVER, ORDER, Event, Leaver, Step, StepDoc, StepState

KEPT = "it is kept: {why}"


def plan(
    leaver: Leaver,
    rules: Leavers,
    connection: str,
    found: Sequence[tuple[Account, Holdings]],
    ends: Mapping[GrantKind, str],
    now: float,
) -> list[Step]:
    """A step for each grant of these accounts, and for what only people can see to. In their order."""
    system, steps = rules.system(connection), list[Step]()
    begins = counted_from(leaver, now)
    for account, holdings in found:
        steps += [
            _step(leaver, rules, system, connection, account, grant, ends, begins, now, holdings)
            for grant in holdings.grants
            if not grant.through
        ]
        steps += _off(leaver, rules, system, connection, account, holdings, begins, now)
        steps += _unseen(leaver, system, connection, account, holdings, begins, now)
    for each in steps:
        each.number = leaver.number
    return sorted(steps, key=lambda each: (each.place, each.name, each.grant_id))


def _step(
    leaver: Leaver,
    rules: Leavers,
    system: LeaverSystem,
    connection: str,
    account: Account,
    grant: Grant,
    ends: Mapping[GrantKind, str],
    begins: float,
    now: float,
    holdings: Holdings,
) -> Step:
    privileged = grant.privileged or account.privileged
    kept, by_whom = keeps(leaver, rules, connection, grant), ends.get(grant.kind, f"{connection} has no way to end it")
    state = StepState.NONE if kept else StepState.HAND if by_whom else StepState.PLANNED
    return Step(
        id=new_id("ls", at=now),
        number=leaver.number,
        connection=connection,
        account=account.id,
        kind=str(grant.kind),
        grant_id=grant.id,
        name=grant.name,
        state=state,
        privileged=privileged,
        place=place_of(grant.kind, system),
        due_at=begins + system.due.of(privileged=privileged),
        gone_at=None,
        checked_at=None,
        checks=0,
        doc=StepDoc(
            grant=grant,
            why=kept or by_whom,
            instruction=by_whom if not kept else "",
            unseen=holdings.unseen.get(grant.kind, ""),
        ),
    )


def _off(
    leaver: Leaver,
    rules: Leavers,
    system: LeaverSystem,
    connection: str,
    account: Account,
    holdings: Holdings,
    begins: float,
    now: float,
) -> list[Step]:
    """An account that is off already is proved by that; somebody has to be able to read it."""
    on = any(grant.kind is GrantKind.ACCOUNT for grant in holdings.grants)
    unknown = holdings.account is not None and GrantKind.ACCOUNT in holdings.unseen
    if on or unknown or leaver.kind is Event.MOVER:
        return []
    grant = Grant(kind=GrantKind.ACCOUNT, id=account.id, name=account.name)
    step = _step(leaver, rules, system, connection, account, grant, {GrantKind.ACCOUNT: ""}, begins, now, holdings)
    gone = "there is no such account any more" if holdings.account is None else "it was off when it was looked at"
    step.state, step.gone_at, step.doc.why = StepState.GONE, now, gone
    return [step]


def place_of(kind: GrantKind | str, system: LeaverSystem) -> int:
    """Where a kind comes: what is handed over before the account, if the system needs that."""
    place = ORDER[str(kind)] * 10
    return place - 50 if system.hand_over_first and kind in HANDED_OVER else place


def keeps(leaver: Leaver, rules: Leavers, connection: str, grant: Grant) -> str:
    """Why something stays; empty: it ends."""
    if leaver.kind is Event.LEAVER:
        return ""
    if leaver.kind is Event.ABSENCE:
        return "" if grant.kind is GrantKind.ACCOUNT else KEPT.format(why="the person comes back")
    if not any(_names(role, connection, grant) for role in rules.roles):
        return KEPT.format(why="no role names it")
    new = [role for role in rules.roles if fits(role, leaver.doc.after)]
    return KEPT.format(why="the new role has it, too") if any(_names(role, connection, grant) for role in new) else ""


def fits(role: Role, told: Mapping[str, str]) -> bool:
    """Whether somebody of whom this is told has the role."""
    return all(
        any(_matches(told.get(name, ""), pattern) for pattern in patterns) for name, patterns in role.conditions.items()
    )


def _names(role: Role, connection: str, grant: Grant) -> bool:
    return any(
        kind == grant.kind and (_matches(grant.name, pattern) or grant.id == pattern)
        for kind, pattern in role.has.get(connection, ())
    )


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text.strip().casefold(), pattern.strip().casefold())


def _unseen(
    leaver: Leaver,
    system: LeaverSystem,
    connection: str,
    account: Account,
    holdings: Holdings,
    begins: float,
    now: float,
) -> list[Step]:
    """What nobody but a person can see there."""
    if leaver.kind is not Event.LEAVER:
        return []
    return [
        by_hand(
            connection,
            account.id,
            f"unseen:{kind}",
            f"{kind} of {account.name}",
            begins + system.due.of(privileged=account.privileged),
            StepDoc(instruction=f"look for what {account.name} has of the kind {kind}, and end it: {why}", why=why),
            now,
        )
        for kind, why in holdings.unseen.items()
        if kind in system.look_by_hand
    ]


STILL_OPEN = frozenset({StepState.PLANNED, StepState.WAITING, StepState.HAND, StepState.FAILED, StepState.HELD})
ENDED = frozenset({StepState.GONE, StepState.DONE})


def hidden(step: Step, holdings: Holdings) -> str:
    """Why it proves nothing that this account does not have it (any more): of its kind less is shown than when it was
    seen. Empty: it would be shown.
    """
    if step.doc.grant is None or holdings.account is None:
        return ""
    why = holdings.unseen.get(step.doc.grant.kind, "")
    return "" if why == step.doc.unseen else why


def merged(before: Sequence[Step], seen: Sequence[Step], now: float) -> tuple[list[Step], list[Step]]:
    """A plan made anew over one that was begun, and what of it drifted. What is known keeps its state; what is new is
    added; what was open and is not there any more is proved to be gone by that, unless it is `doc.hidden`; what had
    gone and is there opens again.
    """
    fresh = {each.key: each for each in seen if each.state is not StepState.GONE}
    known = {each.key for each in before}
    drifted = []
    for step in before:
        found = fresh.get(step.key)
        if found is None:
            if step.doc.grant is not None and step.state in STILL_OPEN and not step.doc.hidden:
                step.state, step.gone_at, step.doc.why = StepState.GONE, now, "it was gone when it was looked at"
            continue
        if step.state in ENDED and step.doc.grant is not None:
            drifted.append(_again(step, found, now))
        _renewed(step, found)
    accounts = {each.account for each in before if each.kind == GrantKind.ACCOUNT}
    off = {each.key for each in seen if each.state is StepState.GONE and each.account in accounts}
    everything = [*before, *(each for each in seen if each.key not in known | off)]
    return sorted(everything, key=lambda each: (each.place, each.name, each.grant_id)), drifted


def _again(step: Step, found: Step, now: float) -> Step:
    """It is back. What is to be done about it is what the plan of now says."""
    step.state, step.doc.why, step.doc.instruction = found.state, found.doc.why, found.doc.instruction
    step.gone_at, step.checked_at, step.checks = None, None, 0
    step.doc.drifted_at, step.doc.tries, step.doc.looks, step.doc.answered = now, 0, (), False
    step.due_at = max(step.due_at, now)
    return step


def _renewed(step: Step, seen: Step) -> None:
    """It is there still: called as it is now, and decided anew where nothing has begun."""
    if seen.doc.grant is not None:
        step.name, step.doc.grant = seen.name, seen.doc.grant
        step.doc.unseen, step.doc.hidden = seen.doc.unseen, ""
    step.privileged = step.privileged or seen.privileged
    step.due_at = min(step.due_at, seen.due_at) if not step.doc.drifted_at else step.due_at
    if step.state is StepState.NONE and seen.state is not StepState.NONE:
        step.state, step.doc.why, step.doc.instruction = seen.state, seen.doc.why, seen.doc.instruction
