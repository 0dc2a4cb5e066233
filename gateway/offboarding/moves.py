"""What is to be done next about one person in one system. Pure: decides by what is stored, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.contract.access import GrantKind
from gateway.config.leavers import Leavers
from gateway.offboarding.values import (
    HANDED_OVER,
    OVER,
    SETTLED,
    UNDER_WAY,
    Leaver,
    LeaverState,
    Place,
    Step,
    StepState,
    SystemState,
)

LOOKS_S = (0.0, 2.0, 5.0, 15.0, 60.0)
"""When a step that was answered is read back, after it was sent: systems take a while to show what they did."""
MOST_TRIES = 3
"""So often something that is there still is sent again, before people are asked."""
REPLAN_S = 900.0
"""Between two looks at a system that says no to reading."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing now; at `until` again, or when a person has done something."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Find:
    """Ask the system for the person's accounts."""


@dataclass(frozen=True, slots=True)
class Read:
    """Ask it for all that the accounts have, and plan."""


@dataclass(frozen=True, slots=True)
class Send:
    """Take one thing away."""

    step: Step


@dataclass(frozen=True, slots=True)
class Look:
    """Read back what was sent."""


@dataclass(frozen=True, slots=True)
class Check:
    """Look whether all is still gone."""


Job = Rest | Find | Read | Send | Look | Check
BEGUN = frozenset({LeaverState.OPEN, LeaverState.DONE})
READABLE = frozenset({LeaverState.PLANNED, LeaverState.HELD}) | BEGUN
"""What is planned is looked at ahead: nothing is sent, and people see what will happen."""


def next_job(leaver: Leaver, place: Place, steps: Sequence[Step], rules: Leavers, settles_s: float, now: float) -> Job:
    """`settles_s`: so long after a request without an answer "still there" proves nothing."""
    if leaver.state in OVER or leaver.state not in READABLE:
        return Rest()
    match place.state:
        case SystemState.FIND:
            return Find()
        case SystemState.READ:
            return Read()
        case SystemState.WORK:
            return _work(leaver, place, steps, settles_s, now) if leaver.state in BEGUN else Rest()
        case SystemState.DONE | SystemState.NONE:
            return _check(place, rules, now) if leaver.state in BEGUN else Rest()
    return Rest()


def _work(leaver: Leaver, place: Place, steps: Sequence[Step], settles_s: float, now: float) -> Job:
    sendable = [each for each in steps if each.state in (StepState.PLANNED, StepState.WAITING)]
    for step in sendable:
        if may_start(step, steps, now):
            return Send(step)
    if under_way := [each for each in steps if each.state in UNDER_WAY]:
        due = min(look_at(each, settles_s) for each in under_way)
        return Look() if due <= now else Rest(due)
    if sendable:
        return Rest(min(each.due_at for each in sendable))
    return Rest()


def may_start(step: Step, steps: Sequence[Step], now: float) -> bool:
    """Nothing waits for what failed but an account whose work is handed over first, and that only until its time."""
    if step.kind != GrantKind.ACCOUNT or step.due_at <= now:
        return True
    before = [each for each in steps if each.account == step.account and each.place < step.place]
    return all(each.state in SETTLED for each in before if each.kind in HANDED_OVER)


def look_at(step: Step, settles_s: float) -> float:
    """When it is read back next. Without an answer at once, because it may be gone; and once it must have settled."""
    if not step.doc.answered:
        looks = sum(each.at >= step.doc.sent_at for each in step.doc.looks)
        return step.doc.sent_at if looks == 0 else step.doc.sent_at + max(settles_s, LOOKS_S[1] * looks)
    looks = sum(each.at >= step.doc.sent_at for each in step.doc.looks)
    return step.doc.sent_at + LOOKS_S[min(looks, len(LOOKS_S) - 1)]


def proves_nothing_happened(step: Step, at: float, settles_s: float) -> bool:
    """Whether "still there", read at this time, means that the request had no effect."""
    if not step.doc.answered:
        return at >= step.doc.sent_at + settles_s
    return at >= step.doc.sent_at + LOOKS_S[-1]


def _check(place: Place, rules: Leavers, now: float) -> Job:
    due = check_at(place, rules)
    if due is None:
        return Rest()
    return Check() if due <= now else Rest(due)


def check_at(place: Place, rules: Leavers) -> float | None:
    """When it is looked at again. None: the last check was made."""
    if place.doc.checks >= len(rules.checks_s):
        return None
    return place.doc.settled_at + rules.checks_s[place.doc.checks]


def settled(steps: Sequence[Step]) -> bool:
    """Whether nothing is left to do in a system."""
    return all(each.state in SETTLED for each in steps)
