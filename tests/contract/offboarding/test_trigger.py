"""What a person's record says is looked at in the transaction that decided about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from connectors.contract.written.conditions import compile_condition
from gateway.config.leavers import Leavers, LeaverSource
from gateway.offboarding.trigger import Trigger
from gateway.offboarding.values import Event, LeaverState
from gateway.sync.departed import depart
from gateway.sync.identities import Known, identity
from gateway.sync.state import FieldState, FieldVersion, RecordState
from gateway.work.leaver_acts import answer_leaver
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import WATCH
from tests.support.leaving import DAY, House

FIELDS = (
    "name",
    "email",
    "user_name",
    "employee_number",
    "department",
    "title",
    "ends",
    "starts",
    "location",
    "status",
)
SOURCE = LeaverSource(
    flow="people",
    when=None,
    absent=compile_condition("record.status == 'away'", fields=FIELDS),
    moves=("department",),
    fields={name: name for name in FIELDS},
    zone_field="location",
    zones={"Berlin": "Europe/Berlin"},
)
RULES = Leavers(sources={"people": SOURCE}, zone="UTC")
ANN = {"name": "Ann Lee", "email": "ann@example.com", "user_name": "ann", "department": "Sales", "location": "Berlin"}


async def decided(home: House, rules: Leavers = RULES, *, id: str = "r1", left: bool = False, **values: Any) -> None:
    fields = {name: FieldState(FieldVersion(value, 1, "hr")) for name, value in (ANN | values).items()}
    state = RecordState(id=id, flow="people", fields=fields)
    state.tombstoned_at = home.clock.now() if left else None
    trigger = Trigger(rules, tuple(home.systems), note)
    async with home.database.begin() as tx:
        await trigger.decided(tx, [state, RecordState(id="r2", flow="incidents")], home.clock.now())


def day(home: House, ahead: float) -> str:
    return datetime.fromtimestamp(home.clock.now() + ahead, UTC).date().isoformat()


async def test_a_last_day_opens_a_departure_that_ends_with_it_there(home: House) -> None:
    await decided(home)
    assert await home.count() == 0
    await decided(home, ends="2023-11-30")
    leaver = await home.leaver()
    assert leaver.kind is Event.LEAVER and leaver.person == "r1" and leaver.doc.zone == "Europe/Berlin"
    assert datetime.fromtimestamp(leaver.ends_at, UTC).isoformat() == "2023-11-30T23:00:00+00:00"
    await decided(home, ends="2023-11-30", title="Boss")  # told again, with something else that is no news
    assert await home.count() == 1
    await decided(home, ends="2023-12-05")
    assert (await home.leaver()).doc.last_day == "2023-12-05"
    await decided(home)
    assert (await home.leaver()).state is LeaverState.CANCELLED


async def test_a_record_that_has_left_does_not_wait_for_its_last_day(home: House) -> None:
    await decided(home, left=True, ends=day(home, 20 * DAY))
    assert (await home.leaver()).ends_at == home.clock.now()


async def test_nor_does_one_that_leaves_before_the_last_day_that_it_told(home: House) -> None:
    last = day(home, 20 * DAY)
    await decided(home, ends=last)
    home.clock.advance(DAY)
    await decided(home, left=True, ends=last)
    assert (await home.leaver()).ends_at == home.clock.now() and await home.count() == 1


@pytest.mark.parametrize("starts", ["2020-01-01", "2023-12-01"])
async def test_hired_again_after_the_begin_people_are_asked(home: House, starts: str) -> None:
    last = day(home, 0)
    await decided(home, ends=last, starts="2020-01-01")
    home.clock.advance(2 * DAY)
    await home.run()
    assert (await home.leaver()).state is LeaverState.DONE
    await decided(home, left=True, ends=last, starts="2020-01-01")  # the tombstone is our own
    assert (await home.leaver()).doc.question is None
    await decided(home, left=True, starts=starts)
    leaver = await home.leaver()
    assert leaver.doc.question is not None and leaver.doc.question.kind == "rehired"
    # No other departure takes away what they are given by then.
    assert await home.count() == 1


@pytest.mark.parametrize("later", [1 * DAY, 60 * DAY])
@pytest.mark.parametrize("number", ["17", "4711"])
async def test_a_new_record_of_somebody_who_has_left_asks_whether_they_are_back(
    home: House, later: float, number: str
) -> None:
    """HR makes a new one for whoever is hired again; it has its tombstone from birth."""
    await decided(home, ends=day(home, 0), employee_number="17")
    home.clock.advance(2 * DAY)
    await home.run(later)
    known = [identity(Known.EMAIL, ANN["email"])]
    async with home.database.begin() as tx:
        await depart(tx, "r1", [each for each in known if each], case="LV-1", now=home.clock.now())
    for _ in range(2):
        await decided(home, id="r9", left=True, starts="2024-01-08", employee_number=number)
    leaver = await home.leaver()
    assert await home.count() == 1 and "leaver.asks" in await home.cases()
    assert leaver.doc.question is not None and leaver.doc.question.kind == "rehired"
    assert leaver.doc.question.text == "a new record in people says that the person works here: hired again?"
    assert leaver.doc.person.records == ("r1", "r9") and leaver.doc.person.employee_number == "17"


async def test_a_new_record_that_says_itself_that_they_leave_asks_nothing(home: House) -> None:
    await decided(home, ends=day(home, 0))
    home.clock.advance(2 * DAY)
    await home.run()
    known = identity(Known.EMAIL, ANN["email"])
    async with home.database.begin() as tx:
        await depart(tx, "r1", [known] if known else [], case="LV-1", now=home.clock.now())
    await decided(home, id="r9", left=True, ends=day(home, -2 * DAY))
    assert (await home.leaver()).doc.question is None and await home.count() == 1


async def test_who_was_let_in_again_leaves_anew_only_by_what_is_new(home: House, place: Workplace) -> None:
    """HR still says what it said when a person decided: that is no news."""
    last = day(home, 0)
    await decided(home, ends=last)
    home.clock.advance(2 * DAY)
    await home.run()
    await decided(home, left=True, ends=last)
    await answer_leaver(place, WATCH, "LV-1", answer="rehired", reason="a contract was signed")
    await decided(home, ends=last)  # the tombstone was lifted
    assert await home.count() == 1
    await decided(home, ends=day(home, 20 * DAY))
    assert (await home.leaver(2)).state is LeaverState.PLANNED


async def test_a_record_that_was_erased_says_nothing(home: House) -> None:
    await decided(home, ends=day(home, 0))
    home.clock.advance(2 * DAY)
    await home.run()
    erased = RecordState(id="r1", flow="people", tombstoned_at=home.clock.now())
    async with home.database.begin() as tx:
        await Trigger(RULES, tuple(home.systems), note).decided(tx, [erased], home.clock.now())
    assert (await home.leaver()).doc.question is None and await home.count() == 1


async def test_who_left_long_ago_when_first_heard_of_is_history(home: House) -> None:
    await decided(home, left=True, ends=day(home, -400 * DAY))
    assert await home.count() == 0
    await decided(home, left=True, ends=day(home, -399 * DAY))
    assert await home.count() == 1  # but what is told anew counts


async def test_another_department_is_a_move(home: House) -> None:
    await decided(home)
    await decided(home, department="Finance")
    leaver = await home.leaver()
    assert leaver.kind is Event.MOVER
    assert (leaver.doc.before, leaver.doc.after) == ({"department": "Sales"}, {"department": "Finance"})


async def test_away_and_back(home: House) -> None:
    await decided(home)
    await decided(home, status="away")
    assert (await home.leaver()).kind is Event.ABSENCE
    await home.run()
    await decided(home, status="here")
    assert (await home.leaver()).state is LeaverState.RETURNED


async def test_until_the_last_day_has_come_the_person_may_be_away_come_back_and_move(home: House) -> None:
    last = day(home, 20 * DAY)
    await decided(home, ends=last)
    await decided(home, ends=last, status="away")
    assert (await home.leaver(2)).kind is Event.ABSENCE
    await decided(home, ends=last, status="here")
    assert (await home.leaver(2)).state in (LeaverState.RETURNED, LeaverState.CANCELLED)
    await decided(home, ends=last, department="Finance")
    assert (await home.leaver(3)).kind is Event.MOVER
    assert (await home.leaver(1)).state is LeaverState.PLANNED  # which all of this is not about


@pytest.mark.parametrize("after", [{"status": "here"}, {"department": "Former"}, {"status": "here", "department": ""}])
async def test_with_the_last_day_gone_nothing_but_the_departure_counts(home: House, after: dict[str, str]) -> None:
    last = day(home, 0)
    await decided(home, status="away")
    await decided(home, ends=last, status="away")
    home.clock.advance(2 * DAY)
    told: dict[str, Any] = {"ends": last, "status": "away"} | after
    await decided(home, **told)
    assert {each.kind for each in await home.leavers()} == {Event.ABSENCE, Event.LEAVER}
    assert (await home.leaver(1)).state is not LeaverState.RETURNED


async def test_who_moves_and_who_is_away_are_not_counted_with_those_who_leave(home: House) -> None:
    """A department that gets another name keeps no leaver waiting for two people."""
    await decided(home)
    await decided(home, department="Finance")
    await decided(home, department="Finance", status="away")
    await decided(home, department="Finance", status="away", ends=day(home, 20 * DAY))
    assert len({each.batch for each in await home.leavers()}) == 3
    assert "people:leaver:2023-11-" in (await home.leaver(3)).batch


async def test_what_cannot_be_decided_is_a_case_and_decided_later(home: House) -> None:
    when = compile_condition("record.status.startsWith('x')", fields=FIELDS)
    rules = replace(RULES, sources={"people": replace(SOURCE, when=when, absent=None)})
    await decided(home, rules)
    assert await home.cases() == {"condition.undecided"} and await home.count() == 0
    await decided(home, rules, status="x-left")
    assert await home.cases() == set() and await home.count() == 1


async def test_a_decision_that_is_undone_has_told_nothing(home: House) -> None:
    trigger = Trigger(RULES, tuple(home.systems), note)
    fields = {name: FieldState(FieldVersion(value, 1, "hr")) for name, value in (ANN | {"ends": "2023-11-30"}).items()}

    async def undone() -> None:
        async with home.database.begin() as tx:
            await trigger.decided(tx, [RecordState(id="r1", flow="people", fields=fields)], home.clock.now())
            raise IntegrityError("another worker was faster", {}, Exception())

    with pytest.raises(IntegrityError):
        await undone()
    assert await home.count() == 0
    await decided(home, ends="2023-11-30")
    assert await home.count() == 1
