"""What is told of a person once, twice, otherwise, and not any more."""

from __future__ import annotations

import pytest

from connectors.contract.access import GrantKind
from gateway.config.leaver_guard import Guard
from gateway.config.leavers import Leavers
from gateway.offboarding.blast import floods
from gateway.offboarding.opening import Became, Desk
from gateway.offboarding.returning import back
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import Event, LeaverState, Person
from gateway.work.trail import note
from tests.support.leaving import ANN, DAY, House


async def take_back(home: House, event: Event = Event.LEAVER, person: Person = ANN) -> Became:
    async with home.database.begin() as tx:
        teller = Teller(note, tx, home.clock.now())
        opened = await Desk(teller, home.rules, tuple(home.systems)).take_back(event, person, by="hr")
        await back(teller, opened)
        return opened.became


async def test_told_twice_is_one(home: House) -> None:
    assert (await home.tell(ends_in=DAY)).became is Became.OPENED
    # By another name, from elsewhere: the number says who it is.
    other = Person(employee_number="17", email="a.lee@example.org")
    again = await home.tell(other, ends_in=DAY, source="import")
    assert again.became is Became.KNOWN and again.leaver is not None and again.leaver.number == 1
    assert await home.count() == 1


async def test_another_day_moves_it_and_its_deadlines(home: House) -> None:
    await home.tell(ends_in=DAY)
    before = await home.leaver()
    assert (await home.tell(ends_in=3 * DAY)).became is Became.CORRECTED
    after = await home.leaver()
    assert before.due_at is not None and after.due_at is not None
    assert after.ends_at - before.ends_at == after.due_at - before.due_at == 2 * DAY
    assert (await home.places())["wiki"].due_at == after.due_at and after.version > before.version
    assert "leaver_corrected" in await home.told()


async def test_withdrawn_before_its_time_nothing_happens(home: House) -> None:
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
    await home.tell(ends_in=DAY)
    assert await take_back(home) is Became.WITHDRAWN
    await home.run(3 * DAY)
    assert home.systems["wiki"].sent == [] and (await home.leaver()).state is LeaverState.CANCELLED
    assert await take_back(home) is Became.NOTHING
    # Told once more it is another one, and the first stays what it was.
    assert (await home.tell(ends_in=DAY)).became is Became.OPENED
    assert await home.count() == 2


async def test_withdrawn_while_two_people_are_asked_it_asks_nobody(home: House) -> None:
    home.rules = Leavers(guard=Guard(batch=1))
    for person in (ANN, Person(email="bob@example.com")):
        await home.tell(person, batch="import:1")
    await home.run()
    assert await take_back(home) is Became.WITHDRAWN
    async with home.database.read() as tx:
        (flood,) = await floods.floods(tx)
    assert flood.waits == 1


async def test_withdrawn_after_its_time_is_a_question(home: House) -> None:
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
    await home.tell()
    await home.run()
    assert await take_back(home) is Became.ASKS
    assert await take_back(home) is Became.KNOWN
    leaver = await home.leaver()
    assert leaver.doc.question is not None and leaver.doc.question.kind == "rehired"
    assert "leaver.asks" in await home.cases() and home.systems["wiki"].has("a1") == []


async def test_moved_into_the_future_after_it_began_is_a_question(home: House) -> None:
    await home.tell()
    await home.run()
    assert (await home.tell(ends_in=DAY)).became is Became.ASKS


@pytest.mark.parametrize("begun", [False, True])
async def test_what_is_over_asks_nobody(home: House, begun: bool) -> None:
    event = Event.ABSENCE if begun else Event.LEAVER
    home.systems["wiki"].give("a1", email=ANN.email)
    home.systems["wiki"].give("a2", name="ann", email="ann.other@example.com")
    home.systems["shop"].give("s1", email=ANN.email)
    home.systems["shop"].faults = ["refused"]
    await home.tell(event=event, ends_in=0.0 if begun else DAY)
    await home.run(3600)
    assert await home.cases() == ({"leaver.which", "leaver.failed"} if begun else {"leaver.which"})
    await take_back(home, event)
    assert await home.cases() == set()


async def test_who_was_unclear_and_withdrawn_is_heard_again(home: House) -> None:
    await home.tell(ends_in=DAY)
    other = Person(employee_number="99", email=ANN.email)
    assert (await home.tell(other, ends_in=DAY)).became is Became.ASKS
    assert (await home.tell(other, ends_in=DAY)).became is Became.KNOWN
    assert await take_back(home, person=other) is Became.WITHDRAWN
    told = await home.tell(other, ends_in=2 * DAY)
    assert told.became is Became.ASKS and told.leaver is not None and told.leaver.number == 3


async def test_two_people_with_one_address_are_never_guessed(home: House) -> None:
    await home.tell(ends_in=DAY)
    other = Person(employee_number="99", email=ANN.email)
    told = await home.tell(other, ends_in=2 * DAY)
    assert told.became is Became.ASKS and told.leaver is not None and told.leaver.number == 2
    assert told.leaver.state is LeaverState.ASKS
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
    await home.run(2 * DAY + 60)
    # The first went its way; of the second nothing was even looked for.
    assert (await home.leaver(1)).state is LeaverState.DONE and (await home.leaver(2)).begun_at is None


async def test_now_goes_past_a_date_and_a_hold(home: House) -> None:
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
    await home.tell(ends_in=30 * DAY)
    before = await home.leaver()
    await home.tell(urgent=True)
    leaver = await home.leaver()
    assert leaver.urgent and leaver.ends_at <= home.clock.now() and leaver.due_at is not None
    assert before.due_at is not None and leaver.due_at == before.due_at - 30 * DAY
    await home.run()
    assert home.systems["wiki"].has("a1") == []


async def test_back_from_an_absence_what_is_off_is_somebodys_task(home: House) -> None:
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email=ANN.email)
    await home.tell(event=Event.ABSENCE)
    await home.run()
    assert home.systems["wiki"].has("a1") == ["group:staff"]
    assert await take_back(home, Event.ABSENCE) is Became.RETURNED
    leaver, steps = await home.leaver(), await home.steps()
    assert leaver.state is LeaverState.RETURNED and leaver.due_at is not None
    task = next(each for each in steps.values() if each.kind == "hand")
    assert "on again" in task.doc.instruction
    await home.run(DAY)
    assert home.systems["wiki"].has("a1") == ["group:staff"]


@pytest.mark.parametrize("starts", ["2020-01-01", ""])
async def test_a_closed_departure_told_again_is_known(home: House, starts: str) -> None:
    await home.tell(starts="2020-01-01")
    await home.run(9 * DAY)
    assert (await home.leaver()).state is LeaverState.CLOSED
    assert (await home.tell(starts=starts)).became is Became.KNOWN
    # Another employment of the same person is another departure.
    assert (await home.tell(starts="2026-05-01")).became is Became.OPENED
