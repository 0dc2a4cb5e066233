"""Back from an absence, or hired again: what was taken away is a person's to give back, and who does it is told."""

from __future__ import annotations

from connectors.contract.access import GrantKind
from gateway.offboarding import store
from gateway.offboarding.blast import admitting
from gateway.offboarding.opening import Became, Opened
from gateway.offboarding.places import by_hand
from gateway.offboarding.telling import GATEWAY, Teller
from gateway.offboarding.values import Leaver, LeaverState, Place, Step, StepDoc, StepState, SystemState

GONE = frozenset({StepState.GONE, StepState.DONE, StepState.DOING, StepState.UNKNOWN})
"""Of these the account is off, or may be in a moment."""
AGAIN_S = 8 * 3600.0
"""How long switching accounts on again may take."""


async def back(teller: Teller, opened: Opened) -> None:
    """Ends an absence whose person is back: nothing more is switched off, and what is off becomes somebody's task."""
    if opened.became is Became.RETURNED and opened.leaver is not None:
        await returned(teller, opened.leaver, "back")


async def returned(teller: Teller, leaver: Leaver, how: str, *, actor: str = GATEWAY) -> None:
    """Nothing more is taken away. What was comes back by people: each account that is off is a task of its own."""
    leaver.state, leaver.closed_at = LeaverState.RETURNED, teller.now
    leaver.version += 1
    steps, places = await store.steps_of(teller.tx, [leaver.number]), await store.places_of(teller.tx, [leaver.number])
    tasks = []
    for place in places:
        mine = [each for each in steps if each.connection == place.connection]
        tasks += await _place_back(teller, leaver, place, mine)
    leaver.due_at = min([each.due_at for each in tasks], default=None)
    await store.save(teller.tx, leaver)
    await admitting.withdraw(teller.tx, leaver.number, now=teller.now)
    await teller.over(leaver, [each.connection for each in places], "the person is back")
    left = f"{len(tasks)} accounts to be switched on again" if tasks else "nothing had been switched off"
    await teller.say(leaver, "leaver_returned", f"{how}; {left}", actor=actor, tasks=len(tasks))


async def _place_back(teller: Teller, leaver: Leaver, place: Place, steps: list[Step]) -> list[Step]:
    off = [each for each in steps if each.kind == GrantKind.ACCOUNT and each.state in GONE]
    left = [each for each in steps if each.state not in GONE]
    for each in left:
        each.state, each.doc.why = StepState.NONE, "the person is back"
    tasks = []
    for each in off:
        doc = StepDoc(owner=place.doc.owner, instruction=f"switch the account {each.name} on again", why="back")
        task = by_hand(
            place.connection, each.account, f"on:{each.id}", each.name, teller.now + AGAIN_S, doc, teller.now
        )
        task.number = leaver.number
        tasks.append(task)
    place.state, place.next_at = SystemState.HAND if tasks else SystemState.OVER, None
    await store.save_steps(teller.tx, [*left, *tasks])
    await store.save_place(teller.tx, place)
    return tasks
