"""Issue 6, point 5: a flood of departures stops and asks two people; one urgent leaver is never delayed by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.contract.errors import StorageError
from gateway.config.budget import Window
from gateway.config.leaver_guard import Guard
from gateway.offboarding.blast import admitting, floods
from gateway.offboarding.blast.admitting import Ask, Passage, Verdict
from gateway.offboarding.blast.floods import Decider, Decision, GuardRefused
from gateway.storage.database import Database
from tests.support.tables import make_tables

HOUR = 3600.0
ANN, BOB, EVE = (Decider(name=name, human=f"user:{name}") for name in ("ann", "bob", "eve"))


@dataclass
class Guarded:
    """The guard on a real database; departures begin as a worker would begin them, each in its transaction."""

    database: Database
    guard: Guard = field(default_factory=Guard)
    now: float = 1_000_000.0
    told: list[str] = field(default_factory=list)

    async def note(self, tx: Any, *, at: float, kind: str, actor: str, detail: Mapping[str, Any]) -> str:
        self.told.append(kind)
        return kind

    async def ask(self, number: int, **more: Any) -> Verdict:
        async with self.database.begin() as tx:
            asked = Ask(number=number, name=f"Person {number}", **more)
            return await admitting.admit(tx, self.guard, asked, now=self.now, note=self.note)

    async def begin(self, *numbers: int, **more: Any) -> list[int]:
        """Those that may begin."""
        return [each for each in numbers if (await self.ask(each, **more)).passage is Passage.PASSED]

    async def decide(self, by: Decider, what: str, *numbers: int, flood: int = 1, reason: str = "seen") -> Decision:
        async with self.database.begin() as tx:
            return await floods.decide(tx, flood, what, numbers, by=by, reason=reason, now=self.now, note=self.note)

    async def waiting(self, flood: int = 1) -> list[int]:
        async with self.database.read() as tx:
            return [each.number for each in (await floods.flood(tx, flood)).people if each.state == "waits"]


@pytest.fixture
async def g(embedded_url: str) -> AsyncIterator[Guarded]:
    database = Database(embedded_url)
    await make_tables(database)
    yield Guarded(database)
    await database.close()


async def test_it_counts_and_asks_in_each_database(store_url: str) -> None:
    database = Database(store_url)
    await make_tables(database)
    g = Guarded(database, Guard(across=(Window(HOUR, 1),)))
    assert await g.begin(1, 2, 3) == [1]
    await g.decide(BOB, "allow", 2)
    await g.decide(EVE, "allow")
    assert await g.begin(1, 2, 3) == [1, 2]
    assert await g.waiting() == [3]
    await database.close()


async def test_500_of_one_import_stop_and_one_urgent_leaver_passes(g: Guarded) -> None:
    many = {"batch": "import:HR-2026-11", "of_batch": 500, "caused_by": ("user:ann",)}
    assert await g.begin(*range(1, 501), **many) == []
    assert await g.begin(9000, urgent=True, caused_by=("user:ann",)) == [9000]
    assert len(await g.waiting()) == 500
    assert g.told == ["leaver_guard_stopped"]
    g.now += 30 * 86400
    assert await g.begin(1, 500, **many) == [], "waiting ends with people, not with the window"
    assert await g.begin(9001, 9002) == [9001, 9002], "others are not kept by it"


async def test_many_small_batches_add_up(g: Guarded) -> None:
    begun: list[int] = []
    for cycle in range(30):
        numbers = range(cycle * 5, cycle * 5 + 5)
        begun += await g.begin(*numbers, batch=f"poll:{cycle}", of_batch=5)
        g.now += 1700
    assert len(begun) == 60, "the window of a day, although no hour had more than 20"
    g.now += 86400
    assert await g.begin(5000, batch="poll:99") == [5000]


async def test_a_batch_that_is_told_bit_by_bit_is_one(g: Guarded) -> None:
    g.guard = Guard(across=(Window(HOUR, 1000),), batch=3)
    begun = [each for n in range(1, 7) for each in await g.begin(n, batch="import:HR", of_batch=min(n, 3))]
    assert begun == [1, 2, 3]
    assert await g.begin(7, batch="import:other") == [7]


async def test_nobody_of_a_batch_begins_while_others_of_it_wait(g: Guarded) -> None:
    g.guard = Guard(across=(Window(HOUR, 1),))
    assert await g.begin(1, 2, batch="HR", of_batch=3) == [1]
    g.now += 2 * HOUR
    assert await g.begin(3, batch="HR", of_batch=3) == [] and await g.waiting() == [2, 3]
    assert await g.begin(4, batch="another") == [4]


async def test_a_window_rolls(g: Guarded) -> None:
    g.guard = Guard(across=(Window(HOUR, 2),))
    assert await g.begin(1) == [1]
    g.now += HOUR - 1
    assert await g.begin(2, 3) == [2]
    g.now += 2
    assert await g.begin(4, 5) == [4], "the first is out of the window, the second is not"


async def test_the_same_is_counted_once_and_not_at_all_when_it_is_undone(g: Guarded) -> None:
    g.guard = Guard(across=(Window(HOUR, 2),))
    assert await g.begin(1, 1, 1, 2) == [1, 1, 1, 2]
    g.now += 2 * HOUR

    async def undone() -> None:
        async with g.database.begin() as tx:
            for number in (3, 4):
                asked = Ask(number=number, name="x")
                assert (await admitting.admit(tx, g.guard, asked, now=g.now, note=g.note)).passage is Passage.PASSED
            raise StorageError("the disk is full")

    with pytest.raises(StorageError):
        await undone()
    assert await g.begin(5, 6, 7) == [5, 6]


async def test_systems_have_windows_of_their_own(g: Guarded) -> None:
    g.guard = Guard(system=(Window(HOUR, 3),), systems={"jira": (Window(HOUR, 1),)})
    assert await g.begin(1, 2, connection="jira") == [1]
    assert await g.begin(1, 2, 3, 4, 5, connection="snow") == [1, 3, 4]
    assert await g.waiting() == [2, 5], "who is stopped in one system begins in no other before people decide"


async def test_urgent_ones_have_an_allowance_of_their_own(g: Guarded) -> None:
    g.guard = Guard(across=(Window(HOUR, 1),), urgent=Window(HOUR, 2))
    assert await g.begin(1, 2) == [1]
    assert await g.begin(2, 11, 12, urgent=True) == [2, 11], "one that waited is taken out at once, too"
    assert await g.waiting(flood=2) == [12], "the first was over with it"


async def test_an_urgent_one_that_finds_one_system_full_waits_there_for_people(g: Guarded) -> None:
    one = (Window(HOUR, 1),)
    g.guard = Guard(across=one, system=one, urgent=Window(HOUR, 1))
    assert await g.begin(1, 2) == [1] and await g.begin(2, urgent=True) == [2]
    assert await g.begin(8, connection="jira") == [8] and await g.begin(9, connection="jira", urgent=True) == [9]
    assert (await g.ask(2, connection="jira", urgent=True)).flood == "FL-2" and await g.waiting(flood=2) == [2]
    g.now += 2 * HOUR
    assert await g.begin(2, connection="jira", urgent=True) == [2], "its allowance is looked at again"


async def test_who_is_not_leaving_after_all_waits_for_nobody(g: Guarded) -> None:
    await g.begin(1, 2, batch="HR", of_batch=30)
    for number in (1, 2, 3):
        async with g.database.begin() as tx:
            await admitting.withdraw(tx, number, now=g.now)
        assert await g.waiting() == ([2] if number == 1 else [])
    async with g.database.read() as tx:
        assert await floods.floods(tx) == []


async def test_two_people_let_all_of_them_go(g: Guarded) -> None:
    many = {"batch": "HR", "of_batch": 30, "caused_by": ("user:ann",)}
    await g.begin(*range(30), **many)
    first = await g.decide(BOB, "allow")
    assert (first.done, len(first.numbers), first.left) == (False, 30, 30)
    assert await g.begin(*range(30), **many) == [], "one person is not enough"
    second = await g.decide(EVE, "allow", reason="")
    assert (second.done, second.left) == (True, 0)
    assert await g.begin(*range(30), **many) == list(range(30))
    assert await g.begin(*range(30), connection="jira", **many) == list(range(30)), "in each system, too"
    assert await g.begin(31, 32) == [31, 32], "what people decided about counts in no window"
    assert g.told == ["leaver_guard_stopped", "leaver_guard_asked", "leaver_guard_allowed"]


async def test_part_goes_and_part_never_does(g: Guarded) -> None:
    await g.begin(*range(30), batch="HR", of_batch=30)
    await g.decide(BOB, "allow", 1, 2, 3)
    assert (await g.decide(EVE, "allow", 1, 2)).done is False, "something else than the first asked for"
    assert (await g.decide(BOB, "allow", 2, 1)).numbers == (1, 2)
    assert len(await g.waiting()) == 28
    await g.decide(BOB, "refuse", *range(10, 30))
    await g.decide(EVE, "refuse")
    assert await g.waiting() == [0, *range(3, 10)]
    assert (await g.ask(10)).passage is Passage.REFUSED
    assert (await g.ask(3)).passage is Passage.WAITS
    assert (await g.ask(1)).passage is Passage.PASSED


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(ANN, BOB, floods.CAUSED), (BOB, ANN, floods.CAUSED), (BOB, BOB, floods.OWN)],
)
async def test_nobody_agrees_with_themselves_nor_with_what_they_caused(
    g: Guarded, first: Decider, second: Decider, code: str
) -> None:
    await g.begin(*range(30), batch="HR", of_batch=30, caused_by=("user:ann",))

    async def both() -> None:
        await g.decide(first, "allow")
        await g.decide(renamed(second), "allow")

    with pytest.raises(GuardRefused) as refused:
        await both()
    assert refused.value.code == code
    assert len(await g.waiting()) == 30


def renamed(who: Decider) -> Decider:
    """The same person under another name."""
    return Decider(name=f"{who.name} (again)", human=who.human)


async def test_a_wish_that_nobody_answered_in_time_is_asked_for_again(g: Guarded) -> None:
    await g.begin(*range(30), batch="HR", of_batch=30)
    await g.decide(BOB, "allow")
    g.now += floods.STANDS_S
    assert (await g.decide(EVE, "allow")).done is False
    assert (await g.decide(BOB, "allow")).done is True


@pytest.mark.parametrize(
    ("numbers", "reason", "code"), [((77,), "seen", "guard.unknown"), ((1,), " ", "reason.missing")]
)
async def test_what_is_no_decision_is_refused(g: Guarded, numbers: tuple[int, ...], reason: str, code: str) -> None:
    await g.begin(*range(30), batch="HR", of_batch=30)
    with pytest.raises(GuardRefused) as refused:
        await g.decide(BOB, "allow", *numbers, reason=reason)
    assert refused.value.code == code
