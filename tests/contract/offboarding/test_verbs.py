"""What people do about departures: each act needs the right, a reason, and the version that was looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract.access import Grant, GrantKind
from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.audit.tables import audit
from gateway.config.leaver_guard import Guard
from gateway.config.siem import File
from gateway.offboarding.blast.admitting import Ask, admit
from gateway.offboarding.lease import Lost
from gateway.offboarding.values import LeaverState, Person, StepState, SystemState
from gateway.siem.picking import event_of
from gateway.work import (
    audit_trail,
    leaver_guard,
    leaver_planning,
    leaver_proof,
    leaver_telling,
    leavers,
    reports,
)
from gateway.work import leaver_acts as acts
from gateway.work.leaver_telling import LeaverWish
from gateway.work.pages_audit import AuditFilter
from gateway.work.personal import personal_fields
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import (
    ADMIN,
    ANN,
    AUDITOR,
    READER,
    VIEWER,
    WATCH,
    ann,
    refused,
)
from tests.support.feeding import sink_of
from tests.support.leaving import DAY, House


async def test_now_goes_first_and_is_told_to_the_trail(home: House, place: Workplace) -> None:
    told = await leaver_telling.tell_leaver(place, WATCH, ann(home, urgent=True))
    assert told.became == "opened" and told.leaver.urgent
    await home.run()
    assert home.systems["wiki"].has("a1") == []
    async with place.database.read() as tx:
        rows = (await tx.execute(select(audit).order_by(audit.c.at, audit.c.id))).mappings().all()
    kinds = [row["kind"] for row in rows]
    assert kinds[0] == "leaver_opened" and "leaver_gone" in kinds and rows[0]["actor"] == "eve"
    assert all(row["cause"] == "LV-1" for row in rows)


async def test_only_who_may_is_told_who_it_is(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    mine = await leavers.list_leavers(place, WATCH)
    theirs = await leavers.list_leavers(place, VIEWER)
    assert [each.name for each in mine.leavers] == ["ann@example.com"]
    assert [(each.label, each.name, each.said_by) for each in theirs.leavers] == [("LV-1", "", "")]
    shown = await leavers.get_leaver(place, VIEWER, "LV-1")
    assert shown.person == {} and shown.accounts == () and shown.history == ()
    assert {each.kind for each in shown.steps} == {"group", "account", "hand"}
    assert "ann" not in repr(shown)
    for verb in (leavers.list_leavers(place, AUDITOR), leavers.get_leaver(place, AUDITOR, "1")):
        with pytest.raises(NotAllowed):
            await verb


async def test_the_trail_names_nobody_who_leaves_to_whoever_may_not_know(home: House, place: Workplace) -> None:
    """Neither its readers without the right to personal values, nor receivers that are not to have them."""
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    badge = next(each for each in (await leavers.get_leaver(place, WATCH, "1")).steps if each.connection == "badge")
    await acts.done_by_hand(place, WATCH, "1", badge.id, note_text="ann left it at the desk")
    await leaver_proof.certify(place, WATCH, "1")
    await acts.answer_leaver(place, WATCH, "1", answer="rehired", reason="signed anew")
    read = await audit_trail.read_trail(place, READER, AuditFilter(), limit=200)
    kinds = {each.kind for each in read.entries}
    assert kinds > {"leaver_opened", "leaver_step", "leaver_gone", "leaver_by_hand", "leaver_returned"}
    assert [each.kind for each in read.entries if ANN.search(repr(each.detail))] == []
    assert {each.detail["leaver"] for each in read.entries if each.kind == "leaver_gone"} == {"LV-1"}
    whole = await audit_trail.read_trail(place, ADMIN, AuditFilter(what="leaver_gone"))
    assert ANN.search(repr(whole.entries))
    async with place.database.read() as tx:
        rows = [dict(each) for each in (await tx.execute(select(audit))).mappings()]
    personal, target = personal_fields(place), File(Path("x"), 1, 0)
    for row in rows:
        sink = sink_of("soc", target)
        assert not ANN.search(repr(event_of(row, sink, personal, 1, ""))), row["kind"]
    named = [event_of(each, sink_of("soc", target, personal=True), personal, 1, "") for each in rows]
    assert ANN.search(repr(named))


async def test_every_act_needs_the_right_and_a_reason(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home, last_day="2030-01-01"))
    until = home.clock.now() + DAY
    all_of: list[Callable[[Principal, str], Awaitable[Any]]] = [
        lambda who, why: acts.hold_leaver(place, who, "1", until=until, reason=why),
        lambda who, why: acts.release_leaver(place, who, "1", reason=why),
        lambda who, why: acts.cancel_leaver(place, who, "1", reason=why),
        lambda who, why: acts.answer_leaver(place, who, "1", answer="rehired", reason=why),
        lambda who, why: acts.choose_account(place, who, "1", connection="wiki", accounts=(), reason=why),
        lambda who, why: leaver_telling.tell_leaver(place, who, LeaverWish(person="bob", reason=why)),
        lambda who, why: leaver_telling.import_leavers(place, who, [], reason=why),
    ]
    for act in all_of:
        with pytest.raises(NotAllowed):
            await act(VIEWER, "because")
        assert await refused(act(WATCH, "  ")) == "leaver.unfit"
    assert await refused(acts.cancel_leaver(place, WATCH, "1", reason="x", expected=7)) == "leaver.moved"
    assert await refused(acts.cancel_leaver(place, WATCH, "LV-99", reason="x")) == "leaver.not_found"


async def test_a_hold_ends_by_itself(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    until = home.clock.now() + DAY
    held = await acts.hold_leaver(place, WATCH, "LV-1", until=until, reason="legal asks")
    assert held.state == "held" and held.hold_reason == "legal asks"
    await home.run(3600)
    assert home.systems["wiki"].sent == []
    await home.run(DAY)
    assert home.systems["wiki"].has("a1") == [] and (await home.leaver()).hold_until is None
    assert await refused(acts.release_leaver(place, WATCH, "1", reason="x")) == "leaver.refused"


async def test_a_hold_that_comes_last_is_heard(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    worker = home.worker()
    await worker.beginning.once()
    held = await worker.book.claim(1, "wiki")
    assert held is not None
    wiki = home.systems["wiki"]
    held = await worker._find(held, worker.systems["wiki"], wiki)
    held = await worker._read(held, worker.systems["wiki"], wiki, check=False)
    first, step = [each for each in held.steps if each.state is StepState.PLANNED]
    held, _ = await worker.book.start(held, first.id, None)
    with pytest.raises(Lost):  # it has begun already
        await worker.book.start(held, first.id, None)
    await acts.hold_leaver(place, WATCH, "1", until=home.clock.now() + DAY, reason="legal asks")
    with pytest.raises(Lost):
        await worker.book.start(held, step.id, None)


async def test_a_hold_keeps_the_persons_records_too(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.worker().beginning.once()
    await acts.hold_leaver(place, WATCH, "1", until=home.clock.now() + DAY, reason="legal asks")
    await home.run(3600)
    assert home.gone.left == [] and home.systems["wiki"].sent == []
    await home.run(DAY)
    assert home.gone.left == ["LV-1"] and home.systems["wiki"].has("a1") == []


async def test_two_names_of_one_person_are_one_in_a_flood(home: House, place: Workplace) -> None:
    async with home.database.begin() as tx:
        for number in (1, 2):
            await admit(tx, Guard(batch=1), Ask(number=number, name="x", batch="b", of_batch=2), now=1.0, note=note)
    eve, token = (msgspec.structs.replace(WATCH, id=id, name=id, person="p-eve") for id in ("user:eve", "token:7"))
    partly = msgspec.structs.replace(WATCH, connections=frozenset({"wiki"}))
    with pytest.raises(NotAllowed):
        await leaver_guard.decide(place, partly, "FL-1", "allow", reason="x")
    assert (await leaver_guard.decide(place, eve, "FL-1", "allow", reason="looked")).done is False
    assert await refused(leaver_guard.decide(place, token, "FL-1", "allow")) == "approval.own"
    other = msgspec.structs.replace(WATCH, id="user:bob", name="bob", person="p-bob")
    assert (await leaver_guard.decide(place, other, "FL-1", "allow")).done is True


async def test_which_of_two_is_a_persons_to_say(home: House, place: Workplace) -> None:
    home.systems["wiki"].give("a2", (GrantKind.GROUP, "other"), name="ann", email="ann@example.com")
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    shown = await leavers.get_leaver(place, WATCH, "1")
    assert {each.id for each in shown.accounts} == {"a1", "a2"} and shown.leaver.systems[-1].state == "which"
    wrong = acts.choose_account(place, WATCH, "1", connection="wiki", accounts=("a9",), reason="x")
    assert await refused(wrong) == "leaver.unfit"
    await acts.choose_account(place, WATCH, "1", connection="wiki", accounts=("a1",), reason="her desk says so")
    await home.run(60)
    assert home.systems["wiki"].has("a1") == [] and home.systems["wiki"].has("a2") == ["group:other", "account:ann"]
    assert "leaver.which" not in await home.cases()
    await home.run(2 * DAY)  # no check takes the other one for hers
    assert home.systems["wiki"].has("a2") == ["group:other", "account:ann"]


async def test_none_of_them_is_an_answer_for_those_that_were_shown(home: House, place: Workplace) -> None:
    home.systems["wiki"].give("a2", (GrantKind.GROUP, "other"), name="ann", email="ann@example.com")
    await home.tell(Person(name="Ann", email="ann@example.com"), ends_in=DAY)
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email="ann@example.com")
    await home.run(60)
    await acts.choose_account(place, WATCH, "1", connection="wiki", accounts=(), reason="she never had one")
    await home.run(60)
    assert (await home.places())["wiki"].state is SystemState.NONE
    # One that is made for her until her time comes is found when it has come, and not only by a check.
    home.systems["wiki"].give("a3", (GrantKind.GROUP, "late"), email="ann@example.com")
    await home.run(DAY + 60)
    assert home.systems["wiki"].has("a3") == [] and "group:other" in home.systems["wiki"].has("a2")


async def test_what_lies_outside_of_somebodys_scope_is_not_theirs_to_decide(home: House, place: Workplace) -> None:
    home.systems["wiki"].give("a2", (GrantKind.GROUP, "other"), name="ann", email="ann@example.com")
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    shop_only = Principal(
        id="user:sue", name="sue", roles=frozenset({Role.PEOPLE_WATCH}), connections=frozenset({"shop"})
    )
    for accounts in (("a1",), ("a9",), ()):
        chosen = acts.choose_account(place, shop_only, "1", connection="wiki", accounts=accounts, reason="x")
        with pytest.raises(InputError) as told:
            await chosen
        assert told.value.code == "leaver.refused" and "a1" not in str(told.value)
    assert await refused(acts.recheck_leaver(place, shop_only, "1", connection="wiki")) == "leaver.refused"
    before = (await home.places())["wiki"]
    await acts.recheck_leaver(place, shop_only, "1")
    assert (await home.places())["wiki"] == before


async def test_why_somebody_is_held_is_told_to_whoever_may_know_who_it_is(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    until = home.clock.now() + DAY
    await acts.hold_leaver(place, WATCH, "LV-1", until=until, reason="ann sues us")
    (mine,), (theirs,) = [(await leavers.list_leavers(place, who)).leavers for who in (WATCH, VIEWER)]
    assert (mine.hold_reason, theirs.hold_reason) == ("ann sues us", "") and theirs.hold_ends_at == until


async def test_a_recheck_finds_what_came_back_and_tries_what_failed(home: House, place: Workplace) -> None:
    wish = ann(home)
    home.systems["wiki"].faults = ["refused"]
    await leaver_telling.tell_leaver(place, WATCH, wish)
    await home.run(60)
    assert (await home.leaver()).state is LeaverState.OPEN
    await acts.recheck_leaver(place, WATCH, "1")
    await home.run(60)
    assert home.systems["wiki"].has("a1") == [] and "leaver.failed" not in await home.cases()
    home.systems["wiki"].grants["a1"].append(Grant(kind=GrantKind.GROUP, id="staff", name="staff"))
    await acts.recheck_leaver(place, WATCH, "1", connection="wiki")
    await home.run(60)
    assert home.systems["wiki"].has("a1") == [] and "leaver.drift" in await home.cases()


async def test_hired_again_nothing_comes_back_by_itself(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    early = acts.answer_leaver(place, WATCH, "1", answer="rehired", reason="x")
    assert await refused(early) == "leaver.refused"
    await home.run(60)
    assert await refused(acts.cancel_leaver(place, WATCH, "1", reason="x")) == "leaver.refused"
    back = await acts.answer_leaver(place, WATCH, "1", answer="rehired", reason="signed a new contract")
    assert back.state == "returned"
    tasks = [each for each in (await leavers.get_leaver(place, WATCH, "1")).steps if each.state == "by hand"]
    assert [each.connection for each in tasks] == ["wiki"] and home.systems["wiki"].has("a1") == []


async def test_a_file_is_told_row_by_row(home: House, place: Workplace) -> None:
    rows = leaver_telling.wishes_in(
        "person,last_day,zone\nann@example.com,2030-01-31,Europe/Berlin\nbob,nonsense,\ncee,2030-01-31,Nowhere/City\n"
    )
    found = await leaver_telling.import_leavers(place, WATCH, rows, reason="list of January")
    assert [each.became for each in found] == ["opened", "refused", "refused"]
    again = await leaver_telling.import_leavers(place, WATCH, rows, reason="list of January")
    assert again[0].became == "known" and await home.count() == 1
    assert (await home.leaver()).batch.startswith("import:")
    lines = leaver_telling.wishes_in('{"person": "dee"}\n{"person": "eve"}\n')
    assert lines == [{"person": "dee"}, {"person": "eve"}]
    with pytest.raises(InputError, match="no column shoe"):
        leaver_telling.wishes_in("person,shoe\nann,39\n")


async def test_a_plan_writes_and_sends_nothing(home: House, place: Workplace) -> None:
    ann(home)
    found = await leaver_planning.plan_leaver(place, WATCH, home.systems, "ann@example.com")
    steps = [(system.connection, each.kind, each.name) for system in found.systems for each in system.steps]
    assert steps == [("wiki", "group", "staff"), ("wiki", "account", "ann"), ("badge", "hand", "badge")]
    assert await home.count() == 0 and home.systems["wiki"].sent == []
    home.systems["shop"].down = True
    found = await leaver_planning.plan_leaver(place, WATCH, home.systems, "ann@example.com")
    assert "could not be asked" in next(each.why for each in found.systems if each.connection == "shop")


async def test_the_list_shows_past_due_and_privileged_first(home: House, place: Workplace) -> None:
    wish = ann(home)
    await leaver_telling.tell_leaver(place, WATCH, LeaverWish(person="bob", reason="x", last_day="2030-01-01"))
    await leaver_telling.tell_leaver(place, WATCH, wish)
    await home.run(60)
    found = await leavers.list_leavers(place, WATCH)
    assert [each.label for each in found.leavers] == ["LV-2", "LV-1"]  # nobody took the badge of the second
    home.clock.advance(2 * DAY)
    late = await leavers.list_leavers(place, WATCH, leavers.LeaverFilter(past_due=True))
    assert [each.label for each in late.leavers] == ["LV-2"] and late.leavers[0].past_due
    tally = await leavers.leaver_tally(place, VIEWER)
    assert (tally.open, tally.past_due) == (2, 1) and tally.next_due_at
    first = await leavers.list_leavers(place, WATCH, limit=1)
    rest = await leavers.list_leavers(place, WATCH, after=first.next)
    assert [each.label for each in (*first.leavers, *rest.leavers)] == ["LV-2", "LV-1"] and rest.next == 0
    assert (await home.places(2))["badge"].state is SystemState.HAND


async def test_auditors_read_what_had_to_end_and_whether_it_did(place: Workplace, home: House) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    started = home.clock.now()
    await home.run()

    async def read(**who: Any) -> dict[str, Any]:
        pro = Principal(id="user:pro", name="pro", roles=frozenset({Role.AUDITOR}), **who)
        found = await reports.read_report(place, pro, "departures", since=started - DAY, until=started + DAY)
        names = [column.name for column in found.columns]
        (row,) = found.rows
        return {**dict(zip(names, row, strict=True)), "totals": found.totals}

    found = await read()
    assert (found["departure"], found["steps"], found["open"], found["late"]) == ("LV-1", 3, 1, 0)
    home.clock.advance(DAY * 2)
    found = await read()
    assert (found["gone"], found["by_hand"], found["open"], found["late"]) == (2, 0, 1, 1)
    assert "ann" not in str(found), "auditors get numbers; who it is stands where people may see it"
    assert found["totals"]["departures"] == 1
    assert (await read(connections=frozenset({"shop"})))["steps"] == 0
