"""What changed in the last day: one line for what one person did, however many cases it was done to."""

from __future__ import annotations

from dead_letter.store import open_cases
from dead_letter.values import NewCase
from gateway.access.rights import Role
from gateway.work import cases
from gateway.work.pages_audit import TOGETHER_S, lately
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, person
from tests.support.cases import NOW, wish

ANN, BOB, VIEWER = person("ann", Role.OPERATOR), person("bob", Role.OPERATOR), person("vera", Role.VIEWER)


def nowhere(key: str) -> NewCase:
    """A refused write of no record: deciding about it asks no lane."""
    return wish("", key=key, evidence={})


async def opened(place: Workplace, *new: NewCase) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW)
    return [found[each.key] for each in new]


async def test_what_was_done_to_many_is_one_line_of_what_changed_lately(place: Workplace, clock: Clock) -> None:
    numbers = await opened(place, *(nowhere(f"x{n}") for n in range(30)))
    await cases.act(place, BOB, numbers[0], "claim")
    for number in numbers[1:]:
        clock.advance(1)
        await cases.act(place, ANN, number, "discard", {"reason": "test data"}, expected_version=1)
    await cases.act(place, BOB, numbers[0], "discard", {"reason": "test data"}, expected_version=1)
    clock.advance(2 * TOGETHER_S)
    (later,) = await opened(place, nowhere("later"))
    await cases.act(place, ANN, later, "discard", {"reason": "test data"}, expected_version=1)
    told = [(each.text, each.cause) for each in await lately(place, VIEWER)]
    assert told == [
        (f"ann: discard {later}", later),
        (f"bob: discard {numbers[0]}", numbers[0]),
        ("ann: discard, 29 cases", ""),
        (f"bob: claim {numbers[0]}", numbers[0]),
    ]
    assert all(each.detail == {} for each in await lately(place, VIEWER)), "who and what, not the details"
