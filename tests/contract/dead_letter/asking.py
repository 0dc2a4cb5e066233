"""Short ways to ask for cases in this folder's tests."""

from __future__ import annotations

from typing import Any

from dead_letter import store, work
from dead_letter.actions import Decided, take
from dead_letter.approvals import TWO_EYES, Actor, FourEyes, Wish
from dead_letter.values import Case, NewCase, Step
from dead_letter.work import Work, Worked, WorkName
from gateway.storage.database import Database
from tests.support.cases import NOW, Lanes

ANN, BOB, EVE = (Actor(name=name, person=f"user:{name}") for name in ("ann", "bob", "eve"))
FOUR = FourEyes(actions=frozenset({"discard", "declare_applied", "correct"}), others=1)


async def opened(db: Database, *new: NewCase, now: float = NOW) -> list[str]:
    """The numbers of these cases."""
    async with db.begin() as tx:
        found = await store.open_cases(tx, new, now=now)
    return [found[each.key] for each in new]


async def look(db: Database, number: str) -> tuple[Case, list[Step]]:
    """The case and its history."""
    async with db.read() as tx:
        found = await store.get_case(tx, number)
        assert found is not None
        return found, await store.history(tx, number)


async def worked(
    db: Database,
    number: str,
    name: str,
    by: Actor = ANN,
    *,
    expected: int | None = None,
    marks: dict[str, str] | None = None,
    now: float = NOW + 10,
    **said: str,
) -> Worked:
    """One step of work."""
    wanted = Work(name=WorkName(name), **said)
    async with db.begin() as tx:
        return await work.do(tx, number, wanted, by=by, expected=expected, marks=marks or {}, now=now)


async def taken(
    db: Database,
    number: str,
    action: str,
    by: Actor = ANN,
    *,
    lanes: Lanes | None = None,
    version: int = 1,
    eyes: FourEyes = TWO_EYES,
    alone: bool = True,
    **said: Any,
) -> Decided:
    """One decision."""
    wish = Wish(action=action, **said)
    async with db.begin() as tx:
        return await take(
            tx,
            number,
            wish,
            by=by,
            expected_version=version,
            lanes=lanes or Lanes(),
            now=NOW + 10,
            eyes=eyes,
            alone=alone,
        )
