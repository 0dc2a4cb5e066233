"""How a system and a departure as a whole stand, from their steps; and which cases are answered by that."""

from __future__ import annotations

from collections.abc import Sequence

from dead_letter.classify import Cause
from gateway.config.leavers import Leavers
from gateway.offboarding import store
from gateway.offboarding.moves import BEGUN, check_at, settled
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import SETTLED, Leaver, LeaverState, Place, Step, StepState, SystemState

PROVED = frozenset({SystemState.DONE, SystemState.NONE, SystemState.OVER})
_LOOKED_FOR = frozenset({SystemState.FIND, SystemState.READ, SystemState.WHICH})


def settle(leaver: Leaver, place: Place, steps: Sequence[Step], rules: Leavers, now: float) -> None:
    """Where a system's steps are over its checks begin; where one opens again it is worked on."""
    left = [each.due_at for each in steps if each.state not in SETTLED]
    place.due_at = min(left, default=place.due_at)
    if leaver.state not in BEGUN:
        return
    if place.state is SystemState.WORK and settled(steps):
        place.state, place.doc.settled_at, place.doc.checks = SystemState.DONE, now, 0
    if place.state is SystemState.HAND and settled(steps):
        place.state, place.doc.settled_at = SystemState.OVER, now
    if place.state in (SystemState.DONE, SystemState.NONE) and check_at(place, rules) is None:
        place.state = SystemState.OVER


async def sum_up(teller: Teller, leaver: Leaver) -> None:
    """Stores the departure as its systems make it, and tells what that ends."""
    places = await store.places_of(teller.tx, [leaver.number])
    steps = await store.steps_of(teller.tx, [leaver.number])
    leaver.privileged = any(each.privileged for each in places) or any(each.privileged for each in steps)
    left = [each.due_at for each in steps if each.state not in SETTLED]
    left += [each.due_at for each in places if each.state in _LOOKED_FOR]
    leaver.due_at = min(left, default=None)
    if leaver.state in BEGUN:
        await _state(teller, leaver, places)
    await store.save(teller.tx, leaver)
    await _answered(teller, leaver, places, steps)


async def _state(teller: Teller, leaver: Leaver, places: Sequence[Place]) -> None:
    done = all(each.state in PROVED for each in places)
    if done and leaver.done_at is None:
        leaver.state, leaver.done_at = LeaverState.DONE, teller.now
        await teller.say(leaver, "leaver_done", "all is proved to be gone, or told to be done by hand")
    elif not done and leaver.done_at is not None:
        leaver.state, leaver.done_at = LeaverState.OPEN, None
        await teller.say(leaver, "leaver_reopened", "something is there again")
    if done and all(each.state is SystemState.OVER for each in places):
        leaver.state, leaver.closed_at = LeaverState.CLOSED, teller.now
        await teller.say(leaver, "leaver_closed", "the last check held")


async def _answered(teller: Teller, leaver: Leaver, places: Sequence[Place], steps: Sequence[Step]) -> None:
    failed = {each.connection for each in steps if each.state is StepState.FAILED}
    for place in places:
        if place.state is not SystemState.WHICH and place.doc.chosen is not None:
            why = "a person chose"
            await teller.answered(leaver, (Cause.LEAVER_WHICH,), why, connection=place.connection)
        if place.connection not in failed and place.state in PROVED:
            why = "it is gone"
            await teller.answered(leaver, (Cause.LEAVER_FAILED,), why, connection=place.connection)
    if leaver.doc.told_due and (leaver.due_at is None or leaver.due_at >= teller.now):
        leaver.doc.told_due = 0.0
        await store.save(teller.tx, leaver)
        await teller.answered(leaver, (Cause.LEAVER_PAST_DUE,), "nothing is past due any more")
